/*-------------------------------------------------------------------------
 *
 * soundness_test.c
 *	  Does the sweep over the days find what a naive twin finds day by day?
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "twin_soundness.h"

#define MANY		100000
#define YEARS		10
#define DAYS_A_YEAR	365

/* Of processor time, with sanitizers on a slow machine: 30 times as much as
 * elsewhere.  With a sweep of quadratic time it would be three times this. */
#define SECONDS_FOR_MANY	5.0

/*----------
 * Small and random
 *----------
 */

/*
 * Days out of a few, often unbounded, seldom empty.
 */
static Days
random_days(int64 last)
{
	Days		days;

	days.from = random_below(3) == 0 ? DAYS_UNBOUNDED_FROM :
		random_between(0, last);
	days.to = random_below(3) == 0 ? DAYS_UNBOUNDED_TO :
		random_between(0, last);
	if (days.from > days.to && random_below(8) > 0)
	{
		int64		from = days.from;

		days.from = days.to;
		days.to = from;
	}
	if (random_below(6) == 0 && days.from != DAYS_UNBOUNDED_FROM)
		days.to = days.from + 1;
	return days;
}

/*
 * Up to so many units and lines on few days; "wild" is how often, out of a
 * hundred times, a row is something out of the ordinary.
 */
static void
random_organisation(Organisation *org, size_t nunits, size_t nlines,
					uint64 wild)
{
	IomNode    *code = random_codes(nunits + 1);

	organisation_begin(org);
	for (size_t i = 0; i < nunits; i++)
		organisation_add_unit(org, code[i], random_position(),
							  random_below(100) < wild ? random_days(10) :
							  days_unbounded);
	if (nunits > 0 && random_below(400) < wild)
		organisation_add_unit(org, code[random_below(nunits)], 0,
							  days_unbounded);
	for (size_t i = 0; i < nlines; i++)
	{
		/* the last of the codes is nobody's */
		size_t		known = random_below(100) < wild || nunits == 0 ?
			nunits + 1 : nunits;
		size_t		node = random_below(known);
		size_t		supervisor = random_below(known);

		if (node == supervisor && random_below(100) >= wild)
			continue;
		/* lines that go down only make no cycles: have both */
		if (random_below(2) == 0 && node < supervisor)
		{
			node = supervisor;
			supervisor = random_below(node);
		}
		organisation_add_line(org, code[node], code[supervisor],
							  random_below(10) > 0, random_days(10));
	}
	free(code);
}

static void
test_random(size_t most_units, size_t most_lines, uint64 wild, int times)
{
	long		nsound = 0;

	for (int i = 0; i < times; i++)
	{
		Organisation org;

		random_organisation(&org, random_below(most_units + 1),
							random_below(most_lines + 1), wild);
		if (expect_organisation_like_twins(&org))
			nsound++;
		organisation_free(&org);
	}
	unit_note("%ld of %d were sound", nsound, times);
	expect(nsound > times / 50 && nsound < times - times / 50,
		   "%ld of %d were sound", nsound, times);
}

static void
test_tame(void)
{
	test_random(8, 10, 0, 10000);
}

static void
test_wild(void)
{
	test_random(6, 8, 20, 10000);
}

static void
test_crowded(void)
{
	test_random(30, 40, 1, 1500);
}

/*
 * A sound organisation in which every node moves, and one more line: the
 * cycle it may make is longer than what a fault shows.
 */
static void
test_long_cycles(void)
{
	long		ncycles = 0;

	for (int times = 0; times < 300; times++)
	{
		Organisation org;
		size_t		n = 5 + random_below(30);
		FaultList	list;
		UnitMemory	scratch;

		organisation_begin(&org);
		organisation_grow(&org, times % 2 ? SHAPE_CHAIN : SHAPE_DEEP, n);
		organisation_add_line(&org, org.unit[0].code,
							  org.unit[1 + random_below(n - 1)].code, true,
							  random_days(10));
		organisation_shuffle_lines(&org);
		expect_organisation_like_twins(&org);

		fault_list_begin(&list);
		unit_memory_begin(&scratch);
		check_soundness(&org, ENOUGH_CLIMBS, &scratch, &list);
		for (size_t i = 0; i < list.n; i++)
			ncycles += list.fault[i].path_length > SOUNDNESS_PATH;
		unit_memory_drop(&scratch);
		fault_list_free(&list);
		organisation_free(&org);
	}
	expect(ncycles > 20, "only %ld long cycles", ncycles);
}

/*----------
 * The bounds of days
 *----------
 */

static Days
days(int64 from, int64 to)
{
	Days		result;

	result.from = from;
	result.to = to;
	return result;
}

/* Two lines of one node, valid on these days: is that a second line? */
static void
expect_overlap(Days a, Days b, bool overlap)
{
	Organisation org;
	UnitMemory	scratch;
	FaultList	list;

	for (int order = 0; order < 2; order++)
	{
		IomNode    *code = random_codes(3);

		organisation_begin(&org);
		for (int i = 0; i < 3; i++)
			organisation_add_unit(&org, code[i], 0, days_unbounded);
		organisation_add_line(&org, code[0], code[1], true, order ? a : b);
		organisation_add_line(&org, code[0], code[2], true, order ? b : a);
		expect_organisation_like_twins(&org);

		fault_list_begin(&list);
		unit_memory_begin(&scratch);
		check_soundness(&org, ENOUGH_CLIMBS, &scratch, &list);
		expect(list.n == overlap &&
			   (!overlap || list.fault[0].kind == SOUND_SECOND_LINE),
			   "%zu faults", list.n);
		unit_memory_drop(&scratch);
		fault_list_free(&list);
		organisation_free(&org);
		free(code);
	}
	expect(days_overlap(a, b) == overlap, "days_overlap");
	expect(days_overlap(b, a) == overlap, "days_overlap the other way");
}

static void
test_bounds(void)
{
	/* what type date's -infinity and infinity, and the day after it, are */
	int64		before = PG_INT32_MIN;
	int64		after = PG_INT32_MAX;

	expect_overlap(days_unbounded, days_unbounded, true);
	expect_overlap(days_unbounded, days(3, 4), true);
	expect_overlap(days_unbounded, days(4, 4), false);
	expect_overlap(days_unbounded, days(5, 4), false);
	expect_overlap(days(4, 4), days(4, 4), false);
	expect_overlap(days(3, 6), days(5, 4), false);
	expect_overlap(days(5, 4), days(5, 4), false);
	expect_overlap(days(3, 4), days(3, 4), true);
	expect_overlap(days(3, 4), days(4, 5), false);
	expect_overlap(days(3, 5), days(4, 6), true);
	expect_overlap(days(DAYS_UNBOUNDED_FROM, 4), days(4, DAYS_UNBOUNDED_TO),
				   false);
	expect_overlap(days(DAYS_UNBOUNDED_FROM, 5), days(4, DAYS_UNBOUNDED_TO),
				   true);
	expect_overlap(days(DAYS_UNBOUNDED_FROM, DAYS_UNBOUNDED_FROM),
				   days_unbounded, false);
	expect_overlap(days(before, before + 1), days(DAYS_UNBOUNDED_FROM, before),
				   false);
	expect_overlap(days(before, before + 1),
				   days(DAYS_UNBOUNDED_FROM, before + 1), true);
	expect_overlap(days(after, after + 1), days(after + 1, DAYS_UNBOUNDED_TO),
				   false);
	expect_overlap(days(after, after + 1), days(after, DAYS_UNBOUNDED_TO),
				   true);
}

/* Of a line that is never valid, no day is one too many. */
static void
test_empty_days(void)
{
	static const Days empty[] = {
		{4, 4}, {5, 4}, {100, 100}, {100, -100},
		{DAYS_UNBOUNDED_FROM, DAYS_UNBOUNDED_FROM},
		{DAYS_UNBOUNDED_TO, DAYS_UNBOUNDED_FROM},
		{DAYS_UNBOUNDED_TO, DAYS_UNBOUNDED_TO}
	};

	for (size_t i = 0; i < lengthof(empty); i++)
	{
		Organisation org;
		IomNode    *code = random_codes(2);

		organisation_begin(&org);
		organisation_add_unit(&org, code[0], 0, days(0, 10));
		organisation_add_unit(&org, code[1], 0, empty[i]);
		organisation_add_line(&org, code[0], code[1], true, empty[i]);
		expect(expect_organisation_like_twins(&org), "days %zu", i);
		expect(days_contain(days(0, 10), empty[i]), "days %zu", i);
		expect(!days_contain(empty[i], days(0, 10)), "days %zu", i);
		organisation_free(&org);
		free(code);
	}
}

/*----------
 * Large
 *----------
 */

/* Check; so many faults are right. */
static void
expect_many(const Organisation *org, size_t right, FaultList *list)
{
	UnitMemory	scratch;
	double		seconds = unit_seconds();

	unit_memory_begin(&scratch);
	fault_list_begin(list);
	check_soundness(org, ENOUGH_CLIMBS, &scratch, list);
	seconds = unit_seconds() - seconds;
	unit_note("%.2f s for %zu units and %zu lines", seconds, org->nunits,
			  org->nlines);
	expect(list->n == right, "%zu faults, the first is %d", list->n,
		   list->n > 0 ? (int) list->fault[0].kind : -1);
	expect(seconds < SECONDS_FOR_MANY, "%.2f s", seconds);
	unit_memory_drop(&scratch);
}

/*
 * Each year all is turned around: a node reports to one that comes before it
 * in the year's order, and moves once within the year.
 */
static void
test_ten_years(void)
{
	Organisation org;
	FaultList	list;
	size_t		n = MANY / YEARS / 2;
	IomNode    *code = random_codes(n);
	OrgLine		moved;

	organisation_begin(&org);
	for (size_t i = 0; i < n; i++)
		organisation_add_unit(&org, code[i], 0, days_unbounded);
	for (int64 year = 0; year < YEARS; year++)
	{
		for (size_t i = n; i > 1; i--)
		{
			size_t		other = random_below(i);
			IomNode		swapped = code[i - 1];

			code[i - 1] = code[other];
			code[other] = swapped;
		}
		for (size_t i = 1; i < n; i++)
		{
			int64		begin = year * DAYS_A_YEAR;
			int64		move = begin + random_between(1, DAYS_A_YEAR - 1);

			organisation_add_line(&org, code[i], code[random_below(i)], true,
								  days(year == 0 ? DAYS_UNBOUNDED_FROM : begin,
									   move));
			organisation_add_line(&org, code[i], code[random_below(i)], true,
								  days(move, year == YEARS - 1 ?
									   DAYS_UNBOUNDED_TO :
									   begin + DAYS_A_YEAR));
		}
	}
	organisation_shuffle_lines(&org);
	expect_many(&org, 0, &list);
	fault_list_free(&list);

	/* one line that stays a day too long */
	do
		moved = org.line[random_below(org.nlines)];
	while (moved.valid.to == DAYS_UNBOUNDED_TO ||
		   moved.valid.to % DAYS_A_YEAR == 0);
	moved.valid = days(moved.valid.to, moved.valid.to + 1);
	organisation_add_line(&org, moved.node, moved.supervisor, true,
						  moved.valid);
	expect_many(&org, 1, &list);
	if (list.n == 1)
		expect(list.fault[0].kind == SOUND_SECOND_LINE &&
			   list.fault[0].node == moved.node &&
			   list.fault[0].days.from == moved.valid.from,
			   "fault %d", list.fault[0].kind);
	fault_list_free(&list);
	organisation_free(&org);
	free(code);
}

typedef enum LineOrder
{
	ROOT_FIRST,
	LEAF_FIRST,
	RANDOM_ORDER,
	NORDERS
} LineOrder;

/*
 * A chain, whose lines come in some order, and its root below its leaf for a
 * day.
 */
static void
expect_many_in_chain(LineOrder order, Days first, Days rest)
{
	Organisation org;
	FaultList	list;
	IomNode    *code = random_codes(MANY);

	organisation_begin(&org);
	for (size_t i = 0; i < MANY; i++)
		organisation_add_unit(&org, code[i], 0, days_unbounded);
	for (size_t i = 1; i < MANY; i++)
	{
		size_t		node = order == LEAF_FIRST ? MANY - i : i;

		organisation_add_line(&org, code[node], code[node - 1], true,
							  i % 2 ? first : rest);
	}
	if (order == RANDOM_ORDER)
		organisation_shuffle_lines(&org);
	expect_many(&org, 0, &list);
	fault_list_free(&list);

	organisation_add_line(&org, code[0], code[MANY - 1], true, days(50, 51));
	expect_many(&org, 1, &list);
	if (list.n == 1)
		expect(list.fault[0].kind == SOUND_CYCLE &&
			   list.fault[0].days.from == 50 &&
			   list.fault[0].path_length == MANY - 1 &&
			   list.fault[0].path[0] == code[MANY - 2], "fault %d",
			   list.fault[0].kind);
	fault_list_free(&list);
	organisation_free(&org);
	free(code);
}

static void
test_chains(void)
{
	for (LineOrder order = 0; order < NORDERS; order++)
	{
		expect_many_in_chain(order, days_unbounded, days_unbounded);
		expect_many_in_chain(order, days(10, 100), days(20, 90));
	}
}

/*----------
 * Errors in the middle
 *----------
 */

typedef struct Attempt
{
	Organisation org;
	UnitMemory	scratch;
	FaultList	list;
	long		finished;
} Attempt;

static void
attempt_check(void *argument)
{
	Attempt    *attempt = argument;

	check_soundness(&attempt->org, 1, &attempt->scratch, &attempt->list);
	attempt->finished++;
}

static void
drop_attempt(void *argument)
{
	Attempt    *attempt = argument;

	unit_memory_drop(&attempt->scratch);
	fault_list_free(&attempt->list);
}

static void
test_errors(UnitFuse fuse, size_t nunits, size_t nlines, long least)
{
	Attempt		attempt;
	long		failures;

	memset(&attempt, 0, sizeof(attempt));
	random_organisation(&attempt.org, nunits, nlines, 0);
	unit_memory_begin(&attempt.scratch);
	failures = unit_try_each(attempt_check, drop_attempt, &attempt, fuse);
	expect(failures >= least, "only %ld errors", failures);
	expect(attempt.finished == 1, "finished %ld times", attempt.finished);
	organisation_free(&attempt.org);
}

static void
test_out_of_memory(void)
{
	test_errors(UNIT_ALLOC, 0, 0, 5);
	test_errors(UNIT_ALLOC, 1000, 3000, 10);
}

static void
test_cancel(void)
{
	test_errors(UNIT_POLL, 20000, 40000, 10);
}

int
main(int argc, char **argv)
{
	static const UnitTest test[] = {
		{"small organisations, day by day", test_tame},
		{"with all kinds of wrong rows", test_wild},
		{"more crowded ones", test_crowded},
		{"cycles longer than what is shown", test_long_cycles},
		{"unbounded days, single days, no days", test_bounds},
		{"no days lie within all days", test_empty_days},
		{"100,000 lines in ten years of moves", test_ten_years},
		{"chains of 100,000, from any end", test_chains},
		{"out of memory at every allocation", test_out_of_memory},
		{"cancelled at every poll", test_cancel},
	};

	return unit_main(argc, argv, test, lengthof(test));
}
