--
-- Stand-ins: rows of a dump take the place of the seed while other tables refer to
-- it, and foreign keys come before the units
--
SET client_min_messages = warning;
SET check_function_bodies = off;	-- as every dump does
CREATE ROLE regress_restorer;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_restorer', current_database()) \gexec
CREATE FUNCTION regress_begin() RETURNS void LANGUAGE plpgsql SET client_min_messages = error AS $$
BEGIN
	DROP EXTENSION IF EXISTS iomorg CASCADE;
	CREATE EXTENSION iomorg;
	-- as pg_dump writes it: rows that say where they come from
	CREATE TABLE dump_unit AS SELECT * FROM iom_unit WHERE node IN ('DG', 'DLA', 'DOE');
	UPDATE dump_unit SET origin = 'own', name = 'Legal', valid = '[2020-01-01,)' WHERE node = 'DLA';
	INSERT INTO dump_unit SELECT 'MINE', 'Mine', 'unit', NULL, NULL, 7, '(,)', 'own';
	CREATE TABLE dump_line AS SELECT * FROM iom_line WHERE false;
	INSERT INTO dump_line VALUES ('DLA', 'DG', 'supervises', 'solid', '[2020-01-01,)', 'stated', 'seed'),
		('MINE', 'DLA', 'supervises', 'solid', '[2021-01-01,)', 'stated', 'own');
	CREATE TABLE staff (id int, unit iom_node);
	INSERT INTO staff VALUES (1, 'DLA'), (2, 'MINE'), (3, NULL), (4, 'DLA');
END $$;
-- the organisation as it is: nodes of the dump, stand-ins, others
CREATE FUNCTION regress_state() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN concat_ws('; ',
		(SELECT content FROM iom_revision),
		(SELECT 'restored ' || string_agg(node::text, ' ' ORDER BY node) FROM iom_unit JOIN dump_unit d USING (node, name, kind, position, valid, origin)),
		(SELECT 'awaited ' || string_agg(node::text, ' ' ORDER BY node) FROM iom_unit WHERE origin = 'awaited'),
		(SELECT 'seed ' || count(*) FROM iom_unit WHERE origin = 'seed'),
		(SELECT count(*) || ' lines' FROM iom_line),
		(SELECT count(*) || ' rows in staff' FROM staff),
		(SELECT 'history ' || count(*) FROM iom_history),
		(SELECT string_agg(problem || ' ' || node::text || ' ' || detail, ', ' ORDER BY node) FROM iom_check()));
END $$;

-- Rows that refer to the seed stay, whatever their foreign key would do
BEGIN;
SELECT regress_begin();
CREATE TABLE access (unit iom_node REFERENCES iom_unit ON DELETE CASCADE);
CREATE TABLE guest (unit iom_node DEFAULT 'COS' REFERENCES iom_unit ON DELETE SET DEFAULT) PARTITION BY LIST (unit);
CREATE TABLE guest_all PARTITION OF guest DEFAULT;
INSERT INTO access VALUES ('DG'), ('DOE'), ('DG');
INSERT INTO guest VALUES ('DLA'), ('DOE');
-- (names that a query could mistake for its own)
CREATE TABLE odd (n int, u iom_node, x iom_node REFERENCES iom_unit ON DELETE CASCADE);
INSERT INTO odd VALUES (1, 'COS', 'DOE');
INSERT INTO iom_unit TABLE dump_unit LIMIT 1;
SELECT regress_state();
INSERT INTO iom_line TABLE dump_line;
SELECT regress_state();
INSERT INTO iom_unit SELECT * FROM dump_unit OFFSET 1;
SELECT regress_state();
SELECT * FROM access;
SELECT * FROM guest;
SELECT * FROM odd;
SELECT node, iom_path(node) FROM iom_subtree('DG') node;
ROLLBACK;

-- (columns of one's own, too)
BEGIN;
SELECT regress_begin();
ALTER TABLE iom_unit ADD n iom_node, ADD a int, ADD u int;
INSERT INTO iom_line TABLE dump_line;
ALTER TABLE staff ADD FOREIGN KEY (unit) REFERENCES iom_unit;
SELECT regress_state();
ROLLBACK;

-- what the dump has not is reported, and still there
BEGIN;
SELECT regress_begin();
CREATE TABLE access (unit iom_node REFERENCES iom_unit ON DELETE CASCADE);
INSERT INTO access VALUES ('COS');
INSERT INTO iom_unit TABLE dump_unit;
SELECT regress_state();
TABLE access;
ROLLBACK;

-- Lines, appointments and other columns have no stand-ins
BEGIN;
SELECT regress_begin();
CREATE TABLE visit (post iom_node REFERENCES iom_appointment ON DELETE CASCADE);
SAVEPOINT s;
INSERT INTO iom_unit TABLE dump_unit;
SELECT regress_state();
ROLLBACK TO s;
INSERT INTO visit VALUES ('DG');
INSERT INTO iom_unit TABLE dump_unit;
ROLLBACK TO s;
ALTER TABLE iom_unit ADD UNIQUE (name);
CREATE TABLE by_name (name text REFERENCES iom_unit (name) ON DELETE CASCADE);
INSERT INTO by_name SELECT name FROM iom_unit WHERE node = 'DG';
INSERT INTO iom_unit TABLE dump_unit;
ROLLBACK TO s;
SELECT regress_state();
ROLLBACK;

-- A foreign key before the units: for a dump only
BEGIN;
SELECT regress_begin();
SAVEPOINT s;
SET LOCAL check_function_bodies = on;
ALTER TABLE staff ADD FOREIGN KEY (unit) REFERENCES iom_unit;
ROLLBACK TO s;
-- nor does an INSERT with all columns take the seed away in a session like any other
SET LOCAL check_function_bodies = on;
INSERT INTO iom_unit SELECT 'DLA2', name, kind, head_title, mandate, position, valid, origin FROM iom_unit WHERE node = 'DLA';
SELECT regress_state();
SELECT change, node FROM iom_history;
INSERT INTO iom_unit TABLE dump_unit;
ROLLBACK TO s;
ALTER TABLE staff ADD FOREIGN KEY (unit) REFERENCES iom_unit;
SELECT regress_state();
INSERT INTO iom_line TABLE dump_line;
SELECT regress_state();
INSERT INTO iom_unit TABLE dump_unit;
SELECT regress_state();
-- another one, when all is there
CREATE DOMAIN place AS iom_node CHECK (VALUE <> 'NOWHERE');
CREATE TABLE "Other" ("the Unit" place, b iom_node) PARTITION BY LIST (b);
CREATE TABLE other_all PARTITION OF "Other" DEFAULT;
INSERT INTO "Other" VALUES ('MINE', 'MINE'), ('NEWER', NULL);
ALTER TABLE "Other" ADD FOREIGN KEY ("the Unit") REFERENCES iom_unit (node), ADD FOREIGN KEY (b) REFERENCES iom_unit;
SELECT regress_state();
-- to another column than the node's there are no stand-ins
SAVEPOINT s;
ALTER TABLE iom_unit ADD former iom_node UNIQUE GENERATED ALWAYS AS (CASE WHEN node = 'DG' THEN iom_node 'OLD' END) STORED;
CREATE TABLE past AS SELECT iom_node 'OLD' AS unit;
ALTER TABLE past ADD FOREIGN KEY (unit) REFERENCES iom_unit (former);
SELECT regress_state();
ROLLBACK TO s;
-- and what ALTER TABLE refuses
\set VERBOSITY sqlstate
ALTER TABLE staff ADD FOREIGN KEY (id) REFERENCES iom_unit;
\set VERBOSITY default
ROLLBACK TO s;
ALTER TABLE staff ADD FOREIGN KEY (nothing) REFERENCES iom_unit;
ROLLBACK TO s;
ALTER TABLE staff ADD FOREIGN KEY (unit) REFERENCES nothing;
ROLLBACK TO s;
ALTER TABLE nothing ADD FOREIGN KEY (unit) REFERENCES iom_unit;
ROLLBACK TO s;
ALTER TABLE IF EXISTS nothing ADD FOREIGN KEY (unit) REFERENCES iom_unit;
ALTER TABLE staff ADD FOREIGN KEY (unit) REFERENCES iom_unit NOT VALID, ADD CHECK (id > 0), ADD later int;
SELECT regress_state();
-- when it was edited, it is a foreign key like any other
SELECT iom_add('EDIT', 'Edited', 'DG');
INSERT INTO staff VALUES (9, 'EDIT');
ALTER TABLE staff DROP CONSTRAINT staff_unit_fkey1, DROP CONSTRAINT staff_unit_fkey;
INSERT INTO staff VALUES (10, 'LOST');
ALTER TABLE staff ADD FOREIGN KEY (unit) REFERENCES iom_unit;
ROLLBACK;

-- Nor for who may not replace the organisation, nor past who owns the table
BEGIN;
SELECT regress_begin();
GRANT REFERENCES, SELECT ON iom_unit TO regress_restorer;
GRANT CREATE ON SCHEMA public TO regress_restorer;
SET LOCAL ROLE regress_restorer;
CREATE TABLE theirs (unit iom_node);
INSERT INTO theirs VALUES ('THEIRS');
SAVEPOINT s;
ALTER TABLE theirs ADD FOREIGN KEY (unit) REFERENCES iom_unit;
ROLLBACK TO s;
RESET ROLE;
GRANT DELETE ON iom_unit, iom_line, iom_appointment TO regress_restorer;
SET LOCAL ROLE regress_restorer;
ALTER TABLE theirs ADD FOREIGN KEY (unit) REFERENCES iom_unit;
ROLLBACK TO s;
ALTER TABLE staff ADD FOREIGN KEY (unit) REFERENCES iom_unit;
ROLLBACK TO s;
RESET ROLE;
-- an owner who is no superuser: as themselves, also where policies hide rows
GRANT INSERT, DELETE ON iom_unit, iom_line, iom_appointment TO regress_restorer;
SET LOCAL ROLE regress_restorer;
ALTER TABLE theirs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY none ON theirs USING (false);
ALTER TABLE theirs ADD FOREIGN KEY (unit) REFERENCES iom_unit;
RESET ROLE;
SELECT regress_state();
ROLLBACK;

-- A column of the user's that takes no values but its own
BEGIN;
SELECT regress_begin();
ALTER TABLE iom_unit ADD number bigint GENERATED ALWAYS AS IDENTITY;
INSERT INTO iom_line TABLE dump_line;
SAVEPOINT s;
INSERT INTO iom_unit (node, name, number, origin) OVERRIDING SYSTEM VALUE SELECT node, name, 70, origin FROM dump_unit LIMIT 1;
ROLLBACK TO s;
INSERT INTO iom_unit (node, name, origin) SELECT 'MORE', name, origin FROM dump_unit LIMIT 1;
INSERT INTO iom_unit (node, name, origin) VALUES ('MORE', 'More', 'own') ON CONFLICT DO NOTHING;
ALTER TABLE iom_unit ALTER COLUMN number SET GENERATED BY DEFAULT;
INSERT INTO iom_unit (node, name, number, origin) OVERRIDING SYSTEM VALUE SELECT node, name, 70, origin FROM dump_unit LIMIT 1;
SELECT node, name, number FROM iom_unit WHERE number = 70;
ROLLBACK;

-- by hand
BEGIN;
SELECT regress_begin();
CREATE TRIGGER a AFTER INSERT ON staff EXECUTE FUNCTION iom_await_units();
ROLLBACK;
-- of another event
BEGIN;
SELECT regress_begin();
CREATE EVENT TRIGGER regress_drop ON sql_drop EXECUTE FUNCTION iom_await_units();
CREATE TABLE regress_dropped ();
DROP TABLE regress_dropped;
ROLLBACK;
BEGIN;
SELECT regress_begin();
CREATE EVENT TRIGGER regress_start ON ddl_command_start EXECUTE FUNCTION iom_refuse_cast();
CREATE TABLE regress_started ();
ROLLBACK;
-- The seed goes where its rows could be deleted by who brings others, and all of them
BEGIN;
SELECT regress_begin();
CREATE ROLE regress_guest;
GRANT SELECT, INSERT ON iom_unit, iom_line, iom_appointment TO regress_guest;
SAVEPOINT s;
SET LOCAL ROLE regress_guest;
INSERT INTO iom_unit (node, name, origin) VALUES ('A', 'A', 'own');
RESET ROLE;
SELECT count(*) AS may_not_delete FROM iom_unit;
ROLLBACK TO s;
GRANT UPDATE, DELETE ON iom_unit, iom_line, iom_appointment TO regress_guest;
SET LOCAL ROLE regress_guest;
INSERT INTO iom_unit (node, name, origin) VALUES ('A', 'A', 'own');
RESET ROLE;
SELECT count(*) AS may FROM iom_unit;
ROLLBACK TO s;
GRANT UPDATE, DELETE ON iom_unit, iom_line, iom_appointment TO regress_guest;
ALTER TABLE iom_unit ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON iom_unit USING (node = 'A') WITH CHECK (true);
SET LOCAL ROLE regress_guest;
INSERT INTO iom_unit (node, name, origin) VALUES ('A', 'A', 'own');
RESET ROLE;
SELECT count(*) AS may_not_see FROM iom_unit;
ROLLBACK;
-- and where nobody's rows are among it: unseen ones
BEGIN;
SELECT regress_begin();
ALTER TABLE iom_unit DISABLE TRIGGER USER;
INSERT INTO iom_unit (node, name, origin) VALUES ('MINE', 'Mine', 'new');
ALTER TABLE iom_unit ENABLE TRIGGER USER;
INSERT INTO iom_unit (node, name, origin) VALUES ('A', 'A', 'own');
SELECT count(*) FROM iom_unit;
ROLLBACK;
-- what was edited is of the extension that was there then
BEGIN;
UPDATE iom_unit SET name = 'x' WHERE node = 'DG';
SELECT regress_begin();
INSERT INTO iom_unit (node, name, origin) VALUES ('A', 'A', 'own');
SELECT count(*) FROM iom_unit;
ROLLBACK;
-- subscribers would not be told
BEGIN;
SELECT regress_begin();
SET LOCAL client_min_messages = error;
CREATE PUBLICATION regress_everything FOR TABLE iom_unit, iom_line, iom_appointment;
RESET client_min_messages;
ALTER TABLE iom_line REPLICA IDENTITY NOTHING;
SELECT regress_error($$INSERT INTO iom_unit (node, name, origin) VALUES ('A', 'A', 'own')$$);
ROLLBACK;
-- a generated column is computed when the unit comes
BEGIN;
SELECT regress_begin();
ALTER TABLE iom_unit ADD COLUMN loud text GENERATED ALWAYS AS (name || '!') STORED;
INSERT INTO iom_line (node, supervisor, origin) VALUES ('A', 'B', 'own');
INSERT INTO iom_unit (node, name, origin) VALUES ('A', 'Alpha', 'own');
SELECT node, loud, origin FROM iom_unit WHERE node IN ('A', 'B') ORDER BY node;
ROLLBACK;
-- nobody stands in for what a key does not ask for yet, or asks of another table
BEGIN;
SELECT regress_begin();
CREATE TABLE staff (unit iom_node);
INSERT INTO staff VALUES ('GONE');
SAVEPOINT s;
ALTER TABLE staff ADD FOREIGN KEY (unit) REFERENCES iom_unit NOT VALID;
SELECT count(*) FROM iom_unit WHERE node = 'GONE';
ROLLBACK TO s;
CREATE SCHEMA regress_other;
CREATE TABLE regress_other.iom_unit (node iom_node PRIMARY KEY);
INSERT INTO regress_other.iom_unit VALUES ('GONE');
ALTER TABLE staff ADD FOREIGN KEY (unit) REFERENCES regress_other.iom_unit;
SELECT count(*) FROM iom_unit WHERE node = 'GONE';
ROLLBACK;
-- a statement that changes nothing is no edit
BEGIN;
SELECT regress_begin();
UPDATE iom_unit SET name = 'x' WHERE false;
SELECT content FROM iom_revision;
ROLLBACK;
DROP FUNCTION regress_begin, regress_state;
SELECT format('REVOKE CREATE ON DATABASE %I FROM regress_restorer', current_database()) \gexec
DROP ROLE regress_restorer;
