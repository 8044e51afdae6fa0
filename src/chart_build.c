/*-------------------------------------------------------------------------
 *
 * chart_build.c
 *	  Compiling a chart from units and their solid lines.
 *
 * First all units come, in any order, then all lines, in any order.  Units are
 * numbered as they come; from then on the work is done on those numbers:
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
 * access are over arrays of four bytes a node; look-ups in the hash table are
 * begun some lines before they are needed.
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

/* A line whose ends have not been looked up yet. */
typedef struct PendingLine
{
	IomNode		node;
	IomNode		supervisor;
} PendingLine;

struct ChartBuild
{
	const OrgMemory *scratch;
	const OrgMemory *keep;
	ChartFault	fault;			/* the first one */

	/* units as they came; some wait to be stored in the hash table */
	uint32		nunits;
	uint32		nstored;
	uint32		room;
	IomNode    *code;
	int32	   *position;
	CodeIndex	number_of;

	/* by number; made when the first line comes */
	bool		has_all_units;
	uint32	   *supervisor;
	uint32	   *first;			/* [nunits + 2] where the group of a
								 * supervisor begins; roots are the last */
	uint32	   *report;			/* the groups */
	uint32	   *rank;
	uint32	   *stack;

	uint32		npending;
	uint32		guess;			/* the node that comes next if lines come in
								 * the order of the units */
	PendingLine pending[CODE_INDEX_AHEAD];
};

static void make_room(ChartBuild *build, uint32 room);
static void store_units(ChartBuild *build);
static void end_units(ChartBuild *build);
static void fault_is(ChartBuild *build, ChartFaultKind kind, uint32 nnodes,
					 IomNode a, IomNode b, IomNode c);
static void find_pending_lines(ChartBuild *build);
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
 * Begin a chart that will be made of "keep" memory.  Room is made for as many
 * units as are expected; more may come.  Both memories must stay until
 * chart_build_end().
 */
ChartBuild *
chart_build_begin(const OrgMemory *scratch, const OrgMemory *keep,
				  size_t expected_units)
{
	ChartBuild *build = org_alloc(scratch, 1, sizeof(ChartBuild));

	memset(build, 0, sizeof(ChartBuild));
	build->scratch = scratch;
	build->keep = keep;
	build->fault.kind = CHART_SOUND;
	make_room(build, (uint32) Min(Max(expected_units, 16), CHART_MAX_NODES));
	return build;
}

/*
 * A unit that is there on the day.
 */
void
chart_build_unit(ChartBuild *build, IomNode node, int32 position)
{
	Assert(!build->has_all_units);
	if (build->fault.kind != CHART_SOUND)
		return;
	if (build->nunits == build->room)
	{
		if (build->nunits == CHART_MAX_NODES)
		{
			fault_is(build, CHART_TOO_LARGE, 0, IOM_NODE_NONE, IOM_NODE_NONE,
					 IOM_NODE_NONE);
			return;
		}
		make_room(build, Min(build->room * 2, CHART_MAX_NODES));
	}
	code_index_prefetch(&build->number_of, node);
	build->code[build->nunits] = node;
	build->position[build->nunits] = position;
	build->nunits++;
	if (build->nunits - build->nstored == CODE_INDEX_AHEAD)
		store_units(build);
}

/*
 * Store the units that wait in the hash table.
 */
static void
store_units(ChartBuild *build)
{
	for (; build->nstored < build->nunits; build->nstored++)
	{
		IomNode		node = build->code[build->nstored];

		if (!code_index_insert(&build->number_of, node, build->nstored))
		{
			fault_is(build, CHART_DUPLICATE_NODE, 1, node, IOM_NODE_NONE,
					 IOM_NODE_NONE);
			return;
		}
	}
}

/*
 * Make room for so many units; those that are there are stored anew.
 */
static void
make_room(ChartBuild *build, uint32 room)
{
	IomNode    *code = org_alloc(build->scratch, room, sizeof(IomNode));
	int32	   *position = org_alloc(build->scratch, room, sizeof(int32));

	if (build->nunits > 0)
	{
		memcpy(code, build->code, build->nunits * sizeof(IomNode));
		memcpy(position, build->position, build->nunits * sizeof(int32));
	}
	org_free(build->scratch, build->code);
	org_free(build->scratch, build->position);
	build->code = code;
	build->position = position;
	build->room = room;

	org_free(build->keep, build->number_of.slot);
	code_index_create(&build->number_of, room, build->keep);
	build->nstored = 0;
	store_units(build);
}

/*
 * A solid line that holds on the day.
 */
void
chart_build_line(ChartBuild *build, IomNode node, IomNode supervisor)
{
	PendingLine *line;

	if (!build->has_all_units)
		end_units(build);
	if (build->fault.kind != CHART_SOUND)
		return;

	line = &build->pending[build->npending++];
	line->node = node;
	line->supervisor = supervisor;
	code_index_prefetch(&build->number_of, node);
	code_index_prefetch(&build->number_of, supervisor);
	if (build->npending == lengthof(build->pending))
		find_pending_lines(build);
}

/*
 * Finish.  Returns the chart, or NULL and what is wrong.
 */
Chart *
chart_build_end(ChartBuild *build, ChartFault *fault)
{
	const OrgMemory *keep = build->keep;
	uint32		nunits;
	Chart	   *chart;
	char	   *arrays;
	size_t		per_node = sizeof(IomNode) + sizeof(ChartPlace) +
		sizeof(uint32);

	if (!build->has_all_units)
		end_units(build);
	if (build->fault.kind == CHART_SOUND)
		find_pending_lines(build);
	*fault = build->fault;
	if (fault->kind != CHART_SOUND)
	{
		org_free(keep, build->number_of.slot);
		return NULL;
	}

	group_reports(build);

	/* the arrays share one block, the widest elements first */
	nunits = build->nunits;
	chart = org_alloc(keep, 1, sizeof(Chart));
	arrays = org_alloc(keep, (size_t) nunits + 1, per_node);
	chart->nnodes = nunits;
	chart->nroots = build->first[nunits + 1] - build->first[nunits];
	chart->code = (IomNode *) arrays;
	chart->place = (ChartPlace *) (chart->code + nunits);
	chart->height = (uint32 *) (chart->place + nunits);
	chart->rank_of = build->number_of;
	chart->bytes = sizeof(Chart) + code_index_bytes(&chart->rank_of) +
		((size_t) nunits + 1) * per_node;

	if (!hand_out_ranks(build, chart))
	{
		report_cycle(build, fault);
		chart_free(chart, keep);
		return NULL;
	}
	sum_up(chart, build->scratch);
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
	org_free(keep, chart->rank_of.slot);
	org_free(keep, chart);
}

/* Note the first fault. */
static void
fault_is(ChartBuild *build, ChartFaultKind kind, uint32 nnodes,
		 IomNode a, IomNode b, IomNode c)
{
	ChartFault *fault = &build->fault;

	fault->kind = kind;
	fault->nnodes = nnodes;
	fault->length = nnodes;
	fault->nodes[0] = a;
	fault->nodes[1] = b;
	fault->nodes[2] = c;
}

/*
 * No more units will come: make what goes by their numbers, in one block.
 */
static void
end_units(ChartBuild *build)
{
	size_t		nunits = build->nunits;
	uint32	   *numbers = org_alloc(build->scratch, nunits * 5 + 2,
									sizeof(uint32));

	build->has_all_units = true;
	if (build->room - nunits > nunits / 16 + 16)
		make_room(build, build->nunits);	/* far fewer than expected */
	store_units(build);
	build->supervisor = numbers;
	build->report = build->supervisor + nunits;
	build->rank = build->report + nunits;
	build->stack = build->rank + nunits;
	build->first = build->stack + nunits;
	memset(build->supervisor, 0xFF, nunits * sizeof(uint32));
}

/*
 * Step 2, for the lines that wait.
 */
static void
find_pending_lines(ChartBuild *build)
{
	const CodeIndex *number_of = &build->number_of;

	for (uint32 i = 0; i < build->npending; i++)
	{
		PendingLine line = build->pending[i];
		uint32		node;
		uint32		supervisor;

		if (build->guess < build->nunits &&
			build->code[build->guess] == line.node)
			node = build->guess;
		else
			node = code_index_find(number_of, line.node);
		supervisor = code_index_find(number_of, line.supervisor);

		if (node == CODE_INDEX_NONE)
			fault_is(build, CHART_UNKNOWN_NODE, 2, line.node,
					 line.supervisor, IOM_NODE_NONE);
		else if (supervisor == CODE_INDEX_NONE)
			fault_is(build, CHART_UNKNOWN_SUPERVISOR, 2, line.node,
					 line.supervisor, IOM_NODE_NONE);
		else if (build->supervisor[node] != CHART_NONE)
			fault_is(build, CHART_SECOND_LINE, 3, line.node,
					 build->code[build->supervisor[node]], line.supervisor);
		if (build->fault.kind != CHART_SOUND)
			break;
		build->supervisor[node] = supervisor;
		build->guess = node + 1;
	}
	build->npending = 0;
}

/*
 * Step 3: first[] and report[].
 */
static void
group_reports(ChartBuild *build)
{
	const OrgMemory *scratch = build->scratch;
	uint32		nunits = build->nunits;
	uint32	   *first = build->first;
	uint32	   *report = build->report;
	uint32		sum = 0;
	Sibling    *sibling = NULL;
	size_t		room = 0;

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
	uint32		nunits = build->nunits;
	const uint32 *first = build->first;
	ChartPlace *place = chart->place;
	uint32	   *stack = build->stack;
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
 * code, so that one cycle is reported alike whatever the order of the rows.
 */
static void
report_cycle(const ChartBuild *build, ChartFault *fault)
{
	uint32		nunits = build->nunits;
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
