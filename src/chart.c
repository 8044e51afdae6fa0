/*-------------------------------------------------------------------------
 *
 * chart.c
 *	  Questions to a compiled chart that take more than a line.
 *
 * They search the ranks of a level by halving, and the levels likewise, so
 * that none but chart_count_to_level() looks at more than O(log n) levels, in
 * O(log n) steps each, however deep the chart is.  A chart is never changed
 * here and nothing is allocated.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "chart.h"

/*
 * Among the ranks of a level, the first that is not below the given one; or
 * the end of them.  Halves what is left without a jump that the processor
 * would have to guess.
 */
static inline const uint32 *
first_at_level(const Chart *chart, uint32 level, uint32 rank)
{
	const uint32 *at = &chart->at_level[chart->level_end[level - 1]];
	uint32		n = chart->level_end[level] - chart->level_end[level - 1];

	for (; n > 1; n -= n / 2)
		at = at[n / 2 - 1] < rank ? at + n / 2 : at;
	return at + (n == 1 && *at < rank);
}

/*
 * The ancestor of a rank (or itself) at a level.  CHART_NONE if the level is
 * not one from the root's to its own.
 */
uint32
chart_ancestor(const Chart *chart, uint32 rank, uint32 level)
{
	const uint32 *after;
	uint32		last;

	if (level < 1 || level > chart->nlevels)
		return CHART_NONE;
	after = first_at_level(chart, level, rank + 1);
	if (after == &chart->at_level[chart->level_end[level - 1]])
		return CHART_NONE;
	last = after[-1];
	return rank - last < chart->place[last].size ? last : CHART_NONE;
}

/*
 * The root above a rank (or itself).
 */
uint32
chart_root(const Chart *chart, uint32 rank)
{
	return chart_ancestor(chart, rank, 1);
}

/*
 * The first rank of a level in the slice of ranks from begin to before end, or
 * CHART_NONE.
 */
static inline uint32
first_in_slice(const Chart *chart, uint32 level, uint32 begin, uint32 end)
{
	const uint32 *first = first_at_level(chart, level, begin);

	if (first == &chart->at_level[chart->level_end[level]] || *first >= end)
		return CHART_NONE;
	return *first;
}

/*
 * The greatest level, after one that is known to, at which a slice has a rank
 * (or has none, as is asked for); levels up to the last either do so all the
 * way, or up to some level and not below it.  Looks near by first, so that it
 * takes the logarithm of the way.
 */
static inline uint32
greatest_level(const Chart *chart, uint32 level, uint32 last, bool has,
			   uint32 begin, uint32 end)
{
	uint32		step = 1;

	while (step <= last - level &&
		   has == (first_in_slice(chart, level + step, begin,
								  end) != CHART_NONE))
	{
		level += step;
		step *= 2;
	}
	while ((step /= 2) > 0)
	{
		if (step <= last - level &&
			has == (first_in_slice(chart, level + step, begin,
								   end) != CHART_NONE))
			level += step;
	}
	return level;
}

/*
 * Upper levels of so few nodes stay in the processor's caches; there may be
 * many such levels in a deep chart.
 */
#define UPPER_NODES		256
#define UPPER_LEVELS	8

/* How many supervisors of one node to look at before searching for a level. */
#define NEAR_LEVELS		8

/*
 * The lowest rank whose subtree holds two ranks, the low one less than the
 * high one; CHART_NONE below different roots.
 *
 * Chart order goes from low to high through subtrees of the common supervisor.
 * So of the ranks after low, up to high, those of the least level are among
 * its reports, and of the nodes above high it is the first that is not after
 * low.
 *
 * Nodes that were picked at random are far from each other: the least level
 * is one of the upper ones.  What is near has its common supervisor near by.
 * What is neither is found by halving, which bounds the time in deep charts.
 */
uint32
chart_above_slice(const Chart *chart, uint32 low, uint32 high)
{
	uint32		report = high;
	uint32		level;

	for (level = 1; level <= Min(chart->nlevels, UPPER_LEVELS) &&
		 chart->level_end[level] <= UPPER_NODES; level++)
	{
		uint32		upper = first_in_slice(chart, level, low + 1, high + 1);

		if (upper != CHART_NONE)
			return chart->place[upper].parent;
	}

	for (int i = 0; i < NEAR_LEVELS; i++)
	{
		uint32		parent = chart->place[report].parent;

		if (parent == CHART_NONE || parent <= low)
			return parent;
		report = parent;
	}

	level = greatest_level(chart, 0, chart->place[report].level, false,
						   low + 1, report + 1) + 1;
	return chart->place[first_in_slice(chart, level, low + 1,
									   report + 1)].parent;
}

/*
 * Layers below a rank; 0 for a leaf.
 */
uint32
chart_height(const Chart *chart, uint32 rank)
{
	const ChartPlace *place = &chart->place[rank];

	return greatest_level(chart, place->level, chart->nlevels, true, rank,
						  rank + place->size) - place->level;
}

/* How many ranks of a level a subtree has. */
static inline uint32
count_at_level(const Chart *chart, uint32 rank, uint32 level)
{
	return (uint32) (first_at_level(chart, level,
									rank + chart->place[rank].size) -
					 first_at_level(chart, level, rank));
}

/*
 * Span of control: the number of direct reports.
 */
uint32
chart_span(const Chart *chart, uint32 rank)
{
	uint32		level = chart->place[rank].level + 1;

	return level > chart->nlevels ? 0 : count_at_level(chart, rank, level);
}

/*
 * How many nodes of a subtree are not below a level.
 */
uint32
chart_count_to_level(const Chart *chart, uint32 rank, uint32 level)
{
	uint32		count = 0;

	/* (of a deep chart all levels, for each node of a picture, are too many) */
	if (level >= chart->nlevels)
		return chart->place[rank].size;
	for (uint32 l = chart->place[rank].level;
		 l <= level && count < chart->place[rank].size; l++)
		count += count_at_level(chart, rank, l);
	return count;
}
