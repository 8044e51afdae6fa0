--
-- The chart as tables: iom_org, iom_levels
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all
SET datestyle = ISO;

-- Base types but for the node
SELECT attrelid::regclass AS view, attname, format_type(atttypid, atttypmod) AS type
FROM pg_attribute WHERE attrelid IN ('iom_org'::regclass, 'iom_levels'::regclass) AND attnum > 0
ORDER BY attrelid::regclass::text, attnum;

SELECT code, name, level_1, level_2, level_3, level_4, level_5, depth
FROM iom_levels WHERE node <@ 'DDGMR' ORDER BY iom_rank(node);

-- Every column against the slow twin, on a day
CREATE FUNCTION regress_levels(day date, OUT compared bigint, OUT different bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('iomorg.as_of', coalesce(day::text, ''), true);
  SELECT count(*), count(*) FILTER (WHERE (l.code, l.name, l.depth, l.levels) IS DISTINCT FROM (e.node::text, e.name, e.depth, e.levels))
  INTO compared, different
  FROM (SELECT node, code, name, depth, ARRAY[level_1, level_2, level_3, level_4, level_5, level_6,
          level_7, level_8, level_9, level_10, level_11, level_12] AS levels FROM iom_levels) l
  FULL JOIN (
    SELECT c.node, u.name, count(*) AS depth,
      ((array_agg(c.ancestor::text ORDER BY c.distance DESC) || array_fill(NULL::text, ARRAY[12]))[1:12]) AS levels
    FROM regress_closure() c JOIN iom_unit u USING (node) GROUP BY c.node, u.name) e USING (node);
END $$;
SELECT * FROM regress_levels(NULL);

-- ... of deeper charts, whose depth tells that something is not shown
BEGIN;
SELECT regress_plant(300, 'deep', 0.5);
SELECT compared, different, (SELECT max(depth) FROM iom_levels) > 12 AS deeper FROM regress_levels(NULL);
SELECT regress_plant(300, 'many roots', 0.25);
SELECT * FROM regress_levels(NULL);
UPDATE iom_line SET valid = '[2020-01-01,2030-01-01)' WHERE hashint8(node::bigint) % 3 = 0;
DELETE FROM iom_line WHERE hashint8(node::bigint) % 5 = 1;
UPDATE iom_unit u SET valid = '[2010-01-01,)' WHERE NOT EXISTS (SELECT FROM iom_line l WHERE u.node IN (l.node, l.supervisor));
SELECT day, l.* FROM unnest('{2005-01-01,2019-12-31,2020-01-01,2030-01-01}'::date[]) day, regress_levels(day) l;
ROLLBACK;

-- A filter on node or code looks up one row
BEGIN;
SET LOCAL enable_seqscan = off;
SELECT v, c, regress_plan(format('SELECT * FROM %s WHERE %s = ''DOE''', v, c)) LIKE '%Index Cond: ((node)::text = ''DOE''::text)%' AS by_code,
  regress_plan(format('SELECT * FROM %s WHERE %s = ''DOE''', v, c)) LIKE '%Index Cond: (node = ''DOE''::iom_node)%' AS by_node
FROM unnest(ARRAY['iom_org', 'iom_levels']) v, unnest(ARRAY['node', 'code']) c;
ROLLBACK;

DROP FUNCTION regress_levels;
