/*-------------------------------------------------------------------------
 *
 * reference_guard.c
 *	  What foreign keys to the tables would call as their owners.
 *
 * A foreign key looks a row up as the owner of the table that it refers to, and calls
 * the function of an implicit cast to the type of its key, which who owns a type can
 * make of it.  So, of whoever may REFERENCE the table, that would be anybody's way to
 * become its owner:
 *
 *	 - implicit casts to iom_node, the key that HR tables refer to, are made by
 *	   superusers.  (A command that was on its way when the extension came fires no
 *	   event trigger: of a trusted extension the owner of iom_unit is its creator, and
 *	   no superuser.)
 *	 - tables whose keys have other types are referred to by who has the privileges
 *	   of their owners.  Two of them are a superuser's, and GRANT ALL ON ALL TABLES
 *	   has REFERENCES in it.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "iomorg_compat.h"
#include "org_tables.h"
#include "org_trigger.h"

PG_FUNCTION_INFO_V1(iom_refuse_cast);
PG_FUNCTION_INFO_V1(iom_refuse_reference);

/*
 * Has this transaction made an implicit cast to iom_node?  Its names are not
 * looked up again: they may have got another meaning.
 */
static bool
has_made_implicit_cast(void)
{
	Relation	casts = table_open(CastRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(casts, InvalidOid, false, NULL, 0,
										  NULL);
	HeapTuple	tuple;
	bool		found = false;

	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_cast form = (Form_pg_cast) GETSTRUCT(tuple);

		found = form->castcontext == COERCION_CODE_IMPLICIT &&
			TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)) &&
			form->casttarget == org_tables_node_type();
	}
	systable_endscan(scan);
	table_close(casts, AccessShareLock);
	return found;
}

/*
 * Event trigger at the end of CREATE CAST.
 */
Datum
iom_refuse_cast(PG_FUNCTION_ARGS)
{
	(void) org_event_trigger_data(fcinfo, "iom_refuse_cast",
								  "ddl_command_end");
	if (!superuser() && has_made_implicit_cast())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only a superuser can create an implicit cast to type "
						"iom_node"),
				 errdetail("Foreign keys to iom_unit would call it as the owner "
						   "of that table."),
				 errhint("Create it AS ASSIGNMENT, and let columns have the "
						 "type iom_node.")));
	PG_RETURN_NULL();
}

/*
 * Has this transaction made a foreign key from a table of the user's to this one?
 */
static bool
has_made_reference(Relation rel)
{
	Relation	triggers = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan = org_scan_catalog(triggers, TriggerRelidNameIndexId,
										Anum_pg_trigger_tgrelid,
										RelationGetRelid(rel), NULL);
	HeapTuple	tuple;
	bool		found = false;

	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

		found = form->tgisinternal &&
			RI_FKey_trigger_type(form->tgfoid) == RI_TRIGGER_PK &&
			TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)) &&
			iom_owns_table(form->tgconstrrelid, GetUserId());
	}
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	return found;
}

/*
 * Event trigger at the end of commands that make foreign keys.  What is done in
 * somebody's database where the extension's tables are not as they should be is no
 * business of this: no error but its own.
 */
Datum
iom_refuse_reference(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"iom_line", "iom_history", "iom_revision"};
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);

	(void) org_event_trigger_data(fcinfo, "iom_refuse_reference",
								  "ddl_command_end");
	for (int i = 0; !superuser() && i < (int) lengthof(names); i++)
	{
		Oid			relid = get_relname_relid(names[i], schema);
		Relation	rel = OidIsValid(relid) ?
			try_relation_open(relid, AccessShareLock) : NULL;

		if (rel == NULL)
			continue;
		if (!has_privs_of_role(GetUserId(), rel->rd_rel->relowner) &&
			has_made_reference(rel))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("only who has the privileges of its owner can make a "
							"foreign key to table \"%s\"",
							RelationGetRelationName(rel)),
					 errdetail("It would call implicit casts as the owner of that "
							   "table."),
					 errhint("Refer to iom_unit, or have the owner make it.")));
		relation_close(rel, NoLock);
	}
	PG_RETURN_NULL();
}
