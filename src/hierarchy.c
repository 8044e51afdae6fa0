/*-------------------------------------------------------------------------
 *
 * hierarchy.c
 *	  SQL functions on one node or two.
 *
 * Each is a thin wrapper: it takes the chart of its day, finds the rank of
 * its node and asks chart.c.  The chart stays put during a call.  An unknown
 * node gives null, never an error.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "chart_cache.h"
#include "iomorg.h"

PG_FUNCTION_INFO_V1(iom_supervisor);
PG_FUNCTION_INFO_V1(iom_ancestor);
PG_FUNCTION_INFO_V1(iom_root);
PG_FUNCTION_INFO_V1(iom_level);
PG_FUNCTION_INFO_V1(iom_height);
PG_FUNCTION_INFO_V1(iom_size);
PG_FUNCTION_INFO_V1(iom_span);
PG_FUNCTION_INFO_V1(iom_rank);
PG_FUNCTION_INFO_V1(iom_chart_pays);
PG_FUNCTION_INFO_V1(iom_is_leaf);
PG_FUNCTION_INFO_V1(iom_path);
PG_FUNCTION_INFO_V1(iom_common_supervisor);
PG_FUNCTION_INFO_V1(iom_common_supervisor_accum);
PG_FUNCTION_INFO_V1(iom_common_supervisor_combine);
PG_FUNCTION_INFO_V1(iom_common_supervisor_final);
PG_FUNCTION_INFO_V1(iom_distance);

/* What iom_chart_order() costs for both ends of a line, in index probes. */
#define PROBES_A_LINE	40
#define PROBES_A_LEVEL	10

/*
 * Chart and rank of the first argument; the chart has at least the given
 * scope, see chart_cache.h.  Arguments after it are the function's
 * own but for the last, as_of.  Returns null from the function if the node is
 * null or unknown.
 */
#define GET_CHART_AND_RANK(as_of_argument, scope) \
	const Chart *chart; \
	uint32		rank; \
\
	if (PG_ARGISNULL(0)) \
		PG_RETURN_NULL(); \
	chart = CHART_FOR_ARG(as_of_argument, scope)->chart; \
	rank = chart_find(chart, PG_GETARG_IOM_NODE(0)); \
	if (rank == CHART_NONE) \
		PG_RETURN_NULL()

/* The same with the ranks of the first two arguments. */
#define GET_CHART_AND_RANKS(as_of_argument) \
	const Chart *chart; \
	uint32		rank; \
	uint32		other; \
\
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) \
		PG_RETURN_NULL(); \
	chart = CHART_FOR_ARG(as_of_argument, \
						  scope_above_both(PG_GETARG_IOM_NODE(0), \
										   PG_GETARG_IOM_NODE(1)))->chart; \
	rank = chart_find(chart, PG_GETARG_IOM_NODE(0)); \
	other = chart_find(chart, PG_GETARG_IOM_NODE(1)); \
	if (rank == CHART_NONE || other == CHART_NONE) \
		PG_RETURN_NULL()

#define RETURN_NODE_AT(rank_) \
	do { \
		uint32		at_ = (rank_); \
\
		if (at_ == CHART_NONE) \
			PG_RETURN_NULL(); \
		PG_RETURN_IOM_NODE(chart->code[at_]); \
	} while (0)

/*----------
 * One node
 *----------
 */

/* iom_supervisor(node, as_of) */
Datum
iom_supervisor(PG_FUNCTION_ARGS)
{
	GET_CHART_AND_RANK(1, scope_above(PG_GETARG_IOM_NODE(0), 1));
	RETURN_NODE_AT(chart->place[rank].parent);
}

/* iom_ancestor(node, level, as_of) */
Datum
iom_ancestor(PG_FUNCTION_ARGS)
{
	int32		level;

	GET_CHART_AND_RANK(2, scope_above(PG_GETARG_IOM_NODE(0), ALL_LEVELS));
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	level = PG_GETARG_INT32(1);
	if (level < 1)
		PG_RETURN_NULL();
	RETURN_NODE_AT(chart_ancestor(chart, rank, (uint32) level));
}

/* iom_root(node, as_of) */
Datum
iom_root(PG_FUNCTION_ARGS)
{
	GET_CHART_AND_RANK(1, scope_above(PG_GETARG_IOM_NODE(0), ALL_LEVELS));
	RETURN_NODE_AT(chart_root(chart, rank));
}

/* iom_level(node, as_of) */
Datum
iom_level(PG_FUNCTION_ARGS)
{
	GET_CHART_AND_RANK(1, scope_above(PG_GETARG_IOM_NODE(0), ALL_LEVELS));
	PG_RETURN_INT32((int32) chart->place[rank].level);
}

/* iom_height(node, as_of) */
Datum
iom_height(PG_FUNCTION_ARGS)
{
	GET_CHART_AND_RANK(1, scope_within(PG_GETARG_IOM_NODE(0), ALL_LEVELS));
	PG_RETURN_INT32((int32) chart_height(chart, rank));
}

/* iom_size(node, as_of) */
Datum
iom_size(PG_FUNCTION_ARGS)
{
	GET_CHART_AND_RANK(1, scope_within(PG_GETARG_IOM_NODE(0), ALL_LEVELS));
	PG_RETURN_INT32((int32) chart->place[rank].size);
}

/* iom_span(node, as_of) */
Datum
iom_span(PG_FUNCTION_ARGS)
{
	GET_CHART_AND_RANK(1, scope_within(PG_GETARG_IOM_NODE(0), 1));
	PG_RETURN_INT32((int32) chart_span(chart, rank));
}

/* iom_rank(node, as_of): from 1 */
Datum
iom_rank(PG_FUNCTION_ARGS)
{
	GET_CHART_AND_RANK(1, scope_all());
	PG_RETURN_INT32((int32) rank + 1);
}

/*
 * iom_chart_pays(node, lines, as_of): is iom_rank() the cheaper way to sort so many
 * lines of the node, or iom_chart_order()?  (Most other ends will be about as deep.)
 */
Datum
iom_chart_pays(PG_FUNCTION_ARGS)
{
	double		lines = PG_ARGISNULL(1) ? 0 : (double) PG_GETARG_INT64(1);
	uint32		level = 0;

	if (!PG_ARGISNULL(0))
	{
		IomNode		node = PG_GETARG_IOM_NODE(0);
		const Chart *chart = CHART_FOR_ARG(2, scope_above(node, ALL_LEVELS))->chart;
		uint32		rank = chart_find(chart, node);

		if (rank != CHART_NONE)
			level = chart->place[rank].level;
	}
	PG_RETURN_BOOL(chart_cache_pays(PG_GETARG_AS_OF(2), Max(lines, 0) *
									(PROBES_A_LINE + PROBES_A_LEVEL * (double) level)));
}

/* iom_is_leaf(node, as_of) */
Datum
iom_is_leaf(PG_FUNCTION_ARGS)
{
	GET_CHART_AND_RANK(1, scope_within(PG_GETARG_IOM_NODE(0), 1));
	PG_RETURN_BOOL(chart->place[rank].size == 1);
}

/*
 * iom_path(node, separator, as_of): codes from the root down.  Written from
 * the end, since climbing is the way there is.
 */
Datum
iom_path(PG_FUNCTION_ARGS)
{
	text	   *separator;
	Size		separator_size;
	Size		size;
	text	   *path;
	char	   *end;

	GET_CHART_AND_RANK(2, scope_above(PG_GETARG_IOM_NODE(0), ALL_LEVELS));
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	separator = PG_GETARG_TEXT_PP(1);
	as_of_refuse_text(separator, "separator", "as_of");
	separator_size = VARSIZE_ANY_EXHDR(separator);

	size = (chart->place[rank].level - 1) * separator_size;
	for (uint32 at = rank; at != CHART_NONE; at = chart->place[at].parent)
		size += strlen(node_text(chart->code[at]).text);
	if (!AllocSizeIsValid(size + VARHDRSZ))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("path is too long"),
				 errdetail("It would have %zu bytes.", size)));

	path = palloc(size + VARHDRSZ);
	SET_VARSIZE(path, size + VARHDRSZ);
	end = VARDATA(path) + size;
	for (uint32 at = rank; at != CHART_NONE; at = chart->place[at].parent)
	{
		NodeText	node = node_text(chart->code[at]);
		Size		length = strlen(node.text);

		end -= length;
		memcpy(end, node.text, length);
		if (chart->place[at].parent != CHART_NONE)
		{
			end -= separator_size;
			memcpy(end, VARDATA_ANY(separator), separator_size);
		}
	}
	Assert(end == VARDATA(path));
	PG_RETURN_TEXT_P(path);
}

/*----------
 * Two nodes and more
 *----------
 */

/* iom_common_supervisor(a, b, as_of) */
Datum
iom_common_supervisor(PG_FUNCTION_ARGS)
{
	IomNode		a;
	IomNode		b;
	IomNode		common;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	a = PG_GETARG_IOM_NODE(0);
	b = PG_GETARG_IOM_NODE(1);
	common = chart_common_node(CHART_FOR_ARG(2, scope_above_both(a, b))->chart,
							   a, b);
	if (common == IOM_NODE_NONE)
		PG_RETURN_NULL();
	PG_RETURN_IOM_NODE(common);
}

/*
 * The aggregate.  Its state is a bigint, so that it can be combined and passed
 * between processes as it is: a node, or IOM_NODE_NONE if those seen so far
 * have no common supervisor or one of them is unknown.  Null nodes are passed
 * over.
 */
static int64
common_of_states(int64 a, int64 b)
{
	return chart_common_node(chart_today(scope_above_both(a, b))->chart, a, b);
}

/* transition: (state, node) */
Datum
iom_common_supervisor_accum(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_INT64(PG_GETARG_INT64(0));
	}
	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(PG_GETARG_IOM_NODE(1));
	PG_RETURN_INT64(common_of_states(PG_GETARG_INT64(0),
									 PG_GETARG_IOM_NODE(1)));
}

/* combine: two states, strict */
Datum
iom_common_supervisor_combine(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(common_of_states(PG_GETARG_INT64(0),
									 PG_GETARG_INT64(1)));
}

/* final: strict; a single node has not been looked up yet */
Datum
iom_common_supervisor_final(PG_FUNCTION_ARGS)
{
	IomNode		common = PG_GETARG_INT64(0);
	const Chart *chart = chart_today(scope_above(common, 0))->chart;

	RETURN_NODE_AT(chart_find(chart, common));
}

/* iom_distance(a, b, as_of): lines up to the common supervisor and down */
Datum
iom_distance(PG_FUNCTION_ARGS)
{
	uint32		common;

	GET_CHART_AND_RANKS(2);
	common = chart_common_supervisor(chart, rank, other);
	if (common == CHART_NONE)
		PG_RETURN_NULL();
	PG_RETURN_INT32((int32) (chart->place[rank].level +
							 chart->place[other].level -
							 2 * chart->place[common].level));
}
