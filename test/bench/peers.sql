-- What each peer keeps of the same organisation, and :staff staff: skewed, so
-- that of a thousand units one has a tenth of them.
CREATE EXTENSION ltree;
CREATE EXTENSION tablefunc;

-- Everything about a node's place, once; the peers' tables are made of it.
CREATE UNLOGGED TABLE place AS
WITH RECURSIVE down AS (
  SELECT node, ARRAY[node] AS chain, text2ltree(node::text) AS path
  FROM adjacency WHERE supervisor IS NULL
  UNION ALL
  SELECT a.node, d.chain || a.node, d.path || a.node::text
  FROM down d JOIN adjacency a ON a.supervisor = d.node
)
SELECT node, chain, path, cardinality(chain) AS level,
       (row_number() OVER (ORDER BY path))::integer AS lft
FROM down;

CREATE TABLE unit_path AS SELECT node, path FROM place ORDER BY hashint8(node::bigint);
CREATE UNIQUE INDEX ON unit_path (node);
CREATE UNIQUE INDEX ON unit_path (path);
CREATE INDEX ON unit_path USING gist (path);

CREATE TABLE closure AS
SELECT a.ancestor, p.node, (p.level - a.level)::integer AS depth
FROM place p, unnest(p.chain) WITH ORDINALITY a(ancestor, level)
ORDER BY hashint8(p.node::bigint);
CREATE UNIQUE INDEX ON closure (ancestor, node);
CREATE UNIQUE INDEX ON closure (node, depth) INCLUDE (ancestor);

CREATE TABLE nested AS
SELECT p.node, p.lft, p.lft + s.size - 1 AS rgt, p.level
FROM place p JOIN (SELECT ancestor, count(*)::integer AS size FROM closure GROUP BY 1) s
  ON s.ancestor = p.node
ORDER BY hashint8(p.node::bigint);
CREATE UNIQUE INDEX ON nested (node) INCLUDE (lft, rgt);
-- Not unique: that would be checked row by row while a block moves.
CREATE INDEX ON nested (lft) INCLUDE (rgt, node);
CREATE INDEX ON nested (rgt);

CREATE TABLE staff AS
SELECT i::integer AS id, code_of(1 + floor(:units * chance(i, 3) ^ 3)::bigint * 7919 % :units) AS unit,
       (40000 + i % 1000 * 37)::numeric AS salary
FROM generate_series(1, :staff::bigint) i;
CREATE UNIQUE INDEX ON staff (id);
CREATE INDEX ON staff (unit);

-- The same staff, with the path or the number of the unit on each row.
CREATE TABLE staff_path AS
SELECT s.id, p.path, s.salary FROM staff s JOIN place p ON p.node = s.unit ORDER BY s.id;
CREATE INDEX ON staff_path (path);
CREATE INDEX ON staff_path USING gist (path);

CREATE TABLE staff_nested AS
SELECT s.id, p.lft, s.salary FROM staff s JOIN place p ON p.node = s.unit ORDER BY s.id;
CREATE INDEX ON staff_nested (lft);

-- A million pairs: half of them a node and one above it. x >= y where a is
-- within b.
CREATE UNLOGGED TABLE pair AS
SELECT i AS id, a.node AS a, b.node AS b, a.path AS a_path, b.path AS b_path,
       (b.path @> a.path)::integer AS x, 1 AS y
FROM (
  SELECT i, a.lft,
         CASE WHEN chance(i, 6) < 0.5
              THEN code_of(1 + floor(:units * chance(i, 5))::bigint)
              ELSE a.chain[1 + floor(a.level * chance(i, 7))::integer] END AS other
  FROM generate_series(1, 1000000) i
       JOIN place a ON a.node = code_of(1 + floor(:units * chance(i, 4))::bigint)
) p JOIN place a ON a.lft = p.lft JOIN place b ON b.node = p.other
ORDER BY i;
CREATE UNLOGGED TABLE pair_node AS SELECT a, b, x, y FROM pair ORDER BY id;
CREATE UNLOGGED TABLE pair_path AS SELECT a_path, b_path FROM pair ORDER BY id;
CREATE UNLOGGED TABLE some_pair AS SELECT a, b, x, y FROM pair WHERE id <= 100000 ORDER BY id;
CREATE UNLOGGED TABLE some_pair_path AS SELECT a_path, b_path FROM pair WHERE id <= 100000 ORDER BY id;
DROP TABLE pair;

-- What the questions are about: each node's size and its staff.
CREATE UNLOGGED TABLE measure AS
WITH own AS (SELECT unit AS node, count(*) AS n FROM staff GROUP BY 1)
SELECT n.node, n.lft, n.rgt, n.level, p.path, n.rgt - n.lft + 1 AS size,
       coalesce(s.n, 0) AS staff
FROM nested n JOIN place p USING (node)
     LEFT JOIN (SELECT c.ancestor, sum(o.n)::bigint AS n
                FROM closure c JOIN own o USING (node) GROUP BY 1) s ON s.ancestor = n.node;
DROP TABLE place;
VACUUM (FREEZE, ANALYZE);
