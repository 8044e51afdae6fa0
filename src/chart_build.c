/*-------------------------------------------------------------------------
 *
 * chart_build.c
 *	  Compiling a chart from units and their solid lines, in any order.
 *
 * Units are numbered as they come ("place in the input"); from then on the
 * work is done on those numbers:
 *
 *	 1. the hash table maps codes to numbers (it ends up in the chart, with
 *		ranks for numbers);
 *	 2. every line becomes supervisor[number] = number;
 *	 3. counting puts the reports of one supervisor side by side, and each
 *		such group is sorted by position and code;
 *	 4. a walk with a stack of its own hands out the ranks, pre-order; what it
 *		does not reach lies on a cycle or below one;
 *	 5. one pass backwards over the ranks sums up sizes and heights.
 *
 * All is linear but the sorting of siblings.  The few passes with random
 * access are over arrays of four bytes a node.
 *
 * A unit without a line is a root.  Rows that make no forest are a fault,
 * reported with the nodes concerned; no chart comes of them.
 *
 * Scratch memory is dropped by the caller as a whole, also after a throw; so
 * is what has been taken from "keep" when something throws halfway.
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

struct ChartBuild
{
	const OrgMemory *scratch;

	/* as they came */
	size_t		nunits;
	size_t		units_room;
	size_t		positions_room;
	IomNode    *code;
	int32	   *position;

	size_t		nlines;
	size_t		lines_room;
	struct ChartLine
	{
		IomNode		node;
		IomNode		supervisor;
	}		   *line;

	/* by number */
	CodeIndex	number_of;
	uint32	   *supervisor;
	uint32	   *first;			/* [nunits + 2] where the group of a
								 * supervisor begins; roots are the last */
	uint32	   *report;			/* [nunits] the groups */
	uint32	   *rank;
};

static bool find_lines(ChartBuild *build, ChartFault *fault);
static void group_reports(ChartBuild *build);
static bool hand_out_ranks(ChartBuild *build, Chart *chart);
static void sum_up(Chart *chart, const OrgMemory *scratch);
static void report_cycle(const ChartBuild *build, ChartFault *fault);

/*
 * Siblings are sorted by position, then code.
 */
typedef struct Sibling
{
	int32		position;
	uint32		number;
	IomNode		code;
} Sibling;

static inline int
compare_siblings(const Sibling *a, const Sibling *b)
{
	if (a->position != b->position)
		return a->position < b->position ? -1 : 1;
	if (a->code != b->code)
		return a->code < b->code ? -1 : 1;
	return 0;
}

#define ST_SORT sort_siblings
#define ST_ELEMENT_TYPE Sibling
#define ST_COMPARE(a, b) compare_siblings(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * Begin a chart.  The pointed-to memory must stay until chart_build_end().
 */
ChartBuild *
chart_build_begin(const OrgMemory *scratch)
{
	ChartBuild *build = org_alloc(scratch, 1, sizeof(ChartBuild));

	memset(build, 0, sizeof(ChartBuild));
	build->scratch = scratch;
	return build;
}

/*
 * A unit that is there on the day.
 */
void
chart_build_unit(ChartBuild *build, IomNode node, int32 position)
{
	build->code = org_grow(build->scratch, build->code, build->nunits,
						   &build->units_room, sizeof(IomNode));
	build->position = org_grow(build->scratch, build->position, build->nunits,
							   &build->positions_room, sizeof(int32));
	build->code[build->nunits] = node;
	build->position[build->nunits] = position;
	build->nunits++;
}

/*
 * A solid line that holds on the day.
 */
void
chart_build_line(ChartBuild *build, IomNode node, IomNode supervisor)
{
	build->line = org_grow(build->scratch, build->line, build->nlines,
						   &build->lines_room, sizeof(*build->line));
	build->line[build->nlines].node = node;
	build->line[build->nlines].supervisor = supervisor;
	build->nlines++;
}

static Chart *
fault_is(ChartFault *fault, ChartFaultKind kind, uint32 nnodes,
		 IomNode a, IomNode b, IomNode c)
{
	fault->kind = kind;
	fault->nnodes = nnodes;
	fault->length = nnodes;
	fault->nodes[0] = a;
	fault->nodes[1] = b;
	fault->nodes[2] = c;
	return NULL;
}

/*
 * Finish.  Returns a chart made of "keep" memory, or NULL and what is wrong.
 */
Chart *
chart_build_end(ChartBuild *build, const OrgMemory *keep, ChartFault *fault)
{
	const OrgMemory *scratch = build->scratch;
	uint32		nunits = (uint32) build->nunits;
	Chart	   *chart;
	uint32		twice;

	fault->kind = CHART_SOUND;
	if (build->nunits > CHART_MAX_NODES || build->nlines > CHART_MAX_NODES)
		return fault_is(fault, CHART_TOO_LARGE, 0, IOM_NODE_NONE,
						IOM_NODE_NONE, IOM_NODE_NONE);

	/* 1. */
	code_index_create(&build->number_of, nunits, keep);
	twice = code_index_fill(&build->number_of, build->code, nunits, scratch);
	if (twice != CODE_INDEX_NONE)
	{
		org_free(keep, build->number_of.slot);
		return fault_is(fault, CHART_DUPLICATE_NODE, 1, build->code[twice],
						IOM_NODE_NONE, IOM_NODE_NONE);
	}

	/* 2. */
	build->supervisor = org_alloc(scratch, nunits + 1, sizeof(uint32));
	memset(build->supervisor, 0xFF, nunits * sizeof(uint32));
	if (!find_lines(build, fault))
	{
		org_free(keep, build->number_of.slot);
		return NULL;
	}
	org_free(scratch, build->line);
	build->line = NULL;

	/* 3. */
	group_reports(build);

	/* 4. and 5. */
	chart = org_alloc(keep, 1, sizeof(Chart));
	chart->nnodes = nunits;
	chart->nroots = build->first[nunits + 1] - build->first[nunits];
	chart->code = org_alloc(keep, nunits + 1, sizeof(IomNode));
	chart->place = org_alloc(keep, nunits + 1, sizeof(ChartPlace));
	chart->height = org_alloc(keep, nunits + 1, sizeof(uint32));
	chart->rank_of = build->number_of;
	chart->bytes = sizeof(Chart) + code_index_bytes(&chart->rank_of) +
		((size_t) nunits + 1) *
		(sizeof(IomNode) + sizeof(ChartPlace) + sizeof(uint32));

	build->rank = org_alloc(scratch, nunits + 1, sizeof(uint32));
	if (!hand_out_ranks(build, chart))
	{
		report_cycle(build, fault);
		chart_free(chart, keep);
		return NULL;
	}
	sum_up(chart, scratch);
	for (CodeSlot *slot = chart->rank_of.slot; slot < chart->rank_of.end; slot++)
	{
		if (slot->value != CODE_INDEX_NONE)
			slot->value = build->rank[slot->value];
	}
	return chart;
}

/*
 * Free a chart that is no longer wanted.
 */
void
chart_free(Chart *chart, const OrgMemory *keep)
{
	org_free(keep, chart->code);
	org_free(keep, chart->place);
	org_free(keep, chart->height);
	org_free(keep, chart->rank_of.slot);
	org_free(keep, chart);
}

/*
 * Step 2: the supervisor of each number.
 *
 * The codes are looked up ahead of their use, so that cache misses overlap;
 * and where lines came in the order of the units, the node needs no look-up.
 */
static bool
find_lines(ChartBuild *build, ChartFault *fault)
{
	const CodeIndex *number_of = &build->number_of;
	uint32		nunits = (uint32) build->nunits;
	uint32		next = 0;

	for (size_t i = 0; i < build->nlines; i++)
	{
		const struct ChartLine *line = &build->line[i];
		uint32		node;
		uint32		supervisor;

		if (i + CODE_INDEX_AHEAD < build->nlines)
		{
			const struct ChartLine *ahead = line + CODE_INDEX_AHEAD;

			code_index_prefetch(number_of, ahead->supervisor);
			code_index_prefetch(number_of, ahead->node);
		}
		org_poll(build->scratch, i);

		if (next < nunits && build->code[next] == line->node)
			node = next;
		else
			node = code_index_find(number_of, line->node);
		supervisor = code_index_find(number_of, line->supervisor);

		if (node == CODE_INDEX_NONE)
			return fault_is(fault, CHART_UNKNOWN_NODE, 2, line->node,
							line->supervisor, IOM_NODE_NONE) != NULL;
		if (supervisor == CODE_INDEX_NONE)
			return fault_is(fault, CHART_UNKNOWN_SUPERVISOR, 2, line->node,
							line->supervisor, IOM_NODE_NONE) != NULL;
		if (build->supervisor[node] != CHART_NONE)
			return fault_is(fault, CHART_SECOND_LINE, 3, line->node,
							build->code[build->supervisor[node]],
							line->supervisor) != NULL;
		build->supervisor[node] = supervisor;
		next = node + 1;
	}
	return true;
}

/*
 * Step 3: first[] and report[].
 */
static void
group_reports(ChartBuild *build)
{
	const OrgMemory *scratch = build->scratch;
	uint32		nunits = (uint32) build->nunits;
	uint32	   *first;
	uint32	   *report;
	uint32		sum = 0;
	Sibling    *sibling = NULL;
	size_t		room = 0;

	first = build->first = org_alloc(scratch, (size_t) nunits + 2,
									 sizeof(uint32));
	report = build->report = org_alloc(scratch, (size_t) nunits + 1,
									   sizeof(uint32));
	memset(first, 0, ((size_t) nunits + 2) * sizeof(uint32));

	/* first[] counts, then points behind each group, then to its begin */
	for (uint32 i = 0; i < nunits; i++)
		first[Min(build->supervisor[i], nunits)]++;
	for (uint32 i = 0; i <= nunits; i++)
	{
		sum += first[i];
		first[i] = sum;
	}
	first[nunits + 1] = sum;
	for (uint32 i = nunits; i-- > 0;)
		report[--first[Min(build->supervisor[i], nunits)]] = i;

	for (uint32 i = 0; i <= nunits; i++)
	{
		uint32		n = first[i + 1] - first[i];
		uint32	   *group = &report[first[i]];

		org_poll(scratch, i);
		if (n < 2)
			continue;
		if (n > room)
		{
			org_free(scratch, sibling);
			room = (size_t) n * 2;
			sibling = org_alloc(scratch, room, sizeof(Sibling));
		}
		for (uint32 k = 0; k < n; k++)
		{
			sibling[k].number = group[k];
			sibling[k].position = build->position[group[k]];
			sibling[k].code = build->code[group[k]];
		}
		sort_siblings(sibling, n);
		for (uint32 k = 0; k < n; k++)
			group[k] = sibling[k].number;
	}
}

/*
 * Step 4: walk down from the roots.  False if some nodes were not reached.
 *
 * The jump pointer of a node leads to its supervisor or, where two jumps from
 * there are equally long, over both of them: the lengths are those of a
 * skew-binary number, so that the way up takes O(log n) steps (Myers, "An
 * applicative random-access stack", 1983).
 */
static bool
hand_out_ranks(ChartBuild *build, Chart *chart)
{
	uint32		nunits = (uint32) build->nunits;
	const uint32 *first = build->first;
	ChartPlace *place = chart->place;
	uint32	   *stack = org_alloc(build->scratch, (size_t) nunits + 1,
								  sizeof(uint32));
	uint32		top = 0;
	uint32		rank = 0;

	for (uint32 k = first[nunits + 1]; k-- > first[nunits];)
		stack[top++] = build->report[k];

	while (top > 0)
	{
		uint32		number = stack[--top];
		uint32		supervisor = build->supervisor[number];

		org_poll(build->scratch, rank);
		build->rank[number] = rank;
		chart->code[rank] = build->code[number];
		place[rank].size = 1;
		if (supervisor == CHART_NONE)
		{
			place[rank].parent = CHART_NONE;
			place[rank].level = 1;
			place[rank].jump = rank;
		}
		else
		{
			uint32		parent = build->rank[supervisor];
			uint32		jump = place[parent].jump;

			place[rank].parent = parent;
			place[rank].level = place[parent].level + 1;
			if (place[parent].level - place[jump].level ==
				place[jump].level - place[place[jump].jump].level)
				place[rank].jump = place[jump].jump;
			else
				place[rank].jump = parent;
		}
		rank++;

		for (uint32 k = first[number + 1]; k-- > first[number];)
			stack[top++] = build->report[k];
	}
	org_free(build->scratch, stack);
	return rank == nunits;
}

/*
 * Step 5: supervisors come before their reports, so going backwards finds
 * each node finished.
 */
static void
sum_up(Chart *chart, const OrgMemory *scratch)
{
	memset(chart->height, 0, chart->nnodes * sizeof(uint32));
	for (uint32 rank = chart->nnodes; rank-- > 0;)
	{
		uint32		parent = chart->place[rank].parent;

		org_poll(scratch, rank);
		if (parent == CHART_NONE)
			continue;
		chart->place[parent].size += chart->place[rank].size;
		chart->height[parent] = Max(chart->height[parent],
									chart->height[rank] + 1);
	}
}

/*
 * Some nodes were not reached from any root: following the supervisors from
 * one of them ends on a cycle.  The report begins with the cycle's smallest
 * code, so that it does not depend on the order of the rows.
 */
static void
report_cycle(const ChartBuild *build, ChartFault *fault)
{
	uint32		nunits = (uint32) build->nunits;
	uint32	   *climb = org_alloc(build->scratch, nunits, sizeof(uint32));
	uint32		at = CHART_NONE;
	uint32		smallest;

	/*
	 * Climb from every node until a root or a node that was seen: if the same
	 * climb saw it, it is on a cycle.
	 */
	memset(climb, 0xFF, nunits * sizeof(uint32));
	for (uint32 start = 0; at == CHART_NONE; start++)
	{
		for (at = start; at != CHART_NONE && climb[at] == CHART_NONE;
			 at = build->supervisor[at])
			climb[at] = start;
		if (at != CHART_NONE && climb[at] != start)
			at = CHART_NONE;
	}

	smallest = at;
	fault->length = 1;
	for (uint32 up = build->supervisor[at]; up != at;
		 up = build->supervisor[up])
	{
		fault->length++;
		if (build->code[up] < build->code[smallest])
			smallest = up;
	}

	fault->kind = CHART_CYCLE;
	fault->nnodes = Min(fault->length, CHART_FAULT_NODES);
	at = smallest;
	for (uint32 i = 0; i < fault->nnodes; i++)
	{
		fault->nodes[i] = build->code[at];
		at = build->supervisor[at];
	}
}
