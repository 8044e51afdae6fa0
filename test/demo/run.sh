#!/usr/bin/env bash
# What `make demo` runs: demo.sql on a private throw-away server, with the SQL
# shown, and the chart as iomorg-demo.svg, in the checkout. Installs the packages
# it needs.
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

picture=$iom_top/iomorg-demo.svg
echo
echo "${bold}The whole chart as a picture:${plain}"
echo
# shellcheck disable=SC2016	# as one would type it
echo '    psql -At -c "SELECT iom_dot(dotted => true)" | dot -Tsvg > iomorg-demo.svg'
echo
if iom_install_graphviz &&
	iom_run psql -X -At -c "SELECT iom_dot(dotted => true)" -o "$iom_tmp/tmp/demo.dot" &&
	iom_run dot -Tsvg -o "$iom_tmp/tmp/demo.svg" "$iom_tmp/tmp/demo.dot" &&
	cp "$iom_tmp/tmp/demo.svg" "$picture"; then
	echo "is in $picture"
else
	iom_say "there is none: it takes Graphviz, and a checkout that can be written to"
fi
echo
echo "${bold}That is it: the server is gone again. README.md tells the rest.${plain}"
