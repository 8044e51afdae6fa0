#!/usr/bin/env bash
# What `make bench` runs: iomorg and its peers over the same organisation, each
# line as ratios to the cheapest plain statement that touches the same rows.
# README.md, beside this file, says how to read it. The server is private and
# thrown away. Nothing here decides a test.
#
#   make bench                              all of it, in less than 20 minutes
#   make bench UNITS="40 10000" ROUNDS=5    smaller
#   make bench PARTS="one_node staff"       some files of test/bench/parts
# shellcheck disable=SC2034,SC2154  # shared with lib.sh and the parts
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/setup.sh
. "$here/../setup.sh"
# shellcheck source=test/bench/lib.sh
. "$here/lib.sh"

sizes=${UNITS:-40 10000 1000000}
staff=${STAFF:-1000000}
rounds=${ROUNDS:-5}
parts=${PARTS:-}
small_change_sizes=${SMALL_CHANGES:-1000 100000 1000000}
patience=${PATIENCE:-5}	# seconds for a statement, then it is given up
slow=${SLOW:-1500}	# milliseconds, then a peer is measured once

# The organisation of so many units, and the peers' tables where wanted.
build() { # database  units  [peers]
	database=$1
	say "building $database"
	iom_run createdb "$1"
	bench_psql -v units="$2" -f test/bench/organisation.sql
	[ -z "${3:-}" ] || bench_psql -v units="$2" -v staff="$staff" -f test/bench/peers.sql
}

iom_begin
iom_install_packages demo
iom_copy_tree
iom_build
iom_start_server
# All in memory; nothing in the background; WAL only of what is measured.
cat >>"$iom_tmp/data/postgresql.conf" <<-CONF
	shared_buffers = 4GB
	work_mem = 256MB
	maintenance_work_mem = 1GB
	max_wal_size = 16GB
	checkpoint_timeout = 1h
	wal_level = minimal
	max_wal_senders = 0
	autovacuum = off
CONF
iom_run pg_ctl -D "$iom_tmp/data" -s -w -l "$iom_tmp/server.log" restart
cd "$iom_tmp/tmp"

for units in $sizes; do
	build "org_$units" "$units" peers
done
echo "$(grep -m1 'model name' /proc/cpuinfo | sed 's/.*: //'), $(nproc) cores; $("$PG_CONFIG" --version);" \
	"$staff staff, medians of $rounds; a tilde: measured once"
for file in "$here"/parts/*.sh; do
	part=${file##*/[0-9]_}
	part=${part%.sh}
	# shellcheck disable=SC1090
	! wanted "$part" || . "$file"
done
say "done"
