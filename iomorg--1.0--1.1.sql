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

-- (What takes any type is called by its schema: in a schema where others may create
-- something, a closer fit of theirs would be chosen for good.)

-- iom_rank wants a chart of everything.  A few lines of a large organisation are
-- sorted by what decides of their nodes' ranks, which indexes tell: position and code
-- of each node on the way down.  Which of the two it is must not change in between.

CREATE FUNCTION iom_chart_pays(lines bigint, as_of date) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION iom_chart_pays(bigint, date) IS 'whether iom_rank() is the cheaper way to sort so many lines by their nodes, or iom_chart_order()';

CREATE FUNCTION iom_chart_order(node iom_node, as_of date) RETURNS bigint[]
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT pg_catalog.array_agg(k.key ORDER BY w.above DESC, k.place)
  FROM (
    SELECT $1 AS node, 0::bigint AS above
    UNION ALL
    SELECT s.node, s.above FROM iom_supervisors($1, $2) WITH ORDINALITY AS s (node, above)
  ) w
  JOIN iom_unit u ON u.node = w.node AND u.valid OPERATOR(pg_catalog.@>) iom_as_of($2)
  CROSS JOIN LATERAL (VALUES (1, u.position::bigint), (2, u.node::bigint)) k (place, key);
END;
COMMENT ON FUNCTION iom_chart_order(iom_node, date) IS 'what sorts like iom_rank() and asks for no chart of everything: position and code of each node from the root down; null for an unknown node';

CREATE FUNCTION iom_chart_reports(node iom_node, relation text, as_of date) RETURNS SETOF iom_node
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
  WITH found AS MATERIALIZED (
    SELECT DISTINCT l.node	-- more than one may say the same
    FROM iom_line l
    WHERE l.supervisor = $1 AND l.relation = $2 AND l.valid OPERATOR(pg_catalog.@>) iom_as_of($3)
  ), way AS MATERIALIZED (
    SELECT iom_chart_pays((SELECT count(*) FROM found), $3) AS by_rank
  )
  SELECT f.node
  FROM found f CROSS JOIN way w
  ORDER BY CASE WHEN w.by_rank THEN iom_rank(f.node, $3) END,
    CASE WHEN NOT w.by_rank THEN iom_chart_order(f.node, $3) END;
END;
COMMENT ON FUNCTION iom_chart_reports(iom_node, text, date) IS 'what iom_reports with a relation selects from';

CREATE OR REPLACE FUNCTION iom_reports(INOUT node iom_node, relation text DEFAULT NULL, as_of date DEFAULT NULL) RETURNS SETOF iom_node
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 10
SUPPORT iom_reports_support
BEGIN ATOMIC
  SELECT iom_chart_reports($1, $3) WHERE $2 IS NULL
  UNION ALL
  SELECT iom_chart_reports($1, $2, $3) WHERE $2 IS NOT NULL;
END;

CREATE OR REPLACE FUNCTION iom_relations(
  INOUT node iom_node DEFAULT NULL, OUT supervisor iom_node,
  INOUT relation text DEFAULT NULL, OUT line text, OUT valid daterange, OUT basis text,
  as_of date DEFAULT NULL
) RETURNS SETOF record
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
  WITH way AS MATERIALIZED (
    SELECT $1 IS NULL OR iom_chart_pays((
      SELECT count(*) FROM (SELECT FROM iom_line t WHERE t.node = $1 OR t.supervisor = $1 LIMIT 1000) f), $3) AS by_rank
  )
  SELECT l.node, l.supervisor, l.relation, l.line, l.valid, l.basis
  FROM iom_line l CROSS JOIN way w
  WHERE ($1 IS NULL OR l.node = $1 OR l.supervisor = $1)
    AND ($2 IS NULL OR l.relation = $2)
    AND l.valid OPERATOR(pg_catalog.@>) iom_as_of($3)
  ORDER BY CASE WHEN w.by_rank THEN iom_rank(l.node, $3) END,
    CASE WHEN NOT w.by_rank THEN iom_chart_order(l.node, $3) END,
    l.line DESC, l.relation,
    CASE WHEN w.by_rank THEN iom_rank(l.supervisor, $3) END,
    CASE WHEN NOT w.by_rank THEN iom_chart_order(l.supervisor, $3) END;
END;

COMMENT ON FUNCTION iom_totals_in(cstring) IS 'input: the binary form as bytea; an error if that is malformed';
COMMENT ON FUNCTION iom_float_totals_in(cstring) IS 'input: the binary form as bytea; an error if that is malformed';

CREATE FUNCTION iom_version() RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT e.extversion FROM pg_extension e WHERE e.extname = 'iomorg';
END;
COMMENT ON FUNCTION iom_version() IS 'the version of extension iomorg that this database has; ALTER EXTENSION iomorg UPDATE brings the one that is installed on the server';
