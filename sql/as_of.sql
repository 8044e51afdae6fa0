--
-- The day: by argument, by setting, today
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

-- The argument, the setting, the current date
SELECT iom_as_of('2024-02-29'), iom_as_of(as_of => 'infinity') AS infinity,
  iom_as_of() = current_date AS today, iom_as_of(NULL) = current_date AS null_is_today;
SET iomorg.as_of = '2024-12-31';
SELECT iom_as_of(), iom_as_of(NULL) AS of_null, iom_as_of('2023-01-01') AS argument_first;
BEGIN;
SET LOCAL iomorg.as_of = '1999-01-01';
SELECT iom_as_of();
SAVEPOINT a;
SET LOCAL iomorg.as_of = '1998-01-01';
SELECT iom_as_of();
ROLLBACK TO a;
SELECT iom_as_of();
COMMIT;
SELECT iom_as_of();
SET iomorg.as_of = '';
SELECT iom_as_of() = current_date AS today;
SET iomorg.as_of = '2024-12-31';
RESET iomorg.as_of;
SELECT iom_as_of() = current_date AS today, current_setting('iomorg.as_of') = '' AS empty;

-- ISO dates and infinities only, however dates are written else
SET datestyle = German;
SELECT regress_error(format('SET iomorg.as_of = %L', v)) AS error, v AS value
FROM unnest(ARRAY['2024-12-31', '0001-01-01', '9999-12-31', '10000-01-01', '123456-01-01', 'infinity', '-infinity', '2024-02-29', '1582-10-10',
  'today', 'tomorrow', 'now', 'yesterday', 'never', '31.12.2024', '12/31/2024', '2024-13-01', '2023-02-29', '2024-04-31',
  '2024-00-10', '2024-01-00', '0000-01-01', '-2024-01-01', '2024-1-1 ', ' 2024-01-01', '2024-01-01 BC', '2024-01-01 12:00',
  '20240101', '24-01-01', '2024-01', '2024-01-01-', '2024--1-01', '9999999-01-01', 'Infinity', E'2024-01-01\n',
  '5874897-12-31', '4714-11-24 BC', '0001-02-29 BC', '5874898-01-01', '4714-11-23 BC', '0002-02-29 BC', '2024-01-01 bc', '2024-01-01  BC', ' BC']) v;
-- any date as the hint has it
SELECT d AS wrong FROM unnest('{infinity, -infinity, 24.11.4714 BC, 15.03.0044 BC, 01.01.0001, 29.02.2024, 15.03.294277, 31.12.5874897}'::date[]) d
WHERE set_config('iomorg.as_of', to_json(d) #>> '{}', false) IS NULL OR iom_as_of() <> d;
RESET iomorg.as_of;
SET iomorg.as_of = '31.12.2024';
SELECT regress_error('SELECT iom_as_of(''nonsense'')');
SET datestyle = ISO;
-- what was right before stays
SET iomorg.as_of = '2024-12-31';
SET iomorg.as_of = 'yesterday';
SHOW iomorg.as_of;
RESET iomorg.as_of;

-- A small dated organisation instead of the seed
BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name, valid) VALUES
  ('TOP', 'Always there', '(,)'),
  ('OLD', 'Until the end of 2019', '(,2020-01-01)'),
  ('NEW', 'From 2020 on', '[2020-01-01,)'),
  ('SOME', 'In 2018 and 2019', '[2018-01-01,2020-01-01)'),
  ('MOVED', 'Moved twice', '(,)'),
  ('DAY', 'On a single day', '[2020-02-29,2020-03-01)');
INSERT INTO iom_line (node, supervisor, valid) VALUES
  ('OLD', 'TOP', '(,2020-01-01)'),
  ('NEW', 'TOP', '[2020-01-01,)'),
  ('SOME', 'OLD', '[2018-01-01,2019-01-01)'),
  ('MOVED', 'OLD', '(,2020-01-01)'),
  ('MOVED', 'NEW', '[2020-01-01,2021-01-01)'),
  ('MOVED', 'TOP', '[2021-01-01,)'),
  ('DAY', 'MOVED', '[2020-02-29,2020-02-29]');
SELECT day, iom_path('MOVED', as_of => day) AS moved, iom_path('SOME', as_of => day) AS some,
  iom_path('DAY', as_of => day) AS day, iom_level('NEW', day) AS new, iom_size('TOP', day) AS size,
  (SELECT array_agg(node) FROM iom_subtree('TOP', as_of => day)) AS subtree,
  (SELECT array_agg(node) FROM iom_roots(day)) AS roots,
  iom_common_supervisor('MOVED', 'SOME', day) AS common
FROM unnest('{-infinity,2017-12-31,2018-01-01,2018-12-31,2019-01-01,2019-12-31,2020-01-01,
  2020-02-28,2020-02-29,2020-03-01,2020-12-31,2021-01-01,infinity}'::date[]) day;
SELECT day, regress_check(day)
FROM unnest('{-infinity,2018-01-01,2019-01-01,2020-01-01,2020-02-29,2020-03-01,infinity}'::date[]) day;

-- By the setting: functions, operators, the aggregate, the view, the pictures
SET LOCAL iomorg.as_of = '2020-02-29';
SELECT iom_path('DAY'), iom_node 'DAY' <@ 'NEW' AS within, iom_node 'MOVED' @> 'DAY' AS contains,
  (SELECT iom_common_supervisor(node) FROM iom_unit WHERE node <@ 'NEW') AS common,
  (SELECT count(*) FROM iom_org) AS org, (SELECT count(*) FROM iom_tree()) AS tree, (SELECT count(*) FROM iom_relations()) AS lines;
SELECT node, supervisor, level, path FROM iom_org ORDER BY rank;
SET LOCAL iomorg.as_of = '2020-03-01';
SELECT iom_path('DAY'), iom_node 'DAY' <@ 'NEW' AS within, iom_node 'MOVED' @> 'DAY' AS contains,
  (SELECT iom_common_supervisor(node) FROM iom_unit WHERE node <@ 'NEW') AS common,
  (SELECT count(*) FROM iom_org) AS org, (SELECT count(*) FROM iom_tree()) AS tree, (SELECT count(*) FROM iom_relations()) AS lines;
-- changed within a statement, row by row, and for one function only
CREATE FUNCTION pg_temp.on_2018(iom_node) RETURNS text LANGUAGE sql SET iomorg.as_of = '2018-06-01'
AS 'SELECT iom_path($1)';
CREATE FUNCTION pg_temp.on_2020(iom_node) RETURNS text LANGUAGE plpgsql SET iomorg.as_of = '2020-06-01'
AS 'BEGIN RETURN iom_path($1); END';
SELECT i, iom_path('MOVED') AS of_setting, pg_temp.on_2018('MOVED'), pg_temp.on_2020('MOVED'), iom_path('MOVED') AS and_back
FROM generate_series(1, 2) i;
SELECT set_config('iomorg.as_of', day, true), iom_path('MOVED'), iom_node 'MOVED' <@ 'OLD' AS of_old
FROM unnest('{2019-12-31,2020-01-01,2021-01-01,2019-12-31}'::text[]) day;
-- a prepared statement follows the setting, also when its plan is generic
PREPARE regress_path AS SELECT iom_path('MOVED'), (SELECT count(*) FROM iom_unit WHERE node <@ 'OLD') AS old;
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL iomorg.as_of = '2019-12-31';
EXECUTE regress_path;
SET LOCAL iomorg.as_of = '2020-01-01';
EXECUTE regress_path;
SET LOCAL iomorg.as_of = '2021-01-01';
EXECUTE regress_path;
DEALLOCATE regress_path;
-- today is the session's: at one moment, it is two dates in these time zones
SET LOCAL iomorg.as_of = '';
SET LOCAL timezone = 'Pacific/Kiritimati';
SELECT current_date AS east \gset
SET LOCAL timezone = 'Etc/GMT+12';
SELECT current_date < :'east' AS differ;
INSERT INTO iom_unit (node, name) VALUES ('TODAY', 'Moves as the date changes in the east');
INSERT INTO iom_line (node, supervisor, valid) VALUES ('TODAY', 'TOP', daterange(NULL, :'east')), ('TODAY', 'MOVED', daterange(:'east', NULL));
SELECT iom_path('TODAY'), iom_node 'TODAY' <@ 'MOVED' AS within;
SET LOCAL timezone = 'Pacific/Kiritimati';
SELECT iom_path('TODAY'), iom_node 'TODAY' <@ 'MOVED' AS within;
SET LOCAL timezone = 'Etc/GMT+12';
SELECT iom_path('TODAY'), iom_node 'TODAY' <@ 'MOVED' AS within;
ROLLBACK;

-- A line without end, and one to the last day there is, are not the same:
-- infinity is no day of the calendar, but one of the type date
BEGIN;
INSERT INTO iom_unit (node, name) VALUES ('X', 'Until infinity');
INSERT INTO iom_line (node, supervisor, valid) VALUES ('X', 'DG', '[-infinity,infinity)');
SELECT day, iom_level('X', day) FROM unnest('{-infinity,0001-01-01 BC,2024-01-01,5874897-12-31,infinity}'::date[]) day;
UPDATE iom_line SET valid = '(-infinity,infinity]' WHERE node = 'X';
SELECT day, iom_level('X', day) FROM unnest('{-infinity,0001-01-01 BC,2024-01-01,5874897-12-31,infinity}'::date[]) day;
SELECT regress_check('infinity'), regress_check('-infinity'), regress_check('5874897-12-31'), regress_check('4713-01-01 BC');
-- what begins behind -infinity, or ends there, has no date for that
SELECT valid_from, valid_to FROM iom_charts() WHERE NOT committed ORDER BY valid_from NULLS FIRST, valid_to;
SELECT regress_error($$INSERT INTO iom_line (node, supervisor, valid) VALUES ('X', 'DLA', '(,)')$$);
SELECT regress_error($$INSERT INTO iom_line (node, supervisor, valid) VALUES ('DG', 'X', '(,)')$$);
ROLLBACK;

-- A chart is right for all days between two changes, and kept: the days of
-- the charts of one session make a whole, each is compiled once
BEGIN;
UPDATE iom_line SET valid = '[2020-01-01,)' WHERE node = 'OSS' AND line = 'solid';
UPDATE iom_line SET valid = '(,2021-01-01)' WHERE node = 'DLA' AND line = 'solid';
UPDATE iom_line SET valid = '[1999-01-01,1999-02-01)' WHERE line = 'dotted' AND node = 'IDF';	-- of no importance
SELECT count(*), count(DISTINCT iom_level('OSS', day)), count(DISTINCT iom_level('DLA', day))
FROM generate_series(date '2019-06-01', '2021-06-01', '1 day') d, date(d) day;
SELECT valid_from, valid_to, nodes, committed FROM iom_charts() WHERE NOT committed ORDER BY valid_from NULLS FIRST;
SELECT c.valid_from, c.hits > 300 AS found_again FROM iom_charts() c WHERE NOT committed ORDER BY valid_from NULLS FIRST;
-- found again after a day in between
SELECT hits AS before FROM iom_charts() WHERE valid_to = '2020-01-01' \gset
SELECT iom_level('OSS', '2021-01-01'), iom_level('OSS', '2019-12-31'), iom_level('OSS', '2020-01-01');
SELECT hits - :before AS found_again FROM iom_charts() WHERE valid_to = '2020-01-01';
SELECT count(*) FROM iom_charts() WHERE NOT committed;
-- within the memory that charts may take, but for the last
SET LOCAL iomorg.chart_memory = 0;
SELECT iom_level('OSS', day) FROM unnest('{2019-01-01,2020-06-01,2021-06-01,1998-01-01}'::date[]) day;
SELECT iom_level('OSS', '1997-01-01');
UPDATE iom_line SET valid = '[2020-01-02,)' WHERE node = 'OSS' AND line = 'solid';
SELECT iom_level('OSS', day) FROM unnest('{2020-01-01,2020-01-02,2020-01-01}'::date[]) day;
SELECT valid_from, valid_to FROM iom_charts();
ROLLBACK;

-- A random history: units come and go, each is handed from one to another.
-- On every day on which something changes, the day before and the day after
-- every function agrees with a recursive query over the rows of that day.
BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
SELECT setseed(0.75);
INSERT INTO iom_unit (node, name, position, valid)
SELECT node, 'Number ' || number, position, CASE floor(random() * 4)::int
  WHEN 0 THEN '(,)'
  WHEN 1 THEN daterange(date '2020-01-01' + floor(random() * 30)::int, NULL)
  WHEN 2 THEN daterange(NULL, date '2020-01-01' + 30 + floor(random() * 30)::int)
  ELSE daterange(date '2020-01-01' + floor(random() * 30)::int, date '2020-01-01' + 30 + floor(random() * 30)::int) END
FROM regress_forest(22, 'no lines', 0.75);
-- everybody reports to an earlier number, so that there is no cycle
WITH number AS (
  SELECT row_number() OVER (ORDER BY substr(name, 8)::int) AS i, node, valid FROM iom_unit
), handover AS (
  SELECT i, node, valid, d AS from_day, lead(d) OVER (PARTITION BY i ORDER BY d NULLS FIRST) AS to_day,
    1 + floor(random() * (i - 1))::int AS to_number
  FROM number, LATERAL (
    SELECT NULL::date AS d UNION ALL
    SELECT * FROM (SELECT DISTINCT date '2020-01-01' + floor(random() * 60)::int * sign(i)::int FROM generate_series(1, 3)) r) s
  WHERE i > 1
)
INSERT INTO iom_line (node, supervisor, valid)
SELECT h.node, s.node, daterange(from_day, to_day) * h.valid * s.valid
FROM handover h JOIN number s ON s.i = h.to_number
WHERE NOT isempty(daterange(from_day, to_day) * h.valid * s.valid) AND random() < 0.9;
CREATE TEMPORARY TABLE regress_day AS
SELECT DISTINCT bound + near AS day
FROM (SELECT lower(valid) AS bound FROM iom_unit UNION SELECT upper(valid) FROM iom_unit
      UNION SELECT lower(valid) FROM iom_line UNION SELECT upper(valid) FROM iom_line) b, unnest('{-1,0,1}'::int[]) near
WHERE bound IS NOT NULL
UNION SELECT unnest('{-infinity,infinity}'::date[]);
SELECT count(*) > 50 AS many_days, (SELECT count(*) FROM iom_line) > 30 AS many_lines FROM regress_day;
SELECT function, sum(compared) > 100 AS many, sum(different) AS different
FROM regress_day, regress_compare(day)
GROUP BY function ORDER BY function;
-- ... and by the setting
SELECT function, sum(compared) > 100 AS many, sum(different) AS different
FROM regress_day, LATERAL set_config('iomorg.as_of', day::text, true) setting,
  regress_compare(CASE WHEN setting = '' THEN day END)	-- null, but after the other
GROUP BY function ORDER BY function;
-- the charts of all those days, as far as they are kept: none overlaps
SELECT count(*) > 10 AS many, count(*) FILTER (WHERE valid_from < lag) AS overlap
FROM (SELECT valid_from, lag(valid_to) OVER (ORDER BY valid_from NULLS FIRST) FROM iom_charts() WHERE NOT committed) c;
DROP TABLE regress_day;
ROLLBACK;

RESET ALL;
RESET ROLE;
REVOKE ALL ON iom_unit, iom_line, iom_appointment FROM regress_editor;
DROP ROLE regress_editor;
