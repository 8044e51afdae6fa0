--
-- Functions that return sets of nodes
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- As anybody
CREATE ROLE regress_reader;
SET ROLE regress_reader;

-- The column is called node, the order is that of the chart
SELECT * FROM iom_subtree('OSS');
SELECT node, iom_level(node) FROM iom_reports('DG');
SELECT s.node, u.name FROM iom_supervisors('OSS-MAC') WITH ORDINALITY s (node, step) JOIN iom_unit u USING (node) ORDER BY step;
SELECT node FROM iom_peers('OSS-MAC');
SELECT node FROM iom_roots();

-- All of them for every node: ordered by their place in the result
CREATE FUNCTION pg_temp.list(query text, node iom_node DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  list text;
BEGIN
  EXECUTE 'SELECT string_agg(node::text, '' '') FROM ' || query INTO list USING node;
  RETURN list;
END $$;
SELECT node, pg_temp.list('iom_subtree($1)', node) AS subtree FROM iom_org WHERE NOT is_leaf ORDER BY rank;
SELECT node, pg_temp.list('iom_reports($1)', node) AS reports FROM iom_org WHERE NOT is_leaf ORDER BY rank;
SELECT node, pg_temp.list('iom_supervisors($1)', node) AS supervisors, pg_temp.list('iom_peers($1)', node) AS peers
FROM iom_org WHERE level > 1 ORDER BY rank;

-- Roots have no supervisors and no peers; unknown nodes and nulls nothing
SELECT q, pg_temp.list(q) IS NULL AS empty
FROM unnest(ARRAY['iom_supervisors(''DG'')', 'iom_peers(''DG'')', 'iom_peers(''COUNCIL'')', 'iom_reports(''DOE'')',
  'iom_subtree(''NOBODY'')', 'iom_reports(''NOBODY'')', 'iom_supervisors(''NOBODY'')', 'iom_peers(''NOBODY'')',
  'iom_reports(''NOBODY'', ''oversees'')',
  'iom_subtree(NULL)', 'iom_reports(NULL)', 'iom_supervisors(NULL)', 'iom_peers(NULL)', 'iom_reports(NULL, ''oversees'')']) q;

-- Down to a depth: 0 is the node itself; null is all; nothing is above it
SELECT d AS max_depth, (SELECT count(*) FROM iom_subtree('DG', d)) AS nodes
FROM unnest(ARRAY[-2147483648, -1, 0, 1, 2, 3, 4, 2147483646, 2147483647, NULL]) d;
SELECT pg_temp.list('iom_subtree(''COS'', 1)'), pg_temp.list('iom_subtree(''COS'', max_depth => 2147483647)'),
  pg_temp.list('iom_subtree(max_depth => 0, node => ''COS'')');
-- for every node and depth, against the level
SELECT count(*) AS compared,
  count(*) FILTER (WHERE (SELECT count(*) FROM iom_subtree(u.node, d)) <>
    (SELECT count(*) FROM iom_unit v WHERE v.node <@ u.node AND iom_level(v.node) - iom_level(u.node) <= d)) AS different
FROM iom_unit u, generate_series(-1, 5) d;

-- By relation: who is supervised, who is overseen; solid or dotted
SELECT pg_temp.list('iom_reports(''DDGMR'')') AS "all",
  pg_temp.list('iom_reports(''DDGMR'', ''supervises'')') AS supervised,
  pg_temp.list('iom_reports(''DDGMR'', relation => ''oversees'')') AS overseen,
  pg_temp.list('iom_reports(''DG'', relation => ''appoints'')') AS appointed,
  pg_temp.list('iom_reports(''DDGMR'', ''assists'')') AS assisting,
  pg_temp.list('iom_reports(''DDGMR'', NULL)') = pg_temp.list('iom_reports(''DDGMR'')') AS null_is_all,
  pg_temp.list('iom_reports(''DDGMR'', '''')') IS NULL AS empty_is_none,
  pg_temp.list('iom_reports(''DDGMR'', ''OVERSEES'')') IS NULL AS case_matters \gx
SELECT count(*) AS compared, count(*) FILTER (WHERE
  (SELECT array_agg(r.node) FROM iom_reports(u.node, relation) r) IS DISTINCT FROM
  (SELECT array_agg(l.node ORDER BY iom_rank(l.node)) FROM iom_line l WHERE l.supervisor = u.node AND l.relation = r.relation)) AS different
FROM iom_unit u, (SELECT DISTINCT relation FROM iom_line) r;

-- On a day; in the place of a relation or separator, a literal is none
SELECT pg_temp.list('iom_reports(''DDGMR'', current_date)') = pg_temp.list('iom_reports(''DDGMR'')') AS today,
  (SELECT count(*) FROM iom_reports('DDGMR', as_of => 'infinity')) AS by_name,
  (SELECT count(*) FROM iom_reports('DDGMR', 'oversees', 'infinity')) AS overseen;
SELECT * FROM iom_reports('DDGMR', '2030-01-01');
SELECT iom_reports('DDGMR', '2030-01-01');
SELECT * FROM iom_relations('DDGMR', '2030-01-01');
SELECT * FROM iom_relations(relation => '1/1/2030');
SELECT iom_path('DLA', '2030-01-01');
SELECT t, regress_error(format('SELECT iom_path(''DLA'', %L)', t)) LIKE '%is a day' AS day
FROM unnest('{5874897-12-31, 2030-01-01 00:00 Europe/Berlin, 2030-01-01 00:00:00.000 PST, Tue Jan 01 2030, Tue Jan 01 00:00:00 2030, 12 January 2030, January 12 2030 AD, 2031-01-01+00, 2030-01-01 plan, 2030-01-01 plan of PST, Sat 28 Nov 11:53:28.892649 2026 UTC, Sat Nov 28 11:53:28 2026 CET, 28.11.2026 11:53 AB+3, Nov282026, 28nov2026, 2024-01-01 10:30 standup, money mar 1 2024, May 1 2024 plan, Sun and May 1, " > "}'::text[]) t;
SELECT iom_path('DLA', ' / 20 / ');

-- Wherever a set can stand: FROM, the target list, LATERAL, IN, ARRAY, LIMIT
SELECT u.node, iom_reports(u.node) FROM iom_unit u WHERE node IN ('COS', 'RO', 'SLO') ORDER BY u.node;
SELECT u.node, r.node FROM iom_unit u LEFT JOIN LATERAL iom_reports(u.node) r ON true
WHERE u.node IN ('COS', 'RO', 'SLO') ORDER BY u.node;
SELECT count(*) FROM iom_unit WHERE node IN (SELECT iom_subtree('DDGMR'));
SELECT count(*) FROM iom_unit WHERE node = ANY (ARRAY(SELECT iom_subtree('DDGMR')));
SELECT ARRAY(SELECT iom_supervisors('OSS-MAC')), (SELECT iom_reports('DG') LIMIT 1),
  (SELECT node FROM iom_subtree('DG') OFFSET 37), (SELECT count(*) FROM iom_subtree('DG') OFFSET 1) AS none;
SELECT node, count(*) OVER () FROM iom_subtree('RO') WHERE node <> 'RO';
SELECT * FROM ROWS FROM (iom_reports('COS'), iom_reports('RO'), iom_reports('OSS')) AS r (cos, ro, oss);
SELECT count(*), count(DISTINCT s.node) FROM iom_subtree('DG') s, iom_subtree('DG') t;

-- They are inlined, so that a query which reads a few rows makes a few
-- (a scan of a function would fetch all of them first)
SELECT f, regress_plan(format('SELECT node FROM %s LIMIT 3', f)) LIKE '%Function Scan%' AS scanned
FROM unnest(ARRAY['iom_subtree(''DG'')', 'iom_subtree(''DG'', 1, ''2024-12-31'')', 'iom_reports(''DG'')',
  'iom_supervisors(''DOE'')', 'iom_peers(''DOE'')', 'iom_roots()', 'generate_series(1, 3) node']) f;

-- A cursor scrolls over them, forward and back
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT node FROM iom_subtree('OSS');
FETCH 2 FROM c;
FETCH PRIOR FROM c;
FETCH LAST FROM c;
FETCH FIRST FROM c;
COMMIT;

-- Sizes and sums agree with one another, for every node
SELECT count(*) AS compared, count(*) FILTER (WHERE
     (SELECT count(*) FROM iom_subtree(node)) <> iom_size(node)
  OR (SELECT count(*) FROM iom_reports(node)) <> iom_span(node)
  OR (SELECT count(*) FROM iom_supervisors(node)) <> iom_level(node) - 1
  OR (SELECT coalesce(sum(iom_size(r.node)), 0) + 1 FROM iom_reports(u.node) r) <> iom_size(node)
  OR (SELECT coalesce(max(iom_height(r.node)) + 1, 0) FROM iom_reports(u.node) r) <> iom_height(node)
  OR (SELECT count(*) FROM iom_peers(node)) <> coalesce(iom_span(iom_supervisor(node)) - 1, 0)
  OR (SELECT string_agg(s.node::text, '/' ORDER BY iom_level(s.node)) FROM iom_supervisors(u.node) s) IS DISTINCT FROM iom_path(iom_supervisor(node))) AS different
FROM iom_unit u;

-- The charts that the session keeps: one is enough for all of this
SELECT count(*), min(nodes) AS nodes, bool_and(committed) AS committed, bool_and(bytes > 0) AS bytes,
  bool_and(compile_ms >= 0) AS compile_ms, min(valid_from) AS valid_from, max(valid_to) AS valid_to
FROM iom_charts();

DROP FUNCTION pg_temp.list;
RESET ROLE;
DROP ROLE regress_reader;
