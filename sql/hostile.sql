--
-- Hostile roles: nothing of theirs is called, whatever the search_path finds
-- first, and whatever they prepared
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE ROLE regress_attacker;
CREATE ROLE regress_victim;
CREATE SCHEMA regress_evil AUTHORIZATION regress_attacker;
GRANT USAGE ON SCHEMA regress_evil TO PUBLIC;
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON iom_unit, iom_line, iom_appointment TO regress_victim;

-- Who gets to run anything of the attacker's says so.
CREATE FUNCTION regress_evil.make(name text, arguments text, result text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
	EXECUTE format('CREATE FUNCTION regress_evil.%I(%s) RETURNS %s IMMUTABLE LANGUAGE plpgsql AS
		$f$BEGIN RAISE EXCEPTION ''hijacked: %s, superuser %%'', pg_catalog.current_setting(''is_superuser''); END$f$', name, arguments, result, name);
END $$;
CREATE FUNCTION regress_evil.make_operator(name text, lefttype text, righttype text, result text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
	PERFORM regress_evil.make('operator ' || name, lefttype || ', ' || righttype, result);
	EXECUTE format('CREATE OPERATOR regress_evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = regress_evil.%I)',
		name, lefttype, righttype, 'operator ' || name);
END $$;

-- What the extension's functions, views, triggers and constraints use is its
-- own or the server's: no function, operator, type or table of anybody else's.
CREATE FUNCTION regress_foreign() RETURNS SETOF text LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE own (classid, objid) AS (
		SELECT d.classid, d.objid FROM pg_depend d
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
			AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'iomorg')
		UNION
		SELECT d.classid, d.objid FROM own o JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid
		WHERE d.deptype IN ('a', 'i')
	)
	SELECT DISTINCT pg_describe_object(d.refclassid, d.refobjid, 0)
	FROM own o JOIN pg_depend d USING (classid, objid)
	WHERE d.refobjid >= 16384
		AND d.refclassid NOT IN ('pg_extension'::regclass, 'pg_namespace'::regclass)
		AND (d.refclassid, d.refobjid) NOT IN (TABLE own)
$$;
SELECT * FROM regress_foreign();

-- The search_path has the attacker's schema first, and the server's last.  In
-- it is a twin of each function of the extension, of each operator of common
-- types, and of each function of the server that our code names.
SET search_path = pg_catalog, pg_temp;
CREATE TEMPORARY TABLE regress_member AS
SELECT p.oid, p.proname, p.prokind, p.proretset, p.provolatile, p.proargtypes, p.prorettype,
	(SELECT array_agg(t::regtype::text ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY u (t, n)) AS arguments
FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'iomorg';
RESET search_path;
GRANT SELECT ON regress_member TO PUBLIC;
CREATE TEMPORARY TABLE regress_named AS
SELECT DISTINCT w[1] AS name
FROM regress_member m JOIN pg_proc p ON p.oid = m.oid AND p.prosqlbody IS NOT NULL
CROSS JOIN LATERAL regexp_matches(pg_get_functiondef(p.oid), '\m(\w+)\(', 'g') w;
DO $$
DECLARE
	f record;
BEGIN
	FOR f IN
		SELECT DISTINCT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments,
			array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t), ', ') AS types,
			format_type(p.prorettype, NULL) AS result
		FROM pg_proc p
		WHERE p.prokind IN ('f', 'a', 'w') AND p.prorettype <> 'trigger'::regtype
			AND (p.oid IN (SELECT m.oid FROM regress_member m)
				OR p.pronamespace = 'pg_catalog'::regnamespace AND (
					p.proname IN ('daterange', 'lower', 'min', 'count', 'to_jsonb', 'row_number', 'pg_current_xact_id')
					OR p.proname IN (SELECT n.name FROM regress_named n)))
			AND NOT EXISTS (SELECT FROM unnest(p.proargtypes || p.prorettype) t JOIN pg_type y ON y.oid = t
				WHERE y.typtype = 'p' AND y.typname NOT IN ('anyelement', 'anyarray', 'anyrange', 'record', 'void')
					OR y.typname = 'record' AND t <> p.prorettype)
	LOOP
		BEGIN
			PERFORM regress_evil.make(f.proname, f.types, f.result);
		EXCEPTION WHEN invalid_function_definition OR duplicate_function THEN
			NULL;
		END;
	END LOOP;
	FOR f IN
		SELECT o.oprname, format_type(o.oprleft, NULL) AS l, format_type(o.oprright, NULL) AS r, format_type(o.oprresult, NULL) AS result
		FROM pg_operator o
		WHERE o.oprkind = 'b' AND o.oprname IN ('=', '<>', '<', '<=', '>', '>=', '<@', '@>', '&&', '||', '*', '+', '-', '->>', '~~', '@@')
			AND o.oprleft IN (SELECT t::regtype FROM unnest('{iom_node,iom_member,text,name,integer,bigint,date,daterange,jsonb,oid,tsvector,"\"char\"",anyrange,anyarray,anyelement}'::text[]) t)
			AND o.oprright IN (SELECT t::regtype FROM unnest('{iom_node,iom_member,text,name,integer,bigint,date,daterange,jsonb,oid,tsvector,tsquery,"\"char\"",anyrange,anyarray,anyelement}'::text[]) t)
	LOOP
		PERFORM regress_evil.make_operator(f.oprname, f.l, f.r, f.result);
	END LOOP;
	-- closer fits than the server's own
	PERFORM regress_evil.make('isempty', 'daterange', 'boolean'), regress_evil.make('sqrt', 'bigint', 'double precision'),
		regress_evil.make('format', 'text, text', 'text'), regress_evil.make('format', 'text, iom_node, text', 'text'),
		regress_evil.make('to_jsonb', 'iom_unit', 'jsonb'), regress_evil.make('lower', 'daterange', 'date'),
		regress_evil.make_operator('@>', 'daterange', 'date', 'boolean'),
		regress_evil.make_operator('*', 'daterange', 'daterange', 'daterange'),
		regress_evil.make_operator('&&', 'daterange', 'daterange', 'boolean'),
		regress_evil.make_operator('<>', 'daterange', 'daterange', 'boolean');
END $$;
-- its tables and views too
SET ROLE regress_attacker;
CREATE TABLE regress_evil.iom_unit AS TABLE iom_unit WITH NO DATA;
CREATE TABLE regress_evil.iom_line AS TABLE iom_line WITH NO DATA;
CREATE TABLE regress_evil.iom_appointment AS TABLE iom_appointment WITH NO DATA;
CREATE TABLE regress_evil.iom_history AS TABLE iom_history WITH NO DATA;
CREATE TABLE regress_evil.iom_revision AS TABLE iom_revision WITH NO DATA;
CREATE VIEW regress_evil.old_rows AS SELECT u.*, regress_evil.iom_level(u.node, NULL) AS evil FROM iom_unit u;
CREATE VIEW regress_evil.new_rows AS SELECT u.*, regress_evil.iom_level(u.node, NULL) AS evil FROM iom_unit u;
GRANT SELECT ON ALL TABLES IN SCHEMA regress_evil TO PUBLIC;
RESET ROLE;
SELECT count(*) > 100 AS many_functions FROM pg_proc WHERE pronamespace = 'regress_evil'::regnamespace;
SELECT count(*) > 100 AS many_operators FROM pg_operator WHERE oprnamespace = 'regress_evil'::regnamespace;
-- (they would be found)
SET search_path = regress_evil, public, pg_catalog;
SELECT iom_level('DLA'::iom_node, NULL::date);
SELECT 'a'::text = 'b'::text;
RESET search_path;

-- Each function of the extension gives the same answer, or error, as without
-- them: to questions that make sense, and to odd ones.
CREATE FUNCTION regress_answers(path text, odd boolean) RETURNS TABLE (call text, answer text) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	f record;
	value text;
	given text;
	n int;
BEGIN
	FOR f IN
		SELECT m.*, m.oid::regproc AS name FROM regress_member m
		WHERE 'internal'::regtype <> ALL (m.proargtypes::oid[]) AND 'cstring'::regtype <> ALL (m.proargtypes::oid[])
			AND m.prorettype NOT IN ('trigger'::regtype, 'internal'::regtype)
			AND m.proname <> 'iom_charts' AND m.proname !~ 'range$'
		ORDER BY m.proname, m.arguments
	LOOP
		FOR n IN 1 .. CASE WHEN odd THEN 4 ELSE 1 END LOOP
			SELECT coalesce(string_agg((CASE
				WHEN NOT odd THEN CASE a
					WHEN 'public.iom_node' THEN CASE f.proname WHEN 'iom_add' THEN CASE i WHEN 1 THEN $v$'NEWONE'$v$ ELSE $v$'DLA'$v$ END
						ELSE CASE i WHEN 1 THEN $v$'OSS-MAC'$v$ ELSE $v$'MAC'$v$ END END
					WHEN 'public.iom_member' THEN $v$'DLA'$v$ WHEN 'date' THEN $v$'2024-06-01'$v$ 
					WHEN 'text' THEN CASE WHEN f.proname = 'iom_node' THEN $v$'DLA'$v$ WHEN f.proname = 'iom_find_query' AND i = 2 THEN $v$'&'$v$
						WHEN f.proname = 'iom_unrelate' THEN $v$'hosted_by'$v$ ELSE $v$'legal & co <b>'$v$ END
					WHEN 'integer' THEN '2' WHEN 'bigint' THEN $v$public.int8('DLA'::public.iom_node)$v$ WHEN 'smallint' THEN '2' WHEN 'numeric' THEN '2.5'
					WHEN 'double precision' THEN '2.5' WHEN 'boolean' THEN 'true' WHEN 'text[]' THEN $v$'{assists,serves}'$v$
					WHEN 'public.iom_totals' THEN $v$(SELECT public.iom_rollup(x.unit, x.pay) FROM (VALUES ('DLA'::public.iom_node, 7), ('OSS', 8)) x (unit, pay))$v$
					WHEN 'public.iom_float_totals' THEN $v$(SELECT public.iom_rollup(x.unit, x.pay) FROM (VALUES ('DLA'::public.iom_node, 7::float8), ('OSS', 8)) x (unit, pay))$v$
					ELSE 'NULL' END
				WHEN n = 1 THEN 'NULL'
				ELSE CASE a
					WHEN 'public.iom_node' THEN CASE n WHEN 2 THEN $v$'DG'$v$ WHEN 3 THEN $v$'NOBODY'$v$ ELSE $v$'______------'$v$ END
					WHEN 'public.iom_member' THEN $v$'DG'$v$
					WHEN 'date' THEN CASE n WHEN 2 THEN $v$'infinity'$v$ WHEN 3 THEN $v$'-infinity'$v$ ELSE $v$'5874897-12-31'$v$ END
					WHEN 'text' THEN CASE n WHEN 2 THEN $v$''$v$ WHEN 3 THEN $v$pg_catalog.repeat('x', 100000)$v$ ELSE $v$E'\\\\''"%s%1$s&|!():*<\x01'$v$ END
					WHEN 'integer' THEN CASE n WHEN 2 THEN '2147483647' WHEN 3 THEN '-2147483648' ELSE '0' END
					WHEN 'bigint' THEN CASE n WHEN 2 THEN '9223372036854775807' WHEN 3 THEN '-9223372036854775808' ELSE '0' END
					WHEN 'smallint' THEN '-32768'
					WHEN 'numeric' THEN CASE n WHEN 2 THEN $v$'NaN'$v$ WHEN 3 THEN $v$'-Infinity'$v$ ELSE '1e131000' END
					WHEN 'double precision' THEN CASE n WHEN 2 THEN $v$'NaN'$v$ WHEN 3 THEN $v$'-Infinity'$v$ ELSE '1e-308' END
					WHEN 'boolean' THEN 'NULL'
					WHEN 'text[]' THEN CASE n WHEN 2 THEN $v$'{}'$v$ WHEN 3 THEN $v$'{{assists,NULL},{serves,x}}'$v$ ELSE $v$'[5:6]={assists,NULL}'$v$ END
					ELSE 'NULL' END
				END) || '::' || a, ', ' ORDER BY i), '')
			INTO given FROM unnest(f.arguments) WITH ORDINALITY u (a, i);
			call := f.proname || '(' || given || ')';
			BEGIN
				EXECUTE format('SET LOCAL search_path = %s', path);
				EXECUTE pg_catalog.format(
					CASE WHEN f.prokind OPERATOR(pg_catalog.=) 'f' THEN 'SELECT pg_catalog.string_agg(t::pg_catalog.text, '';'') FROM %s(%s) t'
						ELSE 'SELECT %s(%s)::pg_catalog.text' END, f.name, given) INTO value;
				SET LOCAL search_path = pg_catalog, pg_temp;
				answer := coalesce(value, 'null');
				RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';	-- undo
			EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
				NULL;
			WHEN OTHERS THEN
				answer := SQLSTATE || ' ' || SQLERRM;
			END;
			RETURN NEXT;
		END LOOP;
	END LOOP;
END $$;
CREATE TEMPORARY TABLE regress_clean AS
SELECT odd, a.* FROM unnest('{f,t}'::bool[]) odd, regress_answers('pg_catalog, public', odd) a;
CREATE TEMPORARY TABLE regress_hijacked AS
SELECT odd, a.* FROM unnest('{f,t}'::bool[]) odd, regress_answers('regress_evil, public, pg_catalog', odd) a;
SELECT call, c.answer, h.answer FROM regress_clean c FULL JOIN regress_hijacked h USING (odd, call)
WHERE (c.answer = h.answer) IS NOT TRUE OR h.answer ~ 'hijacked';
-- (sensible questions have answers, odd ones no internal error)
SELECT odd, count(*) > 90 AS many FROM regress_clean GROUP BY odd ORDER BY odd;
SELECT call, answer FROM regress_clean
WHERE NOT odd AND answer ~ '^[0-9A-Z]{5} ' OR odd AND answer ~ '^(XX|58|53|57)[0-9A-Z]{3} ' ORDER BY call COLLATE "C";

-- So do views, plain changes and what triggers do of them, with foreign keys,
-- guards, history; by a role that has no more than it needs.
CREATE FUNCTION regress_changes(path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	done text;
BEGIN
	EXECUTE format('SET LOCAL search_path = %s', path);
	SET LOCAL ROLE regress_victim;
	INSERT INTO public.iom_unit (node, name) VALUES ('A', 'Alpha'), ('B', 'Beta');
	INSERT INTO public.iom_line (node, supervisor) VALUES ('B', 'A'), ('A', 'DLA');
	UPDATE public.iom_unit SET valid = '[2020-01-01,)' WHERE node OPERATOR(public.=) 'C';
	UPDATE public.iom_unit SET name = 'A!', valid = '(,2090-01-01)' WHERE node OPERATOR(public.=) 'MCU' AND false;
	UPDATE public.iom_line SET supervisor = 'DOE', valid = '[2024-01-01,)' WHERE node OPERATOR(public.=) 'A';
	INSERT INTO public.iom_appointment (post, authority, method, term_years) VALUES ('A', 'B', 'elected', 1);
	UPDATE public.iom_unit SET valid = '(,2100-01-01)', name = 'Changed' WHERE node OPERATOR(public.=) 'COUNCIL' AND false;
	DELETE FROM public.iom_appointment WHERE post OPERATOR(public.=) 'A';
	PERFORM public.iom_move('B', 'DLA', '2025-01-01'), public.iom_relate('B', 'DOE', 'helps', '2025-02-01');
	PERFORM public.iom_unrelate('B', 'DOE', 'helps', '2025-03-01'), public.iom_close('A', '2026-01-01');
	SET CONSTRAINTS ALL IMMEDIATE;
	BEGIN
		UPDATE public.iom_line SET supervisor = 'OSS-MAC' WHERE node OPERATOR(public.=) 'DG';
		INSERT INTO public.iom_line (node, supervisor) VALUES ('DG', 'OSS-MAC');
	EXCEPTION WHEN integrity_constraint_violation THEN
		NULL;
	END;
	SELECT pg_catalog.md5(pg_catalog.string_agg((h.relation, h.change, h.node, h.before, h.after)::pg_catalog.text, ';' ORDER BY h.id))
	INTO done FROM public.iom_history h WHERE h.transaction OPERATOR(pg_catalog.=) pg_catalog.pg_current_xact_id();
	SELECT pg_catalog.concat_ws(' ', done,
		(SELECT pg_catalog.md5(pg_catalog.string_agg(o::pg_catalog.text, ';' ORDER BY o.rank)) FROM public.iom_org o),
		(SELECT pg_catalog.md5(pg_catalog.string_agg(o::pg_catalog.text, ';' ORDER BY o.code)) FROM public.iom_levels o)) INTO done;
	TRUNCATE public.iom_line, public.iom_unit, public.iom_appointment;
	RETURN done;
END $$;
BEGIN;
SELECT regress_changes('pg_catalog, public') AS clean \gset
ROLLBACK;
BEGIN;
SELECT regress_changes('regress_evil, public, pg_catalog') AS hijacked \gset
ROLLBACK;
SELECT :'clean' = :'hijacked' AS same, length(:'clean') AS length;

-- Who may create in the extension's own schema has nothing called either that fits
-- a row of its tables better: by page, and by SQL
GRANT CREATE ON SCHEMA public TO regress_attacker;
SET ROLE regress_attacker;
SELECT format('CREATE FUNCTION public.%s(public.%s) RETURNS jsonb LANGUAGE plpgsql AS
	$f$BEGIN RAISE EXCEPTION ''hijacked: superuser %%'', pg_catalog.current_setting(''is_superuser''); END$f$', name, row)
FROM unnest('{iom_history_json,to_jsonb,to_json}'::text[]) name, unnest('{iom_unit,iom_line,iom_appointment}'::text[]) row \gexec
RESET ROLE;
BEGIN;
SET LOCAL ROLE regress_victim;
UPDATE iom_unit SET name = 'Legal' WHERE node = 'DLA';
TRUNCATE iom_unit, iom_line, iom_appointment;
RESET ROLE;
SELECT change, relation, count(*), count(before) AS before, count(after) AS after FROM iom_history
WHERE transaction = pg_current_xact_id() GROUP BY 1, 2 ORDER BY 1, 2;
ROLLBACK;
BEGIN;
CREATE TRIGGER regress_some BEFORE INSERT ON iom_history FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(node);
ALTER TABLE iom_history DISABLE TRIGGER regress_some;
SET LOCAL ROLE regress_victim;
UPDATE iom_unit SET name = 'Legal' WHERE node = 'DLA';
TRUNCATE iom_unit, iom_line, iom_appointment;
RESET ROLE;
SELECT change, relation, count(*), count(before) AS before, count(after) AS after FROM iom_history
WHERE transaction = pg_current_xact_id() GROUP BY 1, 2 ORDER BY 1, 2;
ROLLBACK;
SELECT format('DROP FUNCTION %s', oid::regprocedure) FROM pg_proc WHERE proowner = 'regress_attacker'::regrole AND pronamespace = 'public'::regnamespace
ORDER BY oid::regprocedure::text COLLATE "C" \gexec
REVOKE CREATE ON SCHEMA public FROM regress_attacker;

-- A trigger of the history's function is nothing without transition tables; what
-- they are called finds nothing of the attacker's, either.
GRANT TRIGGER ON iom_unit TO regress_attacker;
GRANT INSERT, UPDATE, DELETE ON iom_unit TO regress_attacker;
BEGIN;
SET LOCAL ROLE regress_attacker;
CREATE TRIGGER regress_evil AFTER INSERT OR UPDATE OR DELETE ON iom_unit FOR EACH STATEMENT EXECUTE FUNCTION iom_history_record();
SET LOCAL search_path = regress_evil, public, pg_catalog;
SAVEPOINT s;
INSERT INTO public.iom_unit (node, name) VALUES ('A', 'Alpha');
ROLLBACK TO s;
UPDATE public.iom_unit SET name = 'Alpha' WHERE false;
ROLLBACK TO s;
DELETE FROM public.iom_unit WHERE false;
ROLLBACK;
BEGIN;
SET LOCAL ROLE regress_attacker;
CREATE TRIGGER regress_evil AFTER INSERT ON iom_unit REFERENCING NEW TABLE AS others FOR EACH STATEMENT EXECUTE FUNCTION iom_history_record();
SET LOCAL search_path = regress_evil, public, pg_catalog;
INSERT INTO public.iom_unit (node, name) VALUES ('A', 'Alpha');
ROLLBACK;
REVOKE TRIGGER ON iom_unit FROM regress_attacker;
-- No cast of theirs is there for the history's to_jsonb: these are for owners
-- of the types.
SET ROLE regress_attacker;
CREATE CAST (iom_node AS json) WITH FUNCTION regress_evil.make(text, text, text);
CREATE CAST (iom_node AS json) WITH INOUT;
CREATE TRIGGER regress_evil BEFORE INSERT ON iom_history FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE RULE regress_evil AS ON INSERT TO iom_history DO INSTEAD NOTHING;
CREATE INDEX ON iom_unit (regress_evil.iom_level(node, NULL));
CREATE EVENT TRIGGER regress_evil ON ddl_command_end EXECUTE FUNCTION regress_evil.nothing();
RESET ROLE;

-- Foreign keys to units look them up as the owner of the table, and call what casts
-- a column implicitly: such casts are not the attacker's to make.
GRANT REFERENCES ON iom_unit TO regress_attacker;
SET ROLE regress_attacker;
CREATE TYPE regress_evil.unit AS ENUM ('DLA', 'DOE');
CREATE FUNCTION regress_evil.unit_node(regress_evil.unit) RETURNS iom_node LANGUAGE plpgsql AS $$BEGIN RAISE 'hijacked, as %', current_user; END$$;
CREATE CAST (regress_evil.unit AS iom_node) WITH FUNCTION regress_evil.unit_node(regress_evil.unit) AS IMPLICIT;
CREATE CAST (regress_evil.unit AS public.iom_node) WITH INOUT AS IMPLICIT;
\set VERBOSITY terse
CREATE TABLE regress_evil.staff (unit regress_evil.unit REFERENCES iom_unit);
\set VERBOSITY default
CREATE DOMAIN regress_evil.code AS iom_node;
CREATE CAST (regress_evil.unit AS regress_evil.code) WITH FUNCTION regress_evil.unit_node(regress_evil.unit) AS IMPLICIT;
CREATE CAST (regress_evil.unit AS iom_node) WITH FUNCTION regress_evil.unit_node(regress_evil.unit) AS ASSIGNMENT;
\set VERBOSITY terse
CREATE TABLE regress_evil.staff (unit regress_evil.unit REFERENCES iom_unit);
\set VERBOSITY default
CREATE CAST (regress_evil.unit AS text) WITH INOUT AS IMPLICIT;
CREATE TABLE regress_evil.staff (unit iom_node, supervisor iom_node, relation regress_evil.unit, valid daterange,
	FOREIGN KEY (unit, supervisor, relation, valid) REFERENCES iom_line);
RESET ROLE;
REVOKE REFERENCES ON iom_unit FROM regress_attacker;

-- Stand-ins for what a dump still brings are made by the owner, too: not where that
-- fires a trigger of the attacker's.
BEGIN;
SET LOCAL client_min_messages = warning;
DROP EXTENSION iomorg CASCADE;
CREATE EXTENSION iomorg;
SET LOCAL client_min_messages = notice;
GRANT TRIGGER, INSERT, DELETE, SELECT ON iom_unit, iom_line, iom_appointment TO regress_attacker;
SET LOCAL ROLE regress_attacker;
CREATE FUNCTION regress_evil.tell() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'fired as %', CASE WHEN current_user = session_user THEN 'a superuser' ELSE current_user END; RETURN NEW; END$$;
CREATE TRIGGER regress_tell BEFORE INSERT ON iom_unit FOR EACH STATEMENT EXECUTE FUNCTION regress_evil.tell();
SET LOCAL check_function_bodies = off;
SAVEPOINT s;
INSERT INTO iom_line (node, supervisor, origin) VALUES ('AAA', 'BBB', 'own');
ROLLBACK TO s;
RESET ROLE;
DROP TRIGGER regress_tell ON iom_unit;
SET LOCAL ROLE regress_attacker;
CREATE FUNCTION regress_evil.says(text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'called as %', CASE WHEN current_user = session_user THEN 'a superuser' ELSE current_user END; RETURN false; END$$;
CREATE TRIGGER regress_tell BEFORE INSERT ON iom_unit FOR EACH ROW WHEN (CASE WHEN NEW.name IS NOT NULL THEN regress_evil.says(NEW.name) END) EXECUTE FUNCTION suppress_redundant_updates_trigger();
SET LOCAL check_function_bodies = off;
INSERT INTO iom_line (node, supervisor, origin) VALUES ('AAA', 'BBB', 'own');
ROLLBACK TO s;
-- ... nor by way of the server's own functions
RESET ROLE;
DROP TRIGGER regress_tell ON iom_unit;
SET LOCAL ROLE regress_attacker;
CREATE FUNCTION regress_evil.says() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'called as %', CASE WHEN current_user = session_user THEN 'a superuser' ELSE current_user END; RETURN false; END$$;
CREATE TRIGGER regress_tell BEFORE INSERT ON iom_unit FOR EACH ROW WHEN (query_to_xml('SELECT regress_evil.says()', true, true, '') IS NULL) EXECUTE FUNCTION suppress_redundant_updates_trigger();
SET LOCAL check_function_bodies = off;
INSERT INTO iom_line (node, supervisor, origin) VALUES ('AAA', 'BBB', 'own');
ROLLBACK TO s;
-- ... nor the triggers of a table that refers to more than the node
RESET ROLE;
DROP TRIGGER regress_tell ON iom_unit;
ALTER TABLE iom_unit ADD UNIQUE (node, kind);
GRANT REFERENCES ON iom_unit TO regress_attacker;
SET LOCAL ROLE regress_attacker;
CREATE TABLE regress_evil.refers (unit iom_node, kind text, FOREIGN KEY (unit, kind) REFERENCES iom_unit (node, kind) ON UPDATE CASCADE);
INSERT INTO regress_evil.refers VALUES ('DG', 'post');
CREATE TRIGGER regress_tell AFTER UPDATE ON regress_evil.refers FOR EACH ROW EXECUTE FUNCTION regress_evil.tell();
SET LOCAL check_function_bodies = off;
INSERT INTO iom_unit (node, name, kind, origin) VALUES ('DG', 'Director General', 'bureau', 'own');
ROLLBACK;

-- ... nor a child's, nor are rules followed
BEGIN;
SET LOCAL client_min_messages = warning;
DROP EXTENSION iomorg CASCADE;
CREATE EXTENSION iomorg;
GRANT TRIGGER, INSERT, DELETE, SELECT ON iom_unit, iom_line, iom_appointment TO regress_attacker;
SAVEPOINT s;
CREATE TABLE regress_evil.child () INHERITS (iom_unit);
INSERT INTO regress_evil.child (node, name, origin) VALUES ('CHILD', 'Child', 'seed');
ALTER TABLE regress_evil.child OWNER TO regress_attacker;
SET LOCAL client_min_messages = notice;
SET LOCAL ROLE regress_attacker;
CREATE FUNCTION regress_evil.tell() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'fired as %', CASE WHEN current_user = session_user THEN 'a superuser' ELSE current_user END; RETURN NEW; END$$;
CREATE TRIGGER regress_tell BEFORE UPDATE ON regress_evil.child FOR EACH ROW EXECUTE FUNCTION regress_evil.tell();
SET LOCAL check_function_bodies = off;
INSERT INTO iom_unit (node, name, origin) VALUES ('DG', 'Director', 'own');
SELECT node, name, origin FROM iom_unit;
ROLLBACK TO s;
CREATE RULE regress_rule AS ON INSERT TO iom_unit DO ALSO NOTHING;
SAVEPOINT s;
SET LOCAL ROLE regress_attacker;
SET LOCAL check_function_bodies = off;
INSERT INTO iom_line (node, supervisor, origin) VALUES ('AAA', 'BBB', 'own');
ROLLBACK TO s;
-- (as the hint says)
ALTER TABLE iom_unit DISABLE RULE regress_rule;
-- (nor what would not be fired)
CREATE RULE regress_delete AS ON DELETE TO iom_unit DO ALSO NOTHING;
CREATE RULE regress_update AS ON UPDATE TO iom_unit DO ALSO NOTHING;
ALTER TABLE iom_unit DISABLE RULE regress_update;
CREATE TRIGGER regress_tell BEFORE INSERT ON iom_unit FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE iom_unit ENABLE REPLICA TRIGGER regress_tell;
SET LOCAL ROLE regress_attacker;
SET LOCAL check_function_bodies = off;
INSERT INTO iom_line (node, supervisor, valid, origin) VALUES ('AAA', 'BBB', '[2011-02-03,2044-05-06)', 'own');
SELECT node, name FROM iom_unit ORDER BY node;
-- Who restores is told no more of rows than the privilege is for.
RESET ROLE;
REVOKE SELECT ON iom_line FROM PUBLIC, regress_attacker;
SET LOCAL ROLE regress_attacker;
SET LOCAL check_function_bodies = off;
INSERT INTO iom_unit (node, name, valid, origin) VALUES ('AAA', 'Alpha', '[2030-01-01,)', 'own');
ROLLBACK TO s;
ROLLBACK;

-- A function of foreign keys without one
BEGIN;
CREATE CONSTRAINT TRIGGER regress_ri AFTER DELETE ON iom_unit FOR EACH ROW EXECUTE FUNCTION "RI_FKey_noaction_del"();
SELECT iom_close('DLA', '2031-01-01');
ROLLBACK;

-- Nor of the tables that are written as the owner only, where somebody was given all
-- privileges on all tables.
BEGIN;
GRANT ALL ON iom_revision, iom_history, iom_unit TO regress_attacker;
SET LOCAL ROLE regress_attacker;
CREATE FUNCTION regress_evil.tell() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'fired as %', CASE WHEN current_user = session_user THEN 'a superuser' ELSE current_user END; RETURN NEW; END$$;
SAVEPOINT s;
CREATE TRIGGER _iom_begin BEFORE UPDATE ON iom_revision FOR EACH ROW EXECUTE FUNCTION regress_evil.tell();
UPDATE iom_unit SET name = 'Law' WHERE node = 'DLA';
ROLLBACK TO s;
CREATE TRIGGER regress_tell BEFORE INSERT ON iom_history FOR EACH ROW EXECUTE FUNCTION regress_evil.tell();
UPDATE iom_unit SET name = 'Law' WHERE node = 'DLA';
ROLLBACK TO s;
CREATE TRIGGER regress_tell BEFORE INSERT ON iom_history FOR EACH ROW WHEN (query_to_xml('SELECT 1', true, true, '') IS NULL) EXECUTE FUNCTION suppress_redundant_updates_trigger();
UPDATE iom_unit SET name = 'Law' WHERE node = 'DLA';
ROLLBACK TO s;
-- ... nor are there keys that could be referred to, by way of casts
CREATE TYPE regress_evil.yes AS ENUM ('yes');
CREATE FUNCTION regress_evil.is_yes(regress_evil.yes) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'called as %', CASE WHEN current_user = session_user THEN 'a superuser' ELSE current_user END; RETURN true; END$$;
CREATE FUNCTION regress_evil.number(regress_evil.yes) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'called as %', CASE WHEN current_user = session_user THEN 'a superuser' ELSE current_user END; RETURN 1; END$$;
CREATE CAST (regress_evil.yes AS boolean) WITH FUNCTION regress_evil.is_yes(regress_evil.yes) AS IMPLICIT;
CREATE CAST (regress_evil.yes AS bigint) WITH FUNCTION regress_evil.number(regress_evil.yes) AS IMPLICIT;
CREATE TABLE regress_evil.refers (yes regress_evil.yes);
INSERT INTO regress_evil.refers VALUES ('yes');
SAVEPOINT t;
ALTER TABLE regress_evil.refers ADD FOREIGN KEY (yes) REFERENCES iom_revision (singleton);
ROLLBACK TO t;
ALTER TABLE regress_evil.refers ADD FOREIGN KEY (yes) REFERENCES iom_history (id);
ROLLBACK TO t;
SELECT indexrelid::regclass, indrelid::regclass FROM pg_index WHERE indrelid IN ('iom_history'::regclass, 'iom_revision'::regclass) AND indisunique AND indexprs IS NULL;
ROLLBACK TO s;
-- ... under the extension's own names, with its functions, neither
CREATE FUNCTION regress_evil.says() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'called as %', CASE WHEN current_user = session_user THEN 'a superuser' ELSE current_user END; RETURN false; END$$;
SAVEPOINT s;
CREATE CONSTRAINT TRIGGER iom_unit_sound_new AFTER INSERT ON iom_history DEFERRABLE FOR EACH ROW WHEN (regress_evil.says()) EXECUTE FUNCTION iom_guard_unit();
UPDATE iom_unit SET name = 'Law' WHERE node = 'DLA';
ROLLBACK TO s;
CREATE CONSTRAINT TRIGGER iom_unit_sound AFTER UPDATE ON iom_revision DEFERRABLE FOR EACH ROW WHEN (regress_evil.says()) EXECUTE FUNCTION iom_guard_unit();
UPDATE iom_unit SET name = 'Law' WHERE node = 'DLA';
ROLLBACK TO s;
RESET ROLE;
UPDATE iom_revision SET content = 'restored';
GRANT INSERT, DELETE ON iom_unit, iom_line, iom_appointment TO regress_attacker;
SET LOCAL check_function_bodies = off;
SAVEPOINT t;
DROP TRIGGER iom_unit_sound_new ON iom_unit;
SET LOCAL ROLE regress_attacker;
CREATE CONSTRAINT TRIGGER iom_unit_sound_new AFTER INSERT ON iom_unit DEFERRABLE FOR EACH ROW WHEN (regress_evil.says()) EXECUTE FUNCTION iom_guard_unit();
INSERT INTO iom_line (node, supervisor, origin) VALUES ('AAA', 'BBB', 'own');
ROLLBACK TO t;
DROP TRIGGER iom_unit_sound ON iom_unit;
GRANT CREATE ON SCHEMA public TO regress_attacker;
SET LOCAL ROLE regress_attacker;
CREATE FUNCTION public.iom_node_ne(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'called as %', CASE WHEN current_user = session_user THEN 'a superuser' ELSE current_user END; RETURN false; END$$;
CREATE OPERATOR public.<<>> (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = public.iom_node_ne);
CREATE CONSTRAINT TRIGGER iom_unit_sound AFTER UPDATE ON iom_unit DEFERRABLE FOR EACH ROW WHEN (OLD.valid <> NEW.valid OR OLD.node <<>> NEW.node) EXECUTE FUNCTION iom_guard_unit();
INSERT INTO iom_line (node, supervisor, origin) VALUES ('AAA', 'BBB', 'own');
ROLLBACK;
-- What indexes and constraints of iom_history name is not what who edits has.
BEGIN;
CREATE SCHEMA regress_names AUTHORIZATION regress_attacker;
CREATE FUNCTION public.regress_norm(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
CREATE FUNCTION regress_names.regress_norm(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'called as %', CASE WHEN current_user = session_user THEN 'a superuser' ELSE current_user END; RETURN $1; END$$;
CREATE FUNCTION public.regress_key(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN regress_norm($1); EXCEPTION WHEN undefined_function THEN RETURN 'not found'; END$$;
SAVEPOINT s;
CREATE INDEX ON iom_history (public.regress_key(change));
GRANT UPDATE ON iom_unit TO regress_attacker;
SET LOCAL ROLE regress_attacker;
SET LOCAL search_path = regress_names, public;
UPDATE public.iom_unit SET name = 'Law' WHERE node = 'DLA';
ROLLBACK TO s;
ALTER TABLE iom_history ADD CHECK (public.regress_key(change) <> '');
GRANT UPDATE ON iom_unit TO regress_attacker;
SET LOCAL ROLE regress_attacker;
SET LOCAL search_path = regress_names, public;
UPDATE public.iom_unit SET name = 'Law' WHERE node = 'DLA';
ROLLBACK;
-- (the superuser's own are fired)
UPDATE iom_unit SET position = position WHERE node = 'DLA';
BEGIN;
CREATE FUNCTION regress_tell() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'fired on %', TG_TABLE_NAME; RETURN NEW; END$$;
CREATE TRIGGER regress_tell BEFORE UPDATE ON iom_revision FOR EACH ROW EXECUTE FUNCTION regress_tell();
CREATE TRIGGER regress_tell BEFORE INSERT ON iom_history FOR EACH ROW EXECUTE FUNCTION regress_tell();
CREATE CONSTRAINT TRIGGER regress_tell_later AFTER INSERT ON iom_history DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION regress_tell();
GRANT UPDATE ON iom_unit TO regress_attacker;
SET LOCAL ROLE regress_attacker;
UPDATE iom_unit SET name = 'Law' WHERE node = 'DLA';
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;

-- Estimates of operators on other types, as of superusers by mistake: nothing is taken
-- for a node that is none.
BEGIN;
CREATE TABLE regress_text AS SELECT g::text AS x FROM generate_series(1, 1000) g;
CREATE INDEX ON regress_text (x);
ANALYZE regress_text;
CREATE FUNCTION regress_true(text, iom_node) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE FUNCTION regress_true(iom_node, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE OPERATOR <<@ (LEFTARG = text, RIGHTARG = iom_node, FUNCTION = regress_true, RESTRICT = iom_withinsel, JOIN = iom_withinjoinsel);
CREATE OPERATOR <<@ (LEFTARG = iom_node, RIGHTARG = text, FUNCTION = regress_true, RESTRICT = iom_withinsel, JOIN = iom_withinjoinsel);
SELECT count(*) FROM regress_text WHERE x <<@ 'DLA'::iom_node;
SELECT count(*) FROM iom_unit WHERE node <<@ repeat('x', 3);
SELECT count(*) FROM regress_text JOIN iom_unit ON x <<@ node;
ROLLBACK;

-- Settings: any role may set the day, and what changes no answer.
SET ROLE regress_attacker;
SET iomorg.as_of = '2024-01-01';
SET iomorg.as_of = 'nonsense';
SET iomorg.as_of = 'infinity';
SET iomorg.probe_limit = 1;
SET iomorg.nothing = 1;
RESET ROLE;
RESET iomorg.as_of;

DROP OWNED BY regress_victim;
SET client_min_messages = error;
BEGIN;
DROP SCHEMA regress_evil CASCADE;
COMMIT;

-- CREATE EXTENSION in a schema that an attacker prepared: by one who may create
-- in the database, as whom the script of a trusted extension does not run.
SELECT format('GRANT CREATE ON DATABASE %I TO regress_attacker', current_database()) \gexec
CREATE FUNCTION regress_install(preparation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	SET LOCAL client_min_messages = error;
	DROP EXTENSION iomorg CASCADE;
	CREATE SCHEMA regress_evil AUTHORIZATION regress_attacker;
	SET LOCAL ROLE regress_attacker;
	SET LOCAL search_path = regress_evil;
	EXECUTE preparation;
	CREATE EXTENSION iomorg SCHEMA regress_evil;
	RESET ROLE;
	RESET search_path;
	SELECT string_agg(f, ', ') INTO result FROM regress_foreign() f;
	RAISE EXCEPTION USING ERRCODE = 'ZZZZZ', MESSAGE = 'installed' || coalesce(', using ' || result, '');	-- undo
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE TEMPORARY TABLE regress_preparation (n int, preparation text);
INSERT INTO regress_preparation VALUES
	(1, 'CREATE TABLE iom_unit (node text)'),
	(2, 'CREATE VIEW iom_org AS SELECT 1'),
	(3, 'CREATE TYPE iom_node'),
	(4, 'CREATE DOMAIN iom_member AS text'),
	(5, 'CREATE FUNCTION iom_as_of(date) RETURNS date LANGUAGE sql AS $f$SELECT $1$f$'),
	(6, 'CREATE FUNCTION iom_guard_begin() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN RAISE ''hijacked''; END$f$'),
	(7, 'CREATE FUNCTION iom_refuse_foreign() RETURNS void LANGUAGE plpgsql AS $f$BEGIN RAISE ''hijacked''; END$f$'),
	(8, 'CREATE SEQUENCE iom_history_id_seq'),
	(9, 'CREATE TABLE pg_depend (); CREATE TABLE pg_extension (extname text); CREATE TYPE text AS ENUM (); CREATE DOMAIN date AS int'),
	(10, 'CREATE FUNCTION isempty(daterange) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $f$BEGIN RAISE ''hijacked''; END$f$'),
	(11, 'CREATE FUNCTION evil(daterange, date) RETURNS boolean LANGUAGE plpgsql AS $f$BEGIN RAISE ''hijacked''; END$f$;
		CREATE OPERATOR @> (LEFTARG = daterange, RIGHTARG = date, FUNCTION = evil)'),
	(12, 'CREATE FUNCTION evil(daterange, daterange) RETURNS boolean LANGUAGE plpgsql AS $f$BEGIN RAISE ''hijacked''; END$f$;
		CREATE OPERATOR <> (LEFTARG = daterange, RIGHTARG = daterange, FUNCTION = evil)'),
	(13, 'CREATE FUNCTION format(text, text, text) RETURNS text LANGUAGE plpgsql AS $f$BEGIN RAISE ''hijacked''; END$f$'),
	(14, 'CREATE FUNCTION sqrt(bigint) RETURNS float8 LANGUAGE plpgsql AS $f$BEGIN RAISE ''hijacked''; END$f$'),
	(15, 'CREATE FUNCTION setweight(tsvector, text) RETURNS tsvector IMMUTABLE LANGUAGE plpgsql AS $f$BEGIN RAISE ''hijacked''; END$f$'),
	(16, 'CREATE FUNCTION evil(text, text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $f$BEGIN RAISE ''hijacked''; END$f$;
		CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = evil); CREATE OPERATOR <> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil)'),
	(17, 'CREATE FUNCTION evil(anyelement, anyelement) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $f$BEGIN RAISE ''hijacked''; END$f$;
		CREATE OPERATOR = (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = evil); CREATE OPERATOR || (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = evil)');
SELECT n, i.result FROM regress_preparation, LATERAL (SELECT regress_install(preparation) AS result) i ORDER BY n;

-- Nor does its owner, of whom the tables are not: rows of a dump replace those of
-- the seed without a call of what others made, and no row of theirs is lost.
BEGIN;
SET LOCAL client_min_messages = error;
DROP EXTENSION iomorg CASCADE;
CREATE SCHEMA regress_evil AUTHORIZATION regress_attacker;
SET LOCAL ROLE regress_attacker;
SET LOCAL search_path = regress_evil;
CREATE EXTENSION iomorg;
CREATE TABLE seen (fired text, as_user name);
CREATE TABLE staff (unit iom_node REFERENCES iom_unit ON DELETE CASCADE);
CREATE TABLE visit (post iom_node REFERENCES iom_appointment ON DELETE SET NULL);
INSERT INTO staff VALUES ('DOE');
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
	INSERT INTO regress_evil.seen VALUES (format('%s %s on %s', TG_WHEN, TG_OP, TG_TABLE_NAME), current_user);
	RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END$f$;
CREATE TRIGGER a BEFORE DELETE ON staff FOR EACH STATEMENT EXECUTE FUNCTION see();
CREATE TRIGGER b AFTER DELETE ON staff FOR EACH STATEMENT EXECUTE FUNCTION see();
CREATE TRIGGER c AFTER UPDATE ON visit FOR EACH STATEMENT EXECUTE FUNCTION see();
CREATE TRIGGER d BEFORE UPDATE OR DELETE ON staff FOR EACH ROW EXECUTE FUNCTION see();
SET LOCAL check_function_bodies = off;
INSERT INTO iom_line (node, supervisor, origin) VALUES ('BELOW', 'ABOVE', 'own');
INSERT INTO iom_unit (node, name, origin) VALUES ('BELOW', 'Restored', 'own');
SELECT * FROM seen ORDER BY fired;
SELECT node, name, origin FROM iom_unit ORDER BY node;
SELECT * FROM staff;
ROLLBACK;
SELECT format('REVOKE CREATE ON DATABASE %I FROM regress_attacker', current_database()) \gexec
-- (a role that owns nothing else)
DROP FUNCTION regress_foreign, regress_answers, regress_changes, regress_install;
DROP OWNED BY regress_attacker, regress_victim;
DROP ROLE regress_attacker, regress_victim;
