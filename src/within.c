/*-------------------------------------------------------------------------
 *
 * within.c
 *	  The operators <@ and @>: does a node lie within another's subtree?
 *
 * Chart and hash table decide (chart_has_within).  Where one upper node is
 * asked about for many rows, most of which are not below it, a filter of its
 * subtree spares them the hash table, which for a large organisation is far
 * larger than the processor's caches.  It is made once a fraction of the cost
 * has been spent without, so that few rows never pay for it.
 *
 * The filter lives in the memory of the expression, and is good for one upper
 * node and one chart.  An unknown node gives false, never an error.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "chart_cache.h"
#include "iomorg.h"

PG_FUNCTION_INFO_V1(iom_node_within);
PG_FUNCTION_INFO_V1(iom_node_contains);

/* With fewer nodes, the hash table is as near as a filter; nor is one made
 * of a subtree in which most rows may be. */
#define MANY_NODES			1024

/* Adding a member to the filter costs a fraction of a look-up. */
#define MEMBERS_A_CALL		16
#define MIN_CALLS			64

/*
 * What is known of the upper node from one row to the next, in fn_extra.
 */
typedef struct UpperNode
{
	uint64		serial;			/* of the chart; the rest is good while it is
								 * today's */
	IomNode		node;
	uint32		rank;
	uint32		size;			/* 0 for an unknown node: nothing is within */
	uint32		calls;			/* without a filter */
	uint32		enough;			/* calls after which it is made */
	bool		filtered;
	CodeFilter	filter;			/* of the subtree */
	uint64		room;			/* bits allocated */
} UpperNode;

/*
 * Begin with another upper node or another chart, today's.
 */
static void
begin_upper(FmgrInfo *flinfo, IomNode node)
{
	UpperNode  *upper = flinfo->fn_extra;

	if (upper == NULL)
	{
		upper = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(UpperNode));
		flinfo->fn_extra = upper;
	}
	upper->serial = chart_today_memo.serial;
	upper->node = node;
	upper->filtered = false;
	upper->calls = 0;
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
	upper->enough = PG_UINT32_MAX;
	if (chart->nnodes >= MANY_NODES && top->size < chart->nnodes / 4)
		upper->enough = MIN_CALLS + top->size / MEMBERS_A_CALL;
}

/*
 * Make the filter of an upper node, from today's chart.
 */
static void
make_filter(FmgrInfo *flinfo, UpperNode *upper)
{
	const Chart *chart = chart_today_memo.cached->chart;
	CodeFilter *filter = &upper->filter;

	filter->nbits = code_filter_bits(upper->size);
	if (upper->room < filter->nbits)
	{
		if (filter->bits)
			pfree(filter->bits);
		filter->bits = NULL;
		upper->room = 0;
		filter->bits = MemoryContextAllocHuge(flinfo->fn_mcxt,
											  filter->nbits / 8);
		upper->room = filter->nbits;
	}
	memset(filter->bits, 0, filter->nbits / 8);
	for (uint32 i = 0; i < upper->size; i++)
		code_filter_add(filter, chart->code[upper->rank + i]);
	upper->filtered = true;
}

static inline bool
is_within(FmgrInfo *flinfo, IomNode lower, IomNode node)
{
	UpperNode  *upper = flinfo->fn_extra;

	if (unlikely(!chart_today_is_known()))
		return chart_has_within(chart_cache_find_today(scope_above(lower,
																   ALL_LEVELS))->chart,
								lower, node);
	if (upper == NULL || upper->node != node ||
		upper->serial != chart_today_memo.serial)
	{
		begin_upper(flinfo, node);
		return chart_has_within(chart_today_memo.cached->chart, lower, node);
	}

	if (upper->filtered)
	{
		if (!code_filter_has(&upper->filter, lower))
			return false;
	}
	else if (++upper->calls == 1)
		find_upper(upper);
	else if (upper->calls >= upper->enough)
		make_filter(flinfo, upper);

	/* CHART_NONE, for an unknown node, is beyond every subtree */
	return chart_find(chart_today_memo.cached->chart, lower) - upper->rank <
		upper->size;
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
