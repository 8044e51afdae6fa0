/*-------------------------------------------------------------------------
 *
 * chart.h
 *	  The compiled chart of an organisation on one day.
 *
 * A chart is immutable.  Its nodes are numbered by rank, their place in chart
 * order (pre-order, siblings by position and then code), from 0:
 *
 *		rank     0     1     2     3     4     5
 *		code    DG    DDGO  IDF   DOE   COS   DGEO         DG
 *		parent  -     0     1     1     0     4           /  \
 *		size    6     3     1     1     2     1        DDGO   COS
 *		level   1     2     3     3     2     3        /  \     \
 *		                                             IDF  DOE   DGEO
 *		at level 1: 0    at level 2: 1 4    at level 3: 2 3 5
 *
 * The subtree of rank r is the slice [r, r + size[r]), so that "a lies within
 * the subtree of b" is one unsigned comparison (chart_within).  The ancestor
 * of r at a level is the last rank of that level up to r, if r is in its
 * subtree; ranks of a level are in order, and those of the upper ones are few.
 * Several roots are a forest; each has level 1 and no parent.
 *
 * Codes are found through a hash table (chart_find), which has the sizes too.
 * A filter of the nodes that have reports spares most look-ups of those that
 * have none, which are most.
 *
 * The chart knows neither server nor catalog: it takes its memory from an
 * OrgMemory and can be built, asked and freed by any program.  It holds no
 * locks and no references; whoever built it frees it (chart_free).
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHART_H
#define CHART_H

#include "code_filter.h"

#define CHART_NONE			CODE_INDEX_NONE /* no rank: unknown, no parent */
#define CHART_MAX_NODES		((uint32) 1 << 30)	/* CHART_NONE is beyond every
												 * subtree: chart_has_within() */

/*
 * What lies at a rank, apart from its code.
 */
typedef struct ChartPlace
{
	uint32		parent;			/* rank of the supervisor, or CHART_NONE */
	uint32		size;			/* nodes in the subtree, itself included */
	uint32		level;			/* 1 for a root */
} ChartPlace;

typedef struct Chart
{
	uint32		nnodes;
	uint32		nroots;
	uint32		nlevels;
	IomNode    *code;			/* [nnodes] */
	ChartPlace *place;			/* [nnodes] */
	uint32	   *at_level;		/* [nnodes] ranks, level by level */
	uint32	   *level_end;		/* [nlevels + 1] where in at_level those of a
								 * level end; [0] is 0 */
	CodeIndex	rank_of;		/* from codes to ranks and sizes */
	CodeFilter	inner;			/* nodes with reports */
	size_t		bytes;			/* memory held, this struct included */
} Chart;

/* What is wrong with the rows that a chart was to be built from. */
typedef enum ChartFaultKind
{
	CHART_SOUND,
	CHART_DUPLICATE_NODE,		/* nodes[0] came twice */
	CHART_UNKNOWN_NODE,			/* nodes[0], below nodes[1], did not come */
	CHART_UNKNOWN_SUPERVISOR,	/* nodes[1], above nodes[0], did not come */
	CHART_SECOND_LINE,			/* nodes[0] has supervisors nodes[1], [2] */
	CHART_CYCLE,				/* nodes[0] reports to nodes[1] ... to [0] */
	CHART_TOO_LARGE
} ChartFaultKind;

#define CHART_FAULT_NODES	8

typedef struct ChartFault
{
	ChartFaultKind kind;
	uint32		length;			/* of a cycle: may be more than nnodes */
	uint32		nnodes;
	IomNode		nodes[CHART_FAULT_NODES];
} ChartFault;

typedef struct ChartBuild ChartBuild;

/* chart_build.c */
extern ChartBuild *chart_build_begin(const OrgMemory *scratch,
									 const OrgMemory *keep,
									 size_t expected_units);
extern void chart_build_unit(ChartBuild *build, IomNode node, int32 position);
extern void chart_build_line(ChartBuild *build, IomNode node,
							 IomNode supervisor);
extern Chart *chart_build_end(ChartBuild *build, ChartFault *fault);
extern void chart_free(Chart *chart, const OrgMemory *keep);

/* chart.c */
extern uint32 chart_root(const Chart *chart, uint32 rank);
extern uint32 chart_ancestor(const Chart *chart, uint32 rank, uint32 level);
extern uint32 chart_above_slice(const Chart *chart, uint32 low, uint32 high);
extern uint32 chart_span(const Chart *chart, uint32 rank);
extern uint32 chart_height(const Chart *chart, uint32 rank);
extern uint32 chart_count_to_level(const Chart *chart, uint32 rank,
								   uint32 level);

/*
 * The rank of a node, or CHART_NONE if the chart does not have it.
 */
static inline uint32
chart_find(const Chart *chart, IomNode node)
{
	return code_index_find(&chart->rank_of, node);
}

/* Does rank lie in the subtree of top (both may be CHART_NONE: false)? */
static inline bool
chart_within(const Chart *chart, uint32 rank, uint32 top)
{
	if (rank == CHART_NONE || top == CHART_NONE)
		return false;
	return rank - top < chart->place[top].size;
}

/*
 * The same of two nodes by their codes, unknown ones included: all that it
 * reads, if the upper one may have reports, is two slots of the hash table,
 * whose free ones have no size.
 */
static inline bool
chart_has_within(const Chart *chart, IomNode lower, IomNode upper)
{
	const CodeSlot *slot;
	const CodeSlot *top;

	if (lower != upper && !code_filter_has(&chart->inner, upper))
		return false;
	code_index_prefetch(&chart->rank_of, upper);
	slot = code_index_slot(&chart->rank_of, lower);
	top = code_index_slot(&chart->rank_of, upper);
	return slot->value - top->value < top->size;
}

/*
 * The lowest rank whose subtree holds both; CHART_NONE below different roots.
 */
static inline uint32
chart_common_supervisor(const Chart *chart, uint32 a, uint32 b)
{
	uint32		low = Min(a, b);
	uint32		high = Max(a, b);

	return chart_within(chart, high, low) ? low :
		chart_above_slice(chart, low, high);
}

/*
 * The same of two nodes by their codes; IOM_NODE_NONE also if one of them is
 * unknown.  Where one is above the other, that is read from the hash table
 * alone.
 */
static inline IomNode
chart_common_node(const Chart *chart, IomNode a, IomNode b)
{
	const CodeSlot *low;
	const CodeSlot *high;
	uint32		common;

	code_index_prefetch(&chart->rank_of, b);
	low = code_index_slot(&chart->rank_of, a);
	high = code_index_slot(&chart->rank_of, b);
	if (low->value > high->value)
	{
		const CodeSlot *swap = low;

		low = high;
		high = swap;
	}
	if (high->value - low->value < low->size)
		return low->code;
	if (high->value == CHART_NONE)
		return IOM_NODE_NONE;
	common = chart_above_slice(chart, low->value, high->value);
	return common == CHART_NONE ? IOM_NODE_NONE : chart->code[common];
}

/*
 * Direct reports in chart order:
 *
 *		for (r = chart_first_report(chart, top); r != CHART_NONE;
 *			 r = chart_next_report(chart, top, r))
 */
static inline uint32
chart_first_report(const Chart *chart, uint32 top)
{
	return chart->place[top].size > 1 ? top + 1 : CHART_NONE;
}

static inline uint32
chart_next_report(const Chart *chart, uint32 top, uint32 report)
{
	uint32		next = report + chart->place[report].size;

	return next < top + chart->place[top].size ? next : CHART_NONE;
}

/* Roots in chart order, likewise. */
static inline uint32
chart_first_root(const Chart *chart)
{
	return chart->nnodes > 0 ? 0 : CHART_NONE;
}

static inline uint32
chart_next_root(const Chart *chart, uint32 root)
{
	uint32		next = root + chart->place[root].size;

	return next < chart->nnodes ? next : CHART_NONE;
}

#endif							/* CHART_H */
