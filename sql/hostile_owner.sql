--
-- The tables belong to whoever creates the extension, who may put anything in their
-- place: others who ask get errors, and run nothing of his
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE ROLE regress_owner;
CREATE ROLE regress_guest;
CREATE SCHEMA regress_org AUTHORIZATION regress_owner;
GRANT USAGE ON SCHEMA regress_org TO PUBLIC;
BEGIN;
DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_owner', current_database()); END$$;
SET LOCAL client_min_messages = warning;
DROP EXTENSION iomorg CASCADE;
SET LOCAL ROLE regress_owner;
CREATE EXTENSION iomorg SCHEMA regress_org;
SET LOCAL search_path = regress_org, public;
SET LOCAL client_min_messages = notice;
CREATE FUNCTION regress_says(text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
$$BEGIN
  IF current_user <> 'regress_owner' OR current_setting('session_replication_role') <> 'origin' THEN
    RAISE NOTICE 'called for % as %, in role %', $1, current_user, current_setting('session_replication_role');
  END IF;
  RETURN true;
END$$;
CREATE FUNCTION regress_tell() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE NOTICE '% of % in role %', TG_OP, TG_TABLE_NAME, current_setting('session_replication_role'); RETURN NULL; END$$;

-- What a partial index says is not computed by who asks.
SAVEPOINT s;
DROP INDEX iom_line_supervisor_idx;
CREATE INDEX ON iom_line (supervisor) WHERE regress_says('a condition');
SET LOCAL ROLE regress_guest;
SELECT iom_supervisor('DLA'), count(*) FROM iom_subtree('DDGO');
ROLLBACK TO s;

-- Something else under a table's name.
ALTER EXTENSION iomorg DROP TABLE iom_unit;
ALTER TABLE iom_unit RENAME TO old_unit;
SAVEPOINT t;
CREATE VIEW iom_unit AS SELECT * FROM old_unit;
ALTER EXTENSION iomorg ADD VIEW iom_unit;
GRANT SELECT ON iom_unit TO PUBLIC;
SET LOCAL ROLE regress_guest;
SELECT iom_supervisor('DLA');
ROLLBACK TO t;
CREATE TABLE iom_unit (LIKE old_unit) PARTITION BY LIST (node);
ALTER EXTENSION iomorg ADD TABLE iom_unit;
SELECT iom_subtree('DG');
ROLLBACK TO s;
ALTER EXTENSION iomorg DROP TABLE iom_appointment;
ALTER TABLE iom_appointment RENAME TO old_appointment;
CREATE TABLE iom_appointment (post iom_node, authority iom_node) PARTITION BY LIST (post);
CREATE TRIGGER iom_history_truncate BEFORE TRUNCATE ON iom_appointment FOR EACH STATEMENT EXECUTE FUNCTION iom_history_record();
SELECT iom_supervisor('DLA');
TRUNCATE iom_appointment;
ROLLBACK TO s;

-- Other types under the columns' names.
ALTER TABLE iom_unit RENAME mandate TO old_mandate;
ALTER TABLE iom_unit ADD mandate path;
SELECT iom_import($$SELECT 'ABE' AS code, 'Abe' AS name, NULL AS supervisor, repeat('A', 40) AS mandate$$, false);
ROLLBACK TO s;
ALTER TABLE iom_unit RENAME head_title TO old_title;
ALTER TABLE iom_unit ADD head_title int8;
SELECT iom_import($$SELECT 'ABE' AS code, 'Abe' AS name, NULL AS supervisor, 'Chief' AS head_title$$, false);
ROLLBACK TO s;
ALTER TABLE iom_line RENAME relation TO old_relation;
ALTER TABLE iom_line ADD relation int8 NOT NULL DEFAULT 5;
SELECT iom_move('DLA', 'DG', '2031-01-01');
ROLLBACK TO s;
ALTER TABLE iom_line RENAME origin TO old_origin;
ALTER TABLE iom_line ADD origin int8 NOT NULL DEFAULT 5;
SELECT * FROM iom_check();
ROLLBACK TO s;
ALTER TABLE iom_line RENAME valid TO old_valid;
ALTER TABLE iom_line ADD valid daterange NOT NULL DEFAULT '(,)';
SELECT iom_supervisor('DLA');
ROLLBACK TO s;

-- Whose row it was is not told where it cannot be.
ALTER TABLE iom_appointment RENAME post TO old_post;
UPDATE iom_appointment SET term_years = 9 WHERE old_post = 'DG';
SELECT change, node, after ->> 'old_post' AS post FROM iom_history;
SAVEPOINT t;
TRUNCATE iom_appointment;
SELECT change, count(*), count(node) FROM iom_history GROUP BY change ORDER BY change;
ROLLBACK TO t;
ALTER TABLE iom_appointment ADD post int8 NOT NULL DEFAULT -1;
UPDATE iom_appointment SET term_years = 8 WHERE old_post = 'DG';
ALTER TABLE iom_appointment DROP post;
ALTER TABLE iom_appointment ADD post text NOT NULL DEFAULT 'abcdef';
DELETE FROM iom_appointment WHERE old_post = 'DG';
SELECT change, node, COALESCE(after, before) ->> 'post' AS post FROM iom_history ORDER BY id;
ROLLBACK TO s;

-- A code of another type is cast by nobody's function.
CREATE TYPE regress_code AS (code text);
CREATE FUNCTION regress_node(regress_code) RETURNS iom_node LANGUAGE plpgsql AS
$$BEGIN RAISE NOTICE 'called as %', current_user; RETURN 'DG'; END$$;
CREATE CAST (regress_code AS iom_node) WITH FUNCTION regress_node(regress_code) AS ASSIGNMENT;
ALTER TABLE iom_appointment RENAME post TO old_post;
ALTER TABLE iom_appointment DROP CONSTRAINT iom_appointment_pkey, ADD post regress_code;
ALTER TABLE iom_appointment ALTER old_post DROP NOT NULL;
SET LOCAL check_function_bodies = off;
INSERT INTO iom_appointment (post, authority, method, origin) VALUES (ROW('A')::regress_code, 'DG', 'appointed', 'own');
ROLLBACK TO s;

-- The owner restores for himself what the caller of another would have to fear.
CREATE TABLE place (id int PRIMARY KEY);
INSERT INTO place VALUES (1);
ALTER TABLE iom_unit ADD place int DEFAULT 1 REFERENCES place DEFERRABLE INITIALLY DEFERRED;
SET LOCAL check_function_bodies = off;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO iom_line (node, supervisor, valid, origin) VALUES ('A', 'B', '[2030-01-01,)', 'own');
INSERT INTO iom_unit (node, name, valid, origin) VALUES ('A', 'Alpha', '[2030-01-01,)', 'own'), ('B', 'Beta', '[2029-01-01,)', 'own');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT node, name, valid FROM iom_unit ORDER BY node;
ROLLBACK TO s;

-- The seed makes room for a dump without anybody's triggers, in no other role.
CREATE TRIGGER tell AFTER DELETE ON iom_unit FOR EACH STATEMENT EXECUTE FUNCTION regress_tell();
CREATE TRIGGER tell_row BEFORE DELETE ON iom_line FOR EACH ROW EXECUTE FUNCTION regress_tell();
CREATE RULE tell AS ON DELETE TO iom_appointment DO INSTEAD NOTHING;
ALTER TABLE iom_unit ENABLE ALWAYS TRIGGER tell;
ALTER TABLE iom_line ENABLE ALWAYS TRIGGER tell_row;
ALTER TABLE iom_appointment ENABLE ALWAYS RULE tell;
CREATE INDEX ON iom_unit (node) WHERE regress_says('a condition');
SET LOCAL check_function_bodies = off;
INSERT INTO iom_unit (node, name, origin) VALUES ('A', 'Alpha', 'own');
SELECT node, origin FROM iom_unit;
SELECT count(*) FROM iom_line;
SELECT count(*) FROM iom_appointment;
SELECT node, iom_is_leaf(node) FROM iom_roots();
SELECT count(*) FROM iom_history;
SELECT * FROM iom_check();
ROLLBACK TO s;

-- Where somebody else's foreign key is restored, units stand in for what it would miss:
-- the owner's triggers are not fired by that, nor do his defaults leave anything behind.
CREATE CONSTRAINT TRIGGER tell AFTER INSERT ON iom_unit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION regress_tell();
RESET ROLE;
CREATE TABLE regress_staff (unit iom_node);
INSERT INTO regress_staff VALUES ('NEW'), ('DG');
SET LOCAL check_function_bodies = off;
SAVEPOINT t;
ALTER TABLE regress_staff ADD FOREIGN KEY (unit) REFERENCES iom_unit;
ROLLBACK TO t;
-- (where none is missing, that is nobody's business)
DELETE FROM regress_staff WHERE unit = 'NEW';
ALTER TABLE regress_staff ADD FOREIGN KEY (unit) REFERENCES iom_unit;
ROLLBACK TO t;
SET LOCAL ROLE regress_owner;
DROP TRIGGER tell ON iom_unit;
CREATE FUNCTION regress_leave() RETURNS text LANGUAGE plpgsql AS
$$BEGIN PERFORM set_config('search_path', 'pg_catalog', false); RAISE NOTICE 'called as %', current_user; RETURN 'left'; END$$;
ALTER TABLE iom_unit ALTER COLUMN mandate SET DEFAULT regress_leave();
RESET ROLE;
ALTER TABLE regress_staff ADD FOREIGN KEY (unit) REFERENCES iom_unit;
SHOW search_path;
SELECT node, mandate, origin FROM iom_unit WHERE origin <> 'seed';
ROLLBACK TO s;
ALTER EXTENSION iomorg DROP TABLE iom_appointment;
SET LOCAL check_function_bodies = off;
CREATE TABLE regress_staff (unit iom_node);
ALTER TABLE regress_staff ADD FOREIGN KEY (unit) REFERENCES iom_unit;
INSERT INTO iom_unit (node, name, origin) VALUES ('A', 'Alpha', 'own');
ROLLBACK;

DROP SCHEMA regress_org;
DROP ROLE regress_owner;
DROP ROLE regress_guest;
