#!/usr/bin/env bash
# What `make test-matrix` runs: `make test` on every major version that Debian
# has, each with its suite's own compilers, and pg_upgrade to it from 15.
#
#   make test-matrix                      all of them
#   make test-matrix IOM_MATRIX="17 18"   some
#   make test-matrix ONLY="node planner"  some tests (see test/run.sh)
#
# What this machine has installed is used as it is. For the others a small Debian
# is unpacked with debootstrap (some 3 minutes and 2 GB each), as root or
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
# shellcheck source=test/debian.sh
. "$iom_top/test/debian.sh"

majors=${IOM_MATRIX:-15 17 18 19}
ONLY=${ONLY:-}
suite_of() { # major
	case $1 in
	15) echo bookworm ;;
	17) echo trixie ;;
	18) echo forky ;;
	19) echo sid experimental ;;
	*) iom_say "no suite of Debian has PostgreSQL $1" && return 1 ;;
	esac
}

# A Debian that knows where to get Debian's server of a major version.
make_root() { # major folder
	local major=$1 root=$2 suite extra

	suite=$(suite_of "$major") || return
	read -r suite extra <<<"$suite"
	debian_unpack "$suite" "$root" || return
	[ -n "$extra" ] || return 0
	echo "deb $(debian_mirror) $extra main" >"$root/etc/apt/sources.list.d/$extra.list"
	printf '%s\n' 'Package: postgresql* libpq*' "Pin: release a=$extra" \
		'Pin-Priority: 600' >"$root/etc/apt/preferences.d/$extra"
}

# What it lacks of that server, of 15 if we are to upgrade from it, of compilers and
# of what the tests need.
fill_root() { # major folder
	local major=$1 root=$2 suite servers=() packages=()

	[ -f "$root/usr/include/postgresql/$major/server/postgres.h" ] || servers=("$major")
	if [[ -z $ONLY || " $ONLY " == *pg_upgrade* ]] && [ ! -f "$root/usr/include/postgresql/15/server/postgres.h" ]; then
		# Its libraries go beside the newer ones; nothing else is from there.
		suite=$(suite_of 15)
		echo "deb $(debian_mirror) $suite main" >"$root/etc/apt/sources.list.d/$suite.list"
		printf '%s\n' 'Package: *' "Pin: release n=$suite" \
			'Pin-Priority: 100' >"$root/etc/apt/preferences.d/$suite"
		servers+=(15)
	fi
	[ -x "$root/usr/bin/clang" ] || packages=(make gcc clang libc6-dev libpq-dev perl libipc-run-perl)
	[ ${#servers[@]} -gt 0 ] || [ ${#packages[@]} -gt 0 ] || return 0
	echo "installing in $root: ${servers[*]/#/postgresql-} ${packages[*]}"
	# The server's headers are unpacked only: their package wants all of LLVM.
	debian_inside "$root" "$iom_tmp/tmp" "$iom_tmp/tree" sh -euc '
		servers=$1
		shift
		apt-get update
		apt-get install -y --no-install-recommends -o Acquire::Retries=3 \
			-o Dpkg::Options::=--force-confold $(printf " postgresql-%s" $servers) "$@"
		cd /tmp
		for server in $servers; do
			apt-get download "postgresql-server-dev-$server"
			dpkg -x postgresql-server-dev-*.deb /
			rm postgresql-server-dev-*.deb
		done
		apt-get clean' sh "${servers[*]}" "${packages[@]}" >"$iom_tmp/root.log" 2>&1 || {
		tail -n 30 "$iom_tmp/root.log"
		return 1
	}
}

# One version; what `make test` prints.
test_major() { # major
	local major=$1 root=$debian_cache/$1

	# What is installed here needs nothing.
	if [ -f "$("/usr/lib/postgresql/$major/bin/pg_config" --includedir-server 2>/dev/null)/postgres.h" ]; then
		IOM_SHOW_DIFFS=1 PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config \
			TMPDIR=${iom_tmp%/*} ONLY=$ONLY "$iom_top/test/run.sh"
		return
	fi
	debian_keep "$root" make_root "$major" || return
	(flock 9 && debian_trust "$root" "$iom_tmp/tmp" "$iom_tmp/tree" && fill_root "$major" "$root") 9>"$root.lock" || return
	debian_inside "$root" "$iom_tmp/tmp" "$iom_tmp/tree" \
		env IOM_SHOW_DIFFS=1 "IOM_ICU=${IOM_ICU:-}" "ONLY=$ONLY" "PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config" \
		bash /mnt/test/run.sh
}

if [ "$(id -u)" != 0 ]; then
	exec sudo env IOM_CACHE="$debian_cache" IOM_ICU="${IOM_ICU:-}" IOM_MATRIX="$majors" ONLY="$ONLY" "${BASH_SOURCE[0]}"
fi

passed=0
failed=0
results=()
mkdir -p "$debian_cache" && iom_begin && trap debian_end EXIT && iom_copy_tree || { echo "0 passed, 1 failed" && exit 1; }
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
