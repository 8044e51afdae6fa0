/*-------------------------------------------------------------------------
 *
 * cast_guard.c
 *	  Implicit casts to iom_node are made by superusers.
 *
 * A foreign key to iom_unit looks a row up as the owner of iom_unit, and calls the
 * function of an implicit cast to iom_node, which who owns a type can make of it.  So,
 * of whoever may REFERENCE the table, that would be anybody's way to become its
 * owner.  Of a trusted extension that is its creator, and no superuser: a
 * command that was on its way when the extension came fires no event trigger.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_cast.h"
#include "miscadmin.h"

#include "org_tables.h"
#include "org_trigger.h"

PG_FUNCTION_INFO_V1(iom_refuse_cast);

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
