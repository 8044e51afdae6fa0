--
-- iom_add, iom_move, iom_close, iom_relate, iom_unrelate
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
\set VERBOSITY terse

BEGIN;
SET LOCAL iomorg.as_of = '2030-01-01';
SAVEPOINT s;

-- Open, move, and see it at once; without a day, the session's counts.
SELECT iom_add('LAB', 'Laboratory', 'DPR');
SELECT iom_path('LAB'), iom_path('LAB', as_of => '2029-12-31');
SELECT kind, valid FROM iom_unit WHERE node = 'LAB';
SELECT iom_add('HUB', 'Hub', NULL, 'centre', '2031-01-01');
SELECT iom_path('HUB'), iom_path('HUB', as_of => '2031-01-01');
SELECT iom_add('DESK', 'Desk', 'LAB', effective => '2030-06-01');
-- a line that begins on the day is changed in place
SELECT iom_move('LAB', 'DOE');
SELECT node, supervisor, relation, line, valid, basis FROM iom_line WHERE node = 'LAB';
-- later, the subtree comes along
SELECT iom_move('LAB', 'HUB', '2032-01-01', 'comprises');
SELECT day, iom_path('DESK', as_of => day) FROM unnest('{2030-05-31,2030-06-01,2031-12-31,2032-01-01}'::date[]) day;
-- what is planned stays; a line gets no longer than the one it replaces
SELECT iom_move('LAB', 'GDI', '2031-01-01');
SELECT supervisor, relation, valid FROM iom_line WHERE node = 'LAB' ORDER BY valid;
-- a root for a while, up to the next line
SELECT iom_move('LAB', NULL, '2031-06-01');
SELECT iom_move('LAB', NULL, '2031-06-01');
SELECT supervisor, relation, valid FROM iom_line WHERE node = 'LAB' ORDER BY valid;
SELECT iom_move('LAB', 'OSS', '2031-09-01');
SELECT supervisor, relation, valid FROM iom_line WHERE node = 'LAB' ORDER BY valid;
-- a line that never was is gone
SELECT iom_move('LAB', NULL, '2031-09-01');
SELECT supervisor, relation, valid FROM iom_line WHERE node = 'LAB' ORDER BY valid;
-- to where it is already: nothing is written
CREATE TEMPORARY TABLE regress_before AS SELECT ctid AS place, l.* FROM iom_line l;
SELECT iom_move('LAB', 'GDI', '2031-01-01'), iom_move('LAB', 'GDI', '2031-03-01', 'supervises'), iom_move('HUB', NULL, '2031-05-01');
SELECT count(*) FROM (SELECT ctid, l.* FROM iom_line l EXCEPT SELECT * FROM regress_before) d;
-- another relation is a change
SELECT iom_move('LAB', 'GDI', '2031-03-01', 'oversees');
SELECT supervisor, relation, valid FROM iom_line WHERE node = 'LAB' ORDER BY valid;
-- a seeded line keeps its relation, and says that it is stated now
SELECT iom_move('DLA', 'DDGO');
SELECT supervisor, relation, valid, basis FROM iom_line WHERE node = 'DLA' ORDER BY valid;

-- Dotted lines
SELECT iom_relate('LAB', 'OIG', 'assists', '2030-03-01');
SELECT iom_relate('LAB', 'OIG', 'assists', '2030-05-01');
SELECT iom_relate('LAB', 'OIG', 'assists');
SELECT iom_unrelate('LAB', 'OIG', 'assists', '2031-01-01');
SELECT supervisor, relation, line, valid FROM iom_line WHERE node = 'LAB' AND line = 'dotted' ORDER BY valid;
SELECT iom_unrelate('LAB', 'OIG', 'assists', '2030-03-01');
SELECT iom_relate('LAB', 'HUB', 'serves', '2033-01-01');
SELECT supervisor, relation, line, valid FROM iom_line WHERE node = 'LAB' AND line = 'dotted' ORDER BY valid;
-- of two that overlap, each ends as it must
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES
  ('LAB', 'OIG', 'doubles', 'dotted', '[2032-01-01,)'), ('LAB', 'OIG', 'doubles', 'dotted', '[2031-01-01,)');
SELECT iom_unrelate('LAB', 'OIG', 'doubles', '2032-01-01');
SELECT valid FROM iom_line WHERE relation = 'doubles';
SELECT iom_unrelate('LAB', 'OIG', 'doubles', '2031-01-01');
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES
  ('LAB', 'OIG', 'doubles', 'dotted', '[2031-01-01,)'), ('LAB', 'OIG', 'doubles', 'dotted', '[2031-01-01,2033-01-01)'),
  ('LAB', 'OIG', 'doubles', 'dotted', '[2031-01-01,2032-01-01)');
SELECT iom_unrelate('LAB', 'OIG', 'doubles', '2032-01-01');
SELECT valid FROM iom_line WHERE relation = 'doubles';
DELETE FROM iom_line WHERE relation = 'doubles';

-- Close: not with reports on the day or later, not with lines cut too late
SAVEPOINT c;
SELECT iom_close('LAB', '2030-02-01');
ROLLBACK TO c;
SELECT iom_move('DESK', 'DOE', '2030-06-01');
SELECT iom_close('LAB', '2031-07-01');
SELECT supervisor, relation, line, valid FROM iom_line WHERE node = 'LAB' ORDER BY valid, supervisor;
SELECT valid FROM iom_unit WHERE node = 'LAB';
SELECT iom_close('LAB', '2031-07-01');
SAVEPOINT d;
SELECT iom_move('DESK', 'LAB', '2031-01-01');
ROLLBACK TO d;
SELECT iom_move('DESK', 'LAB', '2031-07-01');
ROLLBACK TO d;
SELECT iom_relate('DESK', 'LAB', 'serves', '2031-01-01');
SELECT relation, valid FROM iom_line WHERE node = 'DESK' AND line = 'dotted';
SELECT * FROM iom_check();
ROLLBACK TO s;

-- Refused, each with the way out
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT iom_add('DLA', 'Again', 'DG');
ROLLBACK TO s;
SELECT iom_add('LAB', 'Laboratory', 'NOBODY');
ROLLBACK TO s;
SELECT iom_add('LAB', 'Laboratory', 'LAB');
ROLLBACK TO s;
SELECT iom_add('LAB', '', 'DG');
ROLLBACK TO s;
SELECT iom_add(NULL, 'Laboratory', 'DG');
ROLLBACK TO s;
SELECT iom_add('LAB', NULL, 'DG');
ROLLBACK TO s;
SELECT iom_add('LAB', 'Laboratory', 'DG', NULL);
ROLLBACK TO s;
SELECT iom_add('LAB', 'Laboratory', 'DG', effective => 'infinity');
ROLLBACK TO s;
SELECT iom_move('NOBODY', 'DG');
ROLLBACK TO s;
SELECT iom_move('DLA', 'NOBODY');
ROLLBACK TO s;
SELECT iom_move('DLA', 'DLA');
ROLLBACK TO s;
SELECT iom_move(NULL, 'DLA');
ROLLBACK TO s;
SELECT iom_move('DDGMR', 'OSS-MAC');
ROLLBACK TO s;
SELECT iom_close('OSS-MAC'), iom_move('DLA', 'OSS-MAC');
ROLLBACK TO s;
SELECT iom_close('OSS-MAC'), iom_move('DLA', 'OSS-MAC', '2029-01-01');
ROLLBACK TO s;
SELECT iom_close('OSS-MAC'), iom_move('OSS-MAC', 'DLA', '2030-01-02');
ROLLBACK TO s;
-- a line that is longer than its supervisor is there, and a unit that ends before its lines
SELECT iom_close('IDF', '2031-01-01'), iom_move('OIG', 'IDF');
ROLLBACK TO s;
SELECT iom_close('IDF', '2031-01-01'), iom_move('OIG', 'DDGO', '2031-01-01'), iom_move('OIG', 'IDF');
SELECT supervisor, valid FROM iom_line WHERE node = 'OIG' AND line = 'solid' ORDER BY valid;
ROLLBACK TO s;
SELECT iom_close('IDF', '2031-01-01'), iom_add('NEW', 'New', 'IDF', effective => '2030-06-01');
ROLLBACK TO s;
SELECT iom_close('IDF', '2031-01-01'), iom_add('NEW', 'New', NULL, effective => '2030-06-01'), iom_move('NEW', 'DDGO', '2031-01-01'), iom_move('NEW', 'IDF', '2030-06-01');
SELECT supervisor, valid FROM iom_line WHERE node = 'NEW' ORDER BY valid;
ROLLBACK TO s;
UPDATE iom_unit SET valid = '(,2031-01-01)' WHERE node = 'DDGMR';
ROLLBACK TO s;
-- a closed unit is opened again, and gets its lines again
SELECT iom_close('HBU', '2030-06-01');
UPDATE iom_unit SET valid = '(,)' WHERE node = 'HBU';
SELECT iom_move('HBU', supervisor, '2030-06-01', relation) FROM iom_line WHERE node = 'HBU' AND line = 'solid';
SELECT supervisor, valid FROM iom_line WHERE node = 'HBU' AND line = 'solid';
ROLLBACK TO s;
-- a plan to make it a root is withdrawn: it reports as it did
SELECT iom_move('DLA', NULL, '2031-01-01');
SELECT iom_move('DLA', 'DDGMR', '2031-01-01');
SELECT supervisor, relation, valid FROM iom_line WHERE node = 'DLA' AND line = 'solid';
ROLLBACK TO s;
-- (to somebody else it reports anew, and a relation that is given counts)
SELECT iom_move('DLA', NULL, '2031-01-01');
SELECT iom_move('DLA', 'DDGO', '2031-01-01');
SELECT supervisor, relation, valid FROM iom_line WHERE node = 'DLA' AND line = 'solid' ORDER BY valid;
SELECT iom_move('DLA', NULL, '2031-01-01');
SELECT iom_move('DLA', 'DDGMR', '2031-01-01', 'supervises');
SELECT supervisor, relation, valid FROM iom_line WHERE node = 'DLA' AND line = 'solid' ORDER BY valid;
ROLLBACK TO s;
SELECT iom_close('DDGMR');
ROLLBACK TO s;
-- a day in the place of something else
SELECT iom_add('LAB', 'Laboratory', 'DG', '2031-01-01');
ROLLBACK TO s;
SELECT iom_move('LAB', 'DG', NULL, '2031-01-01');
ROLLBACK TO s;
SELECT iom_relate('DLA', 'OIG', '2031-01-01', '2031-02-01');
ROLLBACK TO s;
SELECT iom_relate('DLA', 'OIG', ' 1.2.2031 ');
ROLLBACK TO s;
SELECT iom_relate('DLA', 'OIG', '2031/1/1 ');
ROLLBACK TO s;
SELECT iom_move('LAB', 'DG', NULL, '2031-01-01 00:00:00+01');
ROLLBACK TO s;
SELECT iom_add('LAB', 'Laboratory', 'DG', '20310101');
ROLLBACK TO s;
SELECT iom_add('LAB', 'Laboratory', 'DG', 'Tomorrow');
ROLLBACK TO s;
DO $$
DECLARE
  day text;
BEGIN
  -- (the first as JDBC's setDate has it)
  FOREACH day IN ARRAY ARRAY['2031-01-01 +00', '2031-01-01T12:00:00.5Z', '2031-01-01 BC', '12031-01-01', '20310101T120000', '1 Jan 2031',
      'January 1, 2031', '2031-Jan-01', '1-Jan-2031', '4 September 2030', 'infinity', '-infinity', 'now'] LOOP
    BEGIN
      PERFORM iom_relate('DLA', 'OIG', day);
      RAISE NOTICE '% was not refused', day;
    EXCEPTION WHEN invalid_parameter_value THEN NULL;
    END;
  END LOOP;
  FOREACH day IN ARRAY ARRAY['may', 'march', 'second', '1-2', '12345678', 'phase 1.2.3', 'junior 2', 'marketing 1 2031', 'mayor 12', '2031', 'decides', 'Q1 2031'] LOOP
    PERFORM iom_relate('DLA', 'OIG', day);
  END LOOP;
END
$$;
ROLLBACK TO s;
SELECT iom_relate('DLA', 'OIG', '2031-01-01 plan');
ROLLBACK TO s;
-- (what is there can be ended)
INSERT INTO iom_line (node, supervisor, relation, line) VALUES ('DLA', 'OIG', '2031-01-01', 'dotted');
SELECT iom_unrelate('DLA', 'OIG', '2031-01-01', '2031-05-05');
ROLLBACK TO s;
SELECT iom_close('NOBODY');
ROLLBACK TO s;
SELECT iom_close(NULL);
ROLLBACK TO s;
SELECT iom_close('HBSC'), iom_close('HBSC', '2030-01-02');
ROLLBACK TO s;
SELECT iom_add('LAB', 'Laboratory', 'DG', effective => '2030-02-01'), iom_close('LAB');
ROLLBACK TO s;
SELECT iom_relate('DLA', 'NOBODY', 'assists');
ROLLBACK TO s;
SELECT iom_relate('DLA', 'DLA', 'assists');
ROLLBACK TO s;
SELECT iom_relate('DLA', NULL, 'assists');
ROLLBACK TO s;
SELECT iom_relate('DLA', 'DG', NULL);
ROLLBACK TO s;
SELECT iom_unrelate('DLA', 'DG', 'assists');
ROLLBACK TO s;
SELECT iom_unrelate('DLA', 'DDGMR', 'oversees');
ROLLBACK TO s;
SELECT iom_unrelate('DLA', 'NOBODY', 'assists');
ROLLBACK TO s;

-- A unit that rows refer to stays open: asked as the foreign key would ask,
-- whatever the caller may see, his search_path and row-level security
CREATE ROLE regress_owner;
CREATE ROLE regress_editor;
GRANT INSERT, UPDATE, DELETE ON iom_unit, iom_line TO regress_editor;
GRANT REFERENCES ON iom_unit TO regress_owner;
CREATE SCHEMA "Regress HR";
GRANT USAGE, CREATE ON SCHEMA "Regress HR" TO regress_owner;
SET LOCAL ROLE regress_owner;
CREATE DOMAIN "Regress HR".code AS iom_node;
CREATE TABLE "Regress HR"."Staff" (id int, "The unit" iom_node REFERENCES iom_unit);
CREATE TABLE "Regress HR".post (id int, unit "Regress HR".code REFERENCES iom_unit) PARTITION BY RANGE (id);
CREATE TABLE "Regress HR".post1 PARTITION OF "Regress HR".post FOR VALUES FROM (0) TO (9);
CREATE TABLE "Regress HR".post2 PARTITION OF "Regress HR".post DEFAULT;
ALTER TABLE "Regress HR"."Staff" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE "Regress HR".post ENABLE ROW LEVEL SECURITY;
RESET ROLE;
INSERT INTO "Regress HR"."Staff" VALUES (1, 'FMU'), (2, 'HBSC');
INSERT INTO "Regress HR".post VALUES (1, 'FMU'), (20, 'SCPF');
SAVEPOINT hr;
SET LOCAL ROLE regress_editor;
SET LOCAL search_path = pg_temp;
SELECT public.iom_close('FMU');
ROLLBACK TO hr;
SET LOCAL ROLE regress_editor;
SELECT iom_close('HBSC');
ROLLBACK TO hr;
SET LOCAL ROLE regress_editor;
SELECT iom_close('SCPF');
ROLLBACK TO hr;
SET LOCAL ROLE regress_editor;
SELECT iom_close('IDM');
SELECT valid FROM iom_unit WHERE node = 'IDM';
-- ... what is no longer enforced, or refers to another unit, does not count
ROLLBACK TO hr;
DELETE FROM "Regress HR"."Staff" WHERE "The unit" = 'HBSC';
SELECT iom_close('HBSC');
ALTER TABLE "Regress HR".post DROP CONSTRAINT post_unit_fkey;
SELECT iom_close('SCPF');
SELECT node, valid FROM iom_unit WHERE NOT upper_inf(valid) ORDER BY node;
ROLLBACK TO hr;

-- Privileges are those of the statements, nothing more
REVOKE DELETE ON iom_line FROM regress_editor;
SET LOCAL ROLE regress_editor;
SELECT iom_add('LAB', 'Laboratory', 'DPR'), iom_move('LAB', 'DG', '2030-02-01'), iom_close('LAB', '2030-03-01');
SAVEPOINT e;
SELECT iom_move('LAB', NULL, '2030-02-01');
ROLLBACK TO e;
RESET ROLE;
SET LOCAL ROLE regress_owner;
SELECT iom_move('DLA', 'DG');
ROLLBACK TO e;
SET LOCAL ROLE regress_owner;
SELECT iom_add('LAB2', 'Laboratory', 'DG');
ROLLBACK TO e;
RESET ROLE;
-- a policy passes the row over: not done, and it says so
GRANT UPDATE, INSERT, SELECT ON iom_line TO regress_owner;
ALTER TABLE iom_line ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress_see ON iom_line FOR SELECT USING (true);
CREATE POLICY regress_change ON iom_line FOR UPDATE USING (node <> 'DLA');
SET LOCAL ROLE regress_owner;
SELECT iom_move('DLA', 'DG');
ROLLBACK TO s;

-- What if: a rollback leaves no trace, and the next report finds its chart
RESET iomorg.as_of;
SELECT iom_size('DDGO') AS before, iom_rank('OSS') > 0 AS whole;
SELECT sum(hits) AS hits, count(*) AS charts FROM iom_charts() WHERE committed \gset before_
SELECT iom_move('OSS', 'DDGO'), iom_add('LAB', 'Laboratory', 'OSS');
SELECT iom_size('DDGO') AS if, iom_rank('LAB') > 0 AS whole;
SELECT count(*) AS own_charts FROM iom_charts() WHERE NOT committed;
ROLLBACK TO s;
SELECT iom_size('DDGO') AS after, iom_rank('LAB') AS lab, iom_rank('OSS') > 0 AS whole;
SELECT sum(hits) > :before_hits AS found_again, count(*) = :before_charts AS as_many FROM iom_charts() WHERE committed;
SELECT count(*) AS history FROM iom_history WHERE transaction = pg_current_xact_id();
ROLLBACK;

-- Plain statements can do what takes several changes at once.
BEGIN;
SAVEPOINT s;
-- two branches swap their places, the lower one going up
SELECT iom_move('DDGMR', 'OSS', '2030-01-01');
ROLLBACK TO s;
UPDATE iom_line l SET supervisor = n.supervisor
FROM (VALUES ('OSS', 'DG'), ('DDGMR', 'OSS')) n (node, supervisor)
WHERE l.node = n.node::iom_node AND line = 'solid';
SELECT iom_path('DLA'), iom_path('OSS-MAC'), regress_check();
MERGE INTO iom_line l
USING (VALUES ('OSS', 'DDGMR'), ('DDGMR', 'DG'), ('IDM', 'SCPF')) n (node, supervisor)
ON l.node = n.node::iom_node AND l.line = 'solid'
WHEN MATCHED THEN UPDATE SET supervisor = n.supervisor::iom_node
WHEN NOT MATCHED THEN INSERT (node, supervisor) VALUES (n.node::iom_node, n.supervisor::iom_node);
SELECT iom_path('DLA'), iom_path('OSS-MAC'), iom_path('IDM'), regress_check();
SAVEPOINT m;
MERGE INTO iom_line l USING (VALUES ('DDGMR', 'OSS')) n (node, supervisor)
ON l.node = n.node::iom_node AND l.line = 'solid'
WHEN MATCHED THEN UPDATE SET supervisor = n.supervisor::iom_node;
ROLLBACK TO m;
INSERT INTO iom_line (node, supervisor, relation) VALUES ('OSS', 'DDGMR', 'supervises'), ('HBSC', 'DDGMR', 'oversees')
ON CONFLICT (node, supervisor, relation, valid) DO UPDATE SET basis = 'placed';
SELECT node, supervisor, basis FROM iom_line WHERE node IN ('OSS', 'HBSC') AND line = 'solid' ORDER BY node;
INSERT INTO iom_line (node, supervisor, relation) VALUES ('OSS', 'DG', 'oversees')
ON CONFLICT DO NOTHING;
ROLLBACK TO m;
-- children before parents, in one transaction
SET CONSTRAINTS ALL DEFERRED;
COPY iom_line (node, supervisor) FROM stdin;
BABY	CHILD
CHILD	PARENT
\.
COPY iom_unit (node, name) FROM stdin;
BABY	Baby
CHILD	Child
PARENT	Parent
\.
SET CONSTRAINTS ALL IMMEDIATE;
SELECT iom_path('BABY'), regress_check();
SAVEPOINT c;
COPY iom_line (node, supervisor) FROM stdin;
PARENT	BABY
\.
ROLLBACK TO c;
-- another organisation
TRUNCATE iom_line, iom_appointment;
SELECT iom_path('BABY'), regress_check();
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name) VALUES ('A', 'A'), ('B', 'B');
SELECT iom_move('B', 'A'), iom_add('C', 'C', 'B');
SELECT * FROM iom_tree();
SELECT * FROM iom_check();
ROLLBACK;

-- Random changes against a model that has a row for each day
BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
CREATE TEMPORARY TABLE regress_day AS
SELECT day, '2030-01-01'::date + day AS date FROM generate_series(-1, 12) day;
CREATE TEMPORARY TABLE model_unit (node iom_node, day int);
CREATE TEMPORARY TABLE model_line (node iom_node, supervisor iom_node, relation text, solid boolean, day int, id int);

CREATE FUNCTION regress_model(what text, n iom_node, o iom_node, r text, d int, new_id int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  old model_line;
  until int;
BEGIN
  IF what = 'add' THEN
    IF EXISTS (SELECT FROM model_unit WHERE node = n) THEN RAISE 'exists'; END IF;
    INSERT INTO model_unit SELECT n, day FROM regress_day WHERE day >= d;
  ELSIF NOT EXISTS (SELECT FROM model_unit WHERE node = n) THEN RAISE 'unknown';
  END IF;
  IF what IN ('move', 'relate') AND NOT EXISTS (SELECT FROM model_unit WHERE node = n AND day = d) THEN RAISE 'away'; END IF;
  IF o IS NOT NULL AND what <> 'unrelate' AND NOT EXISTS (SELECT FROM model_unit WHERE node = o AND day = d) THEN RAISE 'other away'; END IF;

  IF what = 'close' THEN
    IF (SELECT max(day) FROM model_unit WHERE node = n) = d - 1 THEN RETURN; END IF;
    IF NOT EXISTS (SELECT FROM model_unit WHERE node = n AND day < d)
      OR NOT EXISTS (SELECT FROM model_unit WHERE node = n AND day >= d)
      OR EXISTS (SELECT FROM model_line WHERE supervisor = n AND solid AND day >= d) THEN RAISE 'close';
    END IF;
    DELETE FROM model_line WHERE n IN (node, supervisor) AND day >= d;
    DELETE FROM model_unit WHERE node = n AND day >= d;
    RETURN;
  END IF;

  SELECT * INTO old FROM model_line
  WHERE node = n AND day = d AND solid = (what IN ('add', 'move')) AND (solid OR (supervisor = o AND relation = r));
  IF what = 'unrelate' THEN
    IF old.id IS NULL THEN RAISE 'no line'; END IF;
    DELETE FROM model_line WHERE id = old.id AND day >= d;
  ELSIF what = 'relate' AND old.id IS NOT NULL THEN
    RETURN;
  ELSIF what = 'move' AND old.supervisor IS NOT DISTINCT FROM o AND coalesce(r = old.relation, true) THEN
    RETURN;
  ELSE
    SELECT coalesce(max(day) FILTER (WHERE id = old.id), min(day) FILTER (WHERE day > d) - 1, 12) INTO until
    FROM model_line WHERE node = n AND solid = (what IN ('add', 'move')) AND (solid OR (supervisor = o AND relation = r));
    IF old.id IS NULL THEN
      SELECT least(until, max(day)) INTO until FROM model_unit WHERE node = n;
      IF what = 'relate' THEN
        SELECT least(until, max(day)) INTO until FROM model_unit WHERE node = o;
      END IF;
    END IF;
    DELETE FROM model_line WHERE id = old.id AND day >= d;
    -- a line that ended on the day before goes on
    INSERT INTO model_line SELECT n, o, coalesce(r, old.relation, 'supervises'), what <> 'relate', day, coalesce((
      SELECT max(l.id) FROM model_line l
      WHERE l.node = n AND l.supervisor = o AND l.relation = coalesce(r, old.relation, 'supervises') AND l.solid = (what <> 'relate') AND l.day = d - 1), new_id)
    FROM regress_day WHERE o IS NOT NULL AND day BETWEEN d AND until;
  END IF;

  IF EXISTS (SELECT FROM model_line l WHERE NOT EXISTS (SELECT FROM model_unit u WHERE u.node = l.supervisor AND u.day = l.day)) THEN
    RAISE 'outside';
  END IF;
  IF EXISTS (
    WITH RECURSIVE up AS (
      SELECT day, node, supervisor FROM model_line WHERE solid AND node = n
      UNION
      SELECT up.day, up.node, l.supervisor FROM up JOIN model_line l ON l.solid AND l.day = up.day AND l.node = up.supervisor
    ) SELECT FROM up WHERE node = supervisor) THEN RAISE 'cycle';
  END IF;
END $$;

CREATE FUNCTION regress_changes(times int, seed float8,
  OUT done bigint, OUT refused bigint, OUT wrong bigint, OUT rows_too_many bigint, OUT problems bigint)
LANGUAGE plpgsql AS $$
DECLARE
  what text;
  n iom_node;
  o iom_node;
  r text;
  d int;
  model_does boolean;
  does boolean;
  lines bigint;
  state text;
BEGIN
  PERFORM setseed(seed);
  done := 0; refused := 0; wrong := 0; rows_too_many := 0;
  FOR i IN 1 .. times LOOP
    what := CASE WHEN i <= 14 THEN 'add' ELSE (ARRAY['add', 'move', 'move', 'move', 'move', 'move', 'relate', 'relate', 'unrelate', 'close'])[1 + floor(random() * 10)::int] END;
    n := ('N' || floor(random() * 16)::int)::iom_node;
    o := CASE WHEN what <> 'close' AND (what IN ('relate', 'unrelate') OR random() < 0.85) THEN ('N' || floor(random() * 16)::int)::iom_node END;
    r := CASE WHEN what IN ('move', 'relate', 'unrelate') AND random() < 0.3 THEN 'oversees' WHEN what IN ('relate', 'unrelate') THEN 'assists' END;
    d := floor(random() * 12)::int;
    IF i <= 14 THEN
      n := ('N' || i)::iom_node;
      o := CASE WHEN i > 2 THEN ('N' || 1 + floor(random() * (i - 1))::int)::iom_node END;
      d := i / 5;
    END IF;
    CONTINUE WHEN n = o;

    model_does := true;
    BEGIN
      PERFORM regress_model(what, n, o, r, d, i);
    EXCEPTION WHEN raise_exception THEN
      model_does := false;
    END;

    SELECT count(*) INTO lines FROM iom_line;
    does := true;
    BEGIN
      CASE what
        WHEN 'add' THEN PERFORM iom_add(n, 'Unit', o, effective => '2030-01-01'::date + d);
        WHEN 'move' THEN PERFORM iom_move(n, o, '2030-01-01'::date + d, r);
        WHEN 'close' THEN PERFORM iom_close(n, '2030-01-01'::date + d);
        WHEN 'relate' THEN PERFORM iom_relate(n, o, r, '2030-01-01'::date + d);
        WHEN 'unrelate' THEN PERFORM iom_unrelate(n, o, r, '2030-01-01'::date + d);
      END CASE;
    EXCEPTION WHEN integrity_constraint_violation OR foreign_key_violation OR check_violation OR unique_violation
        OR exclusion_violation OR restrict_violation OR no_data_found THEN
      does := false;
    END;
    rows_too_many := rows_too_many + (SELECT count(*) > lines + 1 FROM iom_line)::int;
    IF does THEN done := done + 1; ELSE refused := refused + 1; END IF;
    IF does <> model_does
      OR EXISTS ((SELECT u.node, day FROM iom_unit u JOIN regress_day ON u.valid @> date EXCEPT ALL TABLE model_unit)
        UNION ALL (TABLE model_unit EXCEPT ALL SELECT u.node, day FROM iom_unit u JOIN regress_day ON u.valid @> date))
      OR EXISTS (
        (SELECT l.node, l.supervisor, l.relation, l.line = 'solid', day FROM iom_line l JOIN regress_day ON l.valid @> date
         EXCEPT ALL SELECT node, supervisor, relation, solid, day FROM model_line)
        UNION ALL
        (SELECT node, supervisor, relation, solid, day FROM model_line
         EXCEPT ALL SELECT l.node, l.supervisor, l.relation, l.line = 'solid', day FROM iom_line l JOIN regress_day ON l.valid @> date))
    THEN
      wrong := wrong + 1;
      RAISE WARNING '% % % % on %: model %, function %', what, n, o, r, d, model_does, does;
      EXIT WHEN wrong = 1;
    END IF;
  END LOOP;
  SELECT count(*) INTO problems FROM iom_check();
  DELETE FROM iom_line;
  DELETE FROM iom_unit;
  DELETE FROM model_line;
  DELETE FROM model_unit;
END $$;
SELECT seed, done > 40 AS done, refused > 40 AS refused, wrong, rows_too_many, problems
FROM generate_series(0.1, 0.5, 0.1) seed, regress_changes(150, seed);
ROLLBACK;

-- A line of the same days is in the way
BEGIN;
SELECT iom_relate('HBSC', 'DG', 'supervises', '2031-01-01');
SELECT regress_error($$SELECT iom_move('HBSC', 'DG', '2031-01-01')$$);
SELECT iom_move('HBSC', 'COS', '2031-01-01');
SELECT regress_error($$SELECT iom_move('HBSC', 'DG', '2031-01-01')$$);
SELECT regress_error($$SELECT iom_relate('HBSC', 'COS', 'supervises', '2031-01-01')$$);
SELECT iom_move('HBSC', 'DG', '2031-01-02');
ROLLBACK;
-- ... of what is left of a line that ends, and of two that end
BEGIN;
SAVEPOINT s;
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES ('DLA', 'DDGMR', 'oversees', 'dotted', '(,2030-01-01)');
SELECT supervisor, relation, line, valid FROM iom_line WHERE node = 'DLA' ORDER BY valid;
SELECT regress_error(c) FROM unnest(ARRAY[$$SELECT iom_move('DLA', 'DG', '2030-01-01')$$, $$SELECT iom_move('DLA', NULL, '2030-01-01')$$, $$SELECT iom_close('DLA', '2030-01-01')$$]) c;
SELECT iom_move('DLA', 'DG', '2030-01-02'), iom_unrelate('DLA', 'DDGMR', 'oversees', '2029-01-01'), iom_move('DLA', 'COS', '2030-01-01');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES ('DLA', 'DDGMR', 'oversees', 'dotted', '(,2040-01-01)');
SELECT regress_error($$SELECT iom_close('DLA', '2030-01-01')$$);
SELECT iom_move('DLA', 'DG', '2030-01-01');
SELECT regress_error($$SELECT iom_unrelate('DLA', 'DDGMR', 'oversees', '2030-01-01')$$);
SELECT iom_unrelate('DLA', 'DDGMR', 'oversees', '2031-01-01');
SELECT supervisor, relation, line, valid FROM iom_line WHERE node = 'DLA' ORDER BY supervisor, valid;
-- ... of what goes on
UPDATE iom_line SET valid = '(,)' WHERE node = 'DLA' AND line = 'dotted';
SELECT regress_error($$SELECT iom_move('DLA', 'DDGMR', '2030-01-01')$$);
ROLLBACK;

-- A plan that is withdrawn leaves no trace in the lines: a change before it goes on
-- beyond its day
BEGIN;
SAVEPOINT s;
CREATE TEMPORARY TABLE regress_before AS SELECT node, supervisor, relation, line, valid, basis FROM iom_line;
SELECT iom_move('OIG', 'COS', '2031-01-01'), iom_move('OIG', 'DG', '2031-01-01'), iom_move('DLA', NULL, '2031-01-01'), iom_move('DLA', 'DDGMR', '2031-01-01', 'oversees');
SELECT count(*) FROM (SELECT node, supervisor, relation, line, valid, basis FROM iom_line EXCEPT TABLE regress_before) d;
SELECT node, change, before ->> 'supervisor' AS supervisor, before ->> 'valid' AS before, after ->> 'valid' AS after
FROM iom_history WHERE transaction = pg_current_xact_id() ORDER BY id;
SELECT iom_move('OIG', 'DDGO', '2028-01-01');
SELECT iom_supervisor('OIG', '2030-12-31'), iom_supervisor('OIG', '2031-01-01');
-- what is planned for later is a plan of its own, and another relation another line
SELECT iom_move('OIG', 'COS', '2033-01-01'), iom_move('OIG', 'DG', '2032-01-01'), iom_move('OIG', 'COS', '2032-01-01');
SELECT iom_move('OIG', 'DG', '2033-01-01', 'oversees'), iom_move('OIG', 'COS', '2032-06-01', 'oversees');
SELECT iom_move('OIG', 'DG', '2032-06-01', 'supervises'), iom_move('OIG', 'COS', '2032-06-01');
SELECT supervisor, relation, valid FROM iom_line WHERE node = 'OIG' AND line = 'solid' ORDER BY valid;
ROLLBACK TO s;
-- dotted lines: the same; of two that end on the day the longer one goes on
SELECT iom_relate('OIG', 'DLA', 'assists', '2020-01-01'), iom_unrelate('OIG', 'DLA', 'assists', '2031-01-01'), iom_relate('OIG', 'DLA', 'assists', '2031-01-01');
SELECT iom_unrelate('OIG', 'DLA', 'assists', '2028-01-01');
SELECT valid FROM iom_line WHERE node = 'OIG' AND supervisor = 'DLA';
SELECT iom_relate('OIG', 'DLA', 'assists', '2030-01-01'), iom_relate('OIG', 'DLA', 'assists', '2029-01-01');
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES ('OIG', 'DLA', 'assists', 'dotted', '[2027-01-01,2028-01-01)');
SELECT iom_relate('OIG', 'DLA', 'assists', '2028-01-01');
SELECT valid FROM iom_line WHERE node = 'OIG' AND supervisor = 'DLA' ORDER BY valid;
ROLLBACK;

-- Of several lines all must end
BEGIN;
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES
  ('DOE', 'DLA', 'helps', 'dotted', '[2020-01-01,)'), ('DOE', 'DLA', 'helps', 'dotted', '[2021-01-01,)');
CREATE FUNCTION regress_pass_over() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN CASE WHEN lower(OLD.valid) <> '2021-01-01' THEN NEW END; END$$;
CREATE TRIGGER regress_pass_over BEFORE UPDATE ON iom_line FOR EACH ROW EXECUTE FUNCTION regress_pass_over();
SELECT regress_error($$SELECT iom_unrelate('DOE', 'DLA', 'helps', '2025-01-01')$$);
ROLLBACK;

-- Who refers to a unit by a column of a domain: nobody's operator is asked instead
BEGIN;
CREATE DOMAIN regress_code AS iom_node;
CREATE TABLE regress_staff (unit regress_code REFERENCES iom_unit);
INSERT INTO regress_staff VALUES ('HBSC');
CREATE FUNCTION regress_evil(iom_node, regress_code) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE WARNING 'called'; RETURN false; END$$;
SELECT format('CREATE OPERATOR %I.= (LEFTARG = iom_node, RIGHTARG = regress_code, FUNCTION = regress_evil)', extnamespace::regnamespace)
FROM pg_extension WHERE extname = 'iomorg' \gexec
SELECT regress_error($$SELECT iom_close('HBSC', '2031-01-01')$$);
ROLLBACK;

-- ... or by a column of several, of which a null refers to nothing
BEGIN;
ALTER TABLE iom_unit ADD UNIQUE (kind, node);
CREATE TABLE regress_staff (kind text, unit iom_node, FOREIGN KEY (kind, unit) REFERENCES iom_unit (kind, node));
INSERT INTO regress_staff VALUES (NULL, 'HBSC'), (NULL, 'DOE');
INSERT INTO regress_staff SELECT kind, node FROM iom_unit WHERE node = 'DOE';
SELECT iom_close('HBSC', '2031-01-01');
SELECT regress_error($$SELECT iom_close('DOE', '2031-01-01')$$);
ROLLBACK;

-- A unit that is closed on the day on which it begins never was there
BEGIN;
SELECT iom_add('LAB', 'Laboratory', 'DG', effective => '2031-01-01'), iom_move('LAB', 'COS', '2032-01-01'),
  iom_relate('LAB', 'DLA', 'assists', '2031-06-01'), iom_relate('DLA', 'LAB', 'assists', '2031-06-01');
SAVEPOINT s;
SELECT iom_add('SUB', 'Subsidiary', 'LAB', effective => '2033-01-01');
SELECT regress_error($$SELECT iom_close('LAB', '2031-01-01')$$);
ROLLBACK TO s;
CREATE TABLE regress_staff (unit iom_node REFERENCES iom_unit ON DELETE CASCADE);
INSERT INTO regress_staff VALUES ('LAB');
SELECT regress_error($$SELECT iom_close('LAB', '2031-01-01')$$);
ROLLBACK TO s;
INSERT INTO iom_appointment (post, authority, method) VALUES ('LAB', 'DG', 'appointed');
SELECT regress_error($$SELECT iom_close('LAB', '2031-01-01')$$);
ROLLBACK TO s;
ALTER TABLE iom_unit ADD COLUMN number int GENERATED ALWAYS AS IDENTITY UNIQUE;
CREATE TABLE regress_staff (unit int REFERENCES iom_unit (number) ON DELETE CASCADE);
INSERT INTO regress_staff SELECT number FROM iom_unit WHERE node = 'LAB';
SELECT regress_error($$SELECT iom_close('LAB', '2031-01-01')$$);
SELECT iom_close('HBSC', '2031-01-01');
ROLLBACK TO s;
SELECT iom_close('LAB', '2031-01-01');
SELECT count(*) FROM iom_unit WHERE node = 'LAB';
SELECT count(*) FROM iom_line WHERE 'LAB' IN (node, supervisor);
SELECT change, relation, node FROM iom_history WHERE transaction = pg_current_xact_id() AND change = 'delete' ORDER BY id;
ROLLBACK;

-- What the owner of such a table has called then leaves nothing to be run as the caller
BEGIN;
CREATE ROLE regress_owner;
CREATE SCHEMA regress_hr AUTHORIZATION regress_owner;
GRANT REFERENCES ON iom_unit TO regress_owner;
SET LOCAL ROLE regress_owner;
CREATE TABLE regress_hr.trap (who name);
CREATE FUNCTION regress_hr.spring() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'run as %', current_user; END$$;
CREATE CONSTRAINT TRIGGER spring AFTER INSERT ON regress_hr.trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION regress_hr.spring();
CREATE TYPE regress_hr.code AS (a text);
CREATE FUNCTION regress_hr.code_node(regress_hr.code) RETURNS iom_node LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('regress.trap', true) = 'trigger' THEN
    INSERT INTO regress_hr.trap VALUES (current_user);
  ELSIF current_setting('regress.trap', true) = 'setting' THEN
    PERFORM set_config('search_path', 'regress_hr, public', false), set_config('iomorg.as_of', '1999-01-01', false);
  END IF;
  RETURN ($1).a::iom_node;
END$$;
RESET ROLE;
CREATE CAST (regress_hr.code AS iom_node) WITH FUNCTION regress_hr.code_node(regress_hr.code) AS IMPLICIT;
SET LOCAL ROLE regress_owner;
CREATE TABLE regress_hr.staff (unit regress_hr.code REFERENCES iom_unit);
INSERT INTO regress_hr.staff VALUES (ROW('DOE')::regress_hr.code);
RESET ROLE;
SAVEPOINT s;
SELECT regress_error($$SELECT iom_close('DOE', '2031-01-01')$$);
SELECT iom_close('HBSC', '2031-01-01');
ROLLBACK TO s;
SET LOCAL regress.trap = setting;
SELECT iom_close('HBSC', '2031-01-01');
SELECT current_setting('search_path') ~ 'regress_hr' AS search_path, current_setting('iomorg.as_of') AS as_of;
ROLLBACK TO s;
SET LOCAL regress.trap = trigger;
SELECT regress_error($$SELECT iom_close('HBSC', '2031-01-01')$$);
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;

-- What is moved on its first day is stated from then on
BEGIN;
INSERT INTO iom_unit (node, name, valid) VALUES ('NEW', 'New', '[2024-01-01,)');
INSERT INTO iom_line (node, supervisor, basis, valid) VALUES ('NEW', 'DG', 'inferred', '[2024-01-01,)');
SELECT iom_move('NEW', 'DDGO', effective => '2024-01-01');
SELECT supervisor, basis, valid FROM iom_line WHERE node = 'NEW';
ROLLBACK;
-- A solid line that is planned is no end of a dotted one, nor a dotted one that went
-- before the beginning of a solid one
BEGIN;
SELECT iom_add('NEW', 'New', NULL, effective => '2024-01-01');
INSERT INTO iom_line (node, supervisor, valid) VALUES ('NEW', 'DG', '[2025-01-01,)');
SELECT iom_relate('NEW', 'DG', 'supervises', effective => '2024-01-01');
SELECT line, valid FROM iom_line WHERE node = 'NEW' ORDER BY valid;
ROLLBACK;
BEGIN;
SELECT iom_add('NEW', 'New', NULL, effective => '2023-01-01');
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES ('NEW', 'DG', 'advises', 'dotted', '[2023-01-01,2024-01-01)');
SELECT iom_move('NEW', 'DG', effective => '2024-01-01');
SELECT relation, line, valid FROM iom_line WHERE node = 'NEW' ORDER BY valid;
ROLLBACK;
-- A foreign key says nothing of the rows of tables that inherit
BEGIN;
CREATE TABLE regress_staff (unit iom_node REFERENCES iom_unit);
CREATE TABLE regress_more_staff () INHERITS (regress_staff);
SELECT iom_add('NEW', 'New', 'DG', effective => '2024-01-01');
INSERT INTO regress_more_staff VALUES ('NEW');
SELECT iom_close('NEW', effective => '2025-01-01');
ROLLBACK;
-- Days that are null, which constraints keep out, or without a beginning before them
BEGIN;
INSERT INTO iom_unit (node, name, valid) VALUES ('NEVER', 'Never', '[infinity,infinity]');
SELECT iom_close('NEVER', '2030-01-01');
ROLLBACK;
BEGIN;
ALTER TABLE iom_unit ALTER valid DROP NOT NULL, DISABLE TRIGGER iom_unit_sound;
UPDATE iom_unit SET valid = NULL WHERE node = 'SRA';
SELECT iom_close('SRA', effective => '2030-01-01');
ROLLBACK;
