/*-------------------------------------------------------------------------
 *
 * iomorg_compat.h
 *	  Every difference between the supported server versions, 15 and later.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef IOMORG_COMPAT_H
#define IOMORG_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "iomorg needs PostgreSQL 15 or later"
#endif

/* 16 moved what is inside variable-length values out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * Soft errors came with 16.  Before, an input function's context is no place
 * to leave an error in, and it is thrown.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#else
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

/* 16 gave settings a memory context; what hooks keep must come from there. */
#if PG_VERSION_NUM < 160000
#define guc_malloc(elevel, size)	malloc(size)
#endif

/* 18 computes some generated columns only where they are read: rows have a null. */
#if PG_VERSION_NUM >= 180000
#define iom_is_virtual(att) \
	((att)->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
#else
#define iom_is_virtual(att)	((void) (att), false)
#endif

/* 18 writes in front what was an attribute behind. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn	pg_attribute_noreturn()
#endif

/* 18 has module names and versions in the magic block. */
#if PG_VERSION_NUM >= 180000
#define IOM_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "iomorg")
#else
#define IOM_MODULE_MAGIC	PG_MODULE_MAGIC
#endif

/* 18 skips over the leading column of a btree index if the type tells how. */
#if PG_VERSION_NUM >= 180000
#include "utils/skipsupport.h"
#define IOM_HAVE_SKIP_SUPPORT 1
#endif

/* 19 gave the scan of a table flags. */
#if PG_VERSION_NUM >= 190000
#define iom_table_beginscan(rel, snapshot) \
	table_beginscan(rel, snapshot, 0, NULL, SO_NONE)
#else
#define iom_table_beginscan(rel, snapshot) \
	table_beginscan(rel, snapshot, 0, NULL)
#endif

/* 19 wants to be told that a row type's columns are all there. */
#if PG_VERSION_NUM < 190000
#define TupleDescFinalize(desc)	((void) (desc))
#endif

/* 18 counts an index scan's work, for EXPLAIN; 19 gave it flags. */
#if PG_VERSION_NUM >= 190000
#define iom_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0, SO_NONE)
#elif PG_VERSION_NUM >= 180000
#define iom_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#else
#define iom_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, nkeys, 0)
#endif

/*
 * Before 17 a btree is scanned once for each element of an array.  The planner
 * gives up the order of what such a scan of a later column returns, but only
 * where the clause itself is an array's; and of two arrays for one column each
 * pair is tried.
 */
#define IOM_ONE_SCAN_PER_ELEMENT	(PG_VERSION_NUM < 170000)

/* 17 looks for the sequence of an identity column by relation. */
#if PG_VERSION_NUM >= 170000
#define iom_identity_sequence(rel, column) \
	getIdentitySequence(rel, column, false)
#else
#define iom_identity_sequence(rel, column) \
	getIdentitySequence(RelationGetRelid(rel), column, false)
#endif

/* 16 tells updates of summarizing indexes; 19 made flags of all that. */
#if PG_VERSION_NUM >= 190000
#define iom_insert_index_tuples(target, slot, estate) \
	ExecInsertIndexTuples(target, estate, 0, slot, NIL, NULL)
#elif PG_VERSION_NUM >= 160000
#define iom_insert_index_tuples(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL, false)
#else
#define iom_insert_index_tuples(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL)
#endif

/*
 * What finding one more element of an array in a btree costs, in operators.
 * Before 17 each one was a descent from the root (as btcostestimate counts it,
 * with three levels), since then neighbours are found on the same leaf.
 */
#if PG_VERSION_NUM >= 170000
#define IOM_DESCENT_OPERATORS	40
#else
#define IOM_DESCENT_OPERATORS	160
#endif

#endif							/* IOMORG_COMPAT_H */
