--
-- Random forests: every function against the recursive twin
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

BEGIN;
-- Replace the organisation by a forest, and count what was compared and what
-- differed.
CREATE FUNCTION regress_forest_check(n int, shape text, seed float8,
  OUT functions bigint, OUT compared boolean, OUT different bigint)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM regress_plant(n, shape, seed);
  SELECT count(*), bool_and(c.compared >= n OR c.function = 'iom_roots'), sum(c.different)
  INTO functions, compared, different FROM regress_compare() c;
END $$;

-- ... small ones of every shape, from one node up
SELECT shape, count(*) AS forests, min(c.functions) AS functions, bool_and(c.compared) AS compared, sum(c.different) AS different
FROM (VALUES ('chain'), ('star'), ('binary'), ('comb'), ('uniform'), ('deep'), ('many roots'), ('no lines')) s (shape),
  (VALUES (1, 0.1), (2, 0.2), (3, 0.3), (10, 0.4), (60, 0.5)) f (n, seed),
  LATERAL regress_forest_check(n, shape, seed) c
GROUP BY shape ORDER BY shape;

-- ... and large ones
SELECT shape, n, c.*
FROM (VALUES ('uniform', 5000, 0.6), ('many roots', 3000, 0.7), ('deep', 250, 0.8), ('binary', 2000, 0.9), ('star', 700, -0.1)) f (shape, n, seed),
  LATERAL regress_forest_check(n, shape, seed) c;

-- A few random moves in one of them, one statement each, are seen at once.
SELECT * FROM regress_forest_check(500, 'uniform', -0.5);
DO $$
DECLARE
  moved int := 0;
  refused int := 0;
  wrong int := 0;
  lower iom_node;
  upper iom_node;
  below boolean;
BEGIN
  PERFORM setseed(0.25);
  FOR i IN 1 .. 300 LOOP
    SELECT node INTO lower FROM iom_line ORDER BY random() LIMIT 1;
    SELECT node INTO upper FROM iom_unit WHERE node <> lower ORDER BY random() LIMIT 1;
    below := EXISTS (SELECT FROM regress_closure() c WHERE c.node = upper AND c.ancestor = lower);
    BEGIN
      UPDATE iom_line SET supervisor = upper WHERE node = lower;
      moved := moved + 1;
      wrong := wrong + below::int + (iom_supervisor(lower) <> upper)::int;
    EXCEPTION WHEN check_violation THEN
      refused := refused + 1;
      wrong := wrong + (NOT below)::int + (iom_supervisor(lower) = upper)::int;
    END;
  END LOOP;
  RAISE NOTICE 'both: %, wrong: %', moved > 0 AND refused > 0, wrong;
END $$;
SELECT sum(different) AS different FROM regress_compare();
ROLLBACK;

-- the seed is back
SELECT * FROM regress_check();
