/*-------------------------------------------------------------------------
 *
 * code_set.h
 *	  A set of codes, in eleven bytes a code: is this one of them?
 *
 * Open addressing as in code_index.h, with nothing beside the codes: half the
 * memory, so that the set of half of a large organisation is nearer to the
 * processor than a table of all of it.  A bucket of eight codes is one cache
 * line, and is looked through without a jump.
 *
 * Made for a known number of codes, never deleted from.  Memory is the owner's.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef CODE_SET_H
#define CODE_SET_H

#include "code_index.h"

#define CODE_SET_SLOTS		8
#define CODE_SET_LINE		(CODE_SET_SLOTS * sizeof(IomNode))

typedef struct CodeSet
{
	IomNode		(*bucket)[CODE_SET_SLOTS];	/* the free slots of each are last */
	uint32		nbuckets;		/* at least one has a free slot */
	void	   *block;			/* what was allocated */
} CodeSet;

/* Make an empty set for up to ncodes codes, three quarters full then. */
static inline void
code_set_create(CodeSet *set, uint32 ncodes, const OrgMemory *memory)
{
	set->nbuckets = (uint32) ((uint64) ncodes * 4 / 3 / CODE_SET_SLOTS) + 1;
	set->block = org_alloc(memory, set->nbuckets + (size_t) 1, CODE_SET_LINE);
	set->bucket = (IomNode (*)[CODE_SET_SLOTS]) TYPEALIGN(CODE_SET_LINE,
														   set->block);
	for (uint32 i = 0; i < set->nbuckets; i++)
	{
		for (int k = 0; k < CODE_SET_SLOTS; k++)
			set->bucket[i][k] = CODE_INDEX_FREE;
	}
}

static inline uint32
code_set_begin(const CodeSet *set, IomNode node)
{
	return (uint32) ((code_hash(node) * set->nbuckets) >> 32);
}

/* Add a code, which must not be there yet. */
static inline void
code_set_add(CodeSet *set, IomNode node)
{
	uint32		i = code_set_begin(set, node);

	for (;;)
	{
		for (int k = 0; k < CODE_SET_SLOTS; k++)
		{
			if (set->bucket[i][k] == CODE_INDEX_FREE)
			{
				set->bucket[i][k] = node;
				return;
			}
		}
		if (++i == set->nbuckets)
			i = 0;
	}
}

static inline bool
code_set_has(const CodeSet *set, IomNode node)
{
	uint32		i = code_set_begin(set, node);

	for (;;)
	{
		const IomNode *slot = set->bucket[i];
		bool		has;

		/* whoever asked jumps on the answer: no need to do so here as well */
		StaticAssertStmt(CODE_SET_SLOTS == 8, "eight comparisons");
		has = (slot[0] == node) | (slot[1] == node) | (slot[2] == node) |
			(slot[3] == node) | (slot[4] == node) | (slot[5] == node) |
			(slot[6] == node) | (slot[7] == node);
		if (likely(has | (slot[CODE_SET_SLOTS - 1] == CODE_INDEX_FREE)))
			return has;
		if (++i == set->nbuckets)
			i = 0;
	}
}

/* Have the processor fetch what code_set_add() will write. */
#define code_set_prefetch(set, node) \
	org_prefetch((set)->bucket[code_set_begin(set, node)])

#endif							/* CODE_SET_H */
