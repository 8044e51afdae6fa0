-- The seed, and :staff staff spread over its units.
CREATE EXTENSION iomorg;
CREATE TABLE staff (id integer, unit iom_node, salary numeric);
INSERT INTO staff
SELECT i, u.nodes[1 + i * 79::bigint % cardinality(u.nodes)], 50000 + i % 1000
FROM generate_series(1, :staff) i,
     (SELECT array_agg(node ORDER BY node) AS nodes FROM iom_unit) u;
VACUUM ANALYZE;
