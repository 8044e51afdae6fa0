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
 * with that.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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

static TotalsSum *
new_state(TotalsKind kind, MemoryContext context)
{
	TotalsSum  *state = MemoryContextAlloc(context, sizeof(TotalsSum));

	totals_sum_init(state, kind, 1, context);
	return state;
}

/*
 * What all transitions begin with: count the fact (argument 1 is its node) in
 * the state (argument 0, made if it is null).
 */
static inline TotalsSum *
count_fact(FunctionCallInfo fcinfo, TotalsKind kind, UnitTotals **unit)
{
	TotalsSum  *state;

	if (PG_ARGISNULL(0))
		state = new_state(kind, aggregate_context(fcinfo));
	else
		state = (TotalsSum *) PG_GETARG_POINTER(0);
	*unit = totals_sum_unit(state,
							PG_ARGISNULL(1) ? IOM_NODE_NONE : PG_GETARG_IOM_NODE(1));
	(*unit)->count++;
	return state;
}

/* The transition of an integer; if it is null, the value does not matter. */
static Datum
add_integer(FunctionCallInfo fcinfo, int64 value)
{
	UnitTotals *unit;
	TotalsSum  *state = count_fact(fcinfo, TOTALS_INTEGER, &unit);

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
	TotalsSum  *state = count_fact(fcinfo, TOTALS_NUMERIC, &unit);
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
	TotalsSum  *state = count_fact(fcinfo, TOTALS_FLOAT, &unit);

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
	TotalsSum  *state = PG_ARGISNULL(0) ? NULL :
		(TotalsSum *) PG_GETARG_POINTER(0);
	TotalsSum  *other = PG_ARGISNULL(1) ? NULL :
		(TotalsSum *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = new_state(other->totals.kind, context);
	totals_sum_add(state, &other->totals);
	PG_RETURN_POINTER(state);
}

/* iom_rollup_serialize(state) */
Datum
iom_rollup_serialize(PG_FUNCTION_ARGS)
{
	TotalsSum  *state = (TotalsSum *) PG_GETARG_POINTER(0);

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
	TotalsSum  *state;

	(void) aggregate_context(fcinfo);
	state = palloc0(sizeof(TotalsSum));
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
	PG_RETURN_POINTER(totals_close(&((TotalsSum *) PG_GETARG_POINTER(0))->totals));
}
