/*-------------------------------------------------------------------------
 *
 * hierarchy_set.c
 *	  Functions that return sets of nodes, in chart order.
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
	uint32		top;			/* whose reports are walked */
	uint32		left_out;		/* one of them that is not returned */
	uint32		deepest;		/* level below which nothing is returned */
} NodeWalk;

/*
 * First call: the chart for the as_of argument, and the rank of argument 0
 * (CHART_NONE if it is null or unknown).
 */
static NodeWalk *
walk_begin(FunctionCallInfo fcinfo, int as_of_argument, uint32 *rank)
{
	FuncCallContext *funcctx = SRF_FIRSTCALL_INIT();
	const CachedChart *cached = CHART_FOR_ARG(as_of_argument);
	NodeWalk   *walk;

	walk = MemoryContextAllocZero(funcctx->multi_call_memory_ctx,
								  sizeof(NodeWalk));
	walk->chart = chart_cache_pin(cached,
								  funcctx->multi_call_memory_ctx)->chart;
	walk->next = CHART_NONE;
	if (rank != NULL)
		*rank = PG_ARGISNULL(0) ? CHART_NONE :
			chart_find(walk->chart, PG_GETARG_IOM_NODE(0));
	funcctx->user_fctx = walk;
	return walk;
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
		uint32		top;

		walk = walk_begin(fcinfo, 2, &top);
		if (top != CHART_NONE &&
			(PG_ARGISNULL(1) || PG_GETARG_INT32(1) >= 0))
		{
			walk->next = top;
			walk->end = top + walk->chart->place[top].size;
			walk->deepest = PG_UINT32_MAX;
			if (!PG_ARGISNULL(1))
				walk->deepest = walk->chart->place[top].level +
					(uint32) PG_GETARG_INT32(1);
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
		uint32		top;
		NodeWalk   *walk = walk_begin(fcinfo, 1, &top);

		walk->top = top;
		walk->left_out = CHART_NONE;
		if (top != CHART_NONE)
			walk->next = chart_first_report(walk->chart, top);
	}
	return return_next_report(fcinfo);
}

/* iom_chart_peers(node, as_of) */
Datum
iom_chart_peers(PG_FUNCTION_ARGS)
{
	if (SRF_IS_FIRSTCALL())
	{
		uint32		rank;
		NodeWalk   *walk = walk_begin(fcinfo, 1, &rank);

		walk->left_out = rank;
		if (rank != CHART_NONE)
		{
			walk->top = walk->chart->place[rank].parent;
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
		NodeWalk   *walk = walk_begin(fcinfo, 0, NULL);

		walk->top = CHART_NONE;
		walk->left_out = CHART_NONE;
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
		walk = walk_begin(fcinfo, 1, &rank);
		if (rank != CHART_NONE)
			walk->next = walk->chart->place[rank].parent;
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

/* A bound of the days of a chart as a date; null if there is none. */
static Datum
day_datum(int64 day, bool *isnull)
{
	*isnull = day < PG_INT32_MIN || day > PG_INT32_MAX;
	return *isnull ? (Datum) 0 : DateADTGetDatum((DateADT) day);
}

/* iom_charts() */
Datum
iom_charts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (const CachedChart *cached = chart_cache_first(); cached != NULL;
		 cached = cached->next)
	{
		Datum		values[8];
		bool		nulls[8] = {false};

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
