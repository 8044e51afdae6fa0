--
-- <@ and @> over many rows: what is kept from row to row is never outdated
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
BEGIN;
SELECT regress_plant(3000, 'uniform', 0.3);
-- some rows of each node, and of nodes that nobody knows
CREATE TABLE staff AS SELECT i AS id, node AS unit FROM iom_unit, generate_series(1, 7) i
UNION ALL SELECT 0, iom_node('UNKNOWN' || i) FROM generate_series(1, 500) i UNION ALL SELECT 0, NULL;
ANALYZE staff;

-- Upper nodes of all sizes, and unknown ones: the twin counts
CREATE VIEW expected AS
SELECT c.ancestor AS top, count(*) AS n FROM regress_closure() c JOIN staff s ON s.unit = c.node GROUP BY 1;
CREATE FUNCTION counted(top iom_node, OUT within bigint, OUT contains bigint) LANGUAGE plpgsql AS $$
BEGIN
  SELECT count(*) INTO within FROM staff WHERE unit <@ top;
  SELECT count(*) INTO contains FROM staff WHERE top @> unit;
END $$;
SET LOCAL enable_indexscan = off;
SELECT count(*) AS tops, count(*) FILTER (WHERE c.within <> e.n OR c.contains <> e.n) AS different
FROM (SELECT * FROM expected ORDER BY n DESC LIMIT 40) e, LATERAL counted(e.top) c;
SELECT * FROM counted('NO-SUCH-NODE');
SELECT * FROM counted(NULL);

-- one expression, upper nodes that come in runs, small ones before large ones
CREATE TABLE top AS
SELECT * FROM (SELECT ancestor AS node, count(*) AS size FROM regress_closure() GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 12) s ORDER BY size;
SELECT count(*) FILTER (WHERE size < 750) > 0 AS with_filter, count(*) FILTER (WHERE size BETWEEN 751 AND 2249) > 0 AS without,
  count(*) FILTER (WHERE size >= 2250) > 0 AS no_set FROM top;
SELECT count(*) AS tops, sum((got <> n)::int) AS different
FROM (SELECT t.node, (SELECT count(*) FROM staff s WHERE s.unit <@ t.node) AS got FROM top t, generate_series(1, 2) i) g
JOIN expected e ON e.top = g.node;
SELECT sum(n) AS total FROM expected JOIN top ON top.node = expected.top \gset
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SELECT count(*) = :total AS by_top FROM top t JOIN staff s ON s.unit <@ t.node;
SELECT count(*) = :total AS by_staff FROM staff s JOIN top t ON t.node @> s.unit;
RESET enable_hashjoin;
RESET enable_mergejoin;

-- Moves between the executions of one statement, and in the middle of a loop
-- that keeps its expression
SELECT node AS a FROM top ORDER BY size DESC OFFSET 1 LIMIT 1 \gset
SELECT node AS b FROM top WHERE NOT node <@ :'a' AND NOT :'a' <@ node ORDER BY size DESC LIMIT 1 \gset
PREPARE q AS SELECT count(*) = (SELECT n FROM expected WHERE top = :'a') AS right FROM staff WHERE unit <@ :'a';
SET LOCAL plan_cache_mode = force_generic_plan;
EXECUTE q;
SAVEPOINT s;
UPDATE iom_line SET supervisor = :'a' WHERE node = :'b';
EXECUTE q;
ROLLBACK TO s;
EXECUTE q;
CREATE FUNCTION loop_and_move(top iom_node, moved iom_node) RETURNS TABLE (round int, right_ boolean) LANGUAGE plpgsql AS $$
DECLARE
  u iom_node;
  n int := 0;
  home iom_node := iom_supervisor(moved);
  within boolean;
BEGIN
  FOR i IN 1 .. 7 LOOP
    UPDATE iom_line SET supervisor = CASE WHEN i % 2 = 0 THEN top ELSE home END WHERE node = moved;
    n := 0;
    FOR u IN SELECT unit FROM staff LOOP
      within := u <@ top;	-- a simple expression: one for all rounds
      n := n + coalesce(within, false)::int;
    END LOOP;
    round := i;
    right_ := n = (SELECT e.n FROM expected e WHERE e.top = loop_and_move.top);
    RETURN NEXT;
  END LOOP;
END $$;
SELECT * FROM loop_and_move(:'a', :'b');

-- another day for the same expression
SET LOCAL iomorg.as_of = '2020-01-01';
UPDATE iom_line SET valid = '[2020-01-01,)' WHERE node = :'b';
EXECUTE q;
SET LOCAL iomorg.as_of = '2019-12-31';
EXECUTE q;
INSERT INTO iom_line (node, supervisor, valid) VALUES (:'b', :'a', '(,2020-01-01)');
EXECUTE q;
SET LOCAL iomorg.as_of = '2020-01-01';
EXECUTE q;
RESET iomorg.as_of;

-- a cursor goes on as it began
DECLARE c CURSOR FOR SELECT count(*) OVER (ORDER BY id, unit) FROM staff WHERE unit <@ :'a' ORDER BY id DESC, unit DESC;
SELECT count(*) AS before FROM staff WHERE unit <@ :'a' \gset
FETCH 1 FROM c \gset
UPDATE iom_line SET supervisor = :'a' WHERE node = :'b' AND valid @> current_date;
SELECT count(*) > :before AS more FROM staff WHERE unit <@ :'a';
SELECT :count = :before AS as_it_began;
CLOSE c;

-- by parallel workers
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT count(*) = (SELECT n FROM expected WHERE top = :'a') AS parallel FROM staff WHERE unit <@ :'a';
-- who keep their charts although the state is one of a transaction
SET LOCAL parallel_leader_participation = off;
SELECT regress_blocks(format('SELECT sum(iom_rank(unit)) FROM staff WHERE unit <@ %L', :'a')) < 5 * regress_blocks('SELECT sum(id) FROM staff, iom_unit WHERE iom_unit.node = unit') + 2000 AS kept;
ROLLBACK;
