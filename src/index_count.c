/*-------------------------------------------------------------------------
 *
 * index_count.c
 *	  How many rows of a table have one of a few nodes, by its index.
 *
 * Most nodes are leaves, most subtrees have a few nodes, and what statistics
 * tell of one node that is none of the most common ones is an average.  A btree
 * on the column tells exactly, for some microseconds: the planner itself looks
 * into indexes for the ends of a range (get_actual_variable_range).  The heap is
 * not visited, so rows that are dead but not vacuumed count.  As there, the
 * snapshot is none that a serializable transaction would have to remember.
 *
 * The planner holds a lock on the table and its indexes.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "index_count.h"
#include "iomorg.h"
#include "org_tables.h"

/* A btree of nodes, on all rows, that begins with the column, or NULL. */
static IndexOptInfo *
find_index(RelOptInfo *rel, Var *column)
{
	ListCell   *cell;

	foreach(cell, rel->indexlist)
	{
		IndexOptInfo *index = lfirst(cell);

		/* (a partitioned one, listed since PostgreSQL 16, has no rows) */
		if (index->relam == BTREE_AM_OID && index->sortopfamily != NULL &&
			!index->hypothetical &&
			index->opcintype[0] == org_tables_node_type() &&
			index->indpred == NIL && index->nkeycolumns > 0 &&
			index->indexkeys[0] == column->varattno)
			return index;
	}
	return NULL;
}

/*
 * Count the rows of rel whose column has a node of a set that is known and
 * small.  False if there is no index or there are too many of them.
 */
bool
index_count_rows(PlannerInfo *root, RelOptInfo *rel, Var *column,
				 const NodeSet *set, double *rows)
{
	RangeTblEntry *entry = planner_rt_fetch(rel->relid, root);
	IndexOptInfo *info;
	Relation	heap;
	Relation	index;
	SnapshotData snapshot;
	IndexScanDesc scan;
	IomNode    *sample;
	uint32		nsample;
	uint32		count = 0;

	if (entry->rtekind != RTE_RELATION || set->count > INDEX_COUNT_NODES)
		return false;

	/* of partitions: those of the table itself, if there are any, are empty */
	if (entry->inh)
		return false;
	info = find_index(rel, column);
	if (info == NULL)
		return false;

	heap = table_open(entry->relid, NoLock);
	index = index_open(info->indexoid, NoLock);
	InitNonVacuumableSnapshot(snapshot, GlobalVisTestFor(heap));
	scan = iom_index_beginscan(heap, index, &snapshot, 1);
	sample = node_set_sample(set, &nsample);
	for (uint32 i = 0; i < nsample && count <= INDEX_COUNT_ROWS; i++)
	{
		ScanKeyData key;

		/* equality of codes is equality of eight bytes */
		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ,
					IomNodeGetDatum(sample[i]));
		index_rescan(scan, &key, 1, NULL, 0);
		while (count <= INDEX_COUNT_ROWS &&
			   index_getnext_tid(scan, ForwardScanDirection) != NULL)
			count++;
	}
	index_endscan(scan);
	index_close(index, NoLock);
	table_close(heap, NoLock);

	*rows = count;
	return count <= INDEX_COUNT_ROWS;
}
