/*-------------------------------------------------------------------------
 *
 * referring.c
 *	  Which of the user's tables have rows that refer to a unit, and to which?
 *
 * Foreign keys to iom_unit are found by the triggers that enforce them there,
 * one for DELETE each, so that what is not enforced does not count, and that
 * a partitioned table counts once.
 *
 * A table is asked as the foreign key itself would ask it: as its owner, in a
 * restricted operation, past row-level security, with every name in the
 * statement qualified, and with a
 * snapshot of what is committed now.  A row that another transaction is about
 * to insert is not waited for: it could as well come right after.  Who has to
 * know that none comes takes referring_none()'s word.
 *
 * The tables stay locked (ACCESS SHARE) until the end of the transaction.  All
 * memory is the caller's, who is connected to SPI.
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
#include "catalog/pg_inherits.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "org_tables.h"
#include "org_trigger.h"
#include "referring.h"

/*
 * A foreign key: the column that refers to iom_unit(node), and by what.  Of a
 * key of several columns, a null in one of the others makes the row refer to
 * nothing, unless it is MATCH FULL, where none alone is null.
 */
typedef struct Reference
{
	Oid			table;
	AttrNumber	column;
	Oid			equality;
	int			nothers;
	AttrNumber	other[INDEX_MAX_KEYS];
} Reference;

/*
 * The constraints of other tables than our own that refer to a table.
 */
static List *
foreign_keys(Oid relid)
{
	const OrgTables *tables = org_tables();
	const Oid	own[] = {tables->line, tables->appointment};
	Relation	rel = table_open(relid, AccessShareLock);
	List	   *constraints = NIL;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_PK &&
			TRIGGER_FOR_DELETE(trigger->tgtype) &&
			trigger->tgconstrrelid != own[0] &&
			trigger->tgconstrrelid != own[1])
			constraints = list_append_unique_oid(constraints,
												 trigger->tgconstraint);
	}
	table_close(rel, NoLock);
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
	/* (a trigger of somebody's may call a foreign key's function without one) */
	if (((Form_pg_constraint) GETSTRUCT(tuple))->contype != CONSTRAINT_FOREIGN)
	{
		ReleaseSysCache(tuple);
		return false;
	}
	DeconstructFkConstraintRow(tuple, &ncolumns, column, referred, equality,
							   NULL, NULL, NULL, NULL);
	reference->nothers = 0;
	for (int i = 0; i < ncolumns; i++)
	{
		if (referred[i] != org_tables()->unit_node)
		{
			reference->other[reference->nothers++] = column[i];
			continue;
		}
		reference->table = ((Form_pg_constraint) GETSTRUCT(tuple))->conrelid;
		reference->column = column[i];
		reference->equality = equality[i];
		found = true;
	}
	ReleaseSysCache(tuple);
	return found;
}

/*
 * Does a foreign key refer to the node and nothing else?
 */
bool
referring_by_node(Oid constraint)
{
	Reference	reference;

	return get_reference(constraint, &reference) && reference.nothers == 0;
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
					quote_identifier(org_lock_schema_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}

static char *
table_name(Relation rel)
{
	return quote_qualified_identifier(org_lock_schema_name(RelationGetNamespace(rel)),
									  RelationGetRelationName(rel));
}

static const char *
column_name(Relation rel, AttrNumber column)
{
	return quote_identifier(get_attname(RelationGetRelid(rel), column, false));
}

/* Its rows, as the foreign key sees them, in a FROM. */
static char *
rows_of(Relation rel)
{
	return psprintf("%s%s x",
					rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ?
					"" : "ONLY ", table_name(rel));
}

/*
 * Those that refer to a node, given as an expression.
 */
static char *
rows_that_refer(Relation rel, const Reference *reference, const char *node)
{
	Oid			left;
	Oid			right;
	StringInfoData sql;

	/* the cast: for a column of a domain, another operator could fit closer */
	op_input_types(reference->equality, &left, &right);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT FROM %s WHERE %s %s x.%s::%s", rows_of(rel),
					 node, operator_name(reference->equality),
					 column_name(rel, reference->column),
					 format_type_be_qualified(right));
	for (int i = 0; i < reference->nothers; i++)
		appendStringInfo(&sql, " AND x.%s IS NOT NULL",
						 column_name(rel, reference->other[i]));
	return sql.data;
}

/*
 * Run a query as the table's owner, with a parameter if its type is given.
 * Returns the number of rows, at most one, and the array in it, or NULL.
 */
static uint64
ask(Relation rel, const char *sql, Oid type, Datum value, ArrayType **answer)
{
	SPIPlanPtr	plan;
	OrgRole		caller = org_become_owner(rel, false);
	uint64		rows;

	CommandCounterIncrement();
	plan = SPI_prepare(sql, OidIsValid(type) ? 1 : 0, &type);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s",
			 SPI_result_code_string(SPI_result));
	/* (not read-only, which would lock no rows) */
	if (SPI_execute_snapshot(plan, &value, NULL, GetLatestSnapshot(),
							 InvalidSnapshot, false, false,
							 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look for rows that refer to a unit");
	rows = SPI_processed;
	if (answer != NULL)
	{
		bool		isnull;
		Datum		first;

		first = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
							  &isnull);
		*answer = isnull ? NULL : DatumGetArrayTypePCopy(first);
	}
	SPI_freeplan(plan);
	org_become_again(caller);
	return rows;
}

/*
 * The names of up to so many tables with rows that refer to the node through a
 * foreign key, and the number of all.  Raises the errors of a query on them.
 */
const char *
referring_tables(IomNode node, int most, int *count)
{
	StringInfoData names;
	ListCell   *cell;

	*count = 0;
	initStringInfo(&names);
	foreach(cell, foreign_keys(org_tables()->unit))
	{
		Reference	reference;
		Relation	rel;

		if (!get_reference(lfirst_oid(cell), &reference))
			continue;
		rel = table_open(reference.table, AccessShareLock);
		if (ask(rel, rows_that_refer(rel, &reference, "$1"),
				org_tables_node_type(), IomNodeGetDatum(node), NULL) > 0 &&
			(*count)++ < most)
			appendStringInfo(&names, "%s%s", *count > 1 ? ", " : "",
							 table_name(rel));
		table_close(rel, NoLock);
	}
	return names.data;
}

/*
 * The nodes of the seed's units that no row of another table refers to, nor can
 * before the transaction ends.  As above.
 *
 * The units are locked, but those that somebody is just referring to (or keeps
 * from being deleted otherwise): these do not count, instead of being waited
 * for by who may hold what the others wait for.
 */
ArrayType *
referring_none(void)
{
	Oid			array = get_array_type(org_tables_node_type());
	Relation	unit = table_open(org_tables()->unit, AccessShareLock);
	ArrayType  *nodes;
	ListCell   *cell;

	ask(unit, psprintf("WITH free AS (SELECT node FROM ONLY %s WHERE origin "
					   "OPERATOR(pg_catalog.=) 'seed' FOR UPDATE SKIP LOCKED) "
					   "SELECT COALESCE(pg_catalog.array_agg(node), '{}') "
					   "FROM free", table_name(unit)),
		InvalidOid, (Datum) 0, &nodes);
	table_close(unit, NoLock);

	foreach(cell, foreign_keys(org_tables()->unit))
	{
		Reference	reference;
		Relation	rel;

		if (!get_reference(lfirst_oid(cell), &reference))
			continue;
		rel = table_open(reference.table, AccessShareLock);
		ask(rel, psprintf("SELECT COALESCE(pg_catalog.array_agg(u.n), '{}') "
						  "FROM pg_catalog.unnest($1) u (n) "
						  "WHERE NOT EXISTS (%s)",
						  rows_that_refer(rel, &reference, "u.n")),
			array, PointerGetDatum(nodes), &nodes);
		table_close(rel, NoLock);
	}
	return nodes;
}

/*
 * Lock the tables that have a foreign key to this one, and their partitions: who
 * asks with rows locked may not wait for a table that somebody locked who needs
 * one of the rows.
 */
void
referring_lock(Oid relid)
{
	ListCell   *cell;

	foreach(cell, foreign_keys(relid))
	{
		HeapTuple	tuple = SearchSysCache1(CONSTROID,
											ObjectIdGetDatum(lfirst_oid(cell)));
		Oid			table;

		if (!HeapTupleIsValid(tuple))
			continue;
		table = ((Form_pg_constraint) GETSTRUCT(tuple))->conrelid;
		ReleaseSysCache(tuple);
		LockRelationOid(table, AccessShareLock);
		(void) find_all_inheritors(table, AccessShareLock, NULL);
	}
}

/*
 * A table with rows and a foreign key to this one that is none to a node of
 * iom_unit; NULL if there is none.  As above.
 */
const char *
referring_otherwise(Oid relid)
{
	ListCell   *cell;

	foreach(cell, foreign_keys(relid))
	{
		Reference	reference;
		HeapTuple	tuple;
		Relation	rel;
		const char *name;
		bool		found;

		if (relid == org_tables()->unit &&
			get_reference(lfirst_oid(cell), &reference))
			continue;
		tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(lfirst_oid(cell)));
		if (!HeapTupleIsValid(tuple))
			continue;
		rel = table_open(((Form_pg_constraint) GETSTRUCT(tuple))->conrelid,
						 AccessShareLock);
		ReleaseSysCache(tuple);
		name = table_name(rel);
		found = ask(rel, psprintf("SELECT FROM %s", rows_of(rel)),
					InvalidOid, (Datum) 0, NULL) > 0;
		table_close(rel, NoLock);
		if (found)
			return name;
	}
	return NULL;
}

/*
 * The nodes in a column of a table; NULL if there is none.  As above.
 */
ArrayType *
referring_column(Relation rel, const char *column)
{
	ArrayType  *nodes;

	/* (of a domain, the nodes in it) */
	ask(rel, psprintf("SELECT pg_catalog.array_agg(DISTINCT x.%s::%s) "
					  "FROM %s WHERE x.%s IS NOT NULL",
					  quote_identifier(column),
					  format_type_be_qualified(org_tables_node_type()),
					  rows_of(rel), quote_identifier(column)),
		InvalidOid, (Datum) 0, &nodes);
	return nodes;
}
