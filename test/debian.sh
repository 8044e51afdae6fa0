# shellcheck shell=bash disable=SC2034,SC2154	# sourced
# Small Debians of their own, in folders. Sourced after test/setup.sh by
# test/matrix/run.sh and test/package/run.sh, which run as root and say
#
#   iom_begin && trap debian_end EXIT
#
# They are kept in IOM_CACHE, by default ~/.cache/iomorg: remove what is in there
# whenever you like, or to have newer packages. Everything in such a folder runs
# in namespaces of its own: its mounts and its processes end with us, even if we
# are killed.

debian_cache=${IOM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/iomorg}

# Runs a command in namespaces of its own, where `/` is still the machine's. In
# the background, because bash handles a signal at once only while it waits.
debian_alone() {
	unshare --mount --pid --ipc --fork --kill-child "$@" &
	echo $! >"$iom_tmp/alone"
	wait $!
}

# On every exit: what still runs there ends before its files are removed.
debian_end() {
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

# Whom this machine trusts beyond Debian's own certificate authorities, as behind
# a proxy that opens what it forwards, the folder $1 trusts too: npm asks there.
debian_trust() { # root tmp tree
	local ours=/usr/local/share/ca-certificates

	[ -d "$ours" ] || return 0
	cp -RL "$ours/." "$1$ours" || return
	[ ! -x "$1/usr/sbin/update-ca-certificates" ] ||
		debian_inside "$@" update-ca-certificates >"$iom_tmp/root.log" 2>&1
}

# In the folder $1, with its own /proc, /dev/shm, and the machine's $2 at /tmp
# and $3, read-only, at /mnt.
# shellcheck disable=SC2016	# for the inner shell
debian_inside() { # root tmp tree command...
	local root=$1 tmp=$2 tree=$3

	shift 3
	debian_alone sh -c '
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
debian_mirror() {
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' |
		grep -E '/debian/?$' | head -n 1
}

# A Debian with nothing in it but what apt needs.
debian_unpack() { # suite folder
	local suite=$1 root=$2 uri

	uri=$(debian_mirror)
	[ -n "$uri" ] || { iom_say "apt's sources name no mirror of Debian" && return 1; }
	if ! command -v debootstrap >/dev/null; then
		iom_apt_get install debootstrap ||
			{ iom_apt_get update && iom_apt_get install debootstrap; } || return
	fi
	# Testing has a new name after each release; sid's script does for all.
	debian_alone debootstrap --variant=minbase "$suite" "$root" "$uri" \
		/usr/share/debootstrap/scripts/sid || return
	# A machine that lives with an old state of the mirror does so in there too.
	apt-config dump Acquire::Check-Valid-Until >"$root/etc/apt/apt.conf.d/iomorg"
	# Nothing starts by itself in there.
	mkdir -p "$root/etc/postgresql-common" &&
		echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.conf" &&
		printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" &&
		chmod +x "$root/usr/sbin/policy-rc.d"
}

# Has `make... folder` make the folder, if it is not there. Made beside, so that
# what is there is whole; by one of us at a time.
debian_keep() { # folder make...
	local root=$1

	shift
	(
		flock 9
		[ ! -d "$root" ] || exit 0
		echo "unpacking Debian in $root"
		rm -rf --one-file-system "$root.new"
		"$@" "$root.new" >"$iom_tmp/root.log" 2>&1 && mv "$root.new" "$root" || {
			tail -n 30 "$iom_tmp/root.log"
			rm -rf --one-file-system "$root.new"
			exit 1
		}
	) 9>"$root.lock"
}
