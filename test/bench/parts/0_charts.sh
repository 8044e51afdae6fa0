# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# What a chart costs to compile and to keep, in the largest organisation.

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

echo
bench_psql -c "SELECT iom_rank('${fact[node]}')" \
	-c "SELECT format('Memory of a chart: %s bytes a node (target: 48).', round(bytes::numeric / nodes, 2)) FROM iom_charts()" | tail -n 1
