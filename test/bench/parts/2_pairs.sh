# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# Questions about two nodes, for many pairs at once.

echo
table_head
for units in $sizes; do
	database=org_$units
	about "WHERE level = 1"
	compare whole 'is A within B, a million pairs' "$(by_size 1.5 3.0)" \
		"SELECT count(*) FROM pair_node WHERE x >= y" \
		iomorg="SELECT count(*) FROM pair_node WHERE a <@ b" \
		recursive="SELECT count(*) FROM pair_node p WHERE EXISTS (
			WITH RECURSIVE up AS (
				SELECT p.a AS node
				UNION ALL SELECT a.supervisor FROM up JOIN adjacency a ON a.node = up.node
			) SELECT FROM up WHERE node = p.b)" \
		'ltree GiST'="SELECT count(*) FROM pair_path WHERE a_path <@ b_path" \
		closure="SELECT count(*) FROM pair_node p JOIN closure c ON c.ancestor = p.b AND c.node = p.a" \
		'nested sets'="SELECT count(*) FROM pair_node p JOIN nested a ON a.node = p.a JOIN nested b ON b.node = p.b
			WHERE a.lft BETWEEN b.lft AND b.rgt"

	# lca() of ltree is always above both; here it may be one of them.
	compare set 'lowest common supervisor, 100,000 pairs' "$(by_size 2 5)" \
		"SELECT count(node) FROM (SELECT x < y AS node FROM some_pair) p" \
		iomorg="SELECT iom_common_supervisor(a, b) AS node FROM some_pair" \
		recursive="SELECT (
			WITH RECURSIVE up_a AS (
				SELECT p.a AS node, 0 AS depth
				UNION ALL SELECT a.supervisor, depth + 1 FROM up_a u JOIN adjacency a ON a.node = u.node
			), up_b AS (
				SELECT p.b AS node
				UNION ALL SELECT a.supervisor FROM up_b u JOIN adjacency a ON a.node = u.node
			) SELECT node FROM up_a JOIN up_b USING (node) ORDER BY depth LIMIT 1) AS node FROM some_pair p" \
		'ltree GiST'="SELECT iom_node(ltree2text(subpath(lca(a_path || 'x', b_path || 'y'), -1))) AS node FROM some_pair_path" \
		closure="SELECT (SELECT a.ancestor FROM closure a JOIN closure b ON b.ancestor = a.ancestor AND b.node = p.b
			WHERE a.node = p.a ORDER BY a.depth LIMIT 1) AS node FROM some_pair p" \
		'nested sets'="SELECT (SELECT c.node FROM nested a, nested b, LATERAL (SELECT node FROM nested c
			WHERE c.lft <= least(a.lft, b.lft) AND c.rgt >= greatest(a.rgt, b.rgt) ORDER BY c.lft DESC LIMIT 1) c
			WHERE a.node = p.a AND b.node = p.b) AS node FROM some_pair p"
done
