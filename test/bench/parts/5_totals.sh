# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# Totals of every unit with all below it, and staff by level-2 branch.

# Totals are timed, and checked, by what a reader would notice first.
totals_of() { echo "SELECT count(*), sum(n), sum(total), sum(n * (hashint8(node::bigint) % 1000)) FROM ($1) t"; }
own="SELECT unit AS node, count(*) AS n, sum(salary) AS total FROM staff GROUP BY unit"
grouped() { echo "SELECT count(*), sum(n * n) FROM ($1) g"; }

echo
table_head
for units in $sizes; do
	database=org_$units
	about "WHERE level = 1"
	rollup=
	if iomorg_has iom_rollup; then
		rollup=$(totals_of "SELECT r.node, r.count AS n, r.sum AS total
			FROM (SELECT iom_rollup(unit, salary) AS t FROM staff) s, iom_unnest(s.t) r")
	fi
	compare whole 'totals of every unit with all below it' "$(by_size 1.1 1.5)" \
		"$(totals_of "$own")" \
		iomorg="$rollup" \
		recursive="$(totals_of "WITH RECURSIVE up AS (
			SELECT node, n, total FROM ($own) o
			UNION ALL SELECT a.supervisor, u.n, u.total FROM up u JOIN adjacency a ON a.node = u.node
				WHERE a.supervisor IS NOT NULL
			) SELECT node, sum(n) AS n, sum(total) AS total FROM up GROUP BY node")" \
		'ltree GiST'="$(totals_of "SELECT u.node, sum(n) AS n, sum(total) AS total
			FROM (SELECT path, count(*) AS n, sum(salary) AS total FROM staff_path GROUP BY path) s
			JOIN unit_path u ON u.path @> s.path GROUP BY u.node")" \
		closure="$(totals_of "SELECT c.ancestor AS node, sum(n) AS n, sum(total) AS total
			FROM ($own) o JOIN closure c ON c.node = o.node GROUP BY c.ancestor")" \
		'nested sets'="$(totals_of "WITH own AS MATERIALIZED ($own), run AS MATERIALIZED (
			SELECT node, lft, rgt, coalesce(n, 0) AS own_n, coalesce(total, 0) AS own_total,
				sum(n) OVER w AS n, sum(total) OVER w AS total
			FROM nested LEFT JOIN own USING (node) WINDOW w AS (ORDER BY lft)
			) SELECT a.node, b.n - coalesce(a.n, 0) + a.own_n AS n, b.total - coalesce(a.total, 0) + a.own_total AS total
			FROM run a JOIN run b ON b.lft = a.rgt WHERE b.n - coalesce(a.n, 0) + a.own_n > 0")" \
		'nested on facts'="$(totals_of "WITH own AS MATERIALIZED (
			SELECT lft, count(*) AS n, sum(salary) AS total FROM staff_nested GROUP BY lft
			), run AS MATERIALIZED (
			SELECT node, lft, rgt, coalesce(n, 0) AS own_n, coalesce(total, 0) AS own_total,
				sum(n) OVER w AS n, sum(total) OVER w AS total
			FROM nested LEFT JOIN own USING (lft) WINDOW w AS (ORDER BY lft)
			) SELECT a.node, b.n - coalesce(a.n, 0) + a.own_n AS n, b.total - coalesce(a.total, 0) + a.own_total AS total
			FROM run a JOIN run b ON b.lft = a.rgt WHERE b.n - coalesce(a.n, 0) + a.own_n > 0")"

	branches=$(bench_psql -c "SELECT count(*) FROM measure WHERE level = 2")
	compare whole 'staff by level-2 branch' "$(by_size 1.3 2.4)" \
		"$(grouped "SELECT count(*) AS n FROM staff GROUP BY id % ($branches + 1)")" \
		iomorg="$(grouped "SELECT count(*) AS n FROM staff GROUP BY iom_ancestor(unit, 2)")" \
		recursive="$(grouped "WITH RECURSIVE down AS (
			SELECT node, NULL::iom_node AS branch FROM adjacency WHERE supervisor IS NULL
			UNION ALL SELECT a.node, coalesce(d.branch, a.node) FROM down d JOIN adjacency a ON a.supervisor = d.node
			) SELECT count(*) AS n FROM staff JOIN down ON node = unit GROUP BY branch")" \
		'ltree GiST'="$(grouped "SELECT count(*) AS n FROM staff_path GROUP BY subpath(path, 0, 2)")" \
		closure="$(grouped "SELECT count(*) AS n FROM staff s LEFT JOIN (
			SELECT c.node, c.ancestor FROM closure c JOIN closure b ON b.node = c.ancestor AND b.depth = 1
			WHERE b.ancestor = {node}) c ON c.node = s.unit GROUP BY c.ancestor")" \
		'nested sets'="$(grouped "SELECT count(*) AS n FROM staff s JOIN nested n ON n.node = s.unit
			LEFT JOIN (SELECT * FROM nested WHERE level = 2) b ON n.lft BETWEEN b.lft AND b.rgt GROUP BY b.node")" \
		'nested on facts'="$(grouped "SELECT count(*) AS n FROM staff_nested s
			LEFT JOIN (SELECT * FROM nested WHERE level = 2) b ON s.lft BETWEEN b.lft AND b.rgt GROUP BY b.node")"
done
