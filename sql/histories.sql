--
-- Random histories: everything that takes a day, on every day on which
-- something changes, the day before and the day after, against recursive
-- queries over the rows of that day
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
SET datestyle = ISO;
SET client_min_messages = warning;

BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;

--
-- The history: thousands of changes, sound by construction.  Time has eras;
-- each has an order of the units by chance, and a unit reports to an earlier
-- one only.  So there is no cycle on any day, but one that was below another in
-- one era may be above it in the next.
--
CREATE FUNCTION pg_temp.some_day() RETURNS date LANGUAGE sql AS $$
  SELECT CASE WHEN random() < 0.07 THEN date '0044-03-15 BC' + floor(random() * 10)::int
    ELSE date '2020-01-01' + floor(random() * 150)::int END
$$;
CREATE FUNCTION pg_temp.some_days() RETURNS daterange LANGUAGE plpgsql AS $$
DECLARE
  a date := pg_temp.some_day();
  b date := pg_temp.some_day();
BEGIN
  RETURN CASE floor(random() * 60)::int
    WHEN 0 THEN '(,)' WHEN 1 THEN '[-infinity,infinity]' WHEN 2 THEN '[-infinity,infinity)'
    WHEN 3 THEN daterange(NULL, a) WHEN 4 THEN daterange('-infinity', a) WHEN 5 THEN daterange('-infinity', a, '()')
    WHEN 6 THEN daterange(a, NULL) WHEN 7 THEN daterange(a, 'infinity') WHEN 8 THEN daterange(a, 'infinity', '[]')
    WHEN 9 THEN daterange(a, a, '[]') WHEN 10 THEN daterange(a, a + 2)
    ELSE daterange(a, a + floor(random() * 12)::int, '[]') END;
END $$;
CREATE TEMPORARY TABLE era AS
SELECT number, daterange(lag(day) OVER (ORDER BY day), day) AS span
FROM (VALUES (1, date '0044-03-20 BC'), (2, '2020-01-21'), (3, '2020-03-01'), (4, '2020-03-02'), (5, '2020-05-10'), (6, NULL)) e (number, day);
CREATE TEMPORARY TABLE place (node iom_node, era int, place float8, PRIMARY KEY (node, era));

-- take days from lines: none, one or two pieces are left of each
CREATE FUNCTION pg_temp.cut(lines tid[], days datemultirange) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  l record;
  piece daterange;
  pieces daterange[];
BEGIN
  FOR l IN SELECT ctid, * FROM iom_line WHERE ctid = ANY (lines) AND valid && days LOOP
    pieces := ARRAY(SELECT unnest(datemultirange(l.valid) - days));
    IF pieces = '{}' THEN
      DELETE FROM iom_line WHERE ctid = l.ctid;
    ELSE
      UPDATE iom_line SET valid = pieces[1] WHERE ctid = l.ctid;
      FOREACH piece IN ARRAY pieces[2:] LOOP
        INSERT INTO iom_line (node, supervisor, relation, line, valid) VALUES (l.node, l.supervisor, l.relation, l.line, piece);
      END LOOP;
    END IF;
  END LOOP;
END $$;
-- hand a unit over for some days, as far as both ends live and their order allows
CREATE FUNCTION pg_temp.hand_over(lower_end iom_node, upper_end iom_node, days daterange) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  piece daterange;
BEGIN
  FOR piece IN
    SELECT unnest(range_agg(e.span) * datemultirange(days) * datemultirange(l.valid) * datemultirange(u.valid))
    FROM era e JOIN place p ON p.node = lower_end AND p.era = e.number JOIN place q ON q.node = upper_end AND q.era = e.number,
      iom_unit l, iom_unit u
    WHERE q.place < p.place AND l.node = lower_end AND u.node = upper_end
    GROUP BY l.valid, u.valid
  LOOP
    PERFORM pg_temp.cut(ARRAY(SELECT ctid FROM iom_line WHERE node = lower_end AND line = 'solid'), datemultirange(piece));
    INSERT INTO iom_line (node, supervisor, valid, relation)
    VALUES (lower_end, upper_end, piece, CASE WHEN random() < 0.3 THEN 'oversees' ELSE 'supervises' END);
  END LOOP;
END $$;
CREATE FUNCTION pg_temp.open_unit(code iom_node, days daterange) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO place SELECT code, number, random() FROM era ON CONFLICT (node, era) DO UPDATE SET place = excluded.place;
  INSERT INTO iom_unit (node, name, position, valid) VALUES (code, 'Unit', floor(random() * 3)::int, days);
END $$;
CREATE FUNCTION pg_temp.change(number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  a iom_unit;
  b iom_unit;
  l record;
  days daterange := pg_temp.some_days();
  what float8 := random();
BEGIN
  SELECT * INTO a FROM iom_unit ORDER BY random() LIMIT 1;
  SELECT * INTO b FROM iom_unit WHERE node <> a.node ORDER BY random() LIMIT 1;
  SELECT ctid, * INTO l FROM iom_line WHERE line = 'solid' ORDER BY random() LIMIT 1;
  CASE
    WHEN what < 0.72 THEN
      PERFORM pg_temp.hand_over(a.node, b.node, days);
    WHEN what < 0.74 THEN
      DELETE FROM iom_line WHERE ctid = l.ctid;
    WHEN what < 0.82 THEN	-- to another supervisor, where all eras of the line allow it
      UPDATE iom_line SET supervisor = b.node
      WHERE ctid = l.ctid AND l.node <> b.node AND b.valid @> l.valid
        AND NOT EXISTS (SELECT FROM era e JOIN place p ON p.era = e.number AND p.node = l.node
                        JOIN place q ON q.era = e.number AND q.node = b.node
                        WHERE e.span && l.valid AND q.place >= p.place);
    WHEN what < 0.86 AND l.valid @> upper(days) THEN	-- two lines instead of one
      UPDATE iom_line SET valid = valid * daterange(NULL, upper(days)) WHERE ctid = l.ctid AND NOT isempty(valid * daterange(NULL, upper(days)));
      IF FOUND THEN
        INSERT INTO iom_line (node, supervisor, valid) VALUES (l.node, l.supervisor, l.valid * daterange(upper(days), NULL));
      END IF;
    WHEN what < 0.92 THEN	-- a longer life
      UPDATE iom_unit SET valid = range_merge(valid, days) WHERE node = a.node;
    WHEN what < 0.93 THEN	-- or none on some days
      IF a.valid && days THEN
        PERFORM pg_temp.cut(ARRAY(SELECT ctid FROM iom_line WHERE a.node IN (node, supervisor)), '{(,)}' - datemultirange(days));
        UPDATE iom_unit SET valid = valid * days WHERE node = a.node;
      END IF;
    WHEN what < 0.935 THEN
      DELETE FROM iom_line WHERE a.node IN (node, supervisor);
      DELETE FROM iom_unit WHERE node = a.node;
      PERFORM pg_temp.open_unit(('N.' || number)::iom_node, range_merge(days, a.valid));
    WHEN what < 0.96 THEN
      UPDATE iom_unit SET position = floor(random() * 3)::int WHERE node = a.node;
    ELSE
      INSERT INTO iom_line (node, supervisor, relation, line, valid)
      SELECT a.node, b.node, 'assists ' || number, 'dotted', a.valid * b.valid * days WHERE NOT isempty(a.valid * b.valid * days);
  END CASE;
END $$;
SELECT setseed(0.625);
DO $$
BEGIN
  FOR i IN 1 .. 45 LOOP
    PERFORM pg_temp.open_unit(('U' || i)::iom_node, CASE WHEN i % 3 = 0 THEN pg_temp.some_days() ELSE '(,)' END);
  END LOOP;
  FOR i IN 1 .. 3000 LOOP
    PERFORM pg_temp.change(i);
  END LOOP;
END $$;
ANALYZE iom_unit, iom_line;
SELECT count(*) AS units, count(*) FILTER (WHERE valid <> '(,)') > 20 AS with_bounds FROM iom_unit;
SELECT count(*) > 250 AS many_lines, count(*) FILTER (WHERE upper(valid) = lower(valid) + 1) > 25 AS of_a_single_day,
  count(*) FILTER (WHERE lower(valid) = '-infinity' OR upper(valid) = 'infinity') > 20 AS infinite,
  count(*) FILTER (WHERE lower_inf(valid) OR upper_inf(valid)) > 2 AS without_bound,
  count(*) FILTER (WHERE lower(valid) < '0001-01-01' AND isfinite(lower(valid))) > 20 AS before_christ
FROM iom_line WHERE line = 'solid';

--
-- What is expected, of all days at once
--
CREATE TEMPORARY TABLE day AS
SELECT DISTINCT bound + near AS day
FROM (SELECT lower(valid) AS bound FROM iom_unit UNION SELECT upper(valid) FROM iom_unit
      UNION SELECT lower(valid) FROM iom_line UNION SELECT upper(valid) FROM iom_line) b, unnest('{-1,0,1}'::int[]) near
WHERE bound IS NOT NULL
UNION SELECT unnest('{4714-11-24 BC,4713-01-01 BC,5874897-12-31,-infinity,infinity}'::date[]);
SELECT count(*) > 140 AS many_days FROM day;
CREATE TEMPORARY TABLE solid AS SELECT d.day, l.node, l.supervisor FROM day d JOIN iom_line l ON l.line = 'solid' AND l.valid @> d.day;
CREATE INDEX ON solid (day, node);
ANALYZE solid;
CREATE TEMPORARY TABLE up AS
WITH RECURSIVE up AS (
  SELECT d.day, u.node, u.node AS ancestor, 0 AS distance FROM day d JOIN iom_unit u ON u.valid @> d.day
  UNION ALL
  SELECT up.day, up.node, s.supervisor, up.distance + 1 FROM up JOIN solid s ON s.day = up.day AND s.node = up.ancestor
)
SELECT * FROM up;
CREATE INDEX ON up (day, node, ancestor);
CREATE INDEX ON up (day, ancestor);
ANALYZE up;
-- all nodes, and those unknown on the day with nothing but nulls
CREATE TEMPORARY TABLE expected AS
WITH node AS (
  SELECT up.day, up.node, count(*)::int AS level, array_agg(ancestor ORDER BY distance DESC) AS path,
    array_agg(u.position || ancestor::text ORDER BY distance DESC) AS way
  FROM up JOIN iom_unit u ON u.node = up.ancestor GROUP BY up.day, up.node
), subtree AS (
  SELECT day, ancestor AS node, max(distance) AS height, count(*)::int AS size, (count(*) FILTER (WHERE distance = 1))::int AS span
  FROM up GROUP BY day, ancestor
), ranked AS (
  SELECT n.*, s.height, s.size, s.span, row_number() OVER (PARTITION BY n.day ORDER BY n.way COLLATE "C")::int AS rank
  FROM node n JOIN subtree s USING (day, node)
)
SELECT d.day, c.node, r.level, r.path, r.path[r.level - 1] AS supervisor, r.height, r.size, r.span, r.rank
FROM day d CROSS JOIN (SELECT node FROM iom_unit UNION VALUES ('NOBODY'::iom_node)) c LEFT JOIN ranked r ON r.day = d.day AND r.node = c.node;
CREATE UNIQUE INDEX ON expected (day, node);
CREATE INDEX ON expected (day, supervisor);
ANALYZE expected;
SELECT max(level) >= 5 AS deep, count(*) FILTER (WHERE level IS NULL) > 1000 AS unknown, count(DISTINCT path) > 300 AS paths FROM expected;
-- of pairs
CREATE TEMPORARY TABLE pair AS
SELECT d.day, n[1 + floor(random() * cardinality(n))] AS a, n[1 + floor(random() * cardinality(n))] AS b
FROM day d, (SELECT array_agg(node) AS n FROM iom_unit) s, generate_series(1, 30) WHERE s IS NOT NULL
UNION ALL SELECT day, node, ancestor FROM up WHERE random() < 0.1;
ALTER TABLE pair ADD common iom_node, ADD distance int, ADD within boolean;
UPDATE pair p SET
  within = EXISTS (SELECT FROM up u WHERE u.day = p.day AND u.node = p.a AND u.ancestor = p.b),
  (common, distance) = (
    SELECT u.ancestor, u.distance + v.distance
    FROM up u JOIN up v ON v.day = p.day AND v.node = p.b AND v.ancestor = u.ancestor
    WHERE u.day = p.day AND u.node = p.a ORDER BY u.distance LIMIT 1);
CREATE INDEX ON pair (day);
ANALYZE pair;
-- and of facts, some of them of units that are unknown
CREATE TEMPORARY TABLE fact AS
SELECT CASE WHEN i % 20 > 0 THEN n[1 + floor(random() * cardinality(n))] END AS unit, i AS value
FROM generate_series(1, 400) i, (SELECT array_agg(node) || iom_node 'NOBODY' AS n FROM iom_unit) s;
CREATE INDEX ON fact (unit);
ANALYZE fact;
CREATE TEMPORARY TABLE own AS SELECT unit, count(*) AS count, sum(value) AS sum FROM fact GROUP BY unit;
CREATE TEMPORARY TABLE total AS
SELECT u.day, u.ancestor AS node, max(o.count) FILTER (WHERE u.distance = 0) AS own_count, sum(o.count) AS count, sum(o.sum) AS sum
FROM up u JOIN own o ON o.unit = u.node GROUP BY u.day, u.ancestor
UNION ALL
SELECT d.day, NULL, sum(o.count), sum(o.count), sum(o.sum)
FROM day d, own o WHERE NOT EXISTS (SELECT FROM up u WHERE u.day = d.day AND u.node = o.unit AND u.distance = 0) GROUP BY d.day;
CREATE INDEX ON total (day);
ANALYZE total;

--
-- The comparison, with the day as argument or, of null, by the setting
--
CREATE TEMPORARY TABLE result (function text, compared bigint, different bigint);
CREATE FUNCTION pg_temp.compare(days date[], by_setting boolean) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO result
  SELECT f.function, count(*), count(*) FILTER (WHERE f.got IS DISTINCT FROM f.expected)
  FROM (SELECT e.*, CASE WHEN by_setting THEN NULL ELSE e.day END AS as_of FROM expected e WHERE e.day = ANY (days) ORDER BY e.day) n,
  LATERAL (VALUES
    ('iom_supervisor', iom_supervisor(node, as_of)::text, supervisor::text),
    ('iom_root', iom_root(node, as_of)::text, path[1]::text),
    ('iom_ancestor', iom_ancestor(node, 2, as_of)::text, path[2]::text),
    ('iom_level', iom_level(node, as_of)::text, level::text),
    ('iom_height', iom_height(node, as_of)::text, height::text),
    ('iom_size', iom_size(node, as_of)::text, size::text),
    ('iom_span', iom_span(node, as_of)::text, span::text),
    ('iom_rank', iom_rank(node, as_of)::text, rank::text),
    ('iom_is_leaf', iom_is_leaf(node, as_of)::text, (size = 1)::text),
    ('iom_path', iom_path(node, as_of => as_of), array_to_string(path, '/')),
    ('iom_subtree',
      (SELECT string_agg(s.node::text, ' ' ORDER BY place) FROM iom_subtree(n.node, as_of => as_of) WITH ORDINALITY s (node, place)),
      (SELECT string_agg(m.node::text, ' ' ORDER BY m.rank) FROM expected m WHERE m.day = n.day AND m.rank >= n.rank AND m.rank < n.rank + n.size)),
    ('iom_reports',
      (SELECT string_agg(s.node::text, ' ' ORDER BY place) FROM iom_reports(n.node, as_of => as_of) WITH ORDINALITY s (node, place)),
      (SELECT string_agg(m.node::text, ' ' ORDER BY m.rank) FROM expected m WHERE m.day = n.day AND m.supervisor = n.node)),
    ('iom_reports',
      (SELECT string_agg(s.node::text, ' ' ORDER BY place) FROM iom_reports(n.node, 'oversees', as_of) WITH ORDINALITY s (node, place)),
      (SELECT string_agg(m.node::text, ' ' ORDER BY m.rank) FROM expected m
       JOIN iom_line l ON l.node = m.node AND l.supervisor = n.node AND l.relation = 'oversees' AND l.valid @> n.day
       WHERE m.day = n.day AND m.supervisor = n.node)),
    ('iom_peers',
      (SELECT string_agg(s.node::text, ' ' ORDER BY place) FROM iom_peers(n.node, as_of) WITH ORDINALITY s (node, place)),
      (SELECT string_agg(m.node::text, ' ' ORDER BY m.rank) FROM expected m WHERE m.day = n.day AND m.supervisor = n.supervisor AND m.node <> n.node)),
    ('iom_supervisors',
      (SELECT string_agg(s.node::text, '/' ORDER BY place DESC) FROM iom_supervisors(n.node, as_of) WITH ORDINALITY s (node, place)),
      NULLIF(array_to_string(path[:level - 1], '/'), '')),
    ('index condition', (SELECT count(*) FROM fact WHERE by_setting AND unit <@ n.node)::text,
      coalesce((SELECT t.count FROM total t WHERE by_setting AND t.day = n.day AND t.node = n.node), 0)::text)
  ) f (function, got, expected)
  GROUP BY f.function;

  INSERT INTO result
  SELECT f.function, count(*), count(*) FILTER (WHERE f.got IS DISTINCT FROM f.expected)
  FROM (SELECT p.*, CASE WHEN by_setting THEN NULL ELSE p.day END AS as_of FROM pair p WHERE p.day = ANY (days) ORDER BY p.day) p,
  LATERAL (VALUES
    ('iom_common_supervisor', iom_common_supervisor(a, b, as_of)::text, common::text),
    ('iom_distance', iom_distance(a, b, as_of)::text, distance::text),
    ('<@', CASE WHEN by_setting THEN a <@ b ELSE within END::text, within::text),
    ('@>', CASE WHEN by_setting THEN b @> a ELSE within END::text, within::text),
    ('aggregate', CASE WHEN by_setting THEN (SELECT iom_common_supervisor(x) FROM unnest(ARRAY[a, b]) x) ELSE common END::text, common::text)
  ) f (function, got, expected)
  GROUP BY f.function;

  INSERT INTO result
  SELECT f.function, count(*), count(*) FILTER (WHERE f.got IS DISTINCT FROM f.expected)
  FROM (SELECT day, CASE WHEN by_setting THEN NULL ELSE day END AS as_of FROM unnest(days) day) d,
  LATERAL (VALUES
    ('iom_as_of', iom_as_of(as_of)::text, day::text),
    ('iom_roots',
      (SELECT string_agg(node::text, ' ' ORDER BY place) FROM iom_roots(as_of) WITH ORDINALITY r (node, place)),
      (SELECT string_agg(e.node::text, ' ' ORDER BY rank) FROM expected e WHERE e.day = d.day AND level = 1)),
    ('iom_tree',
      (SELECT string_agg(substring(tree FROM '([.A-Z0-9]+)  Unit'), ' ' ORDER BY place) FROM iom_tree(as_of => as_of) WITH ORDINALITY t (tree, place)),
      (SELECT string_agg(e.node::text, ' ' ORDER BY rank) FROM expected e WHERE e.day = d.day AND level IS NOT NULL)),
    ('iom_relations',
      (SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM iom_relations(as_of => as_of) r),
      (SELECT string_agg(r::text, ' ' ORDER BY r::text)
       FROM (SELECT l.node, l.supervisor, l.relation, l.line, l.valid, l.basis FROM iom_line l WHERE l.valid @> day) r)),
    ('iom_unnest',
      (SELECT string_agg(concat_ws('|', t.node, t.own_count, t.count, t.sum), ' ' ORDER BY t.node)
       FROM (SELECT iom_rollup(unit, value) AS totals FROM fact) f, iom_unnest(f.totals, as_of) t),
      (SELECT string_agg(concat_ws('|', t.node, coalesce(t.own_count, 0), t.count, t.sum), ' ' ORDER BY t.node)
       FROM total t WHERE t.day = d.day)),
    ('iom_org',
      (SELECT string_agg(concat_ws('|', o.node, o.supervisor, o.level, o.size, o.path), ' ' ORDER BY o.rank) FROM iom_org o WHERE by_setting),
      (SELECT string_agg(concat_ws('|', e.node, e.supervisor, e.level, e.size, array_to_string(e.path, '/')), ' ' ORDER BY e.rank)
       FROM expected e WHERE by_setting AND e.day = d.day AND e.level IS NOT NULL))
  ) f (function, got, expected)
  GROUP BY f.function;
END $$;

-- Each chart is compiled once, when its days come; without one, by probing the
-- indexes for every question.
SELECT pg_temp.compare(array_agg(day ORDER BY day), false) FROM day;
SET LOCAL iomorg.probe_limit = 2000000000;
SET LOCAL iomorg.chart_memory = 0;
SELECT pg_temp.compare(array_agg(day ORDER BY day), false) FROM (SELECT day FROM day ORDER BY random() LIMIT 20) d;
RESET iomorg.probe_limit;
RESET iomorg.chart_memory;
-- The setting takes no years before Christ, and up to six digits.
DO $$
DECLARE
  d date;
BEGIN
  FOR d IN SELECT day FROM day WHERE day BETWEEN '0001-01-01' AND '9999-12-31' OR NOT isfinite(day) ORDER BY random() LOOP
    PERFORM set_config('iomorg.as_of', d::text, true);
    PERFORM pg_temp.compare(ARRAY[d], true);
  END LOOP;
END $$;
RESET iomorg.as_of;
SELECT function, sum(compared) > 100 AS many, sum(different) AS different FROM result GROUP BY function ORDER BY function COLLATE "C";
-- which functions that take a day are not among these (render, find, matrix and
-- diff compare theirs)
SELECT p.oid::regprocedure AS not_compared
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'iomorg'
WHERE 'as_of' = ANY (p.proargnames) AND p.proname NOT IN (SELECT function FROM result)
  AND p.proname NOT LIKE 'iom\_chart\_%'	-- what others select from
ORDER BY p.proname COLLATE "C";
ROLLBACK;

-- the seed is back
SELECT * FROM regress_check();
RESET client_min_messages;
