/*-------------------------------------------------------------------------
 *
 * stand_in.c
 *	  Stand-ins for units that a dump being restored has not brought yet.
 *
 * pg_restore knows the order in which tables are made, but for the rows of an
 * extension's tables nothing but their sizes: with several jobs the greatest
 * come first, and so do the indexes and foreign keys of great tables.  So
 *
 *	 - lines may arrive before the units at their ends;
 *	 - a table with more bytes than iom_unit gets its rows and its foreign key
 *	   while iom_unit still holds the seed: rows that refer to the seed must
 *	   find their unit when it makes room, nor may units that only the dump has
 *	   make the foreign key fail.
 *
 * In each of these a unit stands in, without bounds in time, so that the guards
 * have nothing against it, and marked 'awaited'.  The real one replaces it by an
 * UPDATE, which they check, and which sets no key, so that it waits for nobody
 * who refers to it.  What still stands in when all is restored, because the dump
 * was not whole, iom_check() reports.
 *
 * Foreign keys are seen by an event trigger, before they are checked.  It does
 * nothing but where a row of a dump would be taken for one (origin.c).
 *
 * Locking: the editors' lock (revision.c), and after it, where the seed makes
 * room, the three tables, then those that refer to them, then rows.  The event
 * trigger takes the locks that ALTER TABLE will take, and the editors', without
 * waiting for it while it holds iom_unit's.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/tablecmds.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "org_rows.h"
#include "org_tables.h"
#include "org_trigger.h"
#include "origin.h"
#include "referring.h"
#include "revision.h"
#include "stand_in.h"

PG_FUNCTION_INFO_V1(iom_await_units);

/* The operator of two nodes, for SQL. */
static const char *
equals(void)
{
	return psprintf("OPERATOR(%s.=)",
					quote_identifier(org_schema_name()));
}

/*
 * Has the node a row, which may be of this very statement?  (Most rows of a dump
 * need no stand-in and replace none: a statement for each would take ten times
 * as long as all the rest.)
 */
static bool
is_there(IomNode node)
{
	Relation	unit = table_open(org_tables()->unit, AccessShareLock);
	SysScanDesc probe = org_probe_unit(unit, node, SnapshotSelf);
	UnitRow		row;
	bool		there = org_probe_next_unit(probe, unit, &row);

	systable_endscan(probe);
	table_close(unit, NoLock);
	return there;
}

static bool
are_there(ArrayType *nodes)
{
	ArrayIterator iterator = array_create_iterator(nodes, 0, NULL);
	Datum		node;
	bool		isnull;
	bool		there = true;

	while (there && array_iterate(iterator, &node, &isnull))
		there = is_there(DatumGetIomNode(node));
	array_free_iterator(iterator);
	return there;
}

/*
 * Units stand in for nodes that are none: for those of a FROM with one column, each
 * once, and one parameter.  (Not ON CONFLICT, which the server refuses if
 * there is a rule ON UPDATE, even one that is disabled: who has the editors' lock
 * has no conflicts.)
 */
static void
stand_in_for(const char *nodes, Oid type, Datum value)
{
	origin_execute(org_tables()->unit,
				   psprintf("INSERT INTO %s (node, name, origin) "
							"SELECT a.n, '(awaited)', 'awaited' FROM %s a (n) "
							"WHERE NOT EXISTS (SELECT FROM ONLY %s u "
							"WHERE u.node %s a.n)",
							org_qualified_name("iom_unit"), nodes,
							org_qualified_name("iom_unit"), equals()),
				   1, &type, &value, NULL);
}

/*
 * The node in a column of a row must be there for its foreign key.
 */
void
stand_in_for_column(Relation rel, HeapTuple tuple, const char *column)
{
	Oid			type = org_tables_node_type();
	AttrNumber	attnum = org_column(RelationGetRelid(rel), column, type);
	bool		isnull;
	Datum		node;

	if (!AttributeNumberIsValid(attnum))
		return;					/* the foreign key is gone with it */
	node = heap_getattr(tuple, attnum, RelationGetDescr(rel), &isnull);
	if (isnull || is_there(DatumGetIomNode(node)))
		return;
	stand_in_for("(VALUES ($1))", type, node);
}

/*
 * The units of the seed that rows of other tables refer to become stand-ins, so
 * that the others can be deleted.  Raises an error where rows of other tables
 * may refer to anything else of the seed.
 */
void
stand_in_for_referred(void)
{
	Oid			unit = org_tables()->unit;
	const Oid	relids[] = ORG_EDITED_TABLES;
	Oid			array = get_array_type(org_tables_node_type());
	Datum		nodes;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	/* who is about to make a foreign key has done so, or has to wait */
	for (int i = 0; i < (int) lengthof(relids); i++)
		LockRelationOid(relids[i], RowExclusiveLock);
	for (int i = 0; i < (int) lengthof(relids); i++)
		referring_lock(relids[i]);

	/* so has who is about to refer to one of their rows */
	for (int i = 0; i < (int) lengthof(relids); i++)
	{
		const char *name;

		if (relids[i] != unit)
			origin_execute(relids[i],
						   psprintf("SELECT FROM ONLY %s FOR UPDATE",
									org_qualified_name(get_rel_name(relids[i]))),
						   0, NULL, NULL, NULL);
		name = referring_otherwise(relids[i]);
		if (name != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("the rows of a dump cannot take the place of the "
							"seed in table \"%s\"", get_rel_name(relids[i])),
					 errdetail("Rows of table %s may refer to it.", name),
					 errhint("Make that foreign key after all data are "
							 "restored (pg_restore --section).")));
	}

	nodes = PointerGetDatum(referring_none());
	origin_execute(unit,
				   psprintf("UPDATE ONLY %s SET name = '(awaited)', valid = '(,)', "
							"origin = 'awaited' "
							"WHERE origin OPERATOR(pg_catalog.=) 'seed' "
							"AND NOT node %s ANY ($1)",
							org_qualified_name("iom_unit"), equals()),
				   1, &array, &nodes, NULL);
	SPI_finish();
}

/*
 * Put a restored unit in the place of its stand-in.  False if it has none.
 */
bool
stand_in_replace(Relation rel, HeapTuple tuple)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Oid		   *types;
	Datum	   *values;
	char	   *nulls;
	StringInfoData set;
	int			nargs = 0;
	int			node = 0;
	const char *always = NULL;	/* a column that takes no values */
	bool		replaced;
	bool		no_node;
	Datum		code = heap_getattr(tuple, org_tables()->unit_node, desc,
									&no_node);

	if (no_node || !is_there(DatumGetIomNode(code)))
		return false;

	types = palloc_array(Oid, desc->natts);
	values = palloc_array(Datum, desc->natts);
	nulls = palloc_array(char, desc->natts + 1);
	initStringInfo(&set);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		bool		isnull;

		if (att->attisdropped || att->attgenerated)
			continue;
		if (att->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
		{
			always = NameStr(att->attname);
			continue;
		}
		types[nargs] = att->atttypid;
		values[nargs] = heap_getattr(tuple, i + 1, desc, &isnull);
		nulls[nargs++] = isnull ? 'n' : ' ';
		if (att->attnum == org_tables()->unit_node)
			node = nargs;
		else
			appendStringInfo(&set, "%s%s = $%d", set.len > 0 ? ", " : "",
							 quote_identifier(NameStr(att->attname)), nargs);
	}
	nulls[nargs] = '\0';
	replaced = origin_execute(RelationGetRelid(rel),
							  psprintf("UPDATE ONLY %s SET %s WHERE node %s $%d "
									   "AND origin OPERATOR(pg_catalog.=) 'awaited'",
									   org_qualified_name("iom_unit"), set.data,
									   equals(), node),
							  nargs, types, values, nulls) > 0;
	if (replaced && always)
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("unit \"%s\" cannot get the \"%s\" that was saved",
						node_text(DatumGetIomNode(code)).text, always),
				 errdetail("Rows that refer to it came first, and column \"%s\" is "
						   "GENERATED ALWAYS.", always),
				 errhint("ALTER TABLE iom_unit ALTER COLUMN %s SET GENERATED BY "
						 "DEFAULT, until the dump is restored.",
						 quote_identifier(always))));
	return replaced;
}

/*----------
 * The event trigger
 *----------
 */

/*
 * The column of a foreign key to iom_unit(node) that a part of ALTER TABLE is to
 * add and to check; NULL if it is anything else.
 */
static const char *
column_to_check(const AlterTableCmd *command)
{
	const Constraint *constraint = (const Constraint *) command->def;

	if (command->subtype != AT_AddConstraint ||
		!IsA(constraint, Constraint) ||
		constraint->contype != CONSTR_FOREIGN || constraint->skip_validation ||
		list_length(constraint->fk_attrs) != 1 ||
		(constraint->pk_attrs != NIL &&
		 strcmp(strVal(linitial(constraint->pk_attrs)), "node") != 0) ||
		strcmp(constraint->pktable->relname, "iom_unit") != 0 ||
		RangeVarGetRelid(constraint->pktable, NoLock,
						 true) != org_tables()->unit)
		return NULL;
	return strVal(linitial(constraint->fk_attrs));
}

/*
 * Units stand in for the nodes of the table's column that are none.
 */
static void
await_nodes(Oid relid, const char *column)
{
	Oid			type = org_tables_node_type();
	Relation	rel = table_open(relid, NoLock);
	AttrNumber	attnum = get_attnum(relid, column);
	ArrayType  *nodes;

	/* (what ALTER TABLE will refuse needs none) */
	if ((rel->rd_rel->relkind == RELKIND_RELATION ||
		 rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) &&
		attnum != InvalidAttrNumber &&
		getBaseType(get_atttype(relid, attnum)) == type)
	{
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		nodes = referring_column(rel, column);
		if (nodes != NULL && !are_there(nodes))
			stand_in_for("pg_catalog.unnest($1)", get_array_type(type),
						 PointerGetDatum(nodes));
		SPI_finish();
	}
	table_close(rel, NoLock);
}

/*
 * At the start of ALTER TABLE: see at the top.
 */
Datum
iom_await_units(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = org_event_trigger_data(fcinfo, "iom_await_units",
													"ddl_command_start");
	AlterTableStmt *statement;
	ListCell   *cell;

	if (!IsA(data->parsetree, AlterTableStmt))
		PG_RETURN_NULL();

	statement = (AlterTableStmt *) data->parsetree;
	foreach(cell, statement->cmds)
	{
		const char *column = column_to_check(lfirst_node(AlterTableCmd, cell));
		LOCKMODE	mode;
		Oid			relid;

		if (column == NULL || !origin_may_accept_dump())
			continue;
		mode = AlterTableGetLockLevel(statement->cmds);
		relid = AlterTableLookupRelation(statement, mode);
		if (!OidIsValid(relid))
			continue;			/* IF EXISTS */
		/* who is about to bring rows of a partition shall have done so */
		if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
			(void) find_all_inheritors(relid, mode, NULL);
		revision_lock_and_table(org_tables()->unit, ShareRowExclusiveLock);
		if (origin_accepts_dump())
			await_nodes(relid, column);
	}
	PG_RETURN_NULL();
}
