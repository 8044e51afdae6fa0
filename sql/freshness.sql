--
-- Every statement sees the hierarchy of its own snapshot
--
-- regress_check() compares the functions with a recursive query on all nodes;
-- where only one path is shown, regress_path() is that of the query.
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE TABLE regress_before AS SELECT (to_jsonb(u) - 'origin')::text AS r FROM iom_unit u UNION ALL SELECT (to_jsonb(l) - 'origin')::text FROM iom_line l;

-- Seen at once by the same transaction: each kind of change
BEGIN;
SELECT regress_check();
INSERT INTO iom_unit (node, name) VALUES ('NEW', 'New unit');
SELECT regress_check(), iom_path('NEW');
INSERT INTO iom_line (node, supervisor) VALUES ('NEW', 'OSS');
SELECT regress_check(), iom_path('NEW');
UPDATE iom_line SET supervisor = 'DLA' WHERE node = 'NEW';
SELECT regress_check(), iom_path('NEW');
UPDATE iom_unit SET position = -1 WHERE node = 'NEW';
SELECT regress_check(), iom_rank('DLA') - iom_rank('NEW') AS after_dla;
UPDATE iom_line SET line = 'dotted' WHERE node = 'NEW';
SELECT regress_check(), iom_path('NEW');
UPDATE iom_line SET line = 'solid', supervisor = 'DOE' WHERE node = 'NEW';
SELECT regress_check(), iom_path('NEW');
UPDATE iom_line SET valid = '(,2000-01-01)' WHERE node = 'NEW';
SELECT regress_check(), iom_path('NEW'), iom_path('NEW', as_of => '1999-12-31');
DELETE FROM iom_line WHERE node = 'NEW';
SELECT regress_check(), iom_path('NEW');
UPDATE iom_unit SET valid = '(,2000-01-01)' WHERE node = 'NEW';
SELECT regress_check(), iom_path('NEW');
DELETE FROM iom_unit WHERE node = 'NEW';
SELECT regress_check(), iom_path('NEW');
-- a statement that changes nothing
UPDATE iom_line SET supervisor = 'DG' WHERE node = 'NOBODY';
SELECT regress_check();
ROLLBACK;
SELECT regress_check();

-- Savepoints, nested: rolled back, released, rolled back after release
BEGIN;
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS-MAC');
SAVEPOINT a;
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS-MAC');
SAVEPOINT b;
UPDATE iom_line SET supervisor = 'DLA' WHERE node = 'OSS' AND line = 'solid';
DELETE FROM iom_line WHERE node = 'DLA';
SELECT iom_path('OSS-MAC'), regress_check();
ROLLBACK TO b;
SELECT iom_path('OSS-MAC'), regress_check();
UPDATE iom_line SET supervisor = 'DOE' WHERE node = 'OSS' AND line = 'solid';
RELEASE b;
SELECT iom_path('OSS-MAC'), regress_check();
ROLLBACK TO a;
SELECT iom_path('OSS-MAC'), regress_check();
SAVEPOINT c;
UPDATE iom_line SET supervisor = 'DOE' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS-MAC');
SAVEPOINT d;
INSERT INTO iom_line (node, supervisor) VALUES ('DG', 'OSS');	-- fails
ROLLBACK TO d;
SELECT iom_path('OSS-MAC'), regress_check();
ROLLBACK TO c;
SELECT iom_path('OSS-MAC'), regress_check();
ROLLBACK;
SELECT iom_path('OSS-MAC'), regress_check();
-- the first change of the transaction in a savepoint that is rolled back
BEGIN;
SAVEPOINT a;
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS');
ROLLBACK TO a;
SELECT iom_path('OSS');
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
COMMIT AND CHAIN;
SELECT iom_path('OSS'), regress_check();
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid';
ROLLBACK AND CHAIN;
SELECT iom_path('OSS'), regress_check();
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid';
COMMIT;
SELECT iom_path('OSS'), regress_check();

-- A cursor keeps the view of its declaration, whenever it is read
BEGIN;
DECLARE before CURSOR FOR SELECT node, iom_path(node), regress_path(node) FROM unnest('{OSS,OSS-MAC,OSS-PAC}'::iom_node[]) node;
DECLARE before_set CURSOR FOR SELECT node, iom_level(node) FROM iom_subtree('OSS');
DECLARE held CURSOR WITH HOLD FOR SELECT node, iom_path(node), regress_path(node) FROM unnest('{OSS,OSS-MAC,OSS-PAC}'::iom_node[]) node;
FETCH FROM before;
FETCH FROM before_set;
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid';
DECLARE between CURSOR FOR SELECT node, iom_path(node), regress_path(node) FROM unnest('{OSS,OSS-MAC,OSS-PAC}'::iom_node[]) node;
FETCH FROM before;
FETCH FROM between;
SAVEPOINT a;
UPDATE iom_line SET supervisor = 'OSS-MAC' WHERE node = 'OSS-PAC';
SELECT iom_path('OSS-PAC');
FETCH FROM between;
FETCH FROM held;
FETCH ALL FROM before_set;
FETCH FROM before;
ROLLBACK TO a;
FETCH FROM between;
SELECT iom_path('OSS-PAC');
COMMIT;
FETCH FROM held;
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid';
FETCH FROM held;
CLOSE held;

-- A statement keeps its view, whatever functions in it change
CREATE FUNCTION pg_temp.move(moved iom_node, target iom_node) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  UPDATE iom_line SET supervisor = target WHERE node = moved AND line = 'solid';
  RETURN iom_path(moved);
END $$;
BEGIN;
SELECT target, pg_temp.move('OSS', target) AS inside, iom_path('OSS') AS outside, regress_path('OSS'), iom_node 'OSS' <@ target AS within
FROM unnest('{COS,DDGO,DLA}'::iom_node[]) target;
SELECT iom_path('OSS'), regress_check();
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid'
RETURNING node, supervisor, iom_path(node) AS path_before, regress_path(node);
WITH moved AS (
  UPDATE iom_line SET supervisor = 'DDGO' WHERE node IN ('OSS', 'DLA') AND line = 'solid' RETURNING node, iom_path(node) AS path
), closed AS (
  DELETE FROM iom_line WHERE node = 'DOE' RETURNING node, iom_path(node) AS path
)
SELECT *, iom_path(node) AS outside, regress_path(node) FROM moved UNION ALL SELECT *, iom_path(node), regress_path(node) FROM closed;
SELECT iom_path('OSS'), iom_path('DOE'), regress_check();
ROLLBACK;

-- PL/pgSQL: blocks that fail, with changes of theirs undone
DO $$
DECLARE
  result text;
BEGIN
  FOR i IN 1 .. 6 LOOP
    BEGIN
      UPDATE iom_line SET supervisor = CASE WHEN i % 2 = 0 THEN 'COS' ELSE 'DDGO' END::iom_node WHERE node = 'OSS' AND line = 'solid';
      SELECT regress_check() INTO result;
      RAISE NOTICE '% inside: % %', i, iom_path('OSS'), result;
      IF i IN (2, 3) THEN
        RAISE division_by_zero;
      ELSIF i = 4 THEN	-- in the middle of a statement
        INSERT INTO iom_unit (node, name) SELECT 'NEW-' || n, CASE WHEN n < 3 THEN 'New unit' END FROM generate_series(1, 3) n;
      END IF;
    EXCEPTION WHEN division_by_zero OR not_null_violation THEN
      SELECT regress_check() INTO result;
      RAISE NOTICE '% caught: % %', i, iom_path('OSS'), result;
    END;
    SELECT regress_check() INTO result;
    RAISE NOTICE '% outside: % %', i, iom_path('OSS'), result;
  END LOOP;
END $$;
SELECT iom_path('OSS'), regress_check();
-- ... and procedures, with transactions of their own
DO $$
DECLARE
  paths text[];
BEGIN
  FOR i IN 1 .. 6 LOOP
    UPDATE iom_line SET supervisor = CASE WHEN i % 2 = 0 THEN 'DDGO' ELSE 'DDGMR' END::iom_node WHERE node = 'OSS' AND line = 'solid';
    paths := paths || iom_path('OSS');
    IF i IN (2, 3, 6) THEN ROLLBACK; ELSE COMMIT; END IF;
    paths := paths || iom_path('OSS');
  END LOOP;
  RAISE NOTICE '%', paths;
END $$;
SELECT iom_path('OSS'), regress_check();

-- What triggers see in the middle of a statement is right, too: those before
-- and after the rows and the statement, each compares
CREATE TABLE regress_seen (id serial, seen text);
CREATE FUNCTION regress_watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO regress_seen (seen)
  SELECT format('%s %s %s %s: %s', TG_OP, TG_TABLE_NAME, TG_WHEN, TG_LEVEL, string_agg(c, E'\n')) FROM regress_check() c;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
DO $$
DECLARE
  target text; moment text; level text;
BEGIN
  -- names before and after those of the extension's own, in the order in which they fire
  FOR target, moment, level IN
    SELECT * FROM unnest('{iom_unit,iom_line}'::text[]) a, unnest('{BEFORE,AFTER}'::text[]) b, unnest('{ROW,STATEMENT}'::text[]) c LOOP
    EXECUTE format('CREATE TRIGGER %I %s INSERT OR UPDATE OR DELETE ON %I FOR EACH %s EXECUTE FUNCTION regress_watch()',
      'AAA_regress_' || moment || level, moment, target, level);
    EXECUTE format('CREATE TRIGGER %I %s INSERT OR UPDATE OR DELETE ON %I FOR EACH %s EXECUTE FUNCTION regress_watch()',
      'regress_' || moment || level, moment, target, level);
  END LOOP;
  FOR target IN SELECT unnest('{iom_unit,iom_line}'::text[]) LOOP
    EXECUTE format('CREATE TRIGGER regress_truncate AFTER TRUNCATE ON %I EXECUTE FUNCTION regress_watch()', target);
  END LOOP;
END $$;
CREATE FUNCTION regress_show() RETURNS TABLE (seen text, times bigint) LANGUAGE sql AS $$
  WITH gone AS (DELETE FROM regress_seen RETURNING *)
  SELECT seen, count(*) FROM gone GROUP BY seen ORDER BY min(id)
$$;
BEGIN;
INSERT INTO iom_unit (node, name) VALUES ('NEW-1', 'New unit'), ('NEW-2', 'New unit'), ('NEW-3', 'New unit');
SELECT * FROM regress_show();
INSERT INTO iom_line (node, supervisor) VALUES ('NEW-1', 'DOE'), ('NEW-2', 'NEW-1'), ('NEW-3', 'NEW-2');
SELECT * FROM regress_show();
UPDATE iom_line SET supervisor = 'DG' WHERE node IN ('OSS', 'DOE', 'NEW-3', 'CO') AND line = 'solid';
SELECT * FROM regress_show();
UPDATE iom_unit SET position = 0 WHERE node IN ('OSS', 'NEW-3');
SELECT * FROM regress_show();
DELETE FROM iom_line WHERE node IN ('NEW-2', 'DOE');
SELECT * FROM regress_show();
INSERT INTO iom_unit (node, name) VALUES ('NEW-4', 'New unit'), ('NEW-1', 'Old unit')
ON CONFLICT (node) DO UPDATE SET position = -7;
SELECT * FROM regress_show();
MERGE INTO iom_line l USING (VALUES ('NEW-3'::iom_node, 'DLA'::iom_node), ('NEW-4', 'NEW-3'), ('OSS', 'DDGMR')) v (node, supervisor)
ON l.node = v.node AND l.line = 'solid'
WHEN MATCHED THEN UPDATE SET supervisor = v.supervisor
WHEN NOT MATCHED THEN INSERT (node, supervisor) VALUES (v.node, v.supervisor);
SELECT * FROM regress_show();
COPY iom_unit (node, name) FROM stdin;
NEW-5	New unit
NEW-6	New unit
\.
COPY iom_line (node, supervisor) FROM stdin;
NEW-5	NEW-4
NEW-6	NEW-5
\.
SELECT * FROM regress_show();
SELECT regress_check(), iom_path('NEW-6');
WITH line AS (DELETE FROM iom_line WHERE node = 'NEW-6'), unit AS (UPDATE iom_unit SET position = 5 WHERE node = 'NEW-4')
UPDATE iom_line SET supervisor = 'DOE' WHERE node = 'NEW-5';
SELECT seen, sum(times) FROM regress_show() GROUP BY seen ORDER BY seen COLLATE "C";
TRUNCATE iom_line;
SELECT * FROM regress_show();
SELECT regress_check();
TRUNCATE iom_unit, iom_line, iom_appointment;
SELECT * FROM regress_show();
SELECT regress_check(), (SELECT count(*) FROM iom_roots()) AS roots, iom_level('DG'), (SELECT count(*) FROM iom_tree()) AS tree;
ROLLBACK;

-- A trigger that changes the hierarchy in the middle of a change: every new
-- unit gets a line at once, and a child.  Others watch all along.
CREATE FUNCTION regress_adopt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO iom_line (node, supervisor) VALUES (NEW.node, 'DOE');
  IF length(NEW.node::text) < 6 THEN
    INSERT INTO iom_unit (node, name) VALUES (NEW.node::text || '.A', 'Child');
    UPDATE iom_line SET supervisor = NEW.node WHERE node = (NEW.node::text || '.A')::iom_node;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER regress_adopt AFTER INSERT ON iom_unit FOR EACH ROW EXECUTE FUNCTION regress_adopt();
BEGIN;
INSERT INTO iom_unit (node, name) VALUES ('NEW-1', 'New unit'), ('NEW-2', 'New unit');
SELECT count(*) > 40 AS many, count(*) FILTER (WHERE seen NOT LIKE '%, 0 differences') AS different FROM regress_seen;
SELECT iom_path('NEW-1.A'), iom_path('NEW-2.A'), regress_check();
ROLLBACK;
-- one that fails and is caught (here nobody must look in between: there is no
-- hierarchy before the guard has refused the line)
DO $$
DECLARE
  name text; target text;
BEGIN
  FOR name, target IN SELECT tgname, tgrelid::regclass FROM pg_trigger WHERE tgname ~ 'regress_.*(BEFORE|AFTER)' LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', name, target);
  END LOOP;
END $$;
CREATE OR REPLACE FUNCTION regress_adopt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO iom_line (node, supervisor) VALUES (NEW.node, 'DOE');
  INSERT INTO iom_line (node, supervisor) VALUES ('DG', NEW.node);
  RETURN NULL;
EXCEPTION WHEN check_violation THEN
  INSERT INTO iom_line (node, supervisor) VALUES (NEW.node, 'DLA');
  RETURN NULL;
END $$;
BEGIN;
INSERT INTO iom_unit (node, name) VALUES ('NEW-1', 'New unit'), ('NEW-2', 'New unit');
SELECT iom_path('NEW-1'), iom_path('NEW-2'), regress_check();
ROLLBACK;
DROP TRIGGER regress_adopt ON iom_unit;
DROP TRIGGER regress_truncate ON iom_unit;
DROP TRIGGER regress_truncate ON iom_line;
DROP FUNCTION regress_watch, regress_adopt, regress_show;
DROP TABLE regress_seen;

-- A part of a data-modifying WITH comes after what a trigger of another part
-- did: the cursor that this opened sees the rows of the statement all the same
CREATE TABLE regress_other (i int);
CREATE FUNCTION regress_early() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  early refcursor := 'early'; late refcursor := 'late';
BEGIN
  UPDATE iom_line SET supervisor = 'DLA' WHERE node = 'OSS-MAC' AND line = 'solid';
  OPEN early FOR SELECT node, iom_path(node), regress_path(node) FROM unnest('{OSS-MAC,OSS-PAC}'::iom_node[]) node;
  UPDATE iom_line SET supervisor = 'DOE' WHERE node = 'OSS-MAC' AND line = 'solid';
  OPEN late FOR SELECT node, iom_path(node), regress_path(node) FROM unnest('{OSS-MAC,OSS-PAC}'::iom_node[]) node;
  RETURN NEW;
END $$;
CREATE TRIGGER regress_early BEFORE INSERT ON regress_other FOR EACH ROW EXECUTE FUNCTION regress_early();
SELECT iom_path('OSS-PAC');
BEGIN;
WITH first AS (INSERT INTO regress_other VALUES (1) RETURNING i),
  last AS (UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS-PAC' AND line = 'solid' RETURNING 1)
SELECT * FROM first;
SELECT iom_path('OSS-MAC'), iom_path('OSS-PAC'), regress_check();
FETCH ALL FROM early;
FETCH ALL FROM late;
SELECT iom_path('OSS-MAC'), iom_path('OSS-PAC'), regress_check();
ROLLBACK;
SELECT iom_path('OSS-MAC'), iom_path('OSS-PAC'), regress_check();
DROP TABLE regress_other;
DROP FUNCTION regress_early;

-- Prepared statements with a generic plan
PREPARE regress_prepared(iom_node) AS
SELECT iom_path($1), $1 <@ 'DDGMR' AS within, (SELECT count(*) FROM iom_subtree($1)) AS size, (SELECT count(*) FROM iom_unit WHERE node <@ $1) AS nodes;
SET plan_cache_mode = force_generic_plan;
EXECUTE regress_prepared('OSS');
BEGIN;
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
DELETE FROM iom_line WHERE node = 'OSS-MAC';
EXECUTE regress_prepared('OSS');
SAVEPOINT a;
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid';
EXECUTE regress_prepared('OSS');
ROLLBACK TO a;
EXECUTE regress_prepared('OSS');
ROLLBACK;
EXECUTE regress_prepared('OSS');
RESET plan_cache_mode;
DEALLOCATE regress_prepared;

-- Isolation levels: the own changes are seen in all of them
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT iom_path('OSS');
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
SAVEPOINT a;
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
ROLLBACK TO a;
SELECT iom_path('OSS'), regress_check();
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT iom_path('OSS');
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT iom_path('OSS'), regress_check();
COMMIT;

-- DISCARD takes nothing away that is needed
BEGIN;
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
DISCARD PLANS;
SELECT iom_path('OSS'), regress_check();
ROLLBACK;
DISCARD ALL;
SELECT iom_path('OSS'), regress_check();

-- Charts are found again: that of the committed state after a rollback, that
-- of a savepoint after a rollback to it, and that of a transaction's last
-- state, when it has committed, is the committed one.  None is compiled twice
-- (the time that it took tells them apart).
SELECT iom_level('OSS');
SELECT revision AS committed_revision, compile_ms AS committed_ms FROM iom_charts() LIMIT 1 \gset
BEGIN;
UPDATE iom_line SET supervisor = 'DG' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_level('OSS');
SELECT compile_ms AS own_ms FROM iom_charts() LIMIT 1 \gset
SELECT committed, revision = :'committed_revision' AS same_revision FROM iom_charts() LIMIT 1;
SAVEPOINT a;
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_level('OSS');
ROLLBACK TO a;
SELECT iom_level('OSS');
SELECT compile_ms = :own_ms AS same, committed FROM iom_charts() LIMIT 1;
ROLLBACK;
SELECT iom_level('OSS');
SELECT compile_ms = :committed_ms AS same, revision = :'committed_revision' AS same_revision, committed FROM iom_charts() LIMIT 1;
SELECT count(*) FILTER (WHERE NOT committed) AS left_over FROM iom_charts();
BEGIN;
UPDATE iom_line SET supervisor = 'DG' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_level('OSS');
SELECT compile_ms AS own_ms, pg_current_xact_id() AS own_xid FROM iom_charts() LIMIT 1 \gset
COMMIT;
SELECT iom_level('OSS');
SELECT compile_ms = :own_ms AS same, revision = :'own_xid' AS same_revision, committed FROM iom_charts() LIMIT 1;
-- a statement that fails leaves the chart as good as it was
INSERT INTO iom_line (node, supervisor) VALUES ('DG', 'OSS');
SELECT iom_level('OSS');
SELECT compile_ms = :own_ms AS same, hits > 0 AS found_again FROM iom_charts() LIMIT 1;
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid';

-- Changes in replica role, where triggers of origin do not fire
BEGIN;
SELECT iom_path('OSS');
SET LOCAL session_replication_role = replica;
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
INSERT INTO iom_unit (node, name) VALUES ('NEW', 'New unit');
SELECT iom_level('NEW');
INSERT INTO iom_line (node, supervisor) VALUES ('NEW', 'OSS');
SELECT iom_path('NEW'), regress_check();
SAVEPOINT a;
DELETE FROM iom_line WHERE node = 'NEW';
SELECT iom_path('NEW'), regress_check();
TRUNCATE iom_line;
SELECT iom_path('OSS'), regress_check();
ROLLBACK TO a;
SELECT iom_path('NEW'), regress_check();
COMMIT;
SELECT iom_path('NEW'), regress_check();
DELETE FROM iom_line WHERE node = 'NEW';
DELETE FROM iom_unit WHERE node = 'NEW';
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid';

-- ... nor is a half of it taken for the whole there
CREATE TABLE regress_seen (id serial, seen text);
CREATE FUNCTION regress_look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO regress_seen (seen) VALUES (format('%s %s: %s %s', TG_WHEN, TG_LEVEL, iom_path('OSS'), regress_check()));
  RETURN NEW;
END $$;
CREATE TRIGGER "AAA_before" BEFORE UPDATE ON iom_line FOR EACH ROW EXECUTE FUNCTION regress_look();
CREATE TRIGGER "AAA_after" AFTER UPDATE ON iom_line FOR EACH ROW EXECUTE FUNCTION regress_look();
ALTER TABLE iom_line ENABLE ALWAYS TRIGGER "AAA_before", ENABLE REPLICA TRIGGER "AAA_after";
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE iom_line SET supervisor = 'DDGO' WHERE node IN ('OSS', 'OSS-MAC', 'PAC') AND line = 'solid';
SELECT seen FROM regress_seen ORDER BY id;
ROLLBACK;
SELECT iom_path('OSS'), regress_check();
DROP TRIGGER "AAA_before" ON iom_line;
DROP TRIGGER "AAA_after" ON iom_line;
DROP FUNCTION regress_look;
DROP TABLE regress_seen;

-- Triggers that are off
SELECT iom_path('OSS');
ALTER TABLE iom_line DISABLE TRIGGER ALL;
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
BEGIN;
UPDATE iom_line SET supervisor = 'DG' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
ROLLBACK;
SELECT iom_path('OSS'), regress_check();
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid';
ALTER TABLE iom_line ENABLE TRIGGER ALL;
SELECT iom_path('OSS'), regress_check();
-- (this has changed the triggers for replica role as well: off there)
SET session_replication_role = replica;
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
RESET session_replication_role;
SELECT iom_path('OSS'), regress_check();
ALTER TABLE iom_line ENABLE ALWAYS TRIGGER _iom_begin, ENABLE ALWAYS TRIGGER _iom_end, ENABLE ALWAYS TRIGGER iom_origin,
  ENABLE REPLICA TRIGGER _iom_replica_row;
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
-- one of the two suffices
BEGIN;
ALTER TABLE iom_unit DISABLE TRIGGER _iom_begin;
UPDATE iom_unit SET position = -9 WHERE node = 'PAC';
SELECT iom_rank('PAC') - iom_rank('DDGMR') AS first, regress_check();
UPDATE iom_unit SET position = 99 WHERE node = 'PAC';
SELECT iom_rank('PAC') - iom_rank('DDGMR') AS last, regress_check();
ROLLBACK;
SELECT iom_rank('PAC') - iom_rank('DDGMR') AS last, regress_check();

-- Changes by way of a parent fire the parent's triggers
BEGIN;
CREATE TABLE regress_parent (LIKE iom_line INCLUDING CONSTRAINTS);
ALTER TABLE iom_line INHERIT regress_parent;
SELECT iom_path('OSS');
UPDATE regress_parent SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
ROLLBACK;
SELECT iom_path('OSS'), regress_check();

-- The row that tells one state from another is gone
SELECT iom_path('OSS');
DELETE FROM iom_revision;
SELECT iom_path('OSS');
BEGIN;
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
ROLLBACK;
SELECT iom_path('OSS'), regress_check();
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
-- ... and comes back by the change
SELECT count(*) FROM iom_revision;
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
TRUNCATE iom_revision;
SELECT iom_path('OSS'), regress_check();
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check(), (SELECT count(*) FROM iom_revision);

-- The tables are altered
BEGIN;
ALTER TABLE iom_line ADD note text;
UPDATE iom_line SET note = 'moved', supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS'), regress_check();
-- (functions of the extension have parsed bodies, which depend on the columns)
SELECT regress_error('ALTER TABLE iom_unit DROP mandate') ~ '^2BP01 ' AS refused;
SELECT iom_path('OSS'), regress_check();
CLUSTER iom_line USING iom_line_pkey;
SELECT iom_path('OSS'), regress_check();
ALTER TABLE iom_unit RENAME position TO place;
SELECT iom_path('OSS');
ROLLBACK;
SELECT iom_path('OSS'), regress_check();
BEGIN;
ALTER TABLE iom_line RENAME TO iom_line_of_old;
SELECT iom_path('OSS');
ROLLBACK;
SELECT iom_path('OSS'), regress_check();

-- What is committed is what was last, not what was asked about before
BEGIN;
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_path('OSS-MAC');
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid';
COMMIT;
SELECT iom_path('OSS-MAC');
UPDATE iom_line SET supervisor = 'DDGMR' WHERE node = 'OSS' AND line = 'solid';

-- All is as it was
SELECT count(*) FROM (
  SELECT * FROM regress_before
  EXCEPT ALL (SELECT (to_jsonb(u) - 'origin')::text FROM iom_unit u UNION ALL SELECT (to_jsonb(l) - 'origin')::text FROM iom_line l)) difference;
SELECT count(*) = (SELECT count(*) FROM iom_unit) + (SELECT count(*) FROM iom_line) AS same FROM regress_before;
DROP TABLE regress_before;
