--
-- iom_history: who changed what
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- Other tests have left their traces, and have drawn numbers.
CREATE TEMPORARY TABLE regress_first AS SELECT nextval('iom_history_id_seq') AS id;
CREATE TEMPORARY VIEW regress_history AS
SELECT id - (SELECT min(id) FROM regress_first) AS n, relation, change, node,
  before - 'origin' AS before, after - 'origin' AS after, changed_by, acting_as
FROM iom_history WHERE id > (SELECT id FROM regress_first) ORDER BY id;
CREATE TEMPORARY VIEW regress_changed AS
SELECT h.n, h.relation, h.change, h.node, string_agg(format('%s: %s -> %s', k.key, h.before -> k.key, h.after -> k.key), ', ' ORDER BY k.key) AS changed
FROM regress_history h, jsonb_object_keys(coalesce(h.after, h.before)) k (key)
WHERE h.before -> k.key IS DISTINCT FROM h.after -> k.key
GROUP BY 1, 2, 3, 4 ORDER BY 1;

-- However a row is changed, it is recorded: each kind of statement
INSERT INTO iom_unit (node, name) VALUES ('A', 'Alpha'), ('B', 'Beta'), ('C', 'Gamma');
INSERT INTO iom_line (node, supervisor) VALUES ('B', 'A'), ('C', 'B');
UPDATE iom_line SET supervisor = 'A' WHERE node = 'C';
UPDATE iom_line SET supervisor = CASE WHEN node = 'B' THEN 'C'::iom_node ELSE 'A' END, relation = 'leads' WHERE supervisor = 'A';
UPDATE iom_unit SET name = name || '!' WHERE node IN ('A', 'B');
UPDATE iom_unit SET name = 'nobody' WHERE node = 'NOBODY';
INSERT INTO iom_unit (node, name) VALUES ('A', 'Alpha'), ('D', 'Delta')
ON CONFLICT (node) DO UPDATE SET name = excluded.name, position = 7;
INSERT INTO iom_unit (node, name) VALUES ('A', 'Alpha') ON CONFLICT DO NOTHING;
MERGE INTO iom_unit u
USING (VALUES ('B'::iom_node, 'Bravo'), ('E', 'Echo')) v (node, name) ON v.node = u.node
WHEN MATCHED THEN UPDATE SET name = v.name
WHEN NOT MATCHED THEN INSERT (node, name) VALUES (v.node, v.name);
COPY iom_unit (node, name) FROM stdin;
F	Foxtrot
\.
WITH line AS (INSERT INTO iom_line (node, supervisor) VALUES ('E', 'A') RETURNING node)
UPDATE iom_unit SET position = 9 WHERE node IN ('E', 'F');
INSERT INTO iom_appointment (post, authority, method) VALUES ('F', 'A', 'elected');
UPDATE iom_appointment SET term_years = 2 WHERE post = 'F';
DELETE FROM iom_appointment WHERE post = 'F';
DELETE FROM iom_line WHERE node IN ('A', 'B', 'E');
SELECT * FROM regress_changed;

-- What is recorded does not depend on how the session shows it.
BEGIN;
SET LOCAL DateStyle = 'SQL, DMY';
SET LOCAL IntervalStyle = 'iso_8601';
ALTER TABLE iom_unit ADD COLUMN lasts interval;
INSERT INTO iom_unit (node, name, valid, lasts) VALUES ('G', 'Golf', '[01/02/2024,)', '1 day 2:00');
SELECT valid, lasts FROM iom_unit WHERE node = 'G';
SELECT after -> 'valid' AS valid, after -> 'lasts' AS lasts FROM iom_history
WHERE node = 'G' AND transaction = pg_current_xact_id();
SHOW DateStyle;
ROLLBACK;

-- What was rolled back never was
SELECT max(n) AS before FROM regress_history \gset
BEGIN;
DELETE FROM iom_unit WHERE node = 'F';
ROLLBACK;
BEGIN;
SAVEPOINT s;
DELETE FROM iom_unit WHERE node = 'F';
ROLLBACK TO s;
UPDATE iom_unit SET position = 1 WHERE node = 'F';
COMMIT;
UPDATE iom_line SET supervisor = 'NOBODY' WHERE node = 'C';
SELECT * FROM regress_changed WHERE n > :before;

-- The replay of the history from the rows that there were is what is: an
-- oracle for all of it.  TRUNCATE is recorded row by row.
BEGIN;
TRUNCATE iom_unit, iom_line, iom_appointment;
SELECT relation, change, count(*) > 4 AS all FROM iom_history
WHERE transaction = pg_current_xact_id() GROUP BY 1, 2 ORDER BY 1;
INSERT INTO iom_unit (node, name) VALUES ('X', 'X'), ('Y', 'Y');
INSERT INTO iom_line (node, supervisor) VALUES ('Y', 'X');
UPDATE iom_unit SET name = node::text || i, position = i FROM generate_series(1, 3) i WHERE node = 'X';
WITH last AS (
  SELECT DISTINCT ON (node) node, after FROM iom_history
  WHERE relation = 'iom_unit' AND transaction = pg_current_xact_id() ORDER BY node, id DESC
)
SELECT count(*) FILTER (WHERE after IS NOT NULL) AS units,
  bool_and(after IS NOT DISTINCT FROM to_jsonb(u)) AS same
FROM last FULL JOIN iom_unit u USING (node);
ROLLBACK;

-- Who: the user who logged in, and the role that was set
CREATE ROLE regress_editor;
GRANT INSERT, UPDATE, DELETE ON iom_unit TO regress_editor;
SELECT max(n) AS before FROM regress_history \gset
SET ROLE regress_editor;
UPDATE iom_unit SET position = 2 WHERE node = 'F';
-- and this role can neither write it nor take anything away
INSERT INTO iom_history (changed_at, changed_by, acting_as, transaction, relation, change)
VALUES (now(), 'me', 'me', '1', 'iom_unit', 'delete');
DELETE FROM iom_history;
SET ROLE NONE;
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON iom_history TO regress_editor;
SET ROLE regress_editor;
SELECT regress_error(q) FROM (VALUES
  ($$INSERT INTO iom_history (changed_at, changed_by, acting_as, transaction, relation, change) VALUES (now(), 'me', 'me', '1', 'iom_unit', 'delete')$$),
  ($$UPDATE iom_history SET changed_by = 'somebody else'$$),
  ($$DELETE FROM iom_history$$),
  ($$TRUNCATE iom_history$$)) v (q);
RESET ROLE;
SELECT relation, change, node, changed_by = session_user AS logged_in, acting_as FROM regress_history WHERE n > :before;
REVOKE ALL ON iom_history FROM regress_editor;

-- A superuser can, but it shows.
DELETE FROM iom_history WHERE node = 'F' AND relation = 'iom_appointment';
SELECT relation, change, node FROM regress_history WHERE n > :before;

-- Where a row comes from: nobody needs to say, or can say otherwise
BEGIN;
SELECT origin, count(*) FROM iom_unit GROUP BY 1 ORDER BY 1;
INSERT INTO iom_unit (node, name, origin) VALUES ('G', 'Golf', 'seed'), ('H', 'Hotel', NULL);
UPDATE iom_unit SET position = position WHERE node = 'DLA';
UPDATE iom_unit SET origin = 'seed' WHERE node = 'G';
SELECT node, origin FROM iom_unit WHERE node IN ('G', 'H', 'DLA', 'DG') ORDER BY 1;
ROLLBACK;

-- The functions serve their own tables only.
SELECT iom_history_record();
CREATE TABLE regress_other (node iom_node);
CREATE TRIGGER regress_record AFTER INSERT ON regress_other FOR EACH STATEMENT EXECUTE FUNCTION iom_history_record();
INSERT INTO regress_other VALUES ('DG');
DROP TRIGGER regress_record ON regress_other;
CREATE TRIGGER regress_mark BEFORE INSERT ON regress_other FOR EACH ROW EXECUTE FUNCTION iom_origin_mark();
INSERT INTO regress_other VALUES ('DG');
DROP TABLE regress_other;
CREATE TRIGGER regress_mark AFTER INSERT ON iom_unit FOR EACH ROW EXECUTE FUNCTION iom_origin_mark();
INSERT INTO iom_unit (node, name) VALUES ('I', 'India');
DROP TRIGGER regress_mark ON iom_unit;
CREATE TRIGGER regress_record AFTER INSERT ON iom_unit FOR EACH ROW EXECUTE FUNCTION iom_history_record();
INSERT INTO iom_unit (node, name) VALUES ('I', 'India');
DROP TRIGGER regress_record ON iom_unit;

DELETE FROM iom_line WHERE node IN ('A', 'B', 'C', 'D', 'E', 'F');
DELETE FROM iom_unit WHERE node IN ('A', 'B', 'C', 'D', 'E', 'F');

DROP OWNED BY regress_editor;
DROP ROLE regress_editor;

-- What another column is as jsonb is found out as the user: whoever made its type is
-- not asked as the owner of the tables
CREATE ROLE regress_hr;
GRANT UPDATE, TRUNCATE ON iom_appointment TO regress_hr;
BEGIN;
CREATE TYPE regress_mood AS ENUM ('good', 'bad');
CREATE FUNCTION regress_mood_json(regress_mood) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE COALESCE(nullif(current_setting('regress.work', true), ''), 'SELECT');
  RETURN to_json(current_user || ' ' || $1::text);
END $$;
CREATE CAST (regress_mood AS json) WITH FUNCTION regress_mood_json(regress_mood);
ALTER TABLE iom_appointment ADD COLUMN mood regress_mood DEFAULT 'good';
SET LOCAL ROLE regress_hr;
UPDATE iom_appointment SET mood = 'bad' WHERE post = 'DG';
RESET ROLE;
SELECT change, before ->> 'mood' AS before, after ->> 'mood' AS after FROM iom_history WHERE transaction = pg_current_xact_id();
-- by SQL
SAVEPOINT by_page;
CREATE FUNCTION regress_pass() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE TRIGGER regress_pass BEFORE INSERT ON iom_history FOR EACH ROW EXECUTE FUNCTION regress_pass();
SET LOCAL ROLE regress_hr;
UPDATE iom_appointment SET mood = 'good' WHERE post = 'DG';
RESET ROLE;
SELECT change, before ->> 'mood' AS before, after ->> 'mood' AS after FROM iom_history WHERE transaction = pg_current_xact_id() ORDER BY id DESC LIMIT 1;
-- what a cast does is not what records
GRANT DELETE ON iom_history TO regress_hr;
CREATE ROLE regress_other;
GRANT regress_other TO regress_hr;
SET LOCAL ROLE regress_hr;
SELECT work, regress_error(format('DO $do$BEGIN PERFORM set_config(''regress.work'', %L, true); UPDATE iom_appointment SET mood = ''bad'' WHERE post = ''DG''; END$do$', work))
FROM (VALUES ('DELETE FROM iom_history'), ('SET ROLE regress_other'), ('SELECT 1')) v (work);
RESET ROLE;
SET LOCAL regress.work = '';
ROLLBACK TO by_page;
SET LOCAL ROLE regress_hr;
TRUNCATE iom_appointment;
RESET ROLE;
SELECT DISTINCT change, before ->> 'mood' AS before FROM iom_history WHERE transaction = pg_current_xact_id() AND change = 'delete';
ROLLBACK;
REVOKE ALL ON iom_appointment FROM regress_hr;
DROP ROLE regress_hr;

-- Columns may have any name and type: the whole row is recorded (by page, then by SQL)
BEGIN;
CREATE TYPE regress_row AS (node text);
ALTER TABLE iom_unit ADD COLUMN n text DEFAULT 'en', ADD COLUMN r regress_row, ADD COLUMN o regress_row;
INSERT INTO iom_unit (node, name) VALUES ('N', 'November');
UPDATE iom_unit SET r = ROW('R'), o = ROW('O') WHERE node = 'N';
CREATE FUNCTION regress_pass() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE TRIGGER regress_pass BEFORE INSERT ON iom_history FOR EACH ROW EXECUTE FUNCTION regress_pass();
INSERT INTO iom_unit (node, name) VALUES ('O', 'Oscar');
UPDATE iom_unit SET r = ROW('R'), o = ROW('O') WHERE node = 'O';
DELETE FROM iom_unit WHERE node = 'O';
TRUNCATE iom_unit, iom_line, iom_appointment;
SELECT change, before ->> 'node' AS before, before -> 'o' AS before_o, after ->> 'node' AS after, after -> 'o' AS after_o
FROM iom_history WHERE transaction = pg_current_xact_id() AND relation = 'iom_unit' AND node IN ('N', 'O') ORDER BY id;
ROLLBACK;

-- What a column computes where it is read (18 and later), the rows of triggers do not
-- have: no null is told of it, beside other types or not
BEGIN;
DO $$
BEGIN
  EXECUTE 'ALTER TABLE iom_unit ADD COLUMN v integer GENERATED ALWAYS AS (position + 1) ' ||
    CASE WHEN current_setting('server_version_num')::int >= 180000 THEN 'VIRTUAL' ELSE 'STORED' END;
END $$;
INSERT INTO iom_unit (node, name) VALUES ('N', 'November');
UPDATE iom_unit SET name = 'New' WHERE node = 'N';
ALTER TABLE iom_unit ADD COLUMN b boolean DEFAULT true;
UPDATE iom_unit SET name = 'Newer' WHERE node = 'N';
DELETE FROM iom_unit WHERE node = 'N';
INSERT INTO iom_unit (node, name) VALUES ('N', 'November');
TRUNCATE iom_unit, iom_line, iom_appointment;
SELECT change, before ->> 'name' AS before, before -> 'b' AS before_b, after ->> 'name' AS after, after -> 'b' AS after_b,
  (before -> 'v' = 'null') IS TRUE AS before_null, (after -> 'v' = 'null') IS TRUE AS after_null,
  coalesce(before -> 'v', after -> 'v') IS NULL = (current_setting('server_version_num')::int >= 180000) AS left_out
FROM iom_history WHERE transaction = pg_current_xact_id() AND relation = 'iom_unit' AND node = 'N' ORDER BY id;
ROLLBACK;

-- Whoever owns it: what TRUNCATE takes is recorded, seen by its owner or not
BEGIN;
CREATE ROLE regress_keeper;
ALTER TABLE iom_history OWNER TO regress_keeper;
REVOKE ALL ON iom_unit, iom_line, iom_appointment FROM PUBLIC;
ALTER TABLE iom_unit ENABLE ROW LEVEL SECURITY;
INSERT INTO iom_unit (node, name) VALUES ('N', 'November'), ('O', 'Oscar');
TRUNCATE iom_unit, iom_line, iom_appointment;
SELECT change, node, before ->> 'name' AS before FROM iom_history
WHERE transaction = pg_current_xact_id() AND relation = 'iom_unit' AND change = 'delete' AND node IN ('N', 'O') ORDER BY node;
ROLLBACK;

-- Values do not depend on how the session shows them
BEGIN;
ALTER TABLE iom_unit ADD COLUMN f float8, ADD COLUMN b bytea;
SET LOCAL extra_float_digits = -3;
SET LOCAL bytea_output = escape;
UPDATE iom_unit SET f = 0.1::float8 + 0.2, b = '\x00ff' WHERE node = 'DG';
SELECT after -> 'f' AS f, after -> 'b' AS b FROM iom_history ORDER BY id DESC LIMIT 1;
ROLLBACK;
