-- An organisation of :units units, eight reports each, instead of the seed.
CREATE EXTENSION iomorg;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name)
SELECT ('U' || i)::text, 'Unit ' || i FROM generate_series(1, :units) i;
INSERT INTO iom_line (node, supervisor)
SELECT ('U' || i)::text, ('U' || (i - 2) / 8 + 1)::text
FROM generate_series(2, :units) i;
CREATE TABLE lines AS SELECT node, supervisor FROM iom_line;
VACUUM ANALYZE;
