--
-- Functions and operators on one node, two, and more
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set helpers :abs_srcdir '/sql/helpers.sql'
\set ECHO none
\i :helpers
\set ECHO all

-- As anybody
CREATE ROLE regress_reader;
SET ROLE regress_reader;

-- The chart as a table: what all the functions say of every node
SELECT code, supervisor_code AS supervisor, relation, level, rank, size, span, height, is_leaf AS leaf, path
FROM iom_org ORDER BY rank;

-- Every function against a recursive query, on every node and all pairs,
-- unknown ones included
SELECT * FROM regress_compare();

-- Who supervises Legal Affairs?  Whom do the operations centres in Manila
-- and Panama both report to?
SELECT iom_supervisor('DLA'), iom_common_supervisor('OSS-MAC', 'OSS-PAC'), iom_common_supervisor('OSS-MAC', 'MAC'),
  iom_common_supervisor('OSS', 'OSS-MAC') AS of_its_own, iom_common_supervisor('OSS', 'OSS') AS of_itself,
  iom_common_supervisor('DG', 'COUNCIL') AS of_two_roots;
SELECT iom_distance('OSS-MAC', 'GBS'), iom_distance('DG', 'DG') AS to_itself, iom_distance('OSS-MAC', 'DG') AS up,
  iom_distance('DG', 'OSS-MAC') AS down, iom_distance('DG', 'COUNCIL') AS of_two_roots;
SELECT iom_path('OSS-MAC'), iom_path('OSS-MAC', ' > ') AS with_separator, iom_path('OSS-MAC', '') AS without,
  iom_path('OSS-MAC', '→') AS bytes, iom_path('DG') AS of_root;
SELECT l AS level, iom_ancestor('OSS-MAC', l)
FROM unnest(ARRAY[-2147483648, -1, 0, 1, 2, 3, 4, 5, 2147483647, NULL]) l;

-- Arguments by name
SELECT iom_supervisor(node => 'DLA', as_of => '2024-12-31'), iom_ancestor(node => 'DLA', level => 1),
  iom_path(node => 'DLA', as_of => '2024-12-31'), iom_path('DLA', separator => '.'),
  iom_common_supervisor(a => 'DLA', b => 'DOE'), iom_distance(b => 'DLA', a => 'DOE', as_of => '2024-12-31');

-- Unknown nodes give null, false for operators
\pset null '(null)'
SELECT iom_supervisor('NOBODY'), iom_root('NOBODY'), iom_level('NOBODY'), iom_height('NOBODY'), iom_size('NOBODY'),
  iom_span('NOBODY'), iom_rank('NOBODY'), iom_is_leaf('NOBODY'), iom_ancestor('NOBODY', 1), iom_path('NOBODY'),
  iom_common_supervisor('NOBODY', 'DG'), iom_common_supervisor('DG', 'NOBODY'), iom_common_supervisor('NOBODY', 'NOBODY'),
  iom_distance('NOBODY', 'DG'), iom_distance('DG', 'NOBODY'), iom_distance('NOBODY', 'NOBODY') \gx
SELECT iom_node 'NOBODY' <@ 'DG', iom_node 'DG' <@ 'NOBODY', iom_node 'NOBODY' <@ 'NOBODY',
  iom_node 'NOBODY' @> 'DG', iom_node 'DG' @> 'NOBODY', iom_node 'NOBODY' @> 'NOBODY';
-- ... and so do nulls
SELECT iom_supervisor(NULL), iom_root(NULL), iom_level(NULL), iom_height(NULL), iom_size(NULL),
  iom_span(NULL), iom_rank(NULL), iom_is_leaf(NULL), iom_ancestor(NULL, 1), iom_path(NULL), iom_path('DG', NULL),
  iom_common_supervisor(NULL, 'DG'), iom_common_supervisor('DG', NULL),
  iom_distance(NULL, 'DG'), iom_distance('DG', NULL) \gx
SELECT NULL::iom_node <@ 'DG', iom_node 'DG' <@ NULL, NULL::iom_node @> 'DG', iom_node 'DG' @> NULL;

-- The aggregate: over nothing, one node, a root, nodes below several roots,
-- nulls (passed over), unknown nodes in each place
CREATE FUNCTION pg_temp.common(VARIADIC nodes iom_node[]) RETURNS iom_node LANGUAGE sql
AS 'SELECT iom_common_supervisor(n) FROM unnest(nodes) n';
SELECT pg_temp.common(VARIADIC '{}') AS nothing, pg_temp.common(NULL) AS null, pg_temp.common(NULL, NULL) AS nulls,
  pg_temp.common('DOE') AS one, pg_temp.common('DOE', 'DOE') AS same, pg_temp.common('DOE', NULL, 'DPR') AS two,
  pg_temp.common('OSS-MAC', 'OSS-PAC', 'OSS') AS three, pg_temp.common('OSS-MAC', 'GBS', 'CO', 'FMU') AS many,
  pg_temp.common('DG', 'OSS-MAC') AS root, pg_temp.common('DG', 'COUNCIL') AS roots,
  pg_temp.common('DOE', 'COUNCIL', 'DOE') AS back_again \gx
SELECT pg_temp.common('NOBODY') AS alone, pg_temp.common('NOBODY', 'NOBODY') AS twice, pg_temp.common('NOBODY', 'DOE') AS first,
  pg_temp.common('DOE', 'NOBODY') AS last, pg_temp.common('DOE', 'NOBODY', 'DOE') AS between, pg_temp.common(NULL, 'NOBODY') AS after_null;
\pset null ''
SELECT iom_supervisor(node), iom_common_supervisor(node), count(*)
FROM iom_unit WHERE iom_level(node) = 3 GROUP BY 1 ORDER BY 1;
SELECT node, iom_common_supervisor(node) OVER (ORDER BY iom_rank(node) ROWS 2 PRECEDING) AS with_the_two_before
FROM iom_subtree('OSS');

-- The two operators are each other's commutator, and can be used without
-- an index, in either order, in joins, and with ANY and ALL
SELECT string_agg(node::text, ' ' ORDER BY iom_rank(node)) FROM iom_unit WHERE node <@ 'DDGO';
SELECT string_agg(node::text, ' ' ORDER BY iom_rank(node)) FROM iom_unit WHERE 'OSS-MAC' <@ node;
SELECT string_agg(node::text, ' ' ORDER BY iom_rank(node)) FROM iom_unit WHERE node @> 'OSS-MAC';
SELECT string_agg(node::text, ' ' ORDER BY iom_rank(node)) FROM iom_unit WHERE node <@ ANY ('{OSS,UNNMS,NOBODY}');
SELECT string_agg(node::text, ' ' ORDER BY iom_rank(node)) FROM iom_unit WHERE node @> ALL ('{OSS-MAC,OSS-PAC}');
SELECT u.node, count(*) AS size
FROM iom_unit u JOIN iom_unit v ON v.node <@ u.node
WHERE u.kind = 'post' GROUP BY u.node ORDER BY iom_rank(u.node);

-- In parallel workers (whether the server uses them is up to it: the point is
-- that they see the same)
RESET ROLE;
CREATE TABLE regress_staff AS
SELECT i AS id, (SELECT array_agg(node ORDER BY node) FROM iom_unit)[1 + i % 44] AS unit
FROM generate_series(1, 20000) i;
ANALYZE regress_staff;
GRANT SELECT ON regress_staff TO regress_reader;
SET ROLE regress_reader;
SET max_parallel_workers_per_gather = 0;
CREATE TEMPORARY TABLE regress_serial AS
SELECT iom_path(unit) AS path, unit <@ 'DDGMR' AS within, count(*), min(iom_supervisor(unit)),
  iom_common_supervisor(unit) AS common, sum(iom_rank(unit))
FROM regress_staff GROUP BY 1, 2;
SELECT iom_common_supervisor(unit) FROM regress_staff WHERE unit <@ 'DDGMR';
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET enable_indexscan = off;
SET jit = off;
EXPLAIN (COSTS OFF)
SELECT iom_common_supervisor(unit), count(*) FROM regress_staff WHERE unit <@ 'DDGMR';
SELECT iom_common_supervisor(unit), count(*) FROM regress_staff WHERE unit <@ 'DDGMR';
SELECT count(*) AS groups, (SELECT count(*) FROM regress_serial) AS expected
FROM (
  SELECT iom_path(unit) AS path, unit <@ 'DDGMR' AS within, count(*), min(iom_supervisor(unit)),
    iom_common_supervisor(unit) AS common, sum(iom_rank(unit))
  FROM regress_staff GROUP BY 1, 2
  INTERSECT SELECT * FROM regress_serial) s;
-- ... of a change of this very transaction, too, and on another day
RESET ROLE;
BEGIN;
UPDATE iom_line SET supervisor = 'DDGO' WHERE node = 'OSS' AND line = 'solid';
UPDATE iom_line SET valid = '[2020-01-01,)' WHERE node = 'OSS-PAC' AND line = 'solid';
SELECT iom_common_supervisor(unit), count(*), max(iom_rank(unit)) FROM regress_staff WHERE unit <@ 'DDGO';
SET LOCAL iomorg.as_of = '2019-12-31';
SELECT iom_common_supervisor(unit), count(*), max(iom_rank(unit)) FROM regress_staff WHERE unit <@ 'DDGO';
ROLLBACK;
RESET ALL;
DROP TABLE regress_serial, regress_staff;
DROP FUNCTION pg_temp.common;
DROP ROLE regress_reader;
