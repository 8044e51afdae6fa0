/*-------------------------------------------------------------------------
 *
 * within.c
 *	  The operators <@ and @>: does a node lie within another's subtree?
 *
 * The upper node seldom changes from row to row.  What the test needs of it
 * and of the chart is kept in the memory of the expression (fn_extra), and is
 * used while that chart is today's.  An unknown node gives false, never an
 * error.
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

/*
 * What the operators keep of the chart and of their upper node from one row to
 * the next, in fn_extra.  Copied here, it is two steps nearer.
 */
typedef struct UpperNode
{
	uint64		serial;			/* of the chart; what is below is good while
								 * it is today's */
	IomNode		node;
	uint32		rank;
	uint32		size;			/* 0 for an unknown node: nothing is within */
	CodeIndex	rank_of;
} UpperNode;

static void
keep_upper(FmgrInfo *flinfo, const CachedChart *today, IomNode node)
{
	const Chart *chart = today->chart;
	UpperNode  *upper = flinfo->fn_extra;

	if (upper == NULL)
	{
		upper = MemoryContextAlloc(flinfo->fn_mcxt, sizeof(UpperNode));
		flinfo->fn_extra = upper;
	}
	upper->serial = today->serial;
	upper->node = node;
	upper->rank = chart_find(chart, node);
	upper->size = upper->rank == CHART_NONE ? 0 :
		chart->place[upper->rank].size;
	upper->rank_of = chart->rank_of;
}

/*
 * The test where the chart or the upper node is another than the last time.
 */
static bool
is_within_today(FmgrInfo *flinfo, IomNode lower, IomNode node)
{
	const CachedChart *today = chart_today(scope_above(lower, ALL_LEVELS));

	if (today->scope.kind == SCOPE_ALL)
		keep_upper(flinfo, today, node);
	return chart_within(today->chart, chart_find(today->chart, lower),
						chart_find(today->chart, node));
}

/*
 * CHART_NONE, the rank of an unknown lower node, is beyond every subtree:
 * there are never more than CHART_MAX_NODES.
 */
static inline bool
is_within(FmgrInfo *flinfo, IomNode lower, IomNode node)
{
	const UpperNode *upper = flinfo->fn_extra;

	if (unlikely(upper == NULL || !chart_today_is_known() ||
				 upper->serial != chart_today_memo.serial ||
				 upper->node != node))
		return is_within_today(flinfo, lower, node);
	return code_index_find(&upper->rank_of, lower) - upper->rank < upper->size;
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
