#!/usr/bin/env bash
# What `make demo-shards` runs: doc/sharding.md on one server and three shards,
# which stay up until Ctrl-C. Everything is gone then.
set -euo pipefail
# shellcheck source=test/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

iom_begin
iom_install_packages test
iom_copy_tree
iom_build
iom_start_server	# it says where the others find the extension
export IOM_KEEP=1
iom_make -s installcheck REGRESS= ISOLATION= PROVE_FLAGS=-v PROVE_TESTS=test/t/080_shards.pl
