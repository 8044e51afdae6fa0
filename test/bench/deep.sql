-- An organisation of :units units, at most 1,000,000, in place of the seed: a
-- chain of 10,000, and all others, which have up to ten reports, below its
-- first node. Unit i has code C<i>. Made with triggers off.
CREATE EXTENSION iomorg;
SET session_replication_role = replica;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name, origin)
SELECT ('C' || i)::iom_node, 'Unit ' || i, 'own' FROM generate_series(1, :units) i;
INSERT INTO iom_line (node, supervisor, origin)
SELECT ('C' || i)::iom_node,
  ('C' || CASE WHEN i <= 10000 THEN i - 1 WHEN i <= 10010 THEN 1 ELSE 10001 + (i - 10011) / 10 END)::iom_node, 'own'
FROM generate_series(2, :units) i;
SET session_replication_role = origin;
VACUUM (FREEZE, ANALYZE);
