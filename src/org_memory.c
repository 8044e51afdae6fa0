/*-------------------------------------------------------------------------
 *
 * org_memory.c
 *	  The server as what org_memory.h asks for: a memory context, and
 *	  CHECK_FOR_INTERRUPTS.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifndef WIN32
#include <sys/mman.h>
#endif

#include "miscadmin.h"
#include "utils/memutils.h"

#include "org_memory.h"

/*
 * Random access to large arrays spends more time on address translation than
 * on memory: ask for huge pages, where a system has them for the asking.
 */
#define HUGE_PAGE	((uintptr_t) 2 * 1024 * 1024)

static void *
server_alloc(void *context, size_t size)
{
	char	   *block = MemoryContextAllocHuge((MemoryContext) context,
											   Max(size, 1));

#ifdef MADV_HUGEPAGE
	if (size >= 2 * HUGE_PAGE)
	{
		uintptr_t	begin = TYPEALIGN(HUGE_PAGE, (uintptr_t) block);
		uintptr_t	end = TYPEALIGN_DOWN(HUGE_PAGE, (uintptr_t) block + size);

		(void) madvise((void *) begin, end - begin, MADV_HUGEPAGE);
	}
#endif
	return block;
}

static void
server_free(void *context pg_attribute_unused(), void *pointer)
{
	pfree(pointer);
}

static void
server_poll(void *context pg_attribute_unused())
{
	CHECK_FOR_INTERRUPTS();
}

/*
 * The server as a source of memory: from the given context.
 */
OrgMemory
org_memory_of(MemoryContext context)
{
	OrgMemory	memory;

	memory.alloc = server_alloc;
	memory.free = server_free;
	memory.poll = server_poll;
	memory.context = context;
	return memory;
}
