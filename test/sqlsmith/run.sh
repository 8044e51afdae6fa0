#!/usr/bin/env bash
# What `make test-sqlsmith` runs: sqlsmith, which makes up SQL from whatever types,
# operators, functions and tables a database has, on one with HR tables.
#
#   make test-sqlsmith                 10 minutes
#   make test-sqlsmith MINUTES=60
#   make test-sqlsmith SEED=7          the same statements, as far as the clock lets
#   PG_CONFIG=... make test-sqlsmith   on another server, say one with assertions
#
# Undefined behaviour ends the backend (IOM_SANITIZE=0: not so). sqlsmith calls any
# function that there is, so it is let in as two roles without special rights: the
# owner of the extension and of the tables, and one that row-level security binds.
# Both at once, for two minutes a round; each round prints its seeds, settings and
# the numbers of statements.
#
# A find is a crash, an internal error (XX000) that comes from iomorg's sources, a
# leak that the server warns of, or tables that do not make a hierarchy afterwards.
# Other internal errors are listed, once each: sqlsmith knows many of the server's.
# The last line is `N passed, N failed`: a round is one.
set -uo pipefail
# shellcheck source=test/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

minutes=${MINUTES:-10}
seed=${SEED:-$RANDOM$RANDOM}
round_seconds=120
passed=0
failed=0
export IOM_SANITIZE=${IOM_SANITIZE-1}
[ "$IOM_SANITIZE" != 0 ] || IOM_SANITIZE=

# Settings of the sessions, another set each round.
settings=(
	""
	"-c iomorg.probe_limit=0"
	"-c iomorg.probe_limit=2000000000 -c enable_seqscan=off"
	"-c iomorg.as_of=2024-12-31 -c iomorg.chart_memory=0"
	"-c parallel_setup_cost=0 -c parallel_tuple_cost=0 -c min_parallel_table_scan_size=0"
	"-c enable_hashjoin=off -c enable_mergejoin=off -c enable_sort=off"
	"-c enable_nestloop=off -c enable_partitionwise_join=on -c enable_partitionwise_aggregate=on"
	"-c default_transaction_isolation=serializable -c work_mem=64"
)

smith() { # role seed settings
	iom_run timeout "$round_seconds" sqlsmith --exclude-catalog --verbose --seed="$2" \
		--target="host=$PGHOST port=$PGPORT dbname=smith user=$1 options='-c smith.seed=$2 -c search_path=smith,pg_catalog,public $3'" \
		>"$iom_tmp/$1.log" 2>&1
	status=$?
	[ $status = 124 ] || echo "$1: sqlsmith ended with status $status: $(tail -n 3 "$iom_tmp/$1.log")"
}

# sqlsmith prints a character for each.
statements() { # role
	grep -E '^[.eStCc]+$' "$iom_tmp/$1.log" | tr -d '\n' | wc -c
}

# What the server said in this round.
finds() {
	local log=$iom_tmp/server.log files

	files=$(cd "$iom_top/src" && printf '%s|' *.c)
	grep -E -A 3 'terminated by signal|PANIC:|TRAP:|runtime error:|Sanitizer|WARNING: .*(leak|not closed)' "$log"
	awk -v ours="LOCATION:.*[ ,](${files%|}):" -v others="$iom_tmp/others" '
		/ XX[0-9A-Z]*: / { error = $0; text = ""; wanted = 1; next }
		wanted && $0 ~ ours { print error; print; getline; print; wanted = 0; next }
		wanted && /LOCATION:/ { sub(/.* XX/, "XX", error); print error >>others; wanted = 0 }' "$log"
}

round() { # number
	local number=$1 set=${settings[$(($1 % ${#settings[@]}))]} found role answer pids=()

	: >"$iom_tmp/server.log"
	for role in smith_owner smith_clerk; do
		smith $role $((seed + number)) "$set" &
		pids+=($!)
	done
	wait "${pids[@]}"
	found=$(finds)
	answer=$(iom_run psql -XAtq -d smith -c "SELECT * FROM iom_check()" -c "SELECT 'a unit is lost' FROM iom_unit HAVING count(*) < 40" 2>&1)
	echo "round $number: seed $((seed + number))${set:+, $set};" \
		"$(for role in smith_owner smith_clerk; do
			echo "$role: $(statements "$role") statements"
		done | paste -sd ,)"
	for role in smith_owner smith_clerk; do
		[ "$(statements "$role")" -ge 10 ] || answer+="$role asked next to nothing"
	done
	if [ -n "$found$answer" ]; then
		printf '%s\n' "$found" "$answer" | cut -c -20000
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}

if iom_begin && iom_install_packages demo &&
	{ command -v sqlsmith >/dev/null || { echo "installing: sqlsmith" && iom_apt_get install sqlsmith; }; } &&
	iom_copy_tree && iom_build && iom_start_server
then
	cat >>"$iom_tmp/data/postgresql.conf" <<-CONF
		log_error_verbosity = verbose
		log_min_error_statement = error
		log_line_prefix = '%u %p '
		track_activity_query_size = 64kB
		temp_file_limit = 1GB
		jit = off
	CONF
	iom_run pg_ctl -D "$iom_tmp/data" -s -w -l "$iom_tmp/server.log" restart
	iom_run createdb smith
	iom_run psql -Xq -d smith -f test/sqlsmith/hr.sql -f test/sqlsmith/narrow.sql || exit
	echo "seed $seed, $minutes minutes; $("$PG_CONFIG" --version)"
	for ((number = 0; number * round_seconds < minutes * 60; number++)); do
		round $number
	done
	if [ -s "$iom_tmp/others" ]; then
		echo "internal errors that are not iomorg's:"
		sort "$iom_tmp/others" | uniq -c | sort -rn | head -n 30
	fi
fi
[ $((passed + failed)) -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
[ $failed = 0 ]
