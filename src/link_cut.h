/*-------------------------------------------------------------------------
 *
 * link_cut.h
 *	  A forest that changes: link, cut and "root of" in O(log n) amortised.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef LINK_CUT_H
#define LINK_CUT_H

#define LINK_NONE	PG_UINT32_MAX

/*
 * A node of the forest, known by its place in an array of these.  Paths that
 * were asked for lately are splay trees ordered by level; the root of such a
 * tree points ("parent") to the node above the path's upper end, which does not
 * point back.
 */
typedef struct Link
{
	uint32		parent;
	uint32		child[2];		/* nearer to the root, farther from it */
} Link;

/* A node that has been asked for nothing yet, below another one or LINK_NONE. */
static inline Link
link_cut_node(uint32 above)
{
	Link		link;

	link.parent = above;
	link.child[0] = LINK_NONE;
	link.child[1] = LINK_NONE;
	return link;
}

extern uint32 link_cut_root(Link *link, uint32 x);
extern void link_cut_link(Link *link, uint32 x, uint32 above);
extern void link_cut_cut(Link *link, uint32 x);

#endif							/* LINK_CUT_H */
