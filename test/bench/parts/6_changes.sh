# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# Changes. Every one is rolled back: each round finds the same rows.

# What a statement wrote: rows and bytes of WAL, without full-page images, which
# this server does not write.
written() { # SQL
	cat >"$iom_tmp/tmp/written.sql" <<-SQL
		SELECT pg_current_wal_insert_lsn() AS start \gset
		BEGIN;
		$(fill "$1");
		SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) AS rows FROM pg_stat_xact_user_tables \gset
		ROLLBACK;
		SELECT :rows, pg_current_wal_insert_lsn() - :'start'::pg_lsn;
	SQL
	bench_psql -F ' ' -f "$iom_tmp/tmp/written.sql" | tail -n 1
}

# A subtree of about 10,000 nodes, or the largest below level 2, gets another
# supervisor. Paths and numbers of the units and of their staff are rewritten.
moves() {
	about "WHERE level > 2 ORDER BY abs(ln(size) - ln(10000)), node"
	local x="WHERE node = {node}" to
	to=$(bench_psql -c "SELECT node FROM measure WHERE level = 2
		AND NOT path @> (SELECT path FROM measure WHERE node = '${fact[node]}') ORDER BY size DESC LIMIT 1")
	# Nested sets: the block at lft..rgt goes to the end of the new supervisor's.
	# Less than the truth: ends of the few nodes above either place are left out.
	local shift="CASE WHEN lft BETWEEN {lft} AND {rgt} THEN
		CASE WHEN t > {rgt} THEN t - {rgt} ELSE t - {lft} + 1 END
		WHEN lft > {rgt} AND lft <= t THEN -{size}
		WHEN lft < {lft} AND lft > t THEN {size} ELSE 0 END"
	take_statements \
		limit="UPDATE adjacency SET supervisor = supervisor $x" \
		iomorg="UPDATE iom_line SET supervisor = '$to' $x" \
		recursive="UPDATE adjacency SET supervisor = '$to' $x" \
		'ltree GiST'="UPDATE unit_path SET path = t.path || subpath(unit_path.path, {level} - 1)
			FROM (SELECT path FROM unit_path WHERE node = '$to') t WHERE unit_path.path <@ {path};
			UPDATE staff_path SET path = t.path || subpath(staff_path.path, {level} - 1)
			FROM (SELECT path FROM unit_path WHERE node = '$to') t WHERE staff_path.path <@ {path}" \
		closure="DELETE FROM closure c USING closure d, closure a WHERE d.ancestor = {node} AND a.node = {node} AND a.depth > 0
			AND c.node = d.node AND c.ancestor = a.ancestor;
			INSERT INTO closure SELECT a.ancestor, d.node, a.depth + 1 + d.depth
			FROM closure a, closure d WHERE a.node = '$to' AND d.ancestor = {node}" \
		'nested on facts'="UPDATE staff_nested SET lft = lft + $shift FROM (SELECT rgt AS t FROM nested WHERE node = '$to') t
			WHERE lft BETWEEN least({lft}, t) AND greatest({rgt}, t);
			UPDATE nested SET lft = lft + $shift, rgt = rgt + $shift FROM (SELECT rgt AS t FROM nested WHERE node = '$to') t
			WHERE lft BETWEEN least({lft}, t) AND greatest({rgt}, t)"
	local name
	before='BEGIN;' after='ROLLBACK;'
	median_of=() once=() late=()
	say "$units units: move"
	measure_in_turn "${names[@]}"
	before='' after=''
	for name in "${names[@]}"; do
		echo "| move ${fact[size]} nodes, with $staff staff | $units | ${name/limit/one row of a plain table} |" \
			"$(written "${sql[$name]}" | sed 's/ / | /') | ${median_of[$name]} | $(ratio "${median_of[$name]}") |"
	done
}

# Unit and line with the same keys and checks, and nothing else.
plain_tables() {
	bench_psql -c "CREATE TABLE plain_unit (LIKE iom_unit INCLUDING ALL)" \
		-c "CREATE TABLE plain_line (LIKE iom_line INCLUDING ALL)" \
		-c "INSERT INTO plain_unit SELECT * FROM iom_unit" \
		-c "INSERT INTO plain_line SELECT * FROM iom_line" \
		-c "ALTER TABLE plain_line ADD FOREIGN KEY (node) REFERENCES plain_unit, ADD FOREIGN KEY (supervisor) REFERENCES plain_unit" \
		-c "ANALYZE plain_unit, plain_line"
}

leaf() {
	plain_tables
	about "WHERE level = 3 ORDER BY node"
	before='BEGIN;' after='ROLLBACK;'
	compare whole 'add a leaf and ask for its level, one transaction' 3 \
		"INSERT INTO plain_unit (node, name) VALUES ('NEW', 'New');
			INSERT INTO plain_line (node, supervisor) VALUES ('NEW', {node}); SELECT 4 AS level" \
		iomorg="INSERT INTO iom_unit (node, name) VALUES ('NEW', 'New');
			INSERT INTO iom_line (node, supervisor) VALUES ('NEW', {node}); SELECT iom_level('NEW')" \
		recursive="INSERT INTO adjacency VALUES ('NEW', {node});
			WITH RECURSIVE up AS (SELECT supervisor FROM adjacency WHERE node = 'NEW'
			UNION ALL SELECT a.supervisor FROM up JOIN adjacency a ON a.node = up.supervisor) SELECT count(*) FROM up" \
		'ltree GiST'="INSERT INTO unit_path SELECT 'NEW', path || 'NEW' FROM unit_path WHERE node = {node};
			SELECT nlevel(path) FROM unit_path WHERE node = 'NEW'" \
		closure="INSERT INTO closure SELECT ancestor, 'NEW'::iom_node, depth + 1 FROM closure WHERE node = {node} UNION ALL VALUES ('NEW'::iom_node, 'NEW'::iom_node, 0);
			SELECT count(*) FROM closure WHERE node = 'NEW'"
	before='' after=''
}

echo
table_head
for units in $sizes; do
	database=org_$units
	leaf
done

echo
echo '| work | units | who | rows written | WAL, bytes | ms | ratio |'
echo '|---|---|---|---|---|---|---|'
for units in $sizes; do
	database=org_$units
	[ "$units" -lt 1000 ] || moves
done
