# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# Questions about one node, prepared, as a client sees them.

echo
table_head
for units in $sizes; do
	database=org_$units
	about "WHERE size = 1 ORDER BY level DESC, node"
	compare 'whole prepared' 'supervisor of one node' 1.05 \
		"SELECT 1" \
		iomorg="SELECT iom_supervisor({node})" \
		recursive="SELECT supervisor FROM adjacency WHERE node = {node}" \
		'ltree GiST'="SELECT u.node FROM unit_path n JOIN unit_path u ON u.path @> n.path AND nlevel(u.path) = nlevel(n.path) - 1
			WHERE n.node = {node}" \
		'ltree btree'="SELECT u.node FROM unit_path n JOIN unit_path u ON u.path = subpath(n.path, 0, -1) WHERE n.node = {node}" \
		closure="SELECT ancestor FROM closure WHERE node = {node} AND depth = 1" \
		'nested sets'="SELECT p.node FROM nested n, LATERAL (SELECT node FROM nested p WHERE p.lft < n.lft AND p.rgt >= n.rgt
			ORDER BY p.lft DESC LIMIT 1) p WHERE n.node = {node}"

	compare 'whole prepared' 'chain of command of one node' "$(by_size 1.15 1.3)" \
		"SELECT g FROM generate_series(1, {level} - 1) g" \
		iomorg="SELECT node FROM iom_supervisors({node})" \
		recursive="WITH RECURSIVE up AS (
			SELECT supervisor FROM adjacency WHERE node = {node}
			UNION ALL SELECT a.supervisor FROM up JOIN adjacency a ON a.node = up.supervisor
			) SELECT supervisor FROM up WHERE supervisor IS NOT NULL" \
		'ltree GiST'="SELECT u.node FROM unit_path n JOIN unit_path u ON u.path @> n.path AND u.path <> n.path
			WHERE n.node = {node} ORDER BY u.path DESC" \
		'ltree btree'="SELECT u.node FROM unit_path n, generate_series(1, nlevel(n.path) - 1) i
			JOIN LATERAL (SELECT node FROM unit_path WHERE path = subpath(n.path, 0, nlevel(n.path) - i) OFFSET 0) u ON true
			WHERE n.node = {node} ORDER BY i" \
		closure="SELECT ancestor FROM closure WHERE node = {node} AND depth > 0 ORDER BY depth" \
		'nested sets'="SELECT p.node FROM nested n JOIN nested p ON p.lft < n.lft AND p.rgt >= n.rgt
			WHERE n.node = {node} ORDER BY p.lft DESC" \
		connectby="SELECT supervisor FROM connectby('adjacency', 'supervisor', 'node', {node}::text, 0)
			AS c(supervisor iom_node, node iom_node, level integer) WHERE level > 0 AND supervisor IS NOT NULL ORDER BY level"
done
