/*-------------------------------------------------------------------------
 *
 * org_unseen.c
 *	  What a snapshot does not see, and iom_revision does not tell.
 *
 * Two things can be done to the tables without another revision:
 *
 *	 - rows are changed while the triggers that tell of changes are off.  Who sees
 *	   the triggers as they are now sees those rows, too;
 *	 - the tables are written anew, by ALTER TABLE (or by TRUNCATE, which has a
 *	   revision, of the rows that are not there any more).  That is not MVCC-safe: a
 *	   snapshot from before finds the table empty.  A query waits for the lock before
 *	   it takes its snapshot; a function that waits has one already.
 *
 * Both leave traces in the catalog, in rows that the snapshot does not see.  Who wrote
 * those last is known as long as org_tables() is, so that hardly anybody needs to look.
 * Transactions do not commit in the order of their IDs: each row counts by itself.  And
 * what the present transaction wrote may hide what others did before: then the rows
 * are looked at as they were without it, by the snapshot with its command counter set
 * back, or, to find out who gave a table its file, in all their versions.
 *
 * Nothing is kept but the notes in OrgTables.  The caller has the tables locked.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "utils/snapmgr.h"

#include "org_unseen.h"
#include "own_trigger.h"

/*----------
 * Who wrote last
 *----------
 */

/*
 * Note a transaction, or that the present one did something by a command; nobody,
 * where that was before what all snapshots see.
 */
static void
note(CatalogRows *rows, TransactionId xid, CommandId command,
	 TransactionId all_see)
{
	if (!TransactionIdIsNormal(xid))
		return;
	if (TransactionIdIsCurrentTransactionId(xid))
	{
		rows->own = GetTopTransactionId();
		rows->own_command = Max(rows->own_command, command);
	}
	else if (!TransactionIdPrecedes(xid, all_see))
	{
		for (int i = 0; i < rows->nothers; i++)
		{
			if (rows->others[i] == xid)
				return;
		}
		if (rows->nothers < CATALOG_ROWS_MAX)
			rows->others[rows->nothers++] = xid;
		else if (!TransactionIdIsValid(rows->newest) ||
				 TransactionIdPrecedes(rows->newest, xid))
			rows->newest = xid;
	}
}

/*
 * Note who wrote a row of the catalog.
 */
void
catalog_rows_note(CatalogRows *rows, HeapTuple tuple, TransactionId all_see)
{
	TransactionId xmin = HeapTupleHeaderGetXmin(tuple->t_data);

	note(rows, xmin, TransactionIdIsCurrentTransactionId(xmin) ?
		 HeapTupleHeaderGetCmin(tuple->t_data) : FirstCommandId, all_see);
}

/*
 * The same of who made a table inherit, or ended that, even where nothing is left of
 * it: by way of the parent rows may have been changed, which triggers do not see.
 */
void
catalog_rows_note_parents(CatalogRows *rows, Oid relid, TransactionId all_see)
{
	Relation	catalog = table_open(InheritsRelationId, AccessShareLock);
	SysScanDesc scan = org_scan_catalog(catalog, InheritsRelidSeqnoIndexId,
										Anum_pg_inherits_inhrelid, relid,
										SnapshotAny);
	CommandId	now = GetCurrentCommandId(false);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HeapTupleHeader header = tuple->t_data;

		note(rows, HeapTupleHeaderGetXmin(header), now, all_see);
		if (!(header->t_infomask & HEAP_XMAX_INVALID) &&
			!HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask))
			note(rows, HeapTupleHeaderGetUpdateXid(header), now, all_see);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

static bool
sees_others(const CatalogRows *rows, Snapshot snapshot)
{
	if (TransactionIdIsValid(rows->newest) &&
		!TransactionIdPrecedes(rows->newest, snapshot->xmin))
		return false;
	for (int i = 0; i < rows->nothers; i++)
	{
		if (XidInMVCCSnapshot(rows->others[i], snapshot))
			return false;
	}
	return true;
}

static bool
is_own(const CatalogRows *rows)
{
	return TransactionIdIsValid(rows->own) &&
		rows->own == GetTopTransactionIdIfAny();
}

/* The snapshot, without anything that the present transaction did. */
static SnapshotData
without_own(Snapshot snapshot)
{
	SnapshotData other = *snapshot;

	other.curcid = FirstCommandId;
	return other;
}

/*----------
 * Triggers
 *----------
 */

/*
 * Has another transaction written a row anew that the snapshot sees?
 */
static bool
was_replaced(HeapTuple tuple)
{
	HeapTupleHeader header = tuple->t_data;
	TransactionId xmax;

	if ((header->t_infomask & HEAP_XMAX_INVALID) ||
		HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask))
		return false;
	xmax = HeapTupleHeaderGetUpdateXid(header);
	return TransactionIdIsNormal(xmax) &&
		!TransactionIdIsCurrentTransactionId(xmax) &&
		TransactionIdDidCommit(xmax);
}

/* The same of the triggers of a table that tell of changes. */
static bool
were_triggers_replaced(Oid relid, Snapshot snapshot)
{
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan = org_scan_catalog(catalog, TriggerRelidNameIndexId,
										Anum_pg_trigger_tgrelid, relid,
										snapshot);
	HeapTuple	tuple;
	bool		replaced = false;

	while (!replaced && HeapTupleIsValid(tuple = systable_getnext(scan)))
		replaced = own_trigger_is_watcher(NameStr(((Form_pg_trigger) GETSTRUCT(tuple))->tgname)) && was_replaced(tuple);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return replaced;
}

/*
 * Does the snapshot see the triggers that tell of changes as they are now?
 */
bool
org_sees_triggers(Snapshot snapshot)
{
	const OrgTables *tables = org_tables();
	Oid			unit = tables->unit;
	Oid			line = tables->line;
	SnapshotData others;

	if (!sees_others(&tables->triggers, snapshot))
		return false;
	if (likely(!is_own(&tables->triggers)))
		return true;
	if (tables->triggers.own_command >= snapshot->curcid)
		return false;
	others = without_own(snapshot);
	return !were_triggers_replaced(unit, &others) &&
		!were_triggers_replaced(line, &others);
}

/*----------
 * Rows
 *----------
 */

/* The rows of pg_class about a table. */
static SysScanDesc
scan_rows_about(Relation rel, Relation catalog, Snapshot snapshot)
{
	return org_scan_catalog(catalog, ClassOidIndexId, Anum_pg_class_oid,
							RelationGetRelid(rel), snapshot);
}

/*
 * Does the snapshot see the table in a file?  (It may see two: what another transaction
 * replaced, and what the present one made of that.)  The first one is returned too.
 */
static bool
sees_in_file(Relation rel, Relation catalog, Snapshot snapshot, Oid file,
			 Oid *first)
{
	SysScanDesc scan = scan_rows_about(rel, catalog, snapshot);
	HeapTuple	tuple;
	bool		sees = false;

	*first = InvalidOid;
	while (!sees && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			seen = ((Form_pg_class) GETSTRUCT(tuple))->relfilenode;

		if (!OidIsValid(*first))
			*first = seen;
		sees = seen == file;
	}
	systable_endscan(scan);
	return sees;
}

/*
 * Has another transaction that the snapshot does not see given the table another file
 * than it had?
 */
static bool
was_moved(Relation rel, Relation catalog, Snapshot snapshot, Oid file)
{
	SysScanDesc scan = scan_rows_about(rel, catalog, SnapshotAny);
	HeapTuple	tuple;
	bool		moved = false;

	while (!moved && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TransactionId xmin = HeapTupleHeaderGetXmin(tuple->t_data);

		moved = ((Form_pg_class) GETSTRUCT(tuple))->relfilenode != file &&
			TransactionIdIsNormal(xmin) &&
			!TransactionIdIsCurrentTransactionId(xmin) &&
			XidInMVCCSnapshot(xmin, snapshot) && TransactionIdDidCommit(xmin);
	}
	systable_endscan(scan);
	return moved;
}

/*
 * Does the snapshot look into the file that the table has now, with nobody else's
 * between?
 */
static bool
sees_file(Relation rel, Snapshot snapshot, Snapshot others)
{
	Relation	catalog = table_open(RelationRelationId, AccessShareLock);
	Oid			file = rel->rd_rel->relfilenode;
	Oid			before;
	Oid			first;
	bool		sees;

	sees = sees_in_file(rel, catalog, others, file, &before) ||
		(sees_in_file(rel, catalog, snapshot, file, &first) &&
		 !was_moved(rel, catalog, snapshot, before));
	table_close(catalog, AccessShareLock);
	return sees;
}

static bool
sees_a_row(Relation rel, Snapshot snapshot)
{
	TableScanDesc scan = iom_table_beginscan(rel, snapshot);
	bool		sees = heap_getnext(scan, ForwardScanDirection) != NULL;

	table_endscan(scan);
	return sees;
}

/*
 * Raise an error if the tables, which are open, were written anew since the snapshot
 * was taken, so that it does not see the rows that it ought to.  VACUUM FULL and
 * CLUSTER do no harm: there it still sees rows of before.
 */
void
org_check_rows_seen(Relation unit, Relation line, Snapshot snapshot)
{
	const CatalogRows *tables = &org_tables()->tables;
	Relation	rels[] = {unit, line};
	SnapshotData others;

	if (likely(!is_own(tables) && sees_others(tables, snapshot)))
		return;
	others = without_own(snapshot);
	for (int i = 0; i < (int) lengthof(rels); i++)
	{
		if (!sees_file(rels[i], snapshot, &others) &&
			!sees_a_row(rels[i], &others))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not see the rows of table \"%s\"",
							RelationGetRelationName(rels[i])),
					 errdetail("The table was truncated, or altered and written "
							   "anew, after the snapshot was taken."),
					 errhint("Run the statement, or the transaction, again.")));
	}
}

/*
 * The same for who changes the hierarchy, or checks a change, under the snapshot: a
 * transaction that keeps it must have seen the triggers as they are, too.
 */
void
org_check_seen_by_editor(Relation unit, Relation line, Snapshot snapshot)
{
	if (IsolationUsesXactSnapshot() && !org_sees_triggers(snapshot))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to a concurrent change "
						"of the triggers of the hierarchy"),
				 errhint("Run the transaction again.")));
	org_check_rows_seen(unit, line, snapshot);
}
