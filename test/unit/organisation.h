/*-------------------------------------------------------------------------
 *
 * organisation.h
 *	  The rows of a dated organisation, as the tests make them up.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef ORGANISATION_H
#define ORGANISATION_H

#include "unit.h"
#include "soundness.h"

#define NOBODY		PG_UINT32_MAX	/* no place among the units */

typedef struct OrgUnit
{
	IomNode		code;
	int32		position;
	Days		life;
} OrgUnit;

typedef struct OrgLine
{
	IomNode		node;
	IomNode		supervisor;
	bool		solid;
	Days		valid;
} OrgLine;

typedef struct Organisation
{
	OrgUnit    *unit;
	size_t		nunits;
	size_t		units_room;
	OrgLine    *line;
	size_t		nlines;
	size_t		lines_room;
} Organisation;

typedef enum Shape
{
	SHAPE_RANDOM,				/* below any node that came before */
	SHAPE_FOREST,				/* likewise, with several roots */
	SHAPE_CHAIN,
	SHAPE_STAR,
	SHAPE_CATERPILLAR,			/* a chain whose nodes have a leaf each */
	SHAPE_BINARY,
	SHAPE_DEEP,					/* below one of the last three */
	SHAPE_ROOTS,				/* no lines at all */
	NSHAPES
} Shape;

extern const Days days_unbounded;

static inline bool
days_have(Days days, int64 day)
{
	return days.from <= day && day < days.to;
}

extern void organisation_begin(Organisation *org);
extern void organisation_free(Organisation *org);
extern void organisation_add_unit(Organisation *org, IomNode code,
								  int32 position, Days life);
extern void organisation_add_line(Organisation *org, IomNode node,
								  IomNode supervisor, bool solid, Days valid);
extern void organisation_grow(Organisation *org, Shape shape, size_t n);
extern void organisation_shuffle_units(Organisation *org);
extern void organisation_shuffle_lines(Organisation *org);
extern void organisation_on_day(const Organisation *org, int64 day,
								Organisation *snapshot);
extern uint32 organisation_unit_of(const Organisation *org, IomNode code);

extern uint32 shape_supervisor(Shape shape, uint32 i);
extern IomNode *random_codes(size_t n);
extern int32 random_position(void);

#endif							/* ORGANISATION_H */
