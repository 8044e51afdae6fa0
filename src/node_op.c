/*-------------------------------------------------------------------------
 *
 * node_op.c
 *	  Comparison and hashing of iom_node: operators, btree, hash, min, max.
 *
 * The packed form is a signed integer in the order of the text, so all is
 * integer arithmetic and nothing can fail.  BRIN minmax needs no code.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/sortsupport.h"

#include "iomorg.h"

PG_FUNCTION_INFO_V1(iom_node_eq);
PG_FUNCTION_INFO_V1(iom_node_ne);
PG_FUNCTION_INFO_V1(iom_node_lt);
PG_FUNCTION_INFO_V1(iom_node_le);
PG_FUNCTION_INFO_V1(iom_node_gt);
PG_FUNCTION_INFO_V1(iom_node_ge);
PG_FUNCTION_INFO_V1(iom_node_cmp);
PG_FUNCTION_INFO_V1(iom_node_sortsupport);
PG_FUNCTION_INFO_V1(iom_node_hash);
PG_FUNCTION_INFO_V1(iom_node_hash_extended);
PG_FUNCTION_INFO_V1(iom_node_smaller);
PG_FUNCTION_INFO_V1(iom_node_larger);

#define NODE_COMPARISON(name, operator) \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	PG_RETURN_BOOL(PG_GETARG_IOM_NODE(0) operator PG_GETARG_IOM_NODE(1)); \
}

NODE_COMPARISON(iom_node_eq, ==)
NODE_COMPARISON(iom_node_ne, !=)
NODE_COMPARISON(iom_node_lt, <)
NODE_COMPARISON(iom_node_le, <=)
NODE_COMPARISON(iom_node_gt, >)
NODE_COMPARISON(iom_node_ge, >=)

/* btree support 1 */
Datum
iom_node_cmp(PG_FUNCTION_ARGS)
{
	IomNode		a = PG_GETARG_IOM_NODE(0);
	IomNode		b = PG_GETARG_IOM_NODE(1);

	PG_RETURN_INT32(a < b ? -1 : a > b ? 1 : 0);
}

/* btree support 2: the server has a sort of its own for signed datums */
Datum
iom_node_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = ssup_datum_signed_cmp;
	PG_RETURN_VOID();
}

#ifdef IOM_HAVE_SKIP_SUPPORT

PG_FUNCTION_INFO_V1(iom_node_skipsupport);

/*
 * btree support 6.  Between two neighbours in number there is no code, so the
 * next number is a sound place to go on from, whether or not it is a code.
 */
static Datum
node_decrement(Relation rel, Datum existing, bool *underflow)
{
	IomNode		node = DatumGetIomNode(existing);

	*underflow = node == PG_INT64_MIN;
	return *underflow ? (Datum) 0 : IomNodeGetDatum(node - 1);
}

static Datum
node_increment(Relation rel, Datum existing, bool *overflow)
{
	IomNode		node = DatumGetIomNode(existing);

	*overflow = node == PG_INT64_MAX;
	return *overflow ? (Datum) 0 : IomNodeGetDatum(node + 1);
}

Datum
iom_node_skipsupport(PG_FUNCTION_ARGS)
{
	SkipSupport sksup = (SkipSupport) PG_GETARG_POINTER(0);

	sksup->decrement = node_decrement;
	sksup->increment = node_increment;
	sksup->low_elem = IomNodeGetDatum(PG_INT64_MIN);
	sksup->high_elem = IomNodeGetDatum(PG_INT64_MAX);
	PG_RETURN_VOID();
}

#endif							/* IOM_HAVE_SKIP_SUPPORT */

/* hash support 1: the low half of support 2 with no seed */
Datum
iom_node_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT32((uint32) node_code_mix((uint64) PG_GETARG_IOM_NODE(0)));
}

/* hash support 2; a seed of 0 mixes to 0 and changes nothing */
Datum
iom_node_hash_extended(PG_FUNCTION_ARGS)
{
	uint64		node = (uint64) PG_GETARG_IOM_NODE(0);
	uint64		seed = (uint64) PG_GETARG_INT64(1);

	PG_RETURN_UINT64(node_code_mix(node ^ node_code_mix(seed)));
}

/* min() */
Datum
iom_node_smaller(PG_FUNCTION_ARGS)
{
	IomNode		a = PG_GETARG_IOM_NODE(0);
	IomNode		b = PG_GETARG_IOM_NODE(1);

	PG_RETURN_IOM_NODE(Min(a, b));
}

/* max() */
Datum
iom_node_larger(PG_FUNCTION_ARGS)
{
	IomNode		a = PG_GETARG_IOM_NODE(0);
	IomNode		b = PG_GETARG_IOM_NODE(1);

	PG_RETURN_IOM_NODE(Max(a, b));
}
