/*-------------------------------------------------------------------------
 *
 * totals_io.c
 *	  Input and output of iom_totals and iom_float_totals.
 *
 * The types share their forms and differ in the kinds of values they take.
 * The binary form is the same on every machine:
 *
 *		byte	kind
 *		int4	how many nodes, each:
 *		int8	  node; IOM_NODE_NONE: facts without a node
 *		int8	  count
 *		byte	  1: values follow
 *		...		  sum, minimum and maximum: each int8 high, int8 low; or float8
 *		byte[3]	  scales of these, with numerics
 *		byte	  1: odd numerics follow, with numerics
 *		...		  their sum, minimum and maximum, as numeric sends them
 *
 * The text form is that as bytea.  Whatever comes in is checked: a bad value
 * is an error here (a hard one, as those of a message that ends too soon are) and
 * cannot harm later.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"

#include "totals.h"

PG_FUNCTION_INFO_V1(iom_totals_in);
PG_FUNCTION_INFO_V1(iom_totals_out);
PG_FUNCTION_INFO_V1(iom_totals_recv);
PG_FUNCTION_INFO_V1(iom_totals_send);
PG_FUNCTION_INFO_V1(iom_float_totals_in);
PG_FUNCTION_INFO_V1(iom_float_totals_recv);

#define LEAST_UNIT		17		/* bytes of a node without values */
#define NUMERIC_SCALE	0x3F	/* the largest scale of a whole number */

static void
bad_value(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid totals"),
			 errdetail_internal("%s", detail),
			 errhint("Totals are what iom_rollup() and iom_headcount() "
					 "return.")));
}

/* What pq_getmsg...() would take for a fault of the protocol. */
static void
need(StringInfo in, int bytes)
{
	if (in->len - in->cursor < bytes)
		bad_value("The value ends too early.");
}

static bool
read_flag(StringInfo in)
{
	int			flag;

	need(in, 1);
	flag = pq_getmsgbyte(in);
	if (flag != 0 && flag != 1)
		bad_value("A flag is neither 0 nor 1.");
	return flag == 1;
}

static uint8
read_scale(StringInfo in)
{
	int			scale;

	need(in, 1);
	scale = pq_getmsgbyte(in);
	if (scale > NUMERIC_SCALE)
		bad_value("A scale is too large.");
	return (uint8) scale;
}

static Numeric
read_numeric(StringInfo in)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_recv, PointerGetDatum(in),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

static Wide
read_wide(StringInfo in)
{
	Wide		wide;

	need(in, 2 * sizeof(int64));
	wide.high = pq_getmsgint64(in);
	wide.low = (uint64) pq_getmsgint64(in);
	return wide;
}

static void
check_extremes(bool in_order)
{
	if (!in_order)
		bad_value("A maximum is less than the minimum.");
}

static void
read_values(StringInfo in, TotalsKind kind, UnitTotals *unit)
{
	if (kind == TOTALS_FLOAT)
	{
		need(in, 3 * sizeof(float8));
		unit->value.real.sum = pq_getmsgfloat8(in);
		unit->value.real.min = pq_getmsgfloat8(in);
		unit->value.real.max = pq_getmsgfloat8(in);
		check_extremes(float8_le(unit->value.real.min, unit->value.real.max));
		return;
	}
	unit->value.whole.sum = read_wide(in);
	unit->value.whole.min = read_wide(in);
	unit->value.whole.max = read_wide(in);
	if (kind == TOTALS_NUMERIC)
	{
		unit->sum_scale = read_scale(in);
		unit->min_scale = read_scale(in);
		unit->max_scale = read_scale(in);
		if (!whole_has_scale(unit->value.whole.sum, unit->sum_scale) ||
			!whole_has_scale(unit->value.whole.min, unit->min_scale) ||
			!whole_has_scale(unit->value.whole.max, unit->max_scale))
			bad_value("A value has more digits than its scale.");
	}
	check_extremes(!wide_less(unit->value.whole.max, unit->value.whole.min));
}

/* Add the odd numerics that follow to the last node. */
static void
read_odd(StringInfo in, Totals *totals, UnitTotals *unit)
{
	OddTotals	odd;

	odd.sum = read_numeric(in);
	odd.min = read_numeric(in);
	odd.max = read_numeric(in);
	check_extremes(DatumGetBool(DirectFunctionCall2(numeric_le,
													NumericGetDatum(odd.min),
													NumericGetDatum(odd.max))));
	totals_merge_odd(totals, unit, &odd);
}

static TotalsValue *
read_totals(StringInfo in, bool is_float)
{
	Totals		totals;
	CodeIndex	index;
	OrgMemory	memory = org_memory_of(CurrentMemoryContext);
	int			kind;
	uint32		nunits;

	need(in, 1 + sizeof(int32));
	kind = pq_getmsgbyte(in);
	if (is_float ? kind != TOTALS_FLOAT : kind != TOTALS_COUNT &&
		kind != TOTALS_INTEGER && kind != TOTALS_NUMERIC)
		bad_value("The type has no values of this kind.");
	nunits = pq_getmsgint(in, 4);
	if (nunits > (uint32) (in->len - in->cursor) / LEAST_UNIT)
		bad_value("Nodes are missing.");

	totals_init(&totals, (TotalsKind) kind, Max(nunits, 1),
				CurrentMemoryContext);
	code_index_create(&index, nunits, &memory);
	for (uint32 i = 0; i < nunits; i++)
	{
		IomNode		node;
		int64		count;
		UnitTotals *unit;

		CHECK_FOR_INTERRUPTS();
		need(in, 2 * sizeof(int64));
		node = pq_getmsgint64(in);
		if (node != IOM_NODE_NONE && !node_code_is_valid(node))
			bad_value("A node is not valid.");
		if (!code_index_insert(&index, node, i))
			bad_value("A node comes twice.");
		count = pq_getmsgint64(in);
		if (count <= 0)
			bad_value("A count is not positive.");
		unit = totals_new_unit(&totals, node);
		unit->count = (uint64) count;
		unit->has_value = read_flag(in);
		if (unit->has_value && kind == TOTALS_COUNT)
			bad_value("There are values where facts were counted only.");
		if (unit->has_value)
			read_values(in, totals.kind, unit);
		if (kind == TOTALS_NUMERIC && read_flag(in))
			read_odd(in, &totals, unit);
	}
	if (in->cursor != in->len)
		bad_value("There is more than the nodes.");
	return totals_close(&totals);
}

static Datum
totals_in(FunctionCallInfo fcinfo, bool is_float)
{
	bytea	   *bytes = DatumGetByteaPP(DirectFunctionCall1(byteain,
															PG_GETARG_DATUM(0)));
	StringInfoData in;

	initStringInfo(&in);
	appendBinaryStringInfo(&in, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	PG_RETURN_POINTER(read_totals(&in, is_float));
}

/* iom_totals_in(cstring) */
Datum
iom_totals_in(PG_FUNCTION_ARGS)
{
	return totals_in(fcinfo, false);
}

/* iom_float_totals_in(cstring) */
Datum
iom_float_totals_in(PG_FUNCTION_ARGS)
{
	return totals_in(fcinfo, true);
}

/* iom_totals_recv(internal) */
Datum
iom_totals_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(read_totals((StringInfo) PG_GETARG_POINTER(0), false));
}

/* iom_float_totals_recv(internal) */
Datum
iom_float_totals_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(read_totals((StringInfo) PG_GETARG_POINTER(0), true));
}

static void
write_numeric(StringInfo out, Numeric number)
{
	bytea	   *bytes = DatumGetByteaPP(DirectFunctionCall1(numeric_send,
															NumericGetDatum(number)));

	pq_sendbytes(out, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	pfree(bytes);
}

static void
write_wide(StringInfo out, Wide wide)
{
	pq_sendint64(out, (uint64) wide.high);
	pq_sendint64(out, wide.low);
}

static void
write_values(StringInfo out, TotalsKind kind, const UnitTotals *unit)
{
	if (kind == TOTALS_FLOAT)
	{
		pq_sendfloat8(out, unit->value.real.sum);
		pq_sendfloat8(out, unit->value.real.min);
		pq_sendfloat8(out, unit->value.real.max);
		return;
	}
	write_wide(out, unit->value.whole.sum);
	write_wide(out, unit->value.whole.min);
	write_wide(out, unit->value.whole.max);
	if (kind == TOTALS_NUMERIC)
	{
		pq_sendbyte(out, unit->sum_scale);
		pq_sendbyte(out, unit->min_scale);
		pq_sendbyte(out, unit->max_scale);
	}
}

static bytea *
write_totals(TotalsValue *value)
{
	Totals		totals;
	StringInfoData out;

	totals_open(&totals, value);
	pq_begintypsend(&out);
	pq_sendbyte(&out, totals.kind);
	pq_sendint32(&out, totals.nunits);
	for (uint32 i = 0; i < totals.nunits; i++)
	{
		const UnitTotals *unit = &totals.unit[i];

		CHECK_FOR_INTERRUPTS();
		pq_sendint64(&out, (uint64) unit->node);
		pq_sendint64(&out, unit->count);
		pq_sendbyte(&out, unit->has_value);
		if (unit->has_value)
			write_values(&out, totals.kind, unit);
		if (totals.kind == TOTALS_NUMERIC)
		{
			pq_sendbyte(&out, unit->odd != 0);
			if (unit->odd != 0)
			{
				const OddTotals *odd = &totals.odd[unit->odd - 1];

				write_numeric(&out, odd->sum);
				write_numeric(&out, odd->min);
				write_numeric(&out, odd->max);
			}
		}
	}
	return pq_endtypsend(&out);
}

/* iom_totals_out(iom_totals), and of iom_float_totals */
Datum
iom_totals_out(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(byteaout,
							   PointerGetDatum(write_totals(PG_GETARG_TOTALS(0))));
}

/* iom_totals_send(iom_totals), and of iom_float_totals */
Datum
iom_totals_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(write_totals(PG_GETARG_TOTALS(0)));
}
