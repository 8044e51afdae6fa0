/*-------------------------------------------------------------------------
 *
 * chart_cache.c
 *	  The right chart for the active snapshot and a day: keeping a few.
 *
 * A chart is right for one state of the hierarchy (revision.c) and a range of
 * days, those between two on which something begins or ends.  The list below
 * has the last used first; iomorg.chart_memory bounds the memory of all,
 * except that the latest chart always stays, and MAX_CHARTS their number.
 * Rolling back, another day and the way back all find their chart again.
 *
 * Some charts have just what one question needed, and serve that question
 * only (ChartScope, chart_probe.c).
 *
 * Each chart is one memory context, child of "iomorg charts", which is below
 * CacheMemoryContext: pg_backend_memory_contexts shows them.  While it is
 * being compiled it belongs to the caller's context, so that an error or a
 * cancel leaves nothing behind.
 *
 * A chart is unlisted when the tables were altered, when it was derived from
 * changes that are over, or to make room.  It is freed when nobody has it
 * pinned.  That happens where somebody asks for one and at the end of
 * transactions only, so that a chart in hand stays there until the next call
 * from the executor or the planner.
 *
 * No locks are held; the tables are locked while they are read.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"
#include "utils/memutils.h"

#include "chart_compile.h"

/* Each new snapshot may look through all of them. */
#define MAX_CHARTS	32

/* Of these, answers from indexes that are kept: for the same question again,
 * as the executor asks it after the planner. */
#define MAX_ANSWERS	8

/* Looking for one of them so many times takes as long as an index probe. */
#define ANSWERS_A_PROBE	16

ChartToday	chart_today_memo;

static int	chart_memory = 256 * 1024;	/* kB */

static MemoryContext charts_context = NULL;
static CachedChart *first_chart = NULL;
static CachedChart *unlisted_charts = NULL;
static uint64 last_serial = 0;
static uint64 charts_epoch = 0;

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

/*
 * A transaction is over.  If it changed the hierarchy and committed, its state
 * after the change own_change is now that of the given revision.  All
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
	free_unlisted();
}

/* Unlist the charts used least lately, down to the limits. */
static void
make_room(void)
{
	size_t		bytes = 0;
	int			ncharts = 0;
	int			nanswers = 0;
	CachedChart **link = &first_chart;

	while (*link != NULL)
	{
		size_t		held = MemoryContextMemAllocated((*link)->context, true);

		bool		answer = (*link)->scope.kind != SCOPE_ALL;

		if (ncharts > 0 &&
			(ncharts >= MAX_CHARTS || (answer && nanswers >= MAX_ANSWERS) ||
			 bytes + held > (size_t) chart_memory * 1024))
			unlist(link);
		else
		{
			bytes += held;
			ncharts++;
			nanswers += answer;
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
 * Finding
 *----------
 */
/*
 * A chart of a state and a day that answers a question, moved to the front of
 * the list; NULL if there is none.
 */
static CachedChart *
find_listed(const HierarchyState *state, int64 day, ChartScope scope)
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
			days_include(cached->days, day) &&
			scope_includes(&cached->scope, &scope))
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
 * List a new chart, or have it freed by the next call if it cannot be kept.
 */
static void
add_chart(CachedChart *cached, const HierarchyState *state, uint64 epoch)
{
	if (charts_context == NULL)
		charts_context = AllocSetContextCreate(CacheMemoryContext,
											   "iomorg charts",
											   ALLOCSET_SMALL_SIZES);
	MemoryContextSetParent(cached->context, charts_context);

	cached->serial = ++last_serial;
	cached->state = *state;
	if (state->settled && epoch == org_tables_epoch)
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
}

/* Tell that and why a chart was compiled. */
static void
report_compiled(const CachedChart *cached, uint32 probes)
{
	const char *why = "needed as a whole";

	if (probes > 0)
		why = psprintf("after %u index probes", probes);
	else if (!cached->state.settled)
		why = "used once, in the middle of a change";
	ereport(DEBUG1,
			(errmsg_internal("iomorg: compiled a chart of %u nodes in %.3f ms "
							 "(%s; %zu bytes; revision " UINT64_FORMAT ")",
							 cached->chart->nnodes, cached->compile_ms, why,
							 cached->chart->bytes, cached->state.revision)));
}

/*
 * Answer a question by index, and list the answer.  NULL if that takes too
 * many probes.
 */
static CachedChart *
add_probed_chart(int64 day, ChartScope scope, const HierarchyState *state,
				 uint32 max_probes)
{
	uint64		epoch = org_tables_epoch;
	CachedChart *cached = chart_probe(day, scope, state, max_probes);

	if (cached != NULL)
		add_chart(cached, state, epoch);
	return cached;
}

/*
 * Compile whole charts of one day or two and list them; NULL for a day that the
 * first one is right for.  False, and what is wrong, if the rows make no
 * hierarchy.
 */
static bool
add_whole_charts(int ndays, const int64 *day, const HierarchyState *state,
				 CachedChart **added, ChartFault *fault)
{
	uint64		epoch = org_tables_epoch;
	uint32		probes = chart_probe_settle_account(state);

	if (!chart_compile(ndays, day, added, fault))
		return false;
	for (int i = 0; i < ndays; i++)
	{
		if (i > 0 && added[i] == NULL)	/* the chart before serves that day */
			continue;
		add_chart(added[i], state, epoch);
		report_compiled(added[i], probes);
	}
	return true;
}

static CachedChart *
add_whole_chart(int64 day, const HierarchyState *state, ChartFault *fault)
{
	CachedChart *cached;

	return add_whole_charts(1, &day, state, &cached, fault) ? cached : NULL;
}

/*
 * A chart for the active snapshot and a day that answers a question, if it is
 * there already or comes of so many index probes, and if the user may see it;
 * NULL otherwise.  For the planner: raises no error that depends on privileges
 * or on the hierarchy, and compiles a whole chart only if that is small or has
 * paid by now.
 */
const CachedChart *
chart_cache_peek(int64 day, ChartScope scope, uint32 max_probes)
{
	HierarchyState state;
	CachedChart *cached;
	ChartFault	fault;

	if (!ActiveSnapshotSet() || !org_tables_may_select(GetUserId()))
		return NULL;
	state = revision_state(GetActiveSnapshot());
	free_unlisted();
	cached = find_listed(&state, day, scope);
	if (cached == NULL)
		cached = add_probed_chart(day, scope, &state, max_probes);
	if (cached == NULL && max_probes > 0 && chart_probe_compiling_pays(&state))
		cached = add_whole_chart(day, &state, &fault);
	return cached;
}

/*
 * How many nodes a subtree has, so many levels of it, of which there is no chart, and
 * of which chart_cache_peek() would make none: a guess, 0 for a user who may not see
 * it.
 */
double
chart_cache_guess_size(int64 day, ChartScope scope)
{
	HierarchyState state;

	if (!ActiveSnapshotSet() || !org_tables_may_select(GetUserId()))
		return 0;
	state = revision_state(GetActiveSnapshot());
	return chart_probe_guess_size(day, scope, &state);
}

/*
 * Is there a chart of everything, or would it cost less to compile one than to
 * look up, by SQL, what so many index probes would?  These are spent if not.
 * Raises what chart_cache_find() raises, but for unsound rows.
 */
bool
chart_cache_pays(int64 day, double probes)
{
	HierarchyState state;

	org_tables_check_select();
	state = revision_state(GetActiveSnapshot());
	return find_listed(&state, day, scope_all()) != NULL ||
		!chart_probe_spend(&state, probes);
}

/*
 * A chart for the active snapshot and a day that answers a question.  Good
 * until control returns to the executor; pin it for longer.
 *
 * Raises an error if the user may not read the tables or if their rows make
 * no hierarchy; never one that depends on what is asked of the chart.
 */
const CachedChart *
chart_cache_find(int64 day, ChartScope scope)
{
	HierarchyState state;
	CachedChart *cached;
	ChartFault	fault;

	org_tables_check_select();
	state = revision_state(GetActiveSnapshot());
	free_unlisted();
	cached = find_listed(&state, day, scope);
	if (cached != NULL)
	{
		cached->hits++;
		return cached;
	}

	cached = add_probed_chart(day, scope, &state, PROBES_THAT_PAY);
	if (cached == NULL)
		cached = add_whole_chart(day, &state, &fault);
	if (cached == NULL)
		chart_raise_fault(&fault);
	return cached;
}

/*
 * Charts of everything on two days, kept until the owner is reset or deleted.
 * If neither is there, both are compiled in one go over the tables.  Raises
 * what chart_cache_find() raises.
 */
void
chart_cache_find_two(const int64 *day, MemoryContext owner,
					 const CachedChart **found)
{
	HierarchyState state;
	CachedChart *added[2];
	ChartFault	fault;

	org_tables_check_select();
	state = revision_state(GetActiveSnapshot());
	free_unlisted();
	if (find_listed(&state, day[0], scope_all()) == NULL &&
		find_listed(&state, day[1], scope_all()) == NULL)
	{
		if (!add_whole_charts(2, day, &state, added, &fault))
			chart_raise_fault(&fault);
		found[0] = chart_cache_pin(added[0], owner);
		found[1] = added[1] == NULL ? found[0] :
			chart_cache_pin(added[1], owner);
		return;
	}

	/* the second question may drop a chart that is not pinned */
	for (int i = 0; i < 2; i++)
		found[i] = chart_cache_pin(chart_cache_find(day[i], scope_all()),
								   owner);
}

/*
 * The same for the day that is set, or today.  A whole chart is remembered for
 * chart_today().
 */
const CachedChart *
chart_cache_find_today(ChartScope scope)
{
	const CachedChart *cached;
	uint64		epoch = org_privileges_epoch;
	int64		day = as_of_day(true, 0);

	chart_cache_forget_today();
	if (!ActiveSnapshotSet())
		elog(ERROR, "the hierarchy was asked without a snapshot");
	cached = chart_cache_find(day, scope);
	if (cached->listed && cached->scope.kind == SCOPE_ALL)
	{
		chart_today_memo.cached = cached;
		chart_today_memo.serial = cached->serial;
		chart_today_memo.epoch = epoch;
		chart_today_memo.key = snapshot_key(GetActiveSnapshot());
		chart_today_memo.user = org_tables_who_may_select();
		chart_today_memo.timezone = session_timezone;
	}
	return cached;
}

/*
 * An answer by index that is kept, for a caller who has a smaller question on the
 * day that is set, or today, and then another one.  NULL if there is none, or if so
 * many were asked that everything may as well be compiled.
 *
 * Good until control returns to the executor.  Raises an error if the user may not
 * read the tables.
 */
const CachedChart *
chart_cache_find_answer_today(ChartScope scope)
{
	HierarchyState state;
	CachedChart *cached;

	if (!ActiveSnapshotSet())
		elog(ERROR, "the hierarchy was asked without a snapshot");
	org_tables_check_select();
	state = revision_state(GetActiveSnapshot());
	cached = find_listed(&state, as_of_day(true, 0), scope);
	if (cached == NULL || cached->scope.kind == SCOPE_ALL ||
		(++cached->hits % ANSWERS_A_PROBE == 0 && !chart_probe_spend(&state, 1)))
		return NULL;
	return cached;
}
