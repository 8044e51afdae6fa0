--
-- What the catalogs' caches know is forgotten wherever that can be (by servers with
-- assertions: `make test-valgrind`), as when others commit just then
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

BEGIN;
UPDATE iom_unit SET name = name WHERE node = 'DLA';
SELECT set_config('debug_discard_caches', LEAST(max_val::int, 1)::text, true) <> '' AS set FROM pg_settings WHERE name = 'debug_discard_caches';
SELECT iom_path('DLA'), iom_size('DG');
SELECT * FROM iom_check();
UPDATE iom_unit SET name = 'Law' WHERE node = 'DLA';
-- by SQL, as the owner
CREATE FUNCTION regress_pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER regress_pass BEFORE INSERT ON iom_history FOR EACH ROW EXECUTE FUNCTION regress_pass();
UPDATE iom_unit SET name = 'Laws' WHERE node = 'DLA';
SELECT change, node, after ->> 'name' AS name FROM iom_history WHERE after ->> 'name' ~ 'Law' ORDER BY id;
ROLLBACK;
-- rows of a dump
BEGIN;
UPDATE iom_revision SET content = 'restored';
SELECT set_config('debug_discard_caches', LEAST(max_val::int, 1)::text, true) <> '' AS set FROM pg_settings WHERE name = 'debug_discard_caches';
SET LOCAL check_function_bodies = off;
INSERT INTO iom_line (node, supervisor, origin) VALUES ('AAA', 'BBB', 'own');
INSERT INTO iom_unit (node, name, origin) VALUES ('AAA', 'Triple', 'own');
SELECT node, iom_path(node), origin FROM iom_unit WHERE node IN ('AAA', 'BBB') ORDER BY node;
ROLLBACK;
