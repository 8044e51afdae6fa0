# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# The planner: how far its estimates of "staff within X" are off, over all nodes
# of an organisation of up to 10,000 units; and how far the plan it chooses is
# from the best it could have chosen.

estimates() { # statistics target  PEER...
	local name first target=$1

	shift
	declare -A where=(
		[iomorg]="FROM staff WHERE unit <@ %1\$L"
		['iomorg without a chart']="FROM staff WHERE unit <@ %1\$L"
		[recursive]="FROM staff WHERE unit IN (WITH RECURSIVE down AS (SELECT node FROM adjacency WHERE node = %1\$L
			UNION ALL SELECT a.node FROM down d JOIN adjacency a ON a.supervisor = d.node) SELECT node FROM down)"
		['ltree GiST']="FROM staff_path WHERE path <@ %2\$L"
		['ltree btree']="FROM staff_path WHERE path >= %2\$L AND path < %3\$L"
		[closure]="FROM staff s JOIN closure c ON c.node = s.unit WHERE c.ancestor = %1\$L"
		['nested sets']="FROM nested x JOIN nested n ON n.lft BETWEEN x.lft AND x.rgt JOIN staff s ON s.unit = n.node WHERE x.node = %1\$L"
		['nested on facts']="FROM staff_nested WHERE lft BETWEEN %4\$s AND %5\$s"
		[connectby]="FROM staff JOIN connectby('adjacency', 'node', 'supervisor', %1\$L, 0)
			AS c(node iom_node, supervisor iom_node, level integer) ON node = unit"
	)

	bench_psql -c "SET default_statistics_target = $target" -c "ANALYZE staff, staff_path, staff_nested"
	for name; do
		say "$units units: estimates of $name"
		# Planning alone compiles no chart: a session that has asked nothing
		# yet estimates without.
		first="SELECT iom_level(node) FROM measure LIMIT 1"
		[ "$name" != 'iomorg without a chart' ] || first="SELECT 1"
		bench_psql -F ' | ' -v first="$first" -v where="SELECT * ${where[$name]}" -v name="$name" -v target="$target" -v units="$units" \
			-f test/bench/estimates.sql | sed -n 's/^|.*/&/p'
	done
}

echo
echo '| estimates of staff within X, over all nodes | units | statistics target | median q-error | 90th percentile | largest |'
echo '|---|---|---|---|---|---|'
for units in $sizes; do
	if [ "$units" -lt 1000 ] || [ "$units" -gt 10000 ]; then
		continue
	fi
	database=org_$units
	# With 10,000, every unit's staff are known to the planner.
	estimates 10000 iomorg 'iomorg without a chart' 'ltree btree' 'nested on facts'
	estimates 100 'iomorg without a chart' "${peers[@]}"
done

echo
echo '| sum(salary) of staff within X | units | staff | chosen, ms | index, ms | bitmap, ms | sequential, ms | chosen / best | the same of a range of integers |'
echo '|---|---|---|---|---|---|---|---|---|'
for units in $sizes; do
	database=org_$units
	say "$units units: choice of plans"
	bench_psql -v units="$units" -v rounds="$rounds" -f test/bench/plans.sql | sed -n 's/^|.*/&/p'
done
