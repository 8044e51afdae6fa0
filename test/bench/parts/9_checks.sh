# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# The checks of everything, and what differs between two days, in 100,000 units
# with ten years of history; the checks of a single change, by the depth at which
# it is made.

build_from() { # database  units  script
	database=$1
	say "building $database"
	iom_run createdb "$1"
	bench_psql -v units="$2" -f "$here/$3"
}

build_from history_100000 100000 history.sql
echo
echo '| ten years of history: 100,000 units, 500,000 lines | ms | to count(*) | to reading the columns |'
echo '|---|---|---|---|'
say "history"
# Each round asks for days of which there is no chart yet.
setup="SET work_mem = '64MB';
	CREATE SEQUENCE pg_temp.s;
	CREATE FUNCTION pg_temp.diff(days integer) RETURNS bigint LANGUAGE plpgsql AS \$\$
	DECLARE d date := '2017-01-01'::date + 9 * nextval('pg_temp.s')::integer;
	BEGIN RETURN (SELECT count(change) FROM iom_diff(d, d + days)); END \$\$;"
take_statements \
	limit="SELECT count(*) FROM iom_line" \
	columns="SELECT max(node), max(supervisor), max(line), count(*) FILTER (WHERE valid @> '2019-01-01'::date) FROM iom_line" \
	iom_check="SELECT count(*) FROM iom_check()" \
	'iom_diff of a day and the next one'="SELECT pg_temp.diff(1)" \
	'iom_diff of five years'="SELECT pg_temp.diff(1826)"
measure_in_turn "${names[@]}"
setup=
for name in "${names[@]}"; do
	echo "| ${name/limit/count(*)} | ${median_of[$name]} | $(ratio "${median_of[$name]}") |" \
		"$(awk "BEGIN { printf \"%.2f\", ${median_of[$name]} / ${median_of[columns]} }") |"
done

echo
echo '| a change by function, its checks included | units | depth 7, ms | 100 | 1,000 | 10,000 |'
echo '|---|---|---|---|---|---|'
for units in 20000 1000000; do
	build_from "deep_$units" "$units" deep.sql
	say "$units units: single changes"
	# The effective day is far off, and the leaf is at the same place each time.
	statements=()
	for depth in 7 100 1000 10000; do
		statements+=("iom_move/$depth=SELECT iom_move('C$units', 'C$depth')"
			"iom_add/$depth=SELECT iom_add('NEW', 'New', 'C$depth')"
			"iom_close/$depth=SELECT iom_close('LEAF$depth')")
	done
	# What is closed lies as deep.
	before="BEGIN;"
	after="ROLLBACK;"
	setup="INSERT INTO iom_unit (node, name) SELECT ('LEAF' || d)::iom_node, 'Leaf' FROM unnest(ARRAY[7, 100, 1000, 10000]) d ON CONFLICT DO NOTHING;
		INSERT INTO iom_line (node, supervisor) SELECT ('LEAF' || d)::iom_node, ('C' || d)::iom_node FROM unnest(ARRAY[7, 100, 1000, 10000]) d ON CONFLICT DO NOTHING;"
	take_statements "${statements[@]}"
	measure_in_turn "${names[@]}"
	setup='' before='' after=''
	for change in iom_move iom_add iom_close; do
		echo "| $change | $units | ${median_of[$change/7]} | ${median_of[$change/100]} | ${median_of[$change/1000]} | ${median_of[$change/10000]} |"
	done
done
