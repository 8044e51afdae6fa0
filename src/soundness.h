/*-------------------------------------------------------------------------
 *
 * soundness.h
 *	  Is a dated organisation sound on every day?
 *
 * Plain C, no server.  Feed it all units, then all lines, then end.
 *
 * Faults are reported as they are found: first the units that come twice, then,
 * line by line, the faults of single lines, then those of days in the order of
 * the days.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef SOUNDNESS_H
#define SOUNDNESS_H

#include "node_code.h"
#include "org_memory.h"

/*
 * The days from "from" up to, not including, "to".  Days are those of type
 * date; being wider than a date, a bound can also lie beyond date's own
 * infinities, which are days like others.
 */
typedef struct Days
{
	int64		from;
	int64		to;
} Days;

#define DAYS_UNBOUNDED_FROM		PG_INT64_MIN
#define DAYS_UNBOUNDED_TO		PG_INT64_MAX

/* Days may be none (from >= to): those lie within any and overlap none. */
static inline bool
days_contain(Days outer, Days inner)
{
	return inner.from >= inner.to ||
		(outer.from <= inner.from && inner.to <= outer.to);
}

static inline bool
days_include(Days days, int64 day)
{
	return days.from <= day && day < days.to;
}

static inline bool
days_overlap(Days a, Days b)
{
	return Max(a.from, b.from) < Min(a.to, b.to);
}

static inline Days
days_intersection(Days a, Days b)
{
	Days		both;

	both.from = Max(a.from, b.from);
	both.to = Min(a.to, b.to);
	return both;
}

typedef enum SoundnessFaultKind
{
	SOUND_DUPLICATE_NODE,		/* node comes twice */
	SOUND_UNKNOWN_NODE,			/* a line of a node that is no unit */
	SOUND_UNKNOWN_SUPERVISOR,	/* ... to a supervisor that is none */
	SOUND_SELF,					/* node is its own supervisor */
	SOUND_OUTSIDE_NODE,			/* the line is valid on days ("days") on which
								 * the node is not there ("life") */
	SOUND_OUTSIDE_SUPERVISOR,	/* ... the supervisor is not there */
	SOUND_SECOND_LINE,			/* on days.from the node has supervisor, and
								 * another one: path[0] */
	SOUND_CYCLE					/* on days.from, one of such days, the node
								 * reports to the supervisor, that one to
								 * path[0], and so on up to the node again */
} SoundnessFaultKind;

#define SOUNDNESS_PATH	8

typedef struct SoundnessFault
{
	SoundnessFaultKind kind;
	IomNode		node;
	IomNode		supervisor;
	Days		days;
	Days		life;
	uint32		path_length;	/* may be more than SOUNDNESS_PATH */
	IomNode		path[SOUNDNESS_PATH];
} SoundnessFault;

/* A fault, so far without life and path. */
static inline SoundnessFault
soundness_fault(SoundnessFaultKind kind, IomNode node, IomNode supervisor,
				Days days)
{
	SoundnessFault fault;

	memset(&fault, 0, sizeof(fault));
	fault.kind = kind;
	fault.node = node;
	fault.supervisor = supervisor;
	fault.days = days;
	return fault;
}

/* Called for each fault; may throw. */
typedef void (*SoundnessReport) (void *context, const SoundnessFault *fault);

typedef struct Soundness Soundness;

extern Soundness *soundness_begin(const OrgMemory *scratch,
								  size_t expected_units,
								  size_t expected_lines,
								  SoundnessReport report, void *context);
extern void soundness_set_climbs(Soundness *sound, uint32 climbs_per_line);
extern void soundness_unit(Soundness *sound, IomNode node, Days life);
extern void soundness_line(Soundness *sound, IomNode node, IomNode supervisor,
						   bool solid, Days valid);
extern void soundness_end(Soundness *sound);

#endif							/* SOUNDNESS_H */
