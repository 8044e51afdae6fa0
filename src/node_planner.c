/*-------------------------------------------------------------------------
 *
 * node_planner.c
 *	  What the planner is told: how an index serves <@ and @>, and what the
 *	  index condition costs.
 *
 * "unit <@ X" becomes an index condition on any btree that has unit, unless another
 * condition says which node unit is (before PostgreSQL 17: one that begins with it,
 * and only one of several conditions; see iomorg_compat.h):
 *
 *		unit = ANY (iom_subtree_codes(X))		unit is X or below it
 *		unit = ANY (iom_chain_codes(X))			unit is X or above it
 *
 * The right side is computed each time the scan starts, so X may be anything
 * that does not come from the scanned table, and a plan that is kept follows
 * the hierarchy.
 *
 * The planner would take an array that it does not know for ten elements, and
 * compare them with an average one.  So what is known of the set rides along:
 *
 *	 - the operator is not =(iom_node, iom_node) but a twin of it in the same
 *	   operator family, whose right type, iom_member, is a domain for this use
 *	   alone, and which has an estimator of its own: iom_member_sel;
 *	 - that one finds the selectivity in the indexed column or expression, in the
 *	   field that tells its place in the query's text, which nobody asks for
 *	   after parsing, nor equal();
 *	 - the functions that make the arrays are marked volatile, so that nobody
 *	   computes them in order to estimate, and tell what they cost, with the
 *	   index descents that the planner does not count.
 *
 * Objects are found in the schema of the function that asks: no name is
 * looked up by search_path.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "chart_cache.h"
#include "iomorg.h"
#include "node_selfuncs.h"

PG_FUNCTION_INFO_V1(iom_within_support);
PG_FUNCTION_INFO_V1(iom_contains_support);
PG_FUNCTION_INFO_V1(iom_member_sel);
PG_FUNCTION_INFO_V1(iom_subtree_codes);
PG_FUNCTION_INFO_V1(iom_chain_codes);
PG_FUNCTION_INFO_V1(iom_subtree_codes_support);
PG_FUNCTION_INFO_V1(iom_chain_codes_support);

/* What scalararraysel() and estimate_array_length() take an array for whose
 * elements they do not know. */
#define ASSUMED_ELEMENTS	10

/* Of conditions on one column, so many compete for an index at most. */
#define MANY_CONDITIONS	16

/* So many pairs of elements are tried in a millisecond or two. */
#define MANY_PAIRS			10000

/*----------
 * The index condition
 *----------
 */

/*
 * Floats from 2^-32 to 1 have bits, as an integer, that are no place in any
 * query's text.
 */
#define LEAST_SELECTIVITY	ldexp(1, -32)

typedef union PlaceOrSelectivity
{
	int			place;
	float		selectivity;
} PlaceOrSelectivity;

/* Where a column or expression tells its place; NULL if it does not. */
static int *
place_of(Node *column)
{
	switch (nodeTag(column))
	{
		case T_Var:
			return &((Var *) column)->location;
		case T_FuncExpr:
			return &((FuncExpr *) column)->location;
		case T_CoerceViaIO:
			return &((CoerceViaIO *) column)->location;
		case T_CoalesceExpr:
			return &((CoalesceExpr *) column)->location;
		default:
			return NULL;
	}
}

/* A copy of a column that carries the selectivity of its condition. */
static Node *
column_with_selectivity(Node *column, double selectivity)
{
	PlaceOrSelectivity carried;
	int		   *place;

	while (IsA(column, RelabelType))
		column = (Node *) ((RelabelType *) column)->arg;
	column = copyObject(column);
	place = place_of(column);
	carried.selectivity = (float) Max(selectivity, LEAST_SELECTIVITY);
	if (place != NULL)			/* others take the default */
		*place = carried.place;
	return column;
}

/* What it carries. */
static double
carried_selectivity(Node *column)
{
	PlaceOrSelectivity carried;
	const int  *place = place_of(column);

	if (place == NULL)
		return DEFAULT_EQ_SEL;
	carried.place = *place;
	if (carried.selectivity >= LEAST_SELECTIVITY && carried.selectivity <= 1)
		return carried.selectivity;
	return DEFAULT_EQ_SEL;
}

/* A function of one node in the given schema. */
static Oid
find_function(const char *name, Oid schema, Oid node_type)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(name),
						   PointerGetDatum(buildoidvector(&node_type, 1)),
						   ObjectIdGetDatum(schema));
}

/*
 * The function that a clause calls, as an operator (if "operator" is then valid) or
 * by its name, with two arguments; InvalidOid if it is none.
 */
static Oid
called_function(Node *clause, Oid *operator, List **args)
{
	Oid			function = InvalidOid;

	*operator = InvalidOid;
	if (is_opclause(clause))
	{
		*operator = ((OpExpr *) clause)->opno;
		function = ((OpExpr *) clause)->opfuncid;
		*args = ((OpExpr *) clause)->args;
	}
	else if (is_funcclause(clause))
	{
		function = ((FuncExpr *) clause)->funcid;
		*args = ((FuncExpr *) clause)->args;
	}
	return OidIsValid(function) && list_length(*args) == 2 ? function :
		InvalidOid;
}

/* One descent into the index costs more than a test of each row. */
static bool
are_too_many(SupportRequestIndexCondition *request, double nodes)
{
	return nodes > Max(request->index->rel->tuples, 1000);
}

/*
 * Does a condition compare the column, which is then argument *at, with what the
 * index can look for?
 */
static bool
compares_column(SupportRequestIndexCondition *request, RestrictInfo *restriction,
				List *args, Node *column, int *at)
{
	*at = equal(linitial(args), column) ? 0 : 1;
	return equal(list_nth(args, *at), column) &&
		restriction_is_securely_promotable(restriction, request->index->rel) &&
		is_pseudo_constant_for_index(request->root, list_nth(args, 1 - *at),
									 request->index);
}

/* Would it take long to try each pair of a set's nodes and a list's elements? */
static bool
makes_many_pairs(const NodeSet *set, Node *list)
{
	ArrayType  *array;

	if (set->known && set->count <= 1)
		return false;
	if (!IsA(list, Const) || ((Const *) list)->constisnull)
		return true;			/* who knows */
	array = DatumGetArrayTypeP(((Const *) list)->constvalue);
	return set->count * ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) >
		MANY_PAIRS;
}

/*
 * Does a condition of the table's tell which node the column has?  Then all the nodes
 * of a subtree need not be found for it.  Nor where it lists nodes, if each pair
 * with one of these would be tried and they are many.
 */
static bool
equality_serves(SupportRequestIndexCondition *request, Node *column,
				const NodeSet *set)
{
	ListCell   *cell;

	foreach(cell, request->index->indrestrictinfo)
	{
		RestrictInfo *restriction = lfirst_node(RestrictInfo, cell);
		Node	   *clause = (Node *) restriction->clause;
		Oid			operator;
		List	   *args;
		int			at;

		if (is_opclause(clause))
		{
			operator = ((OpExpr *) clause)->opno;
			args = ((OpExpr *) clause)->args;
		}
		else if (IOM_ONE_SCAN_PER_ELEMENT && IsA(clause, ScalarArrayOpExpr) &&
				 ((ScalarArrayOpExpr *) clause)->useOr)
		{
			operator = ((ScalarArrayOpExpr *) clause)->opno;
			args = ((ScalarArrayOpExpr *) clause)->args;
		}
		else
			continue;
		if (get_op_opfamily_strategy(operator, request->opfamily) ==
			BTEqualStrategyNumber &&
			compares_column(request, restriction, args, column, &at) &&
			(is_opclause(clause) || makes_many_pairs(set, lsecond(args))))
			return true;
	}
	return false;
}

/*
 * Does a condition of the table's on the same column make a smaller set, or an
 * equal one and comes first?  (One of the two is enough where each pair of
 * elements would be tried.)  Of very many only the first compete.  Where another
 * table is asked about in each of its rows, any serves with which the pairs may be
 * many: it is added to what looks for these.
 */
static bool
another_serves(SupportRequestIndexCondition *request, Node *column,
			   const NodeSet *set)
{
	Oid			schema = get_func_namespace(request->funcid);
	bool		joins = bms_membership(pull_varnos(request->root,
												   request->node)) == BMS_MULTIPLE;
	bool		before = true;
	int			nothers = 0;
	ListCell   *cell;

	foreach(cell, request->index->indrestrictinfo)
	{
		RestrictInfo *restriction = lfirst_node(RestrictInfo, cell);
		Node	   *clause = (Node *) restriction->clause;
		Oid			operator;
		List	   *args;
		Oid			called = called_function(clause, &operator, &args);
		int			lower;
		int			at;
		Node	   *node;
		NodeSet		other;

		if (clause == request->node)
		{
			before = false;
			continue;
		}
		if (!OidIsValid(called) || get_func_namespace(called) != schema)
			continue;
		if (strcmp(get_func_name(called), "iom_node_within") == 0)
			lower = 0;
		else if (strcmp(get_func_name(called), "iom_node_contains") == 0)
			lower = 1;
		else
			continue;
		if (!compares_column(request, restriction, args, column, &at))
			continue;
		node = list_nth(args, 1 - at);
		if (++nothers > MANY_CONDITIONS)
			return before;		/* the first ones see each other, and keep one */
		other = node_set_for_planner(at == lower ? SUBTREE_OF : CHAIN_OF,
									 ALL_LEVELS, as_of_day(true, 0),
									 estimate_expression_value(request->root,
															   node));
		if (joins)
		{
			if (!other.known ||
				(!are_too_many(request, other.count) &&
				 other.count * set->count > MANY_PAIRS))
				return true;
		}
		else if (other.count < set->count ||
				 (before && other.count == set->count))
			return true;
	}
	return false;
}

/*
 * "column <@ node" (SUBTREE_OF) or "column @> node" (CHAIN_OF) as a condition
 * for the index that was asked about; NIL if it serves or suits none.
 */
static List *
derive_condition(SupportRequestIndexCondition *request, NodeSetKind kind,
				 Oid operator, Node *column, Node *node)
{
	Oid			schema = get_func_namespace(request->funcid);
	Oid			node_type = exprType(node);
	Oid			member_type;
	Oid			member_array;
	Oid			equal;
	Oid			function;
	NodeSet		set;
	double		selectivity;
	ScalarArrayOpExpr *condition;

	if (request->index->relam != BTREE_AM_OID ||
		(IOM_ONE_SCAN_PER_ELEMENT && request->indexcol > 0) ||
		!is_pseudo_constant_for_index(request->root, node, request->index))
		return NIL;

	member_type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
								  CStringGetDatum("iom_member"),
								  ObjectIdGetDatum(schema));
	member_array = get_array_type(member_type);
	equal = get_opfamily_member(request->opfamily, node_type, member_type,
								BTEqualStrategyNumber);
	function = find_function(kind == SUBTREE_OF ?
							 "iom_subtree_codes" : "iom_chain_codes",
							 schema, node_type);
	if (!OidIsValid(member_array) || !OidIsValid(equal) ||
		!OidIsValid(function))
		return NIL;

	set = node_set_for_planner(kind, ALL_LEVELS, as_of_day(true, 0),
							   estimate_expression_value(request->root, node));

	if ((set.known && are_too_many(request, set.count)) ||
		equality_serves(request, column, &set) ||
		(IOM_ONE_SCAN_PER_ELEMENT && another_serves(request, column, &set)))
		return NIL;
	selectivity = node_set_selectivity(request->root, column,
									   request->index->rel->relid, operator,
									   &set);

	condition = makeNode(ScalarArrayOpExpr);
	condition->opno = equal;
	condition->opfuncid = get_opcode(equal);
	condition->useOr = true;
	condition->args = list_make2(column_with_selectivity(column, selectivity),
								 makeFuncExpr(function, member_array,
											  list_make1(node), InvalidOid,
											  InvalidOid,
											  COERCE_EXPLICIT_CALL));
	condition->location = -1;
	request->lossy = false;
	return list_make1(condition);
}

/*
 * The support function of an operator's function, whose argument number
 * "lower" is the lower node.
 */
static Node *
within_support(Node *raw, int lower)
{
	SupportRequestIndexCondition *request;
	List	   *args;
	Oid			operator;
	NodeSetKind kind;

	if (!IsA(raw, SupportRequestIndexCondition))
		return NULL;
	request = (SupportRequestIndexCondition *) raw;
	if (!OidIsValid(called_function(request->node, &operator, &args)))
		return NULL;

	kind = request->indexarg == lower ? SUBTREE_OF : CHAIN_OF;
	return (Node *) derive_condition(request, kind, operator,
									 list_nth(args, request->indexarg),
									 list_nth(args, 1 - request->indexarg));
}

/* of iom_node_within(lower, upper) */
Datum
iom_within_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(within_support((Node *) PG_GETARG_POINTER(0), 0));
}

/* of iom_node_contains(upper, lower) */
Datum
iom_contains_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(within_support((Node *) PG_GETARG_POINTER(0), 1));
}

/*
 * Restriction estimator of =(iom_node, iom_member): of one element, such that
 * scalararraysel(), which takes it to the power of ASSUMED_ELEMENTS, comes to
 * the selectivity that rides along.
 */
Datum
iom_member_sel(PG_FUNCTION_ARGS)
{
	List	   *args = (List *) PG_GETARG_POINTER(2);
	double		selectivity = carried_selectivity(linitial(args));

	PG_RETURN_FLOAT8(-expm1(log1p(-selectivity) / ASSUMED_ELEMENTS));
}

/*----------
 * Its right side
 *----------
 */

/*
 * Room for an array of n members; the caller fills it in.
 */
static ArrayType *
allocate_members(FunctionCallInfo fcinfo, uint32 n)
{
	Oid			type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	Size		size = ARR_OVERHEAD_NONULLS(1) + (Size) n * sizeof(IomNode);
	ArrayType  *array;

	if (n == 0)
		return construct_empty_array(type);
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an index condition cannot have %u nodes", n)));
	array = palloc(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = type;
	ARR_DIMS(array)[0] = (int) n;
	ARR_LBOUND(array)[0] = 1;
	return array;
}

/* Sorted, an index scan descends to neighbouring leaves. */
static Datum
return_members(ArrayType *array, uint32 n)
{
	if (n > 1)
		node_set_sort((IomNode *) ARR_DATA_PTR(array), n);
	return PointerGetDatum(array);
}

/* iom_subtree_codes(node) */
Datum
iom_subtree_codes(PG_FUNCTION_ARGS)
{
	IomNode		node = PG_GETARG_IOM_NODE(0);
	const Chart *chart = chart_today(scope_within(node, ALL_LEVELS))->chart;
	uint32		top = chart_find(chart, node);
	uint32		n = top == CHART_NONE ? 0 : chart->place[top].size;
	ArrayType  *array = allocate_members(fcinfo, n);

	if (n > 0)
		memcpy(ARR_DATA_PTR(array), &chart->code[top], n * sizeof(IomNode));
	return return_members(array, n);
}

/* iom_chain_codes(node) */
Datum
iom_chain_codes(PG_FUNCTION_ARGS)
{
	IomNode		node = PG_GETARG_IOM_NODE(0);
	const Chart *chart = chart_today(scope_above(node, ALL_LEVELS))->chart;
	uint32		rank = chart_find(chart, node);
	uint32		n = rank == CHART_NONE ? 0 : chart->place[rank].level;
	ArrayType  *array = allocate_members(fcinfo, n);

	for (uint32 i = 0; i < n; i++)
	{
		((IomNode *) ARR_DATA_PTR(array))[i] = chart->code[rank];
		rank = chart->place[rank].parent;
	}
	return return_members(array, n);
}

/*
 * What that costs: making the array and, beyond the ten that the planner
 * counts by itself, the descents into the index.
 */
static Node *
codes_support(Node *raw, NodeSetKind kind)
{
	SupportRequestCost *request;
	NodeSet		set;

	if (!IsA(raw, SupportRequestCost))
		return NULL;
	request = (SupportRequestCost *) raw;
	if (request->root == NULL || request->node == NULL ||
		!IsA(request->node, FuncExpr))
		return NULL;

	set = node_set_for_planner(kind, ALL_LEVELS, as_of_day(true, 0),
							   estimate_expression_value(request->root,
														 linitial(((FuncExpr *) request->node)->args)));
	request->startup = 0;
	request->per_tuple = cpu_operator_cost *
		(10 + set.count * 5 +
		 Max(set.count - ASSUMED_ELEMENTS, 0) * IOM_DESCENT_OPERATORS);
	return (Node *) request;
}

Datum
iom_subtree_codes_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(codes_support((Node *) PG_GETARG_POINTER(0),
									SUBTREE_OF));
}

Datum
iom_chain_codes_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(codes_support((Node *) PG_GETARG_POINTER(0),
									CHAIN_OF));
}
