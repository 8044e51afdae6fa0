/*-------------------------------------------------------------------------
 *
 * soundness.c
 *	  Find the faults of a dated organisation, in O(n log n).
 *
 * The days are swept from the first to the last.  On the day on which a solid
 * line begins it is linked into a forest, on the day after its last it is cut
 * out again; whatever ends on a day does so before anything begins.  A line
 * closes a cycle if the node already is the root above the supervisor, and is
 * a second one if the node already has a supervisor.  Such a line is reported
 * and left out, so that the sweep goes on with a sound forest; what only a line
 * that was left out has part in is not reported.
 *
 * The forest is of link-cut trees (Sleator and Tarjan, "A data structure for
 * dynamic trees", 1983, in the form with splay trees of 1985): link, cut and
 * "root of" take O(log n) amortised, whatever the depth.  Since a line is
 * always linked at a root and cut at the node, no path is ever reversed, which
 * leaves little code.
 *
 * Sorting the days dominates.  Lines that have always been valid, the bulk of
 * most organisations, are not even sorted.
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
#include "soundness.h"

#define NONE	PG_UINT32_MAX

typedef struct Line
{
	IomNode		node;
	IomNode		supervisor;
	Days		valid;
	uint32		node_number;	/* of the units, once the ends are checked */
	uint32		supervisor_number;
	bool		solid;
} Line;

/* A line that begins or ends. */
typedef struct Event
{
	int64		day;
	uint32		line;
	bool		begins;
} Event;

/*
 * A node of the forest.  Paths that were asked for lately are splay trees
 * ordered by level; the root of such a tree points ("parent") to the node
 * above the path's upper end, which does not point back.
 */
typedef struct Link
{
	uint32		parent;
	uint32		child[2];		/* nearer to the root, farther from it */
} Link;

struct Soundness
{
	const OrgMemory *scratch;

	size_t		nunits;
	size_t		units_room;
	size_t		lives_room;
	IomNode    *code;
	Days	   *life;
	CodeIndex	number_of;

	size_t		nlines;
	size_t		lines_room;
	Line	   *line;

	Link	   *link;			/* by number of the unit */
	uint32	   *supervisor;		/* ... today, or NONE */
	uint32	   *line_of;		/* ... and the line that says so */

	SoundnessReport report;
	void	   *report_context;
};

static inline int
compare_events(const Event *a, const Event *b)
{
	if (a->day != b->day)
		return a->day < b->day ? -1 : 1;
	if (a->begins != b->begins)
		return a->begins ? 1 : -1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return 0;
}

#define ST_SORT sort_events
#define ST_ELEMENT_TYPE Event
#define ST_COMPARE(a, b) compare_events(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * Begin.  The memory must stay until soundness_end().
 */
Soundness *
soundness_begin(const OrgMemory *scratch)
{
	Soundness  *sound = org_alloc(scratch, 1, sizeof(Soundness));

	memset(sound, 0, sizeof(Soundness));
	sound->scratch = scratch;
	return sound;
}

/*
 * A unit and the days on which it is there.
 */
void
soundness_unit(Soundness *sound, IomNode node, Days life)
{
	sound->code = org_grow(sound->scratch, sound->code, sound->nunits,
						   &sound->units_room, sizeof(IomNode));
	sound->life = org_grow(sound->scratch, sound->life, sound->nunits,
						   &sound->lives_room, sizeof(Days));
	sound->code[sound->nunits] = node;
	sound->life[sound->nunits] = life;
	sound->nunits++;
}

/*
 * A line, solid or dotted, and the days on which it is valid.
 */
void
soundness_line(Soundness *sound, IomNode node, IomNode supervisor, bool solid,
			   Days valid)
{
	Line	   *line;

	sound->line = org_grow(sound->scratch, sound->line, sound->nlines,
						   &sound->lines_room, sizeof(Line));
	line = &sound->line[sound->nlines++];
	line->node = node;
	line->supervisor = supervisor;
	line->solid = solid;
	line->valid = valid;
}

/*----------
 * Link-cut trees
 *----------
 */

/* Is x the root of its splay tree? */
static inline bool
is_splay_root(const Link *link, uint32 x)
{
	uint32		parent = link[x].parent;

	return parent == NONE ||
		(link[parent].child[0] != x && link[parent].child[1] != x);
}

/* Move x above its parent in the splay tree. */
static inline void
rotate(Link *link, uint32 x)
{
	uint32		parent = link[x].parent;
	uint32		above = link[parent].parent;
	int			side = link[parent].child[1] == x;
	uint32		inner = link[x].child[!side];

	if (!is_splay_root(link, parent))
		link[above].child[link[above].child[1] == parent] = x;
	link[x].parent = above;
	link[x].child[!side] = parent;
	link[parent].parent = x;
	link[parent].child[side] = inner;
	if (inner != NONE)
		link[inner].parent = parent;
}

/* Make x the root of its splay tree. */
static void
splay(Link *link, uint32 x)
{
	while (!is_splay_root(link, x))
	{
		uint32		parent = link[x].parent;

		if (!is_splay_root(link, parent))
		{
			uint32		above = link[parent].parent;
			bool		straight = (link[parent].child[1] == x) ==
				(link[above].child[1] == parent);

			rotate(link, straight ? parent : x);
		}
		rotate(link, x);
	}
}

/* Make the path from the tree's root down to x, and no farther, one splay
 * tree with x as its root. */
static void
expose(Link *link, uint32 x)
{
	uint32		below = NONE;

	for (uint32 at = x; at != NONE; at = link[at].parent)
	{
		splay(link, at);
		link[at].child[1] = below;
		below = at;
	}
	splay(link, x);
}

static uint32
root_of(Link *link, uint32 x)
{
	expose(link, x);
	while (link[x].child[0] != NONE)
		x = link[x].child[0];
	splay(link, x);				/* pays for the way down */
	return x;
}

/* Hang x, the root of a tree, below another node. */
static inline void
link_below(Link *link, uint32 x, uint32 supervisor)
{
	expose(link, x);
	link[x].parent = supervisor;
}

/* Make x, no root, the root of a tree of its own. */
static inline void
cut(Link *link, uint32 x)
{
	expose(link, x);
	link[link[x].child[0]].parent = NONE;
	link[x].child[0] = NONE;
}

/*----------
 * Faults
 *----------
 */

static void
report_line(const Soundness *sound, SoundnessFaultKind kind, const Line *line,
			Days life)
{
	SoundnessFault fault = soundness_fault(kind, line->node, line->supervisor,
										   line->valid);

	fault.life = life;
	sound->report(sound->report_context, &fault);
}

static void
report_second_line(const Soundness *sound, const Line *line, int64 day,
				   uint32 node)
{
	const Line *other = &sound->line[sound->line_of[node]];
	SoundnessFault fault = soundness_fault(SOUND_SECOND_LINE, line->node,
										   other->supervisor,
										   days_intersection(line->valid,
															 other->valid));

	fault.days.from = day;
	fault.path_length = 1;
	fault.path[0] = line->supervisor;
	sound->report(sound->report_context, &fault);
}

static void
report_cycle(const Soundness *sound, const Line *line, int64 day, uint32 node,
			 uint32 supervisor)
{
	SoundnessFault fault = soundness_fault(SOUND_CYCLE, line->node,
										   line->supervisor, line->valid);

	fault.days.from = day;
	for (uint32 up = supervisor; up != node; up = sound->supervisor[up])
	{
		uint32		above = sound->supervisor[up];

		if (fault.path_length < SOUNDNESS_PATH)
			fault.path[fault.path_length] = sound->code[above];
		fault.path_length++;
	}
	sound->report(sound->report_context, &fault);
}

/*
 * A solid line begins.
 */
static void
begin_line(Soundness *sound, uint32 line_number, int64 day)
{
	const Line *line = &sound->line[line_number];
	uint32		node = line->node_number;
	uint32		supervisor = line->supervisor_number;

	if (sound->supervisor[node] != NONE)
		report_second_line(sound, line, day, node);
	else if (root_of(sound->link, supervisor) == node)
		report_cycle(sound, line, day, node, supervisor);
	else
	{
		link_below(sound->link, node, supervisor);
		sound->supervisor[node] = supervisor;
		sound->line_of[node] = line_number;
	}
}

/*
 * A solid line ends; it may never have been linked.
 */
static void
end_line(Soundness *sound, uint32 line_number)
{
	uint32		node = sound->line[line_number].node_number;

	if (sound->line_of[node] != line_number)
		return;
	cut(sound->link, node);
	sound->supervisor[node] = NONE;
	sound->line_of[node] = NONE;
}

/*
 * Days are in no order of units: have what a line is about fetched before its
 * turn comes.
 */
#define EVENTS_AHEAD	((size_t) 8)

static inline void
prefetch_line(const Soundness *sound, uint32 line_number)
{
	const Line *line = &sound->line[line_number];

	org_prefetch(&sound->link[line->node_number]);
	org_prefetch(&sound->link[line->supervisor_number]);
	org_prefetch(&sound->supervisor[line->node_number]);
	org_prefetch(&sound->line_of[line->node_number]);
}

/*
 * A line's ends: are they there, and on all days of the line?  False if the
 * line cannot be swept.
 */
static bool
check_ends(const Soundness *sound, Line *line)
{
	uint32		node = code_index_find(&sound->number_of, line->node);
	uint32		supervisor = code_index_find(&sound->number_of,
											 line->supervisor);

	if (node == CODE_INDEX_NONE)
		report_line(sound, SOUND_UNKNOWN_NODE, line, line->valid);
	if (supervisor == CODE_INDEX_NONE)
		report_line(sound, SOUND_UNKNOWN_SUPERVISOR, line, line->valid);
	if (node == CODE_INDEX_NONE || supervisor == CODE_INDEX_NONE)
		return false;
	line->node_number = node;
	line->supervisor_number = supervisor;
	if (node == supervisor)
	{
		report_line(sound, SOUND_SELF, line, line->valid);
		return false;
	}
	if (!days_contain(sound->life[node], line->valid))
		report_line(sound, SOUND_OUTSIDE_NODE, line, sound->life[node]);
	if (!days_contain(sound->life[supervisor], line->valid))
		report_line(sound, SOUND_OUTSIDE_SUPERVISOR, line,
					sound->life[supervisor]);
	return true;
}

/*
 * Report the faults: first units that come twice, of which the first counts;
 * then, line by line, those of single lines and of what has always been valid;
 * then the others in the order of the days.
 */
void
soundness_end(Soundness *sound, SoundnessReport report, void *context)
{
	const OrgMemory *scratch = sound->scratch;
	uint32		nunits = (uint32) sound->nunits;
	Event	   *event = NULL;
	size_t		nevents = 0;
	size_t		room = 0;

	sound->report = report;
	sound->report_context = context;

	code_index_create(&sound->number_of, nunits, scratch);
	for (uint32 i = 0; i < nunits; i++)
	{
		SoundnessFault fault;

		org_poll(scratch, i);
		if (i + CODE_INDEX_AHEAD < nunits)
			code_index_prefetch(&sound->number_of,
								sound->code[i + CODE_INDEX_AHEAD]);
		if (code_index_insert(&sound->number_of, sound->code[i], i))
			continue;
		memset(&fault, 0, sizeof(fault));
		fault.kind = SOUND_DUPLICATE_NODE;
		fault.node = sound->code[i];
		report(context, &fault);
	}

	sound->link = org_alloc(scratch, (size_t) nunits + 1, sizeof(Link));
	sound->supervisor = org_alloc(scratch, (size_t) nunits + 1,
								  sizeof(uint32));
	sound->line_of = org_alloc(scratch, (size_t) nunits + 1, sizeof(uint32));
	memset(sound->link, 0xFF, nunits * sizeof(Link));
	memset(sound->supervisor, 0xFF, nunits * sizeof(uint32));
	memset(sound->line_of, 0xFF, nunits * sizeof(uint32));

	for (size_t i = 0; i < sound->nlines; i++)
	{
		Line	   *line = &sound->line[i];

		org_poll(scratch, i);
		if (i + CODE_INDEX_AHEAD < sound->nlines)
		{
			code_index_prefetch(&sound->number_of,
								line[CODE_INDEX_AHEAD].node);
			code_index_prefetch(&sound->number_of,
								line[CODE_INDEX_AHEAD].supervisor);
		}
		if (!check_ends(sound, line) || !line->solid ||
			line->valid.from >= line->valid.to)
			continue;

		/* nothing precedes the first day: no need to sort what begins there */
		if (line->valid.from == DAYS_UNBOUNDED_FROM)
			begin_line(sound, (uint32) i, line->valid.from);
		else
		{
			event = org_grow(scratch, event, nevents, &room, sizeof(Event));
			event[nevents].day = line->valid.from;
			event[nevents].line = (uint32) i;
			event[nevents++].begins = true;
		}
		if (line->valid.to != DAYS_UNBOUNDED_TO)
		{
			event = org_grow(scratch, event, nevents, &room, sizeof(Event));
			event[nevents].day = line->valid.to;
			event[nevents].line = (uint32) i;
			event[nevents++].begins = false;
		}
	}

	if (nevents > 1)
		sort_events(event, nevents);
	for (size_t i = 0; i < nevents; i++)
	{
		org_poll(scratch, i);
		if (i + 2 * EVENTS_AHEAD < nevents)
			org_prefetch(&sound->line[event[i + 2 * EVENTS_AHEAD].line].node_number);
		if (i + EVENTS_AHEAD < nevents)
			prefetch_line(sound, event[i + EVENTS_AHEAD].line);
		if (event[i].begins)
			begin_line(sound, event[i].line, event[i].day);
		else
			end_line(sound, event[i].line);
	}
}
