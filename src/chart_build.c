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
 *	 2. every line is noted with the unit of its node, and counted for that of
 *		its supervisor;
 *	 3. by these counts the reports of one supervisor are put side by side, with
 *		all that the walk wants to know of them;
 *	 4. a walk with a stack of its own sorts each such group by position and
 *		code and hands out the ranks, pre-order; what it does not reach lies on
 *		a cycle or below one.  A subtree ends where the walk leaves it, which
 *		tells its size;
 *	 5. two passes over the ranks sort them by level, one gives each code its
 *		rank, and one notes who has reports.
 *
 * All is linear but the sorting of siblings.  Rows come in no particular order,
 * so what a step over a large organisation looks up is not in the cache.
 * Therefore units and reports are read and written in their order as far as can
 * be, the one array that cannot (end_of) is as small as can be, and what will be
 * needed some nodes later is fetched ahead, in batches where one address depends
 * on another.
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
} Unit;

/*
 * The same of a report, in the group of its supervisor.
 */
typedef struct Report
{
	IomNode		code;
	int32		position;
	uint32		number;
} Report;

/* A line whose ends have not been looked up yet. */
typedef struct PendingLine
{
	IomNode		node;
	IomNode		supervisor;
} PendingLine;

/* A group that the walk is going through. */
typedef struct Step
{
	const Report *next;
	const Report *end;
	uint32		parent;			/* rank of the supervisor, or CHART_NONE */
	uint32		parent_number;
} Step;

/* Where a unit ended up. */
typedef struct Slice
{
	uint32		rank;
	uint32		size;
} Slice;

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
	uint32	   *end_of;			/* [nunits] the unit's reports, counted; then the
								 * end of its group, where the next one begins */
	Report	   *report;			/* the groups; roots are the last */
	uint32		nreports;		/* that are no roots */
	Slice	   *slice_of;		/* [nunits] */
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
static void put_ranks_for_numbers(Chart *chart, const Slice *slice_of,
								  const OrgMemory *scratch);
static void filter_inner(Chart *chart, uint32 ninner, const OrgMemory *keep);
static void sort_by_level(Chart *chart, const OrgMemory *scratch,
						  const OrgMemory *keep);
static void report_cycle(const ChartBuild *build, ChartFault *fault);

/*
 * Siblings are sorted by position, then code.
 */
static inline int
compare_reports(const Report *a, const Report *b)
{
	if (a->position != b->position)
		return a->position < b->position ? -1 : 1;
	if (a->code != b->code)
		return a->code < b->code ? -1 : 1;
	return 0;
}

#define ST_SORT sort_reports
#define ST_ELEMENT_TYPE Report
#define ST_COMPARE(a, b) compare_reports(a, b)
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
	uint32		expected;

	if (!build->has_all_units)
		end_units(build);
	if (build->fault.kind != CHART_SOUND)
		return;

	expected = build->guess + build->npending;
	if (expected >= build->nunits || build->unit[expected].code != node)
		code_index_prefetch(&build->number_of, node);
	code_index_prefetch(&build->number_of, supervisor);
	line = &build->pending[build->npending++];
	line->node = node;
	line->supervisor = supervisor;
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
	chart->nroots = nunits - build->nreports;
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
	sort_by_level(chart, build->scratch, keep);
	put_ranks_for_numbers(chart, build->slice_of, build->scratch);
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
	build->end_of = org_alloc(build->scratch, nunits + 1, sizeof(uint32));
	memset(build->end_of, 0, (nunits + 1) * sizeof(uint32));
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
		org_prefetch(&build->end_of[supervisor[nfound]]);
		build->guess = node[nfound] + 1;
	}

	for (uint32 i = 0; i < nfound; i++)
	{
		Unit	   *lower = &unit[node[i]];

		if (lower->supervisor != CHART_NONE)
		{
			IomNode		one = unit[lower->supervisor].code;
			IomNode		other = unit[supervisor[i]].code;

			/* reported alike whatever the order of the rows */
			fault_is(build, CHART_SECOND_LINE, 3, lower->code,
					 Min(one, other), Max(one, other));
			return;
		}
		lower->supervisor = supervisor[i];
		build->end_of[supervisor[i]]++;
	}

	if (nfound < build->npending)
		fault_is(build, node[nfound] == CODE_INDEX_NONE ?
				 CHART_UNKNOWN_NODE : CHART_UNKNOWN_SUPERVISOR, 2,
				 build->pending[nfound].node,
				 build->pending[nfound].supervisor, IOM_NODE_NONE);
	build->npending = 0;
}

/*
 * Step 3: put the reports of each unit side by side.
 */
static void
group_reports(ChartBuild *build)
{
	const Unit *unit = build->unit;
	uint32		nunits = build->nunits;
	uint32	   *end_of = build->end_of;
	uint32		sum = 0;
	uint32		root;
	Report	   *reports = org_alloc(build->scratch, (size_t) nunits + 1,
									sizeof(Report));

	/* first where each group begins; filled in, that is where it ends */
	for (uint32 i = 0; i < nunits; i++)
	{
		uint32		count = end_of[i];

		build->ninner += count > 0;
		end_of[i] = sum;
		sum += count;
	}
	build->report = reports;
	build->nreports = root = sum;
	for (uint32 i = 0; i < nunits; i++)
	{
		uint32		supervisor = unit[i].supervisor;
		Report	   *report;

		org_poll(build->scratch, i);
		if (i + CODE_INDEX_AHEAD < nunits &&
			unit[i + CODE_INDEX_AHEAD].supervisor != CHART_NONE)
			org_prefetch(&reports[end_of[unit[i + CODE_INDEX_AHEAD].supervisor]]);
		report = &reports[supervisor == CHART_NONE ?
						  root++ : end_of[supervisor]++];
		report->code = unit[i].code;
		report->position = unit[i].position;
		report->number = i;
	}
}

/* Where the group of a unit begins. */
static inline Report *
first_report(const ChartBuild *build, uint32 number)
{
	return &build->report[number == 0 ? 0 : build->end_of[number - 1]];
}

/*
 * Sort a group before the walk goes through it.
 */
static void
open_group(ChartBuild *build, Report *first, Report *end, Step *step)
{
	if (end - first > 1)
		sort_reports(first, end - first);
	for (const Report *report = first; report < end; report++)
	{
		org_prefetch(&build->end_of[report->number]);
		org_prefetch(&build->slice_of[report->number]);
	}
	step->next = first;
	step->end = end;
}

/*
 * Step 4: walk down from the roots.  False if some nodes were not reached.
 */
static bool
hand_out_ranks(ChartBuild *build, Chart *chart)
{
	ChartPlace *place = chart->place;
	size_t		room = 64;
	Step	   *stack = org_alloc(build->scratch, room, sizeof(Step));
	size_t		depth = 0;
	uint32		rank = 0;

	build->slice_of = org_alloc(build->scratch, (size_t) build->nunits + 1,
								sizeof(Slice));
	open_group(build, &build->report[build->nreports],
			   &build->report[build->nunits], stack);
	stack[depth++].parent = CHART_NONE;
	while (depth > 0)
	{
		Step	   *step = &stack[depth - 1];
		const Report *report = step->next;
		uint32		parent = step->parent;
		Report	   *first;
		Report	   *end;

		if (report == step->end)
		{
			if (parent != CHART_NONE)
			{
				place[parent].size = rank - parent;
				build->slice_of[step->parent_number].size = rank - parent;
			}
			depth--;
			continue;
		}
		step->next++;
		if (step->next < step->end)
			org_prefetch(first_report(build, step->next->number));

		org_poll(build->scratch, rank);
		chart->code[rank] = report->code;
		place[rank].size = 1;
		place[rank].parent = parent;
		place[rank].level = depth;
		chart->nlevels = Max(chart->nlevels, depth);
		build->slice_of[report->number].rank = rank;
		build->slice_of[report->number].size = 1;

		first = first_report(build, report->number);
		end = &build->report[build->end_of[report->number]];
		if (first < end)
		{
			stack = org_grow(build->scratch, stack, depth, &room,
							 sizeof(Step));
			open_group(build, first, end, &stack[depth]);
			stack[depth].parent = rank;
			stack[depth++].parent_number = report->number;
		}
		rank++;
	}
	return rank == build->nunits;
}

/*
 * The hash table of the build becomes that of the chart: ranks for numbers, and
 * the sizes.
 */
static void
put_ranks_for_numbers(Chart *chart, const Slice *slice_of,
					  const OrgMemory *scratch)
{
	CodeSlot   *slot = chart->rank_of.bucket->slot;
	size_t		nslots = (size_t) chart->rank_of.nbuckets * CODE_BUCKET_SLOTS;

	for (size_t i = 0; i < nslots; i++)
	{
		org_poll(scratch, i);
		if (i + CODE_INDEX_AHEAD < nslots &&
			slot[i + CODE_INDEX_AHEAD].value != CODE_INDEX_NONE)
			org_prefetch(&slice_of[slot[i + CODE_INDEX_AHEAD].value]);
		if (slot[i].value != CODE_INDEX_NONE)
		{
			const Slice *slice = &slice_of[slot[i].value];

			slot[i].value = slice->rank;
			slot[i].size = slice->size;
		}
	}
}

/*
 * The filter of the nodes that have reports.
 */
static void
filter_inner(Chart *chart, uint32 ninner, const OrgMemory *keep)
{
	CodeFilter *inner = &chart->inner;

	code_filter_create(inner, ninner, keep);
	for (uint32 rank = 0; rank < chart->nnodes; rank++)
	{
		if (chart->place[rank].size > 1)
			code_filter_add(inner, chart->code[rank]);
	}
}

/*
 * Step 5: by level, by counting.
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
	const Unit *unit = build->unit;
	uint32		nunits = build->nunits;
	uint32	   *climb = org_alloc(build->scratch, nunits, sizeof(uint32));
	uint32		at = CHART_NONE;
	uint32		smallest;

	/*
	 * Climb from every node until one that was seen: if the same climb saw it,
	 * it is on a cycle.
	 */
	memset(climb, 0xFF, nunits * sizeof(uint32));
	for (uint32 start = 0; at == CHART_NONE; start++)
	{
		for (at = start; at != CHART_NONE && climb[at] == CHART_NONE;
			 at = unit[at].supervisor)
			climb[at] = start;
		if (at != CHART_NONE && climb[at] != start)
			at = CHART_NONE;
	}

	smallest = at;
	fault->length = 1;
	for (uint32 up = unit[at].supervisor; up != at; up = unit[up].supervisor)
	{
		fault->length++;
		if (unit[up].code < unit[smallest].code)
			smallest = up;
	}

	fault->kind = CHART_CYCLE;
	fault->nnodes = Min(fault->length, CHART_FAULT_NODES);
	at = smallest;
	for (uint32 i = 0; i < fault->nnodes; i++)
	{
		fault->nodes[i] = unit[at].code;
		at = unit[at].supervisor;
	}
}
