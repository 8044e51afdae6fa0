/*-------------------------------------------------------------------------
 *
 * origin.c
 *	  Where the rows come from: the seed, a dump, or an edit.
 *
 * CREATE EXTENSION fills the tables with the seed, and pg_dump saves all rows
 * of them.  So restoring a dump copies rows into tables that are not empty:
 * what it brings has to take the place of the seed, and to come out as it was
 * saved, in whatever order the tables arrive (pg_restore -j knows none).
 *
 * Column "origin" tells the rows of a dump from others: who inserts a row
 * leaves it out, and the trigger here makes 'own' of the default, 'new'; a row
 * that comes with anything else was saved.  That counts only where
 * check_function_bodies is off, as it is in what pg_dump writes (who copies a row
 * with all its columns must not lose the others by it), and as long as nothing was
 * edited since CREATE EXTENSION, which iom_revision.content tells:
 *
 *		'seed'	---- a row of a dump ---->	'restored'	---- an edit ---->	'own'
 *		   |__________________ an edit _______________________________________^
 *
 * The first row of a dump empties the tables, but for units that others' rows
 * refer to already.  Until the first edit, rows of a dump are taken as they are
 * and are not recorded in iom_history, which is in the dump itself; stand-ins
 * keep the foreign keys while a unit is still to come (stand_in.c).  Once
 * something was edited, a row that comes with an origin is one like any other:
 * it conflicts with what is there, or is 'own'.
 *
 * Only who may insert and delete all rows of them can restore a dump: what others
 * insert is an edit.
 *
 * Locking: 'own' is for ever and is read without a lock.  Whoever sees
 * anything else first takes the editors' lock (revision.c), so that of several
 * jobs that restore tables at once one empties them.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "iomorg_compat.h"
#include "org_tables.h"
#include "org_trigger.h"
#include "origin.h"
#include "revision.h"
#include "stand_in.h"

PG_FUNCTION_INFO_V1(iom_origin_mark);

typedef enum Content
{
	CONTENT_SEED,
	CONTENT_RESTORED,
	CONTENT_OWN
} Content;

static const char *const content_names[] = {"seed", "restored", "own"};

/* How deep we are in SQL of our own: its rows are neither marked nor recorded. */
static int	restoring = 0;
static Oid	restored_by = InvalidOid;

/*
 * Is the present statement one of those below?
 */
bool
origin_is_restoring(void)
{
	return restoring > 0;
}

/*
 * Who edits or restores: the current user, or the one for whom these are run as the
 * owner.
 */
Oid
origin_user(void)
{
	return restoring > 0 ? restored_by : GetUserId();
}

/*----------
 * iom_revision.content
 *----------
 */

/*
 * As last committed, or changed by this transaction.
 */
static Content
read_content(void)
{
	Oid			relid = org_tables()->revision;
	AttrNumber	column = org_column(relid, "content", TEXTOID);
	Content		content = CONTENT_OWN;
	Snapshot	snapshot;
	Datum		value;
	bool		isnull;

	/* without the column or the row: nothing that could be replaced */
	if (!AttributeNumberIsValid(column))
		return CONTENT_OWN;

	/* (SnapshotSelf may miss a row that is being updated) */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	value = revision_column(column, snapshot, &isnull);
	UnregisterSnapshot(snapshot);
	for (int i = 0; i < (int) lengthof(content_names) && !isnull; i++)
	{
		if (strcmp(TextDatumGetCString(value), content_names[i]) == 0)
			content = (Content) i;
	}
	return content;
}

/*
 * The same, after waiting for others if it can still change.
 *
 * 'own' is remembered for the subtransaction and the table (which may be made
 * anew in one transaction): a bulk load asks for each row.
 */
static Content
settled_content(void)
{
	static Oid	own_relid = InvalidOid;
	static TransactionId own_xid = InvalidTransactionId;
	static SubTransactionId own_subid = InvalidSubTransactionId;
	Content		content;

	if (own_relid == org_tables()->revision &&
		own_subid == GetCurrentSubTransactionId() &&
		TransactionIdIsValid(own_xid) &&
		own_xid == GetTopTransactionIdIfAny())
		return CONTENT_OWN;

	content = read_content();
	if (content != CONTENT_OWN)
	{
		revision_lock();
		content = read_content();
	}
	if (content == CONTENT_OWN)
	{
		own_relid = org_tables()->revision;
		own_xid = GetTopTransactionIdIfAny();
		own_subid = GetCurrentSubTransactionId();
	}
	return content;
}

static void
set_content(Content content)
{
	org_execute_as_owner(org_tables()->revision,
						 psprintf("UPDATE ONLY %s SET content = '%s'",
								  org_qualified_name("iom_revision"),
								  content_names[content]),
						 0, NULL, NULL, NULL, NULL, InvalidSnapshot);
}

/*
 * Have the tables been edited since CREATE EXTENSION, or since a dump was
 * restored?  Takes the editors' lock if not.
 */
bool
origin_is_own(void)
{
	return settled_content() == CONTENT_OWN;
}

/*
 * They are edited now.
 */
void
origin_set_own(void)
{
	if (settled_content() != CONTENT_OWN)
		set_content(CONTENT_OWN);
}

/*----------
 * Restoring
 *----------
 */

/*
 * Run a statement on the tables that leaves rows as it makes them, unmarked and
 * unrecorded, as the owner of the given one.  Returns the number of rows.
 */
uint64
origin_execute(Oid relid, const char *sql, int nargs, Oid *types, Datum *values,
			   const char *nulls)
{
	uint64		rows;

	if (restoring++ == 0)
		restored_by = GetUserId();
	PG_TRY();
	{
		rows = org_execute_as_owner(relid, sql, nargs, types, values, nulls,
									NULL, InvalidSnapshot);
	}
	PG_FINALLY();
	{
		restoring--;
	}
	PG_END_TRY();
	return rows;
}

/*
 * Replacing all rows is for those who may do so themselves, and see all of them.
 */
static bool
may_replace_all(void)
{
	const Oid	relids[] = ORG_EDITED_TABLES;

	for (int i = 0; i < (int) lengthof(relids); i++)
	{
		if (!OidIsValid(relids[i]) ||
			pg_class_aclcheck(relids[i], GetUserId(),
							  ACL_INSERT) != ACLCHECK_OK ||
			pg_class_aclcheck(relids[i], GetUserId(),
							  ACL_DELETE) != ACLCHECK_OK ||
			check_enable_rls(relids[i], InvalidOid, true) == RLS_ENABLED)
			return false;
	}
	return true;
}

/*
 * Is there a row that is neither of the seed nor a stand-in?  Edits that no
 * trigger saw (of a replication worker, say) leave the mark that they gave.
 */
static bool
has_other_rows(void)
{
	const Oid	relids[] = ORG_EDITED_TABLES;

	for (int i = 0; i < (int) lengthof(relids); i++)
	{
		if (origin_execute(relids[i],
						   psprintf("SELECT FROM ONLY %s WHERE origin "
									"OPERATOR(pg_catalog.<>) ALL "
									"('{seed,awaited}') LIMIT 1",
									org_qualified_name(get_rel_name(relids[i]))),
						   0, NULL, NULL, NULL) > 0)
			return true;
	}
	return false;
}

/*
 * What a row of a dump finds, as the function tells; 'own' where it is not taken
 * for one: in a session that restores nothing, after an edit, or for who may not
 * replace everything.
 */
static Content
content_for_dump(Content (*content_now) (void))
{
	Content		content;

	if (check_function_bodies)
		return CONTENT_OWN;
	content = content_now();
	if (content == CONTENT_OWN || !may_replace_all() ||
		(content == CONTENT_SEED && has_other_rows()))
		return CONTENT_OWN;
	return content;
}

/*
 * Is a row of a dump taken for one?  After waiting for others if that can still
 * change: takes the editors' lock if nothing was edited.
 */
bool
origin_accepts_dump(void)
{
	return content_for_dump(settled_content) != CONTENT_OWN;
}

/*
 * As it was committed last, without a lock.
 */
bool
origin_may_accept_dump(void)
{
	return content_for_dump(read_content) != CONTENT_OWN;
}

/*
 * Delete a table's rows of the seed, which are locked, and nothing else: no trigger
 * is fired, no foreign key asked, no expression computed.
 */
static void
delete_seed(Oid relid)
{
	Relation	rel = table_open(relid, RowExclusiveLock);
	AttrNumber	column = org_column(relid, "origin", TEXTOID);
	TableScanDesc scan = iom_table_beginscan(rel, GetActiveSnapshot());
	HeapTuple	tuple;

	CheckCmdReplicaIdentity(rel, CMD_DELETE);
	while (AttributeNumberIsValid(column) &&
		   (tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		bool		isnull;
		Datum		origin = heap_getattr(tuple, column, RelationGetDescr(rel),
										  &isnull);

		CHECK_FOR_INTERRUPTS();
		if (!isnull && strcmp(TextDatumGetCString(origin), "seed") == 0)
			simple_heap_delete(rel, &tuple->t_self);
	}
	table_endscan(scan);
	table_close(rel, NoLock);
}

/*
 * Take the seed away.  No row that refers to it may be lost by that, so what
 * foreign keys of other tables hold stays, as a stand-in.
 *
 * They have nothing to do for the others, and are not asked: a statement for each,
 * on tables that another job is altering while it waits for us, would be a
 * deadlock.
 */
static void
empty_tables(void)
{
	const Oid	relids[] = ORG_EDITED_TABLES;

	stand_in_for_referred();

	PushActiveSnapshot(GetLatestSnapshot());
	revision_begin_change();
	for (int i = 0; i < (int) lengthof(relids); i++)
		delete_seed(relids[i]);
	revision_end_change();
	PopActiveSnapshot();
	CommandCounterIncrement();
}

/*
 * Rows of a dump arrive.  The first of them empties the tables of the seed.
 * Returns false if they are none, but an edit like any other; takes the editors'
 * lock if nothing was edited.
 */
bool
origin_begin_restore(void)
{
	Content		content = content_for_dump(settled_content);

	if (content == CONTENT_OWN)
		return false;
	if (content == CONTENT_SEED)
	{
		empty_tables();
		set_content(CONTENT_RESTORED);
	}
	return true;
}

/*----------
 * The trigger
 *----------
 */

/*
 * Before each row inserted or updated: says where it comes from.
 */
Datum
iom_origin_mark(PG_FUNCTION_ARGS)
{
	const OrgTables *tables = org_tables();
	const Oid	relids[] = ORG_EDITED_TABLES;
	TriggerData *data = org_trigger_data(fcinfo, "iom_origin_mark",
										 lengthof(relids), relids);
	Relation	rel = data->tg_relation;
	Oid			relid = RelationGetRelid(rel);
	bool		is_update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
	HeapTuple	tuple = is_update ? data->tg_newtuple : data->tg_trigtuple;
	int			column = org_column(relid, "origin", TEXTOID);
	Datum		origin;
	bool		isnull;
	bool		is_new;

	if (restoring > 0 || !AttributeNumberIsValid(column))
		return PointerGetDatum(tuple);

	origin = heap_getattr(tuple, column, RelationGetDescr(rel), &isnull);
	is_new = isnull || strcmp(TextDatumGetCString(origin), "new") == 0;
	if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
	{
		/* nobody edits here */
		if (!is_new)
			return PointerGetDatum(tuple);
	}
	else if (!is_update && !is_new && origin_begin_restore())
	{
		if (relid == tables->unit)
		{
			if (stand_in_replace(rel, tuple))
				return PointerGetDatum(NULL);
		}
		else if (relid == tables->line)
		{
			stand_in_for_column(rel, tuple, "node");
			stand_in_for_column(rel, tuple, "supervisor");
		}
		else
		{
			stand_in_for_column(rel, tuple, "post");
			stand_in_for_column(rel, tuple, "authority");
		}
		return PointerGetDatum(tuple);
	}
	else
		origin_set_own();

	origin = CStringGetTextDatum("own");
	isnull = false;
	return PointerGetDatum(heap_modify_tuple_by_cols(tuple,
													 RelationGetDescr(rel), 1,
													 &column, &origin,
													 &isnull));
}
