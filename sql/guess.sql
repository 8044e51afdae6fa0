--
-- What the planner guesses where a question takes too many probes, and a chart
-- would take longer than planning
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
-- a session without charts
\c -
SET client_min_messages = warning;

-- 20,000 units, seven reports for each, so that ways down are alike
BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name) SELECT 'N' || i, i FROM generate_series(1, 20000) i;
INSERT INTO iom_line (node, supervisor) SELECT 'N' || i, 'N' || (i + 5) / 7 FROM generate_series(2, 20000) i;
ANALYZE iom_unit, iom_line;
-- of few nodes, exactly
SELECT regress_estimate('SELECT iom_subtree(''N350'')') AS some, regress_estimate('SELECT iom_subtree(''N20000'')') AS leaf;
SELECT regress_estimate('SELECT iom_supervisors(''N20000'')') AS supervisors;
-- of many, roughly; once for each state of the hierarchy
CREATE TEMPORARY TABLE guess (node iom_node, rows float8, again float8);
DO $$
DECLARE
  top iom_node;
BEGIN
  FOREACH top IN ARRAY '{N1,N2,N3,N4,N5,N8,N9}'::iom_node[] LOOP
    UPDATE iom_unit SET position = position WHERE node = top;
    INSERT INTO guess SELECT top, regress_estimate(format('SELECT iom_subtree(%L)', top)), regress_estimate(format('SELECT iom_subtree(%L)', top));
  END LOOP;
END $$;
-- nor where no probe may be made
SET LOCAL iomorg.probe_limit = 0;
UPDATE iom_unit SET position = position WHERE node = 'N2';
SELECT regress_estimate('SELECT iom_subtree(''N2'')') > 0 AS guessed;
-- none was compiled for it
SELECT count(*) AS charts FROM iom_charts();
RESET iomorg.probe_limit;
-- what is known of one day is not taken for another
SAVEPOINT a;
UPDATE iom_line SET valid = '[2021-01-01,)' WHERE supervisor = 'N2';
SELECT regress_estimate('SELECT iom_subtree(''N2'', as_of => ''2021-01-01'')') > 1000 AS many,
  regress_estimate('SELECT iom_subtree(''N2'', as_of => ''2020-12-31'')') AS alone;
ROLLBACK TO a;
-- several questions of one query are remembered; a scan for a small subtree finds it
-- once
CREATE TABLE regress_fact AS SELECT node FROM iom_unit WHERE node::text LIKE '%5';
ANALYZE regress_fact;
UPDATE iom_unit SET position = position WHERE node = 'N1';
SET LOCAL iomorg.probe_limit = 25000;
SELECT regress_estimate('SELECT FROM regress_fact WHERE node <@ ''N1'' OR node <@ ''N2'' OR node <@ ''N3'' OR node <@ ''N4'' OR node <@ ''N5'' OR node <@ ''N6''') > 0 AS guessed,
  regress_estimate('SELECT FROM regress_fact WHERE node <@ ''N1'' OR node <@ ''N2'' OR node <@ ''N3'' OR node <@ ''N4'' OR node <@ ''N5'' OR node <@ ''N6''') > 0 AS again;
SELECT count(*) AS charts FROM iom_charts();
RESET iomorg.probe_limit;
UPDATE iom_unit SET position = position WHERE node = 'N1';
PREPARE within (iom_node) AS SELECT count(*) FROM regress_fact WHERE node <@ $1;
SET LOCAL plan_cache_mode = force_generic_plan;
EXECUTE within ('N355');
SELECT count(*) AS charts FROM iom_charts();
SELECT g.node, g.rows BETWEEN s.size / 2.5 AND s.size * 2.5 AS near, g.again = g.rows AS same
FROM guess g, LATERAL (SELECT count(*) AS size FROM iom_subtree(g.node)) s ORDER BY g.node;
-- (a chart of everything says the same)
SELECT iom_rank('N1') AS rank;
EXECUTE within ('N355');
ROLLBACK;

-- Of nodes with many reports, not all are counted.
\c -
SET client_min_messages = warning;
BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
-- 20,000 below FLAT; 100 below HUNDRED, for each of whom 100; 8 below EIGHT, 1,000 for each
INSERT INTO iom_unit (node, name) SELECT node, node FROM unnest('{FLAT,HUNDRED,EIGHT}'::text[]) node;
CREATE TEMPORARY TABLE line AS
  SELECT 'F' || i AS node, 'FLAT' AS supervisor FROM generate_series(1, 20000) i
  UNION ALL SELECT 'H' || i, CASE WHEN i <= 100 THEN 'HUNDRED' ELSE 'H' || (i - 1) / 100 END FROM generate_series(1, 10100) i
  UNION ALL SELECT 'E' || i, CASE WHEN i <= 8 THEN 'EIGHT' ELSE 'E' || 1 + i % 8 END FROM generate_series(1, 8008) i;
INSERT INTO iom_unit (node, name) SELECT node::iom_node, node FROM line;
INSERT INTO iom_line (node, supervisor) SELECT node::iom_node, supervisor::iom_node FROM line;
ANALYZE iom_unit, iom_line;
CREATE TEMPORARY TABLE guess (node iom_node, rows float8);
DO $$
DECLARE
  top iom_node;
BEGIN
  FOREACH top IN ARRAY '{FLAT,HUNDRED,EIGHT}'::iom_node[] LOOP
    UPDATE iom_unit SET position = position WHERE node = top;
    INSERT INTO guess SELECT top, regress_estimate(format('SELECT iom_subtree(%L)', top));
  END LOOP;
END $$;
-- so many levels; reports
UPDATE iom_unit SET position = position WHERE node = 'FLAT';
SELECT q, regress_estimate('SELECT ' || q) AS rows
FROM unnest(ARRAY['iom_subtree(''HUNDRED'', 1)', 'iom_subtree(''EIGHT'', 1)', 'iom_reports(''HUNDRED'')']) q;
SELECT regress_estimate('SELECT iom_reports(''FLAT'')') BETWEEN 16000 AND 25000 AS twenty_thousand,
  regress_estimate('SELECT iom_reports(''E1'')') BETWEEN 800 AND 1250 AS thousand;
SELECT count(*) AS charts FROM iom_charts();
SELECT g.node, g.rows BETWEEN s.size / 1.2 AND s.size * 1.2 AS near
FROM guess g, LATERAL (SELECT count(*) AS size FROM iom_subtree(g.node)) s ORDER BY g.node;
ROLLBACK;

-- Where few subtrees have nearly everything, ways down miss them: each reports to an
-- earlier one, by lot.
\c -
SET client_min_messages = warning;
BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name) SELECT 'N' || i, i FROM generate_series(0, 20000) i;
INSERT INTO iom_line (node, supervisor)
SELECT 'N' || i, 'N' || floor(i * (abs(hashint4(i)::bigint) % 1000000) / 1000000.0) FROM generate_series(1, 20000) i;
-- (before there are statistics, one witness is heard)
SELECT regress_estimate('SELECT iom_subtree(''N0'')') > 1 AS before;
ANALYZE iom_unit, iom_line;
SELECT regress_estimate('SELECT iom_subtree(''N0'')') > 15000 AS after;
CREATE TEMPORARY TABLE guess (node iom_node, rows float8);
DO $$
BEGIN
  FOR i IN 0..40 LOOP
    UPDATE iom_unit SET position = position WHERE node = 'N0';
    INSERT INTO guess SELECT 'N' || i, regress_estimate(format('SELECT iom_subtree(%L)', 'N' || i));
  END LOOP;
END $$;
SELECT count(*) AS charts FROM iom_charts();
SELECT count(*) > 4 AS some, max(greatest(g.rows / s.size, s.size / g.rows)) <= 4 AS near
FROM guess g, LATERAL (SELECT count(*) AS size FROM iom_subtree(g.node)) s WHERE s.size > 1000;
SELECT g.rows >= 10000 AS the_root FROM guess g WHERE g.node = 'N0';
-- ... down to a level, as far as that goes
UPDATE iom_unit SET position = position WHERE node = 'N0';
CREATE TEMPORARY TABLE estimate AS
SELECT depth, regress_estimate(format('SELECT iom_subtree(''N0'', %s)', depth)) AS rows FROM unnest('{6,8,10,1000}'::int[]) depth;
SELECT e.depth, e.rows BETWEEN s.size / 3.0 AND s.size * 3.0 AS near
FROM estimate e, LATERAL (SELECT count(*) AS size FROM iom_subtree('N0', e.depth)) s ORDER BY 1;
ROLLBACK;
