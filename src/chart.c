/*-------------------------------------------------------------------------
 *
 * chart.c
 *	  Questions to a compiled chart that take more than a line.
 *
 * They search the ranks of a level by halving, and the levels likewise, so that
 * none takes more than O(log n) steps a level that it looks at, however deep the
 * chart is.  A chart is never changed here and nothing is allocated.
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
 * The greatest level, from one that is known to pass on, that passes a test;
 * each level above that passes too.  Looks near by first, so that it takes the
 * logarithm of the way.
 */
static inline uint32
greatest_level(const Chart *chart, uint32 level,
			   bool (*passes) (const Chart *chart, uint32 level, uint32 a,
							   uint32 b),
			   uint32 a, uint32 b)
{
	uint32		step = 1;

	while (step <= chart->nlevels - level && passes(chart, level + step, a, b))
	{
		level += step;
		step *= 2;
	}
	while ((step /= 2) > 0)
	{
		if (step <= chart->nlevels - level &&
			passes(chart, level + step, a, b))
			level += step;
	}
	return level;
}

/* Have two ranks the same ancestor at a level? */
static inline bool
is_common_level(const Chart *chart, uint32 level, uint32 a, uint32 b)
{
	return chart_within(chart, b, chart_ancestor(chart, a, level));
}

/*
 * The lowest rank whose subtree holds both; CHART_NONE below different roots.
 */
uint32
chart_common_supervisor(const Chart *chart, uint32 a, uint32 b)
{
	if (!is_common_level(chart, 1, a, b))
		return CHART_NONE;
	return chart_ancestor(chart, a,
						  greatest_level(chart, 1, is_common_level, a, b));
}

/* Does the slice of ranks from begin to before end have one of a level? */
static inline bool
slice_has_level(const Chart *chart, uint32 level, uint32 begin, uint32 end)
{
	const uint32 *first = first_at_level(chart, level, begin);

	return first < &chart->at_level[chart->level_end[level]] && *first < end;
}

/*
 * Layers below a rank; 0 for a leaf.
 */
uint32
chart_height(const Chart *chart, uint32 rank)
{
	const ChartPlace *place = &chart->place[rank];

	return greatest_level(chart, place->level, slice_has_level, rank,
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

	for (uint32 l = chart->place[rank].level;
		 l <= level && l <= chart->nlevels && count < chart->place[rank].size;
		 l++)
		count += count_at_level(chart, rank, l);
	return count;
}
