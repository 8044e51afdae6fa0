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
 *	 2. every line is noted with the unit of its node, and counted with that of
 *		its supervisor;
 *	 3. by these counts the reports of one supervisor are put side by side;
 *	 4. a walk with a stack of its own sorts each such group by position and
 *		code and hands out the ranks, pre-order; what it does not reach lies on
 *		a cycle or below one;
 *	 5. one pass backwards over the ranks sums up the sizes, two more sort the
 *		ranks by level, and one notes who has reports.
 *
 * All is linear but the sorting of siblings.  Rows come in no particular order,
 * so each step over a large organisation misses the cache at every node.
 * Therefore what is known of a unit lies together, and what will be needed some
 * nodes later is fetched ahead, in batches where one address depends on
 * another.
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

/*
 * What is known of a unit.
 */
typedef struct Unit
{
	IomNode		code;
	int32		position;
	uint32		supervisor;		/* number, or CHART_NONE */
	uint32		first;			/* its reports are report[first] ...; then
								 * REACHED */
	uint32		nreports;
} Unit;

#define REACHED		CHART_NONE

/* A line whose ends have not been looked up yet. */
typedef struct PendingLine
{
	IomNode		node;
	IomNode		supervisor;
} PendingLine;

/* A unit that the walk will come to. */
typedef struct Step
{
	uint32		number;
	uint32		parent;			/* rank of its supervisor */
} Step;

struct ChartBuild
{
	const OrgMemory *scratch;
	const OrgMemory *keep;
	ChartFault	fault;			/* the first one */

	/* units as they came; some wait to be stored in the hash table */
	uint32		nunits;
	uint32		nstored;
	uint32		room;
	Unit	   *unit;
	CodeIndex	number_of;

	bool		has_all_units;
	uint32	   *report;			/* the groups; roots are the last */
	uint32		first_root;
	uint32		ninner;			/* units that have reports */

	uint32		npending;
	uint32		guess;			/* the node that comes next if lines come in
								 * the order of the units */
	IomNode		last_supervisor;	/* of the line before, and its number */
	uint32		last_number;
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
static void put_ranks_for_numbers(Chart *chart, const OrgMemory *scratch);
static void filter_inner(Chart *chart, uint32 ninner, const OrgMemory *keep);
static void sum_up(Chart *chart, const OrgMemory *scratch);
static void sort_by_level(Chart *chart, const OrgMemory *scratch,
						  const OrgMemory *keep);
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
	Unit	   *unit;

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
	unit = &build->unit[build->nunits++];
	unit->code = node;
	unit->position = position;
	unit->supervisor = CHART_NONE;
	unit->nreports = 0;
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
		IomNode		node = build->unit[build->nstored].code;

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
	Unit	   *unit = org_alloc(build->scratch, room, sizeof(Unit));

	if (build->nunits > 0)
		memcpy(unit, build->unit, build->nunits * sizeof(Unit));
	org_free(build->scratch, build->unit);
	build->unit = unit;
	build->room = room;

	org_free(build->keep, build->number_of.block);
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
		org_free(keep, build->number_of.block);
		return NULL;
	}

	group_reports(build);

	/* the arrays share one block, the widest elements first */
	nunits = build->nunits;
	chart = org_alloc(keep, 1, sizeof(Chart));
	arrays = org_alloc(keep, (size_t) nunits + 1, per_node);
	chart->nnodes = nunits;
	chart->nroots = nunits - build->first_root;
	chart->code = (IomNode *) arrays;
	chart->place = (ChartPlace *) (chart->code + nunits);
	chart->at_level = (uint32 *) (chart->place + nunits);
	chart->level_end = NULL;
	chart->inner.bits = NULL;
	chart->nlevels = 0;
	chart->rank_of = build->number_of;

	if (!hand_out_ranks(build, chart))
	{
		report_cycle(build, fault);
		chart_free(chart, keep);
		return NULL;
	}
	sum_up(chart, build->scratch);
	sort_by_level(chart, build->scratch, keep);
	put_ranks_for_numbers(chart, build->scratch);
	filter_inner(chart, build->ninner, keep);
	chart->bytes = sizeof(Chart) + code_index_bytes(&chart->rank_of) +
		chart->inner.nbits / 8 +
		((size_t) nunits + 1) * per_node +
		((size_t) chart->nlevels + 1) * sizeof(uint32);
	return chart;
}

/*
 * Free a chart that is no longer wanted.
 */
void
chart_free(Chart *chart, const OrgMemory *keep)
{
	org_free(keep, chart->code);
	org_free(keep, chart->level_end);
	org_free(keep, chart->inner.bits);
	org_free(keep, chart->rank_of.block);
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
 * No more units will come.
 */
static void
end_units(ChartBuild *build)
{
	size_t		nunits = build->nunits;

	build->has_all_units = true;
	build->last_supervisor = IOM_NODE_NONE;
	if (build->room - nunits > nunits / 16 + 16)
		make_room(build, build->nunits);	/* far fewer than expected */
	store_units(build);
	build->report = org_alloc(build->scratch, nunits + 1, sizeof(uint32));
}

/*
 * Step 2, for the lines that wait: first find the numbers, then note the
 * lines in the units, whose memory is on its way by then.
 */
static void
find_pending_lines(ChartBuild *build)
{
	const CodeIndex *number_of = &build->number_of;
	Unit	   *unit = build->unit;
	uint32		nfound;
	uint32		node[lengthof(build->pending)];
	uint32		supervisor[lengthof(build->pending)];

	for (nfound = 0; nfound < build->npending; nfound++)
	{
		PendingLine line = build->pending[nfound];

		if (build->guess < build->nunits &&
			unit[build->guess].code == line.node)
			node[nfound] = build->guess;
		else
			node[nfound] = code_index_find(number_of, line.node);
		if (line.supervisor != build->last_supervisor)
		{
			build->last_supervisor = line.supervisor;
			build->last_number = code_index_find(number_of, line.supervisor);
		}
		supervisor[nfound] = build->last_number;

		if (node[nfound] == CODE_INDEX_NONE ||
			supervisor[nfound] == CODE_INDEX_NONE)
			break;
		org_prefetch(&unit[node[nfound]]);
		org_prefetch(&unit[supervisor[nfound]]);
		build->guess = node[nfound] + 1;
	}

	for (uint32 i = 0; i < nfound; i++)
	{
		Unit	   *lower = &unit[node[i]];

		if (lower->supervisor != CHART_NONE)
		{
			fault_is(build, CHART_SECOND_LINE, 3, lower->code,
					 unit[lower->supervisor].code, unit[supervisor[i]].code);
			return;
		}
		lower->supervisor = supervisor[i];
		unit[supervisor[i]].nreports++;
	}

	if (nfound < build->npending)
		fault_is(build, node[nfound] == CODE_INDEX_NONE ?
				 CHART_UNKNOWN_NODE : CHART_UNKNOWN_SUPERVISOR, 2,
				 build->pending[nfound].node,
				 build->pending[nfound].supervisor, IOM_NODE_NONE);
	build->npending = 0;
}

/*
 * Step 3: report[], and where in it each unit's reports are.
 */
static void
group_reports(ChartBuild *build)
{
	Unit	   *unit = build->unit;
	uint32		nunits = build->nunits;
	uint32		sum = 0;
	uint32		root;

	for (uint32 i = 0; i < nunits; i++)
	{
		unit[i].first = sum;
		sum += unit[i].nreports;
		build->ninner += unit[i].nreports > 0;
		unit[i].nreports = 0;
	}
	root = build->first_root = sum;
	for (uint32 i = 0; i < nunits; i++)
	{
		uint32		supervisor = unit[i].supervisor;

		org_poll(build->scratch, i);
		if (i + CODE_INDEX_AHEAD < nunits &&
			unit[i + CODE_INDEX_AHEAD].supervisor != CHART_NONE)
			org_prefetch(&unit[unit[i + CODE_INDEX_AHEAD].supervisor]);
		if (supervisor == CHART_NONE)
			build->report[root++] = i;
		else
			build->report[unit[supervisor].first +
						  unit[supervisor].nreports++] = i;
	}
}

/*
 * Push the reports of one supervisor on the stack, the last one first.
 */
static Step *
push_reports(ChartBuild *build, const uint32 *group, uint32 n, uint32 parent,
			 Sibling *sibling, Step *top)
{
	for (uint32 k = 0; k < n; k++)
		org_prefetch(&build->unit[group[k]]);
	for (uint32 k = 0; k < n; k++)
	{
		const Unit *unit = &build->unit[group[k]];

		sibling[k].number = group[k];
		sibling[k].position = unit->position;
		sibling[k].code = unit->code;
		org_prefetch(&build->report[unit->first]);
	}
	if (n > 1)
		sort_siblings(sibling, n);
	for (uint32 k = n; k-- > 0; top++)
	{
		top->number = sibling[k].number;
		top->parent = parent;
	}
	return top;
}

/*
 * Step 4: walk down from the roots.  False if some nodes were not reached.
 */
static bool
hand_out_ranks(ChartBuild *build, Chart *chart)
{
	uint32		nunits = build->nunits;
	uint32		largest = nunits - build->first_root;
	ChartPlace *place = chart->place;
	Step	   *stack = org_alloc(build->scratch, (size_t) nunits + 1,
								  sizeof(Step));
	Step	   *top;
	Sibling    *sibling;
	uint32		rank = 0;

	for (uint32 i = 0; i < nunits; i++)
		largest = Max(largest, build->unit[i].nreports);
	sibling = org_alloc(build->scratch, (size_t) largest + 1,
						sizeof(Sibling));

	top = push_reports(build, &build->report[build->first_root],
					   nunits - build->first_root, CHART_NONE, sibling, stack);
	while (top > stack)
	{
		Step		step = *--top;
		Unit	   *unit = &build->unit[step.number];

		org_poll(build->scratch, rank);
		chart->code[rank] = unit->code;
		place[rank].size = 1;
		place[rank].parent = step.parent;
		place[rank].level = step.parent == CHART_NONE ? 1 :
			place[step.parent].level + 1;
		chart->nlevels = Max(chart->nlevels, place[rank].level);
		if (unit->nreports > 0)
			top = push_reports(build, &build->report[unit->first],
							   unit->nreports, rank, sibling, top);
		unit->first = REACHED;
		rank++;
	}
	return rank == nunits;
}

/*
 * The hash table of the build becomes that of the chart: ranks for numbers, and
 * the sizes.
 */
static void
put_ranks_for_numbers(Chart *chart, const OrgMemory *scratch)
{
	for (uint32 rank = 0; rank < chart->nnodes; rank++)
	{
		CodeSlot   *slot;

		org_poll(scratch, rank);
		if (rank + CODE_INDEX_AHEAD < chart->nnodes)
			code_index_prefetch(&chart->rank_of,
								chart->code[rank + CODE_INDEX_AHEAD]);
		slot = unconstify(CodeSlot *, code_index_slot(&chart->rank_of,
													  chart->code[rank]));
		slot->value = rank;
		slot->size = chart->place[rank].size;
	}
}

/*
 * The filter of the nodes that have reports.
 */
static void
filter_inner(Chart *chart, uint32 ninner, const OrgMemory *keep)
{
	CodeFilter *inner = &chart->inner;

	inner->nbits = code_filter_bits(ninner);
	inner->bits = org_alloc(keep, inner->nbits / 64, sizeof(uint64));
	memset(inner->bits, 0, inner->nbits / 8);
	for (uint32 rank = 0; rank < chart->nnodes; rank++)
	{
		if (chart->place[rank].size > 1)
			code_filter_add(inner, chart->code[rank]);
	}
}

/*
 * Step 5: supervisors come before their reports, so going backwards finds
 * each node finished.
 */
static void
sum_up(Chart *chart, const OrgMemory *scratch)
{
	for (uint32 rank = chart->nnodes; rank-- > 0;)
	{
		uint32		parent = chart->place[rank].parent;

		org_poll(scratch, rank);
		if (parent != CHART_NONE)
			chart->place[parent].size += chart->place[rank].size;
	}
}

/*
 * And by level, by counting.
 */
static void
sort_by_level(Chart *chart, const OrgMemory *scratch, const OrgMemory *keep)
{
	uint32		nlevels = chart->nlevels;
	uint32	   *end = org_alloc(keep, (size_t) nlevels + 1, sizeof(uint32));

	chart->level_end = end;
	memset(end, 0, ((size_t) nlevels + 1) * sizeof(uint32));
	for (uint32 rank = 0; rank < chart->nnodes; rank++)
		end[chart->place[rank].level]++;

	/* first where each level begins; filled in, that is where it ends */
	for (uint32 level = 1, sum = 0; level <= nlevels; level++)
	{
		uint32		count = end[level];

		end[level] = sum;
		sum += count;
	}
	for (uint32 rank = 0; rank < chart->nnodes; rank++)
	{
		org_poll(scratch, rank);
		chart->at_level[end[chart->place[rank].level]++] = rank;
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
	 * Climb from every node that was not reached, until one that was seen: if
	 * the same climb saw it, it is on a cycle.
	 */
	memset(climb, 0xFF, nunits * sizeof(uint32));
	for (uint32 start = 0; at == CHART_NONE; start++)
	{
		if (build->unit[start].first == REACHED)
			continue;
		for (at = start; climb[at] == CHART_NONE;
			 at = build->unit[at].supervisor)
			climb[at] = start;
		if (climb[at] != start)
			at = CHART_NONE;
	}

	smallest = at;
	fault->length = 1;
	for (uint32 up = build->unit[at].supervisor; up != at;
		 up = build->unit[up].supervisor)
	{
		fault->length++;
		if (build->unit[up].code < build->unit[smallest].code)
			smallest = up;
	}

	fault->kind = CHART_CYCLE;
	fault->nnodes = Min(fault->length, CHART_FAULT_NODES);
	at = smallest;
	for (uint32 i = 0; i < fault->nnodes; i++)
	{
		fault->nodes[i] = build->unit[at].code;
		at = build->unit[at].supervisor;
	}
}
