/*-------------------------------------------------------------------------
 *
 * index_count.h
 *	  How many rows of a table have one of a few nodes, by its index.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef INDEX_COUNT_H
#define INDEX_COUNT_H

#include "nodes/pathnodes.h"

#include "node_set.h"

/* No more nodes are looked up, and no more rows are counted, for one estimate. */
#define INDEX_COUNT_NODES	16
#define INDEX_COUNT_ROWS	4096

extern bool index_count_rows(PlannerInfo *root, RelOptInfo *rel, Var *column,
							 const NodeSet *set, double *rows);

#endif							/* INDEX_COUNT_H */
