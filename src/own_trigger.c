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
#include "utils/lsyscache.h"

#include "own_trigger.h"

#define BEFORE	TRIGGER_TYPE_BEFORE
#define AFTER	TRIGGER_TYPE_AFTER
#define ROW		TRIGGER_TYPE_ROW
#define STATEMENT	TRIGGER_TYPE_STATEMENT
#define INSERT	TRIGGER_TYPE_INSERT
#define UPDATE	TRIGGER_TYPE_UPDATE
#define DELETE	TRIGGER_TYPE_DELETE
#define TRUNCATE	TRIGGER_TYPE_TRUNCATE

typedef struct OwnTrigger
{
	const char *name;
	const char *function;
	int16		type;
	bool		is_constraint;	/* deferrable, but not deferred */
	bool		has_condition;
	bool		has_old;		/* transition tables */
	bool		has_new;
} OwnTrigger;

static const OwnTrigger own_triggers[] = {
	{.name = BEGIN_TRIGGER, .function = "iom_guard_begin",
	.type = BEFORE | STATEMENT | INSERT | UPDATE | DELETE | TRUNCATE},
	{.name = END_TRIGGER, .function = "iom_guard_end",
	.type = AFTER | STATEMENT | INSERT | UPDATE | DELETE | TRUNCATE},
	{.name = REPLICA_TRIGGER, .function = "iom_guard_replica",
	.type = AFTER | ROW | INSERT | UPDATE | DELETE},
	{.name = "iom_line_sound", .function = "iom_guard_line",
	.type = AFTER | ROW | INSERT | UPDATE, .is_constraint = true},
	{.name = "iom_unit_sound", .function = "iom_guard_unit",
	.type = AFTER | ROW | UPDATE, .is_constraint = true, .has_condition = true},
	{.name = "iom_unit_sound_new", .function = "iom_guard_unit",
	.type = AFTER | ROW | INSERT, .is_constraint = true, .has_condition = true},
	{.name = "iom_origin", .function = "iom_origin_mark",
	.type = BEFORE | ROW | INSERT | UPDATE},
	{.name = "iom_history_begin", .function = "iom_history_record",
	.type = BEFORE | STATEMENT | INSERT | UPDATE | DELETE},
	{.name = "iom_history_insert", .function = "iom_history_record",
	.type = AFTER | STATEMENT | INSERT, .has_new = true},
	{.name = "iom_history_update", .function = "iom_history_record",
	.type = AFTER | STATEMENT | UPDATE, .has_old = true, .has_new = true},
	{.name = "iom_history_delete", .function = "iom_history_record",
	.type = AFTER | STATEMENT | DELETE, .has_old = true},
	{.name = "iom_history_truncate", .function = "iom_history_record",
	.type = BEFORE | STATEMENT | TRUNCATE},
	{.name = "iom_history_append", .function = "iom_history_guard",
	.type = BEFORE | STATEMENT | INSERT | UPDATE | DELETE | TRUNCATE},
	{.name = "iom_history_trace", .function = "iom_history_guard",
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
 * Does a trigger have the name of one that the extension makes?
 */
bool
own_trigger_has_name(const Trigger *trigger)
{
	return find(trigger->tgname) != NULL;
}

/*
 * Is it as the extension makes it, given the name of the function that it calls?
 */
bool
own_trigger_is(const Trigger *trigger, const char *function)
{
	const OwnTrigger *own = find(trigger->tgname);

	return own != NULL && strcmp(own->function, function) == 0 &&
		trigger->tgtype == own->type && trigger->tgnattr == 0 &&
		trigger->tgdeferrable == own->is_constraint &&
		!trigger->tginitdeferred &&
		(trigger->tgqual != NULL) == own->has_condition &&
		(trigger->tgoldtable != NULL) == own->has_old &&
		(trigger->tgnewtable != NULL) == own->has_new;
}

/*
 * The same of one that is not being called: its function must be in the schema of the
 * extension.  (Nobody else can have one of that name there, which has no arguments.)
 */
bool
own_trigger_calls_own(const Trigger *trigger, Oid schema)
{
	const char *function = get_func_name(trigger->tgfoid);

	return function != NULL && get_func_namespace(trigger->tgfoid) == schema &&
		own_trigger_is(trigger, function);
}
