/*-------------------------------------------------------------------------
 *
 * node_set.h
 *	  What the planner may know of a set of nodes: a subtree, or a node and
 *	  the chain of command above it.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef NODE_SET_H
#define NODE_SET_H

#include "nodes/primnodes.h"

#include "chart.h"

typedef enum NodeSetKind
{
	SUBTREE_OF,					/* the node and all below it */
	CHAIN_OF,					/* the node and all above it */
	SUBTREE_LIST				/* as SUBTREE_OF, which it becomes, where the
								 * query will want the list in chart order */
} NodeSetKind;

/* No more nodes of one set are looked at while a query is planned. */
#define NODE_SET_SAMPLE		1024

/* Nor are more index probes made, where there is no chart yet. */
#define NODE_SET_PROBES		1024

typedef struct NodeSet
{
	NodeSetKind kind;
	double		total;			/* nodes in the hierarchy, at least 1 */
	double		count;			/* nodes in the set; if the node is not known
								 * yet, in an average one */
	bool		known;			/* the rest tells which they are */
	const Chart *chart;			/* of the set, if it is known (NULL: it is
								 * empty); of everything, or NULL, if not;
								 * pinned, since evaluating another argument
								 * may ask for another chart */
	uint32		top;			/* rank of the node, if there is a chart */
} NodeSet;

extern NodeSet node_set_for_planner(NodeSetKind kind, uint32 depth, int64 day,
									Node *node_expression);
extern IomNode *node_set_sample(const NodeSet *set, uint32 *n);
extern bool node_set_has(const NodeSet *set, IomNode node);
extern void node_set_sort(IomNode *node, size_t n);

static inline int
node_set_compare(const IomNode *a, const IomNode *b)
{
	return *a < *b ? -1 : *a > *b ? 1 : 0;
}

#endif							/* NODE_SET_H */
