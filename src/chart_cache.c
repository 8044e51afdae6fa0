/*-------------------------------------------------------------------------
 *
 * chart_cache.c
 *	  The right chart for the active snapshot and a day: compiling charts and
 *	  keeping a few.
 *
 * A chart is right for one state of the hierarchy (revision.c) and a range of
 * days, those between two on which something begins or ends.  The list below
 * has the last used first; iomorg.chart_memory bounds the memory of all,
 * except that the latest chart always stays, and MAX_CHARTS their number.
 * Rolling back, another day and the way back all find their chart again.
 *
 * Each chart is one memory context, child of "iomorg charts", which is below
 * CacheMemoryContext: pg_backend_memory_contexts shows them.  While it is
 * being compiled it belongs to the caller's context, so that an error or a
 * cancel leaves nothing behind.
 *
 * A chart is unlisted when the tables were altered, when it was derived from
 * changes that are over, or to make room.  It is freed when nobody has it
 * pinned.  That happens in chart_cache_find() only, never in a callback, so
 * that a chart in hand stays there until the next call from the executor.
 *
 * No locks are held; the tables are locked while they are read.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifndef WIN32
#include <sys/mman.h>
#endif

#include "access/table.h"
#include "portability/instr_time.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "chart_cache.h"

/* Each new snapshot may look through all of them. */
#define MAX_CHARTS	32

ChartToday	chart_today_memo;

static int	chart_memory = 256 * 1024;	/* kB */

static MemoryContext charts_context = NULL;
static CachedChart *first_chart = NULL;
static CachedChart *unlisted_charts = NULL;
static uint64 last_serial = 0;
static uint64 charts_epoch = 0;

/*----------
 * Memory for the plain C parts
 *----------
 */

/*
 * Random access to large arrays spends more time on address translation than
 * on memory: ask for huge pages, where a system has them for the asking.
 */
#define HUGE_PAGE	((uintptr_t) 2 * 1024 * 1024)

static void *
server_alloc(void *context, size_t size)
{
	char	   *block = MemoryContextAllocHuge((MemoryContext) context,
											   Max(size, 1));

#ifdef MADV_HUGEPAGE
	if (size >= 2 * HUGE_PAGE)
	{
		uintptr_t	begin = TYPEALIGN(HUGE_PAGE, (uintptr_t) block);
		uintptr_t	end = TYPEALIGN_DOWN(HUGE_PAGE, (uintptr_t) block + size);

		(void) madvise((void *) begin, end - begin, MADV_HUGEPAGE);
	}
#endif
	return block;
}

static void
server_free(void *context, void *pointer)
{
	pfree(pointer);
}

static void
server_poll(void *context)
{
	CHECK_FOR_INTERRUPTS();
}

/*
 * The server as a source of memory: from the given context.
 */
OrgMemory
org_memory_of(MemoryContext context)
{
	OrgMemory	memory;

	memory.alloc = server_alloc;
	memory.free = server_free;
	memory.poll = server_poll;
	memory.context = context;
	return memory;
}

/*----------
 * The list
 *----------
 */

/*
 * Define the settings; called once, by _PG_init().
 */
void
chart_cache_define_settings(void)
{
	DefineCustomIntVariable("iomorg.chart_memory",
							"Memory that one session's charts may take.",
							"The chart used last is kept even if it alone "
							"takes more.",
							&chart_memory,
							256 * 1024,
							0,
							MAX_KILOBYTES,
							PGC_USERSET,
							GUC_UNIT_KB,
							NULL,
							NULL,
							NULL);
}

/*
 * Something changed that decides which chart is today's.
 */
void
chart_cache_forget_today(void)
{
	chart_today_memo.cached = NULL;
}

static void
unlist(CachedChart **link)
{
	CachedChart *cached = *link;

	if (chart_today_memo.cached == cached)
		chart_cache_forget_today();
	*link = cached->next;
	cached->listed = false;
	cached->next = unlisted_charts;
	unlisted_charts = cached;
}

/*
 * A transaction that changed the hierarchy is over.  If it committed, its
 * state after the change own_change is now that of the given revision.  All
 * its other states are gone for good.
 */
void
chart_cache_settle(uint64 own_change, uint64 revision)
{
	CachedChart **link = &first_chart;

	while (*link != NULL)
	{
		CachedChart *cached = *link;

		if (cached->state.own_change != 0 &&
			cached->state.own_change == own_change)
		{
			cached->state.revision = revision;
			cached->state.own_change = 0;
		}
		if (cached->state.own_change != 0)
			unlist(link);
		else
			link = &cached->next;
	}
}

/* Free what nobody needs any more. */
static void
free_unlisted(void)
{
	CachedChart **link = &unlisted_charts;

	while (*link != NULL)
	{
		CachedChart *cached = *link;

		if (cached->pins > 0)
			link = &cached->next;
		else
		{
			*link = cached->next;
			MemoryContextDelete(cached->context);
		}
	}
}

/* Unlist the charts used least lately, down to the limits. */
static void
make_room(void)
{
	size_t		bytes = 0;
	int			ncharts = 0;
	CachedChart **link = &first_chart;

	while (*link != NULL)
	{
		size_t		held = MemoryContextMemAllocated((*link)->context, true);

		if (ncharts > 0 &&
			(ncharts >= MAX_CHARTS ||
			 bytes + held > (size_t) chart_memory * 1024))
			unlist(link);
		else
		{
			bytes += held;
			ncharts++;
			link = &(*link)->next;
		}
	}
}

/*
 * The first chart of the list, for whoever reports on all of them.
 */
const CachedChart *
chart_cache_first(void)
{
	return first_chart;
}

static void
unpin(void *argument)
{
	CachedChart *cached = argument;

	Assert(cached->pins > 0);
	cached->pins--;
}

/*
 * Keep a chart until the owner, a memory context, is reset or deleted.
 */
const CachedChart *
chart_cache_pin(const CachedChart *cached, MemoryContext owner)
{
	MemoryContextCallback *callback;

	callback = MemoryContextAlloc(owner, sizeof(MemoryContextCallback));
	callback->func = unpin;
	callback->arg = unconstify(CachedChart *, cached);
	MemoryContextRegisterResetCallback(owner, callback);
	unconstify(CachedChart *, cached)->pins++;
	return cached;
}

/*----------
 * Compiling
 *----------
 */

static const char *
fault_chain(const ChartFault *fault)
{
	StringInfoData chain;

	initStringInfo(&chain);
	for (uint32 i = 0; i < fault->nnodes; i++)
		appendStringInfo(&chain, "%s -> ", node_text(fault->nodes[i]).text);
	if (fault->length > fault->nnodes)
		appendStringInfo(&chain, "... (%u nodes in all)", fault->length);
	else
		appendStringInfoString(&chain, node_text(fault->nodes[0]).text);
	return chain.data;
}

/*
 * The rows make no chart: they came behind the guards' back, or constraints
 * are deferred.
 */
static void
raise_fault(const ChartFault *fault)
{
	const char *detail = NULL;

	switch (fault->kind)
	{
		case CHART_SOUND:
			return;
		case CHART_TOO_LARGE:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the organisation has more than %u nodes",
							CHART_MAX_NODES)));
			break;
		case CHART_DUPLICATE_NODE:
			detail = psprintf("Node \"%s\" is in iom_unit twice.",
							  node_text(fault->nodes[0]).text);
			break;
		case CHART_UNKNOWN_NODE:
			detail = psprintf("The line from \"%s\" to \"%s\" is valid, but "
							  "unit \"%s\" is not there.",
							  node_text(fault->nodes[0]).text,
							  node_text(fault->nodes[1]).text,
							  node_text(fault->nodes[0]).text);
			break;
		case CHART_UNKNOWN_SUPERVISOR:
			detail = psprintf("The line from \"%s\" to \"%s\" is valid, but "
							  "unit \"%s\" is not there.",
							  node_text(fault->nodes[0]).text,
							  node_text(fault->nodes[1]).text,
							  node_text(fault->nodes[1]).text);
			break;
		case CHART_SECOND_LINE:
			detail = psprintf("\"%s\" has two solid lines, to \"%s\" and to "
							  "\"%s\".", node_text(fault->nodes[0]).text,
							  node_text(fault->nodes[1]).text,
							  node_text(fault->nodes[2]).text);
			break;
		case CHART_CYCLE:
			detail = psprintf("There is a cycle: %s.", fault_chain(fault));
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
			 errmsg("the rows of iom_unit and iom_line make no hierarchy"),
			 errdetail_internal("%s", detail),
			 errhint("Correct the lines of these nodes in iom_line.")));
}

/* The nearest days before and after the given one on which rows change. */
static inline void
narrow(Days *days, Days valid, int64 day)
{
	if (valid.from <= day)
		days->from = Max(days->from, valid.from);
	else
		days->to = Min(days->to, valid.from);
	if (valid.to <= day)
		days->from = Max(days->from, valid.to);
	else
		days->to = Min(days->to, valid.to);
}

static inline bool
is_valid_on(Days valid, int64 day)
{
	return valid.from <= day && day < valid.to;
}

/*
 * Compile a chart from what the active snapshot sees.
 */
static CachedChart *
compile(int64 day)
{
	Snapshot	snapshot = GetActiveSnapshot();
	MemoryContext context;
	MemoryContext scratch_context;
	OrgMemory	keep;
	OrgMemory	scratch;
	CachedChart *cached;
	ChartBuild *build;
	ChartFault	fault;
	Relation	unit;
	Relation	line;
	OrgScan    *scan;
	UnitRow		unit_row;
	LineRow		line_row;
	instr_time	start;
	instr_time	duration;

	INSTR_TIME_SET_CURRENT(start);
	context = AllocSetContextCreate(CurrentMemoryContext, "iomorg chart",
									ALLOCSET_SMALL_SIZES);
	scratch_context = AllocSetContextCreate(CurrentMemoryContext,
											"iomorg chart build",
											ALLOCSET_DEFAULT_SIZES);
	keep = org_memory_of(context);
	scratch = org_memory_of(scratch_context);
	cached = MemoryContextAllocZero(context, sizeof(CachedChart));
	cached->context = context;
	cached->days.from = DAYS_UNBOUNDED_FROM;
	cached->days.to = DAYS_UNBOUNDED_TO;

	org_tables_open(&unit, &line);
	build = chart_build_begin(&scratch, &keep, org_expected_rows(unit));

	scan = org_scan_units(unit, snapshot);
	while (org_scan_next_unit(scan, &unit_row))
	{
		CHECK_FOR_INTERRUPTS();
		narrow(&cached->days, unit_row.valid, day);
		if (is_valid_on(unit_row.valid, day))
			chart_build_unit(build, unit_row.node, unit_row.position);
	}
	org_scan_end(scan);

	scan = org_scan_lines(line, snapshot);
	while (org_scan_next_line(scan, &line_row))
	{
		CHECK_FOR_INTERRUPTS();
		if (!line_row.solid)
			continue;
		narrow(&cached->days, line_row.valid, day);
		if (is_valid_on(line_row.valid, day))
			chart_build_line(build, line_row.node, line_row.supervisor);
	}
	org_scan_end(scan);

	table_close(line, AccessShareLock);
	table_close(unit, AccessShareLock);

	cached->chart = chart_build_end(build, &fault);
	if (cached->chart == NULL)
		raise_fault(&fault);
	MemoryContextDelete(scratch_context);

	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, start);
	cached->compile_ms = INSTR_TIME_GET_MILLISEC(duration);
	cached->serial = ++last_serial;
	return cached;
}

/*
 * The chart of a state and a day, moved to the front of the list; NULL if
 * there is none.
 */
static CachedChart *
find_listed(const HierarchyState *state, int64 day)
{
	/* tables that were altered may be other tables by now */
	if (charts_epoch != org_tables_epoch)
	{
		while (first_chart != NULL)
			unlist(&first_chart);
		charts_epoch = org_tables_epoch;
	}

	for (CachedChart **link = &first_chart; *link != NULL;
		 link = &(*link)->next)
	{
		CachedChart *cached = *link;

		if (hierarchy_state_equal(&cached->state, state) &&
			is_valid_on(cached->days, day))
		{
			*link = cached->next;
			cached->next = first_chart;
			first_chart = cached;
			return cached;
		}
	}
	return NULL;
}

/*
 * The chart for the active snapshot and a day, if it is there already and the
 * user may see it; NULL otherwise.  For the planner: raises no error that
 * depends on privileges or data, and never compiles.
 */
const CachedChart *
chart_cache_peek(int64 day)
{
	HierarchyState state;

	if (!ActiveSnapshotSet() || !org_tables_may_select())
		return NULL;
	state = revision_state(GetActiveSnapshot());
	return find_listed(&state, day);
}

/*
 * The chart for the active snapshot and a day.  Good until control returns to
 * the executor; pin it for longer.
 *
 * Raises an error if the user may not read the tables or if their rows make
 * no hierarchy; never one that depends on what is asked of the chart.
 */
const CachedChart *
chart_cache_find(int64 day)
{
	HierarchyState state;
	CachedChart *cached;
	uint64		epoch;

	org_tables_check_select();
	state = revision_state(GetActiveSnapshot());
	free_unlisted();
	cached = find_listed(&state, day);
	if (cached != NULL)
	{
		cached->hits++;
		return cached;
	}

	epoch = org_tables_epoch;
	cached = compile(day);
	cached->state = state;

	if (charts_context == NULL)
		charts_context = AllocSetContextCreate(CacheMemoryContext,
											   "iomorg charts",
											   ALLOCSET_SMALL_SIZES);
	MemoryContextSetParent(cached->context, charts_context);

	/* the next call frees what cannot be kept */
	if (state.settled && epoch == org_tables_epoch)
	{
		cached->listed = true;
		cached->next = first_chart;
		first_chart = cached;
		make_room();
	}
	else
	{
		cached->next = unlisted_charts;
		unlisted_charts = cached;
	}
	ereport(DEBUG1,
			(errmsg_internal("iomorg: compiled a chart of %u nodes in %.3f ms "
							 "(%zu bytes; revision " UINT64_FORMAT "%s)",
							 cached->chart->nnodes, cached->compile_ms,
							 cached->chart->bytes, state.revision,
							 state.settled ? "" : ", used once")));
	return cached;
}

/*
 * The same for the day that is set, or today.  Remembered for chart_today().
 */
const CachedChart *
chart_cache_find_today(void)
{
	const CachedChart *cached;
	uint64		epoch = org_privileges_epoch;
	int64		day = as_of_day(true, 0);

	chart_cache_forget_today();
	if (!ActiveSnapshotSet())
		elog(ERROR, "the hierarchy was asked without a snapshot");
	cached = chart_cache_find(day);
	if (cached->listed)
	{
		chart_today_memo.cached = cached;
		chart_today_memo.serial = cached->serial;
		chart_today_memo.epoch = epoch;
		chart_today_memo.key = snapshot_key(GetActiveSnapshot());
		chart_today_memo.user = GetUserId();
		chart_today_memo.timezone = session_timezone;
	}
	return cached;
}
