/*-------------------------------------------------------------------------
 *
 * hierarchy_set.c
 *	  Functions that return sets of nodes, in chart order (but for the chain of
 *	  command, which goes up), and the list of charts.
 *
 * They return one node a call and pin their chart for as long as their
 * multi-call memory lives, so a cursor goes on where it was, whatever happened
 * to the hierarchy meanwhile.  The SQL functions that users call select from
 * them, see there why.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"
#include "utils/xid8.h"

#include "chart_cache.h"
#include "iomorg.h"

PG_FUNCTION_INFO_V1(iom_chart_subtree);
PG_FUNCTION_INFO_V1(iom_chart_reports);
PG_FUNCTION_INFO_V1(iom_chart_supervisors);
PG_FUNCTION_INFO_V1(iom_chart_peers);
PG_FUNCTION_INFO_V1(iom_chart_roots);
PG_FUNCTION_INFO_V1(iom_charts);

/*
 * A walk over some ranks of a chart.
 */
typedef struct NodeWalk
{
	const Chart *chart;
	uint32		next;			/* the rank to return next, or CHART_NONE */
	uint32		end;			/* of a subtree */
	uint32		top;			/* of a subtree, or whose reports are walked */
	uint32		left_out;		/* one of them that is not returned */
	uint32		deepest;		/* level below which nothing is returned */
} NodeWalk;

/*
 * First call: a walk that returns nothing yet, over a chart for the as_of
 * argument that has at least the given scope.
 */
static NodeWalk *
walk_begin(FunctionCallInfo fcinfo, int as_of_argument, ChartScope scope)
{
	FuncCallContext *funcctx = SRF_FIRSTCALL_INIT();
	const CachedChart *cached = CHART_FOR_ARG(as_of_argument, scope);
	NodeWalk   *walk;

	walk = MemoryContextAllocZero(funcctx->multi_call_memory_ctx,
								  sizeof(NodeWalk));
	walk->chart = chart_cache_pin(cached,
								  funcctx->multi_call_memory_ctx)->chart;
	walk->next = CHART_NONE;
	walk->top = CHART_NONE;
	walk->left_out = CHART_NONE;
	funcctx->user_fctx = walk;
	return walk;
}

/*
 * The same for a question on a node, argument 0; its rank goes to walk->top.
 * NULL if it is null or unknown: there is nothing to return.
 */
static NodeWalk *
walk_begin_at(FunctionCallInfo fcinfo, int as_of_argument, ScopeKind kind,
			  uint32 depth)
{
	IomNode		node = PG_ARGISNULL(0) ? IOM_NODE_NONE : PG_GETARG_IOM_NODE(0);
	NodeWalk   *walk = walk_begin(fcinfo, as_of_argument,
								  chart_scope(kind, depth, node,
											  IOM_NODE_NONE));

	walk->top = chart_find(walk->chart, node);
	return walk->top == CHART_NONE ? NULL : walk;
}

#define WALK_RETURN_NEXT(funcctx, walk, rank) \
	SRF_RETURN_NEXT(funcctx, IomNodeGetDatum((walk)->chart->code[rank]))

/* iom_chart_subtree(node, max_depth, as_of) */
Datum
iom_chart_subtree(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;
	NodeWalk   *walk;
	const ChartPlace *place;
	uint32		rank;

	if (SRF_IS_FIRSTCALL())
	{
		bool		limited = !PG_ARGISNULL(1);
		int32		depth = limited ? PG_GETARG_INT32(1) : 0;

		walk = walk_begin_at(fcinfo, 2, SCOPE_BELOW,
							 limited ? (uint32) Max(depth, 0) : ALL_LEVELS);
		if (walk != NULL && depth >= 0)
		{
			place = &walk->chart->place[walk->top];
			walk->next = walk->top;
			walk->end = walk->top + place->size;
			walk->deepest = limited ? place->level + (uint32) depth :
				ALL_LEVELS;
		}
	}

	funcctx = SRF_PERCALL_SETUP();
	walk = funcctx->user_fctx;
	rank = walk->next;
	if (rank == CHART_NONE)
		SRF_RETURN_DONE(funcctx);

	/* below the deepest level, whole subtrees are skipped */
	place = &walk->chart->place[rank];
	walk->next = rank + (place->level >= walk->deepest ? place->size : 1);
	if (walk->next >= walk->end)
		walk->next = CHART_NONE;
	WALK_RETURN_NEXT(funcctx, walk, rank);
}

/*
 * The reports of walk->top (or the roots, if that is CHART_NONE) but for the
 * one left out.
 */
static Datum
return_next_report(FunctionCallInfo fcinfo)
{
	FuncCallContext *funcctx = SRF_PERCALL_SETUP();
	NodeWalk   *walk = funcctx->user_fctx;
	uint32		rank;

	do
	{
		rank = walk->next;
		if (rank == CHART_NONE)
			SRF_RETURN_DONE(funcctx);
		walk->next = walk->top == CHART_NONE ?
			chart_next_root(walk->chart, rank) :
			chart_next_report(walk->chart, walk->top, rank);
	} while (rank == walk->left_out);
	WALK_RETURN_NEXT(funcctx, walk, rank);
}

/* iom_chart_reports(node, as_of) */
Datum
iom_chart_reports(PG_FUNCTION_ARGS)
{
	if (SRF_IS_FIRSTCALL())
	{
		NodeWalk   *walk = walk_begin_at(fcinfo, 1, SCOPE_BELOW, 1);

		if (walk != NULL)
			walk->next = chart_first_report(walk->chart, walk->top);
	}
	return return_next_report(fcinfo);
}

/* iom_chart_peers(node, as_of) */
Datum
iom_chart_peers(PG_FUNCTION_ARGS)
{
	if (SRF_IS_FIRSTCALL())
	{
		NodeWalk   *walk = walk_begin_at(fcinfo, 1, SCOPE_BESIDE, 1);

		if (walk != NULL)
		{
			walk->left_out = walk->top;
			walk->top = walk->chart->place[walk->top].parent;
			if (walk->top != CHART_NONE)
				walk->next = chart_first_report(walk->chart, walk->top);
		}
	}
	return return_next_report(fcinfo);
}

/* iom_chart_roots(as_of) */
Datum
iom_chart_roots(PG_FUNCTION_ARGS)
{
	if (SRF_IS_FIRSTCALL())
	{
		NodeWalk   *walk = walk_begin(fcinfo, 0, scope_all());

		walk->next = chart_first_root(walk->chart);
	}
	return return_next_report(fcinfo);
}

/* iom_chart_supervisors(node, as_of): from the supervisor up to the root */
Datum
iom_chart_supervisors(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;
	NodeWalk   *walk;
	uint32		rank;

	if (SRF_IS_FIRSTCALL())
	{
		walk = walk_begin_at(fcinfo, 1, SCOPE_ABOVE, ALL_LEVELS);
		if (walk != NULL)
			walk->next = walk->chart->place[walk->top].parent;
	}

	funcctx = SRF_PERCALL_SETUP();
	walk = funcctx->user_fctx;
	rank = walk->next;
	if (rank == CHART_NONE)
		SRF_RETURN_DONE(funcctx);
	walk->next = walk->chart->place[rank].parent;
	WALK_RETURN_NEXT(funcctx, walk, rank);
}

/*----------
 * The charts themselves
 *----------
 */

/*
 * A bound of the days of a chart as a date; null if there is none.  What is behind
 * -infinity has no date, but that of the days long ago it would be taken for.
 */
static Datum
day_datum(int64 day, bool *isnull)
{
	if (day == (int64) DATEVAL_NOBEGIN + 1)
		day = DATEVAL_NOBEGIN;
	*isnull = day < PG_INT32_MIN || day > PG_INT32_MAX;
	return *isnull ? (Datum) 0 : DateADTGetDatum((DateADT) day);
}

/* iom_charts(): not for who may not ask them, and did so as somebody else */
Datum
iom_charts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	org_tables_check_select();
	InitMaterializedSRF(fcinfo, 0);
	for (const CachedChart *cached = chart_cache_first(); cached != NULL;
		 cached = cached->next)
	{
		Datum		values[8];
		bool		nulls[8] = {false};

		if (cached->scope.kind != SCOPE_ALL)
			continue;			/* an answer, not a chart */

		values[0] = FullTransactionIdGetDatum(FullTransactionIdFromU64(cached->state.revision));
		values[1] = BoolGetDatum(cached->state.own_change == 0);
		values[2] = day_datum(cached->days.from, &nulls[2]);
		values[3] = day_datum(cached->days.to, &nulls[3]);
		values[4] = Int32GetDatum((int32) cached->chart->nnodes);
		values[5] = Int64GetDatum((int64) cached->chart->bytes);
		values[6] = Float8GetDatum(cached->compile_ms);
		values[7] = Int64GetDatum((int64) cached->hits);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}
