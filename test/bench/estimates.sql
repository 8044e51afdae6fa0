-- q-errors of the estimated rows of :where, over all nodes: a query as a format
-- of node, path, end of the path, first and last number. :first is asked before.
SET jit = off;
:first;
CREATE FUNCTION pg_temp.estimate(query text) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN plan->0->'Plan'->>'Plan Rows';
END $$;

SELECT format('| %s | %s | %s | %s | %s | %s |', :'name', :units, :target,
              round(percentile_disc(0.5) WITHIN GROUP (ORDER BY q)::numeric, 2),
              round(percentile_disc(0.9) WITHIN GROUP (ORDER BY q)::numeric, 2),
              round(max(q)::numeric, 2))
FROM (
  SELECT greatest(estimated / actual, actual / estimated) AS q
  FROM (
    SELECT greatest(staff, 1)::double precision AS actual,
           greatest(pg_temp.estimate(format(:'where', node, path, ltree2text(path) || '0', lft, rgt)), 1) AS estimated
    FROM measure
  ) e
) q;
