/*-------------------------------------------------------------------------
 *
 * totals.c
 *	  Own totals of nodes: adding them up, and numerics as whole numbers.
 *
 * A numeric goes with the whole numbers if it has at most 16 digits after the
 * point and is less than 10^10: a sum of 1.7 * 10^12 such numbers, more than an
 * aggregate is ever given, does not overflow 128 bits; nor does one of as many
 * integers as can be counted.  Totals that are added to themselves may get there:
 * then the sum goes on as an odd numeric.  Their digits are read and written here
 * as they lie in tables, a format that pg_upgrade keeps; all else is left to the
 * server's numerics.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "totals.h"

/*
 * The short form of a numeric: after the length, a header of two bytes and
 * digits to base 10000, of which the first counts 10000^weight.
 */
#define SHORT_MASK			0xC000
#define SHORT_FORM			0x8000
#define SHORT_NEGATIVE		0x2000
#define SHORT_SCALE_SHIFT	7
#define SHORT_SCALE_MASK	0x3F
#define SHORT_WEIGHT_SIGN	0x40
#define SHORT_WEIGHT_MASK	0x3F

#define DIGIT_BASE			10000
#define WHOLE_FRACTION		4	/* digits of a whole number that come after
								 * the point */

static const uint64 power_of_base[] = {
	UINT64CONST(1), UINT64CONST(10000), UINT64CONST(100000000),
	UINT64CONST(1000000000000), UINT64CONST(10000000000000000)
};

/* Memory for an array that is accessed at random, if it is large. */
static UnitTotals *
alloc_units(const Totals *totals, uint32 n)
{
	OrgMemory	memory = org_memory_of(totals->context);

	return org_alloc(&memory, n, sizeof(UnitTotals));
}

/*
 * Empty totals with room for some nodes, at least one.
 */
void
totals_init(Totals *totals, TotalsKind kind, uint32 units_room,
			MemoryContext context)
{
	memset(totals, 0, sizeof(*totals));
	totals->context = context;
	totals->kind = kind;
	totals->units_room = units_room;
	totals->unit = alloc_units(totals, units_room);
}

/*
 * Add a node, which the caller knows not to be there.  Moves the others.
 */
UnitTotals *
totals_new_unit(Totals *totals, IomNode node)
{
	UnitTotals *unit;

	if (totals->nunits == totals->units_room)
	{
		UnitTotals *before = totals->unit;

		if (totals->units_room > PG_INT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many nodes in one rollup")));
		totals->units_room *= 2;
		totals->unit = alloc_units(totals, totals->units_room);
		memcpy(totals->unit, before, totals->nunits * sizeof(UnitTotals));
		pfree(before);
	}
	unit = &totals->unit[totals->nunits++];
	memset(unit, 0, sizeof(*unit));
	unit->node = node;
	return unit;
}

/*----------
 * Odd numerics
 *----------
 */

/* A numeric function of two numerics; the result in the current context. */
static Numeric
numeric_of_two(PGFunction function, Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(function, NumericGetDatum(a),
											   NumericGetDatum(b)));
}

static Numeric
copy_numeric(Numeric value)
{
	Numeric		copy = palloc(VARSIZE(value));

	memcpy(copy, value, VARSIZE(value));
	return copy;
}

/* Replace *kept by value if that is the more extreme, for good.  Which of equal
 * ones is kept depends on their order, as with the server's min() and max(). */
static void
keep_extreme(Numeric *kept, Numeric value, bool smallest)
{
	int			cmp = DatumGetInt32(DirectFunctionCall2(numeric_cmp,
														NumericGetDatum(value),
														NumericGetDatum(*kept)));

	if (smallest ? cmp < 0 : cmp > 0)
	{
		pfree(*kept);
		*kept = copy_numeric(value);
	}
}

/*
 * Add odd numerics to those of a node.
 */
void
totals_merge_odd(Totals *totals, UnitTotals *unit, const OddTotals *other)
{
	MemoryContext before = MemoryContextSwitchTo(totals->context);
	OddTotals  *odd;

	if (unit->odd == 0)
	{
		if (totals->nodds == totals->odds_room)
		{
			totals->odds_room = Max(totals->odds_room * 2, 4);
			totals->odd = totals->nodds == 0 ?
				palloc(totals->odds_room * sizeof(OddTotals)) :
				repalloc_huge(totals->odd,
							  (Size) totals->odds_room * sizeof(OddTotals));
		}
		odd = &totals->odd[totals->nodds++];
		odd->sum = copy_numeric(other->sum);
		odd->min = copy_numeric(other->min);
		odd->max = copy_numeric(other->max);
		unit->odd = totals->nodds;
	}
	else
	{
		Numeric		total;

		odd = &totals->odd[unit->odd - 1];
		total = numeric_of_two(numeric_add, odd->sum, other->sum);
		pfree(odd->sum);
		odd->sum = total;
		keep_extreme(&odd->min, other->min, true);
		keep_extreme(&odd->max, other->max, false);
	}
	MemoryContextSwitchTo(before);
}

/*
 * Add a numeric that is not a whole number.
 */
void
totals_add_odd(Totals *totals, UnitTotals *unit, Numeric value)
{
	const OddTotals odd = {value, value, value};

	totals_merge_odd(totals, unit, &odd);
}

/*----------
 * Numerics and whole numbers
 *----------
 */

/* integer * 10^16 + fraction */
static Wide
wide_of_parts(uint64 integer, uint64 fraction)
{
	const uint64 power = power_of_base[WHOLE_FRACTION];
	uint64		upper = integer >> 32;	/* two bits: integer < 10^10 */
	uint64		lower = integer & PG_UINT32_MAX;
	uint64		cross = upper * (power & PG_UINT32_MAX) + lower * (power >> 32);
	Wide		wide = {lower * (power & PG_UINT32_MAX),
	(int64) (upper * (power >> 32))};
	Wide		middle = {cross << 32, (int64) (cross >> 32)};
	Wide		more = {fraction, 0};

	wide_add(&wide, middle);
	wide_add(&wide, more);
	return wide;
}

static Wide
wide_negated(Wide wide)
{
	wide.low = ~wide.low + 1;
	wide.high = (int64) (~(uint64) wide.high + (wide.low == 0 ? 1 : 0));
	return wide;
}

/*
 * The numeric as a whole number of 10^-16; false if it is not one, or too
 * large, or not at hand in the row.
 */
bool
numeric_to_whole(const struct varlena *value, Wide *whole, uint8 *scale)
{
	const char *data;
	uint16		header;
	int			weight;
	int			ndigits;
	int			nintegers;
	int			shift;
	uint64		part[2] = {0, 0};	/* before and after the point */

	if (VARATT_IS_EXTERNAL(value) || VARATT_IS_COMPRESSED(value))
		return false;
	data = VARDATA_ANY(value);
	memcpy(&header, data, sizeof(header));
	if ((header & SHORT_MASK) != SHORT_FORM)
		return false;

	ndigits = VARSIZE_ANY_EXHDR(value) / sizeof(int16) - 1;
	*scale = (header >> SHORT_SCALE_SHIFT) & SHORT_SCALE_MASK;
	if (ndigits == 0)
	{
		*whole = wide_of(0);
		return true;
	}
	weight = header & SHORT_WEIGHT_MASK;
	if (header & SHORT_WEIGHT_SIGN)
		weight -= SHORT_WEIGHT_MASK + 1;
	shift = weight + 1 - ndigits + WHOLE_FRACTION;
	if (weight > 2 || shift < 0)
		return false;

	nintegers = Min(ndigits, weight + 1);
	for (int i = 0; i < ndigits; i++)
	{
		uint64	   *number = &part[i < nintegers ? 0 : 1];
		int16		digit;

		data += sizeof(digit);
		memcpy(&digit, data, sizeof(digit));
		if (i == 0 && weight == 2 && digit >= 100)
			return false;
		*number = *number * DIGIT_BASE + (uint16) digit;
	}
	if (nintegers == ndigits)
		part[0] *= power_of_base[shift - WHOLE_FRACTION];
	else
		part[1] *= power_of_base[shift];
	*whole = wide_of_parts(part[0], part[1]);
	if (header & SHORT_NEGATIVE)
		*whole = wide_negated(*whole);
	return true;
}

/* Divide by DIGIT_BASE; returns the remainder. */
static uint16
wide_next_digit(uint64 *high, uint64 *low)
{
	uint64		remainder;
	uint64		quotient;

	if (*high == 0)
	{
		remainder = *low % DIGIT_BASE;
		*low /= DIGIT_BASE;
		return (uint16) remainder;
	}
	remainder = *high % DIGIT_BASE;
	*high /= DIGIT_BASE;
	remainder = remainder << 32 | *low >> 32;
	quotient = remainder / DIGIT_BASE;
	remainder = (remainder % DIGIT_BASE) << 32 | (*low & PG_UINT32_MAX);
	*low = quotient << 32 | remainder / DIGIT_BASE;
	return (uint16) (remainder % DIGIT_BASE);
}

/* Has a whole number of TOTALS_NUMERIC no digits beyond a scale? */
bool
whole_has_scale(Wide whole, uint8 scale)
{
	static const uint16 beyond_digit[] = {1, 10, 100, 1000, 10000};
	uint64		high;
	uint64		low;

	if (whole.high < 0)
		whole = wide_negated(whole);
	high = (uint64) whole.high;
	low = whole.low;
	for (int beyond = 4 * WHOLE_FRACTION - scale; beyond > 0; beyond -= 4)
	{
		if (wide_next_digit(&high, &low) % beyond_digit[Min(beyond, 4)] != 0)
			return false;
	}
	return true;
}

/* The whole number as a numeric, of which some digits are the fraction. */
static Numeric
whole_to_numeric(Wide whole, int fraction, uint8 scale, NumericBuffer *buffer)
{
	uint16	   *out = (uint16 *) (buffer->data + VARHDRSZ);
	uint16		digits[12];
	bool		negative = whole.high < 0;
	uint64		high;
	uint64		low;
	int			n = 0;
	int			first = 0;		/* that is not zero, the least first */
	int			weight = 0;

	if (negative)
		whole = wide_negated(whole);
	high = (uint64) whole.high;
	low = whole.low;
	while (high != 0 || low != 0)
		digits[n++] = wide_next_digit(&high, &low);
	while (first < n && digits[first] == 0)
		first++;
	if (n > 0)
		weight = n - 1 - fraction;

	*out++ = (uint16) (SHORT_FORM | (negative ? SHORT_NEGATIVE : 0) |
					   (scale << SHORT_SCALE_SHIFT) |
					   (weight < 0 ? SHORT_WEIGHT_SIGN : 0) |
					   (weight & SHORT_WEIGHT_MASK));
	for (int i = n - 1; i >= first; i--)
		*out++ = digits[i];
	SET_VARSIZE(buffer->data, (char *) out - buffer->data);
	return (Numeric) buffer->data;
}

/*
 * What a function makes of a node's whole number and its odd numeric: of the
 * one that is there, if only one is; NULL if there is none.
 */
static Numeric
with_odd(const Totals *totals, const UnitTotals *unit, Wide whole, uint8 scale,
		 PGFunction function, Numeric odd, NumericBuffer *buffer)
{
	Numeric		number;

	if (!unit->has_value)
		return odd;
	number = whole_to_numeric(whole,
							  totals->kind == TOTALS_NUMERIC ?
							  WHOLE_FRACTION : 0, scale, buffer);
	return odd ? numeric_of_two(function, number, odd) : number;
}

/* One of the odd numerics of a node; NULL if it has none. */
#define ODD_OF(totals, unit, which) \
	((unit)->odd == 0 ? NULL : (totals)->odd[(unit)->odd - 1].which)

/*
 * Sum, minimum and maximum of a node, with kinds other than TOTALS_FLOAT; NULL
 * if it has no value.  In the buffer or elsewhere, good until the next change.
 */
Numeric
unit_sum(const Totals *totals, const UnitTotals *unit, NumericBuffer *buffer)
{
	return with_odd(totals, unit, unit->value.whole.sum, unit->sum_scale,
					numeric_add, ODD_OF(totals, unit, sum), buffer);
}

Numeric
unit_min(const Totals *totals, const UnitTotals *unit, NumericBuffer *buffer)
{
	return with_odd(totals, unit, unit->value.whole.min, unit->min_scale,
					numeric_smaller, ODD_OF(totals, unit, min), buffer);
}

Numeric
unit_max(const Totals *totals, const UnitTotals *unit, NumericBuffer *buffer)
{
	return with_odd(totals, unit, unit->value.whole.max, unit->max_scale,
					numeric_larger, ODD_OF(totals, unit, max), buffer);
}

/*----------
 * Adding totals up
 *----------
 */

/* As the server's sum() does: an overflow is an error, infinity is not. */
static void
float_add(float8 *sum, float8 value)
{
	*sum = float8_pl(*sum, value);
}

static void
float_keep_extremes(UnitTotals *unit, float8 min, float8 max)
{
	if (float8_lt(min, unit->value.real.min))
		unit->value.real.min = min;
	if (float8_gt(max, unit->value.real.max))
		unit->value.real.max = max;
}

/*
 * Add a number to the values of a node.
 */
void
unit_add_float(UnitTotals *unit, float8 value)
{
	if (!unit->has_value)
	{
		unit->has_value = true;
		unit->value.real.sum = unit->value.real.min = unit->value.real.max = value;
		return;
	}
	float_add(&unit->value.real.sum, value);
	float_keep_extremes(unit, value, value);
}

/* Add the whole numbers of another node; false if the sum would overflow. */
static bool
merge_whole(UnitTotals *unit, const UnitTotals *other)
{
	Wide		sum = unit->value.whole.sum;

	wide_add(&sum, other->value.whole.sum);
	if ((sum.high < 0) != (unit->value.whole.sum.high < 0) &&
		(sum.high < 0) != (other->value.whole.sum.high < 0))
		return false;
	unit->value.whole.sum = sum;
	unit->sum_scale = Max(unit->sum_scale, other->sum_scale);
	unit_keep_extremes(unit, other->value.whole.min, other->min_scale,
					   other->value.whole.max, other->max_scale);
	return true;
}

/* Make odd numerics of a node's whole numbers. */
static void
make_odd(Totals *totals, UnitTotals *unit)
{
	NumericBuffer sum;
	NumericBuffer min;
	NumericBuffer max;
	OddTotals	odd;

	odd.sum = whole_to_numeric(unit->value.whole.sum, WHOLE_FRACTION,
							   unit->sum_scale, &sum);
	odd.min = whole_to_numeric(unit->value.whole.min, WHOLE_FRACTION,
							   unit->min_scale, &min);
	odd.max = whole_to_numeric(unit->value.whole.max, WHOLE_FRACTION,
							   unit->max_scale, &max);
	totals_merge_odd(totals, unit, &odd);
	unit->has_value = false;
}

/*
 * Add what is in other, one of the nodes of from, to unit, one of those of
 * into (which may be from).  An error if that is more than a bigint can count.
 */
void
totals_merge(Totals *into, UnitTotals *unit, const Totals *from,
			 const UnitTotals *other)
{
	if (other->count > PG_INT64_MAX - unit->count)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("totals of more than %lld facts",
						(long long) PG_INT64_MAX)));
	unit->count += other->count;

	if (other->has_value && unit->has_value)
	{
		if (into->kind == TOTALS_FLOAT)
		{
			float_add(&unit->value.real.sum, other->value.real.sum);
			float_keep_extremes(unit, other->value.real.min,
								other->value.real.max);
		}
		else if (!merge_whole(unit, other))
		{
			/* integers that were counted one by one never get here */
			if (into->kind != TOTALS_NUMERIC)
				ereport(ERROR,
						(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						 errmsg("a sum of integers is out of range")));
			make_odd(into, unit);
		}
	}
	if (other->has_value && !unit->has_value)
	{
		unit->has_value = true;
		unit->value = other->value;
		unit->sum_scale = other->sum_scale;
		unit->min_scale = other->min_scale;
		unit->max_scale = other->max_scale;
	}

	if (other->odd != 0)
	{
		OddTotals	odd = from->odd[other->odd - 1];

		totals_merge_odd(into, unit, &odd);
	}
}

/*----------
 * Totals as one value
 *----------
 */

#define ODD_NUMERICS	3

static Numeric *
odd_numeric(OddTotals *odd, int i)
{
	return i == 0 ? &odd->sum : i == 1 ? &odd->min : &odd->max;
}

/*
 * How many bytes the totals take as one value; an error if that is too large.
 */
Size
totals_flat_size(const Totals *totals)
{
	Size		size = offsetof(TotalsValue, unit) +
		(Size) totals->nunits * sizeof(UnitTotals);

	for (uint32 i = 0; i < totals->nodds; i++)
	{
		for (int j = 0; j < ODD_NUMERICS; j++)
			size += MAXALIGN(VARSIZE(*odd_numeric(&totals->odd[i], j)));
	}
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("totals of %u nodes are too large for one value",
						totals->nunits)));
	return size;
}

/*
 * Write the totals as one value, of the size that totals_flat_size() says.
 */
void
totals_flatten(const Totals *totals, TotalsValue *value, Size size)
{
	Size		units = (Size) totals->nunits * sizeof(UnitTotals);
	char	   *out = (char *) value->unit + units;

	SET_VARSIZE(value, size);
	value->kind = totals->kind;
	value->nunits = totals->nunits;
	value->nodds = totals->nodds;
	memcpy(value->unit, totals->unit, units);
	for (uint32 i = 0; i < totals->nodds; i++)
	{
		for (int j = 0; j < ODD_NUMERICS; j++)
		{
			Numeric		number = *odd_numeric(&totals->odd[i], j);
			Size		aligned = MAXALIGN(VARSIZE(number));

			memset(out + aligned - MAXIMUM_ALIGNOF, 0, MAXIMUM_ALIGNOF);
			memcpy(out, number, VARSIZE(number));
			out += aligned;
		}
	}
}

/*
 * The totals as one value, in the current context.
 */
TotalsValue *
totals_close(const Totals *totals)
{
	Size		size = totals_flat_size(totals);
	TotalsValue *value = palloc(size);

	totals_flatten(totals, value, size);
	return value;
}

/*
 * Look into a value, which must be aligned and stay where it is.
 */
void
totals_open(Totals *totals, TotalsValue *value)
{
	char	   *end = (char *) value + VARSIZE(value);
	char	   *in = (char *) &value->unit[value->nunits];

	memset(totals, 0, sizeof(*totals));
	totals->context = CurrentMemoryContext;
	totals->kind = (TotalsKind) value->kind;
	totals->nunits = totals->units_room = value->nunits;
	totals->nodds = totals->odds_room = value->nodds;
	totals->unit = value->unit;
	if (value->nodds > 0)
		totals->odd = palloc(value->nodds * sizeof(OddTotals));
	for (uint32 i = 0; i < value->nodds; i++)
	{
		for (int j = 0; j < ODD_NUMERICS; j++)
		{
			*odd_numeric(&totals->odd[i], j) = (Numeric) in;
			in += MAXALIGN(VARSIZE(in));
		}
	}
	if (in != end)
		elog(ERROR, "totals of %u nodes end at the wrong byte", value->nunits);
}
