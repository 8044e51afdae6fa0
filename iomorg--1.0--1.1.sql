/* iomorg--1.0--1.1.sql */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION iomorg UPDATE TO '1.1'" to load this file. \quit

-- Servers from 18 on can skip over a leading column of this type.  (A database that
-- pg_upgrade takes there after this has not what is made here.)
DO $$
BEGIN
  IF pg_catalog.current_setting('server_version_num')::int OPERATOR(pg_catalog.>=) 180000 AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_amproc p JOIN pg_catalog.pg_opfamily f ON f.oid OPERATOR(pg_catalog.=) p.amprocfamily
      WHERE f.opfname OPERATOR(pg_catalog.=) 'iom_node_ops' AND p.amprocnum OPERATOR(pg_catalog.=) 6::int2) THEN
    CREATE FUNCTION iom_node_skipsupport(internal) RETURNS void
    AS '$libdir/iomorg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
    COMMENT ON FUNCTION iom_node_skipsupport(internal) IS 'btree skip support';
    ALTER OPERATOR FAMILY iom_node_ops USING btree
    ADD FUNCTION 6 (iom_node, iom_node) iom_node_skipsupport(internal);
  END IF;
END
$$;

-- Who may read the tables may save them with pg_dump.
GRANT SELECT ON SEQUENCE iom_history_id_seq TO PUBLIC;

CREATE FUNCTION iom_version() RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT e.extversion FROM pg_extension e WHERE e.extname = 'iomorg';
END;
COMMENT ON FUNCTION iom_version() IS 'the version of extension iomorg that this database has; ALTER EXTENSION iomorg UPDATE brings the one that is installed on the server';
