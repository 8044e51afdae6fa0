/*-------------------------------------------------------------------------
 *
 * totals.h
 *	  Own totals of nodes: count, sum, minimum and maximum of their facts.
 *
 * Sums are exact for integers and numerics.  Integers, and numerics with few
 * digits (nearly all there are in HR tables), are summed as whole numbers of
 * 128 bits; the others of a node are "odd" and kept as numerics beside.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef TOTALS_H
#define TOTALS_H

#include "lib/stringinfo.h"
#include "utils/numeric.h"

#include "code_index.h"
#include "iomorg.h"

/* What the values are; also a byte of the wire format. */
typedef enum TotalsKind
{
	TOTALS_COUNT = 'c',			/* there are none, facts are counted only */
	TOTALS_INTEGER = 'i',
	TOTALS_NUMERIC = 'n',
	TOTALS_FLOAT = 'f'
} TotalsKind;

/* A number of 128 bits in two's complement. */
typedef struct Wide
{
	uint64		low;
	int64		high;
} Wide;

/*
 * The totals of one node, without gaps: it is copied to disk as it is.  Sum,
 * minimum and maximum are good if has_value.  With numerics, "whole" counts in
 * units of 10^-16, and the scales are the digits after the point that sum,
 * minimum and maximum are shown with.
 */
typedef struct UnitTotals
{
	IomNode		node;			/* IOM_NODE_NONE: facts without a node */
	uint64		count;			/* facts, also those without a value */
	union
	{
		struct
		{
			Wide		sum;
			Wide		min;
			Wide		max;
		}			whole;
		struct
		{
			float8		sum;
			float8		min;
			float8		max;
		}			real;
	}			value;
	uint8		has_value;
	uint8		sum_scale;
	uint8		min_scale;
	uint8		max_scale;
	uint32		odd;			/* index + 1 of its odd numerics; 0: none */
} UnitTotals;

StaticAssertDecl(sizeof(UnitTotals) == 72, "the totals of a node have no gaps");

/* Numerics that are too large or too fine to be summed as whole numbers. */
typedef struct OddTotals
{
	Numeric		sum;
	Numeric		min;
	Numeric		max;
} OddTotals;

/*
 * Totals of some nodes.  Arrays and odd numerics are in the context, unless
 * they were opened from a value (totals_open), which is not to be changed.
 */
typedef struct Totals
{
	MemoryContext context;
	TotalsKind	kind;
	uint32		nunits;
	uint32		units_room;
	uint32		nodds;
	uint32		odds_room;
	UnitTotals *unit;
	OddTotals  *odd;
} Totals;

/*
 * Totals that are being added up, with a way to find a node.  A group may be
 * tiny and there may be millions of them: the first few nodes are looked for one
 * by one, without a table.
 */
typedef struct TotalsSum
{
	Totals		totals;
	CodeIndex	index;			/* into totals.unit; no block: not yet */
} TotalsSum;

/*
 * The SQL types iom_totals and iom_float_totals: totals as one value.  No node
 * comes twice.
 */
typedef struct TotalsValue
{
	int32		vl_len_;		/* do not touch: see SET_VARSIZE */
	uint32		kind;
	uint32		nunits;
	uint32		nodds;
	UnitTotals	unit[FLEXIBLE_ARRAY_MEMBER];
	/* three numerics for each of the odd follow, each aligned */
} TotalsValue;

#define PG_GETARG_TOTALS(n)	((TotalsValue *) PG_GETARG_VARLENA_P(n))

/* Room for a numeric made of a whole number. */
typedef union NumericBuffer
{
	int32		aligned;
	char		data[VARHDRSZ + 12 * sizeof(int16)];
} NumericBuffer;

extern void totals_init(Totals *totals, TotalsKind kind, uint32 units_room,
						MemoryContext context);
extern UnitTotals *totals_new_unit(Totals *totals, IomNode node);
extern void totals_add_odd(Totals *totals, UnitTotals *unit, Numeric value);
extern void totals_merge_odd(Totals *totals, UnitTotals *unit,
							 const OddTotals *other);
extern void totals_merge(Totals *into, UnitTotals *unit,
						 const Totals *from, const UnitTotals *other);
extern Size totals_flat_size(const Totals *totals);
extern void totals_flatten(const Totals *totals, TotalsValue *value, Size size);
extern TotalsValue *totals_close(const Totals *totals);
extern void totals_open(Totals *totals, TotalsValue *value);

extern void totals_sum_init(TotalsSum *sum, TotalsKind kind, uint32 room,
							MemoryContext context);
extern UnitTotals *totals_sum_new_unit(TotalsSum *sum, IomNode node);
extern void totals_sum_add(TotalsSum *sum, const Totals *other);

extern bool whole_has_scale(Wide whole, uint8 scale);
extern bool numeric_to_whole(const struct varlena *value, Wide *whole,
							 uint8 *scale);
extern Numeric unit_sum(const Totals *totals, const UnitTotals *unit,
						NumericBuffer *buffer);
extern Numeric unit_min(const Totals *totals, const UnitTotals *unit,
						NumericBuffer *buffer);
extern Numeric unit_max(const Totals *totals, const UnitTotals *unit,
						NumericBuffer *buffer);

extern void unit_add_float(UnitTotals *unit, float8 value);

static inline Wide
wide_of(int64 number)
{
	Wide		wide;

	wide.low = (uint64) number;
	wide.high = number < 0 ? -1 : 0;
	return wide;
}

static inline void
wide_add(Wide *sum, Wide other)
{
	sum->low += other.low;
	sum->high = (int64) ((uint64) sum->high + (uint64) other.high +
						 (sum->low < other.low ? 1 : 0));
}

static inline bool
wide_less(Wide a, Wide b)
{
	return a.high < b.high || (a.high == b.high && a.low < b.low);
}

static inline bool
wide_equal(Wide a, Wide b)
{
	return a.high == b.high && a.low == b.low;
}

/*
 * Of equal whole numbers, which differ in their scale only, the one with more
 * digits is the extreme, so that it does not matter which came first.
 */
static inline void
unit_keep_extremes(UnitTotals *unit, Wide min, uint8 min_scale,
				   Wide max, uint8 max_scale)
{
	if (!wide_less(unit->value.whole.min, min))
	{
		unit->min_scale = wide_equal(min, unit->value.whole.min) ?
			Max(unit->min_scale, min_scale) : min_scale;
		unit->value.whole.min = min;
	}
	if (!wide_less(max, unit->value.whole.max))
	{
		unit->max_scale = wide_equal(max, unit->value.whole.max) ?
			Max(unit->max_scale, max_scale) : max_scale;
		unit->value.whole.max = max;
	}
}

/*
 * Add the whole number of one fact to the values of a node: there are never
 * enough facts for an overflow (totals.c).
 */
static inline void
unit_add_whole(UnitTotals *unit, Wide whole, uint8 scale)
{
	if (!unit->has_value)
	{
		unit->has_value = true;
		unit->value.whole.sum = whole;
		unit->value.whole.min = unit->value.whole.max = whole;
		unit->sum_scale = unit->min_scale = unit->max_scale = scale;
		return;
	}
	wide_add(&unit->value.whole.sum, whole);
	unit->sum_scale = Max(unit->sum_scale, scale);
	unit_keep_extremes(unit, whole, scale, whole, scale);
}

/* The totals of a node; new ones if it has none yet. */
static inline UnitTotals *
totals_sum_unit(TotalsSum *sum, IomNode node)
{
	if (sum->index.block != NULL)
	{
		uint32		i = code_index_find(&sum->index, node);

		if (i != CODE_INDEX_NONE)
			return &sum->totals.unit[i];
	}
	else
	{
		for (uint32 i = 0; i < sum->totals.nunits; i++)
		{
			if (sum->totals.unit[i].node == node)
				return &sum->totals.unit[i];
		}
	}
	return totals_sum_new_unit(sum, node);
}

#endif							/* TOTALS_H */
