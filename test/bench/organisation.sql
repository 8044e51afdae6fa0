-- An organisation of :units units, at most 1,000,000, in place of the seed.
--
-- Node i > 1 has a supervisor among the first i / 6, so that nodes have from no
-- report to dozens, and a million have seven to nine levels. Node 2 takes half
-- of the branches. Codes and the order of rows have nothing to do with the
-- place in the hierarchy. All of it comes from a hash: it is the same on every
-- run.
\ir chance.sql

CREATE FUNCTION boss_of(i bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN boss = 1 AND i > 4 AND i % 2 = 1 THEN 2 ELSE boss END
  FROM (SELECT 1 + floor((i - 2) / 6.0 * (0.3 + 0.7 * chance(i, 1) ^ 2))::bigint AS boss) b;
END;

CREATE TABLE adjacency (node iom_node NOT NULL, supervisor iom_node);
INSERT INTO adjacency
SELECT code_of(i), CASE WHEN i > 1 THEN code_of(boss_of(i)) END
FROM generate_series(1, :units::bigint) i
ORDER BY chance(i, 2);
CREATE UNIQUE INDEX ON adjacency (node);
CREATE INDEX ON adjacency (supervisor);

DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name) SELECT node, 'Unit ' || node::text FROM adjacency;
INSERT INTO iom_line (node, supervisor)
SELECT node, supervisor FROM adjacency WHERE supervisor IS NOT NULL;
VACUUM (FREEZE, ANALYZE);
