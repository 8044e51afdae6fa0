/*-------------------------------------------------------------------------
 *
 * rollup.c
 *	  The aggregates iom_rollup and iom_headcount: own totals of every node
 *	  that has facts.
 *
 * They do not read the hierarchy: what lies below what is asked only when the
 * totals are unnested (rollup_unnest.c).  So they depend on their arguments
 * alone, run in parallel workers, and their memory grows with the nodes that
 * come, not with the facts.
 *
 * The state lives in the aggregate's context, which groups share; it is freed
 * with that.  A group may be tiny and there may be millions of them: the first
 * few nodes are looked for one by one, without a table.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "chart_cache.h"
#include "totals.h"

PG_FUNCTION_INFO_V1(iom_rollup_int2);
PG_FUNCTION_INFO_V1(iom_rollup_int4);
PG_FUNCTION_INFO_V1(iom_rollup_int8);
PG_FUNCTION_INFO_V1(iom_rollup_numeric);
PG_FUNCTION_INFO_V1(iom_rollup_float8);
PG_FUNCTION_INFO_V1(iom_rollup_count);
PG_FUNCTION_INFO_V1(iom_rollup_combine);
PG_FUNCTION_INFO_V1(iom_rollup_serialize);
PG_FUNCTION_INFO_V1(iom_rollup_deserialize);
PG_FUNCTION_INFO_V1(iom_rollup_final);

#define FIRST_ROOM		1		/* nodes in a new state */
#define UNINDEXED_NODES	8		/* beyond that there is a hash table */

typedef struct RollupState
{
	Totals		totals;
	CodeIndex	index;			/* into totals.unit; no slots: not yet */
} RollupState;

/* The context of the aggregate that calls; an error for other callers. */
static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this function can only be called as part of an aggregate")));
	return context;
}

static RollupState *
new_state(TotalsKind kind, MemoryContext context)
{
	RollupState *state = MemoryContextAllocZero(context, sizeof(RollupState));

	totals_init(&state->totals, kind, FIRST_ROOM, context);
	return state;
}

/* Make the table anew, with as much room as there is for nodes. */
static void
rebuild_index(RollupState *state)
{
	OrgMemory	memory = org_memory_of(state->totals.context);

	org_free(&memory, state->index.block);
	state->index.block = NULL;
	code_index_create(&state->index, state->totals.units_room, &memory);
	for (uint32 i = 0; i < state->totals.nunits; i++)
		code_index_insert(&state->index, state->totals.unit[i].node, i);
}

static UnitTotals *
add_unit(RollupState *state, IomNode node)
{
	uint32		room = state->totals.units_room;
	UnitTotals *unit = totals_new_unit(&state->totals, node);

	if (state->totals.nunits > UNINDEXED_NODES)
	{
		if (state->index.block == NULL || state->totals.units_room != room)
			rebuild_index(state);
		else
			code_index_insert(&state->index, node, state->totals.nunits - 1);
	}
	return unit;
}

/* The totals of a node; new ones if it has none yet. */
static inline UnitTotals *
find_unit(RollupState *state, IomNode node)
{
	if (state->index.block != NULL)
	{
		uint32		i = code_index_find(&state->index, node);

		if (i != CODE_INDEX_NONE)
			return &state->totals.unit[i];
	}
	else
	{
		for (uint32 i = 0; i < state->totals.nunits; i++)
		{
			if (state->totals.unit[i].node == node)
				return &state->totals.unit[i];
		}
	}
	return add_unit(state, node);
}

/*
 * What all transitions begin with: count the fact (argument 1 is its node) in
 * the state (argument 0, made if it is null).
 */
static inline RollupState *
count_fact(FunctionCallInfo fcinfo, TotalsKind kind, UnitTotals **unit)
{
	RollupState *state;

	if (PG_ARGISNULL(0))
		state = new_state(kind, aggregate_context(fcinfo));
	else
		state = (RollupState *) PG_GETARG_POINTER(0);
	*unit = find_unit(state,
					  PG_ARGISNULL(1) ? IOM_NODE_NONE : PG_GETARG_IOM_NODE(1));
	(*unit)->count++;
	return state;
}

/* The transition of an integer; if it is null, the value does not matter. */
static Datum
add_integer(FunctionCallInfo fcinfo, int64 value)
{
	UnitTotals *unit;
	RollupState *state = count_fact(fcinfo, TOTALS_INTEGER, &unit);

	if (!PG_ARGISNULL(2))
		unit_add_whole(unit, wide_of(value), 0);
	PG_RETURN_POINTER(state);
}

/* iom_rollup_...(state, node, value) */
Datum
iom_rollup_int2(PG_FUNCTION_ARGS)
{
	return add_integer(fcinfo, PG_GETARG_INT16(2));
}

Datum
iom_rollup_int4(PG_FUNCTION_ARGS)
{
	return add_integer(fcinfo, PG_GETARG_INT32(2));
}

Datum
iom_rollup_int8(PG_FUNCTION_ARGS)
{
	return add_integer(fcinfo, PG_GETARG_INT64(2));
}

Datum
iom_rollup_numeric(PG_FUNCTION_ARGS)
{
	UnitTotals *unit;
	RollupState *state = count_fact(fcinfo, TOTALS_NUMERIC, &unit);
	Wide		whole;
	uint8		scale;

	if (!PG_ARGISNULL(2))
	{
		if (numeric_to_whole(PG_GETARG_RAW_VARLENA_P(2), &whole, &scale))
			unit_add_whole(unit, whole, scale);
		else
			totals_add_odd(&state->totals, unit, PG_GETARG_NUMERIC(2));
	}
	PG_RETURN_POINTER(state);
}

Datum
iom_rollup_float8(PG_FUNCTION_ARGS)
{
	UnitTotals *unit;
	RollupState *state = count_fact(fcinfo, TOTALS_FLOAT, &unit);

	if (!PG_ARGISNULL(2))
		unit_add_float(unit, PG_GETARG_FLOAT8(2));
	PG_RETURN_POINTER(state);
}

/* iom_rollup_count(state, node) */
Datum
iom_rollup_count(PG_FUNCTION_ARGS)
{
	UnitTotals *unit;

	PG_RETURN_POINTER(count_fact(fcinfo, TOTALS_COUNT, &unit));
}

/* iom_rollup_combine(state, state) */
Datum
iom_rollup_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	RollupState *state = PG_ARGISNULL(0) ? NULL :
		(RollupState *) PG_GETARG_POINTER(0);
	RollupState *other = PG_ARGISNULL(1) ? NULL :
		(RollupState *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = new_state(other->totals.kind, context);
	for (uint32 i = 0; i < other->totals.nunits; i++)
	{
		const UnitTotals *unit = &other->totals.unit[i];

		totals_merge(&state->totals, find_unit(state, unit->node),
					 &other->totals, unit);
	}
	PG_RETURN_POINTER(state);
}

/* iom_rollup_serialize(state) */
Datum
iom_rollup_serialize(PG_FUNCTION_ARGS)
{
	RollupState *state = (RollupState *) PG_GETARG_POINTER(0);

	(void) aggregate_context(fcinfo);
	PG_RETURN_POINTER(totals_close(&state->totals));
}

/*
 * iom_rollup_deserialize(bytea, null): a state to combine with another, not to
 * add facts to.
 */
Datum
iom_rollup_deserialize(PG_FUNCTION_ARGS)
{
	RollupState *state;

	(void) aggregate_context(fcinfo);
	state = palloc0(sizeof(RollupState));
	totals_open(&state->totals, (TotalsValue *) PG_GETARG_BYTEA_P_COPY(0));
	PG_RETURN_POINTER(state);
}

/* iom_rollup_final(state): null if there were no facts */
Datum
iom_rollup_final(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(totals_close(&((RollupState *) PG_GETARG_POINTER(0))->totals));
}
