/*-------------------------------------------------------------------------
 *
 * code_set.h
 *	  A set of codes, in eleven bytes a code.
 *
 * What code_index.h is, with nothing but the codes: half of its memory, so that
 * a large subtree is looked up in the processor's caches where the table of all
 * nodes is not in them.  Buckets of eight codes, one cache line each, three
 * quarters full.
 *
 * Memory is the owner's, of code_set_bytes(), cleared by code_set_clear() before
 * the first code is added; each code is added once.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef CODE_SET_H
#define CODE_SET_H

#include "code_index.h"

#define CODE_SET_SLOTS	8

typedef struct CodeSetBucket
{
	IomNode		code[CODE_SET_SLOTS];	/* the free ones are last */
} CodeSetBucket;

typedef struct CodeSet
{
	CodeSetBucket *bucket;		/* at the beginning of a cache line */
	uint32		nbuckets;		/* at least one has a free slot */
} CodeSet;

/* How many buckets a set of so many codes has. */
static inline uint32
code_set_buckets(uint32 ncodes)
{
	return (uint32) ((uint64) ncodes * 4 / 3 / CODE_SET_SLOTS) + 1;
}

/* The memory that they take, wherever it begins. */
static inline size_t
code_set_bytes(uint32 ncodes)
{
	return (code_set_buckets(ncodes) + (size_t) 1) * sizeof(CodeSetBucket);
}

static inline void
code_set_clear(CodeSet *set, void *memory, uint32 ncodes)
{
	set->bucket = (CodeSetBucket *) TYPEALIGN(sizeof(CodeSetBucket), memory);
	set->nbuckets = code_set_buckets(ncodes);
	for (uint32 i = 0; i < set->nbuckets; i++)
	{
		for (int k = 0; k < CODE_SET_SLOTS; k++)
			set->bucket[i].code[k] = CODE_INDEX_FREE;
	}
}

static inline CodeSetBucket *
code_set_begin(const CodeSet *set, IomNode node)
{
	return &set->bucket[(code_hash(node) * set->nbuckets) >> 32];
}

static inline CodeSetBucket *
code_set_next(const CodeSet *set, CodeSetBucket *bucket)
{
	return ++bucket == set->bucket + set->nbuckets ? set->bucket : bucket;
}

static inline bool
code_set_has(const CodeSet *set, IomNode node)
{
	CodeSetBucket *bucket = code_set_begin(set, node);

	for (;;)
	{
		const IomNode *code = bucket->code;
		bool		found;

		/* no jumps: see code_index_slot() */
		StaticAssertStmt(CODE_SET_SLOTS == 8, "eight comparisons");
		found = (code[0] == node) | (code[1] == node) |
			(code[2] == node) | (code[3] == node) |
			(code[4] == node) | (code[5] == node) |
			(code[6] == node) | (code[7] == node);
		if (found || likely(code[CODE_SET_SLOTS - 1] == CODE_INDEX_FREE))
			return found;
		bucket = code_set_next(set, bucket);
	}
}

static inline void
code_set_add(CodeSet *set, IomNode node)
{
	CodeSetBucket *bucket = code_set_begin(set, node);
	int			k = 0;

	while (bucket->code[k] != CODE_INDEX_FREE)
	{
		if (++k == CODE_SET_SLOTS)
		{
			k = 0;
			bucket = code_set_next(set, bucket);
		}
	}
	bucket->code[k] = node;
}

#endif							/* CODE_SET_H */
