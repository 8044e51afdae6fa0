/*-------------------------------------------------------------------------
 *
 * days_text.c
 *	  Days in messages: ISO dates whatever DateStyle is.
 *
 * What is returned is palloc'd or constant.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"

#include "days_text.h"

/*
 * One day.
 */
const char *
day_text(int64 day)
{
	char		text[MAXDATELEN + 1];
	struct pg_tm tm;

	/* beside the infinities of type date lie no dates, but bounds of days */
	if (day <= (int64) DATEVAL_NOBEGIN + 1)
		return "-infinity";
	if (day >= DATEVAL_NOEND)
		return "infinity";
	j2date((int) (day + POSTGRES_EPOCH_JDATE), &tm.tm_year, &tm.tm_mon,
		   &tm.tm_mday);
	EncodeDateOnly(&tm, USE_ISO_DATES, text);
	return pstrdup(text);
}

/*
 * Is it the bound behind an infinity, which has no date?
 */
static bool
is_behind_infinity(int64 day)
{
	return day == (int64) DATEVAL_NOBEGIN + 1 || day == (int64) DATEVAL_NOEND + 1;
}

/*
 * A range of days, as a daterange is written.
 */
const char *
days_text(Days days)
{
	const char *from = "(";
	const char *to = ")";

	if (days.from >= days.to)
		return "empty";
	if (days.from != DAYS_UNBOUNDED_FROM)
		from = psprintf("%c%s", is_behind_infinity(days.from) ? '(' : '[',
						day_text(days.from));
	if (days.to != DAYS_UNBOUNDED_TO)
		to = psprintf("%s%c", day_text(days.to),
					  is_behind_infinity(days.to) ? ']' : ')');
	return psprintf("%s,%s", from, to);
}

/*
 * A sentence's beginning: the day, if there is a first one that has a date, and
 * the subject.
 */
const char *
on_day(int64 day, const char *subject)
{
	char	   *alone;

	if (day != DAYS_UNBOUNDED_FROM && !is_behind_infinity(day))
		return psprintf("On %s %s", day_text(day), subject);
	alone = pstrdup(subject);
	alone[0] = pg_toupper((unsigned char) alone[0]);
	return alone;
}
