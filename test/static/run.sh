#!/usr/bin/env bash
# What `make check-static` runs: what gcc's analyser, clang-tidy and cppcheck
# have to say of src/, which is to be nothing. Installs them. 3 minutes.
#
# What they are not asked, and why, is below. The last line is
# `N passed, N failed`: of each, the files.
set -uo pipefail
# shellcheck source=test/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

tidy_checks=(
	'-*' 'bugprone-*' 'cert-*' 'clang-analyzer-*' 'misc-*' 'performance-*' 'portability-*'
	# Every function of two numbers.
	-bugprone-easily-swappable-parameters
	# strlen() and lengthof() of short things to int, as everywhere in PostgreSQL.
	-bugprone-narrowing-conversions
	# _PG_init has the name that PostgreSQL gives it.
	-bugprone-reserved-identifier -cert-dcl37-c -cert-dcl51-cpp
	# The sscanf() of a date: its fields have widths that fit.
	-cert-err34-c
	# Wants memcpy_s(), which glibc has not.
	-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling
	# Fields are in the order in which they are read.
	-clang-analyzer-optin.performance.Padding
	# Callbacks have the parameters that the caller passes.
	-misc-unused-parameters
	# TYPEALIGN().
	-performance-no-int-to-ptr
)
cppcheck_options=(
	--quiet --enable=warning,performance,portability --std=c11 -Isrc --error-exitcode=1
	# Written by a function that it does not see.
	--suppress=uninitvar:src/iomorg.h
	# Not read where nothing was written: n is 0 then.
	--suppress=uninitvar:src/totals.c
)

check() { # tool
	local options=(-D_GNU_SOURCE -Isrc -isystem "$includes")

	case $1 in
	gcc)
		gcc -O2 -fwrapv -fPIC -fanalyzer -Werror -Wall -Wextra "${options[@]}" -c "$2" -o /dev/null
		;;
	clang-tidy)
		clang-tidy --quiet --warnings-as-errors='*' \
			--checks="$(IFS=, && echo "${tidy_checks[*]}")" "$2" -- "${options[@]}" 2>/dev/null
		;;
	cppcheck) cppcheck "${cppcheck_options[@]}" "$2" ;;
	esac
}

passed=0
failed=0
if iom_begin && iom_install_packages test; then
	for tool in clang-tidy cppcheck; do
		command -v $tool >/dev/null || iom_apt_get install $tool
	done
	includes=$("$PG_CONFIG" --includedir-server)
	cd "$iom_top" || exit
	for tool in gcc clang-tidy cppcheck; do
		if ! command -v $tool >/dev/null; then
			echo "*** $tool: not to be had"
			failed=$((failed + 1))
			continue
		fi
		echo "== $tool"
		for file in src/*.c; do
			if check $tool "$file"; then
				passed=$((passed + 1))
			else
				echo "*** $tool: $file"
				failed=$((failed + 1))
			fi
		done
	done
fi
[ $((passed + failed)) -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
[ $failed = 0 ]
