-- Subtrees from one node to everything: the plan chosen by default, and what the
-- alternatives take. Medians of :rounds, in turn; a first run is not counted, and
-- of two runs in a row the second counts, lest whoever comes after a sequential
-- scan pays for the caches that it emptied.
SET max_parallel_workers_per_gather = 0;
SET jit = off;

CREATE FUNCTION pg_temp.milliseconds(query text, off text[]) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz;
  elapsed double precision;
  setting text;
BEGIN
  FOREACH setting IN ARRAY off LOOP
    PERFORM set_config('enable_' || setting, 'off', false);
  END LOOP;
  started := clock_timestamp();
  EXECUTE query;
  elapsed := 1000 * extract(epoch FROM clock_timestamp() - started);
  FOREACH setting IN ARRAY off LOOP
    PERFORM set_config('enable_' || setting, 'on', false);
  END LOOP;
  RETURN elapsed;
END $$;

CREATE TEMP TABLE wanted AS
SELECT DISTINCT ON (goal) goal, m.node, m.staff
FROM unnest(ARRAY[10, 100, 1000, 5000, 20000, 50000, 100000, 200000, 350000, 500000, 1000000]) goal, measure m
WHERE m.staff > 0
ORDER BY goal, abs(ln(m.staff) - ln(goal)), m.node;
DELETE FROM wanted a USING wanted b WHERE a.node = b.node AND a.goal > b.goal;

CREATE TEMP TABLE plan (name text, off text[]);
INSERT INTO plan VALUES
  ('chosen', '{}'), ('index', '{seqscan,bitmapscan}'),
  ('bitmap', '{seqscan,indexscan,indexonlyscan}'), ('sequential', '{indexscan,indexonlyscan,bitmapscan}');

SELECT set_config('bench.rounds', :'rounds', false) \g /dev/null
CREATE TEMP TABLE run (round integer, staff bigint, name text, ms double precision);
DO $$
DECLARE
  r record;
  q text;
BEGIN
  FOR r IN SELECT round, w.node, w.staff, p.name, p.off
           FROM generate_series(0, current_setting('bench.rounds')::integer) round, wanted w, plan p
           ORDER BY w.staff, round, p.name LOOP
    q := format('SELECT sum(salary) FROM staff WHERE unit <@ %L', r.node);
    PERFORM pg_temp.milliseconds(q, r.off);
    INSERT INTO run SELECT r.round, r.staff, r.name, pg_temp.milliseconds(q, r.off);
  END LOOP;
END $$;

CREATE TEMP VIEW result AS
SELECT staff, max(ms) FILTER (WHERE name = 'chosen') AS chosen, max(ms) FILTER (WHERE name = 'index') AS index,
       max(ms) FILTER (WHERE name = 'bitmap') AS bitmap, max(ms) FILTER (WHERE name = 'sequential') AS sequential
FROM (SELECT staff, name, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms
      FROM run WHERE round > 0 GROUP BY 1, 2) m
GROUP BY staff;
SELECT format('| | %s | %s | %s | %s | %s | %s | %s |', :units, staff, round(chosen::numeric, 3), round(index::numeric, 3),
              round(bitmap::numeric, 3), round(sequential::numeric, 3),
              round((chosen / least(index, bitmap, sequential))::numeric, 2))
FROM result ORDER BY staff;
SELECT format('| **worst** | %s | | | | | | **%s** (target 1.3) |', :units,
              round(max(chosen / least(index, bitmap, sequential))::numeric, 2))
FROM result;
