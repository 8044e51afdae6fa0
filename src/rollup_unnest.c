/*-------------------------------------------------------------------------
 *
 * rollup_unnest.c
 *	  iom_unnest: from own totals of nodes to totals of their subtrees.
 *
 * Only nodes that have or contain facts are touched, so that small totals are
 * cheap in a large organisation: the nodes with facts, in chart order, and
 * before each the ancestors that are not there yet, make a list in which a
 * parent comes before its children.  One pass over it from the end adds each
 * node's total to its parent's.
 *
 * All memory is in a context that is gone at the end of the call; the rows are
 * in a tuple store by then.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "chart_cache.h"
#include "totals.h"

PG_FUNCTION_INFO_V1(iom_unnest);
PG_FUNCTION_INFO_V1(iom_unnest_float);

#define NOT_LISTED	PG_UINT32_MAX

/* A node with facts; or, in the list, one that has or contains some. */
typedef struct ListedNode
{
	uint32		rank;
	uint32		unit;			/* its own totals, or NOT_LISTED */
	uint32		parent;			/* where in the list, or NOT_LISTED */
} ListedNode;

typedef struct Unnesting
{
	const Chart *chart;
	Totals		own;
	uint32		nplaced;
	ListedNode *placed;			/* [nplaced] the nodes with facts, by rank */
	uint32		nlisted;
	size_t		room;
	ListedNode *listed;			/* [nlisted] and their ancestors */
	Totals		totals;			/* of these, in the same order */
	UnitTotals	unknown;		/* of facts whose node has no rank */
	Totals		unknown_totals; /* where its odd numerics are */
} Unnesting;

static int
compare_ranks(const void *a, const void *b)
{
	uint32		rank_a = ((const ListedNode *) a)->rank;
	uint32		rank_b = ((const ListedNode *) b)->rank;

	return rank_a < rank_b ? -1 : rank_a > rank_b;
}

/*
 * Put the nodes with facts in chart order; those that have no place there go
 * to the unknown.
 */
static void
place_nodes(Unnesting *un)
{
	OrgMemory	memory = org_memory_of(CurrentMemoryContext);
	Totals	   *own = &un->own;
	bool		sorted = true;

	un->placed = org_alloc(&memory, own->nunits, sizeof(ListedNode));
	totals_init(&un->unknown_totals, own->kind, 1, CurrentMemoryContext);
	for (uint32 i = 0; i < own->nunits; i++)
	{
		IomNode		node = own->unit[i].node;
		uint32		rank = CHART_NONE;

		CHECK_FOR_INTERRUPTS();
		if (own->unit[i].odd > own->nodds)
			elog(ERROR, "totals have no odd numerics %u", own->unit[i].odd);
		if (i + CODE_INDEX_AHEAD < own->nunits)
			code_index_prefetch(&un->chart->rank_of,
								own->unit[i + CODE_INDEX_AHEAD].node);
		if (node != IOM_NODE_NONE)
			rank = chart_find(un->chart, node);
		if (rank == CHART_NONE)
			totals_merge(&un->unknown_totals, &un->unknown, own, &own->unit[i]);
		else
		{
			ListedNode *placed = &un->placed[un->nplaced++];

			placed->rank = rank;
			placed->unit = i;
			placed->parent = NOT_LISTED;
			if (un->nplaced > 1 && placed[-1].rank > rank)
				sorted = false;
		}
	}
	if (sorted)
		return;

	/* where most nodes have facts, an array by rank sorts sooner */
	if (un->nplaced >= un->chart->nnodes / 8)
	{
		uint32		n = 0;
		uint32	   *unit_at = org_alloc(&memory, un->chart->nnodes, sizeof(uint32));

		memset(unit_at, 0xFF, un->chart->nnodes * sizeof(uint32));
		for (uint32 i = 0; i < un->nplaced; i++)
			unit_at[un->placed[i].rank] = un->placed[i].unit;
		for (uint32 rank = 0; rank < un->chart->nnodes; rank++)
		{
			if (unit_at[rank] != NOT_LISTED)
			{
				un->placed[n].rank = rank;
				un->placed[n++].unit = unit_at[rank];
			}
		}
		org_free(&memory, unit_at);
	}
	else
		qsort(un->placed, un->nplaced, sizeof(ListedNode), compare_ranks);
}

/*
 * List the nodes with facts and their ancestors, in chart order.
 */
static void
list_nodes(Unnesting *un)
{
	const ChartPlace *place = un->chart->place;
	OrgMemory	memory = org_memory_of(CurrentMemoryContext);
	uint32		above = NOT_LISTED; /* the last one listed, or above that */

	un->room = Max((size_t) un->nplaced, 16);
	un->listed = org_alloc(&memory, un->room, sizeof(ListedNode));
	for (uint32 i = 0; i < un->nplaced; i++)
	{
		uint32		rank = un->placed[i].rank;
		uint32		missing = 1;
		uint32		ancestor;

		CHECK_FOR_INTERRUPTS();
		while (above != NOT_LISTED &&
			   !chart_within(un->chart, rank, un->listed[above].rank))
			above = un->listed[above].parent;
		for (ancestor = place[rank].parent;
			 ancestor != (above == NOT_LISTED ? CHART_NONE : un->listed[above].rank);
			 ancestor = place[ancestor].parent)
			missing++;

		while (un->room - un->nlisted < missing)
			un->listed = org_grow(&memory, un->listed, un->room, &un->room,
								  sizeof(ListedNode));
		for (uint32 j = missing; j-- > 0; rank = place[rank].parent)
		{
			ListedNode *listed = &un->listed[un->nlisted + j];

			listed->rank = rank;
			listed->unit = j == missing - 1 ? un->placed[i].unit : NOT_LISTED;
			listed->parent = j == 0 ? above : un->nlisted + j - 1;
		}
		un->nlisted += missing;
		above = un->nlisted - 1;
	}
}

/*
 * Add up: own totals, then each total to that of the parent, the last first.
 */
static void
add_up(Unnesting *un)
{
	Totals	   *totals = &un->totals;

	totals_init(totals, un->own.kind, Max(un->nlisted, 1), CurrentMemoryContext);
	for (uint32 i = 0; i < un->nlisted; i++)
	{
		UnitTotals *total = totals_new_unit(totals,
											un->chart->code[un->listed[i].rank]);

		CHECK_FOR_INTERRUPTS();
		if (un->listed[i].unit != NOT_LISTED)
			totals_merge(totals, total, &un->own,
						 &un->own.unit[un->listed[i].unit]);
	}
	for (uint32 i = un->nlisted; i-- > 0;)
	{
		uint32		parent = un->listed[i].parent;

		CHECK_FOR_INTERRUPTS();
		if (parent != NOT_LISTED)
			totals_merge(totals, &totals->unit[parent], totals,
						 &totals->unit[i]);
	}
}

/*----------
 * Rows
 *----------
 */

enum
{
	COLUMN_NODE,
	COLUMN_OWN_COUNT,
	COLUMN_OWN_SUM,
	COLUMN_COUNT,
	COLUMN_SUM,
	COLUMN_MIN,
	COLUMN_MAX,
	COLUMNS
};

static void
set_numeric(Datum *value, bool *isnull, Numeric number)
{
	*value = NumericGetDatum(number);
	*isnull = number == NULL;
}

/*
 * One row: a node's own totals (NULL if it has none), and all of its subtree.
 */
static void
put_row(ReturnSetInfo *rsinfo, const Totals *own_totals, const UnitTotals *own,
		const Totals *totals, const UnitTotals *total)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS];
	NumericBuffer own_sum;
	NumericBuffer sum;
	NumericBuffer min;
	NumericBuffer max;

	memset(nulls, true, sizeof(nulls));
	values[COLUMN_NODE] = IomNodeGetDatum(total->node);
	nulls[COLUMN_NODE] = total->node == IOM_NODE_NONE;
	values[COLUMN_OWN_COUNT] = Int64GetDatum(own ? (int64) own->count : 0);
	nulls[COLUMN_OWN_COUNT] = false;
	values[COLUMN_COUNT] = Int64GetDatum((int64) total->count);
	nulls[COLUMN_COUNT] = false;

	if (totals->kind != TOTALS_FLOAT)
	{
		if (own)
			set_numeric(&values[COLUMN_OWN_SUM], &nulls[COLUMN_OWN_SUM],
						unit_sum(own_totals, own, &own_sum));
		set_numeric(&values[COLUMN_SUM], &nulls[COLUMN_SUM],
					unit_sum(totals, total, &sum));
		set_numeric(&values[COLUMN_MIN], &nulls[COLUMN_MIN],
					unit_min(totals, total, &min));
		set_numeric(&values[COLUMN_MAX], &nulls[COLUMN_MAX],
					unit_max(totals, total, &max));
	}
	else
	{
		if (own && own->has_value)
		{
			values[COLUMN_OWN_SUM] = Float8GetDatum(own->value.real.sum);
			nulls[COLUMN_OWN_SUM] = false;
		}
		if (total->has_value)
		{
			values[COLUMN_SUM] = Float8GetDatum(total->value.real.sum);
			values[COLUMN_MIN] = Float8GetDatum(total->value.real.min);
			values[COLUMN_MAX] = Float8GetDatum(total->value.real.max);
			nulls[COLUMN_SUM] = nulls[COLUMN_MIN] = nulls[COLUMN_MAX] = false;
		}
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static Datum
unnest(FunctionCallInfo fcinfo, bool is_float)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Unnesting	un;
	MemoryContext before;
	MemoryContext work;
	MemoryContext row;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;

	work = AllocSetContextCreate(CurrentMemoryContext, "iom_unnest",
								 ALLOCSET_DEFAULT_SIZES);
	before = MemoryContextSwitchTo(work);
	memset(&un, 0, sizeof(un));
	un.chart = CHART_FOR_ARG(1, scope_all())->chart;
	un.unknown.node = IOM_NODE_NONE;
	totals_open(&un.own, PG_GETARG_TOTALS(0));
	if ((un.own.kind == TOTALS_FLOAT) != is_float)
		elog(ERROR, "totals are of the wrong kind");

	place_nodes(&un);
	list_nodes(&un);
	add_up(&un);

	row = AllocSetContextCreate(work, "iom_unnest row", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(row);
	for (uint32 i = 0; i < un.nlisted; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_row(rsinfo, &un.own,
				un.listed[i].unit == NOT_LISTED ? NULL :
				&un.own.unit[un.listed[i].unit],
				&un.totals, &un.totals.unit[i]);
		MemoryContextReset(row);
	}
	if (un.unknown.count > 0)
		put_row(rsinfo, &un.unknown_totals, &un.unknown, &un.unknown_totals,
				&un.unknown);

	MemoryContextSwitchTo(before);
	MemoryContextDelete(work);
	return (Datum) 0;
}

/* iom_unnest(iom_totals, as_of) */
Datum
iom_unnest(PG_FUNCTION_ARGS)
{
	return unnest(fcinfo, false);
}

/* iom_unnest(iom_float_totals, as_of) */
Datum
iom_unnest_float(PG_FUNCTION_ARGS)
{
	return unnest(fcinfo, true);
}
