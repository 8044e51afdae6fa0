# How the plain C parts of iomorg are compiled outside a server; for the unit
# tests and the fuzzers.

PG_CONFIG ?= pg_config

unit := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
src := $(unit)/../../src

CFLAGS = -O1 -g -Wall -Wextra
override CPPFLAGS += -DFRONTEND -I$(src) -I$(unit) \
	-isystem $(shell $(PG_CONFIG) --includedir-server)

node_code_sources = $(src)/node_code.c $(unit)/unit.c $(unit)/twin_code.c
chart_sources = $(node_code_sources) $(src)/code_index.c $(src)/chart.c \
	$(src)/chart_build.c $(unit)/organisation.c $(unit)/twin_chart.c
soundness_sources = $(chart_sources) $(src)/link_cut.c \
	$(src)/soundness.c \
	$(unit)/twin_soundness.c
headers = $(wildcard $(src)/*.h $(unit)/*.h)

# The address sanitizer's shadow can collide with what a kernel that spreads
# addresses widely chose.
run := $(shell setarch "$$(uname -m)" -R true 2>/dev/null && \
	echo 'setarch "$$(uname -m)" -R')

# LeakSanitizer does not work under ptrace and in some containers; the tests
# count what the code under test leaves behind themselves.
export ASAN_OPTIONS ?= detect_leaks=0:allocator_may_return_null=1
export UBSAN_OPTIONS ?= print_stacktrace=1

# A compiler may come without the sanitizers' libraries: try a program of
# nothing. Call with the compiler, the options, the source text and a file.
tried = echo '$(3)' | $(1) $(2) -x c - -o $(4) 2>/dev/null && \
	$(run) $(4) >/dev/null 2>&1 && rm -f $(4)
