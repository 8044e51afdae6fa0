--
-- Answers by index, without a chart, are the same
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
-- a session without charts, that compiles none by itself
\c -
SET client_min_messages = warning;
SET jit = off;
SET iomorg.probe_limit = 2000000000;
SET regress.share = :'share';

-- The seed, today and on another day
SELECT function, different FROM regress_compare(whole => false);
SELECT sum(different) AS different FROM regress_compare('2020-01-01', false);

----------------------------------------------------------------------------
-- Random forests, by rows in random order
----------------------------------------------------------------------------
BEGIN;
CREATE FUNCTION pg_temp.plant_and_compare(n int, shape text, seed float8, OUT different bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM regress_plant(ceil(n * current_setting('regress.share')::numeric)::int, shape, seed);
  SELECT sum(c.different) INTO different FROM regress_compare(whole => false) c;
END $$;
SELECT shape, sum(different) AS different
FROM (VALUES ('chain'), ('star'), ('binary'), ('comb'), ('uniform'), ('deep'), ('many roots'), ('no lines')) s (shape),
  (VALUES (1, 0.1), (2, 0.2), (9, 0.3), (60, 0.4)) f (n, seed),
  LATERAL pg_temp.plant_and_compare(n, shape, seed)
GROUP BY shape ORDER BY shape;
SELECT shape, n, different
FROM (VALUES ('uniform', 1500, 0.6), ('many roots', 1000, 0.7), ('deep', 250, 0.8)) f (shape, n, seed),
  LATERAL pg_temp.plant_and_compare(n, shape, seed);

-- moves, some taken back: what was kept of an answer never outlives its state
SELECT regress_plant(300, 'uniform', 0.9);
DO $$
DECLARE
  lower iom_node;
  upper iom_node;
  asked iom_node;
  wrong int := 0;
  refused int := 0;
  moves int := 200 * current_setting('regress.share')::numeric;
BEGIN
  PERFORM setseed(0.25);
  FOR i IN 1 .. moves LOOP
    SELECT node INTO lower FROM iom_line ORDER BY random() LIMIT 1;
    SELECT node INTO upper FROM iom_unit ORDER BY random() LIMIT 1;
    BEGIN
      UPDATE iom_line SET supervisor = upper WHERE node = lower;
      wrong := wrong + (iom_supervisor(lower) <> upper)::int + (NOT lower <@ upper)::int;
      IF i % 3 = 0 THEN
        RAISE EXCEPTION SQLSTATE 'TAKEN';
      END IF;
    EXCEPTION WHEN check_violation OR SQLSTATE 'TAKEN' THEN
      refused := refused + 1;
    END;
    FOREACH asked IN ARRAY ARRAY[lower, upper] LOOP
      wrong := wrong + (iom_path(asked) <> regress_path(asked))::int
        + (iom_size(asked) <> (SELECT count(*) FROM regress_closure() WHERE ancestor = asked))::int;
    END LOOP;
  END LOOP;
  RAISE WARNING 'wrong: %, refused or taken back: %', wrong, refused BETWEEN moves / 3 AND moves - 1;
END $$;
SELECT count(*) AS charts FROM iom_charts();
ROLLBACK;

----------------------------------------------------------------------------
-- Days
----------------------------------------------------------------------------
BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name, valid) VALUES
  ('TOP', 'Always there', '(,)'), ('OLD', 'Until the end of 2019', '(,2020-01-01)'),
  ('NEW', 'From 2020 on', '[2020-01-01,)'), ('SOME', 'In 2018 and 2019', '[2018-01-01,2020-01-01)'),
  ('MOVED', 'Moved twice', '(,)'), ('DAY', 'On a single day', '[2020-02-29,2020-03-01)');
INSERT INTO iom_line (node, supervisor, valid) VALUES
  ('OLD', 'TOP', '(,2020-01-01)'), ('NEW', 'TOP', '[2020-01-01,)'), ('SOME', 'OLD', '[2018-01-01,2019-01-01)'),
  ('MOVED', 'OLD', '(,2020-01-01)'), ('MOVED', 'NEW', '[2020-01-01,2021-01-01)'), ('MOVED', 'TOP', '[2021-01-01,)'),
  ('DAY', 'MOVED', '[2020-02-29,2020-02-29]');
SELECT day, sum(different) AS different
FROM unnest('{-infinity,2017-12-31,2018-01-01,2018-12-31,2019-01-01,2019-12-31,2020-01-01,
  2020-02-28,2020-02-29,2020-03-01,2020-12-31,2021-01-01,infinity}'::date[]) day, regress_compare(day, false)
GROUP BY day ORDER BY day;
SELECT day, iom_path('MOVED', as_of => day), iom_size('TOP', day) FROM unnest('{2019-12-31,2020-01-01,2020-12-31,2019-12-31}'::date[]) day;
SELECT count(*) AS charts FROM iom_charts();
SELECT day, count(*) FILTER (WHERE by_order <> by_rank) AS different
FROM unnest('{2019-12-31,2020-01-01,2020-02-29,2021-01-01}'::date[]) day,
  LATERAL (SELECT rank() OVER (ORDER BY iom_chart_order(node, day)) AS by_order, rank() OVER (ORDER BY iom_rank(node, day)) AS by_rank FROM iom_unit) r
GROUP BY day ORDER BY day;
ROLLBACK;

----------------------------------------------------------------------------
-- Lines in chart order: by position and code of all nodes on the way, or by rank
----------------------------------------------------------------------------
BEGIN;
CREATE FUNCTION pg_temp.plant_and_sort(n int, shape text, seed float8, OUT lines bigint, OUT charts bigint, OUT different bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM regress_plant(n, shape, seed);
  INSERT INTO iom_line (node, supervisor, relation, line)
  SELECT a.node, b.node, (ARRAY['advises', 'hosts'])[1 + floor(random() * 2)], 'dotted'
  FROM (SELECT node, row_number() OVER (ORDER BY random()) AS i FROM iom_unit, generate_series(1, 3)) a
  JOIN (SELECT node, row_number() OVER (ORDER BY random()) AS i FROM iom_unit, generate_series(1, 3)) b USING (i)
  WHERE a.node <> b.node ON CONFLICT DO NOTHING;
  PERFORM iom_level('NOBODY');	-- earlier states go
  SELECT -count(*) FROM iom_charts() INTO charts;
  CREATE TEMPORARY TABLE by_index AS
  SELECT u.node, ARRAY(SELECT r::text FROM iom_relations(u.node) r) AS relations,
    ARRAY(SELECT iom_reports(u.node, 'hosts')) AS reports, iom_chart_order(u.node, NULL) AS place
  FROM iom_unit u;
  SELECT charts + count(*) FROM iom_charts() INTO charts;
  SET LOCAL iomorg.probe_limit = 0;
  SELECT sum(cardinality(relations)), count(*) FILTER (WHERE relations <> ARRAY(SELECT r::text FROM iom_relations(b.node) r)
    OR reports <> ARRAY(SELECT iom_reports(b.node, 'hosts')) OR rank <> iom_rank(b.node))
  FROM (SELECT *, rank() OVER (ORDER BY place) FROM by_index) b INTO lines, different;
  SET LOCAL iomorg.probe_limit = 2000000000;
  DROP TABLE by_index;
END $$;
SELECT shape, lines > 100 AS some, charts, different
FROM (VALUES ('chain', 0.1), ('star', 0.2), ('uniform', 0.3), ('many roots', 0.4), ('comb', 0.5)) s (shape, seed),
  LATERAL pg_temp.plant_and_sort(50, shape, seed);
SELECT iom_chart_order('NOBODY', NULL) IS NULL AS unknown, iom_chart_order(NULL, NULL) IS NULL AS "null", iom_chart_pays(NULL, -1, NULL) AS no_lines;
ROLLBACK;

----------------------------------------------------------------------------
-- In the middle of statements, and in cursors
----------------------------------------------------------------------------
BEGIN;
CREATE TABLE seen (path text, expected text);
CREATE FUNCTION pg_temp.look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO seen SELECT iom_path(node), regress_path(node) FROM iom_unit WHERE node IN ('OSS', 'OSS-PAC', 'DG', NEW.node);
  RETURN NEW;
END $$;
CREATE TRIGGER regress_before BEFORE UPDATE ON iom_line FOR EACH ROW EXECUTE FUNCTION pg_temp.look();
CREATE TRIGGER regress_after AFTER UPDATE ON iom_line FOR EACH ROW EXECUTE FUNCTION pg_temp.look();
UPDATE iom_line SET supervisor = 'COS' WHERE line = 'solid' AND supervisor = 'DG' AND node <> 'COS';
SELECT count(*) > 20 AS several, count(DISTINCT path) > 5 AS states, count(*) FILTER (WHERE path IS DISTINCT FROM expected) AS different FROM seen;
ROLLBACK;

BEGIN;
DECLARE c CURSOR FOR SELECT node, regress_path(node) AS path_now FROM iom_subtree('DDGO');
FETCH 2 FROM c;
UPDATE iom_line SET supervisor = 'DG' WHERE supervisor = 'DDGO' AND line = 'solid';
SELECT count(*) FROM iom_subtree('DDGO');
FETCH ALL FROM c;
SELECT count(*) AS charts FROM iom_charts();
ROLLBACK;

----------------------------------------------------------------------------
-- Rows that make no hierarchy: the error names them, whoever finds them
----------------------------------------------------------------------------
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE iom_line SET supervisor = 'OSS-PAC' WHERE node = 'OSS' AND line = 'solid';
SELECT question, regress_error(question) FROM unnest(ARRAY['SELECT iom_level(''OSS'')', 'SELECT iom_path(''OSS-PAC'')',
  'SELECT iom_size(''OSS'')', 'SELECT ''OSS'' <@ ''DG''::iom_node', 'SELECT iom_common_supervisor(''OSS'', ''DG'')', 'SELECT iom_rank(''DG'')']) question;
-- elsewhere, there are answers
SELECT iom_supervisor('DLA'), iom_path('DLA');
ROLLBACK;
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO iom_line (node, supervisor) VALUES ('OSS', 'COS'), ('NOBODY', 'DLA'), ('DLA', 'NOWHERE');
-- (a line tells that its ends are there; whoever wants them in order looks)
SELECT question, regress_error(question) FROM unnest(ARRAY['SELECT iom_supervisor(''OSS'')', 'SELECT iom_span(''DLA'')',
  'SELECT iom_peers(''NOBODY'')', 'SELECT iom_subtree(''DLA'')', 'SELECT iom_path(''DLA'')']) question;
ROLLBACK;
SELECT sum(different) AS different FROM regress_compare(whole => false);

-- Not while constraints are deferred: until they are checked, no line tells of units
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
UPDATE iom_unit SET valid = '(,2020-01-01)' WHERE node = 'OSS-PAC';
SELECT question, regress_error(question) FROM unnest(ARRAY['SELECT iom_level(''OSS-PAC'')', 'SELECT iom_supervisor(''OSS-PAC'')', 'SELECT iom_size(''OSS'')',
  'SELECT iom_span(''OSS'')', 'SELECT ''OSS-PAC'' <@ ''OSS''::iom_node', 'SELECT iom_subtree(''OSS'')']) question;
UPDATE iom_line SET valid = '(,2020-01-01)' WHERE node = 'OSS-PAC';
SELECT iom_level('OSS-PAC'), iom_size('OSS'), iom_size('OSS', '2019-12-31') AS before, 'OSS-PAC' <@ 'OSS'::iom_node AS within;
SELECT sum(different) AS different FROM regress_compare(whole => false);
ROLLBACK;

-- without the indexes
BEGIN;
ALTER TABLE iom_line DROP CONSTRAINT iom_line_pkey;
DROP INDEX iom_line_supervisor_idx;
SELECT sum(different) AS different FROM regress_compare();
ROLLBACK;

----------------------------------------------------------------------------
-- Until a chart pays
----------------------------------------------------------------------------
\c -
SET client_min_messages = warning;
BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name) SELECT 'N' || i, i FROM generate_series(1, 6000) i;
INSERT INTO iom_line (node, supervisor) SELECT 'N' || i, 'N' || i / 5 FROM generate_series(5, 6000) i;
ANALYZE iom_unit, iom_line;

-- what costs less is answered by index, again and again ...
SELECT iom_supervisor('N6000'), iom_level('N6000'), iom_size('N700'), 'N6000' <@ 'N48'::iom_node AS within;
SELECT count(*) FROM generate_series(1, 1000) i WHERE iom_supervisor('N6000') = 'N1200';
SELECT count(*) AS charts FROM iom_charts();
-- ... and after many of them there is a chart
DO $$
DECLARE
  asked int := 0;
BEGIN
  WHILE NOT EXISTS (SELECT FROM iom_charts()) AND asked < 2000 LOOP
    asked := asked + 1;
    PERFORM iom_level(iom_node('N' || 6000 - asked));
  END LOOP;
  RAISE WARNING 'some: %, not too many: %', asked > 20, asked < 500;
END $$;
-- one question that costs more compiles at once
UPDATE iom_unit SET position = 0 WHERE node = 'N1';
SELECT iom_size('N2');
SELECT count(*) AS charts FROM iom_charts();
-- changes and questions in turn compile no more
DO $$
BEGIN
  FOR i IN 1 .. 300 LOOP
    INSERT INTO iom_unit (node, name) VALUES ('NEW' || i, 'new');
    INSERT INTO iom_line (node, supervisor) VALUES ('NEW' || i, 'N' || i);
    IF iom_supervisor(iom_node('NEW' || i)) <> iom_node('N' || i) OR iom_level(iom_node('NEW' || i)) <> iom_level(iom_node('N' || i)) + 1 THEN
      RAISE EXCEPTION 'wrong at %', i;
    END IF;
  END LOOP;
END $$;
SELECT count(*) AS charts FROM iom_charts();

-- a few lines are sorted by index, many are not
SELECT node FROM iom_relations('N700') OFFSET 1;
SELECT node FROM iom_reports('N1400', 'supervises');
SELECT count(*) AS charts FROM iom_charts();
INSERT INTO iom_line (node, supervisor, relation, line) SELECT 'N' || i, 'N6000', 'advises', 'dotted' FROM generate_series(1, 20) i;
SELECT count(*) FROM iom_relations('N6000');
SELECT count(*) AS charts FROM iom_charts();

-- nor are a few where all is very deep
SAVEPOINT deep;
INSERT INTO iom_unit (node, name) SELECT 'D' || i, i FROM generate_series(1, 3000) i;
INSERT INTO iom_line (node, supervisor) SELECT 'D' || i, CASE WHEN i > 1 THEN 'D' || i - 1 ELSE 'N1' END FROM generate_series(1, 3000) i;
SELECT count(*) FROM iom_relations('D3000');
SELECT count(*) AS charts FROM iom_charts();
ROLLBACK TO deep;

-- a node of very many lines costs what it costs
INSERT INTO iom_line (node, supervisor, relation, line) SELECT 'N6000', 'N' || i, 'assists', 'dotted' FROM generate_series(1, 3000) i;
SELECT iom_level('N6000');
SELECT count(*) AS charts FROM iom_charts();

-- a subtree that was found tells of one node after the other, until a chart pays
CREATE TEMPORARY TABLE regress_place AS SELECT iom_node('N' || 1 + i % 6000) AS unit FROM generate_series(1, 20000) i;
ANALYZE regress_place;
UPDATE iom_unit SET position = 0 WHERE node = 'N5';
SELECT cardinality(iom_subtree_codes('N700'));
SELECT regress_blocks('SELECT count(*) FROM (SELECT unit FROM regress_place LIMIT 2000) p WHERE unit <@ ''N700''') < 100 AS no_climbs;
SELECT count(*) AS charts FROM iom_charts();
SELECT count(*) FROM regress_place WHERE unit <@ 'N700';
SELECT count(*) AS charts FROM iom_charts();

-- the settings
SET LOCAL iomorg.probe_limit = 0;
UPDATE iom_unit SET position = 0 WHERE node = 'N3';
SELECT iom_level('N3');
SELECT count(*) AS charts FROM iom_charts();
SET LOCAL iomorg.probe_limit = 10;
UPDATE iom_unit SET position = 0 WHERE node = 'N4';
SELECT iom_supervisor('N4'), iom_supervisor('N60');
SELECT count(*) AS charts FROM iom_charts();
SELECT iom_supervisor('N61'), iom_supervisor('N62');
SELECT count(*) AS charts FROM iom_charts();
SET LOCAL iomorg.probe_limit = -2;
ROLLBACK;

-- Indexes that do not have all rows are not asked
SET iomorg.probe_limit = 100000;
INSERT INTO iom_unit (node, name) SELECT 'N' || i, 'n' FROM generate_series(1, 2000) i;
INSERT INTO iom_line (node, supervisor) SELECT ('N' || i)::iom_node, 'DG' FROM generate_series(1, 2000) i;
ANALYZE iom_unit, iom_line;
DROP INDEX iom_line_supervisor_idx;
CREATE INDEX regress_partial ON iom_line (supervisor) WHERE line = 'dotted';
SELECT count(*), iom_size('OSS') FROM iom_reports('DDGMR');
DROP INDEX regress_partial;
\set VERBOSITY terse
CREATE UNIQUE INDEX CONCURRENTLY regress_failed ON iom_line (supervisor);
SELECT count(*), iom_size('OSS') FROM iom_reports('DDGMR');
SET client_min_messages = error;
DROP EXTENSION iomorg CASCADE;
