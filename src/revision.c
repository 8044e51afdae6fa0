/*-------------------------------------------------------------------------
 *
 * revision.c
 *	  Which state of the hierarchy a snapshot sees.
 *
 * The single row of iom_revision holds the ID of the transaction that last
 * changed the hierarchy.  Every changing transaction updates it once, before
 * its first change; also one that could have changed rows and found none.  So:
 *
 *	 - read under a snapshot, it names the committed state that the snapshot
 *	   sees; a transaction that aborts takes its ID with it, and no other one
 *	   ever has the same;
 *	 - a lock that is taken with it makes transactions that change the hierarchy
 *	   wait for each other (or fail to serialize): what a check sees is what
 *	   will be.  It is taken before any row of the hierarchy, so they do not
 *	   deadlock.
 *
 * Within a changing transaction the ID stays the same from statement to
 * statement.  What tells its states apart is kept in memory: the list of its
 * changes, each with the command that made it, since a snapshot sees what
 * commands before its own did.  That is the command that the rows are marked
 * with: of triggers that ran in the statement before, the counter may be
 * further on, and what a cursor of theirs sees comes between.
 *
 *		own changes     cid   sub  number  running
 *		               +---+-----+-------+--------
 *		UPDATE ...     | 2 |  1  |   71  |  no          snapshot with curcid 4
 *		SAVEPOINT      |   |     |       |              sees change 72
 *		INSERT ...     | 3 |  2  |   72  |  no
 *		INSERT ...     | 5 |  2  |   73  |  yes         curcid 6: not settled
 *
 * A rollback to the savepoint cuts the list after 71, and whatever was known
 * of that state is right again.  Numbers are never used twice in a backend.
 * While a statement runs, rows that it changed become visible one by one to
 * the queries of triggers: such a state is not settled and nothing derived
 * from it may be kept.
 *
 * Other backends never see a state between two statements, and need none of
 * this.  Parallel workers may, but nothing is changed while they are there: the
 * snapshot's command ID tells their states apart.
 *
 * The list lives in TopTransactionContext.  The state of the last snapshot
 * asked for is remembered: two snapshots of one backend that agree in
 * SnapshotKey see the same rows.  (With xmax the set of transactions before
 * it that were running can only shrink, by one that xcnt or subxcnt tells of,
 * or the checksum where one is listed twice; what this transaction itself
 * changed depends on curcid.  The memory is dropped at the end of transactions
 * and subtransactions that could have changed anything.  Nor is it of use to another
 * transaction that keeps its snapshot: a serializable one must be seen to read the
 * row; and a snapshot that is imported from the making of a replication slot lists
 * transactions that have aborted.)
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

#include "chart_cache.h"
#include "org_tables.h"
#include "org_trigger.h"
#include "org_unseen.h"
#include "revision.h"

typedef struct OwnChange
{
	CommandId	cid;
	SubTransactionId subid;
	bool		running;
	uint64		number;
} OwnChange;

/*
 * The changes of the present transaction, in order of commands (hence also of
 * subtransactions and numbers).
 */
static OwnChange *changes = NULL;
static size_t nchanges = 0;
static size_t changes_room = 0;
static size_t nrunning = 0;
static uint64 last_number = 0;

/* The subtransaction in which iom_revision was updated, if it was. */
static SubTransactionId updated_in = InvalidSubTransactionId;

/* Counts those that have ended. */
static uint64 transactions = 0;

/* The state of the last snapshot asked for. */
static struct
{
	bool		valid;
	uint64		transaction;
	uint64		epoch;
	SnapshotKey key;
	HierarchyState state;
}			remembered;

/* What was true of the last snapshot may not be of one that looks like it. */
static void
forget_state(void)
{
	remembered.valid = false;
	chart_cache_forget_today();
}

static void
at_transaction_end(XactEvent event, void *arg pg_attribute_unused())
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
			/* from now on, what this transaction saw last is what is */
			if (nchanges > 0)
				chart_cache_settle(changes[nchanges - 1].number,
								   U64FromFullTransactionId(GetTopFullTransactionIdIfAny()));
			else
				chart_cache_settle(0, 0);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			chart_cache_settle(0, 0);
			break;
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			break;
		default:
			return;				/* not over yet */
	}

	if (nchanges > 0 || TransactionIdIsValid(GetTopTransactionIdIfAny()))
		remembered.valid = false;
	chart_cache_forget_today();

	transactions++;
	changes = NULL;
	nchanges = changes_room = nrunning = 0;
	updated_in = InvalidSubTransactionId;
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId subid,
					  SubTransactionId parent pg_attribute_unused(),
					  void *arg pg_attribute_unused())
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;

	/* subtransactions that began within it have greater IDs */
	while (nchanges > 0 && changes[nchanges - 1].subid >= subid)
	{
		nchanges--;
		if (changes[nchanges].running)
			nrunning--;
	}
	if (updated_in != InvalidSubTransactionId && updated_in >= subid)
		updated_in = InvalidSubTransactionId;
	forget_state();
}

/*
 * Ask to be told; called once, by _PG_init().
 */
void
revision_initialize(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}

/*
 * A column of the one row of iom_revision that the snapshot sees, palloc'd;
 * null if somebody deleted the row, or if it sees two: of the statements that a
 * rule makes of one, the first may wait for another transaction's change, and the
 * snapshot of all of them, which is older, then shows the row as it was before
 * both, and as this transaction made it.
 */
Datum
revision_column(AttrNumber column, Snapshot snapshot, bool *isnull)
{
	Relation	rel = table_open(org_tables()->revision, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = iom_table_beginscan(rel, snapshot);
	Datum		value = (Datum) 0;

	*isnull = true;
	if (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel),
											  column - 1);

		value = slot_getattr(slot, column, isnull);
		if (!*isnull)
			value = datumCopy(value, att->attbyval, att->attlen);
		if (table_scan_getnextslot(scan, ForwardScanDirection, slot))
			*isnull = true;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	return value;
}

/* See snapshot_running(). */
uint64
snapshot_running_sum(Snapshot snapshot)
{
	uint64		sum = 0;

	for (uint32 i = 0; i < snapshot->xcnt; i++)
	{
		uint64		mixed = snapshot->xip[i] * UINT64CONST(0x9E3779B97F4A7C15);

		mixed ^= mixed >> 32;
		sum += mixed * mixed;
	}
	return sum;
}

/*
 * The ID in it, or 0: no state is like another then, see revision_state().
 */
static uint64
read_revision(Snapshot snapshot)
{
	bool		isnull;
	Datum		revision = revision_column(org_tables()->revision_revision,
										   snapshot, &isnull);

	return isnull ? 0 :
		U64FromFullTransactionId(DatumGetFullTransactionId(revision));
}

/*
 * The state of the hierarchy that a snapshot of this backend sees.
 *
 * Not settled where the snapshot may see part of a statement, where the
 * triggers that tell of changes are off, or were off and the snapshot may see
 * what was before, or where not one row tells.  Nor where this transaction took
 * the editors' lock, which names the state that it will leave, but has changed
 * nothing.
 */
HierarchyState
revision_state(Snapshot snapshot)
{
	HierarchyState state;

	if (remembered.valid && remembered.epoch == org_tables_epoch &&
		(remembered.transaction == transactions ||
		 !IsolationUsesXactSnapshot()) &&
		snapshot_key_matches(&remembered.key, snapshot))
		return remembered.state;

	state.revision = read_revision(snapshot);
	state.own_change = 0;
	state.settled = state.revision != 0 && org_tables()->watched &&
		org_sees_triggers(snapshot);
	for (size_t i = nchanges; i-- > 0;)
	{
		if (changes[i].cid < snapshot->curcid)
		{
			state.own_change = changes[i].number;
			break;
		}
	}
	if (state.own_change == 0 &&
		state.revision == U64FromFullTransactionId(GetTopFullTransactionIdIfAny()))
	{
		if (IsParallelWorker())
			state.own_change = (uint64) snapshot->curcid + 1;
		else
			state.settled = false;
	}
	if (nrunning > 0)
	{
		for (size_t i = 0; i < nchanges; i++)
		{
			if (changes[i].running && changes[i].cid < snapshot->curcid)
				state.settled = false;
		}
	}

	if (state.settled)
	{
		remembered.valid = true;
		remembered.transaction = transactions;
		remembered.epoch = org_tables_epoch;
		remembered.key = snapshot_key(snapshot);
		remembered.state = state;
	}
	return state;
}

/*
 * A transaction that keeps its snapshot must see what it is about to change, and the
 * checks are to look at: what iom_revision does not tell would not stop it.
 */
static void
check_snapshot(void)
{
	Relation	unit;
	Relation	line;

	if (!IsolationUsesXactSnapshot())
		return;
	org_tables_open(&unit, &line);
	org_check_seen_by_editor(unit, line, GetTransactionSnapshot());
	table_close(line, AccessShareLock);
	table_close(unit, AccessShareLock);
}

/*
 * Update iom_revision, as its owner: who may change the hierarchy's tables
 * need not have privileges on this one.  Waits for other transactions that
 * change the hierarchy, or fails to serialize.
 */
static void
update_revision(void)
{
	const char *table = org_qualified_name("iom_revision");
	Oid			relid = org_tables()->revision;
	Relation	rel = table_open(relid, RowExclusiveLock);

	/*
	 * Wait here, not for the row: who waits for a row that a subtransaction
	 * updated which was released since goes on waiting for its top transaction
	 * when it is rolled back, and so they may deadlock.  (Nothing else locks
	 * pages of a heap; a lock of the table would keep out VACUUM.)
	 */
	LockPage(rel, 0, ExclusiveLock);

	if (org_execute_as_owner(relid,
							 psprintf("UPDATE ONLY %s SET revision = "
									  "pg_catalog.pg_current_xact_id()",
									  table),
							 0, NULL, NULL, NULL, NULL,
							 InvalidSnapshot) == 0)
		org_execute_as_owner(relid,
							 psprintf("INSERT INTO %s (revision, content) VALUES "
									  "(pg_catalog.pg_current_xact_id(), 'own')",
									  table),
							 0, NULL, NULL, NULL, NULL, InvalidSnapshot);
	table_close(rel, NoLock);

	check_snapshot();
	updated_in = GetCurrentSubTransactionId();
}

/*
 * Wait for other transactions that change the hierarchy and lock them out, as
 * any change does.
 */
void
revision_lock(void)
{
	if (updated_in == InvalidSubTransactionId)
	{
		update_revision();
		forget_state();
	}
}

/*
 * The same for who has to lock one of the tables first.  Others have locks on it
 * when they wait for this one (or the other way round), so never wait for this
 * one with the table locked.
 */
void
revision_lock_and_table(Oid relid, LOCKMODE mode)
{
	Relation	rel = table_open(org_tables()->revision, RowExclusiveLock);

	for (;;)
	{
		LockRelationOid(relid, mode);
		if (ConditionalLockPage(rel, 0, ExclusiveLock))
			break;
		UnlockRelationOid(relid, mode);
		LockPage(rel, 0, ExclusiveLock);
		UnlockPage(rel, 0, ExclusiveLock);
	}
	table_close(rel, NoLock);
	revision_lock();
}

/*
 * The command of the statement that the calling trigger was fired by.
 */
static CommandId
statement_command(void)
{
	CommandId	cid = GetCurrentCommandId(true);

	if (ActiveSnapshotSet())
		cid = Min(cid, GetActiveSnapshot()->curcid);
	return cid;
}

static void
add_change(CommandId cid, bool running)
{
	size_t		at;

	revision_lock();

	if (nchanges == changes_room)
	{
		size_t		room = Max(changes_room * 2, 16);

		if (changes == NULL)
			changes = MemoryContextAlloc(TopTransactionContext,
										 room * sizeof(OwnChange));
		else
			changes = repalloc_huge(changes, room * sizeof(OwnChange));
		changes_room = room;
	}

	/*
	 * Nearly always at the end.  A part of a data-modifying WITH may come
	 * after what triggers of another part did: these states have its rows too
	 * from now on, and are others.
	 */
	for (at = nchanges; at > 0 && changes[at - 1].cid > cid; at--)
		changes[at] = changes[at - 1];
	changes[at].cid = cid;
	changes[at].subid = GetCurrentSubTransactionId();
	changes[at].running = running;
	nchanges++;
	if (running)
		nrunning++;
	for (; at < nchanges; at++)
		changes[at].number = ++last_number;
	forget_state();
}

/* The change that was begun last of those that run; NULL if none does. */
static OwnChange *
innermost_running(void)
{
	if (nrunning > 0)
	{
		for (size_t i = nchanges; i-- > 0;)
		{
			if (changes[i].running)
				return &changes[i];
		}
	}
	return NULL;
}

/*
 * A statement is about to change the hierarchy.
 */
void
revision_begin_change(void)
{
	add_change(statement_command(), true);
}

/*
 * It has done so.  Statements end in the opposite order of their beginning,
 * or they share a command (data-modifying WITH) and it does not matter.
 */
void
revision_end_change(void)
{
	OwnChange  *change = innermost_running();

	if (change != NULL)
	{
		change->running = false;
		nrunning--;
	}
	forget_state();
}

/*
 * A row of the hierarchy has been changed.  That matters only where no
 * statement has said so: a replication worker applies rows without one.
 */
void
revision_note_row(void)
{
	CommandId	cid = statement_command();
	OwnChange  *change = innermost_running();

	if (change == NULL || change->cid != cid)
		add_change(cid, false);
}

/*
 * The number of the last change of this transaction, 0 if there was none.
 */
uint64
revision_last_change(void)
{
	return nchanges > 0 ? changes[nchanges - 1].number : 0;
}

/*
 * Is a statement that changes the hierarchy still running, other than the one
 * that wrote with this command?  (In its middle a trigger or a function may change
 * rows, or have those checked that were changed before.)
 */
bool
revision_is_running_beside(CommandId cid)
{
	for (size_t i = 0; nrunning > 0 && i < nchanges; i++)
	{
		if (changes[i].running && changes[i].cid != cid)
			return true;
	}
	return false;
}
