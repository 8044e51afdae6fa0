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

-- Codes of other tables, on their way in.  A character(n) has blanks at its end, which
-- mean nothing there.
CREATE CAST (varchar AS iom_node) WITH FUNCTION iom_node(text) AS ASSIGNMENT;
COMMENT ON CAST (varchar AS iom_node) IS 'the node with this code; errors as on input';

CREATE FUNCTION iom_node(character) RETURNS iom_node
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN iom_node($1::text);
COMMENT ON FUNCTION iom_node(character) IS 'the node with this code, blanks at its end apart; errors as on input';

CREATE CAST (character AS iom_node) WITH FUNCTION iom_node(character) AS ASSIGNMENT;
COMMENT ON CAST (character AS iom_node) IS 'the node with this code, blanks at its end apart; errors as on input';

-- All aggregates are immutable to CREATE AGGREGATE.  This one reads the hierarchy:
-- postgres_fdw would have it computed from that of another server.
UPDATE pg_catalog.pg_proc SET provolatile = 's'
WHERE oid OPERATOR(pg_catalog.=) 'iom_common_supervisor(iom_node)'::pg_catalog.regprocedure;

-- Who may read the tables may save them with pg_dump.
GRANT SELECT ON SEQUENCE iom_history_id_seq TO PUBLIC;

-- Totals of totals.  The state is of the type that comes and goes, as whoever
-- combines partial aggregates of several servers wants it.

CREATE FUNCTION iom_totals_add(iom_totals, iom_totals) RETURNS iom_totals
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_totals_add(iom_totals, iom_totals) IS 'the totals of all that both are totals of; an error where one is of integers, numerics or counts only and the other is not';

CREATE FUNCTION iom_totals_add(iom_float_totals, iom_float_totals) RETURNS iom_float_totals
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iom_totals_add(iom_float_totals, iom_float_totals) IS 'the totals of all that both are totals of';

CREATE AGGREGATE iom_rollup(totals iom_totals) (
  SFUNC = iom_totals_add, STYPE = iom_totals, SSPACE = 1024,
  COMBINEFUNC = iom_totals_add, PARALLEL = SAFE
);
COMMENT ON AGGREGATE iom_rollup(iom_totals) IS 'the totals of all that totals are of, those of several servers or months; null ones are passed over; an error where some are of integers, numerics or counts only and others are not';

CREATE AGGREGATE iom_rollup(totals iom_float_totals) (
  SFUNC = iom_totals_add, STYPE = iom_float_totals, SSPACE = 1024,
  COMBINEFUNC = iom_totals_add, PARALLEL = SAFE
);
COMMENT ON AGGREGATE iom_rollup(iom_float_totals) IS 'the totals of all that totals are of, those of several servers or months; null ones are passed over';

CREATE FUNCTION iom_version() RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT e.extversion FROM pg_extension e WHERE e.extname = 'iomorg';
END;
COMMENT ON FUNCTION iom_version() IS 'the version of extension iomorg that this database has; ALTER EXTENSION iomorg UPDATE brings the one that is installed on the server';
