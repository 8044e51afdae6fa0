/*-------------------------------------------------------------------------
 *
 * code_index.h
 *	  From the code of a node to a small number: the hash table of a chart.
 *
 * Open addressing over buckets of four slots, one cache line each, three
 * quarters full (small tables: half): nearly every look-up touches one line.
 * Within it nothing is decided by jumps, whose outcome the processor could not
 * predict, so that it works ahead on the next row while a line is on its way.
 * Made for a known number of codes, never deleted from.
 *
 * simplehash.h would do the same with more memory (it wants powers of two and
 * stores a status), more lines a look-up and more jumps; this is the hot path
 * of every function of the extension.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef CODE_INDEX_H
#define CODE_INDEX_H

#include "node_code.h"
#include "org_memory.h"

#define CODE_INDEX_NONE		PG_UINT32_MAX
#define CODE_INDEX_FREE		PG_INT64_MAX	/* beyond every code (and not
											 * IOM_NODE_NONE, which may be a key) */

typedef struct CodeSlot
{
	IomNode		code;			/* CODE_INDEX_FREE: the slot is free */
	uint32		value;			/* CODE_INDEX_NONE: likewise */
	uint32		size;			/* what the owner wants to have at hand */
} CodeSlot;

#define CODE_BUCKET_SLOTS	4

typedef struct CodeBucket
{
	CodeSlot	slot[CODE_BUCKET_SLOTS];	/* the free ones are last */
} CodeBucket;

typedef struct CodeIndex
{
	CodeBucket *bucket;			/* at the beginning of a cache line */
	uint32		nbuckets;		/* at least one has a free slot */
	void	   *block;			/* what was allocated */
} CodeIndex;

/*
 * Where the search for a code begins.  Multiplying by 2^64 divided by the
 * golden ratio spreads the codes (Knuth, The Art of Computer Programming 3,
 * 6.4); the upper half of a second product scales that to the buckets without
 * a division (Lemire, "Fast Random Integer Generation in an Interval", 2019).
 * The fold makes long runs of numbered codes spread as well as others.
 */
static inline uint64
code_hash(IomNode node)
{
	uint64		hash = (uint64) node;

	hash ^= hash >> 29;
	hash *= UINT64CONST(0x9E3779B97F4A7C15);
	return hash >> 32;
}

static inline CodeBucket *
code_index_begin(const CodeIndex *index, IomNode node)
{
	return &index->bucket[(code_hash(node) * index->nbuckets) >> 32];
}

static inline CodeBucket *
code_index_next(const CodeIndex *index, CodeBucket *bucket)
{
	return ++bucket == index->bucket + index->nbuckets ?
		index->bucket : bucket;
}

/*
 * The slot of a code, or some free slot if it has none.
 */
static inline const CodeSlot *
code_index_slot(const CodeIndex *index, IomNode node)
{
	CodeBucket *bucket = code_index_begin(index, node);

	for (;;)
	{
		const CodeSlot *slot = bucket->slot;
		int			which;

		/* arithmetic, since compilers make jumps of anything else */
		StaticAssertStmt(CODE_BUCKET_SLOTS == 4, "four comparisons");
		which = (slot[1].code == node) | (slot[2].code == node) << 1 |
			(-(slot[3].code == node) & 3);
		if (likely(slot[which].code == node))
			return &slot[which];
		if (likely(slot[3].value == CODE_INDEX_NONE))
			return &slot[3];
		bucket = code_index_next(index, bucket);
	}
}

/*
 * The value of a code, or CODE_INDEX_NONE.
 */
static inline uint32
code_index_find(const CodeIndex *index, IomNode node)
{
	return code_index_slot(index, node)->value;
}

/* Have the processor fetch what code_index_find() will read. */
#define code_index_prefetch(index, node) \
	org_prefetch(code_index_begin(index, node))

/* How many codes ahead of the present one a loop should prefetch. */
#define CODE_INDEX_AHEAD	16

extern void code_index_create(CodeIndex *index, uint32 ncodes,
							  const OrgMemory *memory);
extern bool code_index_insert(CodeIndex *index, IomNode node, uint32 value);

static inline size_t
code_index_bytes(const CodeIndex *index)
{
	return (index->nbuckets + (size_t) 1) * sizeof(CodeBucket);
}

#endif							/* CODE_INDEX_H */
