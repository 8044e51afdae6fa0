--
-- What is refused on some day, and accepted where the days do not meet
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
SET datestyle = ISO;

CREATE ROLE regress_editor;
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON iom_unit, iom_line, iom_appointment TO regress_editor;
SET ROLE regress_editor;

BEGIN;
INSERT INTO iom_unit (node, name, valid) VALUES
  ('A', 'Always', '(,)'), ('B', 'Always', '(,)'), ('C', 'Always', '(,)'), ('D', 'Always', '(,)'),
  ('Y20', 'In 2020', '[2020-01-01,2021-01-01)'), ('TO20', 'To the end of 2020', '(,2021-01-01)'), ('FROM20', 'From 2020 on', '[2020-01-01,)');
SAVEPOINT s;

-- A second solid line: by a day, by all, by what lies within; not where one
-- ends on the day before the other begins
INSERT INTO iom_line (node, supervisor, valid) VALUES ('B', 'A', '[2020-01-01,2020-07-01)');
SAVEPOINT b;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('B', 'C', '[2020-06-30,)');
ROLLBACK TO b;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('B', 'C', '(,2020-01-01]');
ROLLBACK TO b;
INSERT INTO iom_line (node, supervisor) VALUES ('B', 'C');
ROLLBACK TO b;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('B', 'C', '[2020-03-01,2020-03-01]');
ROLLBACK TO b;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('B', 'A', '[2020-03-01,2020-04-01)');
ROLLBACK TO b;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('B', 'C', '[2020-07-01,)'), ('B', 'D', '(,2020-01-01)');
SELECT day, iom_supervisor('B', day) FROM unnest('{2019-12-31,2020-01-01,2020-06-30,2020-07-01}'::date[]) day;
UPDATE iom_line SET valid = '(,2020-01-02)' WHERE node = 'B' AND supervisor = 'D';
ROLLBACK TO b;
INSERT INTO iom_line (node, supervisor, valid, line) VALUES ('B', 'C', '(,)', 'dotted');
UPDATE iom_line SET line = 'solid' WHERE node = 'B' AND supervisor = 'C';
ROLLBACK TO b;
-- a handover in one statement, and the wrong way round
WITH ended AS (UPDATE iom_line SET valid = '[2020-01-01,2020-03-01)' WHERE node = 'B')
INSERT INTO iom_line (node, supervisor, valid) VALUES ('B', 'C', '[2020-03-01,)');
SELECT day, iom_supervisor('B', day) FROM unnest('{2019-12-31,2020-01-01,2020-02-29,2020-03-01}'::date[]) day;
ROLLBACK TO s;

-- A cycle on any day, also between lines that never all hold together but two
-- and two
INSERT INTO iom_line (node, supervisor, valid) VALUES ('B', 'A', '(,2020-01-01)'), ('C', 'B', '[2019-07-01,2020-07-01)');
SAVEPOINT c;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('A', 'B', '[2019-12-31,)');
ROLLBACK TO c;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('A', 'C', '(,2019-07-01]');
ROLLBACK TO c;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('A', 'C', '[2019-09-01,2019-09-02)');
ROLLBACK TO c;
INSERT INTO iom_line (node, supervisor) VALUES ('A', 'C');
ROLLBACK TO c;
-- no day in common: none
INSERT INTO iom_line (node, supervisor, valid) VALUES ('A', 'C', '(,2019-07-01)'), ('A', 'C', '[2020-01-01,)');
SELECT day, iom_path('A', as_of => day), iom_path('B', as_of => day), iom_path('C', as_of => day)
FROM unnest('{2019-06-30,2019-07-01,2019-12-31,2020-01-01,2020-06-30,2020-07-01}'::date[]) day;
-- until a line between becomes longer
UPDATE iom_line SET valid = '(,2020-07-01)' WHERE node = 'C';
ROLLBACK TO s;
-- the way up forks by days; only one of the branches comes back
INSERT INTO iom_line (node, supervisor, valid) VALUES
  ('B', 'C', '(,2020-01-01)'), ('B', 'D', '[2020-01-01,2020-02-01)'), ('B', 'A', '[2020-02-01,)'),
  ('C', 'A', '(,2019-12-31)'), ('C', 'D', '[2019-12-31,)');
INSERT INTO iom_line (node, supervisor, valid) VALUES ('D', 'B', '[2020-02-01,)');
SELECT iom_path('C', as_of => '2020-02-01');
SAVEPOINT d;
UPDATE iom_line SET valid = '[2019-12-31,)' WHERE node = 'D';
ROLLBACK TO d;
UPDATE iom_line SET valid = '[2020-01-31,)' WHERE node = 'D';
ROLLBACK TO s;
-- in one statement, with days
INSERT INTO iom_line (node, supervisor, valid) VALUES
  ('A', 'B', '[2020-01-01,2020-03-01)'), ('B', 'C', '[2020-02-01,2020-04-01)'), ('C', 'A', '[2020-02-29,2020-05-01)');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor, valid) VALUES
  ('A', 'B', '[2020-01-01,2020-03-01)'), ('B', 'C', '[2020-02-01,2020-04-01)'), ('C', 'A', '[2020-03-01,2020-05-01)');
SELECT day, regress_check(day) FROM unnest('{2020-02-29,2020-03-01}'::date[]) day;
ROLLBACK TO s;

-- Lines outside the life of an end
INSERT INTO iom_line (node, supervisor) VALUES ('Y20', 'A');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('Y20', 'A', '[2020-01-01,2021-01-01]');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('A', 'Y20', '[2019-12-31,2020-07-01)');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor, valid, line) VALUES ('A', 'Y20', '[2019-12-31,2020-07-01)', 'dotted');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('TO20', 'A', '[2020-01-01,)');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('FROM20', 'TO20', '[2020-01-01,2021-01-01)'), ('A', 'FROM20', '(,2020-02-01)');
ROLLBACK TO s;
INSERT INTO iom_line (node, supervisor, valid) VALUES ('FROM20', 'TO20', '[2020-01-01,2021-01-01)'), ('Y20', 'FROM20', '[2020-12-31,2021-01-01)');
SELECT day, iom_path('Y20', as_of => day), iom_path('FROM20', as_of => day)
FROM unnest('{2019-12-31,2020-01-01,2020-12-30,2020-12-31,2021-01-01}'::date[]) day;
SAVEPOINT e;
UPDATE iom_line SET valid = '[2020-01-01,)' WHERE node = 'FROM20';
ROLLBACK TO e;
-- A unit that opens later or closes sooner than its lines, at either end
UPDATE iom_unit SET valid = '(,2020-12-31)' WHERE node = 'TO20';
ROLLBACK TO e;
UPDATE iom_unit SET valid = '[2020-01-02,)' WHERE node = 'FROM20';
ROLLBACK TO e;
UPDATE iom_unit SET valid = '[2020-06-01,2020-12-31)' WHERE node = 'Y20';
ROLLBACK TO e;
UPDATE iom_unit SET valid = '[2020-01-01,2020-06-01)';
ROLLBACK TO e;
UPDATE iom_unit SET valid = '[2020-12-31,2021-01-01)' WHERE node = 'Y20';
UPDATE iom_unit SET valid = '(,)' WHERE node = 'TO20';
-- both together, in the order that suits when they are deferred
UPDATE iom_line SET valid = '[2020-01-01,2020-06-01)' WHERE node = 'FROM20';
UPDATE iom_unit SET valid = '(,2020-06-01)' WHERE node = 'TO20';
SET CONSTRAINTS ALL DEFERRED;
UPDATE iom_unit SET valid = '(,2020-03-01)' WHERE node = 'TO20';
UPDATE iom_line SET valid = '[2020-01-01,2020-03-01)' WHERE node = 'FROM20';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT day, iom_path('FROM20', as_of => day), regress_check(day) FROM unnest('{2020-02-29,2020-03-01}'::date[]) day;
SET CONSTRAINTS ALL DEFERRED;
UPDATE iom_unit SET valid = '(,2020-02-01)' WHERE node = 'TO20';
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;

-- A unit that takes the place of another, with other days, under its lines: in
-- one statement, in two of which the first one leaves the lines without, or by
-- its code
BEGIN;
INSERT INTO iom_unit (node, name, valid) VALUES ('LATE', 'Late', '[2020-01-01,)'), ('EARLY', 'Early', '(,)'), ('BELOW', 'Below', '(,)');
INSERT INTO iom_line (node, supervisor) VALUES ('EARLY', 'DG'), ('BELOW', 'EARLY');
SAVEPOINT a;
WITH gone AS (DELETE FROM iom_unit WHERE node = 'EARLY' RETURNING *)
INSERT INTO iom_unit (node, name, valid) SELECT node, name, '[2020-01-01,)' FROM gone;
ROLLBACK TO a;
WITH gone AS (DELETE FROM iom_unit WHERE node = 'EARLY' RETURNING *)
INSERT INTO iom_unit (node, name, valid) SELECT node, name, '(,)' FROM gone;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM iom_unit WHERE node = 'EARLY';
INSERT INTO iom_unit (node, name, valid) VALUES ('EARLY', 'Early', '(,2020-01-01)');
SAVEPOINT b;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO b;
UPDATE iom_line SET valid = '(,2020-01-01)' WHERE 'EARLY' IN (node, supervisor);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT iom_path('BELOW', as_of => '2019-12-31');
ROLLBACK TO a;
-- a change of days that another change, not of days, comes after
SET CONSTRAINTS ALL DEFERRED;
UPDATE iom_unit SET valid = '(,2020-01-01)' WHERE node = 'EARLY';
UPDATE iom_unit SET position = 3 WHERE node = 'EARLY';
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO a;
SET CONSTRAINTS ALL DEFERRED;
UPDATE iom_unit SET node = 'OTHER' WHERE node = 'EARLY';
UPDATE iom_unit SET node = 'EARLY' WHERE node = 'LATE';
UPDATE iom_unit SET node = 'LATE' WHERE node = 'OTHER';
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO a;
-- and so many that all is checked at once
INSERT INTO iom_unit (node, name) SELECT 'N' || n, 'Unit' FROM generate_series(1, 3000) n;
INSERT INTO iom_line (node, supervisor) SELECT 'N' || n, 'DG' FROM generate_series(1, 3000) n;
UPDATE iom_line SET valid = '[2020-01-01,)' WHERE node BETWEEN 'N1' AND 'N9999';
SAVEPOINT c;
WITH gone AS (DELETE FROM iom_unit WHERE node BETWEEN 'N1' AND 'N9999' RETURNING *)
INSERT INTO iom_unit (node, name, valid)
SELECT node, name, daterange(CASE node WHEN 'N2999' THEN '2020-01-02' ELSE '2020-01-01' END::date, NULL) FROM gone;
ROLLBACK TO c;
WITH gone AS (DELETE FROM iom_unit WHERE node BETWEEN 'N1' AND 'N9999' RETURNING *)
INSERT INTO iom_unit (node, name, valid) SELECT node, name, '[2020-01-01,)' FROM gone;
SELECT iom_span('DG', '2020-01-01') - iom_span('DG', '2019-12-31') AS more, regress_check('2020-01-01');
ROLLBACK;

-- Histories at random, each of them loaded in one statement and by single
-- ones: accepted exactly when every day is sound.  The oracle looks at each
-- day on which something begins.
RESET ROLE;
CREATE FUNCTION regress_faults(OUT ends bigint, OUT second bigint, OUT cycles bigint) LANGUAGE sql VOLATILE AS $$
  WITH RECURSIVE day AS MATERIALIZED (
    SELECT lower(valid) AS day FROM iom_line WHERE NOT lower_inf(valid) UNION SELECT '-infinity'
  ), solid AS MATERIALIZED (
    SELECT day, node, supervisor FROM day JOIN iom_line ON line = 'solid' AND (valid @> day OR (day = '-infinity' AND lower_inf(valid)))
  ), up AS (
    SELECT day, node AS start, supervisor AS node FROM solid
    UNION
    SELECT up.day, up.start, s.supervisor FROM up JOIN solid s USING (day, node)
  )
  SELECT (SELECT count(*) FROM iom_line l WHERE NOT EXISTS (SELECT FROM iom_unit u WHERE u.node = l.node AND u.valid @> l.valid)
            OR NOT EXISTS (SELECT FROM iom_unit u WHERE u.node = l.supervisor AND u.valid @> l.valid)),
    (SELECT count(*) FROM (SELECT FROM solid GROUP BY day, node HAVING count(*) > 1) s),
    (SELECT count(*) FROM up WHERE start = node)
$$;
CREATE FUNCTION regress_days() RETURNS daterange LANGUAGE sql VOLATILE AS $$
  SELECT CASE floor(random() * 5)::int
    WHEN 0 THEN daterange(NULL, date '2020-01-01' + b) WHEN 1 THEN daterange(date '2020-01-01' + a, NULL)
    ELSE daterange(date '2020-01-01' + least(a, b), date '2020-01-02' + greatest(a, b)) END
  FROM (SELECT floor(random() * 20)::int AS a, floor(random() * 20)::int AS b) r
$$;
CREATE FUNCTION regress_histories(times int, nodes int, lines int,
  OUT accepted int, OUT refused int, OUT wrong int, OUT reasons text, OUT single_accepted int, OUT single_refused int)
LANGUAGE plpgsql AS $$
DECLARE
  error text; seen text[] := '{}';
  history iom_line[]; single iom_line; change iom_unit;
  faults record; state text;
BEGIN
  accepted := 0; refused := 0; wrong := 0; single_accepted := 0; single_refused := 0;
  FOR i IN 1 .. times LOOP
    DELETE FROM iom_line; DELETE FROM iom_unit;
    INSERT INTO iom_unit (node, name, valid)
    SELECT 'N' || n, 'Unit', CASE WHEN random() < 0.85 THEN '(,)' ELSE regress_days() END FROM generate_series(1, nodes) n;
    SELECT array_agg(l) INTO history FROM (
      SELECT DISTINCT ON (node, supervisor, valid) node, supervisor, 'supervises', line, valid, 'stated', 'new'
      FROM (SELECT ('N' || a)::iom_node AS node, ('N' || (1 + (a + floor(random() * (nodes - 1))::int) % nodes))::iom_node AS supervisor,
              CASE WHEN random() < 0.9 THEN 'solid' ELSE 'dotted' END AS line, regress_days() AS valid
            FROM (SELECT 1 + floor(random() * nodes)::int AS a FROM generate_series(1, 1 + (i % lines))) r) r
      ) l;

    -- at once, the guards off
    SET LOCAL session_replication_role = replica;
    INSERT INTO iom_line SELECT * FROM unnest(history);
    SET LOCAL session_replication_role = origin;
    SELECT * INTO faults FROM regress_faults();
    DELETE FROM iom_line;
    -- ... and on
    BEGIN
      INSERT INTO iom_line SELECT * FROM unnest(history);
      accepted := accepted + 1; error := NULL;
    EXCEPTION WHEN check_violation OR exclusion_violation THEN
      refused := refused + 1; error := SQLSTATE; seen := seen || error;
    END;
    IF (error IS NULL) <> (faults.ends + faults.second + faults.cycles = 0)
      OR (error = '23P01' AND faults.second = 0) OR (error = '23514' AND faults.ends + faults.cycles = 0) THEN
      wrong := wrong + 1;
      RAISE WARNING '%, % %', history, faults, error;
    END IF;

    -- one by one, what is refused left out
    DELETE FROM iom_line;
    FOREACH single IN ARRAY history LOOP
      BEGIN
        INSERT INTO iom_line SELECT single.*;
        error := NULL; single_accepted := single_accepted + 1;
      EXCEPTION WHEN check_violation OR exclusion_violation THEN
        error := SQLSTATE; single_refused := single_refused + 1;
      END;
      IF error IS NOT NULL THEN
        BEGIN
          SET LOCAL session_replication_role = replica;
          INSERT INTO iom_line SELECT single.*;
          SELECT * INTO faults FROM regress_faults();
          RAISE EXCEPTION USING errcode = 'XX111';
        EXCEPTION WHEN SQLSTATE 'XX111' THEN
          IF faults.ends + faults.second + faults.cycles = 0 THEN
            wrong := wrong + 1;
            RAISE WARNING 'for nothing: % %', single, error;
          END IF;
        END;
      END IF;
    END LOOP;
    SELECT * INTO faults FROM regress_faults();
    IF faults.ends + faults.second + faults.cycles <> 0 THEN
      wrong := wrong + 1;
      RAISE WARNING 'unsound: %', faults;
    END IF;
    -- a sound history, so there are charts: on some days
    SELECT string_agg(c, ' ') INTO state FROM generate_series(0, 20, 7) d, regress_check(date '2020-01-01' + d) c WHERE c NOT LIKE '%, 0 differences';
    IF state IS NOT NULL THEN
      wrong := wrong + 1;
      RAISE WARNING '%', state;
    END IF;

    -- lives that change
    FOR change IN SELECT * FROM iom_unit ORDER BY node LIMIT 4 LOOP
      BEGIN
        UPDATE iom_unit SET valid = regress_days() WHERE node = change.node;
        error := NULL;
      EXCEPTION WHEN check_violation THEN
        error := SQLSTATE;
      END;
      SELECT * INTO faults FROM regress_faults();
      IF faults.ends + faults.second + faults.cycles <> 0 THEN
        wrong := wrong + 1;
        RAISE WARNING 'life of %: %', change.node, faults;
      END IF;
    END LOOP;
  END LOOP;
  reasons := (SELECT string_agg(DISTINCT s, ' ' ORDER BY s) FROM unnest(seen) s);
END $$;
BEGIN;
DELETE FROM iom_appointment;
SELECT setseed(0.25);
SELECT accepted > 30 * :share AS accepted, refused > 30 * :share AS refused, wrong, reasons,
  single_accepted > 300 * :share AS single_accepted, single_refused > 100 * :share AS single_refused
FROM regress_histories((150 * :share)::int, 8, 8);
-- More lines than are looked at one by one: 400 nodes, each handed over nine
-- times, to a lower number, all in one statement.  Sound; and not any more if
-- on a single day one of them reports to two, or to who reports to it.
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name) SELECT 'N' || n, 'Unit' FROM generate_series(0, 400) n;
CREATE TEMPORARY TABLE regress_history AS
SELECT n, k, ('N' || n)::iom_node AS node, ('N' || floor(random() * n)::int)::iom_node AS supervisor,
  daterange(date '2020-01-01' + 10 * k, date '2020-01-01' + 10 * (k + 1)) AS valid
FROM generate_series(1, 400) n, generate_series(0, 9) k;
INSERT INTO iom_line (node, supervisor, valid) SELECT node, supervisor, valid FROM regress_history ORDER BY random();
SELECT count(DISTINCT iom_supervisor('N400', date '2020-01-05' + 10 * k)) > 5 AS moved, min(iom_size('N0', date '2020-01-05' + 10 * k)) AS size
FROM generate_series(0, 9) k;
SELECT regress_check(day) FROM unnest('{2020-01-10,2020-01-11}'::date[]) day;
DELETE FROM iom_line;
SELECT regress_error($$INSERT INTO iom_line (node, supervisor, valid)
  SELECT node, supervisor, CASE WHEN n = 200 AND k = 4 THEN daterange(lower(valid), upper(valid) + 1) ELSE valid END FROM regress_history$$)
  ~ '^23P01 "N200" cannot have two solid lines on one day \| On 2020-02-20 it would report to ' AS refused;
SELECT regress_error($$INSERT INTO iom_line (node, supervisor, valid)
  SELECT node, supervisor, valid FROM regress_history
  UNION ALL SELECT 'N0', 'N200', '[2020-02-20,2020-02-20]'$$)
  ~ '^23514 "N\d+" cannot report to "N\d+": that would close a cycle \| On 2020-02-20 the chain of command would be .*' AS refused;
SELECT regress_error($$INSERT INTO iom_line (node, supervisor, valid)
  SELECT node, supervisor, valid FROM regress_history
  UNION ALL SELECT 'N0', 'N200', '[2020-04-10,2020-04-11)'$$) AS accepted;
UPDATE iom_line SET valid = daterange(lower(valid), upper(valid)) WHERE node <> 'N0';
SELECT regress_error($$UPDATE iom_line SET valid = daterange(lower(valid) + 5, upper(valid) + 5) WHERE node <> 'N0'$$)
  ~ '^23514 "N\d+" cannot report to "N\d+": that would close a cycle \| On 2020-04-10 the chain of command would be .*' AS refused;
UPDATE iom_line SET valid = daterange(lower(valid) - 5, upper(valid) - 5) WHERE node <> 'N0';
UPDATE iom_unit SET valid = '[2019-12-27,2020-04-11)';
SELECT regress_error($$UPDATE iom_unit SET valid = '[2019-12-28,2020-04-11)' WHERE node = 'N7'$$) ~ '^23514 the line from ' AS refused;
DROP TABLE regress_history;
ROLLBACK;
-- a unit that ends at infinity has no successor to name
BEGIN;
INSERT INTO iom_unit (node, name, valid) VALUES ('NEW', 'New', '(,)'), ('OLD', 'Old', '(,infinity)');
INSERT INTO iom_line (node, supervisor) VALUES ('NEW', 'OLD');
ROLLBACK;
DROP FUNCTION regress_histories, regress_days, regress_faults;

REVOKE ALL ON iom_unit, iom_line, iom_appointment FROM regress_editor;
DROP ROLE regress_editor;
