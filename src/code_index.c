/*-------------------------------------------------------------------------
 *
 * code_index.c
 *	  Building the hash table from codes to small numbers.
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

#include "code_index.h"

/*
 * Make an empty table for up to ncodes codes.
 */
void
code_index_create(CodeIndex *index, uint32 ncodes, const OrgMemory *memory)
{
	index->nslots = ncodes + ncodes / 2 + 8;
	index->slot = org_alloc(memory, index->nslots, sizeof(CodeSlot));
	index->end = index->slot + index->nslots;
	memset(index->slot, 0xFF, code_index_bytes(index));
}

/*
 * Give each of the codes its place in the array as value.  Returns the place
 * of the first code that came before already, or CODE_INDEX_NONE; later ones
 * are not stored then.
 */
uint32
code_index_fill(CodeIndex *index, const IomNode *codes, uint32 ncodes,
				const OrgMemory *memory)
{
	for (uint32 i = 0; i < ncodes; i++)
	{
		CodeSlot   *slot;

		if (i + CODE_INDEX_AHEAD < ncodes)
			code_index_prefetch(index, codes[i + CODE_INDEX_AHEAD]);
		org_poll(memory, i);

		slot = code_index_slot(index, codes[i]);
		if (slot->value != CODE_INDEX_NONE)
			return i;
		slot->code_high = (uint32) ((uint64) codes[i] >> 32);
		slot->code_low = (uint32) (uint64) codes[i];
		slot->value = i;
	}
	return CODE_INDEX_NONE;
}
