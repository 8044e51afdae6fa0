/*-------------------------------------------------------------------------
 *
 * chart_guess.c
 *	  How many nodes a subtree has, roughly, of which there is no chart: for the
 *	  planner, when a question would take more index probes than planning is worth.
 *
 * Two witnesses are heard.  One goes down from the node on a few random ways and
 * multiplies the spans it meets (Knuth, "Estimating the efficiency of backtrack
 * programs", 1975): near the truth where subtrees are alike, far too low where few of
 * them have nearly everything.  The other goes up from a hundred units, the bounds of
 * the histogram that ANALYZE made of iom_unit's codes, and counts how many of them
 * come by: never far off, but blind for what has less than a hundredth of all.  The
 * first is believed as far as the second bears it out; or altogether, before there are
 * statistics.
 *
 * The hundred units of one state and day are asked once, for all nodes that are
 * guessed.  They live in a memory context of their own.  The caller has the tables
 * locked, and bills the probes.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_statistic.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "nodes/pathnodes.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "chart_guess.h"
#include "org_seek.h"

/* Each witness may make so many probes. */
#define GUESS_PROBES	1024

/* Ways down; so many reports of a node are counted. */
#define WAYS			16
#define COUNTED_SPAN	256

/* Units that go up; so many that come by tell the size by themselves. */
#define SAMPLE_UNITS	100
#define MANY_HITS		4

/* A prime that is greater, so that multiples of it are the sample in another
 * order: if the probes run out, what was asked lies anywhere among the codes. */
#define SAMPLE_STRIDE	7919

/* A node that a unit of the sample is, or lies below. */
typedef struct SampledNode
{
	IomNode		node;
	IomNode		supervisor;		/* IOM_NODE_NONE for a root */
	char		status;
} SampledNode;

#define SH_PREFIX sampled
#define SH_ELEMENT_TYPE SampledNode
#define SH_KEY_TYPE IomNode
#define SH_KEY node
#define SH_HASH_KEY(table, key) \
	murmurhash32((uint32) (key) ^ (uint32) ((uint64) (key) >> 32))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The sample that was drawn last. */
static struct
{
	HierarchyState state;
	int64		day;
	size_t		rows;			/* of iom_unit, by ANALYZE */
	MemoryContext context;
	sampled_hash *nodes;
	uint32		nunits;
	IomNode		unit[SAMPLE_UNITS];
}			sample;

typedef struct Guess
{
	Relation	unit;
	Relation	line;
	Snapshot	snapshot;
	int64		day;
	OrgSeek    *seek[LINE_BY_SUPERVISOR + 1];
	uint32		left;			/* probes */
} Guess;

/*
 * The lines of a node, or to it; false if there are no probes left, or no index.
 */
static bool
seek(Guess *guess, OrgIndex index, IomNode node)
{
	CHECK_FOR_INTERRUPTS();
	if (guess->left == 0)
		return false;
	guess->left--;
	if (guess->seek[index] == NULL)
		guess->seek[index] = org_seek_begin(guess->line, index,
											guess->snapshot);
	if (guess->seek[index] == NULL)
		return false;
	org_seek(guess->seek[index], node);
	return true;
}

static bool
is_in_force(const Guess *guess, const LineRow *row)
{
	return row->solid && days_include(row->valid, guess->day);
}

static HeapTuple
column_statistics(Relation rel, AttrNumber column)
{
	return SearchSysCache3(STATRELATTINH,
						   ObjectIdGetDatum(RelationGetRelid(rel)),
						   Int16GetDatum(column), BoolGetDatum(false));
}

/*----------
 * Down
 *----------
 */

/*
 * How many lines a supervisor has, of whom COUNTED_SPAN were seen: by the
 * statistics of iom_line, whose most common supervisors are these.
 */
static double
span_by_statistics(Relation line, IomNode supervisor)
{
	VariableStatData column = {0};
	Oid			type = org_tables_node_type();
	double		fraction;

	column.rel = makeNode(RelOptInfo);
	column.rel->tuples = (double) org_expected_rows(line);
	column.vartype = column.atttype = type;
	column.acl_ok = true;		/* (who guesses may select all of it) */
	column.statsTuple = column_statistics(line, org_tables()->line_supervisor);
	column.freefunc = ReleaseSysCache;
	fraction = var_eq_const(&column,
							lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr,
							InvalidOid, IomNodeGetDatum(supervisor), false,
							true, false);
	ReleaseVariableStats(column);
	return Max(fraction * column.rel->tuples, COUNTED_SPAN);
}

/*
 * Replace a node by one of its direct reports, by lot; IOM_NODE_NONE if there
 * is none or there are no probes left.  Returns how many reports it has: where there
 * are many, roughly, and one of the first is drawn.
 */
static double
draw_report(Guess *guess, pg_prng_state *prng, IomNode *node)
{
	IomNode		supervisor = *node;
	uint32		nlines = 0;
	uint32		span = 0;
	LineRow		row;

	*node = IOM_NODE_NONE;
	if (!seek(guess, LINE_BY_SUPERVISOR, supervisor))
		return 0;
	while (guess->left > 0 &&
		   org_seek_next_line(guess->seek[LINE_BY_SUPERVISOR], &row))
	{
		if (nlines == COUNTED_SPAN)
			return span * span_by_statistics(guess->line, supervisor) / nlines;
		guess->left--;
		nlines++;
		if (is_in_force(guess, &row) &&
			pg_prng_uint64_range(prng, 0, span++) == 0)
			*node = row.node;
	}
	return span;
}

/*
 * The mean of some ways down, each a guess by itself.  The way on which the probes run
 * out tells nothing, unless it is the first.  The same each time.
 */
static double
size_by_ways(Guess *guess, IomNode top, uint32 depth)
{
	pg_prng_state prng;
	double		sum = 0;
	int			ways = 0;

	pg_prng_seed(&prng, (uint64) top);
	guess->left = GUESS_PROBES;
	while (ways < WAYS && guess->left > 0)
	{
		IomNode		node = top;
		double		nodes = 1;
		double		size = 1;

		for (uint32 level = 0; level < depth && node != IOM_NODE_NONE; level++)
		{
			nodes *= draw_report(guess, &prng, &node);
			size += nodes;
		}
		if (guess->left == 0 && ways > 0)
			break;
		sum += size;
		ways++;
	}
	return sum / ways;
}

/*----------
 * Up
 *----------
 */

/*
 * The supervisor of a node of the sample; false if it cannot be asked for.
 */
static bool
find_supervisor(Guess *guess, IomNode node, IomNode *supervisor)
{
	bool		known;
	SampledNode *sampled = sampled_insert(sample.nodes, node, &known);
	LineRow		row;

	if (!known)
	{
		sampled->supervisor = IOM_NODE_NONE;
		if (!seek(guess, LINE_BY_NODE, node))
		{
			sampled_delete(sample.nodes, node);
			return false;
		}
		while (org_seek_next_line(guess->seek[LINE_BY_NODE], &row))
		{
			if (is_in_force(guess, &row))
			{
				sampled->supervisor = row.supervisor;
				break;
			}
		}
	}
	*supervisor = sampled->supervisor;
	return true;
}

/*
 * A unit goes up, and counts if it arrives: not in unsound lines that have no end.
 */
static void
go_up(Guess *guess, IomNode unit)
{
	IomNode		node = unit;

	for (int level = 0; node != IOM_NODE_NONE; level++)
	{
		if (level == GUESS_PROBES || !find_supervisor(guess, node, &node))
			return;
	}
	sample.unit[sample.nunits++] = unit;
}

/*
 * How many of the sample are the node, or so many levels below it?
 */
static uint32
count_below(IomNode top, uint32 depth)
{
	uint32		hits = 0;

	for (uint32 i = 0; i < sample.nunits; i++)
	{
		IomNode		node = sample.unit[i];

		for (uint32 level = 0; node != IOM_NODE_NONE; level++)
		{
			const SampledNode *sampled = sampled_lookup(sample.nodes, node);

			if (node == top)
				hits++;
			if (node == top || level == depth || sampled == NULL)
				break;
			node = sampled->supervisor;
		}
	}
	return hits;
}

/*
 * Draw the sample for a state and a day, if it is not the last one.
 */
static void
draw_sample(Guess *guess, const HierarchyState *state)
{
	HeapTuple	statistics;
	AttStatsSlot slot;
	size_t		rows = org_expected_rows(guess->unit);

	if (hierarchy_state_equal(&sample.state, state) &&
		sample.day == guess->day && sample.rows == rows)
		return;

	if (sample.context == NULL)
		sample.context = AllocSetContextCreate(TopMemoryContext,
											   "iomorg sample of units",
											   ALLOCSET_DEFAULT_SIZES);
	sample.state.settled = false;	/* until it is drawn */
	MemoryContextReset(sample.context);
	sample.nodes = sampled_create(sample.context, GUESS_PROBES, NULL);
	sample.nunits = 0;
	guess->left = GUESS_PROBES;
	statistics = column_statistics(guess->unit, org_tables()->unit_node);
	if (HeapTupleIsValid(statistics))
	{
		if (get_attstatsslot(&slot, statistics, STATISTIC_KIND_HISTOGRAM,
							 InvalidOid, ATTSTATSSLOT_VALUES))
		{
			int			n = Min(slot.nvalues, SAMPLE_UNITS);

			for (int i = 0; i < n && guess->left > 0; i++)
				go_up(guess,
					  DatumGetIomNode(slot.values[(int64) (i * SAMPLE_STRIDE % n) *
												  slot.nvalues / n]));
			free_attstatsslot(&slot);
		}
		ReleaseSysCache(statistics);
	}
	sample.day = guess->day;
	sample.rows = rows;
	sample.state = *state;
}

/*
 * What one witness says, after the other one was heard, if there is one.
 */
static double
weigh(double size, uint32 hits)
{
	double		weight = sample.nunits > 0 ?
		(double) sample.rows / sample.nunits : 0;

	if (weight == 0)
		return size;
	if (hits >= MANY_HITS)
		return size < hits * weight / 2 || size > hits * weight * 2 ?
			hits * weight : size;
	return Min(Max(size, hits * weight / 2), (2 * hits + 2) * weight);
}

/*
 * Roughly how many nodes the scope has, which is a node and so many levels below
 * it, on a day, of what the snapshot sees.  At least 1.
 *
 * The state is the snapshot's.  Raises no error that depends on the hierarchy.
 */
double
chart_guess_size(Relation unit, Relation line, Snapshot snapshot,
				 const HierarchyState *state, int64 day, ChartScope scope,
				 uint32 *probes)
{
	Guess		guess = {
		.unit = unit,
		.line = line,
		.snapshot = snapshot,
		.day = day,
	};
	double		size = size_by_ways(&guess, scope.node, scope.depth);

	*probes = GUESS_PROBES - guess.left;
	/* (a node's own reports are counted, or as many as the statistics have) */
	if (scope.depth > 1)
	{
		guess.left = GUESS_PROBES;
		draw_sample(&guess, state);
		*probes += GUESS_PROBES - guess.left;
		size = weigh(size, count_below(scope.node, scope.depth));
	}
	for (int i = 0; i < (int) lengthof(guess.seek); i++)
	{
		if (guess.seek[i] != NULL)
			org_seek_end(guess.seek[i]);
	}
	return size;
}
