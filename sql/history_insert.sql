--
-- iom_history is written by the page where it is as the extension made it, and
-- by SQL where it is not: both ways leave the same rows
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- A constraint is checked both ways; it tells them apart by who asks.  (A sequence
-- keeps it: no setting outlasts what is done as the table's owner.)
CREATE SEQUENCE regress_way;
CREATE FUNCTION regress_way() RETURNS text LANGUAGE sql AS $$SELECT CASE last_value WHEN 2 THEN 'SQL' ELSE 'page' END FROM regress_way$$;
CREATE FUNCTION regress_see() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	context text;
BEGIN
	GET DIAGNOSTICS context = PG_CONTEXT;
	PERFORM setval('public.regress_way', CASE WHEN context ~ 'INSERT INTO [^ ]*iom_history' THEN 2 ELSE 1 END);
	RETURN true;
END $$;
CREATE FUNCTION regress_pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;

-- What is recorded of some statements after others have prepared for them, and
-- which way; in which order an update meets rows depends on where they lie.  A
-- row trigger that does nothing makes it SQL.
CREATE FUNCTION regress_record(prepare text, work text, by_sql boolean, OUT way text, OUT n bigint, OUT ordered boolean, OUT rows text)
LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		ALTER TABLE iom_history ADD CONSTRAINT regress_see CHECK (regress_see());
		IF by_sql THEN
			CREATE TRIGGER regress_pass BEFORE INSERT ON iom_history FOR EACH ROW EXECUTE FUNCTION regress_pass();
		END IF;
		EXECUTE prepare;
		EXECUTE work;
		SELECT regress_way(), count(*),
			max(id) - min(id) = count(*) - 1
			AND count(DISTINCT id - substr(node::text, 2)::int) FILTER (WHERE change = 'insert' AND relation = 'iom_unit' AND node::text ~ 'N[0-9]+$') = 1,
			count(DISTINCT changed_at) || string_agg(concat_ws('|', changed_by, acting_as, relation, change, coalesce(node::text, '?'),
				before, after, pg_column_size(before), pg_column_size(after)), E'\n' ORDER BY relation, change, node, before, after)
		INTO way, n, ordered, rows
		FROM iom_history WHERE transaction = pg_current_xact_id();
		RAISE EXCEPTION USING ERRCODE = 'RB000';
	EXCEPTION WHEN SQLSTATE 'RB000' THEN
		NULL;
	END;
END $$;

-- Statements of every kind on odd rows; more rows than are written at once, and
-- rows too large to be kept until there are many.
CREATE TEMPORARY TABLE regress_work (work text);
INSERT INTO regress_work VALUES ($work$
	INSERT INTO iom_unit (node, name, kind, head_title, mandate, position, valid) VALUES
		('A', E'"\\/\b\f\n\r\t\u0001\u001f\u007f', ' ', '', NULL, 0, '(,)'),
		('B', 'Ünïcödé 漢字 😀', 'null', '{}', '[]', -2147483648, '[-infinity,infinity]'),
		('C', E'\u00a0\u2028', 'true', 'NULL', '"', 2147483647, '[0044-03-15 BC,0031-09-02 BC)'),
		('D', '1e400', '0', '\', '\\', 10000, '[2024-02-29,)'),
		('E', 'E', 'E', NULL, NULL, -10000, '(,5874897-12-30]'),
		('F', repeat('long ', 30000), 'F', repeat('"', 70000), NULL, 99990000, '(infinity,)');
	INSERT INTO iom_unit (node, name, mandate)
	SELECT ('N' || i)::iom_node, 'Unit ' || i, CASE WHEN i % 350 = 0 THEN (SELECT string_agg(md5(i::text || j), '') FROM generate_series(1, 1000) j) END
	FROM generate_series(1, 1200) i;
	INSERT INTO iom_line (node, supervisor, valid)
	SELECT ('N' || i)::iom_node, ('N' || i / 2)::iom_node, daterange(CASE WHEN i % 3 = 0 THEN date '2000-01-01' + i END, CASE WHEN i % 5 = 0 THEN 'infinity'::date END)
	FROM generate_series(1, 1200) i WHERE i > 1 AND (i % 3, i % 5) IN ((1, 1), (2, 2), (0, 0), (0, 3), (1, 2), (1, 4), (2, 4));
	UPDATE iom_unit SET name = reverse(name), mandate = name, position = length(name);
	UPDATE iom_unit SET node = (node::text || 'X')::iom_node, valid = '(,)' WHERE node IN ('E', 'F');
	UPDATE iom_unit SET name = 'nobody' WHERE node = 'NOBODY';
	INSERT INTO iom_unit (node, name) VALUES ('A', 'again'), ('G', 'Golf') ON CONFLICT (node) DO UPDATE SET name = excluded.name;
	MERGE INTO iom_unit u USING (VALUES ('B'::iom_node, 'Bravo'), ('H', 'Hotel')) v (node, name) ON v.node = u.node
	WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (node, name) VALUES (v.node, v.name);
	WITH line AS (INSERT INTO iom_line (node, supervisor) VALUES ('H', 'A') RETURNING node)
	UPDATE iom_unit SET position = 9 WHERE node IN ('A', 'H');
	INSERT INTO iom_appointment (post, authority, method, term_years) VALUES ('H', 'A', E'\t', 1), ('A', 'H', '☃', NULL);
	UPDATE iom_appointment SET term_years = 1000000, term = '' WHERE post = 'A';
	DELETE FROM iom_appointment;
	DELETE FROM iom_line;
	DELETE FROM iom_unit WHERE node::text LIKE 'N%';
$work$);

CREATE TYPE regress_pair AS (a int, b text);
CREATE DOMAIN regress_name AS text;
CREATE TYPE regress_mood AS ENUM ('good', 'bad');
CREATE FUNCTION regress_json(iom_node) RETURNS json LANGUAGE sql IMMUTABLE AS $$ SELECT to_json(ARRAY[$1::text]) $$;
CREATE FUNCTION regress_watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM count(*), min(r::text) FROM changed r;
	PERFORM FROM changed LIMIT 1;
	RETURN NULL;
END $$;
CREATE TEMPORARY TABLE regress_case (no int, name text, prepare text);
INSERT INTO regress_case VALUES
	(1, 'as it is', ''),
	(2, 'another DateStyle', $$SET LOCAL DateStyle = 'German'; SET LOCAL IntervalStyle = 'sql_standard'$$),
	(3, 'columns dropped', $$ALTER TABLE iom_unit ADD gone int DEFAULT 7, ADD stays text DEFAULT 'here'; ALTER TABLE iom_unit DROP gone; ALTER TABLE iom_line ADD gone bytea, ADD stays int; ALTER TABLE iom_line DROP gone$$),
	(4, 'known types added', $$ALTER TABLE iom_unit ADD "Sh""ort" text DEFAULT 'x', ADD e int, ADD partner iom_node DEFAULT 'DG'; ALTER TABLE iom_line ADD a daterange DEFAULT '[2024-01-01,2024-01-02]', ADD nodf text; ALTER TABLE iom_unit DROP e$$),
	(5, 'long names', 'ALTER TABLE iom_unit ADD ' || rpad('aä', 61, 'z') || ' text, ADD ' || rpad('aä', 61, 'y') || $$ int DEFAULT 5, ADD "é" text, ADD "名" int$$),
	(6, 'other types added', $$ALTER TABLE iom_unit ADD since timestamptz DEFAULT 'infinity', ADD born date DEFAULT '0044-03-15 BC', ADD lasts interval DEFAULT '1 day 2:00', ADD raw bytea DEFAULT '\x00ff', ADD real float8 DEFAULT 'NaN', ADD much numeric DEFAULT 1e30, ADD big bigint DEFAULT 1, ADD small smallint, ADD yes boolean DEFAULT true;
		SET LOCAL DateStyle = 'SQL, DMY'; SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL bytea_output = 'escape'; SET LOCAL extra_float_digits = -10$$),
	(7, 'nested types added', $$ALTER TABLE iom_line ADD pair regress_pair DEFAULT '(1,"""")', ADD pairs regress_pair[] DEFAULT '{"(2,b)",NULL}', ADD doc jsonb DEFAULT '{"b": [1], "a": null}', ADD text json DEFAULT '{"a":1, "a":2}', ADD nodes iom_node[] DEFAULT '{DG,NULL}';
		ALTER TABLE iom_unit ADD alias regress_name DEFAULT 'x', ADD mood regress_mood DEFAULT 'bad', ADD code varchar(3), ADD flag char(3) DEFAULT 'f'$$),
	(8, 'a column generated', $$ALTER TABLE iom_unit ADD twice text GENERATED ALWAYS AS (name || name) STORED$$),
	(9, 'a cast of codes to json', 'CREATE CAST (iom_node AS json) WITH FUNCTION regress_json(iom_node)'),
	(10, 'a cast of codes to json in passing', 'CREATE CAST (iom_node AS json) WITH INOUT'),
	(11, 'transition tables on disk', $$SET LOCAL work_mem = '64kB'$$),
	(12, 'others read them', $$CREATE TRIGGER a AFTER INSERT ON iom_unit REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION regress_watch();
		CREATE TRIGGER z AFTER UPDATE ON iom_unit REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION regress_watch();
		CREATE TRIGGER a AFTER DELETE ON iom_line REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION regress_watch()$$),
	(13, 'indexes', $$DROP INDEX iom_history_node_idx, iom_history_renamed_idx; CREATE INDEX ON iom_history ((after ->> 'name')) WHERE length(after ->> 'name') < 1000; CREATE INDEX ON iom_history USING gin (before)$$),
	(14, 'a column of iom_history dropped', 'ALTER TABLE iom_history ADD more int; ALTER TABLE iom_history DROP more'),
	(15, 'another identity', 'ALTER TABLE iom_history ALTER id SET GENERATED ALWAYS SET INCREMENT 1 SET CACHE 7'),
	(16, 'no key', 'DROP INDEX iom_history_id_idx'),
	(17, 'a child of iom_unit', 'CREATE TABLE regress_child () INHERITS (iom_unit)');
SELECT c.no, c.name, p.way, s.way, p.n = s.n AS as_many, p.n > 3500 AS many, p.ordered, s.ordered, p.rows = s.rows AS same
FROM regress_case c, regress_work w, regress_record(c.prepare, w.work, false) p, regress_record(c.prepare, w.work, true) s
ORDER BY c.no;

-- What by the page does not do, SQL does: columns, triggers, rules, foreign
-- keys, constraints that are checked later.
CREATE TEMPORARY TABLE regress_reason (no int, name text, prepare text, holds text);
CREATE SEQUENCE regress_fired;
CREATE FUNCTION regress_to() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM setval('public.regress_fired', length(TG_NAME)); RETURN NULL; END $$;
INSERT INTO regress_reason VALUES
	(1, 'nothing', '', 'true'),
	(2, 'a column with a default', 'ALTER TABLE iom_history ADD seen timestamptz DEFAULT now()', 'seen IS NOT NULL'),
	(3, 'a generated column', $$ALTER TABLE iom_history ADD name text GENERATED ALWAYS AS (after ->> 'name') STORED$$, $$name = 'India'$$),
	(4, 'a row trigger', 'CREATE TRIGGER regress_row AFTER INSERT ON iom_history FOR EACH ROW EXECUTE FUNCTION regress_to()', $$(SELECT last_value FROM regress_fired) = length('regress_row')$$),
	(5, 'a statement trigger', 'CREATE TRIGGER regress_statement AFTER INSERT ON iom_history FOR EACH STATEMENT EXECUTE FUNCTION regress_to()', $$(SELECT last_value FROM regress_fired) = length('regress_statement')$$),
	(6, 'a trigger on other statements', 'CREATE TRIGGER regress_update AFTER UPDATE ON iom_history FOR EACH ROW EXECUTE FUNCTION regress_to()', 'true'),
	(7, 'a rule', 'CREATE TABLE regress_copy AS TABLE iom_history WITH NO DATA; CREATE RULE regress_rule AS ON INSERT TO iom_history DO ALSO INSERT INTO regress_copy (relation) VALUES (NEW.relation)', 'EXISTS (SELECT FROM regress_copy)'),
	(8, 'a foreign key', 'ALTER TABLE iom_history ADD FOREIGN KEY (node) REFERENCES iom_unit ON DELETE SET NULL NOT VALID', 'true'),
	(9, 'a deferred constraint', 'ALTER TABLE iom_history ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED', 'true'),
	(10, 'another type', 'ALTER TABLE iom_history ALTER changed_by TYPE text', 'true');
CREATE FUNCTION regress_reason(prepare text, holds text, OUT way text, OUT n bigint, OUT holds_of_all boolean) LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		ALTER TABLE iom_history ADD CONSTRAINT regress_see CHECK (regress_see());
		EXECUTE prepare;
		INSERT INTO iom_unit (node, name) VALUES ('I', 'India');
		EXECUTE format('SELECT regress_way(), count(*), bool_and(%s) FROM iom_history WHERE transaction = pg_current_xact_id()', holds)
		INTO way, n, holds_of_all;
		RAISE EXCEPTION USING ERRCODE = 'RB000';
	EXCEPTION WHEN SQLSTATE 'RB000' THEN
		NULL;
	END;
END $$;
SELECT r.no, r.name, f.* FROM regress_reason r, regress_reason(r.prepare, r.holds) f ORDER BY r.no;

-- What refuses a row refuses the statement, and leaves nobody in another role.
CREATE ROLE regress_editor;
GRANT INSERT, UPDATE, DELETE ON iom_unit TO regress_editor;
BEGIN;
ALTER TABLE iom_history ADD CONSTRAINT regress_name CHECK (after ->> 'name' <> 'refused');
CREATE UNIQUE INDEX regress_once ON iom_history ((after ->> 'name')) WHERE after ->> 'name' = 'twice';
CREATE FUNCTION regress_me(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN current_user::text; END $$;
CREATE INDEX regress_owner ON iom_history (regress_me(change)) WHERE changed_at > '2000-01-01';
SET LOCAL ROLE regress_editor;
SELECT left(regress_error(q), 5) FROM (VALUES
	($$INSERT INTO iom_unit (node, name) SELECT ('I' || i)::iom_node, CASE i WHEN 1500 THEN 'refused' ELSE 'India' END FROM generate_series(1, 2000) i$$),
	($$INSERT INTO iom_unit (node, name) VALUES ('I1', 'twice'), ('I2', 'twice')$$)) v (q);
SELECT current_user, count(*) FROM iom_unit WHERE node::text LIKE 'I%';
INSERT INTO iom_unit (node, name) VALUES ('I', 'India');
SELECT acting_as, change, node FROM iom_history WHERE transaction = pg_current_xact_id();
-- the expressions of indexes are the owner's
SET LOCAL enable_seqscan = off;
SELECT count(*) FROM iom_history WHERE regress_me(change) = 'regress_editor' AND changed_at > '2000-01-01' AND transaction = pg_current_xact_id();
ROLLBACK;

-- Later triggers of the same statement, and queries of the transaction, see it.
BEGIN;
CREATE FUNCTION regress_look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE 'recorded: %', (SELECT count(*) FROM iom_history WHERE transaction = pg_current_xact_id());
	RETURN NULL;
END $$;
CREATE TRIGGER z_look AFTER INSERT OR UPDATE OR DELETE ON iom_unit FOR EACH STATEMENT EXECUTE FUNCTION regress_look();
SET client_min_messages = notice;
INSERT INTO iom_unit (node, name) VALUES ('I', 'India'), ('J', 'Juliett');
UPDATE iom_unit SET name = 'j' WHERE node = 'J';
DELETE FROM iom_unit WHERE node = 'I';
ROLLBACK;

DROP FUNCTION regress_record, regress_reason, regress_to, regress_watch, regress_json, regress_pass, regress_see;
DROP TYPE regress_pair, regress_name, regress_mood;
DROP OWNED BY regress_editor;
DROP ROLE regress_editor;
