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
 * levels of cache is made sparse: there looking into a second bucket costs more
 * than memory does.
 */
void
code_index_create(CodeIndex *index, uint32 ncodes, const OrgMemory *memory)
{
	uint64		slots = ncodes <= SMALL_TABLE ? (uint64) ncodes * 2 :
		(uint64) ncodes * 4 / 3;

	index->nbuckets = (uint32) (slots / CODE_BUCKET_SLOTS) + 1;
	index->block = org_alloc(memory, index->nbuckets + (size_t) 1,
							 sizeof(CodeBucket));
	index->bucket = (CodeBucket *) TYPEALIGN(sizeof(CodeBucket), index->block);
	for (uint32 i = 0; i < index->nbuckets; i++)
	{
		for (int k = 0; k < CODE_BUCKET_SLOTS; k++)
		{
			CodeSlot   *slot = &index->bucket[i].slot[k];

			slot->code = CODE_INDEX_FREE;
			slot->value = CODE_INDEX_NONE;
			slot->size = 0;
		}
	}
}

/*
 * Give a code, which must not have one yet, its value.  False if it has.
 */
bool
code_index_insert(CodeIndex *index, IomNode node, uint32 value)
{
	CodeBucket *bucket = code_index_begin(index, node);

	for (;;)
	{
		for (int k = 0; k < CODE_BUCKET_SLOTS; k++)
		{
			CodeSlot   *slot = &bucket->slot[k];

			if (slot->value == CODE_INDEX_NONE)
			{
				slot->code = node;
				slot->value = value;
				return true;
			}
			if (slot->code == node)
				return false;
		}
		bucket = code_index_next(index, bucket);
	}
}
