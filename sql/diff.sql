--
-- iom_diff
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
\set VERBOSITY terse

BEGIN;
SELECT iom_move('DDGMR', 'COS', '2030-01-01'), iom_move('OSS-MAC', 'DLA', '2030-03-01'),
  iom_add('LAB', 'Laboratory', 'OSS', effective => '2030-02-01'), iom_close('CBI', '2030-02-01'),
  iom_move('DG', 'COUNCIL', '2031-01-01'), iom_move('DG', NULL, '2032-01-01');
SELECT * FROM iom_diff('2029-12-31', '2030-03-01');
-- the other way round, and within it
SELECT change, count(*) FROM iom_diff('2030-03-01', '2029-12-31') GROUP BY change ORDER BY change;
SELECT * FROM iom_diff('2030-01-01', '2030-03-01');
SELECT * FROM iom_diff('2030-01-01', '2030-01-31');
-- without a day: the session's
SET LOCAL iomorg.as_of = '2030-03-01';
SELECT change, count(*) FROM iom_diff('2030-02-28') GROUP BY change ORDER BY change;
SELECT change, count(*) FROM iom_diff(to_date => '2031-01-01') GROUP BY change ORDER BY change;
SELECT change, count(*) FROM iom_diff('2030-12-31', '2032-01-01') GROUP BY change;
SELECT count(*) FROM iom_diff();
SELECT count(*) FROM iom_diff('-infinity', 'infinity') WHERE change <> 'carried';
-- bounds that are no dates of a timestamp
SELECT count(*) FROM iom_diff('4713-01-01 BC', '5874897-12-31') WHERE change <> 'carried';

-- Names, as they were recorded
SAVEPOINT s;
RESET iomorg.as_of;
UPDATE iom_unit SET name = 'Department of Law' WHERE node = 'DLA';
UPDATE iom_unit SET mandate = 'Law' WHERE node = 'DLA';
SELECT * FROM iom_diff(current_date - 1, current_date);
SELECT * FROM iom_diff(current_date, current_date - 1);
SELECT * FROM iom_diff(current_date, current_date + 1);
UPDATE iom_unit SET name = 'Department of Legal Affairs' WHERE node = 'DLA';
SELECT * FROM iom_diff(current_date - 1, current_date);
-- a node that moves and is renamed; one that is deleted and comes again
UPDATE iom_unit SET name = 'Manila' WHERE node = 'OSS-MAC';
SELECT node, change, old, new FROM iom_diff('2020-01-01', 'infinity') WHERE node = 'OSS-MAC';
DELETE FROM iom_line WHERE 'HBSC' IN (node, supervisor);
DELETE FROM iom_unit WHERE node = 'HBSC';
SELECT count(*) FROM iom_diff(current_date - 1, current_date) WHERE node = 'HBSC';
INSERT INTO iom_unit (node, name) VALUES ('HBSC', 'Steering Committee');
SELECT * FROM iom_diff(current_date - 1, current_date) WHERE node = 'HBSC';
ROLLBACK;

-- Random histories: each node has supervisors of a lesser number, one after the
-- other, so that every day is sound; and names, of which the test keeps a list
BEGIN;
CREATE TEMPORARY TABLE regress_name (node iom_node, day date, name text);
CREATE FUNCTION regress_history(n int, seed float8) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  code iom_node[];
  life daterange[];
  valid daterange;
  i int;
  at int;
  until int;
BEGIN
  DELETE FROM iom_appointment;
  DELETE FROM iom_line;
  DELETE FROM iom_unit;
  DELETE FROM regress_name;
  PERFORM setseed(seed);
  SELECT array_agg(('N' || seed || '-' || k)::iom_node ORDER BY random()) INTO code FROM generate_series(1, n) k;
  FOR k IN 1 .. n LOOP
    at := floor(random() * 20)::int;
    life[k] := CASE WHEN random() < 0.6 THEN '(,)'
      ELSE daterange(CASE WHEN random() < 0.5 THEN '2030-01-01'::date + at END, CASE WHEN random() < 0.5 THEN '2030-01-02'::date + at + floor(random() * 20)::int END) END;
    INSERT INTO iom_unit (node, name, position, valid) VALUES (code[k], 'Unit', floor(random() * 3)::int, life[k]);
    INSERT INTO regress_name VALUES (code[k], '-infinity', 'Unit');
    at := -1;
    WHILE k > 1 AND at < 40 LOOP
      until := CASE WHEN random() < 0.5 THEN 41 ELSE at + 1 + floor(random() * 15)::int END;
      i := 1 + floor(random() * (k - 1))::int;
      valid := daterange(CASE WHEN at >= 0 THEN '2030-01-01'::date + at END, CASE WHEN until < 40 THEN '2030-01-01'::date + until END)
        * life[k] * life[i];
      IF NOT isempty(valid) AND random() < 0.9 THEN
        INSERT INTO iom_line (node, supervisor, valid) VALUES (code[k], code[i], valid);
      END IF;
      at := until;
    END LOOP;
  END LOOP;

  FOR k IN 1 .. n LOOP
    i := 1 + floor(random() * n)::int;
    UPDATE iom_unit SET name = 'Unit ' || floor(random() * 3)::int WHERE node = code[i];
    UPDATE iom_history SET changed_at = ('2030-01-01'::date + 40 * k / n)::timestamptz + '1 hour'
    WHERE id = (SELECT max(id) FROM iom_history WHERE node = code[i]);
    INSERT INTO regress_name SELECT node, '2030-01-01'::date + 40 * k / n, name FROM iom_unit WHERE node = code[i];
  END LOOP;
END $$;

-- the nodes of a day in chart order, with supervisor, path and name
CREATE FUNCTION regress_chart(as_of date, OUT place bigint, OUT node iom_node, OUT supervisor iom_node, OUT path text, OUT name text)
RETURNS SETOF record LANGUAGE sql AS $$
  SELECT row_number() OVER (ORDER BY way COLLATE "C"), c.node, c.supervisor, c.path,
    (SELECT n.name FROM regress_name n WHERE n.node = c.node AND n.day <= as_of ORDER BY n.day DESC, n.ctid DESC LIMIT 1)
  FROM (
    SELECT c.node, min(c.ancestor) FILTER (WHERE c.distance = 1) AS supervisor,
      string_agg(c.ancestor::text, '/' ORDER BY c.distance DESC) AS path,
      array_agg(to_char(2147483648 + u.position, 'FM0000000000') || c.ancestor::text COLLATE "C" ORDER BY c.distance DESC) AS way
    FROM regress_closure(as_of) c JOIN iom_unit u ON u.node = c.ancestor
    GROUP BY c.node
  ) c
$$;

CREATE FUNCTION regress_diff(from_date date, to_date date, OUT node iom_node, OUT change text, OUT old text, OUT new text)
RETURNS SETOF record LANGUAGE sql AS $$
  WITH a AS MATERIALIZED (SELECT * FROM regress_chart(from_date)), b AS MATERIALIZED (SELECT * FROM regress_chart(to_date)),
  c AS (
    SELECT node, a.node AS was, b.node AS "is", a.place AS a_place, b.place AS b_place, a.supervisor AS a_supervisor, b.supervisor AS b_supervisor,
      a.path AS a_path, b.path AS b_path, a.name AS a_name, b.name AS b_name
    FROM a FULL JOIN b USING (node)
  )
  SELECT c.node, v.change, v.old, v.new
  FROM c, LATERAL (VALUES
    ('opened', was IS NULL, NULL, b_supervisor::text),
    ('closed', "is" IS NULL, a_supervisor::text, NULL),
    ('moved', was = "is" AND a_supervisor IS DISTINCT FROM b_supervisor, a_supervisor::text, b_supervisor::text),
    ('carried', was = "is" AND a_supervisor IS NOT DISTINCT FROM b_supervisor AND a_path <> b_path, a_path, b_path),
    ('renamed', was = "is" AND a_name <> b_name, a_name, b_name)
  ) v (change, holds, old, new)
  WHERE v.holds
  ORDER BY b_place, a_place, v.change
$$;

CREATE TEMPORARY TABLE regress_result (seed float8, got text, expected text, change text);
DO $$
DECLARE
  d1 date;
  d2 date;
BEGIN
  FOR i IN 1 .. 3 LOOP
    PERFORM regress_history(40, i / 10.0);
    FOR j IN 1 .. 20 LOOP
      d1 := '2029-12-31'::date + floor(random() * 44)::int;
      d2 := CASE WHEN random() < 0.3 THEN d1 + 1 ELSE '2029-12-31'::date + floor(random() * 44)::int END;
      INSERT INTO regress_result
      SELECT i, g.got, e.expected, split_part(coalesce(g.got, e.expected), ',', 2)
      FROM (SELECT g::text AS got, row_number() OVER () AS place FROM iom_diff(d1, d2) g) g
      FULL JOIN (SELECT e::text AS expected, row_number() OVER () AS place FROM regress_diff(d1, d2) e) e USING (place);
    END LOOP;
  END LOOP;
END $$;
SELECT seed, change, count(*) > 10 AS many, count(*) FILTER (WHERE got IS DISTINCT FROM expected) AS different
FROM regress_result GROUP BY seed, change ORDER BY seed, change;
SELECT * FROM iom_check();
ROLLBACK;

-- A deep chain, of which all is carried: paths are made only where somebody
-- looks at them.
BEGIN;
SELECT regress_plant(4000, 'chain', 0.5);
SELECT iom_add('TOP', 'Top', NULL, effective => '2030-01-01'),
  iom_move((SELECT iom_roots() LIMIT 1), 'TOP', '2030-01-01');
SELECT change, count(*) FROM iom_diff('2029-12-31', '2030-01-01') GROUP BY change ORDER BY change;
ROLLBACK;
