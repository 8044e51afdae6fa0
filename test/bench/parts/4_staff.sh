# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# Staff within X: some hundred, some ten thousand, half of them. By index, the
# planner choosing; and by sequential scan, X's place being known. The limit of the
# latter chooses the same rows of a table as wide, not as many at its beginning: of
# these the processor guesses every one right, which no question about X can have.

staff_within() { # share of staff as a condition  kind  work  target
	about "WHERE staff > 0 $1"
	compare "$2" "$3 (${fact[staff]} staff, ${fact[size]} units)" "$4" \
		"SELECT count(*) FROM staff WHERE id <= {staff}" \
		iomorg="SELECT count(*) FROM staff WHERE unit <@ {node}" \
		recursive="WITH RECURSIVE down AS (
			SELECT node FROM adjacency WHERE node = {node}
			UNION ALL SELECT a.node FROM down d JOIN adjacency a ON a.supervisor = d.node
			) SELECT count(*) FROM staff WHERE unit IN (SELECT node FROM down)" \
		'ltree GiST'="SELECT count(*) FROM staff_path WHERE path <@ (SELECT path FROM unit_path WHERE node = {node})" \
		'ltree btree'="SELECT count(*) FROM staff_path
			WHERE path >= (SELECT path FROM unit_path WHERE node = {node})
			AND path < (SELECT text2ltree(ltree2text(path) || '0') FROM unit_path WHERE node = {node})" \
		closure="SELECT count(*) FROM staff s JOIN closure c ON c.node = s.unit WHERE c.ancestor = {node}" \
		'nested sets'="SELECT count(*) FROM nested x JOIN nested n ON n.lft BETWEEN x.lft AND x.rgt
			JOIN staff s ON s.unit = n.node WHERE x.node = {node}" \
		'nested on facts'="SELECT count(*) FROM staff_nested
			WHERE lft BETWEEN (SELECT lft FROM nested WHERE node = {node}) AND (SELECT rgt FROM nested WHERE node = {node})" \
		connectby="SELECT count(*) FROM connectby('adjacency', 'node', 'supervisor', {node}::text, 0)
			AS c(node iom_node, supervisor iom_node, level integer) JOIN staff s ON s.unit = c.node"
}

staff_scanned() { # share of staff as a condition  work  target
	about "WHERE staff > 0 $1"
	bench_psql -c "CREATE TABLE staff_chosen AS
		SELECT id, (unit <@ '${fact[node]}')::integer::bigint AS chosen, salary FROM staff ORDER BY id" \
		-c "VACUUM (FREEZE, ANALYZE) staff_chosen"
	compare whole "$2 (${fact[staff]} staff)" "$3" \
		"SELECT count(*) FROM staff_chosen WHERE chosen >= 1" \
		iomorg="SELECT count(*) FROM staff WHERE unit <@ {node}" \
		'ltree GiST'="SELECT count(*) FROM staff_path WHERE path <@ {path}" \
		'ltree btree'="SELECT count(*) FROM staff_path WHERE path >= {path} AND path < {after}" \
		'nested on facts'="SELECT count(*) FROM staff_nested WHERE lft BETWEEN {lft} AND {rgt}"
	bench_psql -c "DROP TABLE staff_chosen"
}

near() { echo "ORDER BY abs(ln(staff) - ln($1)), node"; }

echo
table_head
for units in $sizes; do
	database=org_$units
	staff_within "$(near 150)" 'whole prepared' 'staff within X by index: small' "$(by_size 1.3 1.5)"
	staff_within "$(near "$((staff / 50))")" whole 'staff within X by index: medium' "$(by_size 1.3 3)"
	staff_within "$(near "$((staff / 2))")" whole 'staff within X by index: half' "$(by_size 1.3 5)"
	setup='SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;'
	staff_scanned "$(near 150)" 'the same by sequential scan: small' "$(by_size 1.2 1.3)"
	staff_scanned "$(near "$((staff / 50))")" 'the same by sequential scan: medium' "$(by_size 1.25 1.5)"
	staff_scanned "$(near "$((staff / 2))")" 'the same by sequential scan: half' "$(by_size 1.25 2.5)"
	setup=
done
