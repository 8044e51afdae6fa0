/*-------------------------------------------------------------------------
 *
 * twin_soundness.c
 *	  The naive twin of the soundness check, and comparing the two.
 *
 * Nothing changes but on a day on which some row begins or ends: the twin
 * looks at each of those and at the first day of all.
 *
 * Faults of days are compared twice: with the state of each day, on which the
 * first bad day must be the first with a fault and every fault be true; and,
 * since a solid line that is reported is left out from then on, with a list
 * of faults that was made by leaving out lines likewise.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "twin_soundness.h"
#include "twin_chart.h"

typedef struct DayList
{
	int64	   *day;			/* ascending, each once */
	size_t		n;
} DayList;

/*----------
 * The check itself
 *----------
 */

void
fault_list_begin(FaultList *list)
{
	memset(list, 0, sizeof(FaultList));
}

void
fault_list_free(FaultList *list)
{
	free(list->fault);
	fault_list_begin(list);
}

static void
add_fault(void *context, const SoundnessFault *fault)
{
	FaultList  *list = context;

	list->fault = unit_grow(list->fault, list->n, &list->room,
							sizeof(SoundnessFault));
	list->fault[list->n++] = *fault;
}

/*
 * All faults that are reported of the rows.
 */
void
check_soundness(const Organisation *org, uint32 climbs_per_line,
				UnitMemory *scratch, FaultList *list)
{
	Soundness  *sound = soundness_begin(&scratch->memory,
										org->nunits / 2, org->nlines / 2,
										add_fault, list);

	soundness_set_climbs(sound, climbs_per_line);
	for (size_t i = 0; i < org->nunits; i++)
		soundness_unit(sound, org->unit[i].code, org->unit[i].life);
	for (size_t i = 0; i < org->nlines; i++)
	{
		const OrgLine *line = &org->line[i];

		soundness_line(sound, line->node, line->supervisor, line->solid,
					   line->valid);
	}
	soundness_end(sound);
}

/*----------
 * Days
 *----------
 */

static int
compare_days(const void *a, const void *b)
{
	int64		a_day = *(const int64 *) a;
	int64		b_day = *(const int64 *) b;

	return (a_day > b_day) - (a_day < b_day);
}

static DayList
list_days(const Organisation *org)
{
	DayList		list;
	size_t		different = 0;

	list.day = unit_alloc(2 * (org->nunits + org->nlines) + 1, sizeof(int64));
	list.n = 0;
	list.day[list.n++] = DAYS_UNBOUNDED_FROM;
	for (size_t i = 0; i < org->nunits; i++)
	{
		list.day[list.n++] = org->unit[i].life.from;
		list.day[list.n++] = org->unit[i].life.to;
	}
	for (size_t i = 0; i < org->nlines; i++)
	{
		list.day[list.n++] = org->line[i].valid.from;
		list.day[list.n++] = org->line[i].valid.to;
	}
	qsort(list.day, list.n, sizeof(int64), compare_days);
	for (size_t i = 0; i < list.n; i++)
	{
		if (i == 0 || list.day[i] != list.day[different - 1])
			list.day[different++] = list.day[i];
	}
	list.n = different;
	return list;
}

/* Is there a day of the line on which the unit is not there? */
static bool
twin_is_outside(const DayList *days, const OrgUnit *unit, const OrgLine *line)
{
	for (size_t i = 0; i < days->n; i++)
	{
		if (days_have(line->valid, days->day[i]) &&
			!days_have(unit->life, days->day[i]))
			return true;
	}
	return false;
}

/*----------
 * Faults of single lines
 *----------
 */

static void
add_line_fault(FaultList *list, SoundnessFaultKind kind, const OrgLine *line,
			   Days life)
{
	SoundnessFault fault = soundness_fault(kind, line->node, line->supervisor,
										   line->valid);

	fault.life = life;
	add_fault(list, &fault);
}

static void
list_line_faults(const Organisation *org, const DayList *days, FaultList *list)
{
	for (size_t i = 0; i < org->nlines; i++)
	{
		const OrgLine *line = &org->line[i];
		uint32		node = organisation_unit_of(org, line->node);
		uint32		supervisor = organisation_unit_of(org, line->supervisor);

		if (node == NOBODY)
			add_line_fault(list, SOUND_UNKNOWN_NODE, line, line->valid);
		if (supervisor == NOBODY)
			add_line_fault(list, SOUND_UNKNOWN_SUPERVISOR, line, line->valid);
		if (node == NOBODY || supervisor == NOBODY)
			continue;
		if (node == supervisor)
		{
			add_line_fault(list, SOUND_SELF, line, line->valid);
			continue;
		}
		if (twin_is_outside(days, &org->unit[node], line))
			add_line_fault(list, SOUND_OUTSIDE_NODE, line,
						   org->unit[node].life);
		if (twin_is_outside(days, &org->unit[supervisor], line))
			add_line_fault(list, SOUND_OUTSIDE_SUPERVISOR, line,
						   org->unit[supervisor].life);
	}
}

static bool
is_line_fault(const SoundnessFault *fault)
{
	return fault->kind != SOUND_SECOND_LINE && fault->kind != SOUND_CYCLE;
}

static bool
same_fault(const SoundnessFault *a, const SoundnessFault *b)
{
	return a->kind == b->kind && a->node == b->node &&
		a->supervisor == b->supervisor && a->days.from == b->days.from &&
		a->days.to == b->days.to && a->life.from == b->life.from &&
		a->life.to == b->life.to && a->path_length == b->path_length &&
		memcmp(a->path, b->path, sizeof(a->path)) == 0;
}

/*
 * Those of single lines, or those of days, are the same ones in the same
 * order.
 */
static void
expect_same_faults(const FaultList *found, const FaultList *right,
				   bool of_lines)
{
	size_t		n = 0;

	for (size_t i = 0; i < found->n; i++)
	{
		if (is_line_fault(&found->fault[i]) != of_lines)
			continue;
		expect(n < right->n && same_fault(&found->fault[i], &right->fault[n]),
			   "fault %d instead of %d", found->fault[i].kind,
			   n < right->n ? (int) right->fault[n].kind : -1);
		n++;
	}
	expect(n == right->n, "%zu faults of %s instead of %zu", n,
		   of_lines ? "single lines" : "days", right->n);
}

/*----------
 * Faults of days
 *----------
 */

/* Is this a line that a day could be bad for? */
static bool
counts_on_day(const Organisation *org, const OrgLine *line, int64 day)
{
	return line->solid && days_have(line->valid, day) &&
		line->node != line->supervisor &&
		organisation_unit_of(org, line->node) != NOBODY &&
		organisation_unit_of(org, line->supervisor) != NOBODY;
}

/*
 * Who supervises whom on a day, by place among the units.  False if a node
 * has two lines.
 */
static bool
supervisors_on_day(const Organisation *org, int64 day, uint32 *supervisor)
{
	memset(supervisor, 0xFF, org->nunits * sizeof(uint32));
	for (size_t i = 0; i < org->nlines; i++)
	{
		const OrgLine *line = &org->line[i];
		uint32		node = organisation_unit_of(org, line->node);

		if (!counts_on_day(org, line, day))
			continue;
		if (supervisor[node] != NOBODY)
			return false;
		supervisor[node] = organisation_unit_of(org, line->supervisor);
	}
	return true;
}

static bool
twin_day_is_bad(const Organisation *org, int64 day)
{
	uint32	   *supervisor = unit_alloc(org->nunits, sizeof(uint32));
	bool		bad = !supervisors_on_day(org, day, supervisor);

	for (uint32 i = 0; i < org->nunits && !bad; i++)
	{
		uint32		steps = 0;

		for (uint32 up = i; up != NOBODY && !bad; up = supervisor[up])
			bad = ++steps > org->nunits;
	}
	free(supervisor);
	return bad;
}

static bool
has_line_on_day(const Organisation *org, IomNode node, IomNode supervisor,
				int64 day)
{
	for (size_t i = 0; i < org->nlines; i++)
	{
		const OrgLine *line = &org->line[i];

		if (line->node == node && line->supervisor == supervisor &&
			counts_on_day(org, line, day))
			return true;
	}
	return false;
}

/* There are two rows that overlap on just these days. */
static void
expect_true_second_line(const Organisation *org, const SoundnessFault *fault)
{
	bool		found = false;

	expect(fault->path_length == 1, "%u other supervisors",
		   fault->path_length);
	for (size_t i = 0; i < org->nlines; i++)
	{
		for (size_t k = 0; k < org->nlines; k++)
		{
			const OrgLine *a = &org->line[i];
			const OrgLine *b = &org->line[k];

			if (i != k && a->node == fault->node && b->node == fault->node &&
				a->supervisor == fault->supervisor &&
				b->supervisor == fault->path[0] &&
				counts_on_day(org, a, fault->days.from) &&
				counts_on_day(org, b, fault->days.from) &&
				fault->days.from == Max(a->valid.from, b->valid.from) &&
				fault->days.to == Min(a->valid.to, b->valid.to))
				found = true;
		}
	}
	expect(found, "no second line on day %lld", (long long) fault->days.from);
}

static void
expect_true_cycle_on_day(const Organisation *org, const SoundnessFault *fault)
{
	IomNode		from = fault->supervisor;
	int64		day = fault->days.from;
	uint32		shown = Min(fault->path_length, SOUNDNESS_PATH);

	expect(has_line_on_day(org, fault->node, fault->supervisor, day),
		   "the first step of a cycle");
	expect(fault->path_length >= 1 && fault->path_length < org->nunits,
		   "a cycle of %u", fault->path_length + 1);
	for (uint32 i = 0; i < shown; i++)
	{
		expect(has_line_on_day(org, from, fault->path[i], day),
			   "step %u of a cycle", i);
		expect((fault->path[i] == fault->node) == (i + 1 == fault->path_length),
			   "step %u of %u ends a cycle", i, fault->path_length);
		from = fault->path[i];
	}

	/* the rest can be followed if each node has only one line */
	if (shown < fault->path_length)
	{
		uint32	   *supervisor = unit_alloc(org->nunits, sizeof(uint32));

		if (supervisors_on_day(org, day, supervisor))
		{
			uint32		up = organisation_unit_of(org, from);

			for (uint32 i = shown; i < fault->path_length; i++)
				up = up == NOBODY ? NOBODY : supervisor[up];
			expect(up == organisation_unit_of(org, fault->node),
				   "%u steps do not close the cycle", fault->path_length);
		}
		free(supervisor);
	}
}

static void
expect_true_day_faults(const Organisation *org, const DayList *days,
					   const FaultList *found)
{
	const SoundnessFault *last = NULL;
	size_t		first_bad = 0;

	while (first_bad < days->n && !twin_day_is_bad(org, days->day[first_bad]))
		first_bad++;

	for (size_t i = 0; i < found->n; i++)
	{
		const SoundnessFault *fault = &found->fault[i];

		if (is_line_fault(fault))
			continue;
		if (last == NULL)
			expect(first_bad < days->n &&
				   fault->days.from == days->day[first_bad],
				   "day %lld is the first bad one",
				   (long long) fault->days.from);
		else
			expect(last->days.from <= fault->days.from,
				   "days go backwards at %lld", (long long) fault->days.from);
		if (fault->kind == SOUND_CYCLE)
			expect_true_cycle_on_day(org, fault);
		else
			expect_true_second_line(org, fault);
		last = fault;
	}
	expect((last == NULL) == (first_bad == days->n), "%s bad day",
		   last == NULL ? "missed a" : "there is no");
}

/*----------
 * Faults of days, leaving out the lines that have one
 *----------
 */

/* The line of a node on a day that was not left out, or NULL. */
static const OrgLine *
kept_line(const Organisation *org, const bool *kept, IomNode node, int64 day)
{
	for (size_t i = 0; i < org->nlines; i++)
	{
		const OrgLine *line = &org->line[i];

		if (kept[i] && line->node == node && days_have(line->valid, day))
			return line;
	}
	return NULL;
}

/* What is wrong with adding a line on its first day: true if something is. */
static bool
find_day_fault(const Organisation *org, const bool *kept, const OrgLine *line,
			   SoundnessFault *fault)
{
	int64		day = line->valid.from;
	const OrgLine *other = kept_line(org, kept, line->node, day);

	if (other != NULL)
	{
		*fault = soundness_fault(SOUND_SECOND_LINE, line->node,
								 other->supervisor,
								 days_intersection(line->valid, other->valid));
		fault->path_length = 1;
		fault->path[0] = line->supervisor;
		return true;
	}

	*fault = soundness_fault(SOUND_CYCLE, line->node, line->supervisor,
							 line->valid);
	other = kept_line(org, kept, line->supervisor, day);
	while (other != NULL)
	{
		if (fault->path_length < SOUNDNESS_PATH)
			fault->path[fault->path_length] = other->supervisor;
		fault->path_length++;
		if (other->supervisor == line->node)
			return true;
		other = kept_line(org, kept, other->supervisor, day);
	}
	return false;
}

static void
list_day_faults(const Organisation *org, const DayList *days, FaultList *list)
{
	bool	   *kept = unit_alloc(org->nlines, sizeof(bool));

	memset(kept, 0, org->nlines * sizeof(bool));
	for (size_t d = 0; d < days->n; d++)
	{
		for (size_t i = 0; i < org->nlines; i++)
		{
			const OrgLine *line = &org->line[i];
			SoundnessFault fault;

			if (line->valid.from != days->day[d] ||
				!counts_on_day(org, line, days->day[d]))
				continue;
			if (find_day_fault(org, kept, line, &fault))
				add_fault(list, &fault);
			else
				kept[i] = true;
		}
	}
	free(kept);
}

/*----------
 * All together
 *----------
 */

/*
 * Check the rows, and compare with the twin.  The same comes of it if there are
 * few climbs, or none, before links are made.  Returns whether they are sound.
 */
bool
expect_soundness_like_twin(const Organisation *org)
{
	UnitMemory	scratch;
	FaultList	found;
	FaultList	rest = {NULL, 0, 0};
	FaultList	right;
	DayList		days = list_days(org);
	uint32		twice = 0;
	bool		sound;

	unit_memory_begin(&scratch);
	fault_list_begin(&found);
	check_soundness(org, ENOUGH_CLIMBS, &scratch, &found);
	unit_memory_drop(&scratch);
	sound = found.n == 0;
	for (uint32 climbs = 0; climbs < 3; climbs++)
	{
		FaultList	linked;

		unit_memory_begin(&scratch);
		fault_list_begin(&linked);
		check_soundness(org, climbs, &scratch, &linked);
		unit_memory_drop(&scratch);
		expect(linked.n == found.n, "%zu faults instead of %zu with %u climbs",
			   linked.n, found.n, climbs);
		for (size_t i = 0; i < Min(linked.n, found.n); i++)
			expect(same_fault(&linked.fault[i], &found.fault[i]),
				   "fault %d instead of %d with %u climbs",
				   linked.fault[i].kind, found.fault[i].kind, climbs);
		fault_list_free(&linked);
	}

	for (uint32 i = 0; i < org->nunits; i++)
	{
		if (organisation_unit_of(org, org->unit[i].code) == i)
			continue;
		expect(twice < found.n &&
			   found.fault[twice].kind == SOUND_DUPLICATE_NODE &&
			   found.fault[twice].node == org->unit[i].code,
			   "unit %u comes twice, and is not fault %u", i, twice);
		twice++;
	}

	/* the rest is about lines */
	rest.fault = twice > 0 ? found.fault + twice : found.fault;
	rest.n = found.n - twice;
	fault_list_begin(&right);
	list_line_faults(org, &days, &right);
	expect_same_faults(&rest, &right, true);
	fault_list_free(&right);

	expect_true_day_faults(org, &days, &rest);
	list_day_faults(org, &days, &right);
	expect_same_faults(&rest, &right, false);
	fault_list_free(&right);
	fault_list_free(&found);
	free(days.day);
	return sound;
}

/*
 * Compare soundness, and the charts of all days; a chart can be built on
 * every day of a sound organisation.  Returns whether it is one.
 */
bool
expect_organisation_like_twins(const Organisation *org)
{
	bool		sound = expect_soundness_like_twin(org);
	DayList		days = list_days(org);

	for (size_t i = 0; i < days.n; i++)
	{
		Organisation snapshot;
		ChartFaultKind kind;

		organisation_on_day(org, days.day[i], &snapshot);
		kind = expect_chart_like_twin(&snapshot);
		expect(kind == CHART_SOUND || !sound,
			   "chart fault %d on day %lld of a sound organisation", kind,
			   (long long) days.day[i]);
		organisation_free(&snapshot);
	}
	free(days.day);
	return sound;
}
