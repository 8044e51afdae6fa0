/*-------------------------------------------------------------------------
 *
 * org_seek.c
 *	  Reading the rows of one node after another by index.
 *
 * One index scan is begun anew for each node: a walk of many steps opens
 * nothing twice.  What is seen is what the snapshot sees.
 *
 * The tables were opened with org_tables_open().  A seek holds a lock on its
 * index until it ends, and lives in the memory context in which it was begun.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "executor/tuptable.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

#include "org_seek.h"

struct OrgSeek
{
	Relation	table;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	OrgTables	tables;
};

/*
 * An index that was made while old versions of rows had other values does not
 * serve snapshots that may see those (as get_relation_info has it).
 */
static bool
is_usable(Relation index)
{
	return !index->rd_index->indcheckxmin ||
		TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data),
							  TransactionXmin);
}

/*
 * Begin to read a table by an index; NULL if that is not there or not usable.
 */
OrgSeek *
org_seek_begin(Relation table, OrgIndex which, Snapshot snapshot)
{
	OrgTables	found = *org_tables();
	Oid			indexes[] = {
		[UNIT_BY_NODE] = found.unit_pkey,
		[LINE_BY_NODE] = found.line_pkey,
		[LINE_BY_SUPERVISOR] = found.line_by_supervisor,
	};
	Relation	index;
	OrgSeek    *seek;

	if (!OidIsValid(indexes[which]))
		return NULL;
	index = index_open(indexes[which], AccessShareLock);
	if (!is_usable(index))
	{
		index_close(index, AccessShareLock);
		return NULL;
	}

	seek = palloc(sizeof(OrgSeek));
	seek->table = table;
	seek->index = index;
	seek->scan = iom_index_beginscan(table, index, snapshot, 1);
	seek->slot = table_slot_create(table, NULL);
	seek->tables = found;
	return seek;
}

/*
 * Turn to the rows of a node.
 */
void
org_seek(OrgSeek *seek, IomNode node)
{
	ScanKeyData key;

	/* equality of codes is equality of eight bytes */
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ,
				IomNodeGetDatum(node));
	index_rescan(seek->scan, &key, 1, NULL, 0);
}

/*
 * The next row of that node; false after the last one.
 */
bool
org_seek_next_unit(OrgSeek *seek, UnitRow *row)
{
	if (!index_getnext_slot(seek->scan, ForwardScanDirection, seek->slot))
		return false;
	org_unit_from_tuple(&seek->tables, seek->table,
						ExecFetchSlotHeapTuple(seek->slot, false, NULL), row);
	return true;
}

bool
org_seek_next_line(OrgSeek *seek, LineRow *row)
{
	if (!index_getnext_slot(seek->scan, ForwardScanDirection, seek->slot))
		return false;
	org_line_from_tuple(&seek->tables, seek->table,
						ExecFetchSlotHeapTuple(seek->slot, false, NULL), row);
	return true;
}

void
org_seek_end(OrgSeek *seek)
{
	ExecDropSingleTupleTableSlot(seek->slot);
	index_endscan(seek->scan);
	index_close(seek->index, AccessShareLock);
	pfree(seek);
}
