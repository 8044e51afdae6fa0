/*-------------------------------------------------------------------------
 *
 * revision.h
 *	  Which state of the hierarchy a snapshot sees.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef REVISION_H
#define REVISION_H

#include "access/twophase.h"
#include "storage/lockdefs.h"
#include "utils/snapshot.h"

/*
 * A state of the hierarchy's tables.  Two snapshots of one backend that see
 * equal states see equal rows.
 */
typedef struct HierarchyState
{
	uint64		revision;		/* the transaction that last changed it, as
								 * far as the snapshot sees */
	uint64		own_change;		/* the last change of this transaction that
								 * the snapshot sees; 0: none */
	bool		settled;		/* false: the snapshot may see part of a
								 * statement that is still running; equal to
								 * nothing, not even itself */
} HierarchyState;

/* What tells one snapshot of this backend from another. */
typedef struct SnapshotKey
{
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	curcid;
	uint64		running;		/* see snapshot_running() */
} SnapshotKey;

extern uint64 snapshot_running_sum(Snapshot snapshot);

/*
 * A checksum of the transactions that were running.  Their number tells of
 * each one that ended, except where another is in the list twice: as one does
 * that waits for a standby in PREPARE TRANSACTION.
 */
static inline uint64
snapshot_running(Snapshot snapshot)
{
	return unlikely(max_prepared_xacts > 0) ? snapshot_running_sum(snapshot) : 0;
}

static inline SnapshotKey
snapshot_key(Snapshot snapshot)
{
	SnapshotKey key;

	key.xmin = snapshot->xmin;
	key.xmax = snapshot->xmax;
	key.xcnt = snapshot->xcnt;
	key.subxcnt = snapshot->subxcnt;
	key.curcid = snapshot->curcid;
	key.running = snapshot_running(snapshot);
	return key;
}

static inline bool
snapshot_key_matches(const SnapshotKey *key, Snapshot snapshot)
{
	return key->curcid == snapshot->curcid &&
		key->xmax == snapshot->xmax &&
		key->xmin == snapshot->xmin &&
		key->xcnt == snapshot->xcnt &&
		key->subxcnt == snapshot->subxcnt &&
		key->running == snapshot_running(snapshot);
}

static inline bool
hierarchy_state_equal(const HierarchyState *a, const HierarchyState *b)
{
	return a->settled && b->settled &&
		a->revision == b->revision && a->own_change == b->own_change;
}

extern void revision_initialize(void);
extern Datum revision_column(AttrNumber column, Snapshot snapshot,
							 bool *isnull);
extern HierarchyState revision_state(Snapshot snapshot);
extern void revision_lock(void);
extern void revision_lock_and_table(Oid relid, LOCKMODE mode);
extern void revision_begin_change(void);
extern void revision_end_change(void);
extern void revision_note_row(void);
extern uint64 revision_last_change(void);
extern bool revision_is_running_beside(CommandId cid);

#endif							/* REVISION_H */
