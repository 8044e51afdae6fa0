--
-- iom_import, iom_import_problems
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

BEGIN;
-- Everything wrong, all at once
CREATE TEMPORARY TABLE bad (code text, name text, supervisor text, position text, valid daterange);
INSERT INTO bad VALUES
  ('ROOT', 'Root', NULL, '1', '[2020-01-01,)'),
  ('THIRTEENCHARS', 'Too long', 'ROOT', NULL, NULL),
  ('R&D', 'Other characters', 'ROOT', NULL, NULL),
  ('ÄMTER', 'Other letters', NULL, NULL, NULL),
  (NULL, 'No code', NULL, NULL, NULL),
  ('', 'Empty code', NULL, NULL, NULL),
  ('root', 'Twice', NULL, NULL, NULL),
  ('N1', NULL, NULL, NULL, NULL),
  ('N2', '', NULL, NULL, NULL),
  ('U1', 'Whose supervisor is unknown', 'NOBODY', NULL, NULL),
  ('U2', 'Whose supervisor is no code', 'NO BODY', NULL, NULL),
  ('S', 'Own supervisor', 's', NULL, NULL),
  ('C1', 'Cycle', 'C3', NULL, NULL),
  ('C2', 'Cycle', 'C1', NULL, NULL),
  ('C3', 'Cycle', 'C2', NULL, NULL),
  ('C4', 'Below it', 'C2', NULL, NULL),
  ('V1', 'Never', NULL, NULL, 'empty'),
  ('V2', 'Before its supervisor', 'ROOT', NULL, '[2019-01-01,)'),
  ('P1', 'Position', NULL, 'first', NULL),
  ('P2', 'Position', NULL, '2147483648', NULL),
  ('P3', 'Position', NULL, E' -3\t ', NULL),
  ('P4', 'Position', NULL, '4 4' || repeat('4', 1000), NULL);
SELECT * FROM iom_import_problems('TABLE bad');
SAVEPOINT s;
-- characters that cannot be seen are named
SELECT substring(detail FROM '"([^"]*; .{20})') FROM iom_import_problems(
  $$SELECT * FROM (VALUES (U&'\FEFFU3', 'With a byte order mark', NULL), (U&'U4\00A0', 'With a no-break space', NULL), (E'U5\t', 'With a tab', NULL), ('U 6', 'With a blank', NULL)) v (code, name, supervisor)$$);
SELECT iom_import('TABLE bad');
ROLLBACK TO s;
SELECT iom_size('DG');
-- ... where the units that are there go, they are nobody's supervisor
SELECT * FROM (VALUES (true, NULL), (true, '2031-01-01'::date), (false, NULL)) v (replace, day),
  iom_import_problems($$SELECT 'NEW' AS code, 'New' AS name, 'DG' AS supervisor$$, replace, day);

-- What is no query, or lacks columns
SELECT regress_error($$SELECT iom_import('SELECT 1 AS code, 2 AS position')$$);
SELECT regress_error($$SELECT iom_import('SELECT 1 AS code, 2 AS name, 3 AS supervisor, 4 AS valid')$$);
SELECT regress_error($$SELECT iom_import('SELECT 1 AS code, 2 AS name, 3 AS supervisor, 4 AS code, 5 AS other, 6 AS other')$$);
SELECT regress_error($$SELECT iom_import('DROP TABLE bad')$$);
SELECT regress_error($$SELECT iom_import('SELECT 1; SELECT 2')$$);
SELECT regress_error($$SELECT iom_import(NULL)$$);
SELECT regress_error($$SELECT iom_import('TABLE feed', NULL)$$);
SELECT regress_error($$SELECT * FROM iom_import_problems('TABLE feed', replace => NULL)$$);

-- Beside what is there
SELECT * FROM iom_import_problems($$VALUES (1, 2, 3)$$) LIMIT 0;
ROLLBACK TO s;
SELECT * FROM iom_import_problems($$SELECT 'dla' AS code, 'Law' AS name, 'DG' AS supervisor$$, false);
SELECT iom_import($$SELECT 'LAB' AS code, 'Lab' AS name, 'dpr'::varchar AS supervisor$$, false);
SELECT iom_path('LAB'), iom_size('DG');
-- Tables of another age: blanks at the end of a character(n) are none
CREATE DOMAIN pg_temp.old_code AS character(10);
SELECT iom_import($$SELECT 'lab2'::pg_temp.old_code AS code, 'Lab 2'::character(20) AS name, 'lab'::character(8) AS supervisor,
  'office'::character(12) AS kind, '7'::character(4) AS position$$, false);
SELECT iom_path(node), '"' || name || '"' AS name, '"' || kind || '"' AS kind, position FROM iom_unit WHERE node = 'LAB2';
SELECT * FROM iom_import_problems($$SELECT 'lab3  ' AS code, 'Lab 3' AS name, ''::character(8) AS supervisor$$, false);

-- A table of the user's may refer to units that stay, not to one that goes.
CREATE TABLE regress_staff (unit iom_node REFERENCES iom_unit);
INSERT INTO regress_staff VALUES ('DLA');
SAVEPOINT s;
SELECT iom_import($$SELECT 'X' AS code, 'X' AS name, NULL AS supervisor$$);
ROLLBACK TO s;
SET LOCAL search_path = pg_catalog;
SELECT public.iom_import($$SELECT 7 AS code, 'Seven'::name AS name, NULL AS supervisor, 3::bigint AS position, '' AS kind
  UNION ALL SELECT NULL, NULL, NULL, NULL, NULL WHERE false$$, false);
RESET search_path;
SELECT iom_import($$SELECT * FROM (VALUES ('DLA', 'Law', '', 'firm', 2, 'Partner', 'Laws'), ('p', 'Paralegals', 'DLA', NULL, 1, '', NULL))
  v (code, name, supervisor, kind, position, head_title, mandate)$$);
SELECT node, name, kind, position, head_title, mandate, valid, origin FROM iom_unit;
SELECT node, supervisor, relation, line, valid, basis FROM iom_line;
SELECT count(*) FROM iom_appointment;
SELECT * FROM iom_check();
DROP TABLE regress_staff;

-- Forests, as a plain HR table has them, against that table
SELECT setseed(0.3);
CREATE TEMPORARY TABLE staging AS
SELECT i AS number, (i * 7919::bigint % 50021 || '.f')::iom_node AS node,
  CASE WHEN i > 1 AND random() > 0.02 THEN ((1 + floor(random() * (i - 1)))::bigint * 7919 % 50021 || '.F')::iom_node END AS supervisor,
  (random() * 4000000000 - 2000000000)::int AS position
FROM generate_series(1, 50000) i;
SELECT iom_import('SELECT lower(node::text) AS code, ''unit '' || number AS name, supervisor, position FROM staging ORDER BY random()');
SELECT count(*) AS rows,
  count(*) FILTER (WHERE u.node IS NULL OR u.name <> 'unit ' || s.number OR u.position <> s.position
    OR iom_supervisor(s.node) IS DISTINCT FROM s.supervisor) AS different
FROM staging s LEFT JOIN iom_unit u USING (node);
SELECT (SELECT count(*) FROM iom_unit) AS units, (SELECT count(*) FROM iom_line) - (SELECT count(supervisor) FROM staging) AS lines;
SELECT * FROM iom_check();

-- ... with faults sown in: as many cycles as a slow search finds, and no others
UPDATE staging s SET supervisor = (SELECT node FROM staging t WHERE t.number = 1 + (s.number * 7919::bigint) % 3000)
WHERE number <= 3000 AND number % 3 = 0;
WITH RECURSIVE up AS (
  SELECT node AS start, supervisor AS node, 1 AS steps FROM staging WHERE number <= 3000
  UNION
  SELECT u.start, s.supervisor, u.steps + 1 FROM up u JOIN staging s ON s.node = u.node AND s.number <= 3000
  WHERE u.node <> u.start AND u.steps < 400
), cycle AS (
  SELECT DISTINCT (SELECT min(v.node) FROM up v WHERE v.start = u.start)::text AS code FROM up u WHERE u.node = u.start
), found AS (
  SELECT code FROM iom_import_problems('SELECT node AS code, 1 AS name, supervisor FROM staging')
)
SELECT (SELECT count(*) > 0 FROM cycle) AS some, (SELECT count(*) FROM cycle) - (SELECT count(*) FROM found) AS more,
  (SELECT count(*) FROM (TABLE cycle EXCEPT TABLE found) d) AS different;
ROLLBACK;

-- Odd queries, odd rows
BEGIN;
SET LOCAL client_min_messages = notice;
CREATE TEMPORARY TABLE feed (code text, name text, supervisor text);
INSERT INTO feed VALUES ('CEO', 'Chief', '  '), ('fin', 'Finance', 'ceo'), ('X' || repeat('ü', 1000000), repeat('n', 1000000), 'CEO');
SELECT regress_error($$SELECT iom_import('SELECT code, name, supervisor INTO other FROM feed')$$);
SELECT regress_error($$SELECT iom_import('')$$);
SELECT regress_error($$SELECT iom_import('COPY feed TO STDOUT')$$);
SELECT regress_error($$SELECT iom_import('INSERT INTO feed TABLE feed')$$);
SELECT regress_error($$SELECT iom_import('SELECT 1/0 AS code, 2 AS name, 3 AS supervisor')$$);
SELECT left(code, 3) AS code, problem, detail FROM iom_import_problems('SELECT *, 1 AS head, 2 AS "Kind" FROM feed');
SAVEPOINT s;
SELECT iom_import('TABLE feed');
ROLLBACK TO s;
-- one that changes rows, our own among them
SELECT iom_import('DELETE FROM feed WHERE length(code) < 20 RETURNING *');
SELECT count(*) FROM feed;
SELECT iom_import('WITH i AS (INSERT INTO iom_unit (node, name) VALUES (''HQ'', ''Office'') RETURNING node, name) SELECT node AS code, name, ''CEO'' AS supervisor FROM i');
ROLLBACK TO s;
-- a column of our own, and what a trigger makes of a row, stay
ALTER TABLE iom_unit ADD cost_centre text;
UPDATE iom_unit SET cost_centre = 'C1' WHERE node = 'DLA';
SELECT iom_import($$SELECT 'DLA' AS code, 'Law' AS name, '' AS supervisor$$);
SELECT node, name, kind, cost_centre FROM iom_unit;
CREATE FUNCTION regress_not_law() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.node = ''LAW'' THEN RETURN NULL; END IF; RETURN NEW; END';
CREATE TRIGGER regress_not_law BEFORE INSERT ON iom_unit FOR EACH ROW EXECUTE FUNCTION regress_not_law();
SELECT iom_import($$SELECT * FROM (VALUES ('DLA', 'Law', ''), ('LAW', 'Laws', 'DLA')) v (code, name, supervisor)$$);
ROLLBACK TO s;
-- ten thousand bad rows, all of one code; and a chain of command that is a circle
SELECT problem, count(*) FROM iom_import_problems('SELECT ''A'' AS code, ''n'' AS name, ''A'' AS supervisor FROM generate_series(1, 10000)') GROUP BY 1 ORDER BY 1;
SELECT code, problem, detail FROM iom_import_problems('SELECT i AS code, i AS name, i % 100000 + 1 AS supervisor FROM generate_series(1, 100000) i');
ROLLBACK;

-- Whoever may change the tables may import, and sees what he may see
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE ROLE regress_hr;
CREATE TEMPORARY TABLE feed AS SELECT node AS code, name, supervisor FROM iom_org;
GRANT SELECT ON feed TO regress_hr;
SET LOCAL ROLE regress_hr;
SELECT regress_error($$SELECT iom_import('TABLE feed')$$);
SELECT count(*) FROM iom_import_problems('TABLE feed');
RESET ROLE;
GRANT INSERT ON iom_unit TO regress_hr;
UPDATE feed SET supervisor = 'DG' WHERE code = 'DLA';
SET LOCAL ROLE regress_hr;
SELECT iom_import($$SELECT * FROM feed WHERE code <> 'DLA' UNION ALL SELECT 'DLA', (SELECT name FROM iom_unit WHERE node = 'DLA'), 'DDGMR'$$, effective => '2031-01-01');
SELECT regress_error($$SELECT iom_import('TABLE feed', effective => '2031-01-01')$$);
RESET ROLE;
GRANT INSERT, UPDATE ON iom_line TO regress_hr;
SET LOCAL ROLE regress_hr;
SELECT iom_import('TABLE feed', effective => '2031-01-01');
SELECT iom_path('DLA', as_of => '2030-12-31'), iom_path('DLA', as_of => '2031-01-01');
RESET ROLE;
ALTER TABLE iom_line ENABLE ROW LEVEL SECURITY;
CREATE POLICY reading ON iom_line FOR SELECT TO regress_hr USING (true);
CREATE POLICY writing ON iom_line FOR INSERT TO regress_hr WITH CHECK (true);
CREATE POLICY changing ON iom_line FOR UPDATE TO regress_hr USING (node <> 'OSS');
UPDATE feed SET supervisor = 'DG' WHERE code IN ('OSS', 'GDU');
SET LOCAL ROLE regress_hr;
SELECT regress_error($$SELECT iom_import('TABLE feed', effective => '2031-01-01')$$);
SELECT regress_error($$SELECT * FROM iom_import_problems('TABLE feed', effective => '2031-01-01')$$);
-- (only what replaces must see all that is there)
SELECT iom_import($$SELECT 'OWN' AS code, 'Own' AS name, NULL AS supervisor$$, replace => false);
RESET ROLE;
ALTER TABLE iom_line DISABLE ROW LEVEL SECURITY;
ALTER TABLE iom_appointment ENABLE ROW LEVEL SECURITY;
GRANT DELETE ON iom_appointment, iom_line, iom_unit TO regress_hr;
SET LOCAL ROLE regress_hr;
SELECT regress_error($$SELECT iom_import('TABLE feed')$$);
RESET ROLE;
ALTER TABLE iom_appointment DISABLE ROW LEVEL SECURITY;
CREATE FUNCTION pass_over() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN CASE WHEN OLD.node <> 'OSS' THEN NEW END; END$$;
CREATE TRIGGER pass_over BEFORE UPDATE ON iom_line FOR EACH ROW EXECUTE FUNCTION pass_over();
SET LOCAL ROLE regress_hr;
SELECT regress_error($$SELECT iom_import('TABLE feed', effective => '2031-01-01')$$);
RESET ROLE;
ROLLBACK;

-- No statistics are needed for a plan of the whole chart: tables that were never analyzed
BEGIN;
SET LOCAL client_min_messages = warning;
DROP EXTENSION iomorg CASCADE;
CREATE EXTENSION iomorg;
SELECT iom_import($$SELECT 'U' || i AS code, 'Unit ' || i AS name, CASE WHEN i > 10 THEN 'U' || i / 10 END AS supervisor FROM generate_series(1, 3000) i$$);
CREATE FUNCTION regress_plan_json(query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN plan;
END $$;
SELECT jsonb_path_query(regress_plan_json('SELECT * FROM iom_org'), 'strict $.** ? (@."Relation Name" == "iom_line")."Plan Rows"')::int > 100 AS many,
  jsonb_path_query(regress_plan_json('SELECT * FROM iom_org'), 'strict $[0].Plan."Node Type"') AS join;
SELECT jsonb_path_query(regress_plan_json($$SELECT * FROM iom_org WHERE code = 'U7'$$), 'strict $.** ? (@."Index Name" starts with "iom")."Index Name"');
SELECT count(*), count(relation), max(level) FROM (SELECT * FROM iom_org OFFSET 0) o;
ROLLBACK;

-- A line that is not solid, or was not stated, is not the one that the rows tell of
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE TEMPORARY TABLE feed (code text, name text, supervisor text);
INSERT INTO feed VALUES ('HQ', 'Headquarters', NULL), ('A', 'A', 'HQ');
SELECT iom_import('TABLE feed');
UPDATE iom_line SET line = 'dotted' WHERE node = 'A';
SELECT iom_import('TABLE feed');
SELECT node, supervisor, line, basis FROM iom_line;
UPDATE iom_line SET basis = 'inferred' WHERE node = 'A';
SELECT iom_import('TABLE feed');
SELECT node, supervisor, line, basis FROM iom_line;
ROLLBACK;
-- A code that comes twice makes no cycle; a long cycle is cut; no character hides
SELECT DISTINCT problem FROM iom_import_problems($$SELECT 'N' || i % 50 AS code, 'A' AS name, CASE WHEN i >= 50 THEN 'N' || i % 50 END AS supervisor FROM generate_series(0, 999) i$$);
SELECT * FROM iom_import_problems($$SELECT 'N' || i AS code, 'A' AS name, 'N' || (i + 1) % 11 AS supervisor FROM generate_series(0, 10) i$$);
SELECT * FROM iom_import_problems($$SELECT 'A' || chr(127) AS code, 'A' AS name, NULL AS supervisor$$);
