/*-------------------------------------------------------------------------
 *
 * node_selfuncs.h
 *	  Estimates about columns of iom_node.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef NODE_SELFUNCS_H
#define NODE_SELFUNCS_H

#include "nodes/pathnodes.h"

#include "node_set.h"

extern double node_set_selectivity(PlannerInfo *root, Node *column_expression,
								   int varRelid, Oid operator,
								   const NodeSet *set);

#endif							/* NODE_SELFUNCS_H */
