#!/usr/bin/env bash
# What `make bench` runs: the cost of the hierarchy, each time beside the
# cheapest plain statement that touches the same rows, in one run, as ratios.
# Installs the packages it needs; the server is private and thrown away.
#
#   make bench                    1,000,000 units, 1,000,000 staff, 7 rounds
#   make bench UNITS=10000 ROUNDS=3
#
# Server time as psql's \timing and pgbench see it; medians of the rounds, in
# which the statements of a pair alternate. Nothing here decides a test.
set -euo pipefail
# shellcheck source=test/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

units=${UNITS:-1000000}
staff=${STAFF:-1000000}
rounds=${ROUNDS:-7}

# Median of the numbers on standard input.
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# Prints a line of the table: what, its median, the limit's median, the ratio.
row() { # what  file  limit's name  limit's file  target
	awk -v what="$1" -v a="$(median <"$2")" -v limit="$3" -v b="$(median <"$4")" -v target="$5" \
		'BEGIN { printf "| %s | %.3f | %s | %.3f | %.2f | %s |\n", what, a, limit, b, a / b, target }'
}

# Runs the statements, given as NAME=SQL, in turn in one session, as often as
# there are rounds after one to warm up, and leaves the milliseconds of each in
# a file of that name.
alternate() { # database  set-up  NAME=SQL...
	local database=$1 setup=$2 pair i
	local script=$iom_tmp/tmp/alternate.sql

	shift 2
	{
		echo "$setup"
		for ((i = 0; i <= rounds; i++)); do
			for pair; do
				printf '\\echo @%s %d\n\\timing on\n%s \\g /dev/null\n\\timing off\n' \
					"${pair%%=*}" "$i" "${pair#*=}"
			done
		done
	} >"$script"
	iom_run psql -X -q -v ON_ERROR_STOP=1 -d "$database" -f "$script" >"$iom_tmp/tmp/alternate.out"
	for pair; do
		awk -v name="@${pair%%=*}" '
			$1 == name { round = $2; take = 1 }
			/^Time:/ && take { if (round > 0) print $2; take = 0 }
		' "$iom_tmp/tmp/alternate.out" >"$iom_tmp/tmp/${pair%%=*}"
	done
}

# pgbench's latency of one prepared statement, in milliseconds.
latency() { # database  SQL
	echo "$2" >"$iom_tmp/tmp/pgbench.sql"
	iom_run pgbench -n -M prepared -T 2 -f "$iom_tmp/tmp/pgbench.sql" "$1" 2>/dev/null |
		sed -n 's/^latency average = \([0-9.]*\) ms.*/\1/p'
}

iom_begin
iom_install_packages demo
iom_copy_tree
iom_build
iom_start_server
cd "$iom_tmp/tmp"
iom_run createdb big
iom_run psql -X -q -v ON_ERROR_STOP=1 -v units="$units" -v staff="$staff" -d big -f test/bench/big.sql
iom_run createdb seed
iom_run psql -X -q -v ON_ERROR_STOP=1 -v staff="$staff" -d seed -f test/bench/seed.sql

echo "$(grep -m1 'model name' /proc/cpuinfo | sed 's/.*: //'), $(nproc) cores; $("$PG_CONFIG" --version);" \
	"$units units, $staff staff, medians of $rounds"
echo
echo '| what | ms | its limit | ms | ratio | target |'
echo '|---|---|---|---|---|---|'

serial='SET max_parallel_workers_per_gather = 0; SET jit = off;'

# A new revision a round, so that each round compiles.
alternate big "$serial SET iomorg.chart_memory = 0;
	CREATE FUNCTION pg_temp.compile() RETURNS void LANGUAGE plpgsql AS \$\$
	BEGIN
	  UPDATE iom_revision SET revision = pg_current_xact_id();
	  PERFORM iom_level('U1');
	END \$\$;" \
	compile="SELECT pg_temp.compile()" \
	count_units="SELECT count(*) FROM iom_unit" \
	count_lines="SELECT count(*) FROM iom_line" \
	count_both="SELECT (SELECT count(*) FROM iom_unit) + (SELECT count(*) FROM iom_line)"
row "compile a chart of $units nodes" compile "count(*) of iom_unit and iom_line" count_both ""
row "" compile "count(*) of iom_unit alone" count_units "4"

alternate big "$serial" \
	subtree="SELECT count(*) FROM iom_subtree('U1')" \
	scan="SELECT count(*) FROM (SELECT node FROM iom_unit OFFSET 0) u"
row "iom_subtree, all $units nodes" subtree "sequential scan of them" scan "1.0"

for part in DDGMR DG; do
	alternate seed "$serial" \
		within="SELECT count(*) FROM staff WHERE unit <@ '$part'" \
		equal="SELECT count(*) FROM staff WHERE unit = '$part'"
	row "scan of $staff rows, unit <@ '$part' of 44 units" within "unit = '$part'" equal "1.3"
done

for ((i = 0; i < rounds; i++)); do
	latency seed "SELECT iom_supervisor('DLA');" >>supervisor
	latency seed 'SELECT 1;' >>one
done
row "iom_supervisor, prepared, warm" supervisor "SELECT 1" one "1.05"

echo
iom_run psql -X -At -d big -c "SELECT iom_level('U1')" \
	-c "SELECT format('memory of a chart: %s bytes a node (target: 48)', round(bytes::numeric / nodes, 2)) FROM iom_charts()" | tail -n 1

# Loading with all checks, beside tables with the same keys and no guards.
for ((i = 0; i < (rounds + 1) / 2; i++)); do
	iom_run psql -X -q -v ON_ERROR_STOP=1 -d big -f test/bench/load.sql |
		awk '$1 == "@guarded" { f = "guarded" } $1 == "@plain" { f = "plain" }
			/^Time:/ && f { print $2 >>f; f = "" }'
done
echo
echo '| what | ms | its limit | ms | ratio | target |'
echo '|---|---|---|---|---|---|'
row "INSERT of $units lines, with all guards" guarded "into a table with the same keys" plain "2"
