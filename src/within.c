/*-------------------------------------------------------------------------
 *
 * within.c
 *	  The operators <@ and @>: does a node lie within another's subtree?
 *
 * Chart and hash table decide (chart_has_within).  Where one upper node is
 * asked about for many rows, most of which are not below it, its subtree gets a
 * hash table of its own, with a filter before it: both are far smaller than that
 * of all nodes, which for a large organisation is far larger than the processor's
 * caches.  They are made once a fraction of the cost has been spent without, so
 * that few rows never pay for them, and only if they are no larger than a hash
 * table of the executor may be.
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
#include "iomorg.h"

PG_FUNCTION_INFO_V1(iom_node_within);
PG_FUNCTION_INFO_V1(iom_node_contains);

/* With fewer nodes, the hash table is as near as a set; nor is one made of a
 * subtree in which most rows may be. */
#define MANY_NODES			1024

/* Adding a member to the set costs a fraction of a look-up. */
#define MEMBERS_A_CALL		16
#define MIN_CALLS			64

/* What table and filter take, roughly. */
#define MEMBER_BYTES		24

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
	uint32		calls;			/* without a set */
	uint32		enough;			/* calls after which it is made */
	bool		made;
	CodeIndex	set;			/* the subtree */
	CodeFilter	filter;			/* likewise */
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
	upper->made = false;
	upper->size = 0;
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
	if (chart->nnodes >= MANY_NODES && top->size < chart->nnodes / 4 &&
		(size_t) top->size * MEMBER_BYTES <= get_hash_memory_limit())
		upper->enough = MIN_CALLS + top->size / MEMBERS_A_CALL;
}

/*
 * Make the set of an upper node's subtree, from today's chart.
 */
static void
make_set(FmgrInfo *flinfo, UpperNode *upper)
{
	const Chart *chart = chart_today_memo.cached->chart;
	OrgMemory	memory = org_memory_of(flinfo->fn_mcxt);

	/* of an upper node or chart before */
	org_free(&memory, upper->set.block);
	org_free(&memory, upper->filter.bits);
	upper->set.block = NULL;
	upper->filter.bits = NULL;

	code_index_create(&upper->set, upper->size, &memory);
	code_filter_create(&upper->filter, upper->size, &memory);
	for (uint32 rank = upper->rank; rank < upper->rank + upper->size; rank++)
	{
		code_index_insert(&upper->set, chart->code[rank], rank);
		code_filter_add(&upper->filter, chart->code[rank]);
	}
	upper->made = true;
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

	if (upper->made)
		return code_filter_has(&upper->filter, lower) &&
			code_index_find(&upper->set, lower) != CODE_INDEX_NONE;
	if (upper->size == 1)
		return lower == node;
	if (++upper->calls == 1)
		find_upper(upper);
	else if (upper->calls >= upper->enough)
		make_set(flinfo, upper);

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
