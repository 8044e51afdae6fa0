/*-------------------------------------------------------------------------
 *
 * twin_chart.c
 *	  The naive twin of the chart, and comparing every answer of the two.
 *
 * The twin keeps who supervises whom and climbs one step at a time.  It takes
 * units and solid lines from the rows and does not look at their days.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "twin_chart.h"

#define ALL_PAIRS	80			/* up to so many nodes, ask of each pair */
#define SOME_PAIRS	4000		/* and of so many if there are more */

typedef struct TwinChart
{
	const Organisation *org;
	uint32		n;
	uint32	   *supervisor;		/* by place among the units, or NOBODY */
	uint32	   *level;
	uint32	   *size;
	uint32	   *height;
	uint32	   *span;
	bool	   *marked;
	uint32	   *rank;
	uint32	   *order;			/* by rank: the place among the units */
	uint32		nranked;
} TwinChart;

/*----------
 * What is wrong with the rows
 *----------
 */

static ChartFault
twin_fault(ChartFaultKind kind, uint32 nnodes, IomNode a, IomNode b, IomNode c)
{
	ChartFault	fault;

	memset(&fault, 0, sizeof(fault));
	fault.kind = kind;
	fault.length = fault.nnodes = nnodes;
	fault.nodes[0] = a;
	fault.nodes[1] = b;
	fault.nodes[2] = c;
	return fault;
}

/*
 * The first fault of the rows.  Of a cycle only that there is one is told.
 * Fills twin->supervisor as far as it gets.
 */
static ChartFault
find_fault(TwinChart *twin)
{
	const Organisation *org = twin->org;

	for (uint32 i = 0; i < twin->n; i++)
	{
		twin->supervisor[i] = NOBODY;
		if (organisation_unit_of(org, org->unit[i].code) != i)
			return twin_fault(CHART_DUPLICATE_NODE, 1, org->unit[i].code, 0,
							  0);
	}
	for (size_t i = 0; i < org->nlines; i++)
	{
		const OrgLine *line = &org->line[i];
		uint32		node = organisation_unit_of(org, line->node);
		uint32		supervisor = organisation_unit_of(org, line->supervisor);

		if (node == NOBODY)
			return twin_fault(CHART_UNKNOWN_NODE, 2, line->node,
							  line->supervisor, 0);
		if (supervisor == NOBODY)
			return twin_fault(CHART_UNKNOWN_SUPERVISOR, 2, line->node,
							  line->supervisor, 0);
		if (twin->supervisor[node] != NOBODY)
		{
			IomNode		other = org->unit[twin->supervisor[node]].code;

			return twin_fault(CHART_SECOND_LINE, 3, line->node,
							  Min(line->supervisor, other),
							  Max(line->supervisor, other));
		}
		twin->supervisor[node] = supervisor;
	}
	for (uint32 i = 0; i < twin->n; i++)
	{
		uint32		steps = 0;

		for (uint32 up = i; up != NOBODY; up = twin->supervisor[up])
		{
			if (++steps > twin->n)
				return twin_fault(CHART_CYCLE, 0, 0, 0, 0);
		}
	}
	return twin_fault(CHART_SOUND, 0, 0, 0, 0);
}

/*
 * The reported nodes are a cycle, in the order of the lines, and begin with
 * the smallest.
 */
static void
expect_true_cycle(const TwinChart *twin, const ChartFault *fault)
{
	const OrgUnit *unit = twin->org->unit;
	uint32		start = organisation_unit_of(twin->org, fault->nodes[0]);
	uint32		at = start;

	if (!expect(fault->length >= 1 && fault->length <= twin->n &&
				start != NOBODY, "a cycle of %u", fault->length))
		return;
	expect(fault->nnodes == Min(fault->length, CHART_FAULT_NODES),
		   "%u nodes of %u", fault->nnodes, fault->length);
	for (uint32 i = 0; i < fault->length; i++)
	{
		if (!expect(at != NOBODY && (i == 0 || at != start),
					"ends after %u of %u", i, fault->length))
			return;
		expect(i >= fault->nnodes || unit[at].code == fault->nodes[i],
			   "node %u of the cycle", i);
		expect(i == 0 || unit[at].code > unit[start].code,
			   "node %u is smaller than the first", i);
		at = twin->supervisor[at];
	}
	expect(at == start, "no cycle");
}

static void
expect_same_fault(const TwinChart *twin, const ChartFault *fault,
				  const ChartFault *right)
{
	if (!expect(fault->kind == right->kind, "fault %d instead of %d",
				fault->kind, right->kind))
		return;
	if (fault->kind == CHART_CYCLE)
		expect_true_cycle(twin, fault);
	else if (fault->kind != CHART_SOUND)
	{
		expect(fault->nnodes == right->nnodes &&
			   fault->length == right->length, "%u nodes, length %u",
			   fault->nnodes, fault->length);
		for (uint32 i = 0; i < right->nnodes; i++)
			expect(fault->nodes[i] == right->nodes[i], "node %u of fault %d",
				   i, fault->kind);
	}
}

/*----------
 * Building the twin
 *----------
 */

/* Does unit a come before b if they have the same supervisor? */
static bool
comes_before(const OrgUnit *a, const OrgUnit *b)
{
	return a->position < b->position ||
		(a->position == b->position && a->code < b->code);
}

/*
 * Rank the reports of a supervisor (the roots, for NOBODY), each followed by
 * its own.  Small organisations only: this is recursive.
 */
static void
rank_reports(TwinChart *twin, uint32 supervisor)
{
	const OrgUnit *unit = twin->org->unit;
	uint32		last = NOBODY;

	for (;;)
	{
		uint32		next = NOBODY;

		for (uint32 i = 0; i < twin->n; i++)
		{
			if (twin->supervisor[i] == supervisor &&
				(last == NOBODY || comes_before(&unit[last], &unit[i])) &&
				(next == NOBODY || comes_before(&unit[i], &unit[next])))
				next = i;
		}
		if (next == NOBODY)
			break;
		twin->rank[next] = twin->nranked;
		twin->order[twin->nranked++] = next;
		if (twin->span[next] > 0)
			rank_reports(twin, next);
		last = next;
	}
}

static void
twin_begin(TwinChart *twin, const Organisation *org)
{
	size_t		n = org->nunits;

	memset(twin, 0, sizeof(TwinChart));
	twin->org = org;
	twin->n = (uint32) n;
	twin->supervisor = unit_alloc(n, sizeof(uint32));
	twin->level = unit_alloc(n, sizeof(uint32));
	twin->size = unit_alloc(n, sizeof(uint32));
	twin->height = unit_alloc(n, sizeof(uint32));
	twin->span = unit_alloc(n, sizeof(uint32));
	twin->marked = unit_alloc(n, sizeof(bool));
	twin->rank = unit_alloc(n, sizeof(uint32));
	twin->order = unit_alloc(n, sizeof(uint32));
	memset(twin->level, 0, n * sizeof(uint32));
	memset(twin->size, 0, n * sizeof(uint32));
	memset(twin->height, 0, n * sizeof(uint32));
	memset(twin->span, 0, n * sizeof(uint32));
	memset(twin->marked, 0, n * sizeof(bool));
}

static void
twin_free(TwinChart *twin)
{
	free(twin->supervisor);
	free(twin->level);
	free(twin->size);
	free(twin->height);
	free(twin->span);
	free(twin->marked);
	free(twin->rank);
	free(twin->order);
}

/*
 * Every node climbs to its root and leaves a trace on the way.
 */
static void
twin_count(TwinChart *twin)
{
	for (uint32 i = 0; i < twin->n; i++)
	{
		uint32		distance = 0;

		for (uint32 up = i; up != NOBODY; up = twin->supervisor[up])
		{
			twin->level[i]++;
			twin->size[up]++;
			twin->height[up] = Max(twin->height[up], distance);
			distance++;
		}
		if (twin->supervisor[i] != NOBODY)
			twin->span[twin->supervisor[i]]++;
	}
	rank_reports(twin, NOBODY);
}

static bool
twin_within(const TwinChart *twin, uint32 unit, uint32 top)
{
	while (unit != NOBODY && unit != top)
		unit = twin->supervisor[unit];
	return unit != NOBODY;
}

static uint32
twin_common_supervisor(TwinChart *twin, uint32 a, uint32 b)
{
	for (uint32 up = a; up != NOBODY; up = twin->supervisor[up])
		twin->marked[up] = true;
	while (b != NOBODY && !twin->marked[b])
		b = twin->supervisor[b];
	for (uint32 up = a; up != NOBODY; up = twin->supervisor[up])
		twin->marked[up] = false;
	return b;
}

static uint32
rank_of_unit(const TwinChart *twin, uint32 unit)
{
	return unit == NOBODY ? CHART_NONE : twin->rank[unit];
}

/*----------
 * Comparing
 *----------
 */

/* Nodes of a subtree down to a level, counted one by one. */
static void
expect_same_count(const Chart *chart, uint32 top, uint32 level)
{
	uint32		count = 0;

	for (uint32 rank = top; rank < top + chart->place[top].size; rank++)
		count += chart->place[rank].level <= level;
	expect(chart_count_to_level(chart, top, level) == count,
		   "nodes of %u down to level %u", top, level);
}

/* What lies at each rank, and the way up from it. */
static void
expect_same_places(const Chart *chart, const TwinChart *twin)
{
	for (uint32 rank = 0; rank < twin->n; rank++)
	{
		uint32		unit = twin->order[rank];
		IomNode		code = twin->org->unit[unit].code;
		const ChartPlace *place = &chart->place[rank];
		uint32		root = unit;

		expect(chart->code[rank] == code, "code at rank %u", rank);
		expect(chart_find(chart, code) == rank, "rank %u is %u", rank,
			   chart_find(chart, code));
		expect(place->parent == rank_of_unit(twin, twin->supervisor[unit]),
			   "parent of rank %u", rank);
		expect(place->size == twin->size[unit], "size at rank %u", rank);
		expect(place->level == twin->level[unit], "level at rank %u", rank);
		expect(chart_height(chart, rank) == twin->height[unit],
			   "height at rank %u", rank);
		expect(chart_span(chart, rank) == twin->span[unit],
			   "span at rank %u", rank);
		/* what spares comparing with CHART_NONE before the subtraction */
		expect(CHART_NONE - rank >= place->size, "subtree of rank %u", rank);

		for (uint32 up = unit; up != NOBODY; up = twin->supervisor[up])
		{
			expect(chart_ancestor(chart, rank, twin->level[up]) ==
				   twin->rank[up], "ancestor of rank %u at level %u", rank,
				   twin->level[up]);
			root = up;
		}
		expect(chart_ancestor(chart, rank, 0) == CHART_NONE, "level 0");
		expect(chart_ancestor(chart, rank, place->level + 1) == CHART_NONE,
			   "a level below rank %u", rank);
		expect(chart_ancestor(chart, rank, PG_UINT32_MAX) == CHART_NONE,
			   "the greatest level");
		expect(chart_root(chart, rank) == twin->rank[root],
			   "root of rank %u", rank);
		expect_same_count(chart, rank, place->level + random_below(4));
	}
}

/* Direct reports and roots, one after the other. */
static void
expect_same_walks(const Chart *chart, const TwinChart *twin)
{
	uint32		nroots = 0;
	uint32		found = 0;
	uint32		last = CHART_NONE;

	for (uint32 rank = 0; rank < twin->n; rank++)
	{
		uint32		unit = twin->order[rank];
		uint32		span = 0;
		uint32		before = rank;

		nroots += twin->supervisor[unit] == NOBODY;
		for (uint32 r = chart_first_report(chart, rank);
			 r != CHART_NONE && span <= twin->n;
			 r = chart_next_report(chart, rank, r))
		{
			expect(r > before && r < twin->n &&
				   twin->supervisor[twin->order[r]] == unit,
				   "report %u of rank %u is %u", span, rank, r);
			before = r;
			span++;
		}
		expect(span == twin->span[unit], "rank %u has %u reports", rank, span);
	}

	expect(chart->nroots == nroots, "%u roots", chart->nroots);
	for (uint32 r = chart_first_root(chart);
		 r != CHART_NONE && found <= twin->n; r = chart_next_root(chart, r))
	{
		expect(r < twin->n && (last == CHART_NONE || r > last) &&
			   twin->supervisor[twin->order[r]] == NOBODY,
			   "root %u is rank %u", found, r);
		last = r;
		found++;
	}
	expect(found == nroots, "a walk over %u of %u roots", found, nroots);
}

static void
expect_same_pair(const Chart *chart, TwinChart *twin, uint32 a, uint32 b)
{
	uint32		a_rank = twin->rank[a];
	uint32		b_rank = twin->rank[b];
	uint32		common = twin_common_supervisor(twin, a, b);

	expect(chart_within(chart, a_rank, b_rank) == twin_within(twin, a, b),
		   "rank %u within %u", a_rank, b_rank);
	expect(chart_has_within(chart, twin->org->unit[a].code,
							twin->org->unit[b].code) ==
		   twin_within(twin, a, b), "the code of %u within that of %u",
		   a_rank, b_rank);
	expect(chart_common_supervisor(chart, a_rank, b_rank) ==
		   rank_of_unit(twin, common), "common supervisor of %u and %u",
		   a_rank, b_rank);
	expect(chart_common_node(chart, twin->org->unit[a].code,
							 twin->org->unit[b].code) ==
		   (common == NOBODY ? IOM_NODE_NONE : twin->org->unit[common].code),
		   "the same by the codes of %u and %u",
		   a_rank, b_rank);
}

static void
expect_same_pairs(const Chart *chart, TwinChart *twin)
{
	if (twin->n <= ALL_PAIRS)
	{
		for (uint32 a = 0; a < twin->n; a++)
		{
			for (uint32 b = 0; b < twin->n; b++)
				expect_same_pair(chart, twin, a, b);
		}
		return;
	}
	for (int i = 0; i < SOME_PAIRS; i++)
	{
		uint32		a = (uint32) random_below(twin->n);
		uint32		b = (uint32) random_below(twin->n);
		uint32		climb = (uint32) random_below(twin->level[a]);

		expect_same_pair(chart, twin, a, b);
		/* two at random are hardly ever within one another */
		for (b = a; climb > 0; climb--)
			b = twin->supervisor[b];
		expect_same_pair(chart, twin, a, b);
		expect_same_pair(chart, twin, b, a);
	}
}

/* Codes that are not there, and no ranks. */
static void
expect_same_unknowns(const Chart *chart, const TwinChart *twin)
{
	static const IomNode strange[] = {
		IOM_NODE_NONE, PG_INT64_MAX, 0, 1, -1, PG_INT32_MAX, PG_INT32_MIN
	};
	IomNode    *code = random_codes(40);

	for (size_t i = 0; i < 40 + lengthof(strange); i++)
	{
		IomNode		asked = i < 40 ? code[i] : strange[i - 40];
		uint32		unit;

		if (i % 2 == 0 && i < 40 && twin->n > 0)
			asked = twin->org->unit[random_below(twin->n)].code + 1;
		unit = organisation_unit_of(twin->org, asked);
		if (unit == NOBODY && twin->n > 0)
		{
			IomNode		known = twin->org->unit[random_below(twin->n)].code;

			expect(!chart_has_within(chart, asked, known) &&
				   !chart_has_within(chart, known, asked) &&
				   !chart_has_within(chart, asked, asked), "unknown within");
			expect(chart_common_node(chart, asked, known) == IOM_NODE_NONE &&
				   chart_common_node(chart, known, asked) == IOM_NODE_NONE &&
				   chart_common_node(chart, asked, asked) == IOM_NODE_NONE,
				   "a supervisor of what is unknown");
		}
		expect(chart_find(chart, asked) == rank_of_unit(twin, unit),
			   "code %lld is found", (long long) asked);
	}
	free(code);

	expect(!chart_within(chart, CHART_NONE, CHART_NONE), "none within none");
	if (twin->n > 0)
	{
		expect(!chart_within(chart, CHART_NONE, 0), "none within rank 0");
		expect(!chart_within(chart, 0, CHART_NONE), "rank 0 within none");
	}
}

/*
 * Build a chart of the rows, of which one may expect too many or too few;
 * both memories must be empty.
 */
Chart *
build_chart(const Organisation *org, UnitMemory *scratch, UnitMemory *keep,
			size_t expected_units, ChartFault *fault)
{
	ChartBuild *build = chart_build_begin(&scratch->memory, &keep->memory,
										  expected_units);

	for (size_t i = 0; i < org->nunits; i++)
		chart_build_unit(build, org->unit[i].code, org->unit[i].position);
	for (size_t i = 0; i < org->nlines; i++)
		chart_build_line(build, org->line[i].node, org->line[i].supervisor);
	return chart_build_end(build, fault);
}

/*
 * Build chart and twin of the same rows and compare all they have to say.
 * Returns what is wrong with the rows.
 */
ChartFaultKind
expect_chart_like_twin(const Organisation *org)
{
	TwinChart	twin;
	UnitMemory	scratch;
	UnitMemory	keep;
	ChartFault	fault;
	ChartFault	right;
	Chart	   *chart;
	size_t		expected = random_below(2) == 0 ? org->nunits :
		random_below(2 * org->nunits + 50);

	twin_begin(&twin, org);
	right = find_fault(&twin);

	unit_memory_begin(&scratch);
	unit_memory_begin(&keep);
	chart = build_chart(org, &scratch, &keep, expected, &fault);
	unit_memory_drop(&scratch);

	expect_same_fault(&twin, &fault, &right);
	expect((chart != NULL) == (fault.kind == CHART_SOUND),
		   "chart or no chart with fault %d", fault.kind);
	if (chart != NULL && right.kind == CHART_SOUND)
	{
		twin_count(&twin);
		expect(chart->nnodes == twin.n, "%u nodes", chart->nnodes);
		expect(chart->bytes == keep.bytes, "%zu bytes instead of %zu",
			   chart->bytes, keep.bytes);
		expect_same_places(chart, &twin);
		expect_same_walks(chart, &twin);
		expect_same_pairs(chart, &twin);
		expect_same_unknowns(chart, &twin);
	}
	if (chart != NULL)
		chart_free(chart, &keep.memory);
	expect(keep.nblocks == 0, "%zu blocks are left", keep.nblocks);
	unit_memory_drop(&keep);
	twin_free(&twin);
	return right.kind;
}
