--
-- What is refused, and that nothing of it is left behind
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE ROLE regress_editor;
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON iom_unit, iom_line, iom_appointment TO regress_editor;
CREATE TABLE regress_before AS SELECT u::text AS r FROM iom_unit u UNION ALL SELECT l::text FROM iom_line l;
GRANT SELECT ON regress_before TO regress_editor;
-- What differs from the seed, and whether the functions agree with the tables
CREATE FUNCTION regress_changed() RETURNS text LANGUAGE sql VOLATILE AS $$
  WITH now AS (SELECT u::text AS r FROM iom_unit u UNION ALL SELECT l::text FROM iom_line l)
  SELECT format('%s rows gone, %s new; %s',
    (SELECT count(*) FROM (SELECT r FROM regress_before EXCEPT ALL SELECT r FROM now) g),
    (SELECT count(*) FROM (SELECT r FROM now EXCEPT ALL SELECT r FROM regress_before) n),
    regress_check())
$$;
SET ROLE regress_editor;

-- Unknown ends
INSERT INTO iom_line (node, supervisor) VALUES ('COUNCIL', 'NOBODY');
INSERT INTO iom_line (node, supervisor) VALUES ('NOBODY', 'DG');
UPDATE iom_line SET supervisor = 'NOBODY' WHERE node = 'DLA';
INSERT INTO iom_line (node, supervisor, line) VALUES ('COUNCIL', 'NOBODY', 'dotted');
-- Its own supervisor
INSERT INTO iom_line (node, supervisor) VALUES ('COUNCIL', 'COUNCIL');
UPDATE iom_line SET supervisor = node WHERE node = 'DLA';
INSERT INTO iom_line (node, supervisor, line) VALUES ('COUNCIL', 'COUNCIL', 'dotted');
-- Cycles: of two, of more, by insert, by update of either end, by a line that becomes solid
INSERT INTO iom_line (node, supervisor) VALUES ('DG', 'DDGO');
INSERT INTO iom_line (node, supervisor) VALUES ('DG', 'OSS-MAC');
UPDATE iom_line SET supervisor = 'OSS-MAC' WHERE node = 'OSS' AND line = 'solid';
UPDATE iom_line SET supervisor = 'OSS-MAC' WHERE node = 'DDGMR' AND line = 'solid';
UPDATE iom_line SET node = 'DG' WHERE node = 'OSS-MAC' AND line = 'solid';
BEGIN;
INSERT INTO iom_line (node, supervisor, line) VALUES ('DG', 'DOE', 'dotted');
UPDATE iom_line SET line = 'solid' WHERE node = 'DG' AND supervisor = 'DOE';
ROLLBACK;
-- A second solid line: by insert, by update, in another relation
INSERT INTO iom_line (node, supervisor) VALUES ('DLA', 'DG');
INSERT INTO iom_line (node, supervisor, relation) VALUES ('DLA', 'DDGMR', 'supervises');
UPDATE iom_line SET line = 'solid' WHERE node = 'DDGO' AND relation = 'appoints';
UPDATE iom_line SET node = 'DLA' WHERE node = 'DOE';
-- Each of them in statements of many rows
INSERT INTO iom_line (node, supervisor) SELECT node, 'DLA' FROM iom_roots();
INSERT INTO iom_line (node, supervisor) VALUES ('UNNM', 'FSSFP'), ('FSSFP', 'HBSC'), ('HBSC', 'UNNM');
INSERT INTO iom_line (node, supervisor) VALUES ('UNNM', 'DG'), ('UNNM', 'DLA');
UPDATE iom_line SET supervisor = 'DOE' WHERE supervisor = 'DG' AND line = 'solid';
INSERT INTO iom_line (node, supervisor) SELECT 'UNNM', node FROM iom_unit WHERE node <@ 'OSS';
COPY iom_line (node, supervisor) FROM stdin;
UNNM	DG
FSSFP	UNNM
HBSC	UNNM
UNNM	HBSC
\.
COPY iom_line (node, supervisor) FROM stdin;
UNNM	DG
FSSFP	NOBODY
\.
WITH a AS (INSERT INTO iom_line (node, supervisor) VALUES ('UNNM', 'FSSFP'))
INSERT INTO iom_line (node, supervisor) VALUES ('FSSFP', 'UNNM');
MERGE INTO iom_line l USING (VALUES ('UNNM'::iom_node, 'CO'::iom_node), ('DG', 'UNNM')) v (node, supervisor) ON l.node = v.node AND l.line = 'solid'
WHEN MATCHED THEN UPDATE SET supervisor = v.supervisor
WHEN NOT MATCHED THEN INSERT (node, supervisor) VALUES (v.node, v.supervisor);
INSERT INTO iom_line VALUES ('DDGO', 'DG', 'appoints', 'dotted') ON CONFLICT (node, supervisor, relation, valid) DO UPDATE SET line = 'solid';
-- Units that lines, or others, refer to
DELETE FROM iom_unit WHERE node = 'OSS';
DELETE FROM iom_unit WHERE node = 'FSSFP';
UPDATE iom_unit SET node = 'OSS2' WHERE node = 'OSS';
TRUNCATE iom_unit;
DELETE FROM iom_unit;
-- Nothing of all this has changed anything
SELECT regress_changed();

-- What is sound in the end is accepted, whatever the order of the rows: a
-- chain loaded from below, a branch moved below its own former part, two
-- branches that change places, a whole chart turned upside down
BEGIN;
INSERT INTO iom_line (node, supervisor) VALUES ('HBSC', 'FSSFP'), ('FSSFP', 'UNNM'), ('UNNM', 'IDM');
SELECT iom_path('HBSC'), regress_check();
ROLLBACK;
BEGIN;
UPDATE iom_line SET supervisor = CASE node WHEN 'OSS' THEN 'OSS-MAC' ELSE 'DDGMR' END::iom_node WHERE node IN ('OSS', 'OSS-MAC') AND line = 'solid';
SELECT iom_path('OSS-PAC'), regress_check();
ROLLBACK;
BEGIN;
UPDATE iom_line SET supervisor = CASE supervisor WHEN 'DDGO' THEN 'DDGMR' ELSE 'DDGO' END::iom_node
WHERE supervisor IN ('DDGO', 'DDGMR') AND line = 'solid';
SELECT iom_size('DDGO'), iom_size('DDGMR'), iom_path('OSS-MAC'), regress_check();
UPDATE iom_line SET node = supervisor, supervisor = node WHERE node IN ('OSS', 'OSS-MAC', 'DDGO') AND supervisor IN ('DDGO', 'OSS', 'DG') AND line = 'solid';
SELECT iom_path('DG'), iom_path('OSS-PAC'), regress_check();
ROLLBACK;
-- a second line that replaces the first in one statement
BEGIN;
INSERT INTO iom_line (node, supervisor) VALUES ('UNNM', 'DG');
WITH gone AS (DELETE FROM iom_line WHERE node = 'UNNM' AND line = 'solid')
INSERT INTO iom_line (node, supervisor) VALUES ('UNNM', 'DLA');
SELECT iom_path('UNNM'), regress_check();
-- an update that changes nothing
UPDATE iom_line SET supervisor = supervisor, line = line;
UPDATE iom_unit SET valid = valid, name = name;
SELECT iom_path('UNNM'), regress_check();
ROLLBACK;

-- Constraints that are deferred look at the end: children before parents,
-- cycles and second lines on the way
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO iom_line (node, supervisor) VALUES ('NEW-2', 'NEW-1'), ('NEW-1', 'DOE');
INSERT INTO iom_unit (node, name) VALUES ('NEW-1', 'New unit'), ('NEW-2', 'New unit');
SELECT iom_path('NEW-2');
UPDATE iom_line SET supervisor = 'NEW-2' WHERE node = 'DOE';
SAVEPOINT a;
SELECT iom_path('NEW-2');	-- there is no hierarchy to ask
ROLLBACK TO a;
UPDATE iom_line SET supervisor = 'DG' WHERE node = 'NEW-1';
SELECT iom_path('DOE'), regress_check();
ROLLBACK;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO iom_line (node, supervisor) VALUES ('DOE', 'DG');
SAVEPOINT a;
SELECT iom_path('DOE');
ROLLBACK TO a;
DELETE FROM iom_line WHERE node = 'DOE' AND supervisor = 'DDGO';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT iom_path('DOE'), regress_check();
ROLLBACK;
-- a unit deleted before what refers to it
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM iom_unit WHERE node <@ 'OSS';
DELETE FROM iom_line WHERE node IN ('OSS', 'OSS-MAC', 'OSS-PAC');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT iom_level('OSS'), iom_size('DDGMR'), regress_check();
ROLLBACK;
-- ... and refuse what is not sound by then: at SET CONSTRAINTS, or at commit
BEGIN;
SET CONSTRAINTS iom_line_sound DEFERRED;
UPDATE iom_line SET supervisor = 'OSS-MAC' WHERE node = 'OSS' AND line = 'solid';
UPDATE iom_line SET supervisor = 'OSS-PAC' WHERE node = 'OSS-MAC' AND line = 'solid';
SAVEPOINT a;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO a;
COMMIT;
SELECT regress_changed();
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO iom_line (node, supervisor) VALUES ('DOE', 'DG');
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO iom_line (node, supervisor) VALUES ('NEW-1', 'DG');
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO iom_line (node, supervisor) VALUES ('DG', 'DG');	-- a check, never deferred
COMMIT;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM iom_unit WHERE node = 'OSS';
COMMIT;
SELECT regress_changed();

-- Long ways: a cycle of thousands names a few, and is found in bulk as well
BEGIN;
INSERT INTO iom_unit (node, name) SELECT 'C' || i, 'Number ' || i FROM generate_series(1, 3000) i;
INSERT INTO iom_line (node, supervisor) SELECT 'C' || i, 'C' || i - 1 FROM generate_series(2, 3000) i;
SAVEPOINT a;
INSERT INTO iom_line (node, supervisor) VALUES ('C1', 'C3000');
ROLLBACK TO a;
UPDATE iom_line SET supervisor = 'C3000' WHERE node = 'C2500';
ROLLBACK TO a;
DELETE FROM iom_line WHERE node BETWEEN 'C' AND 'CA';
SAVEPOINT a;
SELECT regress_error($$INSERT INTO iom_line (node, supervisor) SELECT 'C' || 1 + i % 3000, 'C' || i FROM generate_series(1, 3000) i$$)
  ~ '^23514 "C\d+" cannot report to "C\d+": that would close a cycle \| .*\(3000 nodes in all\)' AS refused;
SELECT regress_error($$INSERT INTO iom_line (node, supervisor) SELECT 'C' || i, 'C' || i - 1 FROM generate_series(2, 3000) i UNION ALL SELECT 'C77', 'C5'$$);
INSERT INTO iom_line (node, supervisor) SELECT 'C' || i, 'C' || i - 1 FROM generate_series(2, 3000) i;
SELECT iom_level('C3000');
-- upside down in one statement
UPDATE iom_line SET node = supervisor, supervisor = node WHERE node BETWEEN 'C' AND 'CA';
SELECT iom_level('C3000'), iom_level('C1');
ROLLBACK;
SELECT regress_changed();

-- Checks that were deferred, and are made in the middle of another statement:
-- they say nothing of the rows that it has still to change
CREATE FUNCTION pg_temp.now(relation text) RETURNS text LANGUAGE plpgsql AS $$BEGIN SET CONSTRAINTS ALL IMMEDIATE; RETURN relation; END$$;
BEGIN;
INSERT INTO iom_unit (node, name) SELECT 'N' || i, 'Number ' || i FROM generate_series(0, 2000) i;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO iom_line (node, supervisor) SELECT 'N' || i, 'N0' FROM generate_series(1, 2000) i;
INSERT INTO iom_line (node, supervisor, relation) VALUES ('N0', 'DG', pg_temp.now('supervises')), ('DG', 'N5', 'supervises');
COMMIT;
DROP FUNCTION pg_temp.now;
SELECT regress_changed();

-- Any edit: of one statement with rows chosen at random, accepted exactly when
-- what it would leave is sound.  That is decided by a look at the rows with
-- the guards off; whatever is accepted stays, and all functions follow.
RESET ROLE;
CREATE FUNCTION regress_sound() RETURNS boolean LANGUAGE sql VOLATILE AS $$
  WITH RECURSIVE solid AS (SELECT * FROM iom_line WHERE line = 'solid'),
  up AS (
    SELECT node AS start, supervisor AS node FROM solid
    UNION	-- ends, cycle or not
    SELECT up.start, s.supervisor FROM up JOIN solid s ON s.node = up.node
  )
  SELECT NOT EXISTS (SELECT FROM solid GROUP BY node HAVING count(*) > 1)
    AND NOT EXISTS (SELECT FROM up WHERE start = node)
    AND NOT EXISTS (SELECT FROM iom_line WHERE node NOT IN (SELECT node FROM iom_unit) OR supervisor NOT IN (SELECT node FROM iom_unit))
$$;
CREATE FUNCTION regress_edits(times int, deferred boolean, OUT accepted int, OUT refused int, OUT wrong int, OUT reasons text)
LANGUAGE plpgsql AS $$
DECLARE
  edit text;
  sound boolean;
  error text;
  seen text[] := '{}';
  node text; other text; number text; last text;
BEGIN
  accepted := 0; refused := 0; wrong := 0;
  FOR i IN 1 .. times LOOP
    -- a few rows, by a random hash of their code
    node := format('hashtext(node::text || %s) %% 30 = 0', i);
    other := format('(SELECT u.node FROM iom_unit u ORDER BY hashtext(u.node::text || %s || l.node::text) LIMIT 1)', i);
    number := (1 + floor(random() * 4))::text;
    edit := (ARRAY[
      'UPDATE iom_line l SET supervisor = ' || other || ' WHERE ' || node,
      'UPDATE iom_line l SET supervisor = ' || other || ' WHERE ' || node,
      'UPDATE iom_line l SET node = ' || other || ' WHERE ' || node,
      'UPDATE iom_line l SET node = supervisor, supervisor = node WHERE ' || node,
      'UPDATE iom_line l SET line = CASE line WHEN ''solid'' THEN ''dotted'' ELSE ''solid'' END WHERE ' || node,
      'DELETE FROM iom_line l WHERE ' || node,
      'INSERT INTO iom_line (node, supervisor) SELECT l.node, ' || other || ' FROM iom_unit l
       WHERE NOT EXISTS (SELECT FROM iom_line k WHERE k.node = l.node AND k.line = ''solid'') ORDER BY hashtext(l.node::text || ' || i || ') LIMIT ' || number,
      'INSERT INTO iom_line (node, supervisor, relation) SELECT l.node, ' || other || ', ''edit ' || i || ''' FROM iom_unit l ORDER BY hashtext(l.node::text || ' || i || ') LIMIT ' || number
    ])[1 + floor(random() * 8)];

    -- what would it leave?
    BEGIN
      SET LOCAL session_replication_role = replica;
      EXECUTE edit;
      sound := regress_sound();
      RAISE EXCEPTION USING errcode = 'XX111';
    EXCEPTION
      WHEN SQLSTATE 'XX111' THEN NULL;
      WHEN unique_violation OR check_violation THEN CONTINUE;	-- of no interest here
    END;

    BEGIN
      IF deferred THEN SET CONSTRAINTS ALL DEFERRED; END IF;
      EXECUTE edit;
      IF deferred THEN SET CONSTRAINTS ALL IMMEDIATE; END IF;
      accepted := accepted + 1;
      error := NULL;
    EXCEPTION WHEN integrity_constraint_violation OR check_violation OR exclusion_violation OR foreign_key_violation THEN
      refused := refused + 1;
      error := SQLSTATE;
      seen := seen || error;
    END;
    IF sound <> (error IS NULL) THEN
      wrong := wrong + 1;
      RAISE WARNING 'sound: %, error: %, edit: %', sound, error, edit;
    END IF;
    SELECT string_agg(c, ' ') INTO last FROM regress_check() c;
    IF last NOT LIKE '44 nodes, 0 differences' THEN
      wrong := wrong + 1;
      RAISE WARNING '%', last;
    END IF;
  END LOOP;
  reasons := (SELECT string_agg(DISTINCT s, ' ' ORDER BY s) FROM unnest(seen) s);
END $$;
BEGIN;
SELECT setseed(0.5);
SELECT accepted > 40 * :share AS accepted, refused > 40 * :share AS refused, wrong, reasons FROM regress_edits((250 * :share)::int, false);
SELECT accepted > 20 * :share AS accepted, refused > 20 * :share AS refused, wrong, reasons FROM regress_edits((100 * :share)::int, true);
ROLLBACK;
DROP FUNCTION regress_edits, regress_sound;

-- The trigger functions serve no other purpose
SELECT iom_guard_begin();
CREATE TABLE regress_other (node iom_node, supervisor iom_node, valid daterange);
DO $$
DECLARE
  f text;
BEGIN
  FOREACH f IN ARRAY '{iom_guard_begin,iom_guard_end,iom_guard_replica,iom_guard_line,iom_guard_unit}'::text[] LOOP
    EXECUTE format('CREATE TRIGGER regress_trigger AFTER INSERT ON regress_other FOR EACH ROW EXECUTE FUNCTION %s()', f);
    RAISE NOTICE '%', regress_error('INSERT INTO regress_other VALUES (''A'', ''B'', ''(,)'')');
    DROP TRIGGER regress_trigger ON regress_other;
  END LOOP;
END $$;
DROP TABLE regress_other;
-- ... and on its own tables only as the extension has them
BEGIN;
CREATE TRIGGER regress_trigger BEFORE INSERT ON iom_line FOR EACH ROW EXECUTE FUNCTION iom_guard_line();
INSERT INTO iom_line (node, supervisor) VALUES ('UNNM', 'DG');
ROLLBACK;
BEGIN;
CREATE TRIGGER regress_trigger AFTER INSERT ON iom_line FOR EACH STATEMENT EXECUTE FUNCTION iom_guard_line();
INSERT INTO iom_line (node, supervisor) VALUES ('UNNM', 'DG');
ROLLBACK;
BEGIN;
CREATE TRIGGER regress_trigger AFTER DELETE ON iom_unit FOR EACH ROW EXECUTE FUNCTION iom_guard_line();
INSERT INTO iom_unit (node, name) VALUES ('NEW', 'New unit');
DELETE FROM iom_unit WHERE node = 'NEW';
ROLLBACK;
BEGIN;
CREATE TRIGGER regress_trigger AFTER DELETE ON iom_line FOR EACH ROW EXECUTE FUNCTION iom_guard_line();
DELETE FROM iom_line WHERE node = 'DLA';
ROLLBACK;
-- nor once more, which might end a statement that others began
BEGIN;
CREATE TRIGGER regress_begin BEFORE INSERT OR UPDATE ON iom_line FOR EACH STATEMENT EXECUTE FUNCTION iom_guard_begin();
UPDATE iom_line SET supervisor = 'DG' WHERE node IN ('OSS', 'DLA') AND line = 'solid';
ROLLBACK;
BEGIN;
CREATE TRIGGER _iom_begin2 BEFORE UPDATE ON iom_line FOR EACH STATEMENT EXECUTE FUNCTION iom_guard_end();
UPDATE iom_line SET supervisor = 'DG' WHERE node IN ('OSS', 'DLA') AND line = 'solid';
ROLLBACK;
-- nor under the names of the extension's at other times, or with conditions; these
-- tell of no changes, and charts are not kept
BEGIN;
UPDATE iom_line SET supervisor = 'DG' WHERE node = 'DLA' AND line = 'solid';
CREATE FUNCTION regress_nothing() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
DROP TRIGGER _iom_begin ON iom_line;
CREATE TRIGGER _iom_begin AFTER TRUNCATE ON iom_line FOR EACH STATEMENT EXECUTE FUNCTION regress_nothing();
ALTER TABLE iom_line ENABLE ALWAYS TRIGGER _iom_begin;
SELECT iom_path('DLA');
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'DLA' AND line = 'solid';
SELECT iom_path('DLA'), regress_check();
SELECT * FROM iom_check();
DROP TRIGGER _iom_begin ON iom_line;
CREATE TRIGGER _iom_begin BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON iom_line FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION iom_guard_begin();
ALTER TABLE iom_line ENABLE ALWAYS TRIGGER _iom_begin;
UPDATE iom_line SET supervisor = 'DG' WHERE node = 'DLA' AND line = 'solid';
SELECT iom_path('DLA'), regress_check();
SELECT * FROM iom_check();
DROP TRIGGER iom_unit_sound ON iom_unit;
CREATE CONSTRAINT TRIGGER iom_unit_sound AFTER UPDATE ON iom_unit DEFERRABLE FOR EACH ROW WHEN (OLD.valid <> NEW.valid AND OLD.node <> NEW.node) EXECUTE FUNCTION iom_guard_unit();
DROP TRIGGER iom_unit_sound_new ON iom_unit;
CREATE CONSTRAINT TRIGGER iom_unit_sound_new AFTER INSERT ON iom_unit DEFERRABLE FOR EACH ROW WHEN (NEW.valid <> '(,2030-01-01)') EXECUTE FUNCTION iom_guard_unit();
SELECT * FROM iom_check();
DROP TRIGGER iom_unit_sound ON iom_unit;
CREATE CONSTRAINT TRIGGER iom_unit_sound AFTER UPDATE ON iom_unit DEFERRABLE FOR EACH ROW WHEN (OLD.valid <> NEW.valid OR OLD.node <> NEW.node) EXECUTE FUNCTION iom_guard_unit();
DROP TRIGGER iom_unit_sound_new ON iom_unit;
CREATE CONSTRAINT TRIGGER iom_unit_sound_new AFTER INSERT ON iom_unit DEFERRABLE FOR EACH ROW WHEN (NEW.valid <> 'empty') EXECUTE FUNCTION iom_guard_unit();
SELECT * FROM iom_check();
DROP TRIGGER iom_unit_sound_new ON iom_unit;
CREATE CONSTRAINT TRIGGER iom_unit_sound_new AFTER INSERT ON iom_unit DEFERRABLE FOR EACH ROW WHEN (NEW.valid <> NULL::daterange) EXECUTE FUNCTION iom_guard_unit();
DROP TRIGGER iom_unit_sound ON iom_unit;
CREATE CONSTRAINT TRIGGER iom_unit_sound AFTER UPDATE ON iom_unit DEFERRABLE FOR EACH ROW WHEN (OLD.valid <> NEW.valid OR OLD.name <> NEW.name) EXECUTE FUNCTION iom_guard_unit();
SELECT * FROM iom_check();
DROP TRIGGER iom_unit_sound_new ON iom_unit;
CREATE CONSTRAINT TRIGGER iom_unit_sound_new AFTER INSERT ON iom_unit DEFERRABLE FOR EACH ROW WHEN (NEW.name <> '') EXECUTE FUNCTION iom_guard_unit();
DROP TRIGGER iom_unit_sound ON iom_unit;
CREATE CONSTRAINT TRIGGER iom_unit_sound AFTER UPDATE ON iom_unit DEFERRABLE FOR EACH ROW WHEN (NEW.valid <> '(,)' OR OLD.node <> NEW.node) EXECUTE FUNCTION iom_guard_unit();
SELECT * FROM iom_check();
DROP TRIGGER iom_unit_sound ON iom_unit;
CREATE CONSTRAINT TRIGGER iom_unit_sound AFTER UPDATE ON iom_unit DEFERRABLE FOR EACH ROW WHEN (OLD.valid <> NEW.valid OR OLD.node <> NEW.node) EXECUTE FUNCTION iom_guard_unit();
DROP TRIGGER iom_unit_sound_new ON iom_unit;
CREATE CONSTRAINT TRIGGER iom_unit_sound_new AFTER INSERT ON iom_unit DEFERRABLE FOR EACH ROW WHEN (NEW.valid <> '(,)') EXECUTE FUNCTION iom_guard_unit();
-- made again as they were, they are the extension's
DROP TRIGGER _iom_begin ON iom_line;
CREATE TRIGGER _iom_begin BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON iom_line FOR EACH STATEMENT EXECUTE FUNCTION iom_guard_begin();
ALTER TABLE iom_line ENABLE ALWAYS TRIGGER _iom_begin;
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'DLA' AND line = 'solid';
SELECT iom_path('DLA'), regress_check();
SELECT * FROM iom_check();
ROLLBACK;

-- Rows that are frozen as they come are checked, one by one and all at once
RESET ROLE;
BEGIN;
TRUNCATE iom_line;
COPY iom_line (node, supervisor) FROM stdin (FREEZE);
DDGO	DG
DDGMR	DG
OSS	DDGO
\.
SELECT iom_path('OSS'), regress_check();
SAVEPOINT s;
COPY iom_line (node, supervisor) FROM stdin;
DG	OSS
\.
ROLLBACK;
BEGIN;
TRUNCATE iom_line;
COPY iom_line (node, supervisor) FROM stdin (FREEZE);
DDGO	DG
OSS	DDGO
DG	OSS
\.
ROLLBACK;
BEGIN;
TRUNCATE iom_line, iom_unit, iom_appointment;
COPY iom_unit (node, name) FROM stdin (FREEZE);
A	a
B	b
\.
COPY iom_line (node, supervisor) FROM stdin (FREEZE);
A	B
B	A
\.
ROLLBACK;

-- What is checked at the end is what the rows are by then
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
UPDATE iom_line SET supervisor = 'OSS-MAC' WHERE node = 'OSS' AND line = 'solid';
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid';
UPDATE iom_unit SET valid = '[2020-01-01,)' WHERE node = 'OSS';
UPDATE iom_unit SET valid = '(,)' WHERE node = 'OSS';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT iom_path('OSS-MAC');
ROLLBACK;
-- Without the triggers that tell of changes, each row is checked, whatever was before
BEGIN;
ALTER TABLE iom_line DISABLE TRIGGER _iom_begin, DISABLE TRIGGER _iom_end;
ALTER TABLE iom_unit DISABLE TRIGGER _iom_begin, DISABLE TRIGGER _iom_end;
INSERT INTO iom_unit (node, name) SELECT 'N' || i, 'n' FROM generate_series(1, 3000) i;
INSERT INTO iom_line (node, supervisor) SELECT ('N' || i)::iom_node, 'DG' FROM generate_series(1, 3000) i;
INSERT INTO iom_line (node, supervisor) VALUES ('DG', 'N1');
ROLLBACK;

-- iom_check() tells of a trigger that is not as the extension makes it, in whatever
CREATE FUNCTION regress_altered(name text, on_table text, definition text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DROP TRIGGER %I ON %I', name, on_table);
  EXECUTE definition;
  RETURN QUERY SELECT c.problem || ': ' || c.detail FROM iom_check() c;
  RAISE EXCEPTION USING errcode = 'RE001', message = '';
EXCEPTION
  WHEN SQLSTATE 'RE001' THEN NULL;
END $$;
CREATE SCHEMA regress_other;
CREATE FUNCTION regress_other.iom_guard_begin() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
SELECT what, (SELECT string_agg(a, '; ') FROM regress_altered(name, on_table, definition) a) AS found
FROM (VALUES
  (1, 'deferred', 'iom_line_sound', 'iom_line', 'CREATE CONSTRAINT TRIGGER iom_line_sound AFTER INSERT OR UPDATE ON iom_line DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION iom_guard_line()'),
  (2, 'not deferrable', 'iom_line_sound', 'iom_line', 'CREATE CONSTRAINT TRIGGER iom_line_sound AFTER INSERT OR UPDATE ON iom_line FOR EACH ROW EXECUTE FUNCTION iom_guard_line()'),
  (3, 'of a column', 'iom_line_sound', 'iom_line', 'CREATE CONSTRAINT TRIGGER iom_line_sound AFTER INSERT OR UPDATE OF valid ON iom_line DEFERRABLE FOR EACH ROW EXECUTE FUNCTION iom_guard_line()'),
  (4, 'with an argument', 'iom_line_sound', 'iom_line', 'CREATE CONSTRAINT TRIGGER iom_line_sound AFTER INSERT OR UPDATE ON iom_line DEFERRABLE FOR EACH ROW EXECUTE FUNCTION iom_guard_line(''x'')'),
  (5, 'another condition', 'iom_unit_sound', 'iom_unit', 'CREATE CONSTRAINT TRIGGER iom_unit_sound AFTER UPDATE ON iom_unit DEFERRABLE FOR EACH ROW WHEN (OLD.valid <> OLD.valid OR OLD.node <> NEW.node) EXECUTE FUNCTION iom_guard_unit()'),
  (6, 'no old rows', 'iom_history_update', 'iom_unit', 'CREATE TRIGGER iom_history_update AFTER UPDATE ON iom_unit REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION iom_history_record()'),
  (7, 'function of another schema', '_iom_begin', 'iom_line', 'CREATE TRIGGER _iom_begin BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON iom_line FOR EACH STATEMENT EXECUTE FUNCTION regress_other.iom_guard_begin(); ALTER TABLE iom_line ENABLE ALWAYS TRIGGER _iom_begin'),
  (8, 'as it was', 'iom_line_sound', 'iom_line', (SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'iom_line_sound') || '; ALTER TABLE iom_line ENABLE ALWAYS TRIGGER iom_line_sound')
) t (n, what, name, on_table, definition) ORDER BY n;
DROP FUNCTION regress_other.iom_guard_begin;
DROP SCHEMA regress_other;
-- ... and of one that has a name of ours on another table
BEGIN;
CREATE TRIGGER iom_history_trace AFTER UPDATE OR DELETE OR TRUNCATE ON iom_appointment FOR EACH STATEMENT EXECUTE FUNCTION iom_history_guard();
SELECT problem, detail FROM iom_check();
ROLLBACK;
BEGIN;
DROP TRIGGER iom_origin ON iom_appointment;
CREATE TRIGGER iom_origin BEFORE INSERT ON iom_appointment FOR EACH ROW EXECUTE FUNCTION iom_origin_mark();
SELECT problem, detail FROM iom_check();
ROLLBACK;
DROP FUNCTION regress_altered;

SELECT regress_changed();
DROP FUNCTION regress_changed;
DROP TABLE regress_before;
REVOKE ALL ON iom_unit, iom_line, iom_appointment FROM regress_editor;
DROP ROLE regress_editor;
