--
-- Totals of every node with all below it
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE TABLE regress_fact (unit iom_node, salary numeric, hours integer, grade smallint, share real, amount bigint, ratio float8);
INSERT INTO regress_fact VALUES
  ('DDGO', 9000, 40, 9, 1, 1, 0.5), ('DOE', 7000.50, 40, 5, 0.5, 2, 0.25),
  ('DOE', NULL, NULL, NULL, NULL, NULL, NULL), ('OSS-MAC', 5100, 20, 3, 0.25, 3, 8),
  ('NOWHERE', 1, 1, 1, 1, 4, 1), (NULL, 2, 2, 2, 2, 5, 2), ('MCU', NULL, NULL, NULL, NULL, NULL, NULL);

-- The nodes that have or contain facts, in chart order, and those of no place
SELECT r.* FROM (SELECT iom_rollup(unit, salary) AS t FROM regress_fact) s, iom_unnest(s.t) r;
SELECT r.* FROM (SELECT iom_headcount(unit) AS t FROM regress_fact) s, iom_unnest(s.t) r;
SELECT r.* FROM (SELECT iom_rollup(unit, ratio) AS t FROM regress_fact) s, iom_unnest(s.t) r;

-- Which types lead where: exact ones to numeric, others to double precision
SELECT pg_typeof(iom_rollup(unit, grade)) AS smallint, pg_typeof(iom_rollup(unit, hours)) AS integer,
  pg_typeof(iom_rollup(unit, amount)) AS bigint, pg_typeof(iom_rollup(unit, salary)) AS numeric,
  pg_typeof(iom_rollup(unit, share)) AS real, pg_typeof(iom_rollup(unit, ratio)) AS double,
  pg_typeof(iom_rollup(unit, 1)) AS one, pg_typeof(iom_rollup('DG', 1.5)) AS decimals, pg_typeof(iom_rollup(unit, '1.5')) AS unknown
FROM regress_fact;
SELECT t.name, r.own_count, r.own_sum, r.count, r.sum, r.min, r.max
FROM (SELECT iom_rollup(unit, grade) AS grade, iom_rollup(unit, hours) AS hours, iom_rollup(unit, amount) AS amount,
      iom_rollup(unit, 7) AS seven FROM regress_fact) s,
  LATERAL (VALUES ('grade', grade), ('hours', hours), ('amount', amount), ('seven', seven)) t (name, totals),
  iom_unnest(t.totals) r
WHERE r.node = 'DDGO';
SELECT r.* FROM (SELECT iom_rollup(unit, share) AS t FROM regress_fact WHERE unit = 'DOE') s, iom_unnest(s.t) r;

-- Nothing in, nothing out
SELECT iom_rollup(unit, salary) IS NULL AS exact, iom_rollup(unit, ratio) IS NULL AS double, iom_headcount(unit) IS NULL AS count
FROM regress_fact WHERE false;
SELECT count(*) FROM iom_unnest(NULL::iom_totals);
SELECT count(*) FROM iom_unnest(NULL::iom_float_totals, as_of => '2020-01-01');

-- As other aggregates: in groups, filtered, of distinct values, in order, in
-- a window, where each row has the totals of those up to it
SELECT s.large, r.*
FROM (SELECT salary > 6000 AS large, iom_rollup(unit, salary) AS t FROM regress_fact GROUP BY 1) s, iom_unnest(s.t) r
ORDER BY s.large, iom_rank(r.node);
SELECT r.* FROM (SELECT iom_rollup(unit, hours ORDER BY hours DESC) FILTER (WHERE hours < 40) AS t FROM regress_fact) s, iom_unnest(s.t) r;
SELECT r.* FROM (SELECT iom_rollup(DISTINCT 'DOE', hours) AS t FROM regress_fact) s, iom_unnest(s.t) r;
SELECT s.amount, r.count, r.sum, r.min, r.max
FROM (SELECT amount, iom_rollup(unit, amount) OVER (ORDER BY amount) AS t FROM regress_fact WHERE amount < 4) s, iom_unnest(s.t) r
WHERE r.node = 'DG' ORDER BY s.amount;
SELECT count(*), sum(r.count), sum(r.sum)
FROM (SELECT i, iom_rollup('DOE', i) AS t FROM generate_series(1, 5000) i GROUP BY i) s, iom_unnest(s.t) r WHERE r.node = 'DOE';

-- The day decides where the facts are, and which nodes are known
BEGIN;
UPDATE iom_line SET valid = '[,2026-01-01)' WHERE node = 'DOE' AND line = 'solid';
INSERT INTO iom_line (node, supervisor, valid) VALUES ('DOE', 'COS', '[2026-01-01,2027-01-01)');
UPDATE iom_line SET valid = '[,2027-01-01)' WHERE node = 'MCU' AND line = 'solid';
UPDATE iom_unit SET valid = '[,2027-01-01)' WHERE node = 'MCU';
SELECT day, string_agg(coalesce(r.node::text, '?') || ' ' || r.count, ', ' ORDER BY iom_rank(r.node, day)) AS totals
FROM (SELECT iom_headcount(unit) AS t FROM regress_fact) s,
  (VALUES (date '2025-12-31'), ('2026-12-31'), ('2027-01-01')) d (day), iom_unnest(s.t, as_of => day) r
GROUP BY day ORDER BY day;
SET LOCAL iomorg.as_of = '2026-12-31';
SELECT string_agg(coalesce(r.node::text, '?') || ' ' || r.count, ', ' ORDER BY iom_rank(r.node)) AS totals
FROM (SELECT iom_rollup(unit, ratio) AS t FROM regress_fact) s, iom_unnest(s.t) r;
ROLLBACK;

-- The aggregates read no hierarchy, iom_unnest does
CREATE ROLE regress_reader;
GRANT SELECT ON regress_fact TO regress_reader;
REVOKE SELECT ON iom_line FROM PUBLIC;
SET ROLE regress_reader;
SELECT iom_rollup(unit, salary) IS NULL AS is_null FROM regress_fact;
SELECT regress_error('SELECT iom_unnest(iom_headcount(unit)) FROM regress_fact');
RESET ROLE;
GRANT SELECT ON iom_line TO PUBLIC;
REVOKE SELECT ON regress_fact FROM regress_reader;
DROP ROLE regress_reader;

-- Sums: exact beyond the range of their values; what overflows in sum() does
SELECT r.sum, r.min, r.max
FROM (SELECT iom_rollup('DG', v) AS t FROM unnest('{9223372036854775807, 9223372036854775807, 9223372036854775807, -9223372036854775808}'::bigint[]) v) s,
  iom_unnest(s.t) r;
SELECT r.sum, r.min, r.max
FROM (SELECT iom_rollup('DG', v) AS t
      FROM unnest('{9999999999.9999999999999999, 10000000000, -9999999999.9999999999999999, 0.00000000000000001, 9999999999.9999, 1e30, 0.0, 0}'::numeric[]) v) s,
  iom_unnest(s.t) r;
SELECT regress_error($$SELECT iom_rollup('DG', v) FROM unnest('{1e308, 1e308}'::float8[]) v$$),
  regress_error($$SELECT sum(v) FROM unnest('{1e308, 1e308}'::float8[]) v$$);
SELECT regress_error($$SELECT iom_unnest(iom_rollup(node, 1e308::float8)) FROM (VALUES ('DG'::iom_node), ('DOE')) v (node)$$);
SELECT regress_error($$SELECT iom_rollup('DG', v) FROM unnest(ARRAY[9 * 10::numeric ^ 131071, 9 * 10::numeric ^ 131071]) v$$);

----------------------------------------------------------------------------
-- Random facts in random forests, against a plain query
----------------------------------------------------------------------------
CREATE FUNCTION regress_value(type text, special boolean) RETURNS text
LANGUAGE sql VOLATILE AS $$
  SELECT CASE WHEN random() < 0.1 THEN NULL ELSE CASE type
    WHEN 'bigint' THEN CASE floor(random() * 5)::int
      WHEN 0 THEN '9223372036854775807' WHEN 1 THEN '-9223372036854775808' WHEN 2 THEN '0'
      ELSE (floor(random() * 2000) - 1000)::text END
    WHEN 'numeric' THEN CASE
      WHEN special AND random() < 0.02 THEN (ARRAY['NaN', 'Infinity', '-Infinity'])[1 + floor(random() * 3)]
      WHEN random() < 0.2 THEN (random()::numeric * 10::numeric ^ floor(random() * 60 - 30)::int * sign(random() - 0.5)::numeric)::text
      WHEN random() < 0.2 THEN (ARRAY['0', '0.000', '-0.10', '0.1', '1', '1.00', '9999999999', '10000000000', '-9999999999.9999999999999999',
        '99999999.00000000', '10000', '-100000000', '0.0001', '0.00000001', '0.0000000000000001', '-0.00000000000000001', '1e100', '1e-100'])[1 + floor(random() * 18)]
      WHEN random() < 0.5 THEN round((random() * 100000)::numeric, 2)::text
      ELSE ((random() * 100000 - 50000)::numeric)::text END
    ELSE CASE
      WHEN special AND random() < 0.02 THEN (ARRAY['NaN', 'Infinity', '-Infinity', '-0'])[1 + floor(random() * 4)]
      ELSE (floor(random() * 4000 - 2000) / 16)::text END	-- sums are exact
    END END
$$;

-- Make facts of a type, and count the rows of iom_unnest and how many differ
-- from the plain query's.  Sums must also have its scale.
CREATE FUNCTION regress_rollup(type text, facts int, special boolean, OUT rows bigint, OUT different bigint)
LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMP TABLE fact (unit iom_node, value text);
  INSERT INTO fact
  SELECT CASE WHEN random() < 0.03 THEN NULL WHEN random() < 0.03 THEN 'NO-SUCH-NODE'
    ELSE n.codes[1 + floor(random() ^ 2 * cardinality(n.codes))] END, regress_value(type, special)
  FROM generate_series(1, facts), (SELECT array_agg(node ORDER BY md5(node::text)) AS codes FROM iom_unit) n;
  EXECUTE format('ALTER TABLE fact ALTER value TYPE %s USING value::%1$s', type);
  ANALYZE fact;
  EXECUTE $query$
    WITH closure AS MATERIALIZED (
      SELECT * FROM regress_closure()
    ), expected AS (
      SELECT c.ancestor AS node, count(*) FILTER (WHERE c.distance = 0) AS own_count,
        sum(f.value) FILTER (WHERE c.distance = 0) AS own_sum,
        count(*) AS count, sum(f.value) AS sum, min(f.value) AS min, max(f.value) AS max
      FROM fact f JOIN closure c ON c.node = f.unit GROUP BY c.ancestor
      UNION ALL
      SELECT NULL, count(*), sum(value), count(*), sum(value), min(value), max(value)
      FROM fact WHERE unit IS NULL OR unit NOT IN (SELECT node FROM closure) HAVING count(*) > 0
    ), ranked AS (
      SELECT *, row_number() OVER (ORDER BY iom_rank(node) NULLS LAST) AS place FROM expected
    ), got AS (
      SELECT r.* FROM (SELECT iom_rollup(unit, value) AS t FROM fact) s,
        iom_unnest(s.t::text::$query$ || CASE type WHEN 'double precision' THEN 'iom_float_totals' ELSE 'iom_totals' END || $query$)
        WITH ORDINALITY r (node, own_count, own_sum, count, sum, min, max, place)
    )
    SELECT count(*), count(*) FILTER (WHERE
      (e.node, e.own_count, e.own_sum, e.count, e.sum, e.min, e.max, e.sum::text, e.own_sum::text) IS DISTINCT FROM
      (g.node, g.own_count, g.own_sum, g.count, g.sum, g.min, g.max, g.sum::text, g.own_sum::text))
    FROM ranked e FULL JOIN got g USING (place)$query$
  INTO rows, different;
  DROP TABLE fact;
END $$;

BEGIN;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
CREATE FUNCTION regress_rollups(n int, shape text, seed float8, facts int, OUT compared bigint, OUT different bigint)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM regress_plant(n, shape, seed);
  SELECT sum(r.rows), sum(r.different) INTO compared, different
  FROM (VALUES ('bigint'), ('numeric'), ('double precision')) t (type), (VALUES (true), (false)) s (special),
    LATERAL regress_rollup(t.type, facts, s.special) r;
END $$;

-- Few facts in many nodes, many in few
SELECT shape, count(*) AS forests, sum(r.compared) > 100 AS compared, sum(r.different) AS different
FROM (VALUES ('chain'), ('star'), ('binary'), ('comb'), ('uniform'), ('deep'), ('many roots'), ('no lines')) s (shape),
  (VALUES (1, 0.1, 1), (2, 0.2, 5), (9, 0.3, 40), (60, 0.4, 3), (60, 0.5, 300), (300, 0.6, 10), (300, 0.7, 500)) f (n, seed, facts),
  LATERAL regress_rollups(n, shape, seed, facts) r
GROUP BY shape ORDER BY shape;
SELECT r.compared > 6000 AS compared, r.different FROM regress_rollups(3000, 'uniform', 0.8, 5000) r;

SELECT regress_plant(500, 'many roots', 0.9);
CREATE TABLE regress_many AS
SELECT i, CASE WHEN i % 50 = 0 THEN NULL ELSE n.codes[1 + floor(random() ^ 2 * cardinality(n.codes))] END AS unit,
  regress_value('bigint', true)::bigint AS b, regress_value('numeric', i < 5000)::numeric AS n, regress_value('double', i < 5000)::float8 AS f
FROM generate_series(1, 20000) i, (SELECT array_agg(node) AS codes FROM iom_unit) n;
ANALYZE regress_many;

-- Totals of totals: what was added up apart is as if it had been added up at once,
-- in groups small and large, whatever comes first, with nothing between
CREATE VIEW regress_some AS SELECT * FROM regress_many WHERE i <= 3000;
CREATE FUNCTION regress_rows(totals iom_totals) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT string_agg((node, own_count, own_sum, count, sum, trim_scale(min), trim_scale(max))::text, ' ') FROM iom_unnest(totals) $$;
CREATE FUNCTION regress_rows(totals iom_float_totals) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT string_agg(r::text, ' ') FROM iom_unnest(totals) r $$;
CREATE VIEW regress_once AS
SELECT regress_rows(iom_rollup(unit, b)) AS b, regress_rows(iom_rollup(unit, n)) AS n,
  regress_rows(iom_rollup(unit, f)) AS f, regress_rows(iom_headcount(unit)) AS c
FROM regress_some;
SELECT parts, a.b = o.b AS b, a.n = o.n AS n, a.f = o.f AS f, a.c = o.c AS c, length(o.n) > 1000 AS long
FROM (VALUES (1), (3), (40), (3000)) p (parts), regress_once o,
  LATERAL (SELECT regress_rows(iom_rollup(b)) AS b, regress_rows(iom_rollup(n)) AS n, regress_rows(iom_rollup(f)) AS f, regress_rows(iom_rollup(c)) AS c
           FROM (SELECT iom_rollup(unit, b) AS b, iom_rollup(unit, n) AS n, iom_rollup(unit, f) AS f, iom_headcount(unit) AS c
                 FROM regress_some GROUP BY i % parts
                 UNION ALL SELECT NULL, NULL, NULL, NULL) s) a
ORDER BY parts;
-- ... by hand, which leaves the arguments as they are
SELECT regress_rows(iom_totals_add(t.small, t.large)) = regress_rows(iom_totals_add(t.large, t.small)) AS commutes,
  regress_rows(iom_totals_add(iom_totals_add(t.small, t.small), t.large)) = regress_rows(iom_totals_add(t.small, iom_totals_add(t.large, t.small))) AS associates,
  t.small::text = t.before_small AND t.large::text = t.before_large AS unchanged, iom_totals_add(t.small, NULL) IS NULL AS strict
FROM (SELECT s.small, s.large, s.small::text AS before_small, s.large::text AS before_large
      FROM (SELECT (SELECT iom_rollup(unit, n) FROM regress_some WHERE i < 9) AS small,
              (SELECT iom_rollup(t) FROM (SELECT iom_rollup(unit, n) AS t FROM regress_some GROUP BY i % 2) p) AS large OFFSET 0) s OFFSET 0) t;
-- ... in a window, whose rows keep what they had
SELECT count(*), count(*) FILTER (WHERE regress_rows(w.t) = (SELECT regress_rows(iom_rollup(unit, n)) FROM regress_some WHERE i / 300 <= w.part)) AS equal
FROM (SELECT p.part, iom_rollup(p.t) OVER (ORDER BY p.part) AS t
      FROM (SELECT i / 300 AS part, iom_rollup(unit, n) AS t FROM regress_some GROUP BY 1) p ORDER BY p.part DESC) w;
-- ... in many groups
SELECT count(*) AS groups, count(*) FILTER (WHERE regress_rows(a.t) = regress_rows(b.t)) AS equal
FROM (SELECT i % 500 AS g, iom_rollup(p.t) AS t FROM (SELECT i, iom_rollup(unit, n) AS t FROM regress_some GROUP BY i) p GROUP BY 1) a
JOIN (SELECT i % 500 AS g, iom_rollup(unit, n) AS t FROM regress_some GROUP BY 1) b USING (g);
SELECT iom_rollup(t) IS NULL AS nothing FROM (SELECT iom_rollup(unit, n) AS t FROM regress_some WHERE false GROUP BY i) p;
SELECT regress_error('SELECT iom_rollup(t) FROM (SELECT iom_rollup(unit, b) AS t FROM regress_some UNION ALL SELECT iom_rollup(unit, n) FROM regress_some) s'),
  regress_error('SELECT iom_totals_add(iom_headcount(unit), iom_rollup(unit, b)) FROM regress_some');

-- Servers that share out an aggregate, as Citus does, want a combine function and a
-- state that has a name; they send each other the state as text
SELECT a.aggfnoid::regprocedure, a.aggtranstype::regtype, a.aggcombinefn, a.aggfinalfn
FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_type t ON t.oid = a.aggtranstype
WHERE p.proname = 'iom_rollup' AND t.typtype <> 'p' ORDER BY 1;
SELECT a.b = o.b AS b, a.n = o.n AS n, a.f = o.f AS f, a.c = o.c AS c
FROM regress_once o,
  LATERAL (SELECT regress_rows(iom_rollup(b::iom_totals)) AS b, regress_rows(iom_rollup(n::iom_totals)) AS n,
             regress_rows(iom_rollup(f::iom_float_totals)) AS f, regress_rows(iom_rollup(c::iom_totals)) AS c
           FROM (SELECT iom_rollup(b)::text AS b, iom_rollup(n)::text AS n, iom_rollup(f)::text AS f, iom_rollup(c)::text AS c
                 FROM generate_series(0, 5) AS shard LEFT JOIN	-- some have no rows
                   (SELECT i % 3 AS shard, i, iom_rollup(unit, b) AS b, iom_rollup(unit, n) AS n, iom_rollup(unit, f) AS f, iom_headcount(unit) AS c
                    FROM regress_some GROUP BY i) s USING (shard) GROUP BY shard) states) a;

-- Parallel workers come to the same totals
CREATE TABLE regress_stored AS SELECT iom_rollup(unit, n) AS t FROM regress_many GROUP BY i % 100;
ANALYZE regress_stored;
CREATE VIEW regress_all_totals AS
  SELECT 'bigint' AS kind, (SELECT string_agg(r::text, ' ') FROM (SELECT iom_rollup(unit, b) AS t FROM regress_many) s, iom_unnest(s.t) r) AS totals
  UNION ALL
  SELECT 'numeric', (SELECT string_agg((node, own_count, own_sum, count, sum, trim_scale(min), trim_scale(max))::text, ' ')
                     FROM (SELECT iom_rollup(unit, n) AS t FROM regress_many) s, iom_unnest(s.t) r)
  UNION ALL
  SELECT 'float8', (SELECT string_agg(r::text, ' ') FROM (SELECT iom_rollup(unit, f) AS t FROM regress_many) s, iom_unnest(s.t) r)
  UNION ALL
  SELECT 'count', (SELECT string_agg(r::text, ' ') FROM (SELECT iom_headcount(unit) AS t FROM regress_many) s, iom_unnest(s.t) r)
  UNION ALL
  SELECT 'totals', (SELECT regress_rows(iom_rollup(t)) FROM regress_stored);
SET LOCAL max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial AS SELECT * FROM regress_all_totals;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT iom_rollup(unit, n), iom_headcount(unit) FROM regress_many;
SELECT count(*) AS partial FROM regexp_matches(regress_plan('SELECT * FROM regress_all_totals'), 'Partial Aggregate', 'g');
CREATE TEMP TABLE parallel AS SELECT * FROM regress_all_totals;
SELECT kind, length(s.totals) > 1000 AS long, s.totals = p.totals AS equal FROM serial s JOIN parallel p USING (kind) ORDER BY kind;
-- ... where some workers find nothing
SELECT r.count, r.own_sum FROM (SELECT iom_rollup(unit, b) AS t FROM regress_many WHERE false) s, iom_unnest(s.t) r;
SELECT r.count > 0 AS some FROM (SELECT iom_headcount(unit) AS t FROM regress_many WHERE unit IS NULL) s, iom_unnest(s.t) r;
-- ... and where unnesting is up to a worker as well
DO $$
BEGIN
  PERFORM set_config(CASE WHEN current_setting('server_version_num')::int < 160000
    THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END, 'on', true);
END $$;
CREATE TEMP TABLE forced AS SELECT * FROM regress_all_totals;
SELECT count(*) FILTER (WHERE s.totals = p.totals) AS equal FROM serial s JOIN forced p USING (kind);
ROLLBACK;

----------------------------------------------------------------------------
-- As values: kept in tables, sent over wires, and never what they should not be
----------------------------------------------------------------------------
CREATE TABLE regress_totals (day date, exact iom_totals, inexact iom_float_totals, heads iom_totals);
INSERT INTO regress_totals
SELECT '2026-01-01', iom_rollup(unit, salary * CASE WHEN hours = 2 THEN 'Infinity'::numeric ELSE 1 END), iom_rollup(unit, ratio), iom_headcount(unit) FROM regress_fact;
INSERT INTO regress_totals
SELECT '2026-01-02', iom_rollup(('N' || i)::iom_node, i / 3.0), iom_rollup(('N' || i)::iom_node, i / 3.0::float8), iom_headcount(('N' || i)::iom_node)
FROM generate_series(1, 3000) i;
SELECT day, (SELECT row(count(*), sum(r.count), max(r.sum)) FROM iom_unnest(exact) r) AS exact,
  (SELECT row(count(*), sum(r.count), max(r.sum)::int) FROM iom_unnest(inexact) r) AS inexact,
  (SELECT row(count(*), sum(r.count)) FROM iom_unnest(heads) r) AS heads,
  exact::text = iom_totals_send(exact)::text AND exact::text::iom_totals::text = exact::text AS exact_text,
  inexact::text = iom_float_totals_send(inexact)::text AND inexact::text::iom_float_totals::text = inexact::text AS inexact_text,
  heads::text::iom_totals::text = heads::text AS heads_text
FROM regress_totals ORDER BY day;
-- COPY, binary: they come back as they were
\copy regress_totals TO 'results/regress_totals.binary' (FORMAT binary)
CREATE TEMPORARY TABLE regress_copy (LIKE regress_totals);
\copy regress_copy FROM 'results/regress_totals.binary' (FORMAT binary)
SELECT count(*), count(*) FILTER (WHERE t.exact::text <> c.exact::text OR t.inexact::text <> c.inexact::text OR t.heads::text <> c.heads::text) AS differ
FROM regress_totals t JOIN regress_copy c USING (day);
SELECT regress_error('SELECT exact::text::iom_float_totals FROM regress_totals'),
  regress_error('SELECT inexact::text::iom_totals FROM regress_totals');

SELECT v AS value, regress_error(format('SELECT %L::iom_totals', v)) FROM (VALUES
  (''), ('x'), ('\x'), ('\x63'), ('\x6300000000'), ('\x7800000000'), ('\x6600000000'), ('\x00'), ('\x6900'),
  ('\x6900000001800000000000000000000000000000010100'), ('\x63ffffffff'), ('\x6300000001'),
  ('\x6300000001800000000000000000000000000000010000'),	-- more than it should
  ('\x63000000018000000000000000000000000000000100'),	-- one fact without a node
  ('\x63000000018000000000000000000000000000000000'),	-- none
  ('\x63000000018000000000000000ffffffffffffffff00'),
  ('\x63000000018000000000000000000000000000000101'),
  ('\x63000000018000000000000000000000000000000102'),
  ('\x63000000018000000000000001000000000000000100'),	-- no node
  ('\x63000000028000000000000000000000000000000100800000000000000000000000000000010000'),
  ('\x69000000018000000000000000000000000000000101'),
  ('\x69000000018000000000000000000000000000000101000000000000000000000000000000010000000000000000000000000000000100000000000000000000000000000000'),	-- a minimum of 1, a maximum of 0
  ('\x6e00000001800000000000000000000000000000010100000000000000000000000000003039000000000000000000000000000030390000000000000000000000000000303900000000'),	-- 12345 of the sixteenth decimal, without decimals
  ('\x6e0000000180000000000000000000000000000001000100'),
  ('\x6e000000018000000000000000000000000000000100010001000000000000000100010000000000020001000000000000000100'),	-- of odd numerics: a minimum of 2, a maximum of 1
  ('\x6e00000001800000000000000000000000000000010001000100000000000000010000000000000000000000000000ff')
) v (v);

-- Any byte of a good value changed, or its end lost: an error or a value that
-- can be used
DO $$
DECLARE
  good bytea;
  bad bytea;
  refused int := 0;
  taken int := 0;
BEGIN
  PERFORM setseed(0.5);
  SELECT iom_totals_send(iom_rollup(unit, v)) INTO good
  FROM (VALUES ('DG'::iom_node, 1.5), ('DOE', 1e30), ('DOE', 2), (NULL, 'NaN'), ('DLA', NULL), ('X', -1e-30)) f (unit, v);
  FOR i IN 0 .. 2999 LOOP
    bad := CASE WHEN i < length(good) THEN substr(good, 1, i)
      ELSE set_byte(good, i % length(good), floor(random() * 256)::int) END;
    BEGIN
      PERFORM r.*, iom_totals_send(bad::text::iom_totals) FROM iom_unnest(bad::text::iom_totals) r;
      taken := taken + 1;
    EXCEPTION WHEN data_exception OR invalid_binary_representation OR protocol_violation OR numeric_value_out_of_range
      OR invalid_text_representation OR program_limit_exceeded THEN
      refused := refused + 1;
    END;
  END LOOP;
  RAISE NOTICE 'some refused: %, some taken: %', refused > 1000, taken > 100;
END $$;

-- A call adds to a copy: what it was given may be looked at again (a target list with a
-- set in it does not protect expanded values)
CREATE FUNCTION regress_dg(iom_totals) RETURNS text LANGUAGE sql STABLE
  RETURN (SELECT count || '/' || sum FROM iom_unnest($1) WHERE node = 'DG');
CREATE TEMPORARY TABLE regress_sum AS
SELECT (SELECT iom_rollup(node, 1) FROM iom_unit) AS large, iom_rollup('DG', 1) AS small;
SELECT regress_dg(iom_totals_add(t, u)) AS added, regress_dg(iom_totals_add(t, u)) AS once_more, regress_dg(iom_totals_add(t, t)) AS doubled, regress_dg(t) = regress_dg(first) AS as_before
FROM (SELECT iom_totals_add(large, small) AS t, iom_totals_add(large, small) AS first, small AS u, generate_series(1, 2) FROM regress_sum OFFSET 0) s;
SELECT regress_dg(iom_rollup(iom_totals_add(t, u))), regress_dg(iom_rollup(t))
FROM (SELECT iom_totals_add(large, small) AS t, small AS u, generate_series(1, 3) FROM regress_sum OFFSET 0) s;

-- Doubled and doubled again: no sum and no count overflows without a word
CREATE FUNCTION regress_doubled(t iom_totals, times int) RETURNS iom_totals LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  FOR i IN 1 .. times LOOP t := iom_totals_add(t, t); END LOOP;
  RETURN t;
END $$;
SELECT times, r.count = 4 * 2::numeric ^ times AS count, r.sum = sign * 9999999999.5 * 2::numeric ^ (times + 1) AS sum,
  r.min, r.max, regress_doubled(t, times)::text::iom_totals::text = regress_doubled(t, times)::text AS comes_back
FROM (VALUES (1), (-1)) v (sign),
  LATERAL (SELECT iom_rollup(unit, value * sign) AS t FROM (VALUES ('DG'::iom_node, 9999999999.5), ('DG', 9999999999.5), ('DG', 0), ('DG', NULL)) f (unit, value)) f,
  (VALUES (1), (38), (39), (40), (41), (55)) n (times), iom_unnest(regress_doubled(t, times)) r
ORDER BY sign, times;
SELECT r.count, r.sum = 9223372036854775807 * 2::numeric ^ 62 AS sum
FROM iom_unnest(regress_doubled((SELECT iom_rollup('DG', 9223372036854775807)), 62)) r;
SELECT regress_error('SELECT regress_doubled(iom_rollup(''DG'', 9223372036854775807), 63)'),
  regress_error('SELECT regress_doubled(iom_headcount(NULL), 63)');
SELECT node AS of_two_units, regress_error(format(
  'SELECT iom_unnest(regress_doubled(t, 62)) FROM (SELECT iom_headcount(u) AS t FROM unnest(''{%s,DOE}''::iom_node[]) u) s', node))
FROM (VALUES ('DG'), ('DGX')) v (node);
-- two values of which each says a sum of 2^127 - 1, which no integers have
SELECT regress_error(format('SELECT iom_totals_add(%1$L::iom_totals, %1$L::iom_totals)',
  '\x6900000001' || '8000000000000000' || '0000000000000001' || '01' || repeat('7f' || repeat('ff', 15), 3)));

-- The functions of the aggregates cannot be called by hand (minor versions differ in
-- how they say so)
SELECT DISTINCT regress_error(format('SELECT %s(%s)', p.proname, array_to_string(array_fill('NULL'::text, ARRAY[p.pronargs]), ', '))) ~ '^(42883|0A000) ' AS refused
FROM pg_proc p WHERE p.proname ~ '^iom_rollup_';

-- Each part of a value is checked by itself
SELECT scales, regress_error(format('SELECT %L::iom_totals', regexp_replace((SELECT iom_rollup('DG', 1.5::numeric))::text, '01010100$', scales)))
FROM unnest('{00010100,01000100,01010000,40404000}'::text[]) scales;
SELECT regress_error(format('SELECT %L::iom_float_totals', regexp_replace((SELECT iom_rollup('DG', 1.5::float8))::text, '3ff8000000000000$', '3fe8000000000000')));
-- Digits behind the point are those of the values with most, however large the sum
WITH RECURSIVE doubled (n, t, u) AS (
  SELECT 0, iom_rollup('DG'::iom_node, 9876543210.10), iom_rollup('DG'::iom_node, 9876543210::numeric)
  UNION ALL SELECT n + 1, iom_totals_add(t, t), iom_totals_add(u, u) FROM doubled WHERE n < 40)
SELECT sum FROM doubled, iom_unnest(iom_totals_add(t, u)) WHERE n = 40;

DROP FUNCTION regress_rollup, regress_value, regress_dg, regress_doubled;
DROP TABLE regress_fact, regress_totals;
