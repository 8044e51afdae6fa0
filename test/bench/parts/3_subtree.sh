# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# Enumerating subtrees: of about 100 nodes, of about 10,000, all.

echo
table_head
for units in $sizes; do
	database=org_$units
	for nodes in 100 10000 all; do
		if [ "$nodes" = all ]; then
			nodes=$units
		elif [ "$nodes" -ge "$units" ]; then
			continue
		fi
		about "ORDER BY abs(ln(size) - ln($nodes)), node"
		compare "set$([ "$nodes" != 100 ] || echo ' prepared')" "a subtree of ${fact[size]} nodes" \
			"$(by_size "$(case $nodes in 100) echo 1.2 ;; 10000) echo 0.9 ;; *) echo 1.0 ;; esac)" 1.3)" \
			"SELECT count(node) FROM generate_series(1, {size}) node" \
			iomorg="SELECT node FROM iom_subtree({node})" \
			recursive="WITH RECURSIVE down AS (
				SELECT node FROM adjacency WHERE node = {node}
				UNION ALL SELECT a.node FROM down d JOIN adjacency a ON a.supervisor = d.node
				) SELECT node FROM down" \
			'ltree GiST'="SELECT node FROM unit_path WHERE path <@ (SELECT path FROM unit_path WHERE node = {node})" \
			'ltree btree'="SELECT u.node FROM unit_path x JOIN unit_path u
				ON u.path >= x.path AND u.path < text2ltree(ltree2text(x.path) || '0') WHERE x.node = {node}" \
			closure="SELECT node FROM closure WHERE ancestor = {node}" \
			'nested sets'="SELECT n.node FROM nested x JOIN nested n ON n.lft BETWEEN x.lft AND x.rgt WHERE x.node = {node}" \
			connectby="SELECT node FROM connectby('adjacency', 'node', 'supervisor', {node}::text, 0)
				AS c(node iom_node, supervisor iom_node, level integer)"
	done
done
