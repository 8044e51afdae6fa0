--
-- iom_check: every fault of data that came behind the guards' back; and what
-- the other functions do with it
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
SET statement_timeout = '60s';
SET client_min_messages = warning;
SET iomorg.as_of = '2030-01-01';

SELECT * FROM iom_check();

-- Every function, on the nodes that faults are about: it gives an answer, or an
-- error of a class that is about data.
CREATE FUNCTION regress_all_functions(OUT raised text) RETURNS SETOF text
LANGUAGE plpgsql SET session_replication_role = origin AS $$
BEGIN
  RETURN QUERY
  SELECT DISTINCT coalesce(nullif(split_part(regress_error(format(c.command, n.node)), ' ', 1), 'no'), 'an answer') COLLATE "C"
  FROM unnest(ARRAY['A', 'B', 'C', 'D', 'GONE']) n (node), unnest(ARRAY[
    'SELECT iom_supervisor(%L)', 'SELECT iom_ancestor(%L, 2)', 'SELECT iom_root(%L)', 'SELECT iom_level(%L)',
    'SELECT iom_height(%L)', 'SELECT iom_size(%L)', 'SELECT iom_span(%L)', 'SELECT iom_rank(%L)', 'SELECT iom_is_leaf(%L)',
    'SELECT iom_path(%L)', 'SELECT iom_common_supervisor(%L, ''A'')', 'SELECT iom_distance(%L, ''B'')',
    'SELECT %L::iom_node <@ ''A''', 'SELECT count(*) FROM iom_unit WHERE node <@ %L', 'SELECT count(*) FROM iom_unit WHERE node @> %L',
    'SELECT count(*) FROM iom_subtree(%L)', 'SELECT count(*) FROM iom_reports(%L)', 'SELECT count(*) FROM iom_reports(%L, ''supervises'')',
    'SELECT count(*) FROM iom_supervisors(%L)', 'SELECT count(*) FROM iom_peers(%L)', 'SELECT count(*) FROM iom_roots() r WHERE r.node <> %L',
    'SELECT iom_common_supervisor(u.node) FROM (VALUES (%L::iom_node), (''B'')) u (node)', 'SELECT count(*) FROM iom_relations(%L)',
    'SELECT count(*) FROM iom_org WHERE node = %L', 'SELECT count(*) FROM iom_tree(%L)',
    'SELECT r.* FROM (SELECT iom_rollup(%L::iom_node, 1) t) s, iom_unnest(s.t) r', 'SELECT count(*) FROM iom_diff(''2029-01-01'') WHERE node = %L',
    'SELECT iom_move(%L, ''D'')', 'SELECT iom_move(%L, NULL)', 'SELECT iom_move(''D'', %L)', 'SELECT iom_close(%L)',
    'SELECT iom_add(''NEW'', ''New'', %L)', 'SELECT iom_relate(%L, ''D'', ''assists'')', 'SELECT iom_unrelate(%L, ''D'', ''assists'')'
  ]) c (command)
  ORDER BY 1;
END $$;

-- Do something to the tables, show what iom_check says, and undo it.
CREATE FUNCTION regress_fault(VARIADIC commands text[]) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  command text;
  found text[];
BEGIN
  BEGIN
    FOREACH command IN ARRAY commands LOOP
      EXECUTE command;
    END LOOP;
    SELECT array_agg(concat_ws(' | ', coalesce(c.node::text, '-'), c.problem, c.detail)) INTO found FROM iom_check() c;
    SELECT found || ('functions: ' || string_agg(a.raised, ', ' ORDER BY a.raised COLLATE "C")) INTO found FROM regress_all_functions() a;
    RAISE SQLSTATE 'RGRSS';
  EXCEPTION WHEN SQLSTATE 'RGRSS' THEN
    RETURN QUERY SELECT unnest(found);
  END;
END $$;

BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name, valid) VALUES ('A', 'A', '(,)'), ('B', 'B', '(,)'), ('C', 'C', '(,)'), ('D', 'D', '[2020-01-01,2031-01-01)');
INSERT INTO iom_line (node, supervisor, valid) VALUES ('B', 'A', '(,)'), ('C', 'B', '(,)'), ('D', 'A', '[2020-01-01,2031-01-01)');
INSERT INTO iom_appointment (post, authority, method) VALUES ('B', 'A', 'appointed');
SELECT * FROM iom_check();
SELECT * FROM regress_all_functions();
ROLLBACK;

BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name, valid) VALUES ('A', 'A', '(,)'), ('B', 'B', '(,)'), ('C', 'C', '(,)'), ('D', 'D', '[2020-01-01,2031-01-01)');
INSERT INTO iom_line (node, supervisor, valid) VALUES ('B', 'A', '(,)'), ('C', 'B', '(,)'), ('D', 'A', '[2020-01-01,2031-01-01)');
INSERT INTO iom_appointment (post, authority, method) VALUES ('B', 'A', 'appointed');
SET LOCAL session_replication_role = replica;

-- lines
SELECT regress_fault($$INSERT INTO iom_line (node, supervisor, origin) VALUES ('A', 'C', 'own')$$);
SELECT regress_fault($$INSERT INTO iom_line (node, supervisor, valid, origin) VALUES ('A', 'C', '[2029-01-01,2031-01-01)', 'own'), ('A', 'B', '[2032-01-01,)', 'own')$$);
SELECT regress_fault($$INSERT INTO iom_line (node, supervisor, valid, origin) VALUES ('C', 'A', '[2029-01-01,)', 'own'), ('B', 'D', '(,2021-01-01)', 'own')$$);
SELECT regress_fault($$INSERT INTO iom_line (node, supervisor, origin) VALUES ('GONE', 'A', 'own'), ('A', 'LOST', 'own')$$);
SELECT regress_fault($$DELETE FROM iom_unit WHERE node = 'B'$$);
SELECT regress_fault($$UPDATE iom_unit SET valid = '[2029-01-01,2030-06-01)' WHERE node = 'B'$$);
SELECT regress_fault($$INSERT INTO iom_line (node, supervisor, line, relation, origin) VALUES ('D', 'B', 'dotted', 'assists', 'own'), ('GONE', 'B', 'dotted', 'assists', 'own')$$);
SELECT regress_fault('ALTER TABLE iom_line DROP CONSTRAINT iom_line_not_own_supervisor', $$INSERT INTO iom_line (node, supervisor, origin) VALUES ('A', 'A', 'own')$$);
SELECT regress_fault('ALTER TABLE iom_line DROP CONSTRAINT iom_line_valid_check', $$INSERT INTO iom_line (node, supervisor, valid, origin) VALUES ('A', 'C', 'empty', 'own')$$);
SELECT regress_fault('ALTER TABLE iom_line DROP CONSTRAINT iom_line_line_check, DROP CONSTRAINT iom_line_relation_check, DROP CONSTRAINT iom_line_basis_check',
  $$INSERT INTO iom_line (node, supervisor, line, relation, basis, origin) VALUES ('A', 'C', 'dashed', '', 'guessed', 'own')$$);
SELECT regress_fault('ALTER TABLE iom_line DROP CONSTRAINT iom_line_pkey', $$INSERT INTO iom_line SELECT * FROM iom_line WHERE node = 'C'$$);
SELECT regress_fault('ALTER TABLE iom_line DROP CONSTRAINT iom_line_pkey', 'ALTER TABLE iom_line ALTER node DROP NOT NULL, ALTER supervisor DROP NOT NULL, ALTER relation DROP NOT NULL,
    ALTER line DROP NOT NULL, ALTER valid DROP NOT NULL, ALTER basis DROP NOT NULL, ALTER origin DROP NOT NULL',
  $$INSERT INTO iom_line VALUES (NULL, 'A', 'x', 'dotted', '(,)', 'stated', 'own'), ('A', NULL, 'x', 'dotted', '(,)', 'stated', 'own'),
    ('C', 'A', NULL, 'dotted', '(,)', 'stated', 'own'), ('C', 'A', 'x', NULL, '(,)', 'stated', 'own'), ('C', 'A', 'x', 'dotted', NULL, NULL, NULL)$$);

-- units
SELECT regress_fault('ALTER TABLE iom_unit DROP CONSTRAINT iom_unit_pkey CASCADE', $$INSERT INTO iom_unit (node, name, origin) VALUES ('A', 'Another', 'own')$$);
SELECT regress_fault('ALTER TABLE iom_unit DROP CONSTRAINT iom_unit_valid_check, DROP CONSTRAINT iom_unit_name_check, DROP CONSTRAINT iom_unit_kind_check',
  $$UPDATE iom_unit SET valid = 'empty', name = '', kind = '' WHERE node = 'C'$$);
SELECT regress_fault('ALTER TABLE iom_unit DROP CONSTRAINT iom_unit_pkey CASCADE', 'ALTER TABLE iom_unit ALTER node DROP NOT NULL, ALTER valid DROP NOT NULL, ALTER name DROP NOT NULL,
    ALTER kind DROP NOT NULL, ALTER position DROP NOT NULL, ALTER origin DROP NOT NULL',
  $$INSERT INTO iom_unit (node, name, kind, position, valid, origin) VALUES (NULL, NULL, NULL, NULL, NULL, NULL)$$);
SELECT regress_fault($$INSERT INTO iom_unit (node, name, origin) VALUES ('GONE', 'Gone', 'awaited')$$);
-- rows that came while the trigger was disabled
SELECT regress_fault('ALTER TABLE iom_line DISABLE TRIGGER iom_origin; ALTER TABLE iom_unit DISABLE TRIGGER iom_origin',
  $$INSERT INTO iom_line (node, supervisor, line, relation) VALUES ('A', 'C', 'dotted', 'assists'); INSERT INTO iom_unit (node, name) VALUES ('NEW', 'New')$$,
  'ALTER TABLE iom_line ENABLE ALWAYS TRIGGER iom_origin; ALTER TABLE iom_unit ENABLE ALWAYS TRIGGER iom_origin');
SELECT regress_fault('ALTER TABLE iom_line DROP CONSTRAINT iom_line_origin_check',
  $$INSERT INTO iom_line (node, supervisor, line, relation, origin) VALUES ('A', 'C', 'dotted', 'assists', 'old')$$);

-- appointments, and the row of the revision
SELECT regress_fault($$INSERT INTO iom_appointment (post, authority, method, origin) VALUES ('GONE', 'LOST', 'elected', 'own')$$);
SELECT regress_fault('ALTER TABLE iom_appointment DROP CONSTRAINT iom_appointment_pkey, DROP CONSTRAINT iom_appointment_method_check, DROP CONSTRAINT iom_appointment_term_years_check',
  $$INSERT INTO iom_appointment (post, authority, method, term_years, origin) VALUES ('B', 'A', '', 0, 'own')$$);
SELECT regress_fault('DELETE FROM iom_revision');

-- what keeps faults out
SET LOCAL session_replication_role = origin;
SELECT regress_fault('ALTER TABLE iom_line DISABLE TRIGGER USER');
SELECT regress_fault('ALTER TABLE iom_line DISABLE TRIGGER ALL');
SELECT regress_fault('ALTER TABLE iom_line ENABLE TRIGGER ALL');
SELECT regress_fault('ALTER EVENT TRIGGER iom_await_units DISABLE');
SELECT regress_fault('DROP TRIGGER iom_unit_sound ON iom_unit', 'DROP TRIGGER _iom_replica_row ON iom_line', 'ALTER TABLE iom_history DISABLE TRIGGER iom_history_append');
SELECT regress_fault('ALTER TABLE iom_unit ENABLE ALWAYS TRIGGER iom_unit_sound', 'ALTER TABLE iom_unit ENABLE TRIGGER _iom_replica_row');
SELECT regress_fault('ALTER TABLE iom_line DROP CONSTRAINT iom_line_supervisor_fkey', 'ALTER TABLE iom_line ADD CONSTRAINT iom_line_supervisor_fkey FOREIGN KEY (supervisor) REFERENCES iom_unit NOT VALID');
SELECT regress_fault('DROP INDEX iom_history_id_idx', 'ALTER TABLE iom_history DROP CONSTRAINT iom_history_change_check, ALTER changed_by DROP NOT NULL',
  'ALTER TABLE iom_revision DROP CONSTRAINT iom_revision_singleton_excl, DROP CONSTRAINT iom_revision_content_check', 'ALTER TABLE iom_unit ALTER name DROP NOT NULL',
  'ALTER TABLE iom_line ALTER basis DROP NOT NULL', 'ALTER TABLE iom_appointment ALTER method DROP NOT NULL');
-- others under their names, and rows that they do not keep out
SELECT regress_fault('ALTER TABLE iom_unit DROP CONSTRAINT iom_unit_valid_check, ADD CONSTRAINT iom_unit_valid_check CHECK (true)',
  'ALTER TABLE iom_unit DROP CONSTRAINT iom_unit_name_check, ADD CONSTRAINT iom_unit_name_check CHECK (name <> '''' OR true)',
  $$INSERT INTO iom_unit (node, name, valid, origin) VALUES ('EMPTY', '', 'empty', 'own')$$);
SELECT regress_fault('ALTER TABLE iom_line DROP CONSTRAINT iom_line_pkey, ADD regress serial, ADD CONSTRAINT iom_line_pkey PRIMARY KEY (regress)',
  $$INSERT INTO iom_line (node, supervisor, line, relation, origin) VALUES ('A', 'C', 'dotted', 'assists', 'own'), ('A', 'C', 'dotted', 'assists', 'own')$$);
SELECT regress_fault('ALTER TABLE iom_line DROP CONSTRAINT iom_line_node_fkey, ADD CONSTRAINT iom_line_node_fkey CHECK (true)');
SELECT regress_fault('ALTER TABLE iom_unit ADD former iom_node UNIQUE', 'UPDATE iom_unit SET former = node',
  'ALTER TABLE iom_line DROP CONSTRAINT iom_line_node_fkey, ADD CONSTRAINT iom_line_node_fkey FOREIGN KEY (node) REFERENCES iom_unit (former)');
CREATE SCHEMA regress_other;
CREATE FUNCTION regress_other.differ(iom_node, iom_node) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE OPERATOR regress_other.<> (LEFTARG = iom_node, RIGHTARG = iom_node, FUNCTION = regress_other.differ);
SELECT regress_fault('ALTER TABLE iom_line DROP CONSTRAINT iom_line_not_own_supervisor, ADD CONSTRAINT iom_line_not_own_supervisor CHECK (node OPERATOR(regress_other.<>) supervisor)');
SELECT regress_fault('ALTER TABLE iom_revision DROP CONSTRAINT iom_revision_singleton_excl, ADD CONSTRAINT iom_revision_singleton_excl EXCLUDE (singleton WITH =) WHERE (false)',
  'DROP INDEX iom_history_id_idx', 'CREATE UNIQUE INDEX iom_history_id_idx ON iom_history (id, (0)) WHERE id > 9');
SELECT regress_fault('DROP INDEX iom_history_id_idx', 'CREATE UNIQUE INDEX iom_history_id_idx ON iom_history (id, (transaction))');
SELECT regress_fault('DROP INDEX iom_history_id_idx', 'CREATE UNIQUE INDEX iom_history_id_idx ON iom_history ((id / 1), (0))');
SELECT regress_fault('CREATE OR REPLACE TRIGGER iom_history_append BEFORE TRUNCATE ON iom_history FOR EACH STATEMENT EXECUTE FUNCTION iom_history_guard()');
-- (options are the user's)
SELECT regress_fault('ALTER TABLE iom_line DROP CONSTRAINT iom_line_node_fkey, ADD CONSTRAINT iom_line_node_fkey FOREIGN KEY (node) REFERENCES iom_unit ON DELETE CASCADE DEFERRABLE');
-- (not null may be not valid from 18 on)
SELECT (SELECT string_agg(f, ', ') FROM regress_fault('ALTER TABLE iom_unit ALTER name DROP NOT NULL',
    'ALTER TABLE iom_unit ' || CASE WHEN n THEN 'ADD CONSTRAINT regress NOT NULL name NOT VALID' ELSE 'ALTER kind DROP NOT NULL' END) f)
  LIKE CASE WHEN n THEN '- | constraint not valid | NOT NULL of name on iom_unit, functions%'
    ELSE '- | constraint missing | NOT NULL of kind%, - | constraint missing | NOT NULL of name%' END AS not_null
FROM (SELECT current_setting('server_version_num')::int >= 180000) v (n);
ROLLBACK;

-- Reading takes the privileges that a chart takes, and no search_path.
CREATE ROLE regress_reader;
SET ROLE regress_reader;
SET search_path = pg_temp;
SELECT count(*) FROM public.iom_check();
RESET ROLE;
RESET search_path;
REVOKE SELECT ON iom_line FROM PUBLIC;
SET ROLE regress_reader;
SELECT count(*) FROM iom_check();
RESET ROLE;
GRANT SELECT ON iom_line TO PUBLIC;
DROP ROLE regress_reader;

-- Nothing is amiss in any schema, however names are quoted.
BEGIN;
SET LOCAL quote_all_identifiers = on;
DO $$
DECLARE
  name text;
  problems text;
BEGIN
  FOREACH name IN ARRAY ARRAY['x"y', 'p(q)', '%s', 'OPERATOR(pg_catalog.<>)', 'REFERENCES iom_unit(', 'Select'] LOOP
    EXECUTE format('CREATE SCHEMA %I', name);
    EXECUTE format('ALTER EXTENSION iomorg SET SCHEMA %I', name);
    EXECUTE format('SELECT string_agg(problem || '': '' || detail, ''; '') FROM %I.iom_check()', name) INTO problems;
    IF problems IS NOT NULL THEN
      RAISE EXCEPTION 'in schema %: %', name, problems;
    END IF;
  END LOOP;
END
$$;
ROLLBACK;

-- At random: it says something if, and only if, an oracle that looks at each
-- day does
BEGIN;
SET LOCAL session_replication_role = replica;
CREATE FUNCTION regress_unsound() RETURNS boolean LANGUAGE sql VOLATILE AS $$
  WITH RECURSIVE day AS MATERIALIZED (
    SELECT lower(valid) AS day FROM iom_line WHERE NOT lower_inf(valid) UNION SELECT '-infinity'
  ), solid AS MATERIALIZED (
    SELECT day, node, supervisor FROM day JOIN iom_line ON line = 'solid' AND (valid @> day OR (day = '-infinity' AND lower_inf(valid)))
  ), up AS (
    SELECT day, node AS start, supervisor AS node FROM solid
    UNION
    SELECT up.day, up.start, s.supervisor FROM up JOIN solid s USING (day, node)
  )
  SELECT EXISTS (SELECT FROM iom_line l WHERE NOT EXISTS (SELECT FROM iom_unit u WHERE u.node = l.node AND u.valid @> l.valid)
            OR NOT EXISTS (SELECT FROM iom_unit u WHERE u.node = l.supervisor AND u.valid @> l.valid))
    OR EXISTS (SELECT FROM solid GROUP BY day, node HAVING count(*) > 1)
    OR EXISTS (SELECT FROM up WHERE start = node)
$$;
CREATE FUNCTION regress_day_range() RETURNS daterange LANGUAGE sql VOLATILE AS $$
  SELECT daterange(CASE WHEN random() < 0.7 THEN '2030-01-01'::date + f END, CASE WHEN random() < 0.7 THEN '2030-01-02'::date + f + floor(random() * 4)::int END)
  FROM (SELECT floor(random() * 8)::int AS f) d
$$;
CREATE FUNCTION regress_checked(times int, seed float8, OUT unsound bigint, OUT sound bigint, OUT wrong bigint, OUT strange text)
LANGUAGE plpgsql AS $$
DECLARE
  fault boolean;
  found bigint;
  message text;
BEGIN
  PERFORM setseed(seed);
  unsound := 0; sound := 0; wrong := 0;
  FOR i IN 1 .. times LOOP
    DELETE FROM iom_appointment;
    DELETE FROM iom_line;
    DELETE FROM iom_unit;
    INSERT INTO iom_unit (node, name, valid, origin)
    SELECT ('N' || n)::iom_node, 'Unit', CASE WHEN random() < 0.9 THEN '(,)' ELSE regress_day_range() END, 'own' FROM generate_series(1, 6) n;
    INSERT INTO iom_line (node, supervisor, line, valid, origin)
    SELECT * FROM (
      SELECT ('N' || 1 + floor(random() * 6)::int)::iom_node AS node, ('N' || 1 + floor(random() * 6.1)::int)::iom_node AS supervisor,
        CASE WHEN random() < 0.9 THEN 'solid' ELSE 'dotted' END, regress_day_range(), 'own'
      FROM generate_series(1, 1 + floor(random() * 6)::int)
    ) l WHERE node <> supervisor ON CONFLICT DO NOTHING;
    fault := regress_unsound();
    SELECT count(*) INTO found FROM iom_check();
    IF fault THEN unsound := unsound + 1; ELSE sound := sound + 1; END IF;
    IF fault <> (found > 0) THEN wrong := wrong + 1; END IF;
    FOR day IN -1 .. 12 LOOP
      message := regress_error(format('SELECT count(*) FROM iom_roots(%L)', '2030-01-01'::date + day));
      IF message NOT LIKE 'no error' AND (message NOT LIKE '23000 %' OR found = 0) THEN
        strange := message;
      END IF;
    END LOOP;
  END LOOP;
END $$;
SELECT seed, unsound > 30 * :share AS unsound, sound > 30 * :share AS sound, wrong, strange
FROM generate_series(0.1, 0.2, 0.1) seed, regress_checked((150 * :share)::int, seed);
ROLLBACK;
-- Tables that inherit
BEGIN;
CREATE TABLE regress_all_lines (LIKE iom_line INCLUDING DEFAULTS);
ALTER TABLE iom_line INHERIT regress_all_lines;
CREATE TABLE regress_more_units () INHERITS (iom_unit);
SELECT * FROM iom_check();
ROLLBACK;
DROP FUNCTION regress_fault, regress_all_functions;
