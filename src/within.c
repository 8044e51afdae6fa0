/*-------------------------------------------------------------------------
 *
 * within.c
 *	  The operators <@ and @>: does a node lie within another's subtree?
 *
 * Chart and hash table decide (chart_has_within).  Where one upper node is
 * asked about for many rows, its subtree gets a set of its own, and a filter
 * before that: both are far smaller than the table of all nodes, which for a large
 * organisation is far larger than the processor's caches.  The filter is the
 * smallest, and the sooner an answer is there, the less it costs that the processor
 * had guessed another.  They are made once a fraction of the cost has been spent
 * without, so that few rows never pay for them, and only if they are no larger than
 * a hash table of the executor may be.
 *
 * They live in the memory of the expression, and are good for one upper node
 * and one chart.  An unknown node gives false, never an error.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "chart_cache.h"
#include "code_set.h"
#include "iomorg.h"

PG_FUNCTION_INFO_V1(iom_node_within);
PG_FUNCTION_INFO_V1(iom_node_contains);

/* With fewer nodes, the hash table is as near as a set; nor is one made of
 * nearly all of them. */
#define MANY_NODES			1024

/* Adding a member to the set costs a fraction of a look-up. */
#define MEMBERS_A_CALL		16
#define MIN_CALLS			64

/* No chart's serial. */
#define NO_CHART			0

/* What finding a subtree may take, where a scan has no chart yet. */
#define FEW_PROBES			256

/* What set and filter take, roughly. */
#define MEMBER_BYTES		13

/*
 * What is known of the upper node from one row to the next, in fn_extra.
 */
typedef struct UpperNode
{
	uint64		serial;			/* of the chart, or NO_CHART; the rest is good
								 * while it is today's */
	IomNode		node;
	uint32		rank;
	uint32		size;			/* 0 for an unknown node: nothing is within */
	uint64		calls;			/* without a set */
	uint64		enough;			/* calls for the next step */
	bool		made;			/* filter and set of the subtree */
	CodeFilter	filter;
	CodeSet		set;
	CodeIndex	all;			/* the chart's table of all nodes */
} UpperNode;

/*
 * Begin with another upper node or another chart.
 */
static void
new_upper(FmgrInfo *flinfo, IomNode node, uint64 serial)
{
	UpperNode  *upper = flinfo->fn_extra;

	if (upper == NULL)
	{
		upper = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(UpperNode));
		flinfo->fn_extra = upper;
	}
	if (upper->made)
	{
		OrgMemory	memory = org_memory_of(flinfo->fn_mcxt);

		upper->made = false;
		org_free(&memory, upper->set.block);
		org_free(&memory, upper->filter.bits);
	}
	upper->serial = serial;
	upper->node = node;
	upper->calls = 0;
	upper->enough = 1;
}

/*
 * There is no whole chart in hand.  If the subtree has just been found by index, as
 * by the scan that this is the filter of, that tells; and if it is small, it is found
 * now, once, at the second call in a row for one upper node: a scan's rows would be as
 * many questions.
 */
static pg_noinline bool
ask_chart(FmgrInfo *flinfo, IomNode lower, IomNode node)
{
	UpperNode  *upper = flinfo->fn_extra;
	ChartScope	subtree = scope_within(node, ALL_LEVELS);
	const CachedChart *cached = chart_cache_find_answer_today(subtree);

	if (cached == NULL)
	{
		if (upper == NULL || upper->node != node || upper->serial != NO_CHART)
			new_upper(flinfo, node, NO_CHART);
		else if (upper->calls++ == 0)
			cached = chart_cache_peek(as_of_day(true, 0), subtree, FEW_PROBES);
	}
	if (cached == NULL)
		cached = chart_cache_find_today(scope_above(lower, ALL_LEVELS));
	return chart_has_within(cached->chart, lower, node);
}

/*
 * Begin with another upper node or another chart, today's.
 */
static pg_noinline bool
begin_upper(FmgrInfo *flinfo, IomNode lower, IomNode node)
{
	new_upper(flinfo, node, chart_today_memo.serial);
	return chart_has_within(chart_today_memo.cached->chart, lower, node);
}

/*
 * The second call in a row for one upper node: it may be worth something to
 * know where that is.
 */
static void
find_upper(UpperNode *upper)
{
	const Chart *chart = chart_today_memo.cached->chart;
	const CodeSlot *top = code_index_slot(&chart->rank_of, upper->node);

	upper->rank = top->value;
	upper->size = top->size;
	upper->all = chart->rank_of;
	upper->enough = PG_UINT64_MAX;
	if (top->size > 1 &&
		chart->nnodes >= MANY_NODES && top->size / 3 < chart->nnodes / 4 &&
		(size_t) top->size * MEMBER_BYTES <= get_hash_memory_limit())
		upper->enough = MIN_CALLS + top->size / MEMBERS_A_CALL;
}

/*
 * Make filter and set of an upper node's subtree, from today's chart.
 */
static void
make_set(FmgrInfo *flinfo, UpperNode *upper)
{
	const Chart *chart = chart_today_memo.cached->chart;
	OrgMemory	memory = org_memory_of(flinfo->fn_mcxt);
	const IomNode *member = &chart->code[upper->rank];

	code_set_create(&upper->set, upper->size, &memory);
	code_filter_create(&upper->filter, upper->size, &memory);
	for (uint32 i = 0; i < upper->size; i++)
	{
		if (i + CODE_INDEX_AHEAD < upper->size)
			code_set_prefetch(&upper->set, member[i + CODE_INDEX_AHEAD]);
		code_set_add(&upper->set, member[i]);
		code_filter_add(&upper->filter, member[i]);
	}
	upper->made = true;
}

/*
 * There were enough calls for the next step.
 */
static pg_noinline void
prepare_upper(FmgrInfo *flinfo, UpperNode *upper)
{
	if (upper->calls == 1)
		find_upper(upper);
	else
		make_set(flinfo, upper);
}

/*
 * What is seldom is in functions of its own, so that this one, which is called
 * for each row, has few registers to save.
 */
static pg_attribute_always_inline bool
is_within(FmgrInfo *flinfo, IomNode lower, IomNode node)
{
	UpperNode  *upper = flinfo->fn_extra;

	if (unlikely(!chart_today_is_known()))
		return ask_chart(flinfo, lower, node);
	if (unlikely(upper == NULL || upper->node != node ||
				 upper->serial != chart_today_memo.serial))
		return begin_upper(flinfo, lower, node);

	if (upper->made)
		return code_filter_has(&upper->filter, lower) &&
			code_set_has(&upper->set, lower);

	if (unlikely(++upper->calls >= upper->enough))
		prepare_upper(flinfo, upper);
	if (upper->size <= 1)
		return lower == node && upper->size == 1;

	/* an unknown node is at CODE_INDEX_NONE, beyond every subtree */
	return code_index_find(&upper->all, lower) - upper->rank < upper->size;
}

/* a <@ b */
Datum
iom_node_within(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_within(fcinfo->flinfo, PG_GETARG_IOM_NODE(0),
							 PG_GETARG_IOM_NODE(1)));
}

/* a @> b */
Datum
iom_node_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_within(fcinfo->flinfo, PG_GETARG_IOM_NODE(1),
							 PG_GETARG_IOM_NODE(0)));
}
