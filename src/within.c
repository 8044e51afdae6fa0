/*-------------------------------------------------------------------------
 *
 * within.c
 *	  The operators <@ and @>: does a node lie within another's subtree?
 *
 * Chart and hash table decide (chart_has_within).  Where one upper node is
 * asked about for many rows, most of which are not below it, a filter spares
 * them the hash table, which for a large organisation is far larger than the
 * processor's caches: a bit for each of many possible hash values, set for
 * those of the members (Bloom, "Space/time trade-offs in hash coding with
 * allowable errors", 1970, with a single hash).  A row whose bit is not set is
 * not within; any other is looked up.  It is made once a fraction of the cost
 * has been spent without, so that few rows never pay for it.
 *
 * The filter lives in the memory of the expression, and is good for one upper
 * node and one chart.  An unknown node gives false, never an error.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "chart_cache.h"
#include "iomorg.h"

PG_FUNCTION_INFO_V1(iom_node_within);
PG_FUNCTION_INFO_V1(iom_node_contains);

/* With so many bits a member, one row in sixteen is looked up in vain. */
#define BITS_A_MEMBER		16
#define MIN_BITS			4096

/* Adding a member to the filter costs a fraction of a look-up. */
#define MEMBERS_A_CALL		16
#define MIN_CALLS			64

/*
 * What is known of the upper node from one row to the next, in fn_extra.
 */
typedef struct UpperNode
{
	uint64		serial;			/* of the chart; the rest is good while it is
								 * today's */
	IomNode		node;
	uint32		calls;			/* without a filter */
	uint32		enough;			/* calls after which to think of one */
	uint64		nbits;			/* of the filter; 0: there is none */
	uint64	   *bits;
	uint64		room;			/* bits allocated */
} UpperNode;

static inline uint64
filter_place(const UpperNode *upper, IomNode node)
{
	return (code_hash(node) * upper->nbits) >> 32;
}

static inline bool
filter_has(const UpperNode *upper, IomNode node)
{
	uint64		place = filter_place(upper, node);

	return (upper->bits[place / 64] >> (place % 64)) & 1;
}

/*
 * Begin with another upper node or another chart, today's.
 */
static void
begin_upper(FmgrInfo *flinfo, IomNode node)
{
	UpperNode  *upper = flinfo->fn_extra;

	if (upper == NULL)
	{
		upper = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(UpperNode));
		flinfo->fn_extra = upper;
	}
	upper->serial = chart_today_memo.serial;
	upper->node = node;
	upper->nbits = 0;
	upper->calls = 0;
	upper->enough = MIN_CALLS;
}

/*
 * There were some calls for one upper node: make its filter from today's chart
 * or, if it is large, wait until it has been worth that.
 */
static void
make_filter(FmgrInfo *flinfo, UpperNode *upper)
{
	const Chart *chart = chart_today_memo.cached->chart;
	const CodeSlot *top = code_index_slot(&chart->rank_of, upper->node);
	uint64		nbits = Max(TYPEALIGN(64, (uint64) top->size * BITS_A_MEMBER),
							MIN_BITS);

	upper->enough = Max(MIN_CALLS, top->size / MEMBERS_A_CALL);
	if (upper->calls < upper->enough)
		return;

	if (upper->room < nbits)
	{
		if (upper->bits)
			pfree(upper->bits);
		upper->bits = NULL;
		upper->room = 0;
		upper->bits = MemoryContextAllocHuge(flinfo->fn_mcxt, nbits / 8);
		upper->room = nbits;
	}
	memset(upper->bits, 0, nbits / 8);
	upper->nbits = nbits;
	for (uint32 i = 0; i < top->size; i++)
	{
		uint64		place = filter_place(upper, chart->code[top->value + i]);

		upper->bits[place / 64] |= UINT64CONST(1) << (place % 64);
	}
}

static inline bool
is_within(FmgrInfo *flinfo, IomNode lower, IomNode node)
{
	UpperNode  *upper = flinfo->fn_extra;

	if (unlikely(!chart_today_is_known()))
		return chart_has_within(chart_cache_find_today(scope_above(lower,
																   ALL_LEVELS))->chart,
								lower, node);
	if (upper == NULL || upper->node != node ||
		upper->serial != chart_today_memo.serial)
		begin_upper(flinfo, node);
	else if (upper->nbits > 0)
	{
		if (!filter_has(upper, lower))
			return false;
	}
	else if (++upper->calls >= upper->enough)
		make_filter(flinfo, upper);
	return chart_has_within(chart_today_memo.cached->chart, lower, node);
}

/* a <@ b */
Datum
iom_node_within(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_within(fcinfo->flinfo, PG_GETARG_IOM_NODE(0),
							 PG_GETARG_IOM_NODE(1)));
}

/* a @> b */
Datum
iom_node_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_within(fcinfo->flinfo, PG_GETARG_IOM_NODE(1),
							 PG_GETARG_IOM_NODE(0)));
}
