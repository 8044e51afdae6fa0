#!/usr/bin/env bash
# What `make demo` runs: demo.sql on a private throw-away server, with the SQL
# shown. Installs the packages it needs.
set -euo pipefail
# shellcheck source=test/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

bold='' plain=''
if [ -t 1 ]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi

iom_begin
iom_install_packages demo
echo "A private server for a minute: nothing on this machine is touched."
iom_copy_tree
iom_build
iom_start_server
iom_run psql -X -q -v ON_ERROR_STOP=1 -v bold="$bold" -v plain="$plain" -f test/demo/demo.sql
