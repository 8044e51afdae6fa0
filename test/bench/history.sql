-- An organisation of :units units and ten years, in place of the seed: each has
-- had five supervisors, one after the other, so there are five lines a unit, in
-- the order of their days. Made with triggers off: it is the checks of all of it
-- that are measured. It comes from a hash, the same on every run.
\ir chance.sql

SET session_replication_role = replica;
DELETE FROM iom_appointment;
DELETE FROM iom_line;
DELETE FROM iom_unit;
INSERT INTO iom_unit (node, name, origin)
SELECT code_of(i), 'Unit ' || i, 'own' FROM generate_series(1, :units::bigint) i ORDER BY chance(i, 2);
INSERT INTO iom_line (node, supervisor, valid, origin)
SELECT code_of(i), code_of(1 + floor((i - 2) / 6.0 * (0.3 + 0.7 * chance(i * 16 + k, 1) ^ 2))::bigint),
  daterange(since, lead(since) OVER (PARTITION BY i ORDER BY k)), 'own'
FROM (
  SELECT i, k, CASE WHEN k > 0 THEN '2015-01-01'::date + k * 608 + floor(chance(i * 16 + k, 3) * 600)::int END AS since
  FROM generate_series(2, :units::bigint) i, generate_series(0, 4) k
) l
ORDER BY since NULLS FIRST, chance(i, 2);
SET session_replication_role = origin;
VACUUM (FREEZE, ANALYZE);
