#!/usr/bin/env bash
# What `make test` runs: every test, on a private throw-away server that finds
# the extension without its being installed. Installs the packages it needs.
#
#   make test                    all of it
#   make test ONLY=hierarchy     one test (or several, by blanks): a name from
#                                REGRESS or ISOLATION in the Makefile, a file of
#                                test/t, `unit` or `fuzz` for the tests without a
#                                server, or `warnings` for the strict builds
#   IOM_FUZZ_SECONDS=300 make test ONLY=fuzz
#                                more than 10 seconds for each fuzzer
#   IOM_SHOW_DIFFS=1 make test   print every difference, keep no files
#   IOM_ICU=en-US make test      text sorted as there, instead of by bytes
#   IOM_SANITIZE=1 make test     undefined behaviour is a failure
#   make coverage                so is less than 95% of the lines of src/ run,
#                                or one that is not, and no reason known
#
# The last line is `N passed, N failed`. Counted are: a regression test, an
# isolation spec, a TAP assertion, a unit test, a fuzzer, a compiler; a part that
# could not run, or not to its end, is one failure.
set -uo pipefail
# shellcheck source=test/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

passed=0
failed=0
ONLY=${ONLY:-}

# Adds up one part.
count() { # part status passed failed
	local lost=0

	[ $(($3 + $4)) -gt 0 ] && { [ "$2" = 0 ] || [ "$4" -gt 0 ]; } || lost=1
	[ $lost = 0 ] || echo "*** $1: did not run, or not to its end"
	passed=$((passed + $3))
	failed=$((failed + $4 + lost))
}

# Runs make for a part in the copy, shown and kept in $log; leaves its $status.
make_logged() { # part make-arguments...
	echo "== $1"
	log=$iom_tmp/$1.log
	shift
	(iom_make -s "$@" 2>&1 | tee "$log") &
	wait $!
	status=$?
	[ $status != 141 ] || exit $status	# nobody reads on
}

# The tests of one Makefile variable that ONLY leaves, in the array $chosen.
choose() { # variable
	local name word base

	chosen=()
	for name in $(iom_make -s --eval="iom-list: ; @echo \$($1)" iom-list); do
		base=${name##*/}
		base=${base%.pl}
		for word in ${ONLY:-"$base"}; do
			case $word in
			"$base" | "$base.pl" | "$name" | "${base#[0-9]*_}") chosen+=("$name") ;;
			esac
		done
	done
	[ -z "$ONLY" ] || [ ${#chosen[@]} -gt 0 ]
}

# pg_regress and pg_isolation_regress: what is named and not seen to pass has
# failed, whatever became of it.
regress() { # part variable other
	local ok

	choose "$2" || return 0
	make_logged "$1" installcheck "$2=${chosen[*]}" "$3=" TAP_TESTS=
	# PostgreSQL 15 writes `test a ... ok`, or `     a ... ok` in a group;
	# later ones `ok 1 - a`, or `ok 1 + a`.
	ok=$(grep -cE '^(test)? .* \.\.\. ok |^ok [0-9]+ +[-+] ' "$log")
	count "$1" "$status" "$ok" $((${#chosen[@]} - ok))
}

# Whatever printed `ok N - name` lines into $log.
count_tap() { # part
	count "$1" "$status" \
		"$(grep -E '^ok [0-9]' "$log" | grep -ciEv '# *skip')" \
		"$(grep -E '^not ok [0-9]' "$log" | grep -ciEv '# *todo')"
}

tap() { # part make-arguments...
	make_logged "$@"
	count_tap "$1"
}

server_tests() {
	regress regression REGRESS ISOLATION
	regress isolation ISOLATION REGRESS
	if choose PROVE_TESTS; then
		tap TAP installcheck REGRESS= ISOLATION= PROVE_FLAGS=-v "PROVE_TESTS=${chosen[*]}"
	fi
}

unit_tests() {
	[[ -z $ONLY || " $ONLY " == *" unit "* ]] || return 0
	if [ -f "$iom_tmp/tree/test/unit/Makefile" ]; then
		tap unit -C test/unit check
	else
		echo "== unit: none here"
	fi
}

# libFuzzer and the sanitizers of clang on the parts that need no server; not
# where there is no clang (on Debian, the server's headers depend on it), or no
# libFuzzer to be had for it.
fuzzers() {
	local clang major

	[[ -z $ONLY || " $ONLY " == *" fuzz "* ]] || return 0
	clang=$(command -v clang || compgen -c clang- | grep -xE 'clang-[0-9]+' | sort -V | tail -n 1)
	[ -n "$clang" ] || return 0
	major=$("$clang" -dumpversion | cut -d. -f1)
	compgen -G "$("$clang" -print-resource-dir)/lib/*/libclang_rt.fuzzer*" >/dev/null ||
		! command -v apt-get >/dev/null ||
		iom_apt_get install "libclang-rt-$major-dev" 2>/dev/null
	make_logged fuzz -C test/fuzz check CLANG="$clang" SECONDS="${IOM_FUZZ_SECONDS:-10}"
	grep -q '^ok .* # SKIP' "$log" || count_tap fuzz
}

# Every compiler that is here, with all its warnings as errors, in a directory of
# its own. Users build without: a new compiler must not keep them from it.
strict_builds() {
	local compiler

	[[ -z $ONLY || " $ONLY " == *" warnings "* ]] || return 0
	for compiler in gcc clang; do
		command -v "$compiler" >/dev/null || continue
		iom_run mkdir "$iom_tmp/tmp/$compiler"
		make_logged "warnings-$compiler" -C "$iom_tmp/tmp/$compiler" -f "$iom_tmp/tree/Makefile" \
			"VPATH=$iom_tmp/tree" iomorg.so CC="$compiler" COPT="-Wall -Wextra -Werror \
			-Wno-ignored-attributes -Wno-unknown-warning-option -Wno-ignored-optimization-argument"
		count "warnings of $compiler" "$status" $((status == 0)) $((status != 0))
	done
}

# Lines of src/ that the server's and the unit tests ran, and why others are
# not run: test/coverage/reasons.
coverage() {
	local report=$iom_tmp/coverage.txt percent unexplained

	echo "== coverage"
	iom_run pg_ctl -D "$iom_tmp/data" -s -m fast stop
	tap unit -C test/unit check SANITIZE=--coverage CFLAGS="-O0 -g"
	# (each from where it was compiled, or the text is not found)
	iom_run sh -c "{ gcov -t src/*.gcda; cd test/unit && gcov -t *.gcda; } 2>/dev/null |
		LC_ALL=C awk -v reasons=test/coverage/reasons -f test/coverage/report.awk" | tee "$report"
	percent=$(sed -n 's/\..*% of [0-9]* lines$//p' "$report")
	unexplained=$(sed -n 's/ without a reason.*//p' "$report")
	count "95% of the lines" 0 $((percent >= 95)) $((percent < 95))
	count "reasons" 0 $((${unexplained:-1} == 0)) $((${unexplained:-1} > 0))
}

# The differences, and what the servers had to say of a crash.
report_failures() {
	local kept file files=()

	cd "$iom_tmp/tree" || return
	for file in regression.diffs output_iso/regression.diffs; do
		[ ! -s $file ] || files+=("$file")
	done
	grep -hE -B 2 -A 8 'terminated by signal|PANIC:|TRAP:|Sanitizer|runtime error:' \
		"$iom_tmp/server.log" tmp_check/log/*.log 2>/dev/null | head -n 60
	if [ -n "${IOM_SHOW_DIFFS:-}" ]; then
		[ ${#files[@]} = 0 ] || cat "${files[@]}"
		# prove's summary names the files that failed.
		sed -nE 's:^test/t/(\S+)\.pl +\(Wstat.*:\1:p' "$iom_tmp/TAP.log" 2>/dev/null |
			while read -r file; do
				echo "== end of the log of $file"
				tail -n 100 "tmp_check/log/regress_log_$file"
			done
		return
	fi
	[ ${#files[@]} = 0 ] || tail -n 40 "${files[@]}"
	kept=$(cd / && mktemp -d "${iom_tmp%/*}/iomorg-failed.XXXXXX") || return
	cp -r regression.diffs results output_iso tmp_check/log "$iom_tmp/server.log" "$kept" 2>/dev/null
	rmdir "$kept" 2>/dev/null || echo "kept: $kept"
}

# The drivers of test/t/060_clients.pl are many packages.
clients=
[[ -n $ONLY && ! " $ONLY " =~ clients ]] || clients=clients

if iom_begin && iom_install_packages test $clients && iom_copy_tree; then
	if [[ -z $ONLY || " $ONLY " == *pictures* ]]; then
		iom_install_graphviz || iom_say "without Graphviz, nothing is drawn"
	fi
	if [[ -z $ONLY || " $ONLY " == *pg_upgrade* ]]; then
		iom_build_older || count "build for an older server" 1 0 0
	fi
	if [[ -z $ONLY || " $ONLY " == *clock* ]]; then
		iom_install_faketime || iom_say "without libfaketime, no clock jumps"
	fi
	if iom_build && iom_start_server; then
		server_tests
		[ -z "${IOM_COVERAGE:-}" ] || coverage
	else
		count "build and server" 1 0 0
	fi
	[ -n "${IOM_COVERAGE:-}" ] || {
		unit_tests
		fuzzers
		strict_builds
	}
	[ $failed = 0 ] || report_failures
	[ $((passed + failed)) -gt 0 ] || echo "*** no test is called $ONLY"
fi
[ $((passed + failed)) -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
[ $failed = 0 ]
