# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# The first question on a fresh connection: server time, connecting apart. The
# limit is a plain statement that is as much news to its session.

# Every statement on connections of its own, in turn.
measure_fresh() { # NAME...
	local name i

	for name; do
		: >"$iom_tmp/tmp/$name.fresh"
	done
	for ((i = 0; i <= rounds * 4; i++)); do
		for name; do
			{
				printf '%s\n' '\timing on'
				fill "${sql[$name]};"
			} >"$iom_tmp/tmp/fresh.sql"
			PGOPTIONS="-c max_parallel_workers_per_gather=0 -c jit=off" bench_psql -o /dev/null -f "$iom_tmp/tmp/fresh.sql" |
				awk -v i=$i '/^Time:/ && i { print $2 }' >>"$iom_tmp/tmp/$name.fresh"
		done
	done
	for name; do
		median_of["$name"]=$(median <"$iom_tmp/tmp/$name.fresh")
	done
}

first_question() { # WORK TARGET LIMIT PEER=SQL...
	local work=$1 target=$2
	say "$units units: $work"
	take_statements "limit=$3" "${@:4}"
	check whole
	late=() median_of=()
	measure_fresh "${names[@]}"
	once=()
	print_line "$work" "$target"
}

echo
table_head
for units in $sizes; do
	database=org_$units
	about "WHERE staff BETWEEN 1 AND $staff / 20 AND level > 2 ORDER BY abs(ln(staff) - ln(150)), node"
	first_question 'first question on a connection: supervisor' 1.15 \
		"SELECT unit FROM staff WHERE id = 1" \
		iomorg="SELECT iom_supervisor({node})" \
		recursive="SELECT supervisor FROM adjacency WHERE node = {node}" \
		'ltree btree'="SELECT u.node FROM unit_path n JOIN unit_path u ON u.path = subpath(n.path, 0, -1) WHERE n.node = {node}" \
		closure="SELECT ancestor FROM closure WHERE node = {node} AND depth = 1" \
		'nested sets'="SELECT p.node FROM nested n, LATERAL (SELECT node FROM nested p WHERE p.lft < n.lft AND p.rgt >= n.rgt
			ORDER BY p.lft DESC LIMIT 1) p WHERE n.node = {node}"
	first_question "first question on a connection: headcount of ${fact[staff]}" 1.2 \
		"SELECT count(*) FROM staff WHERE id <= {staff}" \
		iomorg="SELECT count(*) FROM staff WHERE unit <@ {node}" \
		recursive="WITH RECURSIVE down AS (
			SELECT node FROM adjacency WHERE node = {node}
			UNION ALL SELECT a.node FROM down d JOIN adjacency a ON a.supervisor = d.node
			) SELECT count(*) FROM down JOIN staff ON unit = node" \
		'ltree btree'="SELECT count(*) FROM staff_path
			WHERE path >= (SELECT path FROM unit_path WHERE node = {node})
			AND path < (SELECT text2ltree(ltree2text(path) || '0') FROM unit_path WHERE node = {node})" \
		closure="SELECT count(*) FROM staff s JOIN closure c ON c.node = s.unit WHERE c.ancestor = {node}" \
		'nested on facts'="SELECT count(*) FROM staff_nested
			WHERE lft BETWEEN (SELECT lft FROM nested WHERE node = {node}) AND (SELECT rgt FROM nested WHERE node = {node})"
done
