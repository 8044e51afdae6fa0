/*-------------------------------------------------------------------------
 *
 * referring.c
 *	  Which of the user's tables have rows that refer to a unit?
 *
 * Foreign keys to iom_unit are found by the triggers that enforce them there,
 * one for DELETE each, so that what is not enforced does not count, and that
 * a partitioned table counts once.
 *
 * A table is asked as the foreign key itself would ask it: as its owner, past
 * row-level security, with every name in the statement qualified, and with a
 * snapshot of what is committed now.  A row that another transaction is about
 * to insert is not waited for: it could as well come right after.
 *
 * The tables stay locked (ACCESS SHARE) until the end of the transaction.  All
 * memory is the caller's.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "org_tables.h"
#include "org_trigger.h"
#include "referring.h"

/* A foreign key: the column that refers to iom_unit(node), and by what. */
typedef struct Reference
{
	Oid			table;
	AttrNumber	column;
	Oid			equality;
} Reference;

/*
 * The constraints that refer to iom_unit: from other tables than our own.
 */
static List *
foreign_keys(void)
{
	const OrgTables *tables = org_tables();
	Relation	unit = table_open(tables->unit, AccessShareLock);
	List	   *constraints = NIL;

	for (int i = 0; unit->trigdesc && i < unit->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &unit->trigdesc->triggers[i];

		if (RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_PK &&
			TRIGGER_FOR_DELETE(trigger->tgtype) &&
			trigger->tgconstrrelid != tables->line &&
			trigger->tgconstrrelid != tables->appointment)
			constraints = list_append_unique_oid(constraints,
												 trigger->tgconstraint);
	}
	table_close(unit, NoLock);
	return constraints;
}

/*
 * What a foreign key refers by; false if it is gone, or is not to the node.
 */
static bool
get_reference(Oid constraint, Reference *reference)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID,
										ObjectIdGetDatum(constraint));
	AttrNumber	column[INDEX_MAX_KEYS];
	AttrNumber	referred[INDEX_MAX_KEYS];
	Oid			equality[INDEX_MAX_KEYS];
	int			ncolumns;
	bool		found = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	DeconstructFkConstraintRow(tuple, &ncolumns, column, referred, equality,
							   NULL, NULL, NULL, NULL);
	for (int i = 0; i < ncolumns && !found; i++)
	{
		if (referred[i] != org_tables()->unit_node)
			continue;
		reference->table = ((Form_pg_constraint) GETSTRUCT(tuple))->conrelid;
		reference->column = column[i];
		reference->equality = equality[i];
		found = true;
	}
	ReleaseSysCache(tuple);
	return found;
}

/* The name of an operator for SQL, and of a table. */
static char *
operator_name(Oid operator)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)",
					quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}

static char *
table_name(Relation rel)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

/*
 * Has the table a row that refers to the node?
 */
static bool
has_row(Relation rel, const Reference *reference, IomNode node)
{
	const OrgTables *tables = org_tables();
	Oid			type = get_atttype(tables->unit, tables->unit_node);
	Datum		value = IomNodeGetDatum(node);
	SPIPlanPtr	plan;
	OrgRole		caller = org_become_owner(rel);
	bool		found;

	CommandCounterIncrement();
	plan = SPI_prepare(psprintf("SELECT FROM %s%s x WHERE $1 %s x.%s",
								rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ?
								"" : "ONLY ", table_name(rel),
								operator_name(reference->equality),
								quote_identifier(get_attname(RelationGetRelid(rel),
															 reference->column,
															 false))),
					   1, &type);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	if (SPI_execute_snapshot(plan, &value, NULL, GetLatestSnapshot(),
							 InvalidSnapshot, true, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for rows that refer to a unit");
	found = SPI_processed > 0;
	SPI_freeplan(plan);
	org_become_again(caller);
	return found;
}

/*
 * The names of up to so many tables with rows that refer to the node through a
 * foreign key, and the number of all; needs SPI.  Raises the errors of a query
 * on them.
 */
const char *
referring_tables(IomNode node, int most, int *count)
{
	StringInfoData names;
	ListCell   *cell;

	*count = 0;
	initStringInfo(&names);
	foreach(cell, foreign_keys())
	{
		Reference	reference;
		Relation	rel;

		if (!get_reference(lfirst_oid(cell), &reference))
			continue;
		rel = table_open(reference.table, AccessShareLock);
		if (has_row(rel, &reference, node) && (*count)++ < most)
			appendStringInfo(&names, "%s%s", *count > 1 ? ", " : "",
							 table_name(rel));
		table_close(rel, NoLock);
	}
	return names.data;
}
