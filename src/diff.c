/*-------------------------------------------------------------------------
 *
 * diff.c
 *	  What differs between the organisation of two days.
 *
 * Both charts are walked once, by rank, which is from the top down: a node
 * whose supervisor stayed the same moved along if that one moved, or moved
 * along itself.  O(n); nothing is compared but codes.
 *
 * The first chart is pinned in the memory of the call while the second is
 * asked for, and both are used; nothing is locked.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "chart_cache.h"
#include "iomorg.h"

PG_FUNCTION_INFO_V1(iom_chart_diff);

typedef struct DiffOutput
{
	ReturnSetInfo *rsinfo;
	Datum		opened;
	Datum		closed;
	Datum		moved;
	Datum		carried;
} DiffOutput;

/* The supervisor of a rank, IOM_NODE_NONE if it has none. */
static inline IomNode
supervisor_at(const Chart *chart, uint32 rank)
{
	uint32		parent = chart->place[rank].parent;

	return parent == CHART_NONE ? IOM_NODE_NONE : chart->code[parent];
}

/* A row; the nodes are null where they are IOM_NODE_NONE. */
static void
put_row(DiffOutput *output, int64 place, IomNode node, Datum change,
		IomNode before, IomNode after)
{
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = Int64GetDatum(place);
	values[1] = IomNodeGetDatum(node);
	values[2] = change;
	values[3] = IomNodeGetDatum(before);
	nulls[3] = before == IOM_NODE_NONE;
	values[4] = IomNodeGetDatum(after);
	nulls[4] = after == IOM_NODE_NONE;
	tuplestore_putvalues(output->rsinfo->setResult, output->rsinfo->setDesc,
						 values, nulls);
}

/*
 * The nodes of the later chart, in its order.
 */
static void
put_present(DiffOutput *output, const Chart *old, const Chart *new)
{
	bool	   *moved = MemoryContextAllocHuge(CurrentMemoryContext,
											   Max(new->nnodes, 1));

	for (uint32 rank = 0; rank < new->nnodes; rank++)
	{
		IomNode		node = new->code[rank];
		uint32		parent = new->place[rank].parent;
		uint32		old_rank = chart_find(old, node);
		IomNode		after = supervisor_at(new, rank);
		IomNode		before;

		if (rank % ORG_POLL_STEPS == 0)
			CHECK_FOR_INTERRUPTS();
		moved[rank] = false;
		if (old_rank == CHART_NONE)
		{
			put_row(output, (int64) rank + 1, node, output->opened,
					IOM_NODE_NONE, after);
			continue;
		}
		before = supervisor_at(old, old_rank);
		moved[rank] = before != after ||
			(parent != CHART_NONE && moved[parent]);
		if (before != after)
			put_row(output, (int64) rank + 1, node, output->moved, before,
					after);
		else if (moved[rank])
			put_row(output, (int64) rank + 1, node, output->carried, before,
					after);
	}
	pfree(moved);
}

/*
 * Those that are in the earlier chart only, in its order, after all others.
 */
static void
put_closed(DiffOutput *output, const Chart *old, const Chart *new)
{
	for (uint32 rank = 0; rank < old->nnodes; rank++)
	{
		if (rank % ORG_POLL_STEPS == 0)
			CHECK_FOR_INTERRUPTS();
		if (chart_find(new, old->code[rank]) == CHART_NONE)
			put_row(output, (int64) new->nnodes + rank + 1, old->code[rank],
					output->closed, supervisor_at(old, rank), IOM_NODE_NONE);
	}
}

/*
 * iom_chart_diff(from_date, to_date): rows of (place, node, change, before,
 * after), the last two being supervisors.
 */
Datum
iom_chart_diff(PG_FUNCTION_ARGS)
{
	const Chart *old;
	const Chart *new;
	DiffOutput	output;

	/* the second question may drop a chart that is not pinned */
	old = chart_cache_pin(CHART_FOR_ARG(0, scope_all()),
						  CurrentMemoryContext)->chart;
	new = chart_cache_pin(CHART_FOR_ARG(1, scope_all()),
						  CurrentMemoryContext)->chart;

	InitMaterializedSRF(fcinfo, 0);
	output.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	output.opened = CStringGetTextDatum("opened");
	output.closed = CStringGetTextDatum("closed");
	output.moved = CStringGetTextDatum("moved");
	output.carried = CStringGetTextDatum("carried");
	put_present(&output, old, new);
	put_closed(&output, old, new);
	return (Datum) 0;
}
