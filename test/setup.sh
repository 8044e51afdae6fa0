# shellcheck shell=bash
# A private, throw-away PostgreSQL server with the extension in it. Sourced by
# test/run.sh and test/demo/run.sh, which call, in this order:
#
#   iom_begin                        temporary directory, clean-up on any exit
#   iom_install_packages what...     what is missing for it, by apt-get
#   iom_install_graphviz             if pictures are drawn
#   iom_copy_tree                    the checkout itself stays clean
#   iom_build_older                  if something is upgraded from another major
#   iom_build                        and installs in the temporary directory
#   iom_start_server                 on a socket in the temporary directory
#
# Each says on stderr what went wrong and returns non-zero. iom_run runs
# anything else: in the copy, as an unprivileged user.

iom_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
iom_createcluster=/etc/postgresql-common/createcluster.conf

iom_say() { echo "$*" >&2; }

iom_begin() {
	local base=${TMPDIR:-/tmp} variable

	# Our own make runs are nobody's sub-make, and our server is found by
	# what is set here alone.
	unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL CDPATH
	for variable in "${!PG@}" "${!LC_@}"; do
		[[ $variable == PG_* ]] || unset "$variable"
	done
	export LANG=C TZ=UTC
	umask 022

	iom_root=()
	iom_as_user=()
	if [ "$(id -u)" != 0 ]; then
		iom_root=(sudo)
	else
		# PostgreSQL refuses to run as root. `nobody` is everywhere, and
		# owns no other cluster that a runaway test could reach.
		iom_as_user=(setpriv --reuid=nobody "--regid=$(id -g nobody)" --clear-groups)
	fi

	# A socket's path has about 100 bytes; root's TMPDIR may be root's alone.
	if [ ${#base} -gt 40 ] || ! (cd / && "${iom_as_user[@]}" test -w "$base" -a -x "$base"); then
		base=/tmp
	fi
	trap iom_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
	iom_tmp=$(mktemp -d "$base/iomorg.XXXXXX") && iom_tmp=$(cd -P "$iom_tmp" && pwd) || return
	mkdir "$iom_tmp"/{tree,root,socket,tmp} || return
	[ ${#iom_as_user[@]} = 0 ] || chown -R "nobody:$(id -g nobody)" "$iom_tmp" || return
	export HOME=$iom_tmp TMPDIR=$iom_tmp/tmp
}

# On every exit, however it came about.
iom_end() {
	local status=$?

	set +e	# nothing may keep the rest from being done
	trap '' HUP INT PIPE TERM
	trap - EXIT
	cd /	# this very process is not to be found inside
	if [ -n "${iom_tmp:-}" ]; then
		iom_restore_createcluster
		iom_end_processes
		rm -rf "$iom_tmp"
	fi
	exit "$status"
}

# Ends whatever still works inside the temporary directory: our server, those
# that an interrupted test left, compilers. Only ours can have their working
# directory there.
iom_end_processes() {
	local round pid pids

	for round in {0..99}; do
		mapfile -t pids < <(find /proc -maxdepth 2 -name cwd -lname "$iom_tmp*" 2>/dev/null |
			cut -d/ -f3)
		[ ${#pids[@]} -gt 0 ] || return 0
		for pid in "${pids[@]}"; do
			if [ "$round" -ge 70 ]; then
				kill -KILL "$pid"
			elif [ $((round % 20)) = 0 ]; then
				# Shared memory outlives a server that is killed, and
				# initdb's die of any signal, but end with initdb.
				case $(tr '\0' ' ' <"/proc/$pid/cmdline") in
				*postgres*" --boot "* | *postgres*" --check "* | *postgres*" --single "*) ;;
				*bin/postgres\ * | postgres:*) kill -QUIT "$pid" ;;
				*) kill -TERM "$pid" ;;
				esac
			fi
		done 2>/dev/null
		sleep 0.1
	done
}

iom_has_headers() { # pg_config
	[ -f "$("$1" --includedir-server 2>/dev/null)/postgres.h" ]
}

iom_major() { # pg_config
	"$1" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'
}

# Sets PG_CONFIG to one that has server headers, as given or as found.
iom_find_pg_config() {
	local candidate

	for candidate in ${PG_CONFIG:-pg_config $(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -rV)}; do
		if iom_has_headers "$candidate"; then
			export PG_CONFIG=$candidate
			return
		fi
	done
	return 1
}

# Adds to `missing` what the programs in test/clients need.
iom_find_client_packages() {
	local package

	for package in psycopg psycopg2 sqlalchemy pyodbc; do
		/usr/bin/python3 -c "import $package" 2>/dev/null || missing+=("python3-$package")
	done
	command -v isql >/dev/null || missing+=(unixodbc)
	grep -qs '^\[PostgreSQL Unicode\]' /etc/odbcinst.ini || missing+=(odbc-postgresql)
	command -v javac >/dev/null || missing+=(default-jdk-headless)
	[ -f /usr/share/java/postgresql.jar ] || missing+=(libpostgresql-jdbc-java)
	command -v node >/dev/null || missing+=(nodejs)
	command -v npm >/dev/null || missing+=(npm)
}

# Installs what is missing, and nothing when nothing is: known by what is
# there, not by package names, so a PostgreSQL built by hand is as good.
iom_install_packages() { # demo | test [clients]
	local missing=() major='' bin server=''

	command -v make >/dev/null || missing+=(make)
	command -v gcc >/dev/null || missing+=(gcc)
	echo '#include <stdio.h>' | gcc -E - >/dev/null 2>&1 || missing+=(libc6-dev)
	if [ "$1" = test ]; then
		perl -MTest::More -e 1 2>/dev/null && command -v prove >/dev/null || missing+=(perl)
		perl -MIPC::Run -e 1 2>/dev/null || missing+=(libipc-run-perl)
	fi
	[ "${2:-}" != clients ] || iom_find_client_packages
	if iom_find_pg_config; then
		bin=$("$PG_CONFIG" --bindir)
		if [ ! -x "$bin/postgres" ] || [ ! -x "$bin/initdb" ] || [ ! -x "$bin/psql" ]; then
			server=missing
		fi
	elif [ -n "${PG_CONFIG:-}" ] && ! "$PG_CONFIG" --version >/dev/null; then
		iom_say "PG_CONFIG=$PG_CONFIG: cannot be run"
		return 1
	else
		missing+=(postgresql-server-dev)
		server=missing
	fi
	[ -n "$server" ] || [ ${#missing[@]} -gt 0 ] || return 0

	if ! command -v apt-get >/dev/null; then
		iom_say "missing, and no apt-get to install it: ${missing[*]}${server:+ a PostgreSQL server}"
		return 1
	fi
	if [ -n "${PG_CONFIG:-}" ]; then
		major=$(iom_major "$PG_CONFIG")
	else
		# The release's own PostgreSQL. A new machine may have no lists yet.
		major=$(iom_default_major)
		if [ -z "$major" ]; then
			iom_apt_get update || iom_say "apt-get update failed; trying to go on"
			major=$(iom_default_major)
		fi
		if [ -z "$major" ]; then
			iom_say "apt knows no package 'postgresql' to tell which PostgreSQL to install"
			return 1
		fi
	fi
	missing=("${missing[@]/%postgresql-server-dev/postgresql-server-dev-$major}")
	# Its headers may be all that is missing: never list what is there, or
	# apt-get would upgrade it and restart the clusters that run on it.
	[ ! -x "/usr/lib/postgresql/$major/bin/postgres" ] || server=
	[ -z "$server" ] || missing+=("postgresql-$major")

	if [ ${#iom_root[@]} -gt 0 ] && ! { command -v sudo >/dev/null && sudo true; }; then
		iom_say "missing: ${missing[*]}; as root: apt-get install --no-install-recommends ${missing[*]}"
		return 1
	fi
	echo "installing: ${missing[*]}"
	iom_apt_get update || iom_say "apt-get update failed; trying to go on"
	if [ -n "$server" ]; then
		# A server package makes and starts a cluster named main, unless
		# this file of postgresql-common says no.
		[ -f "$iom_createcluster" ] || iom_apt_get install postgresql-common || return
		"${iom_root[@]}" cp -p "$iom_createcluster" "$iom_tmp/createcluster.conf" || return
		{
			grep -v '^[[:space:]]*create_main_cluster' "$iom_tmp/createcluster.conf"
			echo 'create_main_cluster = false'
		} | "${iom_root[@]}" tee "$iom_createcluster" >/dev/null
	fi
	iom_apt_get install "${missing[@]}" || return
	iom_restore_createcluster
	: "${PG_CONFIG:=/usr/lib/postgresql/$major/bin/pg_config}"
	if ! iom_find_pg_config; then
		iom_say "$PG_CONFIG: still has no server headers"
		return 1
	fi
}

# Installs a package that only some tests need, and can be done without.
iom_install_extra() { # package
	if ! command -v apt-get >/dev/null ||
		{ [ ${#iom_root[@]} -gt 0 ] && ! { command -v sudo >/dev/null && sudo true; }; }; then
		iom_say "missing: $1; as root: apt-get install --no-install-recommends $1"
		return 1
	fi
	echo "installing: $1"
	iom_apt_get install "$1" 2>/dev/null || { iom_apt_get update; iom_apt_get install "$1"; }
}

# Nothing but pictures needs Graphviz; nothing but clocks that jump, libfaketime.
# Debian's Graphviz 14 has the engine that we need in a package of its own.
iom_install_graphviz() {
	local package

	command -v dot >/dev/null || iom_install_extra graphviz || return
	! echo 'graph {}' | dot -Knop2 -Tsvg >/dev/null 2>&1 || return 0
	package=$(apt-cache pkgnames libgvplugin-neato-layout | grep -x 'libgvplugin-neato-layout[0-9]*')
	[ -z "$package" ] || iom_install_extra "$package"
}
iom_install_faketime() {
	compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || iom_install_extra libfaketime
}

# The major version that Debian's metapackage stands for.
iom_default_major() {
	apt-cache show --no-all-versions postgresql 2>/dev/null |
		sed -n 's/^Depends:.*\bpostgresql-\([0-9][0-9]*\).*/\1/p'
}

# Looks like apt-get, without its questions and its talk.
iom_apt_get() {
	local log=$iom_tmp/apt.log
	local command=(env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
		apt-get -q -y --no-install-recommends
		-o Acquire::Retries=3 -o DPkg::Lock::Timeout=300
		-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold)

	if [ "$1" = install ]; then
		# The long part may be interrupted. A dpkg that is leaves packages in
		# a mess, so that no signal gets to it, and we wait for its end.
		"${iom_root[@]}" "${command[@]}" --download-only "$@" </dev/null >"$log" 2>&1 &&
			"${iom_root[@]}" sh -c 'trap "" HUP INT TERM; exec setsid --wait "$@"' sh \
				"${command[@]}" "$@" </dev/null >"$log" 2>&1
	else
		"${iom_root[@]}" "${command[@]}" "$@" </dev/null >"$log" 2>&1
	fi || {
		tail -n 20 "$log" >&2
		return 1
	}
}

iom_restore_createcluster() {
	if [ -f "$iom_tmp/createcluster.conf" ]; then
		"${iom_root[@]}" cp -p "$iom_tmp/createcluster.conf" "$iom_createcluster" &&
			rm -f "$iom_tmp/createcluster.conf"
	fi
}

# What git would commit of the tree, or all of it where git is of no help.
iom_copy_tree() {
	(
		set -o pipefail
		cd "$iom_top" || exit
		{ git -c safe.directory="$iom_top" ls-files -z -co --exclude-standard |
			while IFS= read -r -d '' file; do
				[ ! -e "$file" ] || printf '%s\0' "$file"
			done | tar -cf - --null --no-recursion -T - | tar -xf - -C "$iom_tmp/tree"; } 2>/dev/null &&
			[ -f "$iom_tmp/tree/Makefile" ] ||
			tar -cf - --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' . |
			tar -xf - -C "$iom_tmp/tree"
	) || return
	[ ${#iom_as_user[@]} = 0 ] || chown -R "nobody:$(id -g nobody)" "$iom_tmp/tree"
}

# Runs a command in the copied tree, without privileges. In the background, and
# waited for, because bash handles a signal at once only while it waits; in a
# session of its own, so that Ctrl-C comes to us alone and iom_end ends the rest
# in an order that leaves nothing; and env undoes that bash makes background
# commands deaf to signals that a test may want to send.
iom_run() {
	(cd "$iom_tmp/tree" && exec setsid "${iom_as_user[@]}" env --default-signal=INT,QUIT "$@") </dev/null &
	wait $!
}

# make, as everything here calls it. Bitcode would need clang and tells no test
# anything. With IOM_SANITIZE, undefined behaviour ends the backend, and says
# `runtime error` in the log; PostgreSQL's -fwrapv would hide overflows. With
# IOM_COVERAGE, each backend that ends writes beside the objects what it ran.
iom_make() {
	local flags="${IOM_SANITIZE:+-fsanitize=undefined -fno-sanitize-recover=undefined -fno-wrapv}"

	flags+="${IOM_COVERAGE:+ --coverage -O0}"
	iom_run make --no-print-directory PG_CONFIG="$PG_CONFIG" with_llvm=no \
		PG_CFLAGS="$flags" PG_LDFLAGS="${IOM_COVERAGE:+--coverage}" "$@"
}

# For the oldest major that is here, if it is not ours: test/t/055_pg_upgrade.pl
# finds where that is in IOMORG_OLDER, what its servers need in IOMORG_OLDER_CONF.
# pg_upgrade to 18 looks for our library nowhere but beside the server's own, so
# that there is a copy of ours in our directory, with its programs in IOMORG_BINDIR.
iom_build_older() {
	local candidate major dir

	for candidate in $(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -V); do
		iom_has_headers "$candidate" && [ -x "${candidate%/*}/postgres" ] || continue
		major=$(iom_major "$candidate")
		[ "$major" -lt 15 ] || break
	done
	[ "${major:-99}" -lt "$(iom_major "$PG_CONFIG")" ] || return 0
	IOMORG_OLDER_CONF=$(iom_conf "$candidate")
	[ -n "$IOMORG_OLDER_CONF" ] || return 0
	PG_CONFIG=$candidate iom_make -s -j"$(nproc)" all &&
		PG_CONFIG=$candidate iom_make -s install DESTDIR="$iom_tmp/root" &&
		PG_CONFIG=$candidate iom_make -s clean || return
	for dir in --bindir --pkglibdir --sharedir; do
		dir=$("$PG_CONFIG" $dir)
		iom_run mkdir -p "$iom_tmp/root$dir" && iom_run cp -r "$dir/." "$iom_tmp/root$dir" || return
	done
	IOMORG_OLDER=${candidate%/bin/pg_config}
	IOMORG_BINDIR=$iom_tmp/root$("$PG_CONFIG" --bindir)
	export IOMORG_OLDER IOMORG_OLDER_CONF IOMORG_BINDIR
}

iom_build() {
	PATH=$("$PG_CONFIG" --bindir):$PATH
	iom_make -s -j"$(nproc)" all && iom_make -s install DESTDIR="$iom_tmp/root"
}

# How a server can be told to look for an extension elsewhere: since PostgreSQL 18
# by itself, before that with Debian's patch. Nothing if it cannot.
iom_conf() { # pg_config
	local known

	known=$'\n'$("$("$1" --bindir)/postgres" --describe-config)
	if [[ $known == *$'\nextension_control_path\t'* ]]; then
		echo "extension_control_path = '$iom_tmp/root$("$1" --sharedir):\$system'"
		echo "dynamic_library_path = '$iom_tmp/root$("$1" --pkglibdir):\$libdir'"
	elif [[ $known == *$'\nextension_destdir\t'* ]]; then
		echo "extension_destdir = '$iom_tmp/root'"
	fi
}

iom_start_server() {
	local data=$iom_tmp/data

	# shellcheck disable=SC2086	# two words, or none
	iom_run initdb -D "$data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
		${IOM_ICU:+--locale-provider=icu --icu-locale=$IOM_ICU} >"$iom_tmp/initdb.log" 2>&1 || {
		cat "$iom_tmp/initdb.log" >&2
		return 1
	}
	IOMORG_CONF=$(iom_conf "$PG_CONFIG")
	if [ -z "$IOMORG_CONF" ]; then
		iom_say "this server finds extensions only where it is installed itself: installing there"
		"${iom_root[@]}" make -s -C "$iom_tmp/tree" PG_CONFIG="$PG_CONFIG" with_llvm=no install || return
	fi
	export IOMORG_CONF	# for the servers that test/t starts

	export PGHOST=$iom_tmp/socket PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	cat >>"$data/postgresql.conf" <<-CONF
		$IOMORG_CONF
		listen_addresses = ''
		unix_socket_directories = '$PGHOST'
		port = $PGPORT
		fsync = off
		synchronous_commit = off
		full_page_writes = off
	CONF
	iom_run pg_ctl -D "$data" -s -w -t 600 -l "$iom_tmp/server.log" start || {
		cat "$iom_tmp/server.log" >&2
		return 1
	}
}
