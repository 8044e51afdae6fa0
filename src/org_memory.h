/*-------------------------------------------------------------------------
 *
 * org_memory.h
 *	  Where the plain C parts take their memory from.
 *
 * In the server this is a memory context and CHECK_FOR_INTERRUPTS, in the
 * tests outside of it malloc() that may fail at random.
 *
 * alloc() never returns NULL: it throws (ereport in the server, longjmp in
 * the tests), and so may poll().  The plain C parts do not clean up after
 * that: whoever called them drops the context with all that is in it.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef ORG_MEMORY_H
#define ORG_MEMORY_H

typedef struct OrgMemory
{
	void	   *(*alloc) (void *context, size_t size);
	void		(*free) (void *context, void *pointer);
	void		(*poll) (void *context);
	void	   *context;
} OrgMemory;

#ifndef FRONTEND
extern OrgMemory org_memory_of(MemoryContext context);
#endif

/* Long loops look for a cancel once in so many steps. */
#define ORG_POLL_STEPS		8192

static inline void *
org_alloc(const OrgMemory *memory, size_t count, size_t size)
{
	return memory->alloc(memory->context, count * size);
}

static inline void
org_free(const OrgMemory *memory, void *pointer)
{
	if (pointer != NULL)
		memory->free(memory->context, pointer);
}

static inline void
org_poll(const OrgMemory *memory, size_t step)
{
	if (step % ORG_POLL_STEPS == 0)
		memory->poll(memory->context);
}

/*
 * Have the processor fetch memory that will be needed soon.  A macro, because
 * gcc takes an inline function that does nothing else for one without effect
 * and leaves out the call.
 */
#if defined(__GNUC__)
#define org_prefetch(address)	__builtin_prefetch(address)
#else
#define org_prefetch(address)	((void) (address))
#endif

/*
 * Make room for at least one more in an array that grows by doubling.
 */
static inline void *
org_grow(const OrgMemory *memory, void *array, size_t used, size_t *room,
		 size_t size)
{
	void	   *bigger;

	if (used < *room)
		return array;
	*room = Max(*room * 2, 64);
	bigger = org_alloc(memory, *room, size);
	if (used > 0)
		memcpy(bigger, array, used * size);
	org_free(memory, array);
	return bigger;
}

#endif							/* ORG_MEMORY_H */
