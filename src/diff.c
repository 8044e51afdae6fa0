/*-------------------------------------------------------------------------
 *
 * diff.c
 *	  What differs between the organisation of two days.
 *
 * Both charts are walked once, by rank, which is from the top down: a node
 * whose supervisor stayed the same moved along if that one moved, or moved
 * along itself.  O(n); nothing is compared but codes.  The rows come in the order
 * in which iom_diff gives them.
 *
 * The charts are pinned in the memory of the call; nothing is locked.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "chart_cache.h"
#include "iomorg.h"

PG_FUNCTION_INFO_V1(iom_chart_diff);

typedef struct Diff
{
	const Chart *old;
	const Chart *new;
	bool	   *moved;			/* by rank of the new chart: other supervisors
								 * all the way up */
	bool	   *renamed;		/* likewise; NULL: nobody was */
	ReturnSetInfo *rsinfo;
	Datum		change_opened;
	Datum		change_closed;
	Datum		change_moved;
	Datum		change_carried;
	Datum		change_renamed;
} Diff;

/* The supervisor of a rank, IOM_NODE_NONE if it has none. */
static inline IomNode
supervisor_at(const Chart *chart, uint32 rank)
{
	uint32		parent = chart->place[rank].parent;

	return parent == CHART_NONE ? IOM_NODE_NONE : chart->code[parent];
}

/* A row; the nodes are null where they are IOM_NODE_NONE. */
static void
put_row(Diff *diff, IomNode node, Datum change, IomNode before, IomNode after)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = IomNodeGetDatum(node);
	values[1] = change;
	values[2] = IomNodeGetDatum(before);
	nulls[2] = before == IOM_NODE_NONE;
	values[3] = IomNodeGetDatum(after);
	nulls[3] = after == IOM_NODE_NONE;
	tuplestore_putvalues(diff->rsinfo->setResult, diff->rsinfo->setDesc,
						 values, nulls);
}

/*
 * A node of the later chart, and where it was in the earlier one.
 */
static void
put_present(Diff *diff, uint32 rank, uint32 old_rank)
{
	IomNode		node = diff->new->code[rank];
	uint32		parent = diff->new->place[rank].parent;
	IomNode		after = supervisor_at(diff->new, rank);
	IomNode		before;

	diff->moved[rank] = false;
	if (old_rank == CHART_NONE)
	{
		put_row(diff, node, diff->change_opened, IOM_NODE_NONE, after);
		return;
	}
	before = supervisor_at(diff->old, old_rank);
	diff->moved[rank] = before != after ||
		(parent != CHART_NONE && diff->moved[parent]);
	if (before != after)
		put_row(diff, node, diff->change_moved, before, after);
	else if (diff->moved[rank])
		put_row(diff, node, diff->change_carried, before, after);
	if (diff->renamed != NULL && diff->renamed[rank])
		put_row(diff, node, diff->change_renamed, before, after);
}

/*
 * The nodes of the later chart, in its order, which is in no order of the
 * earlier one: some at a time are looked up there, so that their memory is on
 * its way at once.
 */
static void
put_all_present(Diff *diff)
{
	const Chart *old = diff->old;
	const Chart *new = diff->new;
	uint32		old_rank[CODE_INDEX_AHEAD];

	for (uint32 first = 0; first < new->nnodes; first += CODE_INDEX_AHEAD)
	{
		uint32		n = Min(CODE_INDEX_AHEAD, new->nnodes - first);

		if (first % ORG_POLL_STEPS == 0)
			CHECK_FOR_INTERRUPTS();
		for (uint32 i = 0; i < n; i++)
			code_index_prefetch(&old->rank_of, new->code[first + i]);
		for (uint32 i = 0; i < n; i++)
		{
			old_rank[i] = chart_find(old, new->code[first + i]);
			if (old_rank[i] != CHART_NONE)
				org_prefetch(&old->place[old_rank[i]]);
		}
		for (uint32 i = 0; i < n; i++)
			put_present(diff, first + i, old_rank[i]);
	}
}

/*
 * Those that are in the earlier chart only, in its order, after all others.
 */
static void
put_all_closed(Diff *diff)
{
	const Chart *old = diff->old;

	for (uint32 rank = 0; rank < old->nnodes; rank++)
	{
		if (rank % ORG_POLL_STEPS == 0)
			CHECK_FOR_INTERRUPTS();
		if (rank + CODE_INDEX_AHEAD < old->nnodes)
			code_index_prefetch(&diff->new->rank_of,
								old->code[rank + CODE_INDEX_AHEAD]);
		if (chart_find(diff->new, old->code[rank]) == CHART_NONE)
			put_row(diff, old->code[rank], diff->change_closed,
					supervisor_at(old, rank), IOM_NODE_NONE);
	}
}

/*
 * Note the nodes, an array of iom_node, that have another name.
 */
static void
note_renamed(Diff *diff, ArrayType *nodes)
{
	Datum	   *node;
	bool	   *isnull;
	int			n;

	deconstruct_array(nodes, ARR_ELEMTYPE(nodes), sizeof(IomNode), true,
					  TYPALIGN_DOUBLE, &node, &isnull, &n);
	if (n == 0)
		return;
	diff->renamed = MemoryContextAllocExtended(CurrentMemoryContext,
											   Max(diff->new->nnodes, 1),
											   MCXT_ALLOC_HUGE |
											   MCXT_ALLOC_ZERO);
	for (int i = 0; i < n; i++)
	{
		uint32		rank = isnull[i] ? CHART_NONE :
			chart_find(diff->new, DatumGetIomNode(node[i]));

		if (rank != CHART_NONE)
			diff->renamed[rank] = true;
	}
}

/*
 * iom_chart_diff(from_date, to_date, renamed): rows of (node, change, before,
 * after), the last two being supervisors; with a row for each node of the
 * array "renamed" that is there on both days.
 */
Datum
iom_chart_diff(PG_FUNCTION_ARGS)
{
	const int64 day[2] = {PG_GETARG_AS_OF(0), PG_GETARG_AS_OF(1)};
	const CachedChart *found[2];
	Diff		diff;

	memset(&diff, 0, sizeof(diff));
	chart_cache_find_two(day, CurrentMemoryContext, found);
	diff.old = found[0]->chart;
	diff.new = found[1]->chart;
	diff.moved = MemoryContextAllocHuge(CurrentMemoryContext,
										Max(diff.new->nnodes, 1));
	if (!PG_ARGISNULL(2))
		note_renamed(&diff, PG_GETARG_ARRAYTYPE_P(2));

	InitMaterializedSRF(fcinfo, 0);
	diff.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	diff.change_opened = CStringGetTextDatum("opened");
	diff.change_closed = CStringGetTextDatum("closed");
	diff.change_moved = CStringGetTextDatum("moved");
	diff.change_carried = CStringGetTextDatum("carried");
	diff.change_renamed = CStringGetTextDatum("renamed");
	put_all_present(&diff);
	put_all_closed(&diff);
	return (Datum) 0;
}
