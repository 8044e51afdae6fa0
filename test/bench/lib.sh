# shellcheck shell=bash disable=SC2034,SC2154  # shared with lib.sh and run.sh
# How test/bench measures. Sourced by run.sh; the parts call:
#
#   about NODE              whom the statements that follow are about
#   compare KIND WORK TARGET LIMIT PEER=SQL...
#                           checks, measures, and prints a line of the table
#   alternate PEER=SQL...   the same measuring, for lines of another form
#
# In a statement, {node}, {path}, {lft}, {rgt}, {after}, {size} and {staff} stand
# for what is known of the node. $database and $units say where; $setup is run
# first in every session; $before and $after around each statement, untimed.

peers=(iomorg recursive 'ltree GiST' 'ltree btree' closure 'nested sets' 'nested on facts' connectby)
serial="SET max_parallel_workers_per_gather = 0; SET jit = off;"
setup='' before='' after=''
declare -A fact sql median_of

bench_psql() { iom_run psql -X -q -At -v ON_ERROR_STOP=1 -d "$database" "$@"; }

# Median of the numbers on standard input.
median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'; }

say() { echo "$(date +%T) $*" >&2; }

about() { # condition
	local values
	values=$(bench_psql -F ' ' -c "SELECT node, path, lft, rgt, ltree2text(path) || '0', size, staff, level
		FROM measure $1 LIMIT 1")
	read -r 'fact[node]' 'fact[path]' 'fact[lft]' 'fact[rgt]' 'fact[after]' 'fact[size]' 'fact[staff]' 'fact[level]' <<<"$values"
	[ -n "${fact[level]}" ] || { iom_say "$database has no node $1"; exit 1; }
}

# The statement with what is known of the node filled in; pgbench gets the node
# itself and the number of its staff as parameters.
fill() { # SQL  [node  staff]
	local text=$1 word
	text=${text//'{node}'/"${2:-'${fact[node]:-}'}"}
	text=${text//'{staff}'/"${3:-${fact[staff]:-}}"}
	for word in path after; do
		text=${text//"{$word}"/"'${fact[$word]:-}'"}
	done
	for word in lft rgt size level; do
		text=${text//"{$word}"/"${fact[$word]:-}"}
	done
	echo "$text"
}

# NAME=SQL arguments into sql[NAME], filled in; names[] keeps their order.
take_statements() {
	local pair
	names=()
	sql=()
	for pair; do
		[ -n "${pair#*=}" ] || continue
		names+=("${pair%%=*}")
		sql[${pair%%=*}]=${pair#*=}
	done
}

# Runs the statements in turn in one session, as often as there are rounds after
# one to warm up; median_of[NAME] is in milliseconds.
measure_in_turn() { # NAME...
	local name i script=$iom_tmp/tmp/turns.sql out=$iom_tmp/tmp/turns.out

	{
		echo "$serial $setup"
		for ((i = 0; i <= rounds; i++)); do
			for name; do
				printf '%s\n\\echo @%d/%s\n\\timing on\n%s\n\\timing off\n\\echo @\n%s\n' "$before" \
					"$i" "$name" "$(fill "${sql[$name]}");" "$after"
			done
		done
	} >"$script"
	bench_psql -o /dev/null -f "$script" >"$out"
	for name; do
		median_of[$name]=$(awk -v name="$name" '
			/^@[0-9]+\// { split($0, w, "/"); take = substr($0, index($0, "/") + 1) == name && w[1] != "@0"; sum = 0 }
			/^Time:/ { sum += $2 }
			/^@$/ && take { print sum; take = 0 }' "$out" | median)
	done
}

# The same through pgbench, prepared, for statements so short that a client sees
# little but the way there and back. A turn is some hundred milliseconds of the
# same statement on one connection, and counts with the mean of the middle half of
# its latencies: so neither a session's first question nor a hiccup is in it.
measure_prepared() { # NAME...
	local name i out=$iom_tmp/tmp/pgbench.out

	for name; do
		fill "${sql[$name]};" ':node' ':staff' >"$iom_tmp/tmp/$name.pgbench"
		: >"$iom_tmp/tmp/$name.latency"
	done
	for ((i = 0; i < rounds; i++)); do
		for name; do
			PGOPTIONS="-c max_parallel_workers_per_gather=0 -c jit=off" \
				iom_run pgbench -n -M prepared -l --log-prefix="$iom_tmp/tmp/turn" -D node="${fact[node]}" -D staff="${fact[staff]}" \
				-t "$(awk "BEGIN { print int(300 / (${once[$name]} + 0.05)) + 20 }")" \
				-f "$iom_tmp/tmp/$name.pgbench" "$database" >"$out" 2>&1 || { cat "$out" >&2; exit 1; }
			cut -d' ' -f3 "$iom_tmp"/tmp/turn.* | sort -n | awk '
				{ v[NR] = $1 }
				END { for (i = int(NR / 4) + 1; i <= NR * 3 / 4; i++) { sum += v[i]; n++ } print sum / n / 1000 }
				' >>"$iom_tmp/tmp/$name.latency"
			rm -f "$iom_tmp"/tmp/turn.*
		done
	done
	for name; do
		median_of[$name]=$(median <"$iom_tmp/tmp/$name.latency")
	done
}

# How a set of nodes in a column `node` is timed, and how it is checked.
timed_set() { echo "SELECT count(node) FROM ($1) nodes"; }
checked_set() { echo "SELECT count(node), sum(hashint8(node::bigint)::bigint) FROM ($1) nodes"; }

# Runs every statement once, with a time limit, and demands that all answer the
# same. Leaves once[NAME] in milliseconds, or late[NAME].
declare -A once late
check() { # KIND
	local name text script=$iom_tmp/tmp/check.sql out=$iom_tmp/tmp/check.out answers state first=''

	answers=$(iom_run mktemp -d "$iom_tmp/tmp/answers.XXXXXX")
	{
		echo "$serial SET statement_timeout = '${patience}s'; $setup"
		for name in "${names[@]}"; do
			text=${sql[$name]}
			[[ $1 != *set* || $name = limit ]] || text=$(checked_set "$text")
			text=$(fill "$text")
			printf '%s\n\\echo @%s\n\\o %s\n\\timing on\n%s;\n\\timing off\n\\o\n\\echo @ :ERROR :LAST_ERROR_SQLSTATE\n%s\n' \
				"$before" "$name" "'$answers/$name'" "$text" "$after"
			# Prepared statements are for the warm.
			[[ $1 != *prepared* ]] || printf '\\o /dev/null\n\\echo @%s\n\\timing on\n%s;\n\\timing off\n\\echo @ false\n\\o\n' "$name" "$text"
		done
	} >"$script"
	bench_psql -v ON_ERROR_STOP=0 -f "$script" >"$out" 2>"$out.err"
	once=() late=()
	for name in "${names[@]}"; do
		# The last time it ran, and what became of it the first time.
		read -r once["$name"] state < <(awk -v name="@$name" '
			$0 == name { take = 1; sum = 0 }
			take && /^Time:/ { sum += $2 }
			take && $1 == "@" { if (state == "") state = $2 == "true" ? $3 : "ok"; take = 0 }
			END { print sum, state }' "$out")
		if [ "$state" = 57014 ]; then
			late[$name]=1
		elif [ "$state" != ok ]; then
			cat "$out.err" >&2
			iom_say "$name fails in: ${work:-}"
			exit 1
		elif [ "$name" != limit ]; then
			: "${first:=$name}"
			if ! cmp -s "$answers/$first" "$answers/$name"; then
				iom_say "$first and $name do not answer the same in: $work ($units units, node ${fact[node]})"
				head -n 5 "$answers/$first" "$answers/$name" >&2
				exit 1
			fi
		fi
	done
}

# KIND: `whole` statements, or `set` where each is a query for a set of nodes in
# a column `node`; with `prepared`, sent by pgbench. A statement slower than
# $slow ms is measured once and marked with a tilde; one that takes longer than
# $patience seconds is given up.
compare() { # KIND WORK TARGET LIMIT PEER=SQL...
	local kind=$1 work=$2 target=$3 limit=$4 name short=() long=()

	shift 4
	say "$units units: $work"
	take_statements "limit=$limit" "$@"
	check "$kind"
	for name in "${names[@]}"; do
		[[ $kind != *set* || $name = limit ]] || sql[$name]=$(timed_set "${sql[$name]}")
	done
	median_of=()
	for name in "${names[@]}"; do
		if [ -n "${late[$name]:-}" ]; then
			:
		elif [ "$name" != limit ] && [ "$name" != iomorg ] && awk "BEGIN { exit !(${once[$name]} > $slow) }"; then
			median_of[$name]=${once[$name]}
		elif [[ $kind = *prepared* ]] && awk "BEGIN { exit !(${once[$name]} < 30) }"; then
			short+=("$name")
		else
			long+=("$name")
		fi
	done
	[ ${#short[@]} = 0 ] || measure_prepared "${short[@]}"
	[ ${#long[@]} = 0 ] || measure_in_turn "${long[@]}"
	print_line "$work" "$target"
}

# What the medians say, as ratios to the limit.
print_line() { # WORK TARGET
	local name line

	line="| $1 | $units | $(awk "BEGIN { printf \"%.3f\", ${median_of[limit]} }") | $2 |"
	for name in "${peers[@]}"; do
		if [ -n "${late[$name]:-}" ]; then
			line+=" >$(ratio $((patience * 1000))) |"
		elif [ -n "${median_of[$name]:-}" ]; then
			line+=" $([ "$name" = iomorg ] || awk "BEGIN { if (${once[$name]:-0} > $slow) printf \"~\" }")$(ratio "${median_of[$name]}") |"
		else
			line+=" – |"
		fi
	done
	echo "$line"
}

ratio() { awk "BEGIN { r = $1 / ${median_of[limit]}; printf(r < 10 ? \"%.2f\" : r < 100 ? \"%.1f\" : \"%.0f\", r) }"; }

table_head() {
	local name line='| work | units | limit, ms | target |' rule='|---|---|---|---|'

	for name in "${peers[@]}"; do
		line+=" $name |"
		rule+='---|'
	done
	printf '%s\n%s\n' "$line" "$rule"
}

# Does a part of this name belong to what was asked for?
wanted() { [[ -z $parts || " $parts " == *" $1 "* ]]; }

iomorg_has() { [ -n "$(bench_psql -c "SELECT 1 FROM pg_proc WHERE proname = '$1' LIMIT 1")" ]; }

# Targets differ where the organisation is larger than the processor's caches.
by_size() { if [ "$units" -gt 100000 ]; then echo "$2"; else echo "$1"; fi; } # small  large
