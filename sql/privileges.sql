--
-- Who may do what
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE ROLE regress_reader;
CREATE ROLE regress_editor;
CREATE ROLE regress_hr;
GRANT CREATE ON SCHEMA public TO regress_hr;

-- Anybody may read, and nobody but the owner may change.
SET ROLE regress_reader;
SELECT iom_supervisor('DLA'), 'DLA' <@ 'DG'::iom_node AS within, (SELECT count(*) FROM iom_org) AS org;
INSERT INTO iom_unit (node, name) VALUES ('X', 'X');
UPDATE iom_unit SET name = 'X';
DELETE FROM iom_line;
TRUNCATE iom_line;
INSERT INTO iom_appointment VALUES ('DG', 'DG', 'x');
UPDATE iom_revision SET revision = '1';
CREATE TABLE regress_staff (unit iom_node REFERENCES iom_unit);
RESET ROLE;

-- A role with privileges on the tables edits; it needs none on iom_revision.
GRANT INSERT, UPDATE, DELETE ON iom_unit, iom_line TO regress_editor;
SET ROLE regress_editor;
BEGIN;
INSERT INTO iom_unit (node, name) VALUES ('X', 'Unit X');
INSERT INTO iom_line (node, supervisor) VALUES ('X', 'DOE');
SELECT iom_path('X'), current_user;
UPDATE iom_line SET supervisor = 'X' WHERE node = 'DDGO' AND line = 'solid';
ROLLBACK;
UPDATE iom_revision SET revision = '1';
RESET ROLE;
-- Nor does a row pass for one of a dump, which is not recorded: not where there is
-- the seed alone, nor after a dump came.
BEGIN;
SET LOCAL client_min_messages = error;
DROP EXTENSION iomorg CASCADE;
CREATE EXTENSION iomorg;
GRANT INSERT, UPDATE, DELETE ON iom_unit, iom_line TO regress_editor;
SET LOCAL check_function_bodies = off;
SAVEPOINT seed;
SET LOCAL ROLE regress_editor;
INSERT INTO iom_unit (node, name, origin) VALUES ('X', 'Unit X', 'seed');
RESET ROLE;
SELECT content FROM iom_revision;
SELECT node, origin FROM iom_unit WHERE node IN ('DG', 'X');
SELECT acting_as, change, node FROM iom_history;
ROLLBACK TO seed;
INSERT INTO iom_unit (node, name, origin) VALUES ('D', 'Of a dump', 'seed');
SET LOCAL ROLE regress_editor;
INSERT INTO iom_unit (node, name, origin) VALUES ('X', 'Unit X', 'seed');
RESET ROLE;
SELECT content FROM iom_revision;
SELECT node, origin FROM iom_unit;
SELECT acting_as, change, node FROM iom_history;
ROLLBACK;

-- An HR table with a foreign key takes REFERENCES.
GRANT REFERENCES ON iom_unit TO regress_hr;
SET ROLE regress_hr;
CREATE TABLE regress_staff (id int, unit iom_node REFERENCES iom_unit);
INSERT INTO regress_staff VALUES (1, 'DLA'), (2, 'DOE');
SELECT count(*) FROM regress_staff WHERE unit <@ 'DDGMR';
RESET ROLE;
SELECT regress_error($$DELETE FROM iom_unit WHERE node = 'DLA'$$);
DROP TABLE regress_staff;

-- Without SELECT on a table, functions and operators tell nothing, whatever
-- they are asked, even with a chart at hand.
SELECT iom_level('DLA');
REVOKE SELECT ON iom_unit FROM PUBLIC;
SET ROLE regress_reader;
SELECT regress_error(q) FROM (VALUES
  ($$SELECT iom_level('DLA')$$),
  ($$SELECT iom_level('NOBODY')$$),
  ($$SELECT iom_level('DLA', '2020-01-01')$$),
  ($$SELECT 'DLA' <@ 'DG'::iom_node$$),
  ($$SELECT 'NOBODY' <@ 'NOBODY'::iom_node$$),
  ($$SELECT * FROM iom_subtree('DG')$$),
  ($$SELECT iom_common_supervisor(n) FROM unnest('{DLA,DOE}'::iom_node[]) n$$),
  ($$SELECT * FROM iom_tree()$$)) v (q);
RESET ROLE;
GRANT SELECT ON iom_unit TO PUBLIC;
SET ROLE regress_reader;
SELECT iom_level('DLA');
RESET ROLE;
REVOKE SELECT ON iom_line FROM PUBLIC;
SET ROLE regress_reader;
SELECT iom_level('DLA');
RESET ROLE;

-- A privilege that comes by membership goes with it.
CREATE ROLE regress_org;
GRANT SELECT ON iom_line TO regress_org;
GRANT regress_org TO regress_reader;
SET ROLE regress_reader;
SELECT iom_level('DLA');
RESET ROLE;
BEGIN;
REVOKE regress_org FROM regress_reader;
SET LOCAL ROLE regress_reader;
SELECT iom_level('DLA');
ROLLBACK;
REVOKE regress_org FROM regress_reader;
SET ROLE regress_reader;
SELECT iom_level('DLA');
RESET ROLE;
-- ... and a function runs with its owner's if that is how it was made
CREATE FUNCTION regress_level(n iom_node) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT iom_level(n)';
SET ROLE regress_reader;
SELECT regress_level('DLA');
SELECT iom_level('DLA');
RESET ROLE;
DROP FUNCTION regress_level;
GRANT SELECT ON iom_line TO PUBLIC;

-- Row-level security on the tables: an answer would tell of hidden rows.
BEGIN;
ALTER TABLE iom_unit ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON iom_unit USING (node <> 'DLA');
SELECT iom_level('DLA') AS of_the_owner;
SET LOCAL ROLE regress_reader;
SELECT count(*) FROM iom_unit;
SELECT iom_level('DG');
ROLLBACK;
SET ROLE regress_reader;
SELECT iom_level('DG');
RESET ROLE;

-- A leakproof filter goes below a policy; one that is not stays above it.
CREATE TABLE regress_staff (id int, unit iom_node, salary int);
INSERT INTO regress_staff VALUES (1, 'DLA', 10), (2, 'DOE', 20), (3, 'OSS-MAC', 30);
ALTER TABLE regress_staff ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON regress_staff USING (unit <@ 'DDGMR');
GRANT SELECT ON regress_staff TO regress_reader;
SET ROLE regress_reader;
SELECT * FROM regress_staff ORDER BY id;
SELECT * FROM regress_staff WHERE unit <@ 'OSS';
EXPLAIN (COSTS OFF) SELECT * FROM regress_staff WHERE unit <@ 'OSS' AND unit = 'OSS-MAC';
RESET ROLE;
DROP TABLE regress_staff;

-- Whatever a caller puts in front of the search path, nothing is found there.
CREATE SCHEMA regress_evil;
GRANT CREATE, USAGE ON SCHEMA regress_evil TO regress_editor;
SET ROLE regress_editor;
SET search_path = regress_evil, public, pg_catalog;
CREATE TABLE regress_evil.iom_unit (node text, name text, position int, valid daterange);
CREATE TABLE regress_evil.iom_line (node text, supervisor text, line text, valid daterange);
CREATE TABLE regress_evil.iom_revision (revision xid8);
CREATE FUNCTION regress_evil.evil() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;
CREATE FUNCTION regress_evil.iom_rank(iom_node, date) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;
CREATE FUNCTION regress_evil.iom_as_of(date DEFAULT NULL) RETURNS date LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;
CREATE FUNCTION regress_evil.pg_current_xact_id() RETURNS xid8 LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;
CREATE FUNCTION regress_evil.iom_eq(iom_node, iom_node) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;
CREATE OPERATOR regress_evil.= (LEFTARG = iom_node, RIGHTARG = iom_node, FUNCTION = regress_evil.iom_eq);
CREATE FUNCTION regress_evil.range_has(daterange, date) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'evil'; END$$;
CREATE OPERATOR regress_evil.@> (LEFTARG = daterange, RIGHTARG = date, FUNCTION = regress_evil.range_has);
SELECT iom_path('DLA'), iom_node 'DLA' <@ 'DG' AS within;
SELECT count(*) FROM iom_relations('DG');
SELECT count(*) FROM iom_reports('DDGMR', 'oversees');
SELECT count(*) FROM iom_tree('DDGO', dotted => true);
SELECT length(iom_dot(dotted => true)) > 1000 AS dot, length(iom_mermaid(dotted => true)) > 1000 AS mermaid,
  iom_json('DOE', dotted => true)->>'level' AS level, (SELECT count(*) FROM iom_matrix('DDGO', '{assists}')) AS matrix;
SELECT node FROM iom_find('legal affairs');
SELECT level_3 FROM iom_levels WHERE code = 'DLA';
SELECT count(*), max(level) FROM iom_org;
BEGIN;
UPDATE public.iom_line SET supervisor = 'COS' WHERE node OPERATOR(public.=) 'DLA' AND line = 'solid';
SELECT iom_path('DLA');
UPDATE public.iom_line SET supervisor = 'DLA' WHERE node OPERATOR(public.=) 'COS' AND line = 'solid';
ROLLBACK;
RESET search_path;
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA regress_evil CASCADE;
RESET client_min_messages;

-- Trusted: who may create in a database may have the extension, and edit.
CREATE ROLE regress_owner;
SET client_min_messages = warning;
DROP EXTENSION iomorg CASCADE;
RESET client_min_messages;
GRANT CREATE ON SCHEMA public TO regress_owner;
DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_owner', current_database()); END$$;
SET ROLE regress_owner;
CREATE EXTENSION iomorg;
BEGIN;
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'DLA' AND line = 'solid';
INSERT INTO iom_unit (node, name) VALUES ('X', 'Unit X');
SELECT iom_path('DLA'), iom_path('X');
ROLLBACK;
GRANT UPDATE ON iom_line TO regress_editor;
CREATE TABLE regress_staff (unit iom_node REFERENCES iom_unit);
DROP TABLE regress_staff;
-- ... and have triggers on them, which are run as who changes rows, as anywhere
SET client_min_messages = warning;
CREATE FUNCTION regress_trigger() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE TRIGGER regress_t BEFORE UPDATE ON iom_line FOR EACH ROW EXECUTE FUNCTION regress_trigger();
DROP FUNCTION regress_trigger CASCADE;
RESET client_min_messages;
RESET ROLE;
SET ROLE regress_editor;
BEGIN;
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'DLA' AND line = 'solid';
SELECT iom_path('DLA');
ROLLBACK;
RESET ROLE;
SET ROLE regress_owner;
DROP EXTENSION iomorg;
RESET ROLE;
CREATE EXTENSION iomorg;

DROP OWNED BY regress_owner, regress_editor, regress_reader, regress_hr, regress_org;
DROP ROLE regress_owner, regress_editor, regress_reader, regress_hr, regress_org;

-- What the session found by index before serves nobody who may not ask
CREATE ROLE regress_reader;
REVOKE SELECT ON iom_line FROM PUBLIC;
INSERT INTO iom_unit (node, name) SELECT 'N' || i, 'n' FROM generate_series(1, 5000) i;
INSERT INTO iom_line (node, supervisor) SELECT ('N' || i)::iom_node, CASE WHEN i < 10 THEN 'DG' ELSE 'N' || i / 10 END::iom_node FROM generate_series(1, 5000) i;
ANALYZE iom_unit, iom_line;
CREATE TABLE regress_staff AS SELECT 'N123'::iom_node AS unit FROM generate_series(1, 5);
GRANT SELECT ON regress_staff TO PUBLIC;
SELECT count(*) FROM regress_staff WHERE unit <@ 'N12';
SET ROLE regress_reader;
SELECT count(*) FROM regress_staff WHERE unit <@ 'N12';
RESET ROLE;
DROP TABLE regress_staff;
DELETE FROM iom_line WHERE node::text ~ '^N\d';
DELETE FROM iom_unit WHERE node::text ~ '^N\d';
GRANT SELECT ON iom_line TO PUBLIC;
-- who loses BYPASSRLS, or the database, does so at once
REVOKE SELECT ON iom_unit FROM PUBLIC;
GRANT SELECT ON iom_unit TO regress_reader;
ALTER TABLE iom_unit ENABLE ROW LEVEL SECURITY;
ALTER ROLE regress_reader BYPASSRLS;
SET ROLE regress_reader;
SELECT iom_level('DLA');
RESET ROLE;
ALTER ROLE regress_reader NOBYPASSRLS;
SET ROLE regress_reader;
SELECT regress_error($$SELECT iom_level('DLA')$$);
RESET ROLE;
ALTER TABLE iom_unit DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON iom_unit FROM regress_reader;
GRANT SELECT ON iom_unit TO pg_database_owner;
DO $$BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO regress_reader', current_database()); END$$;
SET ROLE regress_reader;
SELECT iom_level('DLA');
RESET ROLE;
DO $$BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO CURRENT_USER', current_database()); END$$;
SET ROLE regress_reader;
SELECT regress_error($$SELECT iom_level('DLA')$$);
RESET ROLE;
REVOKE SELECT ON iom_unit FROM pg_database_owner;
-- nor does a hint tell on which day a unit ends, or an error whose line is wrong
BEGIN;
REVOKE SELECT ON iom_line, iom_unit FROM PUBLIC;
GRANT INSERT ON iom_line, iom_unit TO regress_reader;
INSERT INTO iom_unit (node, name) VALUES ('NEW', 'New');
INSERT INTO iom_unit (node, name, valid) VALUES ('OLD', 'Old', '(,2030-01-01)');
INSERT INTO iom_unit (node, name) SELECT 'N' || i, 'n' FROM generate_series(1, 3000) i;
SET LOCAL ROLE regress_reader;
SAVEPOINT s;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('NEW', 'OLD', '[2025-01-01,)');
ROLLBACK TO s;
RESET ROLE;
ALTER TABLE iom_line DISABLE TRIGGER iom_line_sound;
INSERT INTO iom_line (node, supervisor) VALUES ('OSS', 'DG');
ALTER TABLE iom_line ENABLE ALWAYS TRIGGER iom_line_sound;
SET LOCAL ROLE regress_reader;
INSERT INTO iom_line (node, supervisor) SELECT ('N' || i)::iom_node, 'DG' FROM generate_series(1, 3000) i;
ROLLBACK;
GRANT SELECT ON iom_unit TO PUBLIC;
DROP ROLE regress_reader;
