/*-------------------------------------------------------------------------
 *
 * as_of.c
 *	  The day a question is about: an argument, the setting iomorg.as_of, or
 *	  today.  And no text that comes before the argument.
 *
 * The setting takes ISO dates only.  It is kept and passed on as text (to
 * parallel workers, to functions with SET, in ALTER ROLE), and a text that
 * DateStyle could turn into another day would not survive that.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"

#include "chart_cache.h"
#include "iomorg.h"

PG_FUNCTION_INFO_V1(iom_as_of);
PG_FUNCTION_INFO_V1(iom_is_relation);

/* A day as programs and people write it, with a time and zone or without, the year
 * first or last; or a word for one. */
#define A_MONTH \
	"(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|" \
	"sep(t|tember)?|oct(ober)?|nov(ember)?|dec(ember)?)"
#define A_WEEKDAY \
	"((mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?[, ]+)?"
#define A_TIME	"\\d\\d?:[:.\\d]+"
#define A_ZONE	"(([a-z]{1,5}|[a-z_]+/[a-z_/]+)[-+:\\d]*)?"
#define A_YEAR	"([-/., ]*\\d{4}(\\s+(bc|ad))?|[-/., ]+" A_TIME "[-/., ]+\\d{4}\\s*" A_ZONE ")"
#define A_DAY \
	"(?i)^\\s*(" \
	"(\\d{4,7}[-/.]\\d\\d?[-/.]\\d\\d?|\\d\\d?[-/.]\\d\\d?[-/.]\\d{4}|(1[89]|2[01])\\d{6})" \
	"([t\\s]*[-+:.\\d\\s]*(z|bc|ad)?|[t\\s]+" A_TIME "\\s*" A_ZONE ")|" \
	"\\d{4}[-/. ]" A_MONTH "[-/. ]\\d\\d?|" \
	A_WEEKDAY "(\\d\\d?[-/. ]*" A_MONTH "|" A_MONTH "[-/. ]*\\d\\d?)" A_YEAR "|" \
	"today|tomorrow|yesterday|now|epoch|[-+]?infinity)\\s*$"
#define LEAST_DAY	3			/* bytes */
#define MOST_DAY	64

static char *as_of_setting = NULL;

/* What the check hook made of it; NULL: today. */
static DateADT *as_of_date = NULL;

/*
 * A day as json has it, and text where DateStyle is ISO: YYYY-MM-DD, with a year of
 * 4 digits or more, BC or not; or one of date's infinities.
 */
static bool
parse_iso_date(const char *text, DateADT *date)
{
	size_t		length = strspn(text, "0123456789-");
	bool		is_bc = strcmp(text + length, " BC") == 0;
	struct pg_tm tm = {0};
	int			consumed = 0;

	if (strcmp(text, "infinity") == 0)
	{
		DATE_NOEND(*date);
		return true;
	}
	if (strcmp(text, "-infinity") == 0)
	{
		DATE_NOBEGIN(*date);
		return true;
	}

	if ((text[length] != '\0' && !is_bc) ||
		strspn(text, "0123456789") < 4 ||
		sscanf(text, "%7d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			   &consumed) != 3 ||
		(size_t) consumed != length ||
		ValidateDate(DTK_DATE_M, false, false, is_bc, &tm) != 0 ||
		!IS_VALID_JULIAN(tm.tm_year, tm.tm_mon, tm.tm_mday))
		return false;
	*date = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
	return IS_VALID_DATE(*date);
}

static bool
check_as_of(char **newval, void **extra,
			GucSource source pg_attribute_unused())
{
	DateADT		date;
	DateADT    *keep;

	if (**newval == '\0')
		return true;
	if (!parse_iso_date(*newval, &date))
	{
		GUC_check_errdetail("The day must be empty (today), infinity, -infinity or "
							"a date of the form YYYY-MM-DD.");
		GUC_check_errhint("Write a date value as to_json(value) #>> '{}'.");
		return false;
	}
	keep = guc_malloc(LOG, sizeof(DateADT));
	if (keep == NULL)
		return false;
	*keep = date;
	*extra = keep;
	return true;
}

static void
assign_as_of(const char *newval pg_attribute_unused(), void *extra)
{
	as_of_date = (DateADT *) extra;
	chart_cache_forget_today();
}

/*
 * Define the setting; called once, by _PG_init().
 */
void
as_of_define_setting(void)
{
	DefineCustomStringVariable("iomorg.as_of",
							   "The day on which the hierarchy is seen.",
							   "A date of the form YYYY-MM-DD; empty means "
							   "the current date.",
							   &as_of_setting,
							   "",
							   PGC_USERSET,
							   0,
							   check_as_of,
							   assign_as_of,
							   NULL);
}

/*
 * Today, as CURRENT_DATE has it.  Each transaction anew would break its time
 * into a calendar date, which takes longer than all that a short question asks
 * of a chart.  In one time zone the date depends on the whole second alone.
 */
static DateADT
today(void)
{
	static DateADT date;
	static int64 second = PG_INT64_MIN;
	static const pg_tz *zone = NULL;
	int64		now = (GetCurrentTransactionStartTimestamp() - MIN_TIMESTAMP) /
		USECS_PER_SEC;

	if (now != second || zone != session_timezone)
	{
		date = GetSQLCurrentDate();
		second = now;
		zone = session_timezone;
	}
	return date;
}

/*
 * The day of a question whose argument as_of is given or null.  A day in the
 * sense of soundness.h: wider than a date.
 */
int64
as_of_day(bool isnull, DateADT as_of)
{
	if (!isnull)
		return as_of;
	if (as_of_date != NULL)
		return *as_of_date;
	return today();
}

/* SQL: the day that functions called with this argument answer for */
Datum
iom_as_of(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT((DateADT) PG_GETARG_AS_OF(0));
}

/*
 * Raise an error if a text is a day: in an untyped literal, one that was meant for
 * the given parameter is taken for a text that comes before it, and today's answer
 * would be about something else.
 */
void
as_of_refuse_text(text *given, const char *name, const char *parameter)
{
	const char *at = VARDATA_ANY(given);
	const char *end = at + VARSIZE_ANY_EXHDR(given);

	/* (for separators, of whom there are many) */
	if (end - at < LEAST_DAY || end - at > MOST_DAY)
		return;
	while (at < end && !isalnum((unsigned char) *at))
		at++;
	if (at < end &&
		DatumGetBool(DirectFunctionCall2Coll(textregexeq, C_COLLATION_OID,
											 PointerGetDatum(given),
											 CStringGetTextDatum(A_DAY))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s \"%s\" is a day", name, text_to_cstring(given)),
				 errhint("Name its parameter: %s => '%s'.", parameter,
						 text_to_cstring(given))));
}

/* SQL: true; an error if what should be the name of a relation is a day */
Datum
iom_is_relation(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0))
		as_of_refuse_text(PG_GETARG_TEXT_PP(0), "relation", "as_of");
	PG_RETURN_BOOL(true);
}
