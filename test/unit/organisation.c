/*-------------------------------------------------------------------------
 *
 * organisation.c
 *	  Making up organisations.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "organisation.h"
#include "twin_code.h"

const Days	days_unbounded = {DAYS_UNBOUNDED_FROM, DAYS_UNBOUNDED_TO};

void
organisation_begin(Organisation *org)
{
	memset(org, 0, sizeof(Organisation));
}

void
organisation_free(Organisation *org)
{
	free(org->unit);
	free(org->line);
	organisation_begin(org);
}

void
organisation_add_unit(Organisation *org, IomNode code, int32 position,
					  Days life)
{
	OrgUnit    *unit;

	org->unit = unit_grow(org->unit, org->nunits, &org->units_room,
						  sizeof(OrgUnit));
	unit = &org->unit[org->nunits++];
	unit->code = code;
	unit->position = position;
	unit->life = life;
}

void
organisation_add_line(Organisation *org, IomNode node, IomNode supervisor,
					  bool solid, Days valid)
{
	OrgLine    *line;

	org->line = unit_grow(org->line, org->nlines, &org->lines_room,
						  sizeof(OrgLine));
	line = &org->line[org->nlines++];
	line->node = node;
	line->supervisor = supervisor;
	line->solid = solid;
	line->valid = valid;
}

/*
 * The supervisor of the i-th node to come, one that came before, or NOBODY.
 */
uint32
shape_supervisor(Shape shape, uint32 i)
{
	if (i == 0)
		return NOBODY;
	switch (shape)
	{
		case SHAPE_RANDOM:
			return (uint32) random_below(i);
		case SHAPE_FOREST:
			return random_below(20) == 0 ? NOBODY : (uint32) random_below(i);
		case SHAPE_CHAIN:
			return i - 1;
		case SHAPE_STAR:
			return 0;
		case SHAPE_CATERPILLAR:
			return i % 2 == 0 ? i - 2 : i - 1;
		case SHAPE_BINARY:
			return (i - 1) / 2;
		case SHAPE_DEEP:
			return i - 1 - (uint32) random_below(Min(i, 3));
		case SHAPE_ROOTS:
		case NSHAPES:
			break;
	}
	return NOBODY;
}

/*
 * Add n nodes with random codes and positions, and the lines of the shape,
 * from the root down.
 */
void
organisation_grow(Organisation *org, Shape shape, size_t n)
{
	IomNode    *code = random_codes(n);

	for (size_t i = 0; i < n; i++)
	{
		uint32		supervisor = shape_supervisor(shape, (uint32) i);

		organisation_add_unit(org, code[i], random_position(), days_unbounded);
		if (supervisor != NOBODY)
			organisation_add_line(org, code[i], code[supervisor], true,
								  days_unbounded);
	}
	free(code);
}

/*
 * Random order.
 */
void
organisation_shuffle_units(Organisation *org)
{
	for (size_t i = org->nunits; i > 1; i--)
	{
		size_t		other = random_below(i);
		OrgUnit		unit = org->unit[i - 1];

		org->unit[i - 1] = org->unit[other];
		org->unit[other] = unit;
	}
}

void
organisation_shuffle_lines(Organisation *org)
{
	for (size_t i = org->nlines; i > 1; i--)
	{
		size_t		other = random_below(i);
		OrgLine		line = org->line[i - 1];

		org->line[i - 1] = org->line[other];
		org->line[other] = line;
	}
}

/*
 * The units that are there on a day and the solid lines valid on it.
 */
void
organisation_on_day(const Organisation *org, int64 day, Organisation *snapshot)
{
	organisation_begin(snapshot);
	for (size_t i = 0; i < org->nunits; i++)
	{
		const OrgUnit *unit = &org->unit[i];

		if (days_have(unit->life, day))
			organisation_add_unit(snapshot, unit->code, unit->position,
								  unit->life);
	}
	for (size_t i = 0; i < org->nlines; i++)
	{
		const OrgLine *line = &org->line[i];

		if (line->solid && days_have(line->valid, day))
			organisation_add_line(snapshot, line->node, line->supervisor, true,
								  line->valid);
	}
}

/*
 * The place of a code among the units, or NOBODY.
 */
uint32
organisation_unit_of(const Organisation *org, IomNode code)
{
	for (size_t i = 0; i < org->nunits; i++)
	{
		if (org->unit[i].code == code)
			return (uint32) i;
	}
	return NOBODY;
}

static int
compare_codes(const void *a, const void *b)
{
	IomNode		a_code = *(const IomNode *) a;
	IomNode		b_code = *(const IomNode *) b;

	return (a_code > b_code) - (a_code < b_code);
}

static IomNode
random_code(void)
{
	char		text[NODE_CODE_BUFLEN];
	IomNode		code = IOM_NODE_NONE;
	size_t		where;

	random_code_text(text, 2, NODE_CODE_MAXLEN);
	expect(node_code_pack(text, strlen(text), &code, &where) == NODE_CODE_OK,
		   "\"%s\" is no code", text);
	return code;
}

/*
 * So many different codes, in random order.
 */
IomNode *
random_codes(size_t n)
{
	IomNode    *code = unit_alloc(n, sizeof(IomNode));
	size_t		different = 0;

	while (different < n)
	{
		size_t		kept = 0;

		for (size_t i = different; i < n; i++)
			code[i] = random_code();
		qsort(code, n, sizeof(IomNode), compare_codes);
		for (size_t i = 0; i < n; i++)
		{
			if (i == 0 || code[i] != code[kept - 1])
				code[kept++] = code[i];
		}
		different = kept;
	}
	for (size_t i = n; i > 1; i--)
	{
		size_t		other = random_below(i);
		IomNode		swapped = code[i - 1];

		code[i - 1] = code[other];
		code[other] = swapped;
	}
	return code;
}

/*
 * A position among siblings; many are equal.
 */
int32
random_position(void)
{
	switch (random_below(20))
	{
		case 0:
			return PG_INT32_MIN;
		case 1:
			return PG_INT32_MAX;
		case 2:
			return (int32) (uint32) random_bits();
		default:
			return (int32) random_between(-2, 2);
	}
}
