/* iomorg--1.0--1.1.sql */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION iomorg UPDATE TO '1.1'" to load this file. \quit

-- Who may read the tables may save them with pg_dump.
GRANT SELECT ON SEQUENCE iom_history_id_seq TO PUBLIC;

CREATE FUNCTION iom_version() RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT e.extversion FROM pg_extension e WHERE e.extname = 'iomorg';
END;
COMMENT ON FUNCTION iom_version() IS 'the version of extension iomorg that this database has; ALTER EXTENSION iomorg UPDATE brings the one that is installed on the server';
