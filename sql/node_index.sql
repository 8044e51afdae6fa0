--
-- iom_node in keys, partitions, indexes, joins and plans
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

CREATE SCHEMA regress_node_index;
SET search_path = regress_node_index, public;
SET max_parallel_workers_per_gather = 0;

-- 20,000 codes of all lengths, each once as node and as text
CREATE TABLE code AS
SELECT DISTINCT c::iom_node AS node, c AS text
FROM (SELECT upper(translate(substr(md5(i::text) || md5((i * 7)::text), 1, 1 + i % 12), '0a5f', '-._Z')) AS c
      FROM generate_series(1, 20000) i) s;
SELECT count(*) > 10000 AS many, count(*) = count(DISTINCT node) AS distinct,
  count(DISTINCT node) = count(DISTINCT node::text) AS injective, bool_and(node::text = text) AS same
FROM code;

-- ORDER BY: by sorting, by index, backwards, with a limit, all as the text in
-- the C collation
CREATE TABLE shuffled AS SELECT * FROM code ORDER BY md5(text);
CREATE FUNCTION differences(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM (SELECT row_number() OVER () AS place, text FROM (%s) q) a
    FULL JOIN (SELECT row_number() OVER (ORDER BY text COLLATE "C") AS place, text FROM code) b USING (place)
    WHERE a.text IS DISTINCT FROM b.text', query) INTO n;
  RETURN n;
END $$;
SELECT differences('SELECT text FROM shuffled ORDER BY node') AS sorted;
CREATE INDEX shuffled_node ON shuffled (node);
VACUUM ANALYZE shuffled;
SET enable_sort = off;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT text FROM shuffled ORDER BY node;
SELECT differences('SELECT text FROM shuffled ORDER BY node') AS indexed;
EXPLAIN (COSTS OFF) SELECT node FROM shuffled WHERE node > 'M' ORDER BY node DESC LIMIT 3;
SELECT differences('SELECT node::text AS text FROM shuffled ORDER BY node') AS index_only;

-- ranges: every comparison with every 500th code
SELECT count(*) AS compared, count(*) FILTER (WHERE got <> expected) AS different
FROM (SELECT text, node FROM (SELECT *, row_number() OVER (ORDER BY node) AS n FROM code) c WHERE n % 500 = 0) p,
  LATERAL (VALUES
    ('<', (SELECT count(*) FROM shuffled s WHERE s.node < p.node), (SELECT count(*) FROM code c WHERE c.text < p.text COLLATE "C")),
    ('<=', (SELECT count(*) FROM shuffled s WHERE s.node <= p.node), (SELECT count(*) FROM code c WHERE c.text <= p.text COLLATE "C")),
    ('=', (SELECT count(*) FROM shuffled s WHERE s.node = p.node), 1),
    ('<>', (SELECT count(*) FROM shuffled s WHERE s.node <> p.node), (SELECT count(*) - 1 FROM code)),
    ('>=', (SELECT count(*) FROM shuffled s WHERE s.node >= p.node), (SELECT count(*) FROM code c WHERE c.text >= p.text COLLATE "C")),
    ('>', (SELECT count(*) FROM shuffled s WHERE s.node > p.node), (SELECT count(*) FROM code c WHERE c.text > p.text COLLATE "C"))
  ) v (op, got, expected);
SELECT min(node)::text = min(text COLLATE "C") AS min, max(node)::text = max(text COLLATE "C") AS max FROM code;
SELECT count(*) AS by_index FROM regexp_matches(regress_plan('SELECT min(node), max(node) FROM shuffled'), 'Index Only Scan', 'g');
RESET enable_sort;
RESET enable_seqscan;
RESET enable_bitmapscan;

-- Without a condition on the leading column: from 18 on the nodes that are
-- there are searched one by one, with support from the type once each. These 39
-- follow each other closely; the smallest code, the largest and NULL are beside.
CREATE TABLE plain AS
SELECT node, i FROM (SELECT ('AAAAAAAAAAA' || c)::iom_node AS node FROM regexp_split_to_table('-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_', '') c
  UNION ALL VALUES ('-'::iom_node), ('____________'), (NULL)) n, generate_series(1, 1500) i;
CREATE TABLE skipped AS SELECT * FROM plain;
CREATE INDEX skipped_node_i ON skipped (node, i);
VACUUM ANALYZE skipped;
CREATE FUNCTION searches(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
    IF line ~ 'Index Searches' THEN
      RETURN substring(line, '\d+');
    END IF;
  END LOOP;
  RETURN 42;	-- not told before 18
END $$;
CREATE FUNCTION answer(from_ regclass, condition text, direction text, OUT answer text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT string_agg(concat_ws('' '', coalesce(node::text, ''NULL''), i), '', '')
    FROM (SELECT * FROM %s WHERE %s ORDER BY node %s) s', from_, condition, direction) INTO answer;
END $$;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
SELECT searches('SELECT * FROM skipped WHERE i = 700') BETWEEN 40 AND 50 AS once_a_node;
SELECT condition, sum((answer('skipped', condition, direction) IS DISTINCT FROM answer('plain', condition, direction))::int) AS different
FROM (VALUES ('i = 700'), ('i = 3 AND node > ''AAAAAAAAAAAB'''), ('i = 3 AND node <= ''AAAAAAAAAAAB'''),
  ('i = 1 AND node IS NOT NULL'), ('i = 1500 AND node IS NULL'), ('i = 0')) c (condition), (VALUES (''), ('DESC')) d (direction)
GROUP BY condition ORDER BY condition COLLATE "C";
RESET enable_seqscan;
RESET enable_bitmapscan;
RESET enable_sort;

-- arrays, DISTINCT, GROUP BY, set operations
SELECT count(*) FROM shuffled WHERE node = ANY (ARRAY(SELECT node FROM code WHERE text LIKE 'A%'))
EXCEPT SELECT count(*) FROM code WHERE text LIKE 'A%';
SELECT ARRAY['b', 'A', 'a-']::iom_node[], ARRAY['A', 'B']::iom_node[] < ARRAY['A', 'BA']::iom_node[] AS less,
  ARRAY['A', 'B']::iom_node[] @> ARRAY['b']::iom_node[] AS contains;
SELECT count(*) FROM (SELECT node FROM code INTERSECT SELECT text::iom_node FROM shuffled) i EXCEPT SELECT count(*) FROM code;

-- joins of each kind
CREATE TABLE fact AS SELECT node, i FROM code, generate_series(1, 3) i;
ANALYZE fact;
SET enable_mergejoin = off; SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM fact JOIN shuffled USING (node);
SELECT (SELECT count(*) FROM fact JOIN shuffled USING (node)) = (SELECT count(*) * 3 FROM code) AS hash_join;
SET enable_mergejoin = on; SET enable_hashjoin = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM fact JOIN shuffled USING (node);
SELECT (SELECT count(*) FROM fact JOIN shuffled USING (node)) = (SELECT count(*) * 3 FROM code) AS merge_join;
SET enable_mergejoin = off; SET enable_nestloop = on;
SELECT (SELECT count(*) FROM fact JOIN shuffled USING (node)) = (SELECT count(*) * 3 FROM code) AS nested_loop;
RESET enable_mergejoin; RESET enable_hashjoin; RESET enable_nestloop;

-- unique and foreign keys, deduplication, ON CONFLICT
CREATE TABLE parent (node iom_node PRIMARY KEY);
INSERT INTO parent SELECT node FROM code;
INSERT INTO parent VALUES ('zz') ON CONFLICT DO NOTHING;
CREATE TABLE child (node iom_node REFERENCES parent ON UPDATE CASCADE);
INSERT INTO child VALUES ('zz');
INSERT INTO child VALUES ('no.such');
INSERT INTO parent VALUES ('ZZ');
CREATE INDEX child_node ON child (node);
SELECT allequalimage FROM (SELECT true AS allequalimage) s
WHERE EXISTS (SELECT FROM pg_amproc p JOIN pg_opfamily f ON f.oid = p.amprocfamily
  WHERE f.opfname = 'iom_node_ops' AND p.amprocnum = 4 AND p.amproc = 'btequalimage'::regproc);

-- hash and BRIN indexes
CREATE INDEX fact_hash ON fact USING hash (node);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM fact WHERE node = 'A';
SELECT count(*) AS found FROM code c WHERE (SELECT count(*) FROM fact f WHERE f.node = c.node) <> 3;
DROP INDEX fact_hash;
CREATE TABLE sorted AS SELECT node, repeat('x', 100) AS filler FROM code ORDER BY node;
CREATE INDEX sorted_brin ON sorted USING brin (node) WITH (pages_per_range = 1);
EXPLAIN (COSTS OFF) SELECT count(*) FROM sorted WHERE node >= 'B' AND node < 'C';
SELECT (SELECT count(*) FROM sorted WHERE node >= 'B' AND node < 'C') =
  (SELECT count(*) FROM code WHERE text >= 'B' COLLATE "C" AND text < 'C' COLLATE "C") AS brin;
-- (of a domain: by its type)
CREATE DOMAIN regress_code AS iom_node;
CREATE TABLE sorted_domain (node regress_code, filler text);
CREATE INDEX sorted_domain_brin ON sorted_domain USING brin ((node::iom_node)) WITH (pages_per_range = 1);
INSERT INTO sorted_domain TABLE sorted;
EXPLAIN (COSTS OFF) SELECT count(*) FROM sorted_domain WHERE node >= 'B' AND node < 'C';
SELECT (SELECT count(*) FROM sorted_domain WHERE node >= 'B' AND node < 'C') =
  (SELECT count(*) FROM sorted WHERE node >= 'B' AND node < 'C') AS brin;
RESET enable_seqscan;

-- hashes: equal for what is equal, different enough for the rest, and the
-- extended function with seed 0 begins as the plain one
SELECT count(DISTINCT iom_node_hash(node)) > count(*) * 0.999 AS spread,
  bool_and(iom_node_hash(node) = iom_node_hash(lower(text)::iom_node)) AS folded,
  bool_and((iom_node_hash_extended(node, 0) & 4294967295) = (iom_node_hash(node)::bigint & 4294967295)) AS seed_0,
  bool_and(iom_node_hash_extended(node, 1) <> iom_node_hash_extended(node, 2)) AS seeds_differ
FROM code;

-- partitions by list, range and hash, and pruning
CREATE TABLE by_list (node iom_node, n int) PARTITION BY LIST (node);
CREATE TABLE by_list_1 PARTITION OF by_list FOR VALUES IN ('DOE', 'DPR');
CREATE TABLE by_list_2 PARTITION OF by_list DEFAULT;
CREATE TABLE by_range (node iom_node, n int) PARTITION BY RANGE (node);
CREATE TABLE by_range_1 PARTITION OF by_range FOR VALUES FROM (MINVALUE) TO ('M');
CREATE TABLE by_range_2 PARTITION OF by_range FOR VALUES FROM ('M') TO (MAXVALUE);
CREATE TABLE by_hash (node iom_node, n int) PARTITION BY HASH (node);
CREATE TABLE by_hash_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE by_hash_1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE by_hash_2 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO by_list SELECT node, 1 FROM code UNION ALL SELECT 'doe', 2;
INSERT INTO by_range SELECT node, 1 FROM code;
INSERT INTO by_hash SELECT node, 1 FROM code;
SELECT tableoid::regclass, n FROM by_list WHERE node = 'DOE' AND n = 2;
EXPLAIN (COSTS OFF) SELECT * FROM by_list WHERE node = 'doe';
EXPLAIN (COSTS OFF) SELECT * FROM by_range WHERE node < 'C';
SELECT count(*) FROM by_range_1 WHERE NOT node::text < 'M' COLLATE "C";
SELECT bool_and(c BETWEEN total / 4 AND total / 2) AS even
FROM (SELECT count(*) AS c, sum(count(*)) OVER () AS total FROM by_hash GROUP BY tableoid) s;
SELECT count(*) FROM code c FULL JOIN by_hash h USING (node) WHERE c.text IS NULL OR h.n IS NULL;
SET enable_partitionwise_join = on;
SELECT (SELECT count(*) FROM by_hash a JOIN by_hash b USING (node)) = (SELECT count(*) FROM code) AS partitionwise;
RESET enable_partitionwise_join;

-- statistics, of one column and of two
CREATE STATISTICS fact_stats (ndistinct, dependencies, mcv) ON node, i FROM fact;
ANALYZE fact;
SELECT n_distinct <> 0 AS has_distinct, histogram_bounds IS NOT NULL AS has_histogram
FROM pg_stats WHERE schemaname = 'regress_node_index' AND tablename = 'fact' AND attname = 'node';

-- a parallel plan
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT min(node), max(node), count(*) FROM fact WHERE i > 1 AND node <> 'A';
SELECT min(node) = (SELECT min(node) FROM code) AS min, max(node) = (SELECT max(node) FROM code) AS max FROM fact WHERE i > 1;

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA regress_node_index CASCADE;
