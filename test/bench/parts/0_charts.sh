# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# What a chart costs to compile and to keep, and what loading lines costs with
# all guards, in the largest organisation.

units=${sizes##* }
database=org_$units
chart_line() { # what  statement  limit  what  target
	echo "| $1 | $units | ${median_of[$2]} | $4 | ${median_of[$3]} | $(awk "BEGIN { printf \"%.2f\", ${median_of[$2]} / ${median_of[$3]} }") | $5 |"
}

echo
echo '| work | units | ms | its limit | ms | ratio | target |'
echo '|---|---|---|---|---|---|---|'
say "$units units: charts"
fact["node"]=$(bench_psql -c "SELECT node FROM adjacency WHERE supervisor IS NULL")

# A new revision a round, so that each round compiles.
setup="SET iomorg.chart_memory = 0;
	SET iomorg.probe_limit = 0;
	CREATE FUNCTION pg_temp.compile() RETURNS void LANGUAGE plpgsql AS \$\$
	BEGIN
	  UPDATE iom_revision SET revision = pg_current_xact_id();
	  PERFORM iom_level('${fact[node]}');
	END \$\$;"
take_statements compile="SELECT pg_temp.compile()" units="SELECT count(*) FROM iom_unit" \
	both="SELECT (SELECT count(*) FROM iom_unit) + (SELECT count(*) FROM iom_line)"
measure_in_turn "${names[@]}"
setup=
chart_line 'compile a chart' compile both 'count(*) of iom_unit and iom_line' ''
chart_line '' compile units 'count(*) of iom_unit' 4

# The same lines into iom_line and into a table with the same keys but no guards.
before='BEGIN; TRUNCATE iom_line;' after='ROLLBACK;'
bench_psql -c "CREATE TABLE plain_line (LIKE iom_line INCLUDING ALL)" \
	-c "ALTER TABLE plain_line ADD FOREIGN KEY (node) REFERENCES iom_unit, ADD FOREIGN KEY (supervisor) REFERENCES iom_unit"
take_statements \
	guarded="INSERT INTO iom_line (node, supervisor) SELECT node, supervisor FROM adjacency WHERE supervisor IS NOT NULL" \
	plain="INSERT INTO plain_line (node, supervisor) SELECT node, supervisor FROM adjacency WHERE supervisor IS NOT NULL"
say "$units units: loading lines"
all_rounds=$rounds
rounds=1	# minutes each
measure_in_turn "${names[@]}"
rounds=$all_rounds before='' after=''
bench_psql -c "DROP TABLE plain_line"
chart_line "INSERT of all lines, guarded" guarded plain 'into a table with the same keys' 2

echo
bench_psql -c "SELECT iom_rank('${fact[node]}')" \
	-c "SELECT format('Memory of a chart: %s bytes a node (target: 48).', round(bytes::numeric / nodes, 2)) FROM iom_charts()" | tail -n 1
