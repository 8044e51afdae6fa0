--
-- Known to the planner: index conditions, estimates, rows
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE SCHEMA regress_planner;
SET search_path = regress_planner, public;
SET max_parallel_workers_per_gather = 0;

-- 2,000 units in a random forest, 60,000 staff, skewed; in a transaction that
-- is rolled back at the end.
BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
CREATE TABLE forest AS SELECT * FROM regress_forest(2000, 'uniform', 0.25);
INSERT INTO iom_unit (node, name, position) SELECT node, node::text, position FROM forest;
INSERT INTO iom_line (node, supervisor) SELECT node, supervisor FROM forest WHERE supervisor IS NOT NULL;
CREATE TABLE staff AS
SELECT i AS id, f.node AS unit, i % 10 AS grade, 1000 + i AS salary
FROM generate_series(1, 60000) i
JOIN forest f ON f.number = 1 + floor(2000 * power((i::bigint * 7919 % 60000) / 60000.0, 2));
INSERT INTO staff SELECT i, NULL, 0, 0 FROM generate_series(60001, 60500) i;
INSERT INTO staff VALUES (60501, 'NOT-IN-IT', 0, 0);
CREATE INDEX staff_unit ON staff (unit);
CREATE TABLE part (LIKE staff) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (30000);
CREATE TABLE part_2 PARTITION OF part DEFAULT;
INSERT INTO part SELECT * FROM staff;
CREATE INDEX ON part (unit, grade);
ANALYZE staff, part, iom_unit, iom_line;
SELECT number, node AS leaf FROM forest f WHERE NOT EXISTS (SELECT FROM forest g WHERE g.supervisor = f.node) ORDER BY number DESC LIMIT 1 \gset
SELECT f.node AS small FROM forest f WHERE iom_size(f.node) BETWEEN 5 AND 8 ORDER BY number LIMIT 1 \gset
SELECT node AS large FROM forest ORDER BY iom_size(node) DESC, node LIMIT 1 \gset

-- The shape of a plan, and what indexes are asked.
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    IF line ~ 'Scan|Index Cond|Join|Nested|Filter' THEN
      -- versions differ in how they write a parameter
      line := regexp_replace(line, '\(InitPlan \w+\)\.col1', '$0');
      RETURN NEXT regexp_replace(regexp_replace(line, '''[A-Z0-9.]+''', '''...''', 'g'), '\mstaff_1\M', 'staff');
    END IF;
  END LOOP;
END $$;

-- a constant, either operator, either side
SELECT plan(format('SELECT salary FROM staff WHERE unit <@ %L', :'leaf'));
SELECT plan(format('SELECT salary FROM staff WHERE iom_node(%L::text) @> unit', :'leaf'));
SELECT plan(format('SELECT salary FROM staff WHERE iom_node_within(unit, %L)', :'leaf'));
SET enable_bitmapscan = off;
SET enable_seqscan = off;
SELECT plan(format('SELECT salary FROM staff WHERE unit @> %L', :'leaf'));
SELECT plan(format('SELECT salary FROM staff WHERE %L <@ unit', :'leaf'));
RESET enable_seqscan;
SELECT plan(format('SELECT unit FROM staff WHERE unit <@ %L', :'small'));
-- a stable expression, a scalar subquery
SET regress.unit = :'leaf';
SELECT plan('SELECT salary FROM staff WHERE unit <@ current_setting(''regress.unit'')::iom_node');
SELECT plan('SELECT salary FROM staff WHERE unit <@ (SELECT f.node FROM forest f WHERE f.number = 1999)');
-- a column of the outer side
SELECT plan('SELECT * FROM forest f JOIN staff s ON s.unit <@ f.node WHERE f.number = 1999');
SELECT plan('SELECT * FROM forest f JOIN staff s ON s.unit @> f.node WHERE f.number = 1999');
-- a parameter, custom and generic plan
PREPARE within (iom_node) AS SELECT count(*) FROM staff WHERE unit <@ $1;
SET plan_cache_mode = force_custom_plan;
SELECT plan(format('EXECUTE within (%L)', :'leaf'));
SET plan_cache_mode = force_generic_plan;
SELECT plan(format('EXECUTE within (%L)', :'leaf'));
-- other indexes: of several columns, of partitions
SELECT plan(format('SELECT salary FROM part WHERE unit <@ %L AND grade = 3', :'leaf'));
-- no index condition where none can be: a column of the same table, no btree
SELECT plan('SELECT salary FROM staff WHERE unit <@ unit');
CREATE TABLE hashed AS SELECT * FROM staff LIMIT 1000;
CREATE INDEX ON hashed USING hash (unit);
SELECT plan(format('SELECT salary FROM hashed WHERE unit <@ %L', :'leaf'));
RESET enable_bitmapscan;
-- a column of a domain, an expression
CREATE DOMAIN own_node AS iom_node;
CREATE TABLE domains AS SELECT id, unit::own_node FROM staff;
CREATE INDEX ON domains (unit);
CREATE INDEX ON domains ((coalesce(unit, 'NOT-IN-IT')));
ANALYZE domains;
SELECT plan(format('SELECT id FROM domains WHERE unit <@ %L', :'leaf'));
SELECT plan(format('SELECT id FROM domains WHERE coalesce(unit, ''NOT-IN-IT'') <@ %L', :'leaf'));
-- what the index condition is made of, by hand: with an estimate for want of a better one
SELECT count(*) = (SELECT count(*) FROM staff WHERE unit <@ :'small') AS equal,
  (SELECT count(*) FROM domains WHERE unit <@ :'small') = count(*) AS domain,
  (SELECT count(*) FROM domains WHERE coalesce(unit, 'NOT-IN-IT') <@ :'small') = count(*) AS expression
FROM staff WHERE unit = ANY (iom_subtree_codes(:'small'));
-- a table of few rows: no index condition of more nodes than that
SET enable_seqscan = off;
CREATE TABLE few AS SELECT * FROM staff LIMIT 100;
CREATE INDEX ON few (unit);
ANALYZE few;
SELECT plan(format('SELECT salary FROM few WHERE unit <@ %L', node)) FROM forest WHERE number = 1;
SELECT plan(format('SELECT salary FROM few WHERE unit <@ %L', :'leaf'));
RESET enable_seqscan;
-- most of the organisation: reading everything is faster
SELECT plan(format('SELECT salary FROM staff WHERE unit <@ %L', node)) FROM forest WHERE number = 1;

-- Each way to scan gives the same answers, and the right ones.
CREATE TABLE truth AS
SELECT c.ancestor AS node, count(s.id) AS staff, sum(s.salary) AS payroll
FROM regress_closure() c LEFT JOIN staff s ON s.unit = c.node GROUP BY 1;
CREATE TABLE truth_above AS
SELECT c.node, count(s.id) AS staff
FROM regress_closure() c LEFT JOIN staff s ON s.unit = c.ancestor GROUP BY 1;
CREATE FUNCTION check_scans() RETURNS TABLE (scan text, index_conditions int, nodes bigint, wrong bigint)
LANGUAGE plpgsql AS $$
DECLARE
  -- as text, so that it is planned anew each time
  query text := $query$
    SELECT count(*), count(*) FILTER (WHERE t.staff <> (SELECT count(unit) FROM staff WHERE unit <@ t.node)
      OR a.staff <> (SELECT count(unit) FROM staff WHERE unit @> t.node)
      OR t.payroll IS DISTINCT FROM (SELECT sum(salary) FROM staff WHERE t.node @> unit))
    FROM truth t JOIN truth_above a USING (node) JOIN forest f USING (node) WHERE f.number % 40 = 1$query$;
BEGIN
  PERFORM set_config('enable_' || s, 'off', true) FROM unnest('{seqscan,indexscan,indexonlyscan,bitmapscan}'::text[]) s;
  FOREACH scan IN ARRAY ARRAY['seqscan', 'indexscan', 'indexonlyscan', 'bitmapscan'] LOOP
    PERFORM set_config('enable_' || scan, 'on', true);
    IF scan = 'indexscan' THEN
      query := query || ' OR f.number > 1700';
    END IF;
    SELECT count(*) INTO index_conditions FROM regexp_matches(regress_plan(query), 'Index Cond', 'g');
    EXECUTE query INTO nodes, wrong;
    RETURN NEXT;
    PERFORM set_config('enable_' || scan, 'off', true);
  END LOOP;
  PERFORM set_config('enable_' || s, 'on', true) FROM unnest('{seqscan,indexscan,indexonlyscan,bitmapscan}'::text[]) s;
END $$;
SELECT * FROM check_scans();
SELECT count(*) FROM staff WHERE unit <@ 'NO-SUCH-NODE' OR unit @> 'NO-SUCH-NODE';
SELECT count(*) FROM staff WHERE unit <@ NULL::iom_node;

-- A plan that is kept follows the hierarchy, and its rollback.
CREATE FUNCTION regress_within(node iom_node) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM regress_closure() c JOIN staff s ON s.unit = c.node WHERE c.ancestor = $1
$$;
SELECT node AS branch, supervisor AS old FROM forest WHERE supervisor IS NOT NULL AND iom_size(node) BETWEEN 20 AND 100 ORDER BY number LIMIT 1 \gset
CREATE FUNCTION sees_right(node iom_node) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  got bigint;
BEGIN
  SELECT count(*) INTO got FROM staff WHERE unit <@ sees_right.node;
  RETURN got = regress_within(node);
END $$;
SELECT f.node AS other FROM forest f WHERE f.supervisor IS NULL OR NOT f.node <@ :'branch' AND f.node <> :'old' ORDER BY iom_level(f.node) DESC, number LIMIT 1 \gset
SELECT sees_right(:'other'), sees_right(:'old');
EXECUTE within (:'other') \gset before_
SAVEPOINT reorganisation;
UPDATE iom_line SET supervisor = :'other' WHERE node = :'branch' AND line = 'solid';
SELECT sees_right(:'other'), sees_right(:'old');
EXECUTE within (:'other') \gset after_
SELECT regress_within(:'other') AS expected \gset
SELECT :before_count < :after_count AS more, :after_count = :expected AS right;
ROLLBACK TO reorganisation;
SELECT sees_right(:'other'), sees_right(:'old');
EXECUTE within (:'other') \gset back_
SELECT :back_count = :before_count AS back;
RESET plan_cache_mode;

----------------------------------------------------------------------------
-- Estimates
----------------------------------------------------------------------------

CREATE FUNCTION q_error(estimated float8, actual float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
  SELECT greatest(greatest(estimated, 1) / greatest(actual, 1), greatest(actual, 1) / greatest(estimated, 1))
$$;

-- with the index that tells of small sets, and by statistics alone
SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY q) <= 1.05 AS median,
  percentile_cont(0.9) WITHIN GROUP (ORDER BY q) <= 1.3 AS p90, max(q) <= 3 AS largest
FROM (SELECT q_error(regress_estimate(format('SELECT FROM staff WHERE unit <@ %L', node)), staff) AS q FROM truth) s;
SELECT max(q) <= 3 AS above
FROM (SELECT q_error(regress_estimate(format('SELECT FROM staff WHERE unit @> %L', node)), staff) AS q FROM truth_above LIMIT 500) s;
CREATE TABLE plain AS SELECT * FROM staff;
ANALYZE plain;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY q) <= 1.5 AS median,
  percentile_cont(0.9) WITHIN GROUP (ORDER BY q) <= 2.5 AS p90
FROM (SELECT q_error(regress_estimate(format('SELECT FROM plain WHERE unit <@ %L', node)), staff) AS q FROM truth) s;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY q) <= 2 AS median_above
FROM (SELECT q_error(regress_estimate(format('SELECT FROM plain WHERE unit @> %L', node)), staff) AS q FROM truth_above LIMIT 500) s;
-- of an expression, what the index is asked for is estimated like the rest
CREATE TABLE texts AS SELECT unit::text AS code, unit::text::name AS short, unit AS node FROM staff;
CREATE INDEX ON texts (node);
CREATE INDEX ON texts ((code::iom_node));
CREATE INDEX ON texts ((short::text::iom_node));
CREATE INDEX ON texts ((short::iom_node));
CREATE INDEX ON texts ((coalesce(node, 'NOT-IN-IT')));
ANALYZE texts;
CREATE FUNCTION index_rows(expression text, top iom_node) RETURNS float8 LANGUAGE plpgsql SET enable_seqscan = off SET enable_indexscan = off AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE format('EXPLAIN (FORMAT JSON) SELECT count(code) FROM texts WHERE %s <@ %L', expression, top) INTO plan;
  RETURN jsonb_path_query_first(plan, 'strict $.**?(@."Node Type" == "Bitmap Index Scan")."Plan Rows"');
END $$;
SELECT expression, percentile_cont(0.5) WITHIN GROUP (ORDER BY q) <= 1.5 AS median, max(q) <= 10 AS largest
FROM (SELECT expression, q_error(index_rows(expression, node), staff) AS q
  FROM unnest(ARRAY['node', 'code::iom_node', 'short::text::iom_node', 'short::iom_node', 'coalesce(node, ''NOT-IN-IT'')']) expression,
    (SELECT * FROM truth WHERE staff > 200 ORDER BY staff DESC LIMIT 40) t) s
GROUP BY expression ORDER BY expression COLLATE "C";
-- nodes beyond all that are there: none
CREATE TABLE rest AS SELECT s.* FROM staff s WHERE s.unit > (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY node) FROM forest);
ANALYZE rest;
SELECT count(*) > 100 AS some, max(regress_estimate(format('SELECT FROM rest WHERE unit <@ %L', node))) <= 1 AS none
FROM forest WHERE node < (SELECT min(unit) FROM rest) AND iom_is_leaf(node);
-- without statistics: by size
CREATE TABLE unknown AS SELECT * FROM staff;
SELECT bool_and(regress_estimate(format('SELECT FROM unknown WHERE unit <@ %L', node)) BETWEEN 1 AND 100000) FROM truth WHERE staff > 30000;
-- nobody knows the node: an average one
SELECT regress_estimate('SELECT FROM staff WHERE unit <@ (SELECT node FROM forest WHERE number = 7)') BETWEEN 60 AND 2000 AS average;
SELECT regress_estimate('SELECT FROM staff WHERE unit <@ NULL::iom_node') <= 1 AS nothing;

-- joins, either way round, semijoins
SELECT q_error(regress_estimate('SELECT FROM staff s JOIN forest f ON s.unit <@ f.node'),
  (SELECT sum(staff) FROM truth)) <= 2 AS all_pairs;
-- a table of few nodes, which are all bounds of a histogram
CREATE TABLE sixty AS SELECT node FROM forest WHERE number % 33 = 1;
ANALYZE sixty;
SELECT q_error(regress_estimate('SELECT FROM staff s JOIN sixty t ON s.unit <@ t.node'), (SELECT sum(staff) FROM truth JOIN sixty USING (node))) <= 1.5 AS sixty;
SELECT q_error(regress_estimate('SELECT FROM forest f JOIN staff s ON f.node @> s.unit'),
  (SELECT sum(staff) FROM truth)) <= 2 AS commuted;
SELECT q_error(regress_estimate('SELECT FROM staff s JOIN plain p ON s.unit @> p.unit'),
  (SELECT sum(a.staff * n) FROM truth_above a JOIN (SELECT unit AS node, count(*) AS n FROM plain GROUP BY 1) p USING (node))) <= 2 AS skewed_pairs;
SELECT q_error(regress_estimate('SELECT FROM staff s WHERE EXISTS (SELECT FROM forest f WHERE s.unit <@ f.node)'), 60000) <= 2 AS semi;
SELECT q_error(regress_estimate('SELECT FROM staff s WHERE EXISTS (SELECT FROM forest f JOIN truth t USING (node) WHERE s.unit <@ f.node)'), 60000) <= 2 AS semi_of_two;
SELECT q_error(regress_estimate('SELECT FROM forest f WHERE EXISTS (SELECT FROM staff s WHERE s.unit <@ f.node)'),
  (SELECT count(*) FROM truth t WHERE EXISTS (SELECT FROM regress_closure() c JOIN truth b ON b.node = c.node WHERE c.ancestor = t.node AND b.staff > 0))) <= 2 AS semi_above;
-- a set function of constants: whose rows its nodes have is known, too
CREATE TABLE tops AS SELECT node FROM truth WHERE staff > 1000 AND iom_span(node) > 1;
CREATE TABLE set_joins AS
SELECT q, node, regress_estimate(format('SELECT FROM ' || q, node)) AS estimate, NULL::float8 AS actual
FROM tops, unnest(ARRAY[
  'iom_reports(%L) r JOIN staff s ON s.unit <@ r', 'iom_reports(%L) r JOIN staff s ON s.unit = r',
  'iom_reports(%L) r JOIN staff s ON r @> s.unit', 'staff s WHERE s.unit IN (SELECT iom_reports(%L))',
  'staff s WHERE EXISTS (SELECT FROM iom_reports(%L) r WHERE s.unit <@ r)',
  'iom_chart_reports(%L, NULL::date) r JOIN staff s ON s.unit = r',
  'iom_subtree(%L, 1) r JOIN staff s ON s.unit = r', 'iom_subtree(%L, max_depth => 1) r JOIN staff s ON s.unit <@ r',
  'iom_peers(%L) r JOIN staff s ON s.unit <@ r', 'iom_supervisors(%L) r JOIN staff s ON s.unit = r',
  'iom_supervisors(%L) r JOIN staff s ON s.unit @> r']) q;
DO $$
DECLARE
  j record;
BEGIN
  FOR j IN SELECT ctid, q, node FROM set_joins LOOP
    EXECUTE format('UPDATE set_joins SET actual = (SELECT count(*) FROM ' || j.q || ') WHERE ctid = $1', j.node) USING j.ctid;
  END LOOP;
END $$;
SELECT q, count(*) > 5 AS some, percentile_cont(0.5) WITHIN GROUP (ORDER BY q_error(estimate, actual)) <= 1.2 AS median, max(q_error(estimate, actual)) <= 2 AS largest
FROM set_joins WHERE actual > 300 GROUP BY q ORDER BY q COLLATE "C";
SELECT q_error(regress_estimate('SELECT FROM iom_roots() r JOIN staff s ON s.unit <@ r'), 60000) <= 1.1 AS roots;
-- ... but not of what a query makes of them, nor of one of several functions
SELECT q, regress_estimate(format('SELECT FROM ' || q, :'large')) > 0 AS planned
FROM unnest(ARRAY['(SELECT iom_reports(%L) OFFSET 1) r (node) JOIN staff s ON s.unit = r.node',
  'ROWS FROM (iom_chart_reports(%L, NULL), generate_series(1, 9)) r (node, n) JOIN staff s ON s.unit = r.node AND s.id = n',
  'iom_chart_reports(%L, NULL) WITH ORDINALITY r (node, n) JOIN staff s ON s.unit = r.node AND s.id = n',
  'iom_reports(%L, ''oversees'') r JOIN staff s ON s.unit = r', 'iom_reports(NULL::iom_node) r JOIN staff s ON s.unit = r',
  'forest f, iom_reports(f.node) r JOIN staff s ON s.unit = r WHERE f.node = %L']) q;
-- ... nor of somebody's function that has our support function
CREATE FUNCTION report_names(node iom_node, as_of date DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql STABLE SUPPORT iom_reports_support AS $$
BEGIN
  RETURN QUERY SELECT u.name FROM iom_reports($1, $2) r JOIN iom_unit u ON u.node = r;
END $$;
CREATE FUNCTION only_itself(node iom_node) RETURNS SETOF iom_node LANGUAGE plpgsql STABLE SUPPORT iom_subtree_support AS $$
BEGIN
  RETURN NEXT node;
END $$;
CREATE FUNCTION spans(node iom_node, as_of date DEFAULT NULL) RETURNS TABLE (span int, report iom_node) LANGUAGE plpgsql STABLE SUPPORT iom_reports_support AS $$
BEGIN
  RETURN QUERY SELECT iom_span(r), r.node FROM iom_reports($1, $2) r;
END $$;
SELECT q, regress_estimate(format('SELECT FROM ' || q, :'large')) > 0 AS planned
FROM unnest(ARRAY['report_names(%L) r JOIN iom_unit u ON u.name = r', 'only_itself(%L) r JOIN staff s ON s.unit = r',
  'spans(%L) r JOIN staff s ON s.grade = r.span WHERE r.span = 3']) q;
-- an argument is not computed for each time that somebody asks
CREATE FUNCTION counted(node iom_node) RETURNS iom_node LANGUAGE plpgsql STABLE AS $$
BEGIN
  PERFORM set_config('regress.calls', (current_setting('regress.calls')::int + 1)::text, false);
  RETURN node;
END $$;
SET regress.calls = 0;
SELECT regress_estimate(format('SELECT FROM iom_reports(counted(%L)) r JOIN staff s ON s.unit = r JOIN forest f ON f.node = r JOIN truth t ON t.node = r', :'large')) > 0 AS planned;
SELECT current_setting('regress.calls')::int BETWEEN 1 AND 3 AS few_calls;
-- the first ones of a chain are not like all of it
SELECT regress_estimate(format('SELECT FROM (SELECT r FROM iom_supervisors(%1$L) r LIMIT 1) r JOIN staff s ON s.unit = r.r', :'leaf')) <
  regress_estimate(format('SELECT FROM iom_supervisors(%1$L) r JOIN staff s ON s.unit = r', :'leaf')) AS fewer;
-- a few rows without statistics may have any node
SELECT (SELECT array_agg(node) FROM truth WHERE staff BETWEEN 20 AND 80) AS nodes \gset
SELECT q_error(regress_estimate(format('SELECT FROM unnest(%L::iom_node[]) n JOIN staff s ON s.unit <@ n', (:'nodes'::iom_node[])[1 : 9])),
  (SELECT sum(staff) FROM truth WHERE node = ANY ((:'nodes'::iom_node[])[1 : 9]))) <= 20 AS few_rows;
-- a common node that nobody knows lies within none
CREATE TABLE strangers AS SELECT * FROM staff UNION ALL SELECT i, 'NOT-IN-IT', 0, 0 FROM generate_series(1, 20000) i;
ANALYZE strangers;
SELECT q_error(regress_estimate('SELECT FROM strangers s JOIN forest f ON s.unit <@ f.node'),
  (SELECT sum(staff) FROM truth)) <= 2 AS strangers;

-- exact rows of set functions, wherever they stand
SELECT count(*), count(*) FILTER (WHERE
    regress_estimate(format('SELECT * FROM iom_subtree(%L)', node)) <> greatest(iom_size(node), 1)
    OR regress_estimate(format('SELECT iom_subtree(%L, 1)', node)) <> iom_span(node) + 1
    OR regress_estimate(format('SELECT iom_supervisors(%L)', node)) <> greatest(iom_level(node) - 1, 1)
    OR regress_estimate(format('SELECT iom_reports(%L)', node)) <> greatest(iom_span(node), 1)
    OR regress_estimate(format('SELECT * FROM iom_reports(%L)', node)) <> greatest(iom_span(node), 1)
    OR regress_estimate(format('SELECT iom_peers(%L)', node)) <> greatest((SELECT count(*) FROM iom_peers(node)), 1)) AS wrong
FROM forest WHERE number <= 200;
SELECT regress_estimate('SELECT iom_roots()') = (SELECT count(*) FROM iom_roots()) AS roots,
  regress_estimate('SELECT iom_subtree(''NO-SUCH-NODE'')') AS unknown,
  regress_estimate(format('SELECT iom_subtree(%L, -1)', :'small')) AS no_depth,
  regress_estimate(format('SELECT iom_reports(%L, ''supervises'')', :'small')) = regress_estimate('SELECT iom_reports((SELECT node FROM forest LIMIT 1))') AS of_a_relation,
  regress_estimate(format('SELECT iom_subtree(%L, as_of => ''2020-01-01'')', :'small')) = iom_size(:'small') AS dated;

-- very many conditions on one column are planned all the same
SELECT regress_estimate(format('SELECT FROM staff WHERE %s', string_agg(format('unit <@ %L', node), ' AND '))) > 0 AS planned
FROM forest WHERE number <= 300;
SELECT regress_estimate(format('SELECT FROM staff WHERE %s', string_agg(format('unit <@ %L', node), ' OR '))) > 0 AS planned
FROM forest WHERE number <= 300;
-- (where each would be tried with each, by one of them)
SELECT regexp_count AS conditions
FROM regress_plan(format('SELECT FROM staff WHERE %s', (SELECT string_agg(format('unit <@ %L', node), ' AND ' ORDER BY iom_size(node) DESC, node) FROM forest WHERE number <= 60))) p,
  LATERAL (SELECT count(*) AS regexp_count FROM regexp_matches(p, 'iom_subtree_codes', 'g')) c
WHERE current_setting('server_version_num')::int < 170000
UNION ALL SELECT 1 WHERE current_setting('server_version_num')::int >= 170000;

----------------------------------------------------------------------------
-- Planning leaves everything as it is
----------------------------------------------------------------------------

-- no chart is compiled for it, where it is not very small
UPDATE iom_unit SET position = position WHERE node = :'leaf';
CREATE TABLE charts AS SELECT count(*) AS n FROM iom_charts();
SELECT regress_estimate(format('SELECT FROM staff WHERE unit <@ %L', :'leaf')) > 0 AS guessed;
SELECT regress_estimate(format('SELECT iom_subtree(%L)', :'leaf')) > 0 AS guessed;
SELECT (SELECT count(*) FROM iom_charts()) - n AS compiled FROM charts;

-- whoever may not see the hierarchy can plan, and not run
CREATE ROLE regress_planner_blind;
GRANT USAGE ON SCHEMA regress_planner TO regress_planner_blind;
GRANT SELECT ON staff TO regress_planner_blind;
REVOKE SELECT ON iom_unit FROM PUBLIC;
SET ROLE regress_planner_blind;
SELECT regress_estimate('SELECT FROM staff WHERE unit <@ ''X''') > 1 AS guessed;
SELECT regress_estimate('SELECT FROM staff s JOIN staff t ON s.unit <@ t.unit') BETWEEN 60000 AND 60000 * 60000.0 / 10 AS join_guessed,
  regress_estimate('SELECT FROM staff s WHERE EXISTS (SELECT FROM staff t WHERE s.unit <@ t.unit)') > 1 AS semijoin_guessed;
SELECT regress_error('SELECT FROM staff WHERE unit <@ ''X''');
RESET ROLE;
GRANT SELECT ON iom_unit TO PUBLIC;

-- rows are counted in the indexes of partitions, not in the one of their table,
-- which the planner has in its lists from 16 on
CREATE INDEX ON part (id);
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SELECT count(*) > 0 AS planned
FROM plan(format('SELECT FROM generate_series(1, 3) g JOIN part p ON p.id = g WHERE p.unit <@ %L', :'leaf')) p
WHERE p ~ 'Index';
RESET enable_hashjoin;
RESET enable_mergejoin;

-- evaluating an argument may drop the chart that served another one
SET LOCAL iomorg.chart_memory = 0;
SET LOCAL iomorg.probe_limit = 2000000000;
SELECT regress_estimate(format('SELECT FROM iom_subtree(%1$L, iom_level(%1$L) + iom_level(%2$L) + iom_level(%3$L))',
  :'other', :'leaf', :'small')) =
  (SELECT count(*) FROM iom_subtree(:'other', iom_level(:'other') + iom_level(:'leaf') + iom_level(:'small'))) AS exact;
-- ... or the one by which another condition on the column is estimated
SELECT regress_estimate(format('SELECT FROM staff WHERE iom_supervisor(iom_supervisor(iom_supervisor(%L))) @> unit AND unit <@ %L', :'leaf', :'small')) > 0 AS planned;
RESET iomorg.chart_memory;

-- no further down than it is asked for
UPDATE iom_unit SET position = position WHERE node = :'leaf';
SELECT node AS root FROM forest WHERE supervisor IS NULL \gset
DELETE FROM charts;
INSERT INTO charts SELECT count(*) FROM iom_charts();
SELECT regress_estimate(format('SELECT FROM iom_subtree(%L, 1)', :'root')) = (SELECT count(*) FROM iom_subtree(:'root', 1)) AS exact;
SELECT (SELECT count(*) FROM iom_charts()) - n AS compiled FROM charts;

-- what is made for planning alone does not stay, where nothing can be kept
SAVEPOINT watched;
ALTER TABLE iom_line DISABLE TRIGGER _iom_begin;
SELECT regress_estimate(format('SELECT FROM staff WHERE iom_supervisor(%L) @> unit AND unit <@ %L', :'leaf', :'small')) > 0 AS planned;
DO $$
BEGIN
  FOR i IN 1 .. 200 LOOP
    PERFORM regress_estimate(format('SELECT FROM staff WHERE unit <@ %L', node)) FROM forest WHERE number = i;
  END LOOP;
END $$;
SELECT count(*) < 20 AS few FROM pg_backend_memory_contexts WHERE name = 'iomorg chart';
ROLLBACK TO watched;
RESET iomorg.probe_limit;

-- a later column of an index, which before PostgreSQL 17 was scanned once for each
-- node: what comes out is in order all the same
CREATE TABLE hired AS
SELECT node AS unit, 1000 - i - 20 * row_number() OVER (ORDER BY node)::int AS grade
FROM (SELECT s.node FROM iom_subtree(:'branch') s ORDER BY s.node LIMIT 10) s, generate_series(1, 20) i;
CREATE INDEX ON hired (grade, unit);
ANALYZE hired;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_sort = off;
SELECT min(grade) = (SELECT min(grade) FROM (SELECT grade FROM hired WHERE unit <@ :'branch' OFFSET 0) h) AS least FROM hired WHERE unit <@ :'branch';
SELECT count(*) > 100 AS some, count(*) FILTER (WHERE grade < before) AS out_of_order
FROM (SELECT grade, lag(grade) OVER () AS before FROM (SELECT grade FROM hired WHERE unit <@ :'branch' ORDER BY grade) h) h;
RESET enable_seqscan;
RESET enable_bitmapscan;
RESET enable_sort;

-- the index of a partitioned table, which the planner has in its lists from 16 on, has no rows to count
ANALYZE part;
SELECT count(*) > 0 AS planned FROM plan(format('SELECT FROM ONLY part p JOIN staff s ON s.grade = 1 OR p.unit <@ %L', :'leaf')) p;

-- a condition that no index can serve is in nobody's way
SELECT count(*) > 0 AS some, count(*) = (SELECT count(*) FROM staff WHERE unit <@ :'small') AS all FROM staff WHERE unit <@ unit AND unit <@ :'small';

-- who is equal to one node is not looked for in a whole subtree too
SELECT plan(format('SELECT * FROM staff WHERE unit = %L AND unit <@ %L', :'leaf', :'small'));
-- nor among others where each pair would be tried and they are many (before
-- PostgreSQL 17)
SET enable_seqscan = off;
SELECT array_agg(node) AS nodes FROM forest \gset
SELECT n, (SELECT string_agg(regexp_count(p, '\mANY\M')::text, ' ') FROM plan(q) p WHERE p ~ 'Index Cond: .*\mANY\M') =
  CASE WHEN n < 4 AND current_setting('server_version_num')::int < 170000 THEN '1' ELSE '2' END AS arrays
FROM unnest(ARRAY[
  format('SELECT * FROM staff WHERE unit <@ %L AND unit = ANY (%L)', :'small', :'nodes'),
  format('SELECT s.id FROM forest f CROSS JOIN LATERAL (SELECT id FROM staff WHERE unit <@ f.node AND unit <@ (SELECT iom_node %L) OFFSET 0) s WHERE f.number = 3', :'small'),
  format('SELECT s.id FROM forest f JOIN staff s ON s.unit <@ f.node WHERE f.number = 3 AND s.unit <@ %L', :'large'),
  format('SELECT * FROM staff WHERE unit <@ %L AND unit IN (%L, %L)', :'small', :'leaf', :'small')]) WITH ORDINALITY q (q, n);
-- ... the node of the other one being known, too
SELECT (SELECT count(*) FROM forest f CROSS JOIN LATERAL (SELECT FROM staff WHERE unit <@ f.node AND unit <@ :'small' OFFSET 0) s) =
  (SELECT sum(iom_level(unit)) FROM staff WHERE (unit <@ :'small') IS TRUE) AS each_above;
RESET enable_seqscan;

-- row-level security by subtree uses the index, and so do the user's filters
CREATE ROLE regress_planner_manager;
GRANT USAGE ON SCHEMA regress_planner TO regress_planner_manager;
GRANT SELECT ON staff TO regress_planner_manager;
ALTER TABLE staff ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON staff USING (unit <@ current_setting('regress.unit')::iom_node);
SET ROLE regress_planner_manager;
SET enable_bitmapscan = off;
SELECT plan('SELECT * FROM staff WHERE salary > 0');
-- (before PostgreSQL 17 one of both)
SELECT q, (SELECT sum(regexp_count(p, 'iom_subtree_codes')) FROM plan(format('SELECT * FROM staff WHERE ' || q, :'small')) p WHERE p ~ 'Index Cond: ') =
  CASE WHEN current_setting('server_version_num')::int < 170000 THEN 1 ELSE 2 END AS by_index
FROM unnest(ARRAY['unit <@ %L', '%L @> unit', 'iom_node_within(unit, %L)']) q;
-- (the smaller one)
SET regress.unit = :'branch';
SELECT (SELECT string_agg(p, ' ') FROM plan(format('SELECT * FROM staff WHERE iom_node_within(unit, %L)', :'leaf')) p) ~ $$Index Cond: .*iom_subtree_codes\('$$ AS by_index;
RESET ROLE;

-- in a view, what its owner may count is not for its user to see
ALTER TABLE staff DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON staff FROM regress_planner_manager;
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM staff WHERE grade >= 0;
GRANT SELECT ON barrier TO regress_planner_manager;
CREATE FUNCTION estimate(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
  RETURN plan #>> '{0,Plan,Plan Rows}';
END $$;
SELECT format('SELECT * FROM barrier WHERE unit <@ %L', :'leaf') AS query \gset
SELECT estimate(:'query') AS own \gset
SET ROLE regress_planner_manager;
SELECT estimate(:'query') AS others \gset
RESET ROLE;
INSERT INTO staff SELECT i, :'leaf', 0, 0 FROM generate_series(100001, 103000) i;
SELECT estimate(:'query') - :own > 1000 AS counted;
SET ROLE regress_planner_manager;
SELECT estimate(:'query') - :others < 100 AS not_counted;
RESET ROLE;
ROLLBACK;
DROP SCHEMA regress_planner CASCADE;
