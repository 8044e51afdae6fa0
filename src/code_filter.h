/*-------------------------------------------------------------------------
 *
 * code_filter.h
 *	  A set of codes that may also have some others, in two bytes a code.
 *
 * A bit for each of many possible hash values, set for those of the codes
 * (Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970,
 * with a single hash).  What it does not have is not in the set; of all other
 * codes, one in sixteen passes too, and is to be looked up elsewhere.  It stays
 * in the processor's caches where a hash table of all nodes does not.
 *
 * Memory is the owner's.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef CODE_FILTER_H
#define CODE_FILTER_H

#include "code_index.h"

typedef struct CodeFilter
{
	uint64	   *bits;
	uint64		nbits;			/* a multiple of 64 */
} CodeFilter;

/* Make an empty filter for so many codes. */
static inline void
code_filter_create(CodeFilter *filter, uint32 ncodes, const OrgMemory *memory)
{
	size_t		words = ncodes / 4 + 1;

	filter->nbits = (uint64) words * 64;
	filter->bits = org_alloc(memory, words, sizeof(uint64));
	memset(filter->bits, 0, words * sizeof(uint64));
}

static inline uint64
code_filter_place(const CodeFilter *filter, IomNode node)
{
	return (code_hash(node) * filter->nbits) >> 32;
}

static inline bool
code_filter_has(const CodeFilter *filter, IomNode node)
{
	uint64		place = code_filter_place(filter, node);

	return (filter->bits[place / 64] >> (place % 64)) & 1;
}

static inline void
code_filter_add(CodeFilter *filter, IomNode node)
{
	uint64		place = code_filter_place(filter, node);

	filter->bits[place / 64] |= UINT64CONST(1) << (place % 64);
}

#endif							/* CODE_FILTER_H */
