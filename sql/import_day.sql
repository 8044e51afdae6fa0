--
-- iom_import from a day on: the past stays, the day is as the rows say, plans
-- stay, and nothing is written of what did not change
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- As an HR department has it: a picture of today, night after night
BEGIN;
SET LOCAL client_min_messages = notice;
CREATE TEMPORARY TABLE feed (code text, name text, supervisor text);
INSERT INTO feed VALUES ('CEO', 'Chief Executive', ''), ('FIN', 'Finance', 'CEO'), ('PAY', 'Payroll', 'FIN'), ('LAW', 'Law', 'CEO'), ('IT', 'IT', 'FIN');
SELECT iom_import('TABLE feed');
UPDATE iom_unit SET kind = 'department', position = 3 WHERE node = 'FIN';
SELECT iom_relate('PAY', 'LAW', 'asks', '2020-01-01');
SELECT count(*) AS changes FROM iom_history \gset
-- nothing changed
SELECT iom_import('TABLE feed', effective => '2031-01-01');
SELECT count(*) - :changes AS written FROM iom_history;
-- a unit is moved, one renamed, one opened, one is gone
UPDATE feed SET supervisor = 'CEO', name = 'Pay' WHERE code = 'PAY';
UPDATE feed SET code = 'LAB' WHERE code = 'IT';
SELECT iom_import('TABLE feed', effective => '2031-02-01');
SELECT * FROM iom_diff('2031-01-31', '2031-02-01');
SELECT relation, change, node, before ->> 'valid' AS before, after ->> 'valid' AS after FROM iom_history WHERE id > (SELECT max(id) - 6 FROM iom_history) ORDER BY id;
-- what began on the very day would be deleted, and a row refers to it
SAVEPOINT s;
CREATE TABLE regress_lab AS SELECT node AS unit FROM iom_unit WHERE node = 'LAB';
ALTER TABLE regress_lab ADD FOREIGN KEY (unit) REFERENCES iom_unit;
UPDATE feed SET code = 'IT' WHERE code = 'LAB';
SELECT iom_import('TABLE feed', effective => '2031-02-01');
ROLLBACK TO s;
-- the feed was wrong, and comes again on the same day
UPDATE feed SET code = 'IT' WHERE code = 'LAB';
SELECT iom_import('TABLE feed', effective => '2031-02-01');
SELECT node, kind, position, valid FROM iom_unit ORDER BY node;
SELECT node, supervisor, relation, line, valid FROM iom_line ORDER BY 1, 2, valid;
-- with other supervisors for an hour, and one is missing: lines that ended on the day go on, up to the plan
SAVEPOINT again;
CREATE TEMPORARY TABLE line_before AS SELECT node, supervisor, relation, valid FROM iom_line WHERE line = 'solid';
SELECT iom_move('PAY', 'LAW', '2033-01-01');
SELECT iom_import($$SELECT code, name, CASE WHEN supervisor <> '' THEN 'LAW' END AS supervisor FROM feed WHERE code NOT IN ('LAW', 'IT') UNION ALL SELECT 'LAW', 'Law', 'CEO'$$, effective => '2031-03-01');
SELECT iom_import('TABLE feed', effective => '2031-03-01');
SELECT node, supervisor, relation, valid FROM iom_line WHERE line = 'solid' EXCEPT TABLE line_before ORDER BY node, valid;
SELECT iom_move('IT', 'LAW', '2031-02-15');
SELECT iom_supervisor('IT', '2031-02-28'), iom_supervisor('IT', '2031-03-01');
ROLLBACK TO again;
-- it failed, and comes without rows; a code comes back; the days are finite, and said once
SELECT * FROM iom_import_problems('SELECT * FROM feed WHERE false', effective => '2031-03-01');
SELECT * FROM iom_import_problems('SELECT * FROM feed WHERE false');
SELECT count(*) FROM iom_import_problems('SELECT * FROM feed WHERE false', false);
DELETE FROM feed WHERE code = 'IT';
SELECT iom_import('TABLE feed', effective => '2031-04-01');
INSERT INTO feed VALUES ('IT', 'IT', 'FIN');
SELECT * FROM iom_import_problems('TABLE feed', effective => '2031-05-01');
-- if it was there all the time: a root, until it is imported
SAVEPOINT closed;
UPDATE iom_unit SET valid = daterange(lower(valid), NULL) WHERE node = 'IT';
SELECT iom_import('TABLE feed', effective => '2031-05-01');
SELECT d AS day, iom_level('IT', d), iom_supervisor('IT', d) FROM unnest('{2031-03-31,2031-04-01,2031-04-30,2031-05-01}'::date[]) d;
ROLLBACK TO closed;
SELECT regress_error($$SELECT iom_import('TABLE feed', effective => 'infinity')$$);
SELECT regress_error($$SELECT iom_import('SELECT *, daterange(NULL, NULL) AS valid FROM feed', effective => '2031-05-01')$$);
-- what is to come below a unit that is gone, and a unit that will have been gone
SELECT iom_move('LAW', 'PAY', '2033-01-01');
SELECT * FROM iom_import_problems($$SELECT * FROM feed WHERE code NOT IN ('PAY', 'IT')$$, effective => '2031-05-01');
SELECT iom_move('PAY', NULL, '2031-05-01'), iom_close('FIN', '2034-01-01');
SELECT * FROM iom_import_problems($$SELECT code, name, CASE code WHEN 'PAY' THEN 'FIN' ELSE supervisor END AS supervisor FROM feed WHERE code <> 'IT'$$, effective => '2031-05-01');
-- from a day on, beside what is there
SELECT iom_import($$SELECT 'NEW' AS code, 'New' AS name, 'CEO' AS supervisor$$, false, '2031-06-01');
SELECT iom_level('NEW', '2031-05-31'), iom_path('NEW', as_of => '2031-06-01'), iom_size('CEO', '2031-06-01');
ROLLBACK;

-- Days with the infinities of type date for bounds keep them
BEGIN;
TRUNCATE iom_appointment, iom_line, iom_unit;
INSERT INTO iom_unit (node, name, valid) VALUES ('R', 'Root', '(,)'), ('A', 'A', '[2027-01-01,infinity]'), ('L', 'L', '(-infinity,2026-12-01)'), ('P', 'P', '(-infinity,2026-11-01)');
INSERT INTO iom_line (node, supervisor, valid) VALUES ('A', 'R', '[2027-01-01,infinity]');
SAVEPOINT s;
-- a unit that is to come, and is there before its line
SELECT iom_import($$SELECT code, code AS name, above AS supervisor FROM (VALUES ('R', NULL), ('A', 'R')) v (code, above)$$, effective => '2026-11-27');
SELECT node, valid FROM iom_unit ORDER BY node;
SELECT node, supervisor, valid FROM iom_line ORDER BY valid;
-- with another supervisor
SELECT iom_import($$SELECT code, code AS name, above AS supervisor FROM (VALUES ('R', NULL), ('B', 'R'), ('A', 'B')) v (code, above)$$, effective => '2027-06-01');
SELECT node, supervisor, valid FROM iom_line ORDER BY node, valid;
ROLLBACK TO s;
-- closed on the day, and before
SELECT iom_import($$SELECT code, code AS name, above AS supervisor FROM (VALUES ('R', NULL), ('L', 'R')) v (code, above)$$, effective => '2026-12-01');
SELECT node, valid FROM iom_unit ORDER BY node;
SELECT node, supervisor, valid FROM iom_line ORDER BY valid;
SELECT * FROM iom_import_problems($$SELECT code, code AS name, above AS supervisor FROM (VALUES ('R', NULL), ('P', 'R')) v (code, above)$$, effective => '2026-12-01');
ROLLBACK;

-- Against what was there, day by day
BEGIN;
SELECT setseed(0.7);
CREATE TEMPORARY TABLE forest AS
SELECT i, ('F' || i)::iom_node AS node,
  CASE WHEN i > 1 AND random() > 0.03 THEN ('F' || 1 + floor(random() * (i - 1)))::iom_node END AS supervisor
FROM generate_series(1, 400) i;
SET LOCAL client_min_messages = warning;
SELECT iom_import('SELECT node AS code, ''unit '' || i AS name, supervisor FROM forest WHERE i <= 380');
-- moves in ten years: supervisors have smaller numbers on all days, so there are no cycles
SELECT count(iom_move(m.node, CASE WHEN m.r < 0.9 THEN ('F' || 1 + floor(m.r * (m.i - 1)))::iom_node END, m.day))
FROM (
  SELECT f.i, f.node, date '2030-01-01' + (random() * 3650)::integer AS day, random() AS r
  FROM forest f, generate_series(1, 2) WHERE f.i BETWEEN 2 AND 380 AND f.i % 3 = 0 ORDER BY random()
) m;
SELECT count(iom_move(node, 'F1', '2035-01-01')) FROM forest WHERE i % 50 = 7 AND i <= 380;
-- units that will open, will have been closed, were closed or opened on the day
INSERT INTO iom_unit (node, name, valid) VALUES ('F381', 'to come', '[2036-01-01,2038-01-01)'), ('F382', 'closed', '[2031-01-01,2035-01-01)'),
  ('F383', 'opened', '[2035-01-01,)'), ('F384', 'planned', '[2036-01-01,)');
INSERT INTO iom_line (node, supervisor, valid) VALUES ('F381', 'F2', '[2036-06-01,2037-01-01)'), ('F382', 'F1', '[2031-01-01,2035-01-01)'),
  ('F383', 'F2', '[2035-01-01,)'), ('F384', 'F1', '[2036-01-01,)');
INSERT INTO iom_line (node, supervisor, relation, line) SELECT 'F' || i, 'F' || i + 3, 'asks', 'dotted' FROM generate_series(1, 350, 7) i;
CREATE TEMPORARY TABLE target AS
SELECT f.i, f.node, COALESCE(u.name, 'unit') || CASE WHEN f.i % 20 = 0 THEN ' renamed' ELSE '' END AS name,
  CASE WHEN f.i = 1 OR f.i % 40 = 5 THEN NULL
    WHEN f.i % 6 = 1 OR s.now IS NULL OR s.gone THEN (SELECT e.node FROM forest e WHERE e.i < f.i AND e.i % 16 <> 15 ORDER BY md5(e.i || '-' || f.i) LIMIT 1)
    ELSE s.now END AS supervisor
FROM forest f
LEFT JOIN iom_unit u USING (node)
CROSS JOIN LATERAL (SELECT n.now, substr(n.now::text, 2)::integer % 16 = 15 AS gone FROM iom_supervisor(f.node, '2035-01-01') AS n (now)) s
WHERE f.i % 16 <> 15 AND f.i NOT IN (383, 384);
-- what is planned below a unit that ends is in the way
CREATE TEMPORARY TABLE in_the_way AS
SELECT l.* FROM iom_line l JOIN target t USING (node)
WHERE l.line = 'solid' AND lower(l.valid) > '2035-01-01' AND l.supervisor NOT IN (SELECT node FROM target);
CREATE TEMPORARY TABLE problem AS
SELECT * FROM iom_import_problems('SELECT node AS code, name, supervisor FROM target', effective => '2035-01-01');
SELECT count(*) > 2 AS some, count(*) - (SELECT count(*) FROM problem) AS more,
  count(*) FILTER (WHERE (supervisor::text, 'still has reports') NOT IN (SELECT code, problem FROM problem)) AS different
FROM in_the_way;
DELETE FROM iom_line l USING in_the_way w WHERE w.node = l.node AND w.supervisor = l.supervisor AND w.valid = l.valid;

CREATE TEMPORARY TABLE day AS
SELECT d::date AS day FROM generate_series('2029-12-01', '2040-02-01', interval '61 days') d
UNION SELECT unnest('{2034-12-31,2035-01-01,2035-01-02}'::date[]);
CREATE TEMPORARY TABLE line_before AS SELECT * FROM iom_line;
CREATE TEMPORARY TABLE unit_before AS SELECT * FROM iom_unit;
CREATE TEMPORARY TABLE before AS SELECT d.day, f.node, iom_level(f.node, d.day) > 0 AS there, iom_supervisor(f.node, d.day) AS supervisor FROM day d, forest f;
SELECT max(id) AS id FROM iom_history \gset
SELECT iom_import('SELECT node AS code, name, supervisor FROM target ORDER BY random()', effective => '2035-01-01') - (SELECT count(*) FROM target) AS more;
SELECT * FROM iom_check();

SELECT count(*) AS rows, count(*) FILTER (WHERE d.day = '2035-01-01') AS on_the_day,
  count(*) FILTER (WHERE (iom_level(b.node, d.day) > 0 OR NULL) IS DISTINCT FROM (e.there OR NULL)) AS other_life,
  count(*) FILTER (WHERE iom_supervisor(b.node, d.day) IS DISTINCT FROM CASE WHEN e.there THEN e.supervisor END) AS other_supervisor
FROM day d
JOIN before b USING (day)
LEFT JOIN target t USING (node)
LEFT JOIN line_before l ON l.node = b.node AND l.line = 'solid' AND l.valid @> date '2035-01-01'
LEFT JOIN unit_before u ON u.node = b.node
CROSS JOIN LATERAL (SELECT min(lower(p.valid)) AS day FROM line_before p WHERE p.node = b.node AND p.line = 'solid' AND lower(p.valid) > '2035-01-01') next
CROSS JOIN LATERAL (
  SELECT CASE WHEN d.day < '2035-01-01' THEN b.there
      WHEN t.node IS NOT NULL THEN b.node <> 'F381' OR d.day < '2038-01-01'
      ELSE b.there AND lower(u.valid) > '2035-01-01' END AS there,
    CASE WHEN d.day >= '2035-01-01' AND d.day < CASE WHEN l.node IS NULL THEN COALESCE(next.day, 'infinity') ELSE COALESCE(upper(l.valid), 'infinity') END
      AND t.node IS NOT NULL THEN t.supervisor ELSE b.supervisor END AS supervisor
) e;
-- of dotted lines only those of closed units end
SELECT count(*) AS rows, count(*) FILTER (WHERE (SELECT count(*) FROM iom_line n WHERE n.node = l.node AND n.supervisor = l.supervisor AND n.line = 'dotted'
    AND n.valid = CASE WHEN l.node IN (SELECT node FROM target) AND l.supervisor IN (SELECT node FROM target) THEN l.valid ELSE l.valid * '[,2035-01-01)' END) <> 1) AS different
FROM line_before l WHERE line = 'dotted';
-- written was what differs: units that were opened, closed, renamed or have other days; lines of units that have another supervisor or are closed
SELECT count(*) FILTER (WHERE h.relation = 'iom_unit') > 40 AS some_units, count(*) FILTER (WHERE h.relation = 'iom_line') > 100 AS some_lines,
  count(*) FILTER (WHERE h.relation = 'iom_unit' AND NOT (t.node IS NULL OR h.before ->> 'name' IS DISTINCT FROM t.name OR t.i IN (381, 382))) AS units_too_many,
  count(*) FILTER (WHERE h.relation = 'iom_line' AND h.node IN (SELECT node FROM target) AND COALESCE(h.before, h.after) ->> 'line' = 'solid'
    AND b.supervisor IS NOT DISTINCT FROM t.supervisor) AS lines_too_many
FROM iom_history h
LEFT JOIN target t USING (node)
LEFT JOIN before b ON b.node = h.node AND b.day = '2035-01-01'
WHERE h.id > :id;
-- and once more, nothing
SELECT max(id) AS id FROM iom_history \gset
SELECT iom_import('SELECT node AS code, name, supervisor FROM target', effective => '2035-01-01') > 0 AS done;
SELECT count(*) AS written FROM iom_history WHERE id > :id;
-- the same on all days: what was, is not any more
SELECT iom_import('SELECT node AS code, name, supervisor FROM target') > 0 AS done;
SELECT count(*) AS units, count(*) FILTER (WHERE u.valid <> '(,)' OR u.name <> t.name) AS different FROM target t LEFT JOIN iom_unit u USING (node);
SELECT count(*) - (SELECT count(supervisor) FROM target) AS more, count(*) FILTER (WHERE (node, supervisor) NOT IN (SELECT node, supervisor FROM target WHERE supervisor IS NOT NULL)
  OR valid <> '(,)' OR line <> 'solid') AS different FROM iom_line;
SELECT max(id) AS id FROM iom_history \gset
SELECT iom_import('SELECT node AS code, name, supervisor FROM target') > 0 AS done;
SELECT count(*) AS written FROM iom_history WHERE id > :id;
ROLLBACK;

-- Lines that are not solid have no part in it, and a relation stays with its unit
SET client_min_messages = warning;
CREATE FUNCTION regress_import(prepare text, day date DEFAULT '2024-01-01') RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMPORARY TABLE feed (code text, name text, supervisor text);
  INSERT INTO feed VALUES ('HQ', 'Headquarters', NULL), ('A', 'A', 'HQ'), ('B', 'B', 'HQ');
  PERFORM iom_import('TABLE feed');
  EXECUTE prepare;
  RETURN QUERY SELECT 'problem: ' || code || ' ' || problem FROM iom_import_problems('TABLE feed', effective => day);
  PERFORM iom_import('TABLE feed', effective => day);
  RETURN QUERY SELECT format('%s %s %s %s %s', node, relation, supervisor, line, valid) FROM iom_line ORDER BY node, supervisor, valid, relation;
  RAISE EXCEPTION USING errcode = 'RE001', message = '';
EXCEPTION
  WHEN SQLSTATE 'RE001' THEN NULL;
END $$;
SELECT n, (SELECT string_agg(line, E'\n') FROM regress_import(prepare) line) AS lines
FROM (VALUES
  (1, $$INSERT INTO iom_line (node, supervisor, line, valid) VALUES ('A', 'B', 'dotted', '(,2024-01-01)');
UPDATE feed SET supervisor = 'B' WHERE code = 'A'$$),
  (2, $$UPDATE iom_line SET relation = 'oversees', valid = '(,2024-01-01)', supervisor = 'B' WHERE node = 'A';
INSERT INTO iom_line (node, supervisor, valid) VALUES ('A', 'HQ', '[2024-01-01,2024-07-01)');
UPDATE feed SET supervisor = 'B' WHERE code = 'A'$$),
  (3, $$UPDATE iom_line SET valid = '(,2024-01-01)', supervisor = 'B' WHERE node = 'A';
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES ('A', 'B', 'advises', 'dotted', '(,2024-01-01)');
UPDATE feed SET supervisor = 'B' WHERE code = 'A'$$),
  (4, $$DELETE FROM iom_line WHERE node = 'A';
INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES ('A', 'B', 'advises', 'dotted', '[2025-01-01,)')$$),
  (5, $$UPDATE iom_line SET relation = 'oversees' WHERE node = 'A';
UPDATE feed SET supervisor = 'B' WHERE code = 'A'$$),
  (6, $$UPDATE iom_line SET valid = '(,2025-01-01)' WHERE node = 'A';
INSERT INTO iom_line (node, supervisor, valid) VALUES ('A', 'B', '[2025-01-01,)');
DELETE FROM feed WHERE code IN ('A', 'B')$$),
  (7, $$INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES ('A', 'B', 'advises', 'dotted', '[2025-01-01,)');
DELETE FROM feed WHERE code = 'B'$$)
) p (n, prepare) ORDER BY n;
RESET client_min_messages;
DROP FUNCTION regress_import;
