-- Subtrees from one node to everything: the plan chosen by default, and what the
-- alternatives take; and the same where each row has a number in chart order, so
-- that a subtree is a range of integers. Medians of :rounds, in turn; a first run is
-- not counted, and of what is short the second of two runs in a row counts, lest
-- whoever comes after a sequential scan pays for the caches that it emptied.
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
SELECT DISTINCT ON (goal) goal, m.node, m.lft, m.rgt, m.staff
FROM unnest(ARRAY[10, 100, 1000, 5000, 20000, 50000, 100000, 200000, 350000, 500000, 1000000]) goal, measure m
WHERE m.staff > 0
ORDER BY goal, abs(ln(m.staff) - ln(goal)), m.node;
DELETE FROM wanted a USING wanted b WHERE a.node = b.node AND a.goal > b.goal;

CREATE TEMP TABLE plan (name text, off text[]);
INSERT INTO plan VALUES
  ('chosen', '{}'), ('index', '{seqscan,bitmapscan}'),
  ('bitmap', '{seqscan,indexscan,indexonlyscan}'), ('sequential', '{indexscan,indexonlyscan,bitmapscan}');

SELECT set_config('bench.rounds', :'rounds', false) \g /dev/null
CREATE TEMP TABLE run (round integer, staff bigint, peer text, name text, ms double precision);
DO $$
DECLARE
  r record;
  q text;
  ms double precision;
BEGIN
  FOR r IN SELECT round, w.*, peer, p.name, p.off
           FROM generate_series(0, current_setting('bench.rounds')::integer) round, wanted w,
                unnest(ARRAY['iomorg', 'integers']) peer, plan p
           ORDER BY w.staff, round, p.name, peer LOOP
    q := 'SELECT sum(salary) FROM ' || CASE r.peer
           WHEN 'iomorg' THEN format('staff WHERE unit <@ %L', r.node)
           ELSE format('staff_nested WHERE lft BETWEEN %s AND %s', r.lft, r.rgt) END;
    ms := pg_temp.milliseconds(q, r.off);
    IF ms < 50 THEN
      ms := pg_temp.milliseconds(q, r.off);
    END IF;
    INSERT INTO run VALUES (r.round, r.staff, r.peer, r.name, ms);
  END LOOP;
END $$;

CREATE TEMP VIEW result AS
SELECT *, chosen / least(index, bitmap, sequential) AS to_best
FROM (SELECT peer, staff, max(ms) FILTER (WHERE name = 'chosen') AS chosen, max(ms) FILTER (WHERE name = 'index') AS index,
             max(ms) FILTER (WHERE name = 'bitmap') AS bitmap, max(ms) FILTER (WHERE name = 'sequential') AS sequential
      FROM (SELECT peer, staff, name, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms
            FROM run WHERE round > 0 GROUP BY 1, 2, 3) m
      GROUP BY 1, 2) r;
SELECT format('| | %s | %s | %s | %s | %s | %s | %s | %s |', :units, staff, round(i.chosen::numeric, 3), round(i.index::numeric, 3),
              round(i.bitmap::numeric, 3), round(i.sequential::numeric, 3), round(i.to_best::numeric, 2), round(n.to_best::numeric, 2))
FROM result i JOIN result n USING (staff) WHERE i.peer = 'iomorg' AND n.peer = 'integers' ORDER BY staff;
SELECT format('| **worst** | %s | | | | | | **%s** (target 1.3) | %s |', :units,
              round(max(to_best) FILTER (WHERE peer = 'iomorg')::numeric, 2),
              round(max(to_best) FILTER (WHERE peer = 'integers')::numeric, 2))
FROM result;
