# iomorg: an organisation's hierarchy inside PostgreSQL
#
# make, make install, make installcheck: as every PGXS extension.
# make demo, make test, make bench: everything on a private throw-away server.
# make test-matrix, test-valgrind, test-sqlsmith, check-static, coverage: see README.md, Tests.
# make dist, make test-package, make demo-shards: see doc/release.md, doc/sharding.md.

EXTENSION = iomorg
DATA = iomorg--1.0.sql iomorg--1.0--1.1.sql
PGFILEDESC = "iomorg - an organisation's hierarchy, known to the planner"

MODULE_big = iomorg
OBJS = \
	$(WIN32RES) \
	src/as_of.o \
	src/cast_guard.o \
	src/changes.o \
	src/chart.o \
	src/chart_build.o \
	src/chart_cache.o \
	src/chart_compile.o \
	src/chart_guess.o \
	src/chart_probe.o \
	src/check.o \
	src/code_index.o \
	src/days_text.o \
	src/diff.o \
	src/find.o \
	src/guard.o \
	src/hierarchy.o \
	src/hierarchy_set.o \
	src/history.o \
	src/history_insert.o \
	src/history_json.o \
	src/history_rows.o \
	src/import.o \
	src/import_read.o \
	src/index_count.o \
	src/iomorg.o \
	src/link_cut.o \
	src/node_code.o \
	src/node_io.o \
	src/node_op.o \
	src/node_planner.o \
	src/node_selfuncs.o \
	src/node_set.o \
	src/org_memory.o \
	src/org_rows.o \
	src/org_seek.o \
	src/org_tables.o \
	src/org_trigger.o \
	src/org_unseen.o \
	src/origin.o \
	src/own_trigger.o \
	src/referring.o \
	src/render.o \
	src/revision.o \
	src/rollup.o \
	src/rollup_unnest.o \
	src/set_rows.o \
	src/soundness.o \
	src/stand_in.o \
	src/totals.o \
	src/totals_add.o \
	src/totals_io.o \
	src/totals_sum.o \
	src/whole_statement.o \
	src/within.o

REGRESS = \
	install \
	node \
	node_index \
	planner \
	guess \
	probe \
	seed \
	hierarchy \
	hierarchy_set \
	rollup \
	relations \
	matrix \
	levels \
	render \
	find \
	as_of \
	histories \
	freshness \
	guard \
	guard_dates \
	history \
	history_insert \
	stand_in \
	changes \
	import \
	import_day \
	diff \
	check \
	privileges \
	security \
	unsound \
	hostile \
	hostile_owner \
	discard_caches \
	within \
	forest \
	chain

ISOLATION = \
	changes_close \
	changes_move \
	edit_order \
	guard_cycle \
	guard_ends \
	guard_solid \
	hostile_names \
	hostile_trigger \
	new_index \
	import \
	read_committed \
	readers \
	repeatable_read \
	restore_jobs \
	rewritten \
	serializable

ISOLATION_OPTS = --inputdir=$(srcdir)/test
TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl

EXTRA_CLEAN = src/*.gcda src/*.gcno

# These need no PostgreSQL yet: they install what is missing.
ifneq ($(filter-out demo demo-shards test test-matrix test-package check-static coverage test-valgrind test-sqlsmith bench dist,$(or $(MAKECMDGOALS),all)),)
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq ($(wildcard $(PGXS)),)
$(error $(PG_CONFIG) finds no PGXS: install the server's headers (Debian: postgresql-server-dev-NN) or set PG_CONFIG)
endif
# What compilers have to say of the server's headers is for the server.
PG_CPPFLAGS = -isystem $(shell $(PG_CONFIG) --includedir-server)
include $(PGXS)

# Its own functions are bound when it is linked, not looked up in every library of
# the server, which took a seventh of the time that loading it takes.
ifeq ($(PORTNAME), linux)
SHLIB_LINK += -Wl,-Bsymbolic
endif

# Built in another directory (VPATH), that has no src yet.
$(OBJS) $(OBJS:.o=.bc): | $(CURDIR)/src
$(CURDIR)/src:
	mkdir -p $@

# PGXS tracks no header dependencies.
$(filter src/%.o,$(OBJS)) $(filter src/%.bc,$(OBJS:.o=.bc)): $(wildcard $(srcdir)/src/*.h)
endif

.PHONY: demo demo-shards test test-matrix test-package test-valgrind test-sqlsmith check-static coverage bench dist
demo:
	@bash $(dir $(firstword $(MAKEFILE_LIST)))test/demo/run.sh
demo-shards:
	@bash $(dir $(firstword $(MAKEFILE_LIST)))test/demo/shards.sh
test:
	@bash $(dir $(firstword $(MAKEFILE_LIST)))test/run.sh
test-matrix:
	@bash $(dir $(firstword $(MAKEFILE_LIST)))test/matrix/run.sh
test-package:
	@bash $(dir $(firstword $(MAKEFILE_LIST)))test/package/run.sh
check-static:
	@bash $(dir $(firstword $(MAKEFILE_LIST)))test/static/run.sh
coverage:
	@IOM_COVERAGE=1 bash $(dir $(firstword $(MAKEFILE_LIST)))test/run.sh
test-valgrind:
	@bash $(dir $(firstword $(MAKEFILE_LIST)))test/valgrind/run.sh
test-sqlsmith:
	@bash $(dir $(firstword $(MAKEFILE_LIST)))test/sqlsmith/run.sh
bench:
	@bash $(dir $(firstword $(MAKEFILE_LIST)))test/bench/run.sh

# The archives of a release: the same bytes whoever makes them from the same
# commit, wherever and whenever.  make dist REF=v1.1.0 DIST=/tmp
REF = HEAD
DIST = .
dist:
	@cd $(dir $(firstword $(MAKEFILE_LIST))). && set -e; \
	git() { command git -c safe.directory="$$PWD" -c tar.umask=0022 "$$@"; }; \
	meta=$$(git show "$(REF):META.json"); \
	name=iomorg-$$(printf '%s\n' "$$meta" | sed -n 's/^\t"version": "\(.*\)",$$/\1/p'); \
	git archive --format=tar --prefix=$$name/ -o "$(DIST)/$$name.tar" $(REF); \
	gzip -9nf "$(DIST)/$$name.tar"; \
	TZ=UTC git archive --format=zip --prefix=$$name/ -o "$(DIST)/$$name.zip" $(REF); \
	cd "$(DIST)" && sha256sum $$name.tar.gz $$name.zip
