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

#include "access/table.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "org_tables.h"
#include "org_trigger.h"

/*
 * Check that the function was called as a trigger on one of the tables, and
 * return its data.  Raises an error otherwise.
 */
TriggerData *
org_trigger_data(FunctionCallInfo fcinfo, const char *function,
				 int ntables, const Oid *tables)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						function)));
	for (int i = 0; i < ntables; i++)
	{
		if (RelationGetRelid(data->tg_relation) == tables[i])
			return data;
	}
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("function \"%s\" was called for table \"%s\"",
					function, RelationGetRelationName(data->tg_relation)),
			 errhint("It serves the tables of extension iomorg only.")));
	return NULL;				/* keep compiler quiet */
}

/*
 * The name of one of the extension's tables, for SQL.  Palloc'd.
 */
const char *
org_qualified_name(const char *table)
{
	return quote_qualified_identifier(get_namespace_name(org_tables()->schema),
									  table);
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
	OrgRole		caller = org_become_owner(rel);
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
