/*-------------------------------------------------------------------------
 *
 * soundness.c
 *	  Find the faults of a dated organisation, in O(n log n).
 *
 * Lines are numbered as they come, and their ends looked up and checked, some
 * at a time, so that the memory of all of them is on its way at once.  Then the
 * solid ones are swept by the day on which they begin, and each is put in its
 * node's place, if there is none that day.  A line that is over stays there
 * until the next one comes, so that no day's end needs an event.
 *
 * A line closes a cycle if its node lies above its supervisor, and only if it
 * ever supervises anybody, which in most organisations few do.  To know, one
 * climbs from the supervisor, a few steps in most organisations.  In deep ones
 * this could take for ever.  So when the steps have cost about as much as it
 * would have cost to keep a forest of link-cut trees (link_cut.c) all along, one
 * is made of the day's places, and kept from there on; then lines must also be
 * cut out of it where they end.
 *
 * A line that is a second one or closes a cycle is reported and left out, so
 * that the sweep goes on with a sound forest; what only a line that was left out
 * has part in is not reported.
 *
 * All memory is scratch, dropped by the caller as a whole.
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
#include "link_cut.h"
#include "soundness.h"

#define NONE	PG_UINT32_MAX

/* What linking, asking and cutting take, in steps of a climb. */
#define CLIMBS_PER_LINE		32

typedef struct Unit
{
	IomNode		code;
	Days		life;
} Unit;

/* A line as it comes. */
typedef struct PendingLine
{
	IomNode		node;
	IomNode		supervisor;
	Days		valid;
	bool		solid;
} PendingLine;

/* A solid line with both its ends. */
typedef struct Line
{
	Days		valid;
	uint32		node;			/* numbers */
	uint32		supervisor;
} Line;

/* The last line that put a node below another one. */
typedef struct Place
{
	int64		until;			/* over from this day on */
	uint32		supervisor;
	uint32		line;
} Place;

struct Soundness
{
	const OrgMemory *scratch;
	SoundnessReport report;
	void	   *report_context;

	size_t		nunits;
	size_t		units_room;
	Unit	   *unit;
	bool		has_all_units;
	CodeIndex	number_of;

	uint32		npending;
	PendingLine pending[CODE_INDEX_AHEAD];

	size_t		nlines;
	size_t		lines_room;
	Line	   *line;
	bool	   *supervises;		/* [nunits] ever */

	Place	   *place;			/* [nunits] */
	uint32		climbs_per_line;
	uint64		climbs_left;	/* then links are made */
	Link	   *link;			/* [nunits] those who supervise, as of the last
								 * day; NULL: nobody needed it yet */
	uint32	   *ending;			/* then: lines that are to be cut, by day */
	size_t		nendings;
	size_t		nended;
};

static void end_units(Soundness *sound);
static void check_pending_lines(Soundness *sound);

/*
 * Begin.  Room is made for as many units and lines as are expected; more may
 * come.  Each fault is reported when it is found.  The memory must stay until
 * soundness_end().
 */
Soundness *
soundness_begin(const OrgMemory *scratch, size_t expected_units,
				size_t expected_lines, SoundnessReport report, void *context)
{
	Soundness  *sound = org_alloc(scratch, 1, sizeof(Soundness));

	memset(sound, 0, sizeof(Soundness));
	sound->scratch = scratch;
	sound->report = report;
	sound->report_context = context;
	sound->climbs_per_line = CLIMBS_PER_LINE;
	sound->units_room = expected_units;
	sound->lines_room = expected_lines;
	if (expected_units > 0)
		sound->unit = org_alloc(scratch, expected_units, sizeof(Unit));
	if (expected_lines > 0)
		sound->line = org_alloc(scratch, expected_lines, sizeof(Line));
	return sound;
}

/*
 * For the tests, whose organisations are too small to run out of climbs.
 */
void
soundness_set_climbs(Soundness *sound, uint32 climbs_per_line)
{
	sound->climbs_per_line = climbs_per_line;
}

/*
 * A unit and the days on which it is there.  All of them come before the lines.
 */
void
soundness_unit(Soundness *sound, IomNode node, Days life)
{
	Unit	   *unit;

	Assert(!sound->has_all_units);
	sound->unit = org_grow(sound->scratch, sound->unit, sound->nunits,
						   &sound->units_room, sizeof(Unit));
	unit = &sound->unit[sound->nunits++];
	unit->code = node;
	unit->life = life;
}

/*
 * A line, solid or dotted, and the days on which it is valid.
 */
void
soundness_line(Soundness *sound, IomNode node, IomNode supervisor, bool solid,
			   Days valid)
{
	PendingLine *line;

	if (!sound->has_all_units)
		end_units(sound);
	code_index_prefetch(&sound->number_of, node);
	code_index_prefetch(&sound->number_of, supervisor);
	line = &sound->pending[sound->npending++];
	line->node = node;
	line->supervisor = supervisor;
	line->solid = solid;
	line->valid = valid;
	if (sound->npending == lengthof(sound->pending))
		check_pending_lines(sound);
}

/*
 * No more units will come.  Of those that come twice the first counts.
 */
static void
end_units(Soundness *sound)
{
	const Unit *unit = sound->unit;
	uint32		nunits = (uint32) sound->nunits;

	sound->has_all_units = true;
	code_index_create(&sound->number_of, nunits, sound->scratch);
	for (uint32 i = 0; i < nunits; i++)
	{
		SoundnessFault fault;

		org_poll(sound->scratch, i);
		if (i + CODE_INDEX_AHEAD < nunits)
			code_index_prefetch(&sound->number_of,
								unit[i + CODE_INDEX_AHEAD].code);
		if (code_index_insert(&sound->number_of, unit[i].code, i))
			continue;
		memset(&fault, 0, sizeof(fault));
		fault.kind = SOUND_DUPLICATE_NODE;
		fault.node = unit[i].code;
		sound->report(sound->report_context, &fault);
	}
	sound->supervises = org_alloc(sound->scratch, (size_t) nunits + 1,
								  sizeof(bool));
	memset(sound->supervises, false, nunits);
}

/*----------
 * Faults of single lines
 *----------
 */

static void
report_line(const Soundness *sound, SoundnessFaultKind kind,
			const PendingLine *line, Days life)
{
	SoundnessFault fault = soundness_fault(kind, line->node, line->supervisor,
										   line->valid);

	fault.life = life;
	sound->report(sound->report_context, &fault);
}

/*
 * A line's ends: are they there, and on all days of the line?  False if the
 * line cannot be swept.
 */
static bool
check_ends(const Soundness *sound, const PendingLine *line, uint32 node,
		   uint32 supervisor)
{
	if (unlikely(node == CODE_INDEX_NONE || supervisor == CODE_INDEX_NONE))
	{
		if (node == CODE_INDEX_NONE)
			report_line(sound, SOUND_UNKNOWN_NODE, line, line->valid);
		if (supervisor == CODE_INDEX_NONE)
			report_line(sound, SOUND_UNKNOWN_SUPERVISOR, line, line->valid);
		return false;
	}
	if (unlikely(node == supervisor))
	{
		report_line(sound, SOUND_SELF, line, line->valid);
		return false;
	}
	if (!days_contain(sound->unit[node].life, line->valid))
		report_line(sound, SOUND_OUTSIDE_NODE, line, sound->unit[node].life);
	if (!days_contain(sound->unit[supervisor].life, line->valid))
		report_line(sound, SOUND_OUTSIDE_SUPERVISOR, line,
					sound->unit[supervisor].life);
	return true;
}

/*
 * Look up the ends of the lines that wait, check them, and keep the lines that
 * are to be swept.
 */
static void
check_pending_lines(Soundness *sound)
{
	uint32		node[lengthof(sound->pending)];
	uint32		supervisor[lengthof(sound->pending)];

	for (uint32 i = 0; i < sound->npending; i++)
	{
		node[i] = code_index_find(&sound->number_of, sound->pending[i].node);
		supervisor[i] = code_index_find(&sound->number_of,
										sound->pending[i].supervisor);
		if (node[i] != CODE_INDEX_NONE)
			org_prefetch(&sound->unit[node[i]]);
		if (supervisor[i] != CODE_INDEX_NONE)
			org_prefetch(&sound->unit[supervisor[i]]);
	}

	for (uint32 i = 0; i < sound->npending; i++)
	{
		const PendingLine *pending = &sound->pending[i];
		Line	   *line;

		if (!check_ends(sound, pending, node[i], supervisor[i]) ||
			!pending->solid || pending->valid.from >= pending->valid.to)
			continue;
		sound->line = org_grow(sound->scratch, sound->line, sound->nlines,
							   &sound->lines_room, sizeof(Line));
		line = &sound->line[sound->nlines++];
		line->valid = pending->valid;
		line->node = node[i];
		line->supervisor = supervisor[i];
		sound->supervises[supervisor[i]] = true;
	}
	sound->npending = 0;
}

/*----------
 * Order of days
 *----------
 */

typedef enum LineDay
{
	LINE_BEGINS,
	LINE_ENDS
} LineDay;

/* The day as a small number: what has always been valid comes first. */
static inline uint64
day_number(const Line *line, LineDay which, int64 first)
{
	int64		day = which == LINE_BEGINS ? line->valid.from : line->valid.to;

	return day == DAYS_UNBOUNDED_FROM ? 0 :
		(uint64) day - (uint64) first + 1;
}

#define DIGIT_BITS	12			/* ten years are one digit */
#define NDIGITS		(1 << DIGIT_BITS)

/*
 * Sort lines by day, those of one day in the order in which they came: by
 * counting, the last digit first.  The array is freed or returned.
 */
static uint32 *
sort_by_day(const Soundness *sound, uint32 *number, size_t n, LineDay which)
{
	const Line *line = sound->line;
	uint32	   *sorted = NULL;
	int64		first = DAYS_UNBOUNDED_TO;
	uint64		last = 0;

	for (size_t i = 0; i < n; i++)
	{
		int64		day = which == LINE_BEGINS ?
			line[number[i]].valid.from : line[number[i]].valid.to;

		if (day != DAYS_UNBOUNDED_FROM)
			first = Min(first, day);
	}
	for (size_t i = 0; i < n; i++)
		last = Max(last, day_number(&line[number[i]], which, first));

	for (int shift = 0; shift < 64 && last >> shift > 0; shift += DIGIT_BITS)
	{
		size_t		place[NDIGITS] = {0};
		size_t		sum = 0;
		uint32	   *before = number;

		for (size_t i = 0; i < n; i++)
			place[(day_number(&line[number[i]], which, first) >> shift) %
				  NDIGITS]++;
		for (int digit = 0; digit < NDIGITS; digit++)
		{
			size_t		count = place[digit];

			place[digit] = sum;
			sum += count;
		}
		if (sorted == NULL)
			sorted = org_alloc(sound->scratch, n, sizeof(uint32));
		for (size_t i = 0; i < n; i++)
		{
			org_poll(sound->scratch, i);
			sorted[place[(day_number(&line[number[i]], which, first) >> shift) %
						 NDIGITS]++] = number[i];
		}
		number = sorted;
		sorted = before;
	}
	org_free(sound->scratch, sorted);
	return number;
}

/*----------
 * Faults of days
 *----------
 */

static void
report_second_line(const Soundness *sound, const Line *line)
{
	const Line *other = &sound->line[sound->place[line->node].line];
	SoundnessFault fault = soundness_fault(SOUND_SECOND_LINE,
										   sound->unit[line->node].code,
										   sound->unit[other->supervisor].code,
										   days_intersection(line->valid,
															 other->valid));

	fault.path_length = 1;
	fault.path[0] = sound->unit[line->supervisor].code;
	sound->report(sound->report_context, &fault);
}

static void
report_cycle(const Soundness *sound, const Line *line)
{
	SoundnessFault fault = soundness_fault(SOUND_CYCLE,
										   sound->unit[line->node].code,
										   sound->unit[line->supervisor].code,
										   line->valid);

	for (uint32 up = line->supervisor; up != line->node;)
	{
		up = sound->place[up].supervisor;
		if (fault.path_length < SOUNDNESS_PATH)
			fault.path[fault.path_length] = sound->unit[up].code;
		fault.path_length++;
	}
	sound->report(sound->report_context, &fault);
}

/*
 * Make the links as they are on a day, when lines that end on it have ended, and
 * find out which ones are to be cut after it.
 */
static void
make_links(Soundness *sound, int64 day)
{
	const OrgMemory *scratch = sound->scratch;
	size_t		room = 0;

	sound->link = org_alloc(scratch, sound->nunits + 1, sizeof(Link));
	for (uint32 i = 0; i < sound->nunits; i++)
	{
		const Place *place = &sound->place[i];

		org_poll(scratch, i);
		sound->link[i] = link_cut_node(sound->supervises[i] &&
									   place->until > day ?
									   place->supervisor : LINK_NONE);
	}

	for (size_t i = 0; i < sound->nlines; i++)
	{
		const Line *line = &sound->line[i];

		org_poll(scratch, i);
		if (line->valid.to <= day || line->valid.to == DAYS_UNBOUNDED_TO ||
			!sound->supervises[line->node])
			continue;
		sound->ending = org_grow(scratch, sound->ending, sound->nendings,
								 &room, sizeof(uint32));
		sound->ending[sound->nendings++] = (uint32) i;
	}
	sound->ending = sort_by_day(sound, sound->ending, sound->nendings,
								LINE_ENDS);
}

/*
 * Cut what has ended by a day; a line that was left out was never linked.
 */
static void
cut_ended_lines(Soundness *sound, int64 day)
{
	for (; sound->nended < sound->nendings; sound->nended++)
	{
		uint32		number = sound->ending[sound->nended];
		const Line *line = &sound->line[number];

		if (line->valid.to > day)
			break;
		org_poll(sound->scratch, sound->nended);
		if (sound->place[line->node].line == number)
			link_cut_cut(sound->link, line->node);
	}
}

/* Is the node of the line, which has no supervisor, above the line's? */
static bool
closes_cycle(Soundness *sound, const Line *line)
{
	const Place *place = sound->place;
	int64		day = line->valid.from;
	uint32		at = line->supervisor;

	if (sound->link != NULL)
		return link_cut_root(sound->link, at) == line->node;
	for (; at != line->node; at = place[at].supervisor)
	{
		if (place[at].until <= day)
			return false;
		if (sound->climbs_left > 0)
			sound->climbs_left--;
	}
	return true;
}

/*
 * A solid line begins.
 */
static void
begin_line(Soundness *sound, uint32 number)
{
	const Line *line = &sound->line[number];
	Place	   *place = &sound->place[line->node];
	bool		supervises = sound->supervises[line->node];

	if (unlikely(place->until > line->valid.from))
		report_second_line(sound, line);
	else if (unlikely(supervises && closes_cycle(sound, line)))
		report_cycle(sound, line);
	else
	{
		if (supervises && sound->link != NULL)
			link_cut_link(sound->link, line->node, line->supervisor);
		place->until = line->valid.to;
		place->supervisor = line->supervisor;
		place->line = number;
	}
}

/*
 * Days are in no order of units: have what a line is about fetched before its
 * turn comes.
 */
#define LINES_AHEAD	((size_t) 8)

static inline void
prefetch_places(const Soundness *sound, uint32 number)
{
	const Line *line = &sound->line[number];

	org_prefetch(&sound->place[line->node]);
	org_prefetch(&sound->place[line->supervisor]);
}

static void
sweep(Soundness *sound)
{
	const OrgMemory *scratch = sound->scratch;
	size_t		nlines = sound->nlines;
	uint32	   *order = org_alloc(scratch, nlines + 1, sizeof(uint32));

	for (size_t i = 0; i < nlines; i++)
		order[i] = (uint32) i;
	order = sort_by_day(sound, order, nlines, LINE_BEGINS);

	sound->place = org_alloc(scratch, sound->nunits + 1, sizeof(Place));
	for (size_t i = 0; i < sound->nunits; i++)
	{
		sound->place[i].until = DAYS_UNBOUNDED_FROM;
		sound->place[i].supervisor = NONE;
		sound->place[i].line = NONE;
	}

	sound->climbs_left = (uint64) nlines * sound->climbs_per_line;
	for (size_t i = 0; i < nlines; i++)
	{
		int64		day = sound->line[order[i]].valid.from;

		org_poll(scratch, i);
		if (i + 2 * LINES_AHEAD < nlines)
			org_prefetch(&sound->line[order[i + 2 * LINES_AHEAD]]);
		if (i + LINES_AHEAD < nlines)
			prefetch_places(sound, order[i + LINES_AHEAD]);
		if (sound->link == NULL && sound->climbs_left == 0)
			make_links(sound, day);
		if (sound->link != NULL)
			cut_ended_lines(sound, day);
		begin_line(sound, order[i]);
	}
}

/*
 * All rows have come: find the rest of the faults.
 */
void
soundness_end(Soundness *sound)
{
	if (!sound->has_all_units)
		end_units(sound);
	check_pending_lines(sound);
	sweep(sound);
}
