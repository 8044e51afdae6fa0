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

static inline bool
is_within(FmgrInfo *flinfo, IomNode lower, IomNode node)
{
	return chart_has_within(chart_today(scope_above(lower, ALL_LEVELS))->chart,
							lower, node);
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
