/*-------------------------------------------------------------------------
 *
 * totals_sum.c
 *	  Adding totals up: which of the totals is a node's.
 *
 * All memory is in the context that the sum was made in.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "totals.h"

#define UNINDEXED_NODES	8		/* beyond that there is a hash table */

/*
 * The sum of nothing, with room for some nodes, at least one.
 */
void
totals_sum_init(TotalsSum *sum, TotalsKind kind, uint32 room,
				MemoryContext context)
{
	memset(sum, 0, sizeof(*sum));
	totals_init(&sum->totals, kind, room, context);
}

/* Make the table anew, with as much room as there is for nodes. */
static void
rebuild_index(TotalsSum *sum)
{
	OrgMemory	memory = org_memory_of(sum->totals.context);

	org_free(&memory, sum->index.block);
	sum->index.block = NULL;
	code_index_create(&sum->index, sum->totals.units_room, &memory);
	for (uint32 i = 0; i < sum->totals.nunits; i++)
	{
		CHECK_FOR_INTERRUPTS();	/* codes that collide are easily made */
		code_index_insert(&sum->index, sum->totals.unit[i].node, i);
	}
}

/*
 * Add a node, which the caller knows not to be there.  Moves the others.
 */
UnitTotals *
totals_sum_new_unit(TotalsSum *sum, IomNode node)
{
	uint32		room = sum->totals.units_room;
	UnitTotals *unit = totals_new_unit(&sum->totals, node);

	if (sum->totals.nunits > UNINDEXED_NODES)
	{
		if (sum->index.block == NULL || sum->totals.units_room != room)
			rebuild_index(sum);
		else
			code_index_insert(&sum->index, node, sum->totals.nunits - 1);
	}
	return unit;
}

/*
 * Add other totals, which must be of the same kind.
 */
void
totals_sum_add(TotalsSum *sum, const Totals *other)
{
	for (uint32 i = 0; i < other->nunits; i++)
	{
		const UnitTotals *unit = &other->unit[i];

		CHECK_FOR_INTERRUPTS();
		totals_merge(&sum->totals, totals_sum_unit(sum, unit->node), other, unit);
	}
}
