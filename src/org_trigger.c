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
#include "nodes/nodeFuncs.h"
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
 * The same of an event trigger function.
 */
EventTriggerData *
org_event_trigger_data(FunctionCallInfo fcinfo, const char *function)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by event trigger "
						"manager", function)));
	return (EventTriggerData *) fcinfo->context;
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
 * Become the owner of a table, until org_become_again() or an error ends it.
 */
OrgRole
org_become_owner(Relation rel)
{
	OrgRole		former;

	GetUserIdAndSecContext(&former.user, &former.security);
	SetUserIdAndSecContext(rel->rd_rel->relowner,
						   former.security | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
	return former;
}

void
org_become_again(OrgRole former)
{
	SetUserIdAndSecContext(former.user, former.security);
}

/*
 * Is a function another's than the table's owner's, or a superuser's?
 */
static bool
is_foreign(Oid function, void *rel)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
		ReleaseSysCache(tuple);
	}
	return owner != ((Relation) rel)->rd_rel->relowner && !superuser_arg(owner);
}

/*
 * Does a condition call such a function, or what is not seen here: a domain's, or
 * a type's that somebody made?
 */
static bool
calls_foreign(Node *node, void *rel)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceToDomain) || IsA(node, ConvertRowtypeExpr) ||
		IsA(node, RowExpr) || IsA(node, RowCompareExpr) ||
		IsA(node, MinMaxExpr) ||
		(IsA(node, CoerceViaIO) && exprType(node) >= FirstNormalObjectId) ||
		check_functions_in_node(node, is_foreign, rel))
		return true;
	return iom_expression_tree_walker(node, calls_foreign, rel);
}

/*
 * A trigger on one of the extension's tables that would have what somebody else
 * made be run as the table's owner; NULL if there is none.  Functions with
 * arguments, but for the server's own, may call what these name (contrib/spi,
 * lo).
 */
static const char *
foreign_trigger(Relation rel)
{
	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgisinternal || trigger->tgenabled == TRIGGER_DISABLED)
			continue;
		if (is_foreign(trigger->tgfoid, rel) ||
			(trigger->tgnargs > 0 && trigger->tgfoid >= FirstNormalObjectId) ||
			(trigger->tgqual != NULL &&
			 calls_foreign(stringToNode(trigger->tgqual), rel)))
			return trigger->tgname;
	}
	return NULL;
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

	if (rel->rd_rules)
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
 * Not for what foreign keys of other tables could pass on, a DELETE above all:
 * triggers of those tables, which anybody may have made, would be fired as the
 * owner too (before PostgreSQL 18), and that is a superuser.
 */
uint64
org_execute_as_owner(Oid relid, const char *sql, int nargs, Oid *types,
					 Datum *values, const char *nulls,
					 EphemeralNamedRelation named, Snapshot snapshot)
{
	Relation	rel = table_open(relid, AccessShareLock);
	const char *trigger;
	OrgRole		caller;
	SPIPlanPtr	plan;
	int			settings;
	int			result;
	uint64		rows;

	caller = org_become_owner(rel);

	/* what triggers of the owner's name is not what the caller's path finds */
	settings = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);

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
	trigger = foreign_trigger(rel);
	if (trigger != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("trigger \"%s\" on table \"%s\" would be fired as the "
						"table's owner", trigger, RelationGetRelationName(rel)),
				 errdetail("Its function, or what its condition calls, is "
						   "another role's, or what its arguments name may be."),
				 errhint("Let the function belong to the table's owner or to a "
						 "superuser, and take no arguments.")));
	result = SPI_execute_snapshot(plan, values, nulls, snapshot,
								  InvalidSnapshot, false, true, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_snapshot failed: %s",
			 SPI_result_code_string(result));
	rows = SPI_processed;
	SPI_finish();
	AtEOXact_GUC(true, settings);
	org_become_again(caller);
	table_close(rel, NoLock);
	return rows;
}
