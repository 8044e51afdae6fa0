/*-------------------------------------------------------------------------
 *
 * unit.c
 *	  TAP, expectations, random numbers and failing memory for the tests
 *	  outside a server.
 *
 * A test program takes a seed as its argument or from UNIT_SEED.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#define DEFAULT_SEED	UINT64CONST(20260401)
#define SHOWN_FAILURES	5		/* of one test */

bool		unit_abort_at_failure = false;

static long failures = 0;		/* of the running test */

/*----------
 * Expectations and TAP
 *----------
 */

void
unit_unexpected(const char *file, int line, const char *condition,
				const char *format,...)
{
	const char *base = strrchr(file, '/');
	va_list		args;

	if (++failures > SHOWN_FAILURES)
		return;
	printf("# %s:%d: not so: %s: ", base ? base + 1 : file, line, condition);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	if (unit_abort_at_failure)
		abort();
}

void
unit_note(const char *format,...)
{
	va_list		args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

/* Processor time of this program. */
double
unit_seconds(void)
{
	return (double) clock() / CLOCKS_PER_SEC;
}

int
unit_main(int argc, char **argv, const UnitTest *test, size_t ntests)
{
	const char *seed_text = argc > 1 ? argv[1] : getenv("UNIT_SEED");
	uint64		seed = DEFAULT_SEED;
	int			failed = 0;

	if (seed_text != NULL && *seed_text != '\0')
		seed = strtoull(seed_text, NULL, 0);

	printf("1..%zu\n", ntests);
	unit_note("seed %llu", (unsigned long long) seed);
	for (size_t i = 0; i < ntests; i++)
	{
		double		begin = unit_seconds();

		failures = 0;
		random_seed(seed + i);
		test[i].run();
		if (failures > SHOWN_FAILURES)
			unit_note("%ld failures in all", failures);
		printf("%sok %zu - %s\n", failures > 0 ? "not " : "", i + 1,
			   test[i].name);
		unit_note("%.2f s", unit_seconds() - begin);
		failed += failures > 0;
	}
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/*----------
 * Random numbers
 *----------
 */

static uint64 random_state;

void
random_seed(uint64 seed)
{
	random_state = seed;
}

/* Sebastiano Vigna's splitmix64, public domain. */
uint64
random_bits(void)
{
	uint64		bits = (random_state += UINT64CONST(0x9e3779b97f4a7c15));

	bits = (bits ^ (bits >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	bits = (bits ^ (bits >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return bits ^ (bits >> 31);
}

uint64
random_below(uint64 bound)
{
	return random_bits() % bound;
}

int64
random_between(int64 least, int64 greatest)
{
	return least + (int64) random_below((uint64) (greatest - least) + 1);
}

/*----------
 * Memory
 *
 * Each allocation is a block of malloc()'s, so that a sanitizer sees every
 * step beyond it, and comes filled with rubbish.  What has not been freed is
 * known: unit_memory_drop() frees it, as dropping a memory context does.
 *----------
 */

#define RUBBISH		0xA5

static UnitFuse fuse_kind = UNIT_NO_FUSE;
static long fuse_left;			/* until the fuse blows */
static jmp_buf fuse_escape;

static void
burn_fuse(UnitFuse kind)
{
	if (fuse_kind == kind && --fuse_left == 0)
		longjmp(fuse_escape, 1);
}

static void *
arena_alloc(void *context, size_t size)
{
	UnitMemory *arena = context;
	void	   *block;

	burn_fuse(UNIT_ALLOC);
	block = unit_alloc(1, size);
	memset(block, RUBBISH, size);
	arena->block = unit_grow(arena->block, arena->nblocks, &arena->room,
							 sizeof(UnitBlock));
	arena->block[arena->nblocks].pointer = block;
	arena->block[arena->nblocks++].size = size;
	arena->bytes += size;
	return block;
}

static void
arena_free(void *context, void *pointer)
{
	UnitMemory *arena = context;
	size_t		i = arena->nblocks;

	while (i > 0 && arena->block[i - 1].pointer != pointer)
		i--;
	if (!expect(i > 0, "freed what was not allocated here"))
		return;
	arena->bytes -= arena->block[i - 1].size;
	arena->block[i - 1] = arena->block[--arena->nblocks];
	free(pointer);
}

static void
arena_poll(void *context)
{
	(void) context;
	burn_fuse(UNIT_POLL);
}

void
unit_memory_begin(UnitMemory *memory)
{
	memset(memory, 0, sizeof(UnitMemory));
	memory->memory.alloc = arena_alloc;
	memory->memory.free = arena_free;
	memory->memory.poll = arena_poll;
	memory->memory.context = memory;
}

void
unit_memory_drop(UnitMemory *memory)
{
	for (size_t i = 0; i < memory->nblocks; i++)
		free(memory->block[i].pointer);
	free(memory->block);
	unit_memory_begin(memory);
}

/*
 * Run the body.  At the count-th allocation or poll it is left as by an
 * error; false is returned then.
 */
bool
unit_try(void (*body) (void *), void *argument, UnitFuse fuse, long count)
{
	fuse_kind = fuse;
	fuse_left = count;
	if (setjmp(fuse_escape) != 0)
	{
		fuse_kind = UNIT_NO_FUSE;
		return false;
	}
	body(argument);
	fuse_kind = UNIT_NO_FUSE;
	return true;
}

/*
 * Fail at the first, the second, ... until the body gets to its end, with a
 * cleanup after each.  Returns how often it failed.
 */
long
unit_try_each(void (*body) (void *), void (*cleanup) (void *), void *argument,
			  UnitFuse fuse)
{
	long		count = 1;

	while (!unit_try(body, argument, fuse, count))
	{
		cleanup(argument);
		count++;
	}
	cleanup(argument);
	return count - 1;
}

/*
 * Memory for the tests themselves.
 */
void *
unit_alloc(size_t count, size_t size)
{
	void	   *block = malloc(Max(count * size, 1));

	if (block == NULL)
	{
		printf("Bail out! Out of memory\n");
		exit(EXIT_FAILURE);
	}
	return block;
}

void *
unit_grow(void *array, size_t used, size_t *room, size_t size)
{
	void	   *bigger;

	if (used < *room)
		return array;
	*room = Max(*room * 2, 16);
	bigger = unit_alloc(*room, size);
	if (used > 0)
		memcpy(bigger, array, used * size);
	free(array);
	return bigger;
}
