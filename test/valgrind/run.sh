#!/usr/bin/env bash
# What `make test-valgrind` runs: regression tests on a server with assertions
# under valgrind, which tells PostgreSQL's own allocations apart.
#
#   make test-valgrind                      all regression tests: an hour or two
#   make test-valgrind ONLY="node seed"     some
#   VALGRIND_OPTS=--track-origins=yes make test-valgrind ONLY=seed
#                                           where it came from: twice as slow
#
# The server is built from Debian's source package, in some 5 minutes, and kept
# in IOM_CACHE, by default ~/.cache/iomorg: remove it to have a newer one.
#
# The last line is `N passed, N failed`: the tests, and each process in which
# valgrind saw something.
set -uo pipefail
# shellcheck source=test/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

cache=${IOM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iomorg}/valgrind

# The source of the major version that this machine has, and what compiles it.
build_server() {
	local major uri codename
	local -a apt=(-o "Dir::Etc::SourceList=$iom_tmp/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$iom_tmp/lists" -o APT::Sandbox::User=root)

	iom_apt_get install dpkg-dev valgrind bison flex || return
	major=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' |
		grep -E '/debian/? ' | sort -u | while read -r uri codename; do
		echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $codename main"
	done >"$iom_tmp/sources.list"
	mkdir -p "$iom_tmp/lists/partial" "$iom_tmp/source" "$iom_tmp/build" || return
	(
		cd "$iom_tmp/source" &&
			apt-get -q "${apt[@]}" update &&
			apt-get -q "${apt[@]}" source --download-only "postgresql-$major" &&
			tar -xf postgresql-*.orig.tar.* --strip-components=1 -C "$iom_tmp/build" &&
			cd "$iom_tmp/build" &&
			./configure -q --prefix="$cache.new" --enable-cassert --enable-debug \
				--without-readline --without-zlib $( ((major > 15)) && echo --without-icu) \
				CFLAGS='-O2 -g -fno-omit-frame-pointer -DUSE_VALGRIND' &&
			make -s -j"$(nproc)" -C src install &&
			make -s -C contrib/pg_trgm install &&
			cp src/tools/valgrind.supp "$cache.new"
	)
}

# A copy that the server's user can read, in which valgrind runs `postgres`;
# not where initdb does.
copy_server() {
	cp -a "$cache" "$iom_tmp/server" &&
		mv "$iom_tmp/server/bin/postgres" "$iom_tmp/server/bin/postgres.real" &&
		cat >"$iom_tmp/server/bin/postgres" <<-'SH' && chmod +x "$iom_tmp/server/bin/postgres"
			#!/bin/sh
			server=${0%/bin/postgres}
			case "$*" in
			*-V* | *--boot* | *--check* | *--single* | *"-C "*) exec "$0.real" "$@" ;;
			esac
			exec valgrind --quiet --leak-check=no --trace-children=yes \
				--error-markers=VALGRIND-BEGIN,VALGRIND-END \
				--suppressions="$server/valgrind.supp" --log-file="$server/log/%p" \
				"$0.real" "$@" -c autovacuum=off
		SH
	mkdir -m 1777 "$iom_tmp/server/log" && chmod 755 "$iom_tmp"
}

# As many groups of the tests as there are processors, side by side.  Of what is
# random in the longest tests a tenth: more of it runs no other code.
run_groups() { # number
	local i j group log counts

	for ((i = 0; i < $1 && i < ${#names[@]}; i++)); do
		group=
		for ((j = i; j < ${#names[@]}; j += $1)); do
			group+=" ${names[j]}"
		done
		(ONLY=$group IOM_SHARE=${IOM_SHARE:-0.1} IOM_SHOW_DIFFS=1 PG_CONFIG=$iom_tmp/server/bin/pg_config \
			"$iom_top/test/run.sh" 2>&1 | tee "$iom_tmp/group.$i") </dev/null &
	done
	wait
	for log in "$iom_tmp"/group.*; do
		counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
		read -r i _ j _ <<<"${counts:-0 passed, 1 failed}"
		passed=$((passed + i))
		failed=$((failed + j))
	done
}

passed=0
failed=0
if iom_begin && iom_install_packages test; then
	if [ ! -d "$cache" ]; then
		echo "building a server in $cache"
		mkdir -p "${cache%/*}" && rm -rf "$cache.new"
		build_server >"$iom_tmp/build.log" 2>&1 && mv "$cache.new" "$cache" || tail -n 30 "$iom_tmp/build.log"
	fi
	if [ -d "$cache" ] && copy_server; then
		read -ra names <<<"${ONLY:-$(make -s -C "$iom_top" PG_CONFIG="$PG_CONFIG" --eval='iom-list: ; @echo $(REGRESS)' iom-list)}"
		run_groups "$(nproc)"
		processes=$(find "$iom_tmp/server/log" -type f | wc -l)
		echo "$processes processes under valgrind"
		[ "$processes" -gt 0 ] || failed=$((failed + 1))
		while read -r file; do
			cat "$file"
			failed=$((failed + 1))
		done < <(grep -l VALGRIND-BEGIN "$iom_tmp"/server/log/* 2>/dev/null)
	fi
fi
[ $((passed + failed)) -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
[ $failed = 0 ]
