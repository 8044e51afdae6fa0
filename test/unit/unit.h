/*-------------------------------------------------------------------------
 *
 * unit.h
 *	  What the tests outside a server share: TAP, expectations, random
 *	  numbers, and memory that fails when it is told to.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_H
#define UNIT_H

#include "postgres_fe.h"

/* These programs are not linked with libpgport. */
#undef printf
#undef fprintf
#undef vprintf
#undef vfprintf
#undef snprintf
#undef vsnprintf
#undef qsort

#include "node_code.h"
#include "org_memory.h"

/*----------
 * Expectations and TAP
 *----------
 */

#define like_printf(format_at, arguments_at) \
	__attribute__((format(printf, format_at, arguments_at)))

typedef struct UnitTest
{
	const char *name;
	void		(*run) (void);
} UnitTest;

extern int	unit_main(int argc, char **argv, const UnitTest *test,
					  size_t ntests);
extern void unit_unexpected(const char *file, int line, const char *condition,
							const char *format,...) like_printf(4, 5);
extern void unit_note(const char *format,...) like_printf(1, 2);
extern double unit_seconds(void);

/* A fuzzer wants the first failure to end the program. */
extern bool unit_abort_at_failure;

/*
 * In a test: if the condition does not hold, the test fails and says so; it
 * goes on nevertheless.  The value is the condition's.
 */
#define expect(condition, ...) \
	((condition) ? true : \
	 (unit_unexpected(__FILE__, __LINE__, #condition, __VA_ARGS__), false))

/*----------
 * Random numbers: the same ones in every run, unless a seed is given
 *----------
 */

extern uint64 random_bits(void);
extern uint64 random_below(uint64 bound);
extern int64 random_between(int64 least, int64 greatest);
extern void random_seed(uint64 seed);

/*----------
 * Memory
 *----------
 */

typedef struct UnitBlock
{
	void	   *pointer;
	size_t		size;
} UnitBlock;

typedef struct UnitMemory
{
	OrgMemory	memory;			/* what the code under test gets */
	UnitBlock  *block;			/* what it has not given back */
	size_t		nblocks;
	size_t		room;
	size_t		bytes;			/* in these blocks */
} UnitMemory;

extern void unit_memory_begin(UnitMemory *memory);
extern void unit_memory_drop(UnitMemory *memory);

/* What makes a body of work throw: nothing, some allocation or some poll. */
typedef enum UnitFuse
{
	UNIT_NO_FUSE,
	UNIT_ALLOC,
	UNIT_POLL
} UnitFuse;

extern bool unit_try(void (*body) (void *), void *argument, UnitFuse fuse,
					 long count);
extern long unit_try_each(void (*body) (void *), void (*cleanup) (void *),
						  void *argument, UnitFuse fuse);

extern void *unit_alloc(size_t count, size_t size);
extern void *unit_grow(void *array, size_t used, size_t *room, size_t size);

#endif							/* UNIT_H */
