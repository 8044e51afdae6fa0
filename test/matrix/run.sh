#!/usr/bin/env bash
# What `make test-matrix` runs: `make test` on every major version that Debian
# has, each with its suite's own compiler.
#
#   make test-matrix                      all of them
#   make test-matrix IOM_MATRIX="17 18"   some
#   make test-matrix ONLY="node planner"  some tests (see test/run.sh)
#
# What this machine has installed is used as it is. For the others a small Debian
# is unpacked with debootstrap (some 2 minutes and 0.7 GB each), as root or
# through sudo, and kept in IOM_CACHE, by default ~/.cache/iomorg: remove what is
# in there whenever you like, or to have newer packages.
#
# Everything in such a folder runs in namespaces of its own: its mounts and its
# processes end with us, even if we are killed.
#
# The last line is `N passed, N failed`. A version that cannot be had is one
# failure.
set -uo pipefail
# shellcheck source=test/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

majors=${IOM_MATRIX:-15 17 18 19}
cache=${IOM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iomorg}
suite_of() { # major
	case $1 in
	15) echo bookworm ;;
	17) echo trixie ;;
	18) echo forky ;;
	19) echo sid experimental ;;
	*) iom_say "no suite of Debian has PostgreSQL $1" && return 1 ;;
	esac
}

# Runs a command in namespaces of its own, where `/` is still the machine's. In
# the background, because bash handles a signal at once only while it waits.
alone() {
	unshare --mount --pid --ipc --fork --kill-child "$@" &
	echo $! >"$iom_tmp/alone"
	wait $!
}

# On every exit: what still runs there ends before its files are removed.
end() {
	local status=$? outer inner

	# unshare is deaf to milder signals; its child, the first process in there,
	# is gone when all are.
	if outer=$(cat "${iom_tmp:-}/alone" 2>/dev/null) &&
		inner=$(cat "/proc/$outer/task/$outer/children"); then
		kill -KILL "$outer"
		while kill -0 "${inner% }"; do sleep 0.1; done
	fi 2>/dev/null
	(exit "$status")
	iom_end
}

# In the folder $1, with its own /proc, /dev/shm, and the machine's $2 at /tmp
# and $3, read-only, at /mnt.
# shellcheck disable=SC2016	# for the inner shell
inside() { # root tmp tree command...
	local root=$1 tmp=$2 tree=$3

	shift 3
	alone sh -c '
		root=$1 tmp=$2 tree=$3; shift 3
		mount -t proc proc "$root/proc" &&
		mount --rbind /dev "$root/dev" &&
		mount -t tmpfs -o mode=1777 shm "$root/dev/shm" &&
		mount --bind "$tmp" "$root/tmp" &&
		mount --bind "$tree" "$root/mnt" &&
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
			LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"' \
		sh "$root" "$tmp" "$tree" "$@"
}

# Where this machine gets its own packages from.
mirror() {
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' |
		grep -E '/debian/?$' | head -n 1
}

# Debian's server of a major version, a compiler, and what the tests need.
make_root() { # major folder
	local major=$1 root=$2 suite extra uri

	suite=$(suite_of "$major") || return
	read -r suite extra <<<"$suite"
	uri=$(mirror)
	[ -n "$uri" ] || { iom_say "apt's sources name no mirror of Debian" && return 1; }
	if ! command -v debootstrap >/dev/null; then
		iom_apt_get install debootstrap ||
			{ iom_apt_get update && iom_apt_get install debootstrap; } || return
	fi
	# Testing has a new name after each release; sid's script does for all.
	alone debootstrap --variant=minbase "$suite" "$root" "$uri" \
		/usr/share/debootstrap/scripts/sid || return
	# A machine that lives with an old state of the mirror does so in there too.
	apt-config dump Acquire::Check-Valid-Until >"$root/etc/apt/apt.conf.d/iomorg"
	# Nothing starts by itself in there.
	mkdir -p "$root/etc/postgresql-common" &&
		echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.conf" &&
		printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" &&
		chmod +x "$root/usr/sbin/policy-rc.d" || return
	if [ -n "$extra" ]; then
		echo "deb $uri $extra main" >"$root/etc/apt/sources.list.d/$extra.list"
		printf '%s\n' 'Package: postgresql* libpq*' "Pin: release a=$extra" \
			'Pin-Priority: 600' >"$root/etc/apt/preferences.d/$extra"
	fi
	# The server's headers are unpacked only: their package wants all of LLVM.
	inside "$root" "$iom_tmp/tmp" "$iom_tmp/tree" sh -euc '
		apt-get update
		apt-get install -y --no-install-recommends -o Acquire::Retries=3 \
			-o Dpkg::Options::=--force-confold \
			"postgresql-$1" make gcc libc6-dev libpq-dev perl libipc-run-perl
		cd /tmp
		apt-get download "postgresql-server-dev-$1"
		dpkg -x postgresql-server-dev-*.deb /
		rm postgresql-server-dev-*.deb
		apt-get clean' sh "$major"
}

# One version; what `make test` prints.
test_major() { # major
	local major=$1 root=$cache/$1

	# What is installed here needs nothing.
	if [ -f "$("/usr/lib/postgresql/$major/bin/pg_config" --includedir-server 2>/dev/null)/postgres.h" ]; then
		IOM_SHOW_DIFFS=1 PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config \
			TMPDIR=${iom_tmp%/*} ONLY=${ONLY:-} "$iom_top/test/run.sh"
		return
	fi
	# Made beside, so that what is there is whole; by one of us at a time.
	(
		flock 9
		[ ! -d "$root" ] || exit 0
		echo "unpacking Debian with PostgreSQL $major in $root"
		rm -rf --one-file-system "$root.new"
		make_root "$major" "$root.new" >"$iom_tmp/root.log" 2>&1 && mv "$root.new" "$root" || {
			tail -n 30 "$iom_tmp/root.log"
			rm -rf --one-file-system "$root.new"
			exit 1
		}
	) 9>"$root.lock" || return
	inside "$root" "$iom_tmp/tmp" "$iom_tmp/tree" \
		env IOM_SHOW_DIFFS=1 "ONLY=${ONLY:-}" "PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config" \
		bash /mnt/test/run.sh
}

if [ "$(id -u)" != 0 ]; then
	exec sudo env IOM_CACHE="$cache" IOM_MATRIX="$majors" ONLY="${ONLY:-}" "${BASH_SOURCE[0]}"
fi

passed=0
failed=0
results=()
mkdir -p "$cache" && iom_begin && trap end EXIT && iom_copy_tree || { echo "0 passed, 1 failed" && exit 1; }
chmod 1777 "$iom_tmp/tmp"
for major in $majors; do
	log=$iom_tmp/$major.log
	echo "===== PostgreSQL $major"
	# In the background, because bash handles a signal at once only while it waits.
	(test_major "$major" 2>&1 | tee "$log") </dev/null &
	wait $!
	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
	read -r ok _ notok _ <<<"${last:-0 passed, 1 failed}"
	passed=$((passed + ok))
	failed=$((failed + notok))
	results+=("PostgreSQL $major: ${last:-could not be tested}")
done
printf '%s\n' "${results[@]}"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
