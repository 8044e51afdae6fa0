/*-------------------------------------------------------------------------
 *
 * chart.c
 *	  Questions to a compiled chart that take more than a line.
 *
 * Climbing uses the jump pointers that chart_build.c lays: from any rank it
 * reaches any ancestor in O(log n) steps, however deep the chart is.  A chart
 * is never changed here and nothing is allocated.
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
 * The ancestor of a rank (or itself) at a level.  CHART_NONE if the level is
 * not one from the root's to its own.
 */
uint32
chart_ancestor(const Chart *chart, uint32 rank, uint32 level)
{
	const ChartPlace *place = chart->place;

	if (level < 1 || level > place[rank].level)
		return CHART_NONE;
	while (place[rank].level > level)
	{
		uint32		jump = place[rank].jump;

		rank = place[jump].level >= level ? jump : place[rank].parent;
	}
	return rank;
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
 * The lowest rank whose subtree holds both; CHART_NONE below different roots.
 */
uint32
chart_common_supervisor(const Chart *chart, uint32 a, uint32 b)
{
	const ChartPlace *place = chart->place;

	while (!chart_within(chart, b, a))
	{
		uint32		jump = place[a].jump;

		if (place[a].parent == CHART_NONE)
			return CHART_NONE;
		a = chart_within(chart, b, jump) ? place[a].parent : jump;
	}
	return a;
}

/*
 * Span of control: the number of direct reports.
 */
uint32
chart_span(const Chart *chart, uint32 rank)
{
	uint32		span = 0;

	for (uint32 report = chart_first_report(chart, rank);
		 report != CHART_NONE;
		 report = chart_next_report(chart, rank, report))
		span++;
	return span;
}
