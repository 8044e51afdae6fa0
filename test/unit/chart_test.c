/*-------------------------------------------------------------------------
 *
 * chart_test.c
 *	  Does the compiled chart answer as a naive twin does, and in the time
 *	  and memory it promises?
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "twin_chart.h"
#include "code_set.h"

#define LARGE			1000000
#define BYTES_A_NODE	48

/*----------
 * Against the twin
 *----------
 */

static ChartFaultKind
expect_shape(Shape shape, size_t n)
{
	Organisation org;
	ChartFaultKind kind;

	organisation_begin(&org);
	organisation_grow(&org, shape, n);
	if (random_below(3) > 0)
		organisation_shuffle_units(&org);
	if (random_below(3) > 0)
		organisation_shuffle_lines(&org);
	kind = expect_chart_like_twin(&org);
	organisation_free(&org);
	return kind;
}

static void
test_tiny_forests(void)
{
	for (size_t n = 0; n <= 24; n++)
	{
		for (Shape shape = 0; shape < NSHAPES; shape++)
		{
			for (int i = 0; i < 12; i++)
				expect(expect_shape(shape, n) == CHART_SOUND,
					   "%zu nodes in shape %d", n, shape);
		}
	}
}

static void
test_forests(void)
{
	static const size_t size[] = {63, 64, 65, 100, 129, 333, 1000};

	for (size_t i = 0; i < lengthof(size); i++)
	{
		for (Shape shape = 0; shape < NSHAPES; shape++)
			expect(expect_shape(shape, size[i]) == CHART_SOUND,
				   "%zu nodes in shape %d", size[i], shape);
	}
}

static void
test_large_forests(void)
{
	for (Shape shape = 0; shape < NSHAPES; shape++)
		expect(expect_shape(shape, 5000) == CHART_SOUND,
			   "5000 nodes in shape %d", shape);
}

/*----------
 * Faults
 *----------
 */

static ChartFaultKind
expect_shuffled(Organisation *org)
{
	organisation_shuffle_units(org);
	organisation_shuffle_lines(org);
	return expect_chart_like_twin(org);
}

static IomNode
random_unit(const Organisation *org)
{
	return org->unit[random_below(org->nunits)].code;
}

/* A code that no unit has. */
static IomNode
unknown_code(const Organisation *org)
{
	IomNode		unknown;

	do
	{
		IomNode    *code = random_codes(1);

		unknown = code[0];
		free(code);
	} while (organisation_unit_of(org, unknown) != NOBODY);
	return unknown;
}

static void
spoil_unit_twice(Organisation *org)
{
	organisation_add_unit(org, random_unit(org), 0, days_unbounded);
}

static void
spoil_unknown_node(Organisation *org)
{
	organisation_add_line(org, unknown_code(org), random_unit(org), true,
						  days_unbounded);
}

static void
spoil_unknown_supervisor(Organisation *org)
{
	IomNode		node = unknown_code(org);

	organisation_add_unit(org, node, 0, days_unbounded);
	organisation_add_line(org, node, unknown_code(org), true, days_unbounded);
}

/* The same line twice, and a line to another supervisor. */
static void
spoil_second_line(Organisation *org)
{
	OrgLine		line = org->line[random_below(org->nlines)];

	organisation_add_line(org, line.node, random_below(2) == 0 ?
						  line.supervisor : random_unit(org), true,
						  days_unbounded);
}

static void
test_faults(void)
{
	static const struct
	{
		void		(*spoil) (Organisation *org);
		ChartFaultKind kind;
	}			fault[] = {
		{spoil_unit_twice, CHART_DUPLICATE_NODE},
		{spoil_unknown_node, CHART_UNKNOWN_NODE},
		{spoil_unknown_supervisor, CHART_UNKNOWN_SUPERVISOR},
		{spoil_second_line, CHART_SECOND_LINE},
	};

	for (size_t i = 0; i < lengthof(fault); i++)
	{
		for (int times = 0; times < 300; times++)
		{
			Organisation org;

			organisation_begin(&org);
			organisation_grow(&org, SHAPE_RANDOM, 2 + random_below(40));
			fault[i].spoil(&org);
			expect(expect_shuffled(&org) == fault[i].kind, "fault %d",
				   fault[i].kind);
			organisation_free(&org);
		}
	}
}

/* Several faults in one organisation: the first to be found is reported. */
static void
test_many_faults(void)
{
	for (int times = 0; times < 2000; times++)
	{
		Organisation org;

		organisation_begin(&org);
		organisation_grow(&org, SHAPE_FOREST, 2 + random_below(12));
		for (uint64 i = random_below(4); i > 0; i--)
			organisation_add_line(&org, random_unit(&org), random_unit(&org),
								  true, days_unbounded);
		if (random_below(4) == 0)
			spoil_unknown_node(&org);
		if (random_below(4) == 0)
			spoil_unknown_supervisor(&org);
		if (random_below(8) == 0)
			spoil_unit_twice(&org);
		expect_shuffled(&org);
		organisation_free(&org);
	}
}

/*
 * A cycle of so many nodes; trees may hang below it and stand beside it.
 */
static void
add_cycle(Organisation *org, size_t length, size_t below)
{
	IomNode    *code = random_codes(length + below);

	for (size_t i = 0; i < length + below; i++)
	{
		IomNode		supervisor = i < length ? code[(i + 1) % length] :
			code[random_below(i)];

		organisation_add_unit(org, code[i], random_position(), days_unbounded);
		organisation_add_line(org, code[i], supervisor, true, days_unbounded);
	}
	free(code);
}

static void
expect_cycles(size_t ncycles, size_t length, size_t below, size_t beside)
{
	Organisation org;

	organisation_begin(&org);
	organisation_grow(&org, SHAPE_FOREST, beside);
	for (size_t i = 0; i < ncycles; i++)
		add_cycle(&org, length, below);
	/* two calls of random_codes() may come to the same code: then skip it */
	for (size_t i = 0; i < org.nunits; i++)
	{
		if (organisation_unit_of(&org, org.unit[i].code) != i)
		{
			organisation_free(&org);
			return;
		}
	}
	expect(expect_shuffled(&org) == CHART_CYCLE, "%zu cycles of %zu", ncycles,
		   length);
	organisation_free(&org);
}

static void
test_cycles(void)
{
	static const size_t length[] = {1, 2, 3, 7, 8, 9, 10, 100, 1000};

	for (size_t i = 0; i < lengthof(length); i++)
	{
		for (int times = 0; times < 20; times++)
		{
			expect_cycles(1, length[i], 0, 0);
			expect_cycles(1, length[i], 30, 0);
			expect_cycles(1, length[i], 0, 30);
			expect_cycles(1, length[i], 30, 30);
			if (length[i] <= 100)
				expect_cycles(1 + random_below(4), length[i], 20, 20);
		}
	}
}

/*
 * A cycle of a million nodes with as many below it: found in linear time.
 */
static void
test_large_cycle(void)
{
	Organisation org;
	UnitMemory	scratch;
	UnitMemory	keep;
	ChartFault	fault;
	double		begin;

	organisation_begin(&org);
	add_cycle(&org, LARGE / 2, LARGE / 2);
	organisation_shuffle_units(&org);
	unit_memory_begin(&scratch);
	unit_memory_begin(&keep);
	begin = unit_seconds();
	expect(build_chart(&org, &scratch, &keep, org.nunits, &fault) == NULL,
		   "a chart");
	unit_note("%.2f s to find a cycle of %d nodes", unit_seconds() - begin,
			  LARGE / 2);
	expect(fault.kind == CHART_CYCLE && fault.length == LARGE / 2,
		   "fault %d of length %u", fault.kind, fault.length);
	expect(keep.nblocks == 0, "%zu blocks are left", keep.nblocks);
	unit_memory_drop(&scratch);
	unit_memory_drop(&keep);
	organisation_free(&org);
}

/*----------
 * Large and deep
 *----------
 */

static void
expect_chain(const Chart *chart)
{
	uint32		n = chart->nnodes;

	for (uint32 rank = 0; rank < n; rank++)
	{
		const ChartPlace *place = &chart->place[rank];
		uint32		level = 1 + (uint32) random_below(place->level);

		expect(place->parent == (rank == 0 ? CHART_NONE : rank - 1) &&
			   place->level == rank + 1 && place->size == n - rank &&
			   chart_height(chart, rank) == n - rank - 1, "rank %u of a chain",
			   rank);
		expect(chart_ancestor(chart, rank, level) == level - 1,
			   "ancestor of rank %u at level %u", rank, level);
		expect(chart_root(chart, rank) == 0, "root of rank %u", rank);
		expect(chart_common_supervisor(chart, rank, level - 1) == level - 1 &&
			   chart_common_supervisor(chart, level - 1, rank) == level - 1,
			   "common supervisor of %u and %u", rank, level - 1);
	}
}

static void
expect_star(const Chart *chart)
{
	uint32		n = chart->nnodes;
	uint32		reports = 0;

	expect(chart->place[0].size == n && chart_height(chart, 0) == 1 &&
		   chart_span(chart, 0) == n - 1, "the middle of a star");
	for (uint32 rank = 1; rank < n; rank++)
	{
		const ChartPlace *place = &chart->place[rank];

		expect(place->parent == 0 && place->level == 2 && place->size == 1 &&
			   chart_height(chart, rank) == 0, "rank %u of a star", rank);
		expect(chart_common_supervisor(chart, rank, n - rank) ==
			   (rank == n - rank ? rank : 0), "common supervisor of %u", rank);
	}
	for (uint32 r = chart_first_report(chart, 0); r != CHART_NONE;
		 r = chart_next_report(chart, 0, r))
		expect(r == ++reports, "report %u is %u", reports, r);
}

/* Whatever the shape: sizes and levels fit together. */
static void
expect_tree(const Chart *chart)
{
	for (uint32 rank = 1; rank < chart->nnodes; rank++)
	{
		const ChartPlace *place = &chart->place[rank];

		expect(place->parent < rank &&
			   chart_within(chart, rank, place->parent) &&
			   place->level == chart->place[place->parent].level + 1 &&
			   rank + place->size <= place->parent +
			   chart->place[place->parent].size, "rank %u of a tree", rank);
	}
}

static void
expect_large(Shape shape, size_t n, size_t expected_units,
			 void (*expect_more) (const Chart *))
{
	Organisation org;
	UnitMemory	scratch;
	UnitMemory	keep;
	ChartFault	fault;
	Chart	   *chart;
	double		begin;

	organisation_begin(&org);
	organisation_grow(&org, shape, n);
	organisation_shuffle_units(&org);
	organisation_shuffle_lines(&org);
	unit_memory_begin(&scratch);
	unit_memory_begin(&keep);
	begin = unit_seconds();
	chart = build_chart(&org, &scratch, &keep, expected_units, &fault);
	unit_note("%.2f s to build from %zu rows in random order, %zu units "
			  "expected", unit_seconds() - begin, org.nunits + org.nlines,
			  expected_units);
	unit_memory_drop(&scratch);

	if (expect(chart != NULL, "fault %d", fault.kind))
	{
		double		bytes = ((double) chart->bytes -
							 sizeof(uint32) * chart->nlevels) / n;

		unit_note("%.1f bytes a node and 4 a level", bytes);
		expect(n < LARGE || bytes <= BYTES_A_NODE, "%.1f bytes a node", bytes);
		expect(chart->bytes == keep.bytes, "%zu bytes instead of %zu",
			   chart->bytes, keep.bytes);
		expect(chart->nnodes == n, "%u nodes", chart->nnodes);
		for (uint32 rank = 0; rank < chart->nnodes; rank++)
			expect(chart_find(chart, chart->code[rank]) == rank,
				   "code at rank %u is found at %u", rank,
				   chart_find(chart, chart->code[rank]));
		expect_more(chart);
		chart_free(chart, &keep.memory);
	}
	unit_memory_drop(&keep);
	organisation_free(&org);
}

static void
test_chain(void)
{
	expect_large(SHAPE_CHAIN, LARGE / 10, LARGE / 10, expect_chain);
}

static void
test_large_chain(void)
{
	expect_large(SHAPE_CHAIN, LARGE, LARGE, expect_chain);
}

static void
test_large_star(void)
{
	expect_large(SHAPE_STAR, LARGE, 0, expect_star);
}

static void
test_large_tree(void)
{
	expect_large(SHAPE_RANDOM, LARGE, LARGE * 3, expect_tree);
}

/* Table and set of every other one of these codes have these, and no other. */
static void
expect_half(const IomNode *code, uint32 ncodes, const OrgMemory *memory)
{
	CodeIndex	half;
	CodeSet		set;

	code_index_create(&half, (ncodes + 1) / 2, memory);
	code_set_create(&set, (ncodes + 1) / 2, memory);
	for (uint32 k = 0; k < ncodes; k += 2)
	{
		code_index_insert(&half, code[k], k);
		code_set_add(&set, code[k]);
	}
	for (uint32 k = 0; k < ncodes; k++)
	{
		expect(code_index_find(&half, code[k]) ==
			   (k % 2 == 0 ? k : CODE_INDEX_NONE),
			   "code %u is mistaken in half of %u", k, ncodes);
		expect(code_set_has(&set, code[k]) == (k % 2 == 0),
			   "code %u is mistaken in the set of half of %u", k, ncodes);
	}
}

/*
 * Organisations number their nodes: codes that differ in a few characters
 * must not crowd together in the hash table.
 */
static void
test_numbered_codes(void)
{
	static const char *const format[] = {
		"N%07u", "E%u", "%u", "%012u", "%u-00000", "OU.%x", "X%u.A"
	};
	uint32		n = 200000;

	for (size_t i = 0; i < lengthof(format); i++)
	{
		UnitMemory	memory;
		CodeIndex	index;
		IomNode    *code = unit_alloc(n, sizeof(IomNode));
		uint64		steps = 0;
		uint64		longest = 0;

		for (uint32 k = 0; k < n; k++)
		{
			char		text[32];
			size_t		where;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(text, sizeof(text), format[i], k);
#pragma GCC diagnostic pop
			expect(node_code_pack(text, strlen(text), &code[k], &where) ==
				   NODE_CODE_OK, "\"%s\" is no code", text);
		}
		unit_memory_begin(&memory);
		code_index_create(&index, n, &memory.memory);
		for (uint32 k = 0; k < n; k++)
			expect(code_index_insert(&index, code[k], k),
				   "code %u like %s came before", k, format[i]);
		for (uint32 k = 0; k < n; k++)
		{
			CodeBucket *begin = code_index_begin(&index, code[k]);
			const CodeSlot *slot = code_index_slot(&index, code[k]);
			uint64		buckets = 1;

			for (; slot < begin->slot || slot >= begin[1].slot;
				 begin = code_index_next(&index, begin))
				buckets++;
			expect(slot->value == k, "code %u is found at %u", k, slot->value);
			steps += buckets;
			longest = Max(longest, buckets);
		}
		for (uint32 few = 0; few < 100; few++)
			expect_half(code, few, &memory.memory);
		expect_half(code, n, &memory.memory);
		unit_note("codes like %s: %.2f buckets, %d at most", format[i],
				  (double) steps / n, (int) longest);
		/* 1.2 is what three quarters full and chance make */
		expect(steps <= 14 * (uint64) n / 10, "codes like %s crowd", format[i]);
		unit_memory_drop(&memory);
		free(code);
	}
}

/*----------
 * Errors in the middle
 *----------
 */

typedef struct Attempt
{
	Organisation org;
	size_t		expected_units;
	UnitMemory	scratch;
	UnitMemory	keep;
	long		finished;
} Attempt;

static void
attempt_chart(void *argument)
{
	Attempt    *attempt = argument;
	ChartFault	fault;
	Chart	   *chart = build_chart(&attempt->org, &attempt->scratch,
									&attempt->keep, attempt->expected_units,
									&fault);

	attempt->finished++;
	if (chart != NULL)
		chart_free(chart, &attempt->keep.memory);
	expect(attempt->keep.nblocks == 0, "%zu blocks are left",
		   attempt->keep.nblocks);
}

static void
drop_attempt(void *argument)
{
	Attempt    *attempt = argument;

	unit_memory_drop(&attempt->scratch);
	unit_memory_drop(&attempt->keep);
}

/*
 * However often memory runs out or a cancel comes, the next attempt is none
 * the worse.
 */
static void
expect_errors_survived(Attempt *attempt, UnitFuse fuse, long least)
{
	long		failures;

	unit_memory_begin(&attempt->scratch);
	unit_memory_begin(&attempt->keep);
	attempt->finished = 0;
	failures = unit_try_each(attempt_chart, drop_attempt, attempt, fuse);
	expect(failures >= least, "only %ld errors", failures);
	expect(attempt->finished == 1, "finished %ld times", attempt->finished);
}

static void
test_out_of_memory(void)
{
	for (Shape shape = 0; shape < NSHAPES; shape++)
	{
		Attempt		attempt;

		organisation_begin(&attempt.org);
		organisation_grow(&attempt.org, shape, 700);
		organisation_shuffle_lines(&attempt.org);
		for (attempt.expected_units = 0; attempt.expected_units < 2000;
			 attempt.expected_units += 700)
			expect_errors_survived(&attempt, UNIT_ALLOC, 6);

		/* and on the way to a report of a cycle */
		add_cycle(&attempt.org, 20, 5);
		expect_errors_survived(&attempt, UNIT_ALLOC, 6);
		organisation_free(&attempt.org);
	}
}

static void
test_cancel(void)
{
	Attempt		attempt;

	organisation_begin(&attempt.org);
	organisation_grow(&attempt.org, SHAPE_RANDOM, 30000);
	attempt.expected_units = attempt.org.nunits;
	expect_errors_survived(&attempt, UNIT_POLL, 10);
	organisation_free(&attempt.org);
}

int
main(int argc, char **argv)
{
	static const UnitTest test[] = {
		{"forests of 0 to 24 nodes answer like the twin", test_tiny_forests},
		{"forests of up to 1,000 nodes", test_forests},
		{"forests of 5,000 nodes", test_large_forests},
		{"a row that is wrong is reported", test_faults},
		{"of several the first", test_many_faults},
		{"cycles are reported from their smallest code", test_cycles},
		{"a cycle of 500,000", test_large_cycle},
		{"a chain of 100,000", test_chain},
		{"a chain of 1,000,000", test_large_chain},
		{"a star of 1,000,000", test_large_star},
		{"a random tree of 1,000,000", test_large_tree},
		{"numbered codes spread over the hash table", test_numbered_codes},
		{"out of memory at every allocation", test_out_of_memory},
		{"cancelled at every poll", test_cancel},
	};

	return unit_main(argc, argv, test, lengthof(test));
}
