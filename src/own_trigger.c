/*-------------------------------------------------------------------------
 *
 * own_trigger.c
 *	  The triggers that the extension makes.
 *
 * Their functions can be attached to its tables by whoever owns these, or was given
 * the privilege TRIGGER: under other names, at other times, once more.  Charts would
 * be kept that are outdated, changes would be recorded twice or not at all.  So each
 * function is called by such triggers only as the script makes them, and only these
 * count as telling of changes.  A table has one trigger of a name.
 *
 * Who owns a table may disable its triggers, or drop them: iom_check() tells.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_trigger.h"
#include "nodes/primnodes.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "org_rows.h"
#include "own_trigger.h"

#define BEFORE	TRIGGER_TYPE_BEFORE
#define AFTER	TRIGGER_TYPE_AFTER
#define ROW		TRIGGER_TYPE_ROW
#define STATEMENT	TRIGGER_TYPE_STATEMENT
#define INSERT	TRIGGER_TYPE_INSERT
#define UPDATE	TRIGGER_TYPE_UPDATE
#define DELETE	TRIGGER_TYPE_DELETE
#define TRUNCATE	TRIGGER_TYPE_TRUNCATE

/* The tables that have it. */
#define UNIT		1
#define LINE		2
#define APPOINTMENT	4
#define HISTORY		8
#define EDITED		(UNIT | LINE | APPOINTMENT)

typedef struct OwnTrigger
{
	const char *name;
	int			tables;
	const char *function;
	int16		type;
	char		enabled;		/* when it fires, at least */
	bool		is_constraint;	/* deferrable, but not deferred */
	bool		has_condition;	/* on iom_unit: see is_own_condition() */
	bool		has_old;		/* transition tables */
	bool		has_new;
} OwnTrigger;

static const OwnTrigger own_triggers[] = {
	{.name = BEGIN_TRIGGER, .tables = UNIT | LINE,
	.function = "iom_guard_begin", .enabled = TRIGGER_FIRES_ALWAYS,
	.type = BEFORE | STATEMENT | INSERT | UPDATE | DELETE | TRUNCATE},
	{.name = END_TRIGGER, .tables = UNIT | LINE,
	.function = "iom_guard_end", .enabled = TRIGGER_FIRES_ALWAYS,
	.type = AFTER | STATEMENT | INSERT | UPDATE | DELETE | TRUNCATE},
	{.name = REPLICA_TRIGGER, .tables = UNIT | LINE,
	.function = "iom_guard_replica", .enabled = TRIGGER_FIRES_ON_REPLICA,
	.type = AFTER | ROW | INSERT | UPDATE | DELETE},
	{.name = "iom_line_sound", .tables = LINE,
	.function = "iom_guard_line", .enabled = TRIGGER_FIRES_ON_ORIGIN,
	.type = AFTER | ROW | INSERT | UPDATE, .is_constraint = true},
	{.name = "iom_unit_sound", .tables = UNIT,
	.function = "iom_guard_unit", .enabled = TRIGGER_FIRES_ON_ORIGIN,
	.type = AFTER | ROW | UPDATE, .is_constraint = true, .has_condition = true},
	{.name = "iom_unit_sound_new", .tables = UNIT,
	.function = "iom_guard_unit", .enabled = TRIGGER_FIRES_ON_ORIGIN,
	.type = AFTER | ROW | INSERT, .is_constraint = true, .has_condition = true},
	{.name = "iom_origin", .tables = EDITED,
	.function = "iom_origin_mark", .enabled = TRIGGER_FIRES_ALWAYS,
	.type = BEFORE | ROW | INSERT | UPDATE},
	{.name = "iom_history_begin", .tables = EDITED,
	.function = "iom_history_record", .enabled = TRIGGER_FIRES_ON_ORIGIN,
	.type = BEFORE | STATEMENT | INSERT | UPDATE | DELETE},
	{.name = "iom_history_insert", .tables = EDITED,
	.function = "iom_history_record", .enabled = TRIGGER_FIRES_ON_ORIGIN,
	.type = AFTER | STATEMENT | INSERT, .has_new = true},
	{.name = "iom_history_update", .tables = EDITED,
	.function = "iom_history_record", .enabled = TRIGGER_FIRES_ON_ORIGIN,
	.type = AFTER | STATEMENT | UPDATE, .has_old = true, .has_new = true},
	{.name = "iom_history_delete", .tables = EDITED,
	.function = "iom_history_record", .enabled = TRIGGER_FIRES_ON_ORIGIN,
	.type = AFTER | STATEMENT | DELETE, .has_old = true},
	{.name = "iom_history_truncate", .tables = EDITED,
	.function = "iom_history_record", .enabled = TRIGGER_FIRES_ON_ORIGIN,
	.type = BEFORE | STATEMENT | TRUNCATE},
	{.name = "iom_history_append", .tables = HISTORY,
	.function = "iom_history_guard", .enabled = TRIGGER_FIRES_ON_ORIGIN,
	.type = BEFORE | STATEMENT | INSERT | UPDATE | DELETE | TRUNCATE},
	{.name = "iom_history_trace", .tables = HISTORY,
	.function = "iom_history_guard", .enabled = TRIGGER_FIRES_ON_ORIGIN,
	.type = AFTER | STATEMENT | UPDATE | DELETE | TRUNCATE},
};

static const OwnTrigger *
find(const char *name)
{
	for (int i = 0; i < (int) lengthof(own_triggers); i++)
	{
		if (strcmp(own_triggers[i].name, name) == 0)
			return &own_triggers[i];
	}
	return NULL;
}

/*
 * Is this the name of a trigger that tells of changes?
 */
bool
own_trigger_is_watcher(const char *name)
{
	return strcmp(name, BEGIN_TRIGGER) == 0 || strcmp(name, END_TRIGGER) == 0 ||
		strcmp(name, REPLICA_TRIGGER) == 0;
}

/*
 * Is this a function of the extension's, and has it this name?  Without arguments,
 * nobody else can have another one in its schema; with some, they are to be looked at.
 */
static bool
is_own_function(Oid function, const char *name, const OrgTables *tables)
{
	const char *found = get_func_name(function);

	return found != NULL && strcmp(found, name) == 0 &&
		get_func_namespace(function) == tables->schema;
}

/*
 * Is a trigger made like that one, but for what it calls?
 */
static bool
is_made_like(const Trigger *trigger, const OwnTrigger *own)
{
	return trigger->tgtype == own->type && trigger->tgnattr == 0 &&
		trigger->tgnargs == 0 &&
		trigger->tgdeferrable == own->is_constraint &&
		!trigger->tginitdeferred &&
		(trigger->tgqual != NULL) == own->has_condition &&
		(trigger->tgoldtable != NULL) == own->has_old &&
		(trigger->tgnewtable != NULL) == own->has_new;
}

/*
 * Is the trigger that is being called one of the extension's, given the name of the
 * function that it calls?
 */
bool
own_trigger_is(const Trigger *trigger, const char *function)
{
	const OwnTrigger *own = find(trigger->tgname);

	return own != NULL && strcmp(own->function, function) == 0 &&
		is_made_like(trigger, own);
}

/*
 * Is a node the comparison of a column with itself in the other row, or with a
 * constant, by the function?
 */
static bool
is_comparison(Node *node, AttrNumber column, Oid function, NodeTag other)
{
	OpExpr	   *op = (OpExpr *) node;
	Var		   *one;
	Node	   *two;

	if (!IsA(node, OpExpr) || op->opfuncid != function ||
		list_length(op->args) != 2 || !IsA(linitial(op->args), Var))
		return false;
	one = linitial_node(Var, op->args);
	two = lsecond(op->args);
	if (one->varattno != column || nodeTag(two) != other)
		return false;
	return IsA(two, Const) ||
		(((Var *) two)->varattno == column && ((Var *) two)->varno != one->varno);
}

/*
 * Is a condition that of one of the extension's triggers?  Anything else may call
 * anybody's functions, or keep the trigger from being fired.
 *
 *		INSERT: NEW.valid <> '(,)'
 *		UPDATE: OLD.valid <> NEW.valid OR OLD.node <> NEW.node
 */
static bool
is_own_condition(const Trigger *trigger, const OrgTables *tables)
{
	Node	   *node = stringToNode(trigger->tgqual);
	BoolExpr   *either = (BoolExpr *) node;
	Oid			function;
	Oid			node_type;
	Oid		   *types;
	int			ntypes;

	if (TRIGGER_FOR_INSERT(trigger->tgtype))
	{
		Const	   *range;
		Days		days;

		if (!is_comparison(node, tables->unit_valid, F_RANGE_NE, T_Const))
			return false;
		range = lsecond_node(Const, ((OpExpr *) node)->args);
		if (range->constisnull)
			return false;
		days = org_days_of_range(range->constvalue);
		return days.from == DAYS_UNBOUNDED_FROM && days.to == DAYS_UNBOUNDED_TO;
	}
	if (!IsA(node, BoolExpr) || either->boolop != OR_EXPR ||
		list_length(either->args) != 2 ||
		!is_comparison(linitial(either->args), tables->unit_valid, F_RANGE_NE,
					   T_Var) || !IsA(lsecond(either->args), OpExpr))
		return false;
	function = ((OpExpr *) lsecond(either->args))->opfuncid;
	if (!is_own_function(function, "iom_node_ne", tables))
		return false;
	node_type = get_atttype(tables->unit, tables->unit_node);
	(void) get_func_signature(function, &types, &ntypes);
	return ntypes == 2 && types[0] == node_type && types[1] == node_type &&
		is_comparison(lsecond(either->args), tables->unit_node, function, T_Var);
}

static int
table_of(Oid relid, const OrgTables *tables)
{
	return relid == tables->unit ? UNIT : relid == tables->line ? LINE :
		relid == tables->appointment ? APPOINTMENT :
		relid == tables->history ? HISTORY : 0;
}

/*
 * Is one that is not being called as the extension makes it, function, table,
 * condition and all?
 */
bool
own_trigger_is_whole(const Trigger *trigger, Oid relid, const OrgTables *tables)
{
	const OwnTrigger *own = find(trigger->tgname);

	return own != NULL && (own->tables & table_of(relid, tables)) != 0 &&
		is_own_function(trigger->tgfoid, own->function, tables) &&
		is_made_like(trigger, own) &&
		(!own->has_condition || is_own_condition(trigger, tables));
}

static const Trigger *
find_trigger(const TriggerDesc *triggers, const char *name)
{
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		if (strcmp(triggers->triggers[i].tgname, name) == 0)
			return &triggers->triggers[i];
	}
	return NULL;
}

/*
 * Report those that a table lacks or has off; and what has the name of one and is
 * another, whatever table the name is of.
 */
void
own_trigger_check(Relation rel, const OrgTables *tables,
				  OwnTriggerReport report, void *context)
{
	Oid			relid = RelationGetRelid(rel);
	TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);

	for (int i = 0; i < (int) lengthof(own_triggers); i++)
	{
		const OwnTrigger *own = &own_triggers[i];
		const Trigger *trigger = find_trigger(triggers, own->name);
		bool		is_due = (own->tables & table_of(relid, tables)) != 0;

		if (is_due && trigger == NULL)
			report(context, "trigger missing", own->name, rel);
		/* (ENABLE TRIGGER ALL turns off in replica role what fires always) */
		if (is_due && trigger != NULL && trigger->tgenabled != own->enabled &&
			trigger->tgenabled != TRIGGER_FIRES_ALWAYS)
			report(context, "trigger disabled", own->name, rel);
		if (trigger != NULL && !own_trigger_is_whole(trigger, relid, tables))
			report(context, "trigger altered", own->name, rel);
	}
	FreeTriggerDesc(triggers);
}
