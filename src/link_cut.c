/*-------------------------------------------------------------------------
 *
 * link_cut.c
 *	  A forest that changes: link, cut and "root of" in O(log n) amortised,
 *	  whatever its depth.
 *
 * The link-cut trees of Sleator and Tarjan ("A data structure for dynamic
 * trees", 1983), in the form with splay trees of 1985.  Since a node is always
 * linked as the root of a tree and cut from the node that it was linked to, no
 * path is ever reversed, which leaves little code.
 *
 * Plain C, no server; the memory is the caller's.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "link_cut.h"

/* Is x the root of its splay tree? */
static inline bool
is_splay_root(const Link *link, uint32 x)
{
	uint32		parent = link[x].parent;

	return parent == LINK_NONE ||
		(link[parent].child[0] != x && link[parent].child[1] != x);
}

/* Move x above its parent in the splay tree. */
static inline void
rotate(Link *link, uint32 x)
{
	uint32		parent = link[x].parent;
	uint32		above = link[parent].parent;
	int			side = link[parent].child[1] == x;
	uint32		inner = link[x].child[!side];

	if (!is_splay_root(link, parent))
		link[above].child[link[above].child[1] == parent] = x;
	link[x].parent = above;
	link[x].child[!side] = parent;
	link[parent].parent = x;
	link[parent].child[side] = inner;
	if (inner != LINK_NONE)
		link[inner].parent = parent;
}

/* Make x the root of its splay tree. */
static void
splay(Link *link, uint32 x)
{
	while (!is_splay_root(link, x))
	{
		uint32		parent = link[x].parent;

		if (!is_splay_root(link, parent))
		{
			uint32		above = link[parent].parent;
			bool		straight = (link[parent].child[1] == x) ==
				(link[above].child[1] == parent);

			rotate(link, straight ? parent : x);
		}
		rotate(link, x);
	}
}

/* Make the path from the tree's root down to x, and no farther, one splay
 * tree with x as its root. */
static void
expose(Link *link, uint32 x)
{
	uint32		below = LINK_NONE;

	for (uint32 at = x; at != LINK_NONE; at = link[at].parent)
	{
		splay(link, at);
		link[at].child[1] = below;
		below = at;
	}
	splay(link, x);
}

/*
 * The root of the tree of x.
 */
uint32
link_cut_root(Link *link, uint32 x)
{
	expose(link, x);
	while (link[x].child[0] != LINK_NONE)
		x = link[x].child[0];
	splay(link, x);				/* pays for the way down */
	return x;
}

/*
 * Hang x, the root of a tree, below a node of another tree.
 */
void
link_cut_link(Link *link, uint32 x, uint32 above)
{
	expose(link, x);
	link[x].parent = above;
}

/*
 * Make x, no root, the root of a tree of its own.
 */
void
link_cut_cut(Link *link, uint32 x)
{
	expose(link, x);
	link[link[x].child[0]].parent = LINK_NONE;
	link[x].child[0] = LINK_NONE;
}
