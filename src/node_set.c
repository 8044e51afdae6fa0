/*-------------------------------------------------------------------------
 *
 * node_set.c
 *	  What the planner may know of a set of nodes: a subtree, or a node and
 *	  the chain of command above it.
 *
 * Planning must stay cheap, whatever the organisation's size: no chart is
 * compiled for it that is not worth its cost anyway, and of a large set a
 * sample of NODE_SET_SAMPLE nodes tells of the rest.  What
 * is not known yet (a parameter, a column of another table, a user who may
 * not see the hierarchy) is estimated as an average node's.
 *
 * Nothing here raises an error that depends on the user's privileges or on
 * the node, unless rows are there that constraints keep out (a null); what is
 * estimated decides about speed only, never about answers.
 *
 * Sets, and the pins of their charts, live in the planner's memory; they are good
 * while the query is being planned.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "chart_cache.h"
#include "iomorg.h"
#include "node_set.h"
#include "org_tables.h"
#include "org_rows.h"

#define ST_SORT sort_nodes
#define ST_ELEMENT_TYPE IomNode
#define ST_COMPARE(a, b) node_set_compare(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* The levels of a node that nobody has seen; most organisations have six to
 * nine levels. */
#define GUESSED_LEVEL	6

/* How many nodes there are, without a chart: rows of iom_unit, roughly. */
static double
guess_total(void)
{
	Relation	unit;
	Relation	line;
	double		rows;

	org_tables_open(&unit, &line);
	rows = (double) org_expected_rows(unit);
	table_close(line, AccessShareLock);
	table_close(unit, AccessShareLock);
	return Max(rows, 1);
}

/*
 * The mean level, which is also the mean size of a subtree: each node lies in
 * as many subtrees as its level tells.
 */
static double
mean_level(const Chart *chart)
{
	uint32		step = Max(chart->nnodes / NODE_SET_SAMPLE, 1);
	double		sum = 0;
	uint32		n = 0;

	for (uint32 rank = 0; rank < chart->nnodes; rank += step, n++)
		sum += chart->place[rank].level;
	return n > 0 ? sum / n : 1;
}

/*
 * What may be known of the set on a day, so many levels of it.  The expression has
 * been reduced to a constant where that can be (estimate_expression_value), and is
 * of type iom_node; NULL stands for one that is not known.
 */
NodeSet
node_set_for_planner(NodeSetKind kind, uint32 depth, int64 day,
					 Node *node_expression)
{
	NodeSet		set;
	const CachedChart *whole = chart_cache_peek(day, scope_all(),
												node_expression ? 0 :
												NODE_SET_PROBES);
	const CachedChart *cached = whole;
	Const	   *constant = NULL;
	ScopeKind	scope_kind = kind == CHAIN_OF ? SCOPE_ABOVE :
		kind == SUBTREE_OF ? SCOPE_WITHIN : SCOPE_BELOW;
	ChartScope	scope;

	/* (an operator of somebody's may ask about anything) */
	if (node_expression && IsA(node_expression, Const) &&
		getBaseType(exprType(node_expression)) == org_tables_node_type())
		constant = (Const *) node_expression;

	memset(&set, 0, sizeof(set));
	set.kind = kind == SUBTREE_LIST ? SUBTREE_OF : kind;
	set.top = CHART_NONE;
	set.total = whole ? Max(whole->chart->nnodes, 1) : guess_total();

	if (constant && constant->constisnull)
	{
		set.known = true;		/* no node is within it */
		return set;
	}
	scope = chart_scope(scope_kind, depth, constant ?
						DatumGetIomNode(constant->constvalue) : IOM_NODE_NONE,
						IOM_NODE_NONE);
	if (constant && whole == NULL)
		cached = chart_cache_peek(day, scope, NODE_SET_PROBES);

	if (cached)
		set.chart = chart_cache_pin(cached, CurrentMemoryContext)->chart;
	if (cached == NULL || constant == NULL)
	{
		set.count = whole ? mean_level(whole->chart) : GUESSED_LEVEL;
		if (constant && set.kind == SUBTREE_OF)
			set.count = Max(set.count, chart_cache_guess_size(day, scope));
		set.count = Min(set.count, set.total);
	}
	else
	{
		set.known = true;
		set.top = chart_find(set.chart, scope.node);
		if (set.top == CHART_NONE)
			set.count = 0;
		else
			set.count = set.kind == SUBTREE_OF ?
				set.chart->place[set.top].size :
				set.chart->place[set.top].level;
	}
	return set;
}

/*
 * Nodes of the set (which is known), all if they are not more than NODE_SET_SAMPLE,
 * or so many evenly over their ranks.  NULL if there are none.
 */
IomNode *
node_set_sample(const NodeSet *set, uint32 *n)
{
	const Chart *chart = set->chart;
	uint32		count = (uint32) set->count;
	uint32		rank = set->top;
	IomNode    *sample;

	*n = Min(count, NODE_SET_SAMPLE);
	if (*n == 0)
		return NULL;
	sample = palloc_array(IomNode, *n);
	for (uint32 i = 0; i < *n; i++)
	{
		sample[i] = chart->code[rank];
		if (i + 1 < *n)
		{
			uint32		place = (uint32) ((uint64) (i + 1) * count / *n);

			rank = set->kind == SUBTREE_OF ? set->top + place :
				chart_ancestor(chart, set->top, count - place);
		}
	}
	return sample;
}

/*
 * Is the node in the set (which is known)?
 */
bool
node_set_has(const NodeSet *set, IomNode node)
{
	uint32		rank;

	if (set->chart == NULL)
		return false;
	rank = chart_find(set->chart, node);
	return set->kind == SUBTREE_OF ?
		chart_within(set->chart, rank, set->top) :
		chart_within(set->chart, set->top, rank);
}

/*
 * Sort codes as the type does.
 */
void
node_set_sort(IomNode *node, size_t n)
{
	sort_nodes(node, n);
}
