/*-------------------------------------------------------------------------
 *
 * node_selfuncs.c
 *	  How many rows does <@ let through?  Estimates from a column's statistics
 *	  together with the hierarchy.
 *
 * The fraction of a column's rows that have a node of a set (node_set.c) is
 *
 *	 - for the most common values: exactly what ANALYZE found, summed over
 *	   those in the set;
 *	 - for all others: the density of rows around each code in the set.  The
 *	   histogram tells how many rows have codes from one bound to the next, the
 *	   chart how many nodes share them.  So units whose codes are alike (which
 *	   were often made alike) count as filled alike, and not all units as
 *	   filled evenly.
 *
 * For joins, both columns have a density; what is summed is the product of
 * that of a node and that of its chain of command.
 *
 * All is done on a sample of the set where that is large, so that planning
 * takes a fraction of a millisecond in any organisation (for a join, some in a
 * deep one).
 *
 * Statistics are read only if the caller may see them or the operator is
 * leakproof, which it is.  Memory is the planner's.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "miscadmin.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/selfuncs.h"

#include "chart_cache.h"
#include "index_count.h"
#include "iomorg.h"
#include "node_selfuncs.h"

PG_FUNCTION_INFO_V1(iom_withinsel);
PG_FUNCTION_INFO_V1(iom_containssel);
PG_FUNCTION_INFO_V1(iom_withinjoinsel);
PG_FUNCTION_INFO_V1(iom_containsjoinsel);

/* A node and the fraction of rows that have it. */
typedef struct CommonNode
{
	IomNode		node;
	double		fraction;
} CommonNode;

/*
 * What statistics tell of a column of nodes.
 */
typedef struct NodeColumn
{
	double		rows_with_node; /* fraction that is not null */
	double		other_fraction; /* ... and not one of the common nodes */
	double		nother;			/* nodes that those have, at least 1 */
	int			ncommon;
	CommonNode *common;			/* sorted */
	int			nbounds;
	IomNode    *bound;			/* of the others' histogram, sorted */
	double	   *bin_density;	/* [nbounds - 1] fraction of rows a node, from
								 * the bound before to the one behind */
} NodeColumn;

static inline int
compare_common(const CommonNode *a, const CommonNode *b)
{
	return node_set_compare(&a->node, &b->node);
}

#define ST_SORT sort_common
#define ST_ELEMENT_TYPE CommonNode
#define ST_COMPARE(a, b) compare_common(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/*----------
 * A column
 *----------
 */

/*
 * How many elements of a sorted array are at most the node; with a struct,
 * the node is its first member.
 */
static int
count_up_to(const void *array, int n, size_t size, IomNode node)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (*(const IomNode *) ((const char *) array + middle * size) <= node)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * The codes of the chart, sorted; of a large one, an even sample.  Kept for
 * the chart that was asked for last.
 */
#define CODE_SAMPLE	16384

static struct
{
	uint64		serial;
	int			n;
	IomNode		code[CODE_SAMPLE];
}		   *sorted_codes = NULL;

static void
sort_codes(const CachedChart *cached)
{
	const Chart *chart = cached->chart;
	int			n = (int) Min(chart->nnodes, CODE_SAMPLE);

	if (sorted_codes == NULL)
		sorted_codes = MemoryContextAllocZero(TopMemoryContext,
											  sizeof(*sorted_codes));
	if (sorted_codes->serial == cached->serial)
		return;
	for (int i = 0; i < n; i++)
		sorted_codes->code[i] = chart->code[(uint64) i * chart->nnodes / n];
	node_set_sort(sorted_codes->code, n);
	sorted_codes->n = n;
	sorted_codes->serial = cached->serial;
}

/*
 * The density of rows in each bin of the histogram.  Each bin has as many
 * rows; without a chart to tell, as many nodes too.
 */
static void
fill_bin_densities(NodeColumn *column, const CachedChart *cached)
{
	int			nbins = column->nbounds - 1;
	double		nodes_a_code = 1;

	column->bin_density = palloc(nbins * sizeof(double));
	if (cached)
	{
		sort_codes(cached);
		nodes_a_code = (double) cached->chart->nnodes /
			Max(sorted_codes->n, 1);
	}

	for (int i = 0; i < nbins; i++)
	{
		double		nodes = column->nother / nbins;

		if (cached)
		{
			/* the first bin has its lower bound, the others do not */
			IomNode		from = column->bound[i] - (i == 0 ? 1 : 0);
			IomNode		to = column->bound[i + 1];

			nodes = nodes_a_code *
				(count_up_to(sorted_codes->code, sorted_codes->n,
							 sizeof(IomNode), to) -
				 count_up_to(sorted_codes->code, sorted_codes->n,
							 sizeof(IomNode), from));
			nodes -= count_up_to(column->common, column->ncommon,
								 sizeof(CommonNode), to) -
				count_up_to(column->common, column->ncommon,
							sizeof(CommonNode), from);
		}
		column->bin_density[i] = column->other_fraction / nbins /
			Max(nodes, 1);
	}
}

static void
add_common(NodeColumn *column, Datum node, double fraction)
{
	column->common[column->ncommon].node = DatumGetIomNode(node);
	column->common[column->ncommon++].fraction = fraction;
}

/*
 * Read the statistics of a column.  Without any, all nodes of the hierarchy
 * count as equally frequent.
 */
static void
read_column(VariableStatData *vardata, Oid operator, double total,
			NodeColumn *column)
{
	const CachedChart *cached = NULL;
	Form_pg_statistic stats;
	AttStatsSlot common;
	AttStatsSlot bounds;
	int			ncommon = 0;
	int			nlisted = 0;
	bool		has_bounds;
	bool		is_default;
	double		ndistinct = get_variable_numdistinct(vardata, &is_default);

	memset(column, 0, sizeof(NodeColumn));
	column->rows_with_node = 1;
	column->other_fraction = 1;
	column->nother = is_default ? total : Max(ndistinct, total);
	/* (an operator of somebody's may ask about columns of any type) */
	if (!HeapTupleIsValid(vardata->statsTuple) ||
		getBaseType(vardata->atttype) != org_tables_node_type())
		return;

	stats = (Form_pg_statistic) GETSTRUCT(vardata->statsTuple);
	column->rows_with_node = 1 - stats->stanullfrac;
	column->other_fraction = column->rows_with_node;
	if (!statistic_proc_security_check(vardata, get_opcode(operator)))
		return;

	if (get_attstatsslot(&common, vardata->statsTuple, STATISTIC_KIND_MCV,
						 InvalidOid,
						 ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
	{
		ncommon = Min(common.nvalues, common.nnumbers);
		for (int i = 0; i < ncommon; i++)
			column->other_fraction -= common.numbers[i];
		column->other_fraction = Max(column->other_fraction, 0);
	}
	has_bounds = get_attstatsslot(&bounds, vardata->statsTuple,
								  STATISTIC_KIND_HISTOGRAM, InvalidOid,
								  ATTSTATSSLOT_VALUES);
	/* of few values, the bounds are all that are not common: they count as such */
	if (has_bounds && bounds.nvalues >= ndistinct - ncommon)
		nlisted = bounds.nvalues;

	column->common = palloc((ncommon + nlisted) * sizeof(CommonNode));
	for (int i = 0; i < ncommon; i++)
		add_common(column, common.values[i], common.numbers[i]);
	for (int i = 0; i < nlisted; i++)
		add_common(column, bounds.values[i], column->other_fraction / nlisted);
	sort_common(column->common, column->ncommon);
	if (nlisted > 0)
		column->other_fraction = 0;
	else if (has_bounds && bounds.nvalues > 1)
	{
		column->nbounds = bounds.nvalues;
		column->bound = palloc(column->nbounds * sizeof(IomNode));
		for (int i = 0; i < column->nbounds; i++)
			column->bound[i] = DatumGetIomNode(bounds.values[i]);
	}
	/* any node may be in the rest, if few are */
	column->nother = Max(Max(column->nother, total) - column->ncommon, 1);
	if (ncommon > 0)
		free_attstatsslot(&common);
	if (has_bounds)
		free_attstatsslot(&bounds);
	if (column->nbounds > 0)
	{
		cached = chart_cache_peek(as_of_day(true, 0), scope_all(), 0);
		fill_bin_densities(column, cached);
	}
}

/*
 * The fraction of rows that have the node; 0 if it is a common one and those
 * are counted elsewhere.
 */
static double
density(const NodeColumn *column, IomNode node, bool with_common)
{
	int			i = count_up_to(column->common, column->ncommon,
								sizeof(CommonNode), node) - 1;

	if (i >= 0 && column->common[i].node == node)
		return with_common ? column->common[i].fraction : 0;
	if (column->nbounds == 0)
		return column->other_fraction / column->nother;

	i = count_up_to(column->bound, column->nbounds, sizeof(IomNode), node);
	if (i == 0)
		return 0;
	if (i == column->nbounds)
		return node == column->bound[i - 1] ?
			column->bin_density[i - 2] : 0;

	/* bound[i - 1] <= node < bound[i]; a bound is in the bin before it */
	if (i > 1 && node == column->bound[i - 1])
		i--;
	return column->bin_density[i - 1];
}

/*----------
 * Restriction
 *----------
 */

static double
selectivity_by_statistics(VariableStatData *vardata, Oid operator,
						  const NodeSet *set)
{
	NodeColumn	column;
	double		selectivity = 0;
	double		others = 0;
	IomNode    *sample;
	uint32		nsample;

	read_column(vardata, operator, set->total, &column);
	if (!set->known)
		return column.rows_with_node * Min(set->count / set->total, 1);

	for (int i = 0; i < column.ncommon; i++)
	{
		if (node_set_has(set, column.common[i].node))
			selectivity += column.common[i].fraction;
	}
	sample = node_set_sample(set, &nsample);
	for (uint32 i = 0; i < nsample; i++)
		others += density(&column, sample[i], false);
	if (nsample > 0)
		others *= set->count / nsample;
	return selectivity + Min(others, column.other_fraction);
}

/*
 * What is found in an index tells of rows that the user may not be allowed to
 * count.  acl_ok says whether, but of a column without statistics it is always
 * true, and in a view it speaks of the view's owner.
 */
static bool
may_count_rows(PlannerInfo *root, const VariableStatData *vardata)
{
	Oid			relid;

	if (vardata->rel == NULL || vardata->rel->rtekind != RTE_RELATION ||
		!vardata->acl_ok ||
		(OidIsValid(vardata->rel->userid) &&
		 vardata->rel->userid != GetUserId()))
		return false;
	if (HeapTupleIsValid(vardata->statsTuple))
		return true;
	relid = planner_rt_fetch(vardata->rel->relid, root)->relid;
	return pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

static double
set_selectivity(PlannerInfo *root, VariableStatData *vardata, Oid operator,
				const NodeSet *set)
{
	double		selectivity;
	double		rows;

	if (set->known && may_count_rows(root, vardata) &&
		vardata->rel->tuples > 0 && IsA(vardata->var, Var) &&
		index_count_rows(root, vardata->rel, (Var *) vardata->var, set, &rows))
		selectivity = rows / vardata->rel->tuples;
	else
		selectivity = selectivity_by_statistics(vardata, operator, set);
	CLAMP_PROBABILITY(selectivity);
	return selectivity;
}

/*
 * The fraction of a relation's rows whose column has a node of the set.
 */
double
node_set_selectivity(PlannerInfo *root, Node *column_expression, int varRelid,
					 Oid operator, const NodeSet *set)
{
	VariableStatData vardata;
	double		selectivity;

	examine_variable(root, column_expression, varRelid, &vardata);
	selectivity = set_selectivity(root, &vardata, operator, set);
	ReleaseVariableStats(vardata);
	return selectivity;
}

/*
 * One side of the operator is a column, the other one is something else.
 */
static double
restriction_estimate(FunctionCallInfo fcinfo, bool lower_is_left)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			operator = PG_GETARG_OID(1);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	int			varRelid = PG_GETARG_INT32(3);
	VariableStatData vardata;
	NodeSet		set;
	Node	   *other;
	bool		column_is_left;
	double		selectivity;

	if (!get_restriction_variable(root, args, varRelid, &vardata, &other,
								  &column_is_left))
	{
		/* such as a column beside another one of the same table */
		set = node_set_for_planner(SUBTREE_OF, ALL_LEVELS, as_of_day(true, 0), NULL);
		return Min(set.count / set.total, 1);
	}
	set = node_set_for_planner(column_is_left == lower_is_left ?
							   SUBTREE_OF : CHAIN_OF, ALL_LEVELS,
							   as_of_day(true, 0), other);
	selectivity = set_selectivity(root, &vardata, operator, &set);
	ReleaseVariableStats(vardata);
	return selectivity;
}

/* of <@ */
Datum
iom_withinsel(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(restriction_estimate(fcinfo, true));
}

/* of @> */
Datum
iom_containssel(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(restriction_estimate(fcinfo, false));
}

/*----------
 * Join
 *----------
 */

/* Nodes that are looked at above one node; chains longer than that count as
 * if they went on alike. */
#define CLIMB	64

/*
 * The fraction of the upper side's rows that have the node or one above it.
 */
static double
chain_density(const NodeColumn *upper, const Chart *chart, uint32 rank)
{
	double		sum = 0;
	uint32		n = 0;

	for (uint32 at = rank; at != CHART_NONE && n < CLIMB;
		 at = chart->place[at].parent, n++)
		sum += density(upper, chart->code[at], true);
	return Min(sum * chart->place[rank].level / n, upper->rows_with_node);
}

/*
 * The fraction of pairs of rows that match; or, if upper_rows is not 0, of the
 * lower side's rows that match at least one of so many upper rows.
 */
static double
pairs_fraction(const NodeColumn *lower, const NodeColumn *upper,
			   const Chart *chart, double upper_rows)
{
	double		fraction = 0;
	double		weight = 0;
	double		others = 0;
	uint32		n = Min(chart->nnodes, NODE_SET_SAMPLE);

	for (int i = 0; i < lower->ncommon; i++)
	{
		uint32		rank = chart_find(chart, lower->common[i].node);
		double		match;

		if (rank == CHART_NONE)
			continue;
		match = chain_density(upper, chart, rank);
		if (upper_rows > 0)
			match = Min(match * upper_rows, 1);
		fraction += lower->common[i].fraction * match;
	}
	for (uint32 i = 0; i < n; i++)
	{
		uint32		rank = (uint32) ((uint64) i * chart->nnodes / n);
		double		rows = density(lower, chart->code[rank], false);
		double		match;

		if (rows == 0)
			continue;
		match = chain_density(upper, chart, rank);
		if (upper_rows > 0)
			match = Min(match * upper_rows, 1);
		weight += rows;
		others += rows * match;
	}
	if (weight > 0)
		fraction += lower->other_fraction * others / weight;
	return fraction;
}

/* Rows of the side of a semijoin that is only looked into. */
static double
inner_rows(PlannerInfo *root, SpecialJoinInfo *sjinfo)
{
	int			relid;
	RelOptInfo *rel;

	if (bms_get_singleton_member(sjinfo->min_righthand, &relid))
		rel = find_base_rel(root, relid);
	else
		rel = find_join_rel(root, sjinfo->min_righthand);
	return rel ? Max(rel->rows, 1) : 1000;
}

static double
join_estimate(FunctionCallInfo fcinfo, bool lower_is_left)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			operator = PG_GETARG_OID(1);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	SpecialJoinInfo *sjinfo = (SpecialJoinInfo *) PG_GETARG_POINTER(4);
	bool		semi = sjinfo->jointype == JOIN_SEMI ||
		sjinfo->jointype == JOIN_ANTI;
	VariableStatData left;
	VariableStatData right;
	bool		reversed;
	NodeColumn	lower;
	NodeColumn	upper;
	NodeSet		average = node_set_for_planner(SUBTREE_OF, ALL_LEVELS, as_of_day(true, 0),
											   NULL);
	double		selectivity;
	double		rows = semi ? inner_rows(root, sjinfo) : 0;
	bool		lower_is_outer;

	get_join_variables(root, args, sjinfo, &left, &right, &reversed);
	read_column(lower_is_left ? &left : &right, operator, average.total,
				&lower);
	read_column(lower_is_left ? &right : &left, operator, average.total,
				&upper);

	lower_is_outer = lower_is_left != reversed;
	if (average.chart && average.chart->nnodes > 0)
		selectivity = pairs_fraction(&lower, &upper, average.chart,
									 lower_is_outer ? rows : 0);
	else
	{
		selectivity = lower.rows_with_node * upper.rows_with_node *
			Min(average.count / average.total, 1);
		if (lower_is_outer && semi)
			selectivity *= rows;
	}
	if (semi && !lower_is_outer)
		selectivity *= rows;
	CLAMP_PROBABILITY(selectivity);

	ReleaseVariableStats(left);
	ReleaseVariableStats(right);
	return selectivity;
}

/* of <@ */
Datum
iom_withinjoinsel(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(join_estimate(fcinfo, true));
}

/* of @> */
Datum
iom_containsjoinsel(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(join_estimate(fcinfo, false));
}
