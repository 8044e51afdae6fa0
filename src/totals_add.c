/*-------------------------------------------------------------------------
 *
 * totals_add.c
 *	  iom_totals_add: the totals of what two totals are of; the aggregate
 *	  iom_rollup of totals.
 *
 * Its state is of the types iom_totals and iom_float_totals themselves, so that
 * whoever knows these can combine partial aggregates, another server too.  Not to
 * copy all nodes for each value that is added, the state is an expanded object
 * once it has some nodes: with a table of them, and changed in place.  An argument
 * of a plain call never is, since others may look at it: not every node of the
 * executor makes an expanded value of its rows read-only first.
 *
 * An expanded object has a context of its own, below that of the aggregate or of
 * whoever calls.  HashAggregate visits all contexts each time that it makes a
 * group, so small totals, of which there may be very many, stay flat.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/expandeddatum.h"
#include "utils/memutils.h"

#include "totals.h"

PG_FUNCTION_INFO_V1(iom_totals_add);

#define FLAT_NODES		8		/* beyond that a sum is expanded */

typedef struct ExpandedTotals
{
	ExpandedObjectHeader header;
	TotalsSum	sum;
} ExpandedTotals;

static Size
get_flat_size(ExpandedObjectHeader *header)
{
	return totals_flat_size(&((ExpandedTotals *) header)->sum.totals);
}

static void
flatten_into(ExpandedObjectHeader *header, void *result, Size allocated_size)
{
	totals_flatten(&((ExpandedTotals *) header)->sum.totals, result,
				   allocated_size);
}

static const ExpandedObjectMethods expanded_methods = {
	get_flat_size,
	flatten_into
};

static ExpandedTotals *
expanded_of(Datum value)
{
	ExpandedTotals *expanded = (ExpandedTotals *) DatumGetEOHP(value);

	Assert(expanded->header.eoh_methods == &expanded_methods);
	return expanded;
}

/* Look into a value, flat or expanded. */
static void
read_value(Totals *totals, Datum value)
{
	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
		*totals = expanded_of(value)->sum.totals;
	else
		totals_open(totals, (TotalsValue *) PG_DETOAST_DATUM(value));
}

static ExpandedTotals *
new_expanded(TotalsKind kind, uint32 room, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "iomorg totals",
												  ALLOCSET_START_SMALL_SIZES);
	ExpandedTotals *expanded = MemoryContextAlloc(context,
												  sizeof(ExpandedTotals));

	EOH_init_header(&expanded->header, &expanded_methods, context);
	totals_sum_init(&expanded->sum, kind, room, context);
	return expanded;
}

/* iom_totals_add(totals, totals), and of iom_float_totals */
Datum
iom_totals_add(PG_FUNCTION_ARGS)
{
	Datum		value = PG_GETARG_DATUM(0);
	MemoryContext context;
	bool		is_state = AggCheckCallContext(fcinfo, &context) != 0;
	ExpandedTotals *expanded;
	Totals		before;
	Totals		other;
	uint64		room;

	read_value(&before, value);
	read_value(&other, PG_GETARG_DATUM(1));
	if (before.kind != other.kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("totals of different kinds cannot be added"),
				 errdetail("Totals are of numeric values, of integers, or of "
						   "counts only."),
				 errhint("Cast the values that iom_rollup() adds up to one "
						 "type.")));

	room = before.nunits + (uint64) other.nunits;
	if (is_state && VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(value)))
		expanded = expanded_of(value);
	else if (room <= FLAT_NODES)
	{
		TotalsSum	sum;

		totals_sum_init(&sum, before.kind, FLAT_NODES, CurrentMemoryContext);
		totals_sum_add(&sum, &before);
		totals_sum_add(&sum, &other);
		PG_RETURN_POINTER(totals_close(&sum.totals));
	}
	else
	{
		expanded = new_expanded(before.kind, Min(room, PG_INT32_MAX / 2),
								is_state ? context : CurrentMemoryContext);
		totals_sum_add(&expanded->sum, &before);
	}
	totals_sum_add(&expanded->sum, &other);
	PG_RETURN_DATUM(EOHPGetRWDatum(&expanded->header));
}
