/*-------------------------------------------------------------------------
 *
 * cast_guard.c
 *	  Implicit casts to iom_node are made by superusers.
 *
 * A foreign key to iom_unit looks a row up as the owner of iom_unit, of a trusted
 * extension a superuser; and who owns a type can make a cast of it to iom_node, whose
 * function the look-up calls, if it is implicit.  So, of whoever may REFERENCE
 * the table, that would be anybody's way to become superuser.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/event_trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_type.h"

#include "org_tables.h"

PG_FUNCTION_INFO_V1(iom_refuse_cast);

/*
 * Event trigger at the end of CREATE CAST.
 */
Datum
iom_refuse_cast(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;
	CreateCastStmt *statement;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by event trigger "
						"manager", "iom_refuse_cast")));
	if (!IsA(data->parsetree, CreateCastStmt))
		PG_RETURN_NULL();

	statement = (CreateCastStmt *) data->parsetree;
	if (statement->context == COERCION_IMPLICIT && !superuser() &&
		typenameTypeId(NULL, statement->targettype) == org_tables_node_type())
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
