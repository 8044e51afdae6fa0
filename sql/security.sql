--
-- Row-level security by subtree: managers see their own, and no way around it
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- Three managers, and a role with no subtree; 2,000 rows, those of a node with
-- salaries of its own, so that a sum tells whose rows were seen.
CREATE ROLE regress_ddgmr;
CREATE ROLE regress_oss;
CREATE ROLE regress_dla;
CREATE ROLE regress_nobody;
CREATE TABLE regress_manager (login name PRIMARY KEY, node iom_node NOT NULL REFERENCES iom_unit);
INSERT INTO regress_manager VALUES
	('regress_ddgmr', 'DDGMR'), ('regress_oss', 'OSS'), ('regress_dla', 'DLA');
ALTER TABLE regress_manager ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON regress_manager USING (login = current_user);
CREATE TABLE regress_staff (
	id int PRIMARY KEY, unit iom_node NOT NULL REFERENCES iom_unit, grade text NOT NULL, salary int NOT NULL
);
INSERT INTO regress_staff
SELECT n, node, 'P' || n % 5, rank * 100
FROM (SELECT node, rank, row_number() OVER (ORDER BY rank) - 1 AS i FROM iom_org WHERE node <@ 'DG') o
JOIN generate_series(1, 2000) n ON n % 38 = i;
CREATE INDEX regress_staff_unit ON regress_staff (unit);
CREATE INDEX regress_staff_grade ON regress_staff (unit, grade);
VACUUM ANALYZE regress_staff;
-- (what the owner sees is kept, as the truth)
CREATE TABLE regress_truth AS
SELECT m.login, count(*), sum(s.salary)
FROM regress_manager m
JOIN regress_closure() c ON c.ancestor = m.node
JOIN regress_staff s ON s.unit = c.node
GROUP BY m.login;
ALTER TABLE regress_staff ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_subtree ON regress_staff USING (
	unit <@ (SELECT node FROM regress_manager WHERE login = current_user)
	AND EXISTS (SELECT FROM regress_manager
		WHERE login = current_user
		AND iom_common_supervisor(unit, node, (statement_timestamp() AT TIME ZONE 'UTC')::date) = node));
GRANT SELECT ON regress_manager, regress_staff, regress_truth TO PUBLIC;
GRANT UPDATE ON regress_staff TO regress_oss;

-- How rows of that table are found, in the same words in all versions.
CREATE FUNCTION regress_access(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	one constant text := '(unit = ANY (iom_subtree_codes(...)))';
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Index Cond: .*unit|Seq Scan on regress_staff' THEN
			-- (from 17 on, the index is also asked for the grade where the unit is one)
			line := replace(trim(line), ' AND (grade = ''P1''::text)', '');
			-- (up to 16, it is asked for one subtree of two)
			line := regexp_replace(line, '\$\d+|\(InitPlan \w+\)\.col1', '$', 'g');
			line := regexp_replace(line, 'iom_subtree_codes\([^ )]*\)', 'iom_subtree_codes(...)', 'g');
			line := replace(line, one || ' AND ' || one, one);
			RETURN NEXT replace(line, '(' || one || ')', one);
		END IF;
	END LOOP;
END $$;

-- Each sees the own subtree, whatever the plan.
CREATE FUNCTION regress_seen() RETURNS TABLE (login name, ok boolean, rows bigint)
LANGUAGE plpgsql AS $$
DECLARE
	path text;
	seen record;
BEGIN
	FOREACH path IN ARRAY ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_indexscan'] LOOP
		PERFORM set_config(path, 'off', true);
		SELECT count(*), sum(salary) INTO seen FROM regress_staff;
		login := current_user;
		rows := seen.count;
		ok := (seen.count, coalesce(seen.sum, 0)) IS NOT DISTINCT FROM
			(SELECT (coalesce(max(t.count), 0), coalesce(max(t.sum), 0)) FROM regress_truth t WHERE t.login = current_user);
		RETURN NEXT;
		PERFORM set_config(path, 'on', true);
	END LOOP;
END $$;
SELECT login, count, sum FROM regress_truth ORDER BY login;
SET ROLE regress_ddgmr;
SELECT * FROM regress_seen();
SET ROLE regress_oss;
SELECT * FROM regress_seen();
SET ROLE regress_dla;
SELECT * FROM regress_seen();
SET ROLE regress_nobody;
SELECT * FROM regress_seen();
RESET ROLE;

-- The index serves the policy, the user's own filters, and both together.
SET ROLE regress_oss;
SELECT regress_access($$SELECT * FROM regress_staff$$);
SELECT regress_access($$SELECT * FROM regress_staff WHERE unit <@ 'OSS-MAC' AND grade = 'P1'$$);
SELECT regress_access($$SELECT * FROM regress_staff WHERE unit = 'OSS-PAC' AND grade = 'P1'$$);
SELECT regress_access($$SELECT s.* FROM iom_unit u JOIN regress_staff s ON s.unit <@ u.node WHERE u.node = 'OSS-MAC'$$);
SELECT count(*), min(unit), max(unit) FROM regress_staff WHERE unit <@ 'OSS-MAC';
SELECT count(*) FROM regress_staff WHERE unit <@ 'DG';
SELECT count(*) FROM regress_staff WHERE unit <@ 'DLA';
SELECT count(*) FROM regress_staff WHERE unit = 'DLA';

-- No way around it: functions and errors of the user's own,
RESET ROLE;
CREATE FUNCTION regress_peep(unit iom_node, salary int) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS $$
BEGIN
	IF NOT unit <@ 'OSS' THEN
		RAISE NOTICE 'seen: % %', unit, salary;
	END IF;
	RETURN true;
END $$;
SET ROLE regress_oss;
SELECT count(*) FROM regress_staff WHERE regress_peep(unit, salary);
SELECT count(*) FROM regress_staff WHERE unit = 'DLA' AND 1 / (salary - salary) = 1;
SELECT count(*) FROM regress_staff WHERE (unit::text || ' ')::iom_node = 'DLA' AND unit = 'DLA';
SELECT iom_common_supervisor(unit), count(DISTINCT unit) FROM regress_staff;
SELECT r.node, r.own_count, r.count FROM (SELECT iom_rollup(unit, salary) AS t FROM regress_staff) s, iom_unnest(s.t) r;
COPY (SELECT DISTINCT unit FROM regress_staff ORDER BY unit) TO STDOUT;
-- changes,
UPDATE regress_staff SET salary = 0 WHERE unit = 'DLA';
UPDATE regress_staff SET unit = 'DLA' WHERE id = (SELECT min(id) FROM regress_staff);
-- statistics,
SELECT count(*) FROM pg_stats WHERE tablename = 'regress_staff';
SELECT regress_error('SELECT * FROM pg_statistic');
-- another day, on which the subtree was another one,
RESET ROLE;
BEGIN;
UPDATE iom_line SET valid = '[2021-01-01,)' WHERE node = 'DLA' AND line = 'solid';
INSERT INTO iom_line (node, supervisor, valid) VALUES ('DLA', 'OSS', '(,2021-01-01)');
SET LOCAL ROLE regress_oss;
SELECT iom_path('DLA', as_of => '2020-01-01');
SELECT DISTINCT unit FROM regress_staff ORDER BY unit;
SET LOCAL iomorg.as_of = '2020-01-01';
SELECT DISTINCT unit FROM regress_staff ORDER BY unit;
SELECT DISTINCT unit FROM regress_staff WHERE unit <@ 'OSS' ORDER BY unit;
RESET iomorg.as_of;
SELECT DISTINCT unit, set_config('iomorg.as_of', '2020-01-01', true) FROM regress_staff ORDER BY unit;
RESET iomorg.as_of;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT DISTINCT unit, set_config('iomorg.as_of', '2020-01-01', true) FROM regress_staff ORDER BY unit;
SELECT DISTINCT unit FROM regress_staff ORDER BY unit;
ROLLBACK;

-- plans that were made for another role, or before a reorganisation.
SET plan_cache_mode = force_generic_plan;
PREPARE seen AS SELECT count(*), sum(salary) FROM regress_staff;
PREPARE seen_below (iom_node) AS SELECT count(*) FROM regress_staff WHERE unit <@ $1;
EXECUTE seen;
EXECUTE seen_below ('DG');
SET ROLE regress_ddgmr;
EXECUTE seen;
EXECUTE seen_below ('DG');
SET ROLE regress_oss;
EXECUTE seen;
EXECUTE seen_below ('DG');
SET ROLE regress_nobody;
EXECUTE seen;
EXECUTE seen_below ('DG');
SET ROLE regress_dla;
EXECUTE seen;
EXECUTE seen_below ('DG');
RESET ROLE;
BEGIN;
UPDATE iom_line SET supervisor = 'COS' WHERE node = 'OSS' AND line = 'solid';
UPDATE iom_line SET supervisor = 'OSS' WHERE node = 'DLA' AND line = 'solid';
SET LOCAL ROLE regress_ddgmr;
EXECUTE seen;
SET LOCAL ROLE regress_oss;
EXECUTE seen;
ROLLBACK;
SET ROLE regress_oss;
EXECUTE seen;
RESET ROLE;
EXECUTE seen;
DEALLOCATE ALL;
RESET plan_cache_mode;

-- What a plan tells.  Rows are counted in the index for who may see them all;
-- others get what the hierarchy alone says.  (Statistics are used as for =.)
CREATE TABLE regress_plain (unit iom_node NOT NULL) WITH (autovacuum_enabled = off);
CREATE INDEX ON regress_plain (unit);
INSERT INTO regress_plain SELECT 'DOE' FROM generate_series(1, 300);
VACUUM regress_plain;
ALTER TABLE regress_plain ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON regress_plain USING (random() > 2);
GRANT SELECT ON regress_plain TO PUBLIC;
SELECT regress_estimate($$SELECT * FROM regress_plain WHERE unit <@ 'DDGO'$$) AS with_rows,
	regress_estimate($$SELECT * FROM regress_plain WHERE unit <@ 'DDGMR'$$) AS without;
SET ROLE regress_oss;
SELECT regress_estimate($$SELECT * FROM regress_plain WHERE unit <@ 'DDGO'$$) AS with_rows,
	regress_estimate($$SELECT * FROM regress_plain WHERE unit <@ 'DDGMR'$$) AS without;
RESET ROLE;
DROP TABLE regress_plain;

-- Several nodes a manager, some below others, and one who sees everything.
ALTER TABLE regress_manager DROP CONSTRAINT regress_manager_pkey, ADD PRIMARY KEY (login, node);
INSERT INTO regress_manager VALUES ('regress_oss', 'OSS-MAC'), ('regress_oss', 'DLA');
ALTER POLICY own_subtree ON regress_staff USING (unit = ANY (ARRAY(
	SELECT s.node FROM regress_manager m, iom_subtree(m.node, as_of => (statement_timestamp() AT TIME ZONE 'UTC')::date) s
	WHERE m.login = current_user)));
CREATE POLICY everything ON regress_staff TO regress_dla USING (true);
SET ROLE regress_oss;
SELECT unit, count(*) FROM regress_staff GROUP BY unit ORDER BY unit;
SELECT regress_access($$SELECT * FROM regress_staff WHERE unit <@ 'OSS-MAC' AND grade = 'P1'$$);
SET ROLE regress_dla;
SELECT count(*) FROM regress_staff;
RESET ROLE;
DELETE FROM regress_manager WHERE (login, node) IN (('regress_oss', 'OSS-MAC'), ('regress_oss', 'DLA'));
DROP POLICY everything ON regress_staff;

-- The same with <@, where the day may be set (iomorg.as_of) ...
ALTER POLICY own_subtree ON regress_staff USING (
	unit <@ (SELECT node FROM regress_manager WHERE login = current_user));
SET ROLE regress_ddgmr;
SELECT * FROM regress_seen();
SET ROLE regress_nobody;
SELECT * FROM regress_seen();
SET ROLE regress_oss;
SELECT * FROM regress_seen();
SELECT regress_access($$SELECT * FROM regress_staff$$);
SELECT regress_access($$SELECT * FROM regress_staff WHERE unit <@ 'OSS-MAC' AND grade = 'P1'$$);
SELECT regress_access($$SELECT * FROM regress_staff WHERE unit = 'OSS-PAC' AND grade = 'P1'$$);
SELECT count(*) FROM regress_staff WHERE regress_peep(unit, salary);
SELECT count(*), min(unit), max(unit) FROM regress_staff WHERE unit <@ 'OSS-MAC';
SELECT count(*) FROM regress_staff WHERE unit <@ 'DLA';
RESET ROLE;
-- ... and from a setting, which an application makes for its users
ALTER POLICY own_subtree ON regress_staff USING (
	unit <@ nullif(current_setting('regress.unit', true), '')::iom_node);
SET ROLE regress_nobody;
SELECT count(*) FROM regress_staff;
SET regress.unit = 'OSS';
SELECT regress_access($$SELECT * FROM regress_staff WHERE grade = 'P1'$$);
SELECT unit, count(*) FROM regress_staff GROUP BY unit ORDER BY unit;
SET regress.unit = 'NOBODY';
SELECT count(*) FROM regress_staff;
SET regress.unit = 'NO GOOD';
SELECT count(*) FROM regress_staff;
RESET regress.unit;
SELECT count(*) FROM regress_staff;
RESET ROLE;

-- The organisation itself hidden: nothing that is asked of it tells anything.
CREATE FUNCTION regress_ask() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	query text;
	answer text;
BEGIN
	FOREACH query IN ARRAY ARRAY[
		$q$SELECT iom_level('DLA')$q$,
		$q$SELECT 'DLA' <@ 'DDGMR'::iom_node$q$,
		$q$SELECT 'NOBODY' @> 'DLA'::iom_node$q$,
		$q$SELECT count(*) FROM iom_subtree('DDGMR')$q$,
		$q$SELECT iom_subtree_codes('DDGMR')$q$,
		$q$SELECT iom_chain_codes('DLA')$q$,
		$q$SELECT count(*) FROM iom_reports('DDGMR', 'oversees')$q$,
		$q$SELECT count(*) FROM iom_relations('DLA')$q$,
		$q$SELECT count(*) FROM iom_tree()$q$,
		$q$SELECT count(name) FROM iom_org$q$,
		$q$SELECT count(supervisor_code) FROM iom_org$q$,
		$q$SELECT count(name) FROM iom_levels$q$,
		$q$SELECT count(*) FROM iom_diff('2020-01-01', '2030-01-01')$q$,
		$q$SELECT count(*) FROM iom_check()$q$,
		$q$SELECT count(*) FROM iom_dot()$q$,
		$q$SELECT count(*) FROM iom_mermaid()$q$,
		$q$SELECT iom_json('DLA')$q$,
		$q$SELECT sum(nodes) FROM iom_charts()$q$,
		$q$SELECT iom_common_supervisor(n) FROM unnest('{DLA,DOE}'::iom_node[]) n$q$,
		$q$SELECT count(*) FROM (SELECT iom_headcount(n) AS t FROM unnest('{DLA,DOE}'::iom_node[]) n) s, iom_unnest(s.t)$q$]
	LOOP
		BEGIN
			EXECUTE query INTO answer;
			RETURN NEXT format('%s: %s', query, answer);
		EXCEPTION WHEN insufficient_privilege THEN
			IF SQLERRM !~ '^(permission denied for table iom_(unit|line)|row-level security on table "iom_(unit|line)" restricts role "regress_nobody")$' THEN
				RETURN NEXT format('%s: %s', query, SQLERRM);
			END IF;
		END;
	END LOOP;
END $$;
SELECT iom_size('DDGMR');
SET ROLE regress_nobody;
SELECT count(*) FROM regress_ask();
RESET ROLE;
-- without the privilege
BEGIN;
REVOKE SELECT ON iom_unit, iom_line FROM PUBLIC;
SET LOCAL ROLE regress_nobody;
SELECT * FROM regress_ask();
SELECT regress_estimate($$SELECT * FROM iom_subtree('DDGMR')$$) = regress_estimate($$SELECT * FROM iom_subtree('NOBODY')$$) AS subtree,
	regress_estimate($$SELECT * FROM regress_truth WHERE login::text::iom_node <@ 'DDGMR'$$) =
	regress_estimate($$SELECT * FROM regress_truth WHERE login::text::iom_node <@ 'NOBODY'$$) AS within;
ROLLBACK;
BEGIN;
REVOKE SELECT ON iom_line FROM PUBLIC;
SET LOCAL ROLE regress_nobody;
SELECT * FROM regress_ask();
ROLLBACK;
-- with policies: what reads the table itself shows the rows that one may see
BEGIN;
ALTER TABLE iom_unit ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON iom_unit USING (node <> 'DLA');
SET LOCAL ROLE regress_nobody;
SELECT * FROM regress_ask();
SELECT count(*), count(*) FILTER (WHERE code = 'DLA') FROM (SELECT code, name FROM iom_org) o;
ROLLBACK;
BEGIN;
ALTER TABLE iom_line ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON iom_line USING (node <> 'DLA');
SET LOCAL ROLE regress_nobody;
SELECT * FROM regress_ask();
ROLLBACK;
-- An editor who may not read learns that a change is refused, not why.
BEGIN;
INSERT INTO iom_unit (node, name, valid) VALUES ('REGRESS', 'Unit', '[2020-01-01,)');
REVOKE SELECT ON iom_line FROM PUBLIC;
GRANT INSERT ON iom_line TO regress_nobody;
SET LOCAL ROLE regress_nobody;
SAVEPOINT s;
INSERT INTO iom_line (node, supervisor) VALUES ('OSS', 'DOE');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor) VALUES ('DG', 'DLA');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor) VALUES ('REGRESS', 'DLA');
ROLLBACK TO s;
-- nor which lines a unit has
RESET ROLE;
GRANT UPDATE ON iom_unit TO regress_nobody;
SET LOCAL ROLE regress_nobody;
UPDATE iom_unit SET valid = '[2090-01-01,)' WHERE node = 'DLA';
ROLLBACK;

-- Managers see their subtree though the organisation is hidden from them: a
-- function of somebody's who may read it.
BEGIN;
CREATE FUNCTION regress_own_nodes() RETURNS iom_node[] STABLE SECURITY DEFINER LANGUAGE sql
BEGIN ATOMIC
	SELECT ARRAY(SELECT s.node FROM regress_manager m, iom_subtree(m.node, as_of => (statement_timestamp() AT TIME ZONE 'UTC')::date) s
		WHERE m.login = session_user);
END;
ALTER POLICY own_subtree ON regress_staff USING (unit = ANY ((SELECT regress_own_nodes())::iom_node[]));
REVOKE SELECT ON iom_unit, iom_line, regress_manager FROM PUBLIC;
SET LOCAL SESSION AUTHORIZATION regress_oss;
SELECT regress_access($$SELECT * FROM regress_staff WHERE grade = 'P1'$$);
SELECT unit, count(*) FROM regress_staff GROUP BY unit ORDER BY unit;
SELECT count(*) FROM regress_staff WHERE unit <@ 'OSS';
ROLLBACK;

DROP TABLE regress_staff, regress_truth, regress_manager;
DROP FUNCTION regress_access, regress_seen, regress_ask, regress_peep;
DROP ROLE regress_ddgmr, regress_oss, regress_dla, regress_nobody;
