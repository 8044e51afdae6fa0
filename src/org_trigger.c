/*-------------------------------------------------------------------------
 *
 * org_trigger.c
 *	  What the trigger functions have in common: how they are called, and how
 *	  they, and others, run SQL of our own and become a table's owner.
 *
 * A trigger function can be attached to any table by whoever owns that table,
 * and selected by anybody: each one first asks org_trigger_data(), which
 * refuses all but the calls that the extension's own triggers make.
 *
 * Triggers keep tables on which the user who fired them need not have
 * privileges (iom_revision, iom_history).  Their SQL runs as the table's
 * owner, with every name in it qualified: search_path is the user's.  What may
 * call others' code runs as the user.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "rewrite/prs2lock.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "iomorg_compat.h"
#include "org_tables.h"
#include "org_trigger.h"
#include "own_trigger.h"
#include "referring.h"

/*
 * Check that the function was called as a trigger on one of the tables, by one that
 * the extension made, and return its data.  Raises an error otherwise.
 */
TriggerData *
org_trigger_data(FunctionCallInfo fcinfo, const char *function,
				 int ntables, const Oid *tables)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	bool		is_ours = false;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						function)));
	for (int i = 0; i < ntables; i++)
	{
		if (RelationGetRelid(data->tg_relation) == tables[i])
			is_ours = true;
	}
	if (!is_ours)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was called for table \"%s\"",
						function, RelationGetRelationName(data->tg_relation)),
				 errhint("It serves the tables of extension iomorg only.")));
	if (!own_trigger_is(data->tg_trigger, function))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" on table \"%s\" is not as extension "
						"iomorg makes it", data->tg_trigger->tgname,
						RelationGetRelationName(data->tg_relation)),
				 errdetail("Function \"%s\" serves the extension's own triggers "
						   "only.", function),
				 errhint("Drop it, or give it back the name, the events and the "
						 "tables that it had.")));
	return data;
}

/*
 * The same of an event trigger function and the event that it serves.
 */
EventTriggerData *
org_event_trigger_data(FunctionCallInfo fcinfo, const char *function,
					   const char *event)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by event trigger "
						"manager", function)));
	if (strcmp(data->event, event) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was called for event \"%s\"", function,
						data->event),
				 errhint("It serves \"%s\" only.", event)));
	return data;
}

/*
 * The name of a schema, for SQL; NULL if it is gone.  It keeps it until the
 * transaction ends: with another schema of that name, SQL that waits before it is
 * parsed would be about somebody's tables and operators.  Palloc'd.
 */
char *
org_lock_schema_name(Oid schema)
{
	LockDatabaseObject(NamespaceRelationId, schema, 0, AccessShareLock);
	return get_namespace_name(schema);
}

/*
 * The same of the extension's, and the name of one of its tables.
 */
const char *
org_schema_name(void)
{
	Oid			schema;
	char	   *name;

	do
	{
		CHECK_FOR_INTERRUPTS();
		schema = org_tables()->schema;
		name = org_lock_schema_name(schema);
	} while (schema != org_tables()->schema);
	return name;
}

const char *
org_qualified_name(const char *table)
{
	return quote_qualified_identifier(org_schema_name(), table);
}

/*
 * A statement in which ~ stands for the schema, quoted where that has to be.
 */
char *
org_statement(const char *statement, const char *schema)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (const char *at = statement; *at; at++)
	{
		if (*at == '~')
			appendStringInfoString(&sql, schema);
		else
			appendStringInfoChar(&sql, *at);
	}
	return sql.data;
}

/*
 * Become the owner of a table, until org_become_again() or an error ends it.  Settings
 * end with it.
 *
 * What is called by an owner who is no superuser (but for himself), or about a table
 * that is none of ours, leaves nothing behind that would be run as the caller: no
 * deferred trigger, no temporary table.  What the triggers, constraints and indexes of
 * ours name is not what the caller's search_path finds.
 */
OrgRole
org_become_owner(Relation rel, bool is_ours)
{
	Oid			owner = rel->rd_rel->relowner;
	bool		restricted;
	OrgRole		former;

	GetUserIdAndSecContext(&former.user, &former.security);
	restricted = !is_ours || (!superuser_arg(owner) && former.user != owner);
	former.settings = NewGUCNestLevel();
	if (is_ours)
		(void) set_config_option("search_path", "pg_catalog, pg_temp",
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
	SetUserIdAndSecContext(owner,
						   former.security | SECURITY_LOCAL_USERID_CHANGE |
						   (restricted ? SECURITY_RESTRICTED_OPERATION : 0) |
						   SECURITY_NOFORCE_RLS);
	return former;
}

void
org_become_again(OrgRole former)
{
	AtEOXact_GUC(false, former.settings);
	SetUserIdAndSecContext(former.user, former.security);
}

/*
 * Is a function another's than the table's owner's, or a superuser's?
 */
static bool
is_foreign(Oid function, Relation rel)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
		ReleaseSysCache(tuple);
	}
	return owner != rel->rd_rel->relowner && !superuser_arg(owner);
}

/*
 * May SQL that is run as the table's owner fire a trigger?  One of the extension's,
 * and, on the tables that are a superuser's, such a one's: without a condition and
 * arguments, which somebody else may have given it, to have even the server's own
 * functions call his (query_to_xml()).  (Nothing is deleted that way.)
 */
static bool
may_be_fired(const Trigger *trigger, Relation rel)
{
	const OrgTables *tables = org_tables();
	Oid			relid = RelationGetRelid(rel);

	return !org_is_enabled(trigger->tgenabled) ||
		!(TRIGGER_FOR_INSERT(trigger->tgtype) ||
		  TRIGGER_FOR_UPDATE(trigger->tgtype)) ||
		own_trigger_is_whole(trigger, relid, tables) ||
		((relid == tables->history || relid == tables->revision) &&
		 trigger->tgqual == NULL && trigger->tgnargs == 0 &&
		 !is_foreign(trigger->tgfoid, rel));
}

/*
 * Would SQL on a table follow rules?  (None deletes.)
 */
static bool
follows_rules(Relation rel)
{
	for (int i = 0; rel->rd_rules && i < rel->rd_rules->numLocks; i++)
	{
		const RewriteRule *rule = rel->rd_rules->rules[i];

		if (org_is_enabled(rule->enabled) &&
			(rule->event == CMD_INSERT || rule->event == CMD_UPDATE))
			return true;
	}
	return false;
}

/*
 * Raise an error if SQL on the table, which is locked, would have what somebody else
 * made be run as the table's owner.
 */
static void
check_nothing_foreign(Relation rel)
{
	const OrgTables *tables = org_tables();
	Oid			relid = RelationGetRelid(rel);
	TriggerDesc *triggers = CopyTriggerDesc(rel->trigdesc);

	if (follows_rules(rel) && relid != tables->history && relid != tables->revision)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("rules on table \"%s\" would be followed as the table's "
						"owner", RelationGetRelationName(rel)),
				 errhint("Drop or disable them, while a dump is restored.")));
	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!trigger->tgisinternal && !may_be_fired(trigger, rel))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("trigger \"%s\" on table \"%s\" would be fired as "
							"the table's owner", trigger->tgname,
							RelationGetRelationName(rel)),
					 errhint("Drop or disable it, while a dump is restored; on "
							 "iom_history and iom_revision, let its function "
							 "belong to a superuser, and take neither a condition "
							 "nor arguments.")));
		/* what a change of other columns does to rows that refer to them */
		if (trigger->tgisinternal &&
			RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_PK &&
			relid == tables->unit &&
			!referring_by_node(trigger->tgconstraint))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("foreign key \"%s\" of table \"%s\" refers to other "
							"columns of table \"%s\" than the node",
							get_constraint_name(trigger->tgconstraint),
							get_rel_name(trigger->tgconstrrelid),
							RelationGetRelationName(rel)),
					 errdetail("Its actions would be run as the owner of that "
							   "table."),
					 errhint("Drop it, and make it after the dump is restored.")));
	}
	FreeTriggerDesc(triggers);
}

/*
 * Is a plan about this table?  (Rules are its owner's, who may have it be about
 * others.)
 */
static bool
is_about(SPIPlanPtr plan, Relation rel)
{
	ListCell   *source;
	ListCell   *query;
	ListCell   *entry;

	if (follows_rules(rel))
		return true;
	foreach(source, SPI_plan_get_plan_sources(plan))
	{
		foreach(query, ((CachedPlanSource *) lfirst(source))->query_list)
		{
			foreach(entry, lfirst_node(Query, query)->rtable)
			{
				RangeTblEntry *table = lfirst_node(RangeTblEntry, entry);

				if (table->rtekind == RTE_RELATION &&
					table->relid != RelationGetRelid(rel))
					return false;
			}
		}
	}
	return true;
}

/*
 * Run one statement as the owner of the table.  It sees the named relation if one
 * is given, and what the snapshot sees, or without one what the
 * transaction does.  Returns the number of rows that it changed or returned.
 * Raises the statement's errors.
 *
 * Triggers of the owner's are not fired either: in their names, what the caller has
 * in pg_temp would be found.
 */
uint64
org_execute_as_owner(Oid relid, const char *sql, int nargs, Oid *types,
					 Datum *values, const char *nulls,
					 EphemeralNamedRelation named, Snapshot snapshot)
{
	Relation	rel = table_open(relid, AccessShareLock);
	OrgRole		caller = org_become_owner(rel, true);
	SPIPlanPtr	plan;
	int			result;
	uint64		rows;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (named && SPI_register_relation(named) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register \"%s\"", named->md.name);
	plan = SPI_prepare(sql, nargs, types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	if (!is_about(plan, rel))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("\"%s\" is another table now",
						RelationGetRelationName(rel)),
				 errdetail("Its schema was renamed, or it was moved, in the "
						   "meantime."),
				 errhint("Run the transaction again.")));
	/* the statement has locked the table by now: nobody makes another trigger */
	if (!SPI_is_cursor_plan(plan))
		check_nothing_foreign(rel);
	result = SPI_execute_snapshot(plan, values, nulls, snapshot,
								  InvalidSnapshot, false, true, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_snapshot failed: %s",
			 SPI_result_code_string(result));
	rows = SPI_processed;
	SPI_finish();
	org_become_again(caller);
	table_close(rel, NoLock);
	return rows;
}
