/*-------------------------------------------------------------------------
 *
 * set_rows.c
 *	  What the planner may know of the rows of set functions: how many, and
 *	  which nodes.
 *
 * Support functions tell how many.  That does not tell whose staff "FROM
 * iom_reports('DG') r JOIN staff s ON s.unit <@ r" counts: the planner would
 * take the reports of the head for nodes like any others.  So a call whose
 * arguments it knows has statistics like a column that was analyzed: its nodes
 * are a list of most common values, which =, <@ and whatever else joins it
 * compare with those of the other side.  There are no more of them than of a
 * column (default_statistics_target), and not very many, since each of one side is
 * compared with each of the other; of a larger set the average is right.
 *
 * They are given by the server's hook for statistics, which is there from when
 * the library was loaded: a support function is called before anybody asks
 * for statistics of its call.
 *
 * Nothing here raises an error that depends on the user's privileges or on
 * the hierarchy, and no chart is made that is not worth its cost (see
 * node_set.c).  Memory is the planner's.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "chart_cache.h"
#include "iomorg.h"
#include "node_set.h"
#include "org_tables.h"
#include "set_rows.h"

PG_FUNCTION_INFO_V1(iom_subtree_support);
PG_FUNCTION_INFO_V1(iom_reports_support);
PG_FUNCTION_INFO_V1(iom_supervisors_support);
PG_FUNCTION_INFO_V1(iom_peers_support);
PG_FUNCTION_INFO_V1(iom_roots_support);

/* A call whose last argument, the day, is known. */
typedef struct SetCall
{
	List	   *args;
	int64		day;
} SetCall;

/* What it returns.  The nodes are listed if that is wanted and there is room for
 * all of them. */
typedef struct SetRows
{
	double		count;
	int			room;
	int			nlisted;
	IomNode    *listed;			/* NULL: not wanted */
} SetRows;

/* Find that out; false if nothing is known. */
typedef bool (*FindRows) (const SetCall *call, SetRows *rows);

/* No more nodes are listed, whatever the statistics target. */
#define MOST_LISTED	100

static get_relation_stats_hook_type next_stats_hook = NULL;

/* Argument number n if it is there and constant, or NULL. */
static Const *
constant_argument(const SetCall *call, int n)
{
	Node	   *argument = n >= 0 && n < list_length(call->args) ?
		list_nth(call->args, n) : NULL;

	return argument && IsA(argument, Const) ? (Const *) argument : NULL;
}

/*
 * Read a call of one of our functions, with what arguments can be reduced to
 * constants and (in a subquery that is still as it was parsed) those that it
 * leaves out.  False if it is not known what day it asks for.
 */
static bool
read_call(PlannerInfo *root, FuncExpr *function, SetCall *call)
{
	Const	   *as_of;

	if (root == NULL || !ActiveSnapshotSet())
		return false;
	function = castNode(FuncExpr, estimate_expression_value(root,
															(Node *) function));
	call->args = function->args;
	as_of = constant_argument(call, list_length(call->args) - 1);
	if (as_of == NULL)
		return false;
	call->day = as_of_day(as_of->constisnull, as_of->constisnull ? 0 :
						  DatumGetDateADT(as_of->constvalue));
	return true;
}

static bool
has_room(const SetRows *rows)
{
	return rows->listed != NULL && rows->count <= rows->room;
}

static void
list_node(SetRows *rows, IomNode node)
{
	rows->listed[rows->nlisted++] = node;
}

/* ... the reports of a rank, but one (which may be CHART_NONE) */
static void
list_reports(SetRows *rows, const Chart *chart, uint32 rank, uint32 but)
{
	for (uint32 at = chart_first_report(chart, rank); at != CHART_NONE;
		 at = chart_next_report(chart, rank, at))
	{
		if (at != but)
			list_node(rows, chart->code[at]);
	}
}

/* iom_subtree, iom_chart_subtree (node, max_depth, as_of) */
static bool
subtree_rows(const SetCall *call, SetRows *rows)
{
	Const	   *max_depth = constant_argument(call, 1);
	uint32		depth = ALL_LEVELS;
	NodeSet		set;
	uint32		last_level;

	if (max_depth != NULL && !max_depth->constisnull)
	{
		if (DatumGetInt32(max_depth->constvalue) < 0)
		{
			rows->count = 0;
			return true;
		}
		depth = (uint32) DatumGetInt32(max_depth->constvalue);
	}
	set = node_set_for_planner(SUBTREE_LIST, depth, call->day,
							   (Node *) constant_argument(call, 0));
	rows->count = set.count;
	if (!set.known || set.top == CHART_NONE)
		return true;

	last_level = depth == ALL_LEVELS ? set.chart->nlevels :
		set.chart->place[set.top].level + depth;
	rows->count = chart_count_to_level(set.chart, set.top, last_level);
	if (has_room(rows))
	{
		uint32		end = set.top + set.chart->place[set.top].size;
		uint32		rank = set.top;

		while (rank < end)
		{
			const ChartPlace *place = &set.chart->place[rank];

			list_node(rows, set.chart->code[rank]);
			rank += place->level < last_level ? 1 : place->size;
		}
	}
	return true;
}

/* iom_supervisors, iom_chart_supervisors (node, as_of) */
static bool
supervisors_rows(const SetCall *call, SetRows *rows)
{
	NodeSet		set = node_set_for_planner(CHAIN_OF, ALL_LEVELS, call->day,
										   (Node *) constant_argument(call, 0));

	rows->count = Max(set.count - 1, 0);
	if (set.known && set.top != CHART_NONE && has_room(rows))
	{
		for (uint32 rank = set.chart->place[set.top].parent;
			 rank != CHART_NONE; rank = set.chart->place[rank].parent)
			list_node(rows, set.chart->code[rank]);
	}
	return true;
}

/*
 * The chart for a question on the node in argument 0, and its rank.  False if
 * there is none.
 */
static bool
charted_argument(const SetCall *call, ScopeKind kind, const Chart **chart,
				 uint32 *rank)
{
	Const	   *argument = constant_argument(call, 0);
	const CachedChart *cached;
	IomNode		node;

	if (argument == NULL)
		return false;
	node = argument->constisnull ? IOM_NODE_NONE :
		DatumGetIomNode(argument->constvalue);
	cached = chart_cache_peek(call->day, chart_scope(kind, 1, node, IOM_NODE_NONE),
							  NODE_SET_PROBES);
	if (cached == NULL)
		return false;
	*chart = cached->chart;
	*rank = chart_find(*chart, node);
	return true;
}

/* iom_reports (node, relation, as_of), iom_chart_reports (node, as_of) */
static bool
reports_rows(const SetCall *call, SetRows *rows)
{
	const Chart *chart;
	uint32		rank;
	Const	   *node;

	if (list_length(call->args) == 3)
	{
		Const	   *relation = constant_argument(call, 1);

		if (relation == NULL || !relation->constisnull)
			return false;
	}
	if (charted_argument(call, SCOPE_BELOW, &chart, &rank))
	{
		rows->count = rank == CHART_NONE ? 0 : chart_span(chart, rank);
		if (rank != CHART_NONE && has_room(rows))
			list_reports(rows, chart, rank, CHART_NONE);
		return true;
	}

	node = constant_argument(call, 0);
	if (node == NULL || node->constisnull)
		return false;
	rows->count = chart_cache_guess_size(call->day,
										 chart_scope(SCOPE_BELOW, 1,
													 DatumGetIomNode(node->constvalue),
													 IOM_NODE_NONE)) - 1;
	return rows->count >= 0;
}

/* iom_peers, iom_chart_peers (node, as_of) */
static bool
peers_rows(const SetCall *call, SetRows *rows)
{
	const Chart *chart;
	uint32		rank;

	if (!charted_argument(call, SCOPE_BESIDE, &chart, &rank))
		return false;
	rows->count = 0;
	if (rank != CHART_NONE && chart->place[rank].parent != CHART_NONE)
	{
		uint32		parent = chart->place[rank].parent;

		rows->count = chart_span(chart, parent) - 1;
		if (has_room(rows))
			list_reports(rows, chart, parent, rank);
	}
	return true;
}

/* iom_roots, iom_chart_roots (as_of) */
static bool
roots_rows(const SetCall *call, SetRows *rows)
{
	const CachedChart *cached = chart_cache_peek(call->day, scope_all(), 0);
	const Chart *chart;

	if (cached == NULL)
		return false;
	chart = cached->chart;
	rows->count = chart->nroots;
	if (has_room(rows))
	{
		for (uint32 rank = chart_first_root(chart); rank != CHART_NONE;
			 rank = chart_next_root(chart, rank))
			list_node(rows, chart->code[rank]);
	}
	return true;
}

/*----------
 * How many
 *----------
 */

static Datum
rows_support(FunctionCallInfo fcinfo, FindRows find)
{
	Node	   *raw = (Node *) PG_GETARG_POINTER(0);
	SupportRequestRows *request = (SupportRequestRows *) raw;
	SetCall		call;
	SetRows		rows = {0};

	if (!IsA(raw, SupportRequestRows) || request->node == NULL ||
		!IsA(request->node, FuncExpr) ||
		!read_call(request->root, (FuncExpr *) request->node, &call) ||
		!find(&call, &rows))
		PG_RETURN_POINTER(NULL);
	request->rows = rows.count;
	PG_RETURN_POINTER(request);
}

Datum
iom_subtree_support(PG_FUNCTION_ARGS)
{
	return rows_support(fcinfo, subtree_rows);
}

Datum
iom_supervisors_support(PG_FUNCTION_ARGS)
{
	return rows_support(fcinfo, supervisors_rows);
}

Datum
iom_reports_support(PG_FUNCTION_ARGS)
{
	return rows_support(fcinfo, reports_rows);
}

Datum
iom_peers_support(PG_FUNCTION_ARGS)
{
	return rows_support(fcinfo, peers_rows);
}

Datum
iom_roots_support(PG_FUNCTION_ARGS)
{
	return rows_support(fcinfo, roots_rows);
}

/*----------
 * Which
 *----------
 */

static const struct
{
	PGFunction	support;
	FindRows	find;
}			set_functions[] = {
	{iom_subtree_support, subtree_rows},
	{iom_supervisors_support, supervisors_rows},
	{iom_reports_support, reports_rows},
	{iom_peers_support, peers_rows},
	{iom_roots_support, roots_rows},
};

/*
 * How to find the rows of a function, if it is one of ours; or NULL.  Somebody's own
 * may have our support function, for want of a better guess of how many rows there
 * are, but returns other nodes, or none.
 */
static FindRows
find_rows_of(const FuncExpr *function)
{
	Oid			support = get_func_support(function->funcid);
	FmgrInfo	info;
	int			i = 0;

	if (!OidIsValid(support))
		return NULL;
	fmgr_info(support, &info);
	while (info.fn_addr != set_functions[i].support)
	{
		if (++i == (int) lengthof(set_functions))
			return NULL;
	}
	return function->funcresulttype == org_tables_node_type() &&
		getExtensionOfObject(ProcedureRelationId, function->funcid) ==
		getExtensionOfObject(ProcedureRelationId, support) ?
		set_functions[i].find : NULL;
}

/*
 * The call that all rows of a column come from, as they are: a function in FROM, or
 * a subquery that does nothing but call it, which is what becomes of our SQL
 * functions.  NULL if there is none.
 */
static FuncExpr *
call_of_column(const RangeTblEntry *rte, AttrNumber attnum)
{
	Node	   *expression;

	if (attnum != 1)
		return NULL;
	if (rte->rtekind == RTE_FUNCTION && list_length(rte->functions) == 1 &&
		!rte->funcordinality)
		expression = linitial_node(RangeTblFunction, rte->functions)->funcexpr;
	else if (rte->rtekind == RTE_SUBQUERY && !rte->inh)
	{
		const Query *query = rte->subquery;

		if (list_length(query->targetList) != 1 ||
			query->jointree->fromlist != NIL ||
			query->jointree->quals != NULL || query->hasAggs ||
			query->groupClause != NIL || query->groupingSets != NIL ||
			query->havingQual != NULL || query->setOperations != NULL ||
			query->limitCount != NULL || query->limitOffset != NULL)
			return NULL;
		expression = (Node *) linitial_node(TargetEntry, query->targetList)->expr;
	}
	else
		return NULL;
	return IsA(expression, FuncExpr) && ((FuncExpr *) expression)->funcretset ?
		(FuncExpr *) expression : NULL;
}

/*
 * Statistics as ANALYZE would have made them of a column with these nodes, each
 * once.
 */
static HeapTuple
make_statistics(const SetRows *rows, Oid type)
{
	Relation	statistics = table_open(StatisticRelationId, AccessShareLock);
	Datum		values[Natts_pg_statistic] = {0};
	bool		nulls[Natts_pg_statistic] = {false};
	Datum	   *node = palloc_array(Datum, rows->nlisted);
	Datum	   *fraction = palloc_array(Datum, rows->nlisted);
	HeapTuple	tuple;

	for (int i = 0; i < rows->nlisted; i++)
	{
		node[i] = IomNodeGetDatum(rows->listed[i]);
		fraction[i] = Float4GetDatum(1.0f / rows->nlisted);
	}
	/* (what is not set is 0: no relation and column, no nulls, no other kinds) */
	values[Anum_pg_statistic_stawidth - 1] = Int32GetDatum(sizeof(IomNode));
	values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum(rows->nlisted);
	values[Anum_pg_statistic_stakind1 - 1] = Int16GetDatum(STATISTIC_KIND_MCV);
	values[Anum_pg_statistic_staop1 - 1] =
		ObjectIdGetDatum(lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr);
	values[Anum_pg_statistic_stanumbers1 - 1] =
		PointerGetDatum(construct_array(fraction, rows->nlisted, FLOAT4OID,
										sizeof(float4), true, TYPALIGN_INT));
	values[Anum_pg_statistic_stavalues1 - 1] =
		PointerGetDatum(construct_array(node, rows->nlisted, type,
										sizeof(IomNode), true, TYPALIGN_DOUBLE));
	for (int i = 1; i < STATISTIC_NUM_SLOTS; i++)
	{
		nulls[Anum_pg_statistic_stanumbers1 - 1 + i] = true;
		nulls[Anum_pg_statistic_stavalues1 - 1 + i] = true;
	}
	tuple = heap_form_tuple(RelationGetDescr(statistics), values, nulls);
	table_close(statistics, AccessShareLock);
	return tuple;
}

/*
 * What was found of the calls in the query that is being planned: a column is
 * looked at for each join, and arguments may take long to evaluate.
 */
typedef struct KnownCall
{
	const FuncExpr *function;	/* in the parse tree */
	HeapTuple	statistics;		/* NULL: nothing is known */
} KnownCall;

static PlannerGlobal *planned = NULL;	/* the query */
static List *known_calls = NIL; /* in its planner's memory, as it is */

static void
forget_calls(void *glob)
{
	if (planned == glob)
	{
		planned = NULL;
		known_calls = NIL;
	}
}

static HeapTuple
find_statistics(PlannerInfo *root, FuncExpr *function)
{
	FindRows	find = find_rows_of(function);
	SetRows		rows = {.room = Min(default_statistics_target, MOST_LISTED)};
	SetCall		call;

	if (find == NULL || !read_call(root, function, &call))
		return NULL;
	rows.listed = palloc_array(IomNode, rows.room);
	return find(&call, &rows) && rows.nlisted > 0 ?
		make_statistics(&rows, function->funcresulttype) : NULL;
}

/* ... or remember it */
static HeapTuple
statistics_of(PlannerInfo *root, FuncExpr *function)
{
	MemoryContext caller;
	KnownCall  *known;
	ListCell   *cell;

	if (planned == root->glob)
	{
		foreach(cell, known_calls)
		{
			known = lfirst(cell);
			if (known->function == function)
				return known->statistics;
		}
	}

	caller = MemoryContextSwitchTo(root->planner_cxt);
	known = palloc(sizeof(KnownCall));
	known->function = function;
	/* (an argument may be a function that plans queries of its own) */
	known->statistics = find_statistics(root, function);
	if (planned != root->glob)
	{
		MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

		callback->func = forget_calls;
		callback->arg = root->glob;
		MemoryContextRegisterResetCallback(root->planner_cxt, callback);
		planned = root->glob;
		known_calls = NIL;
	}
	known_calls = lappend(known_calls, known);
	MemoryContextSwitchTo(caller);
	return known->statistics;
}

/* They stay until the planner's memory goes. */
static void
keep_statistics(HeapTuple statistics)
{
	(void) statistics;
}

/*
 * The hook: statistics of a column of a query's tables and subqueries.  Only
 * leakproof functions get to see them (acl_ok is false), as =, <@ and @> are.
 */
static bool
set_statistics(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum,
			   VariableStatData *vardata)
{
	FuncExpr   *function = call_of_column(rte, attnum);

	/* (what a subquery's LIMIT leaves are the first ones, which are no sample) */
	if (function && (root->parent_root == NULL ||
					 (root->parse->limitCount == NULL &&
					  root->parse->limitOffset == NULL)))
	{
		vardata->statsTuple = statistics_of(root, function);
		vardata->freefunc = keep_statistics;
		if (HeapTupleIsValid(vardata->statsTuple))
			return true;
	}
	return next_stats_hook && next_stats_hook(root, rte, attnum, vardata);
}

void
set_rows_initialize(void)
{
	next_stats_hook = get_relation_stats_hook;
	get_relation_stats_hook = set_statistics;
}
