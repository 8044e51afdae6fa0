/*-------------------------------------------------------------------------
 *
 * code_index.h
 *	  From the code of a node to a small number: the hash table of a chart.
 *
 * Open addressing with linear probing over packed twelve-byte slots, five to
 * a cache line, two thirds full (small tables: a quarter).  Made for a known
 * number of codes, never deleted from.
 *
 * simplehash.h would do the same with twice the memory (it stores a status
 * and wants powers of two) and a slower probe; this is the hot path of every
 * function of the extension.
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

typedef struct CodeSlot
{
	uint32		code[2];		/* an IomNode; aligned, the slot would have
								 * sixteen bytes */
	uint32		value;			/* CODE_INDEX_NONE: the slot is free */
} CodeSlot;

typedef struct CodeIndex
{
	CodeSlot   *slot;
	CodeSlot   *end;			/* slot + nslots */
	uint32		nslots;			/* more than there are codes: some are free */
} CodeIndex;

/*
 * Where the search for a code begins.  Multiplying by 2^64 divided by the
 * golden ratio spreads the codes (Knuth, The Art of Computer Programming 3,
 * 6.4); the upper half of a second product scales that to the slots without
 * a division (Lemire, "Fast Random Integer Generation in an Interval", 2019).
 * The fold makes long runs of numbered codes spread as well as others.
 */
static inline CodeSlot *
code_index_begin(const CodeIndex *index, IomNode node)
{
	uint64		hash = (uint64) node;

	hash ^= hash >> 29;
	hash *= UINT64CONST(0x9E3779B97F4A7C15);
	return &index->slot[((hash >> 32) * index->nslots) >> 32];
}

static inline IomNode
code_slot_node(const CodeSlot *slot)
{
	IomNode		node;

	memcpy(&node, slot->code, sizeof(node));
	return node;
}

/*
 * The slot of a code: the one that has it, or the free one where it would go.
 */
static inline CodeSlot *
code_index_slot(const CodeIndex *index, IomNode node)
{
	CodeSlot   *slot = code_index_begin(index, node);

	while (code_slot_node(slot) != node)
	{
		if (slot->value == CODE_INDEX_NONE)
			break;
		if (++slot == index->end)
			slot = index->slot;
	}
	return slot;
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
static inline void
code_index_prefetch(const CodeIndex *index, IomNode node)
{
#if defined(__GNUC__)
	__builtin_prefetch(code_index_begin(index, node));
#endif
}

/* How many codes ahead of the present one a loop should prefetch. */
#define CODE_INDEX_AHEAD	12

/*
 * Give a code, which must not have one yet, its value.  False if it has.
 */
static inline bool
code_index_insert(CodeIndex *index, IomNode node, uint32 value)
{
	CodeSlot   *slot = code_index_slot(index, node);

	if (slot->value != CODE_INDEX_NONE)
		return false;
	memcpy(slot->code, &node, sizeof(node));
	slot->value = value;
	return true;
}

extern void code_index_create(CodeIndex *index, uint32 ncodes,
							  const OrgMemory *memory);

static inline size_t
code_index_bytes(const CodeIndex *index)
{
	return index->nslots * sizeof(CodeSlot);
}

#endif							/* CODE_INDEX_H */
