/*-------------------------------------------------------------------------
 *
 * code_index.c
 *	  Making the hash table from codes to small numbers.
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

#define SMALL_TABLE	2048

/*
 * Make an empty table for up to ncodes codes.  One that fits into the first
 * levels of cache is made sparse: there a second comparison, whose outcome the
 * processor cannot predict, costs more than memory does.
 */
void
code_index_create(CodeIndex *index, uint32 ncodes, const OrgMemory *memory)
{
	index->nslots = ncodes <= SMALL_TABLE ? ncodes * 4 + 8 :
		ncodes + ncodes / 2;
	index->slot = org_alloc(memory, index->nslots, sizeof(CodeSlot));
	index->end = index->slot + index->nslots;
	memset(index->slot, 0xFF, code_index_bytes(index));
}
