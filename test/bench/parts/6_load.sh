# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# A bulk load: COPY of all units and lines into iomorg's tables, with guards and
# history, and into plain ones with the same keys, checks and foreign keys, in
# turn. The processor time is the server process's own (Linux), for machines that
# do other things as well.

load_statements() { # kind  the table's columns  file
	cat <<-SQL
		SELECT sum(ticks::int) AS ticks, clock_timestamp() AS start
		FROM unnest((string_to_array(pg_read_file('/proc/self/stat'), ' '))[14:15]) ticks \gset
		COPY $2 FROM '$iom_tmp/tmp/$3.csv' CSV;
		SELECT '$1', extract(epoch FROM clock_timestamp() - :'start') * 1000, (sum(ticks::int) - :ticks) * 10
		FROM unnest((string_to_array(pg_read_file('/proc/self/stat'), ' '))[14:15]) ticks;
	SQL
}

# Empty tables, without a trace in the history, and what writes them to disk.
load_round() {
	cat <<-SQL
		SET session_replication_role = replica;
		TRUNCATE plain_line, plain_unit, iom_unit, iom_line, iom_appointment, iom_history;
		RESET session_replication_role;
		CHECKPOINT;
	SQL
	load_statements plain "plain_unit (node, name, kind, position)" units
	load_statements plain "plain_line (node, supervisor)" lines
	echo "CHECKPOINT;"
	load_statements iomorg "iom_unit (node, name, kind, position)" units
	load_statements iomorg "iom_line (node, supervisor)" lines
}

# Both loads of each round added up: wall clock and processor time, medians, and
# the median of the rounds' ratios.
load() {
	local round column script=$iom_tmp/tmp/load.sql out=$iom_tmp/tmp/load.out

	say "$units units: load"
	iom_run createdb -T "org_$units" load
	database=load
	bench_psql -c "COPY (SELECT node, name, kind, position FROM iom_unit) TO '$iom_tmp/tmp/units.csv' CSV" \
		-c "COPY (SELECT node, supervisor FROM iom_line WHERE line = 'solid') TO '$iom_tmp/tmp/lines.csv' CSV" \
		-c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS plain_line, plain_unit" \
		-c "CREATE TABLE plain_unit (LIKE iom_unit INCLUDING ALL)" \
		-c "CREATE TABLE plain_line (LIKE iom_line INCLUDING ALL, FOREIGN KEY (node) REFERENCES plain_unit, FOREIGN KEY (supervisor) REFERENCES plain_unit)"
	for ((round = 0; round < load_rounds; round++)); do
		load_round
	done >"$script"
	bench_psql -F ' ' -f "$script" >"$out"
	for column in 2 3; do
		awk -v column="$column" '
			{ sum[$1] += $column; n++ }
			n % 4 == 0 { print sum["iomorg"], sum["plain"], sum["iomorg"] / sum["plain"]; delete sum }' "$out" >"$out.$column"
		echo "| $units | $([ "$column" = 2 ] && echo 'wall clock' || echo 'processor') |" \
			"$(cut -d' ' -f1 "$out.$column" | median) | $(cut -d' ' -f2 "$out.$column" | median) |" \
			"$(cut -d' ' -f3 "$out.$column" | median | awk '{ printf "%.2f", $1 }') | 2 |"
	done
	iom_run dropdb load
}

load_rounds=${LOAD_ROUNDS:-1}	# minutes each
echo
echo '| COPY of all units and lines | time | iomorg, ms | plain, ms | ratio | target |'
echo '|---|---|---|---|---|---|'
for units in $sizes; do
	[ "$units" -lt 1000 ] || load
done
