#!/usr/bin/env bash
# What `make test-package` runs: the archives of a release and the Debian package,
# from the last commit and what of its files is changed since, in a small Debian
# of this machine's own release. As root, or through sudo.
#
#   make test-package REF=v1.1.0                     what is in another commit
#   DEB_BUILD_OPTIONS=nocheck make test-package      without the package's tests
#
# Steps:
#
#   archives     the same bytes twice
#   package      dpkg-buildpackage, as an ordinary user, with the tests; lintian
#   installed    the extension works from the package; nothing stays after purge,
#                nor after `make uninstall`
#
# Files: test/debian.sh. The last line is `N passed, N failed`.
set -uo pipefail
# shellcheck source=test/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
# shellcheck source=test/debian.sh
. "$iom_top/test/debian.sh"

if [ "$(id -u)" != 0 ]; then
	exec sudo env IOM_CACHE="$debian_cache" REF="${REF:-}" \
		DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-}" "${BASH_SOURCE[0]}"
fi

passed=0
failed=0

# Runs a step in the background, because bash handles a signal at once only while
# it waits; the output is shown if it fails, or if it is asked for.
step() { # name command...
	local name=$1 log=$iom_tmp/step.log

	shift
	"$@" >"$log" 2>&1 &
	if wait $!; then
		echo "ok - $name"
		passed=$((passed + 1))
	else
		tail -n 100 "$log"
		echo "not ok - $name"
		failed=$((failed + 1))
		return 1
	fi
}

# Debian's tools for packages, and what the build depends on.
make_root() { # folder
	debian_unpack "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" "$1" &&
		debian_inside "$1" "$iom_tmp/tmp" "$iom_tmp/tmp" sh -euc '
			apt-get update
			apt-get install -y --no-install-recommends -o Acquire::Retries=3 \
				-o Dpkg::Options::=--force-confold build-essential debhelper fakeroot \
				lintian postgresql-all postgresql-server-dev-all
			apt-get clean'
}

# A shell script in there, in the folder of the build.
inside() { # script
	debian_inside "$debian_cache/package" "$iom_tmp/tmp" "$iom_tmp/tmp" \
		sh -euc "cd /tmp/build; $1"
}

# ... by somebody who may write nothing else. The first process in there stays
# root's: it dies with us, and a change of user would undo that.
inside_unprivileged() { # script
	inside "setpriv --reuid=nobody --regid=nogroup --clear-groups \
		env HOME=/tmp/build sh -euc '$1' || exit"
}

# Without REF, of the last commit with what is changed since, if anything is.
archives() {
	local ref=${REF:-}

	[ -n "$ref" ] || ref=$(git -C "$iom_top" -c safe.directory="$iom_top" stash create)
	mkdir "$iom_tmp/tmp/build" "$iom_tmp/tmp/again" &&
		make -s -C "$iom_top" dist REF="${ref:-HEAD}" DIST="$iom_tmp/tmp/build" &&
		sleep 2 &&
		(umask 077 && TZ=Asia/Manila make -s -C "$iom_top" dist REF="${ref:-HEAD}" DIST="$iom_tmp/tmp/again") &&
		diff -r "$iom_tmp/tmp/build" "$iom_tmp/tmp/again" &&
		chown -R "nobody:$(id -g nobody)" "$iom_tmp/tmp/build"
}

main() {
	local name

	step 'archives: the same bytes twice' archives &&
		step 'a Debian to build in' debian_keep "$debian_cache/package" make_root || return
	name=$(cd "$iom_tmp/tmp/build" && echo iomorg-*.tar.gz)
	name=${name%.tar.gz}
	step 'package: built, with its tests' inside_unprivileged "
		tar -xzf $name.tar.gz
		cd $name
		DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS:-} dpkg-buildpackage -us -uc" || return
	grep -E '^ *All [0-9]+ tests passed' "$iom_tmp/step.log" | sed 's/^ */# /'
	step 'package: lintian has no complaint' inside_unprivileged '
		lintian --fail-on error,warning iomorg_*.changes'
	for package in "$iom_tmp"/tmp/build/postgresql-*-iomorg_*.deb; do
		dpkg-deb -c "$package" | awk '$1 !~ /^d/ { print "#   " $6 }'
	done
	# shellcheck disable=SC2016	# for the inner shell
	step 'package: nothing outside of its folders' inside '
		for package in postgresql-*-iomorg_*.deb; do
			if dpkg-deb -c "$package" | grep -v "^d" |
				grep -vE " \./usr/(lib|share)/(postgresql/[0-9]+|doc/postgresql-[0-9]+-iomorg)/"
			then
				exit 1
			fi
		done'
	# shellcheck disable=SC2016	# for the inner shell
	step 'package: works when installed, and nothing stays after purge' inside '
		purge() { dpkg -P $(ls postgresql-*-iomorg_*.deb | sed "s/_.*//"); }
		purge
		trap purge EXIT
		find /usr /etc /var/lib/postgresql | sort >before
		dpkg -i postgresql-*-iomorg_*.deb
		for version in $(ls /usr/lib/postgresql); do
			pg_virtualenv -v $version psql -X -v ON_ERROR_STOP=1 -c "CREATE EXTENSION iomorg" \
				-c "SELECT iom_version(), iom_path(node) FROM iom_roots() node"
		done
		purge
		find /usr /etc /var/lib/postgresql | sort | diff before -'
	step 'make uninstall: nothing stays' inside_unprivileged "
		cd $name
		make -s install DESTDIR=/tmp/build/installed
		[ -n \"\$(find /tmp/build/installed -type f)\" ]
		make -s uninstall DESTDIR=/tmp/build/installed
		[ -z \"\$(find /tmp/build/installed ! -type d)\" ]"
}

mkdir -p "$debian_cache" && iom_begin && trap debian_end EXIT && chmod 1777 "$iom_tmp/tmp" && main ||
	[ $failed -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
[ $failed = 0 ]
