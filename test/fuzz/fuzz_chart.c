/*-------------------------------------------------------------------------
 *
 * fuzz_chart.c
 *	  A small dated organisation, sound or not, from any bytes: its charts on
 *	  all days and its soundness are those of the naive twins.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "twin_code.h"
#include "twin_soundness.h"

#define MOST_UNITS	24
#define MOST_LINES	40
#define NCODES		32			/* units have these, or are unknown */

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Bytes
{
	const uint8_t *next;
	const uint8_t *end;
} Bytes;

/* The next byte; zeros after the last. */
static uint8_t
take(Bytes *bytes)
{
	return bytes->next < bytes->end ? *bytes->next++ : 0;
}

/* Different for different numbers below NCODES, and in no order. */
static IomNode
code_of(unsigned number)
{
	size_t		n = strlen(TWIN_ALPHABET);
	char		text[3];
	IomNode		code = IOM_NODE_NONE;
	size_t		where;

	text[0] = TWIN_ALPHABET[number * 7 % n];
	text[1] = TWIN_ALPHABET[number * 11 % n];
	text[2] = '\0';
	expect(node_code_pack(text, number % 2 ? 1 : 2, &code, &where) ==
		   NODE_CODE_OK, "\"%s\" is no code", text);
	return code;
}

/* One of few days, so that many fall together. */
static int64
take_day(Bytes *bytes)
{
	uint8_t		byte = take(bytes);

	switch (byte)
	{
		case 255:
			return DAYS_UNBOUNDED_TO;
		case 254:
			return DAYS_UNBOUNDED_FROM;
		case 253:
			return PG_INT32_MAX;
		case 252:
			return PG_INT32_MIN;
		default:
			return byte % 8;
	}
}

static Days
take_days(Bytes *bytes, uint8_t flags)
{
	Days		days = days_unbounded;

	if (flags & 1)
		days.from = take_day(bytes);
	if (flags & 2)
		days.to = take_day(bytes);
	return days;
}

static int32
take_position(Bytes *bytes)
{
	uint8_t		byte = take(bytes);

	switch (byte)
	{
		case 255:
			return PG_INT32_MAX;
		case 254:
			return PG_INT32_MIN;
		default:
			return byte % 5 - 2;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Bytes		bytes = {data, data + size};
	Organisation org;
	unsigned	nunits = take(&bytes) % (MOST_UNITS + 1);
	unsigned	nlines = take(&bytes) % (MOST_LINES + 1);

	unit_abort_at_failure = true;
	random_seed(size);

	organisation_begin(&org);
	for (unsigned i = 0; i < nunits; i++)
	{
		uint8_t		flags = take(&bytes);
		unsigned	number = flags >= 256 - NCODES / 4 ? flags % NCODES : i;
		int32		position = take_position(&bytes);

		organisation_add_unit(&org, code_of(number), position,
							  take_days(&bytes, flags < 64 ? flags : 0));
	}
	for (unsigned i = 0; i < nlines; i++)
	{
		/* one number too many: nobody has that code */
		unsigned	node = take(&bytes) % (nunits + 1);
		unsigned	supervisor = take(&bytes) % (nunits + 1);
		uint8_t		flags = take(&bytes);

		organisation_add_line(&org, code_of(node), code_of(supervisor),
							  (flags & 28) != 28, take_days(&bytes, flags));
	}
	expect_organisation_like_twins(&org);
	organisation_free(&org);
	return 0;
}
