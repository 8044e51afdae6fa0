/*-------------------------------------------------------------------------
 *
 * changes.c
 *	  iom_add, iom_move, iom_close, iom_relate, iom_unrelate: what changes an
 *	  organisation from a day on, as one call.
 *
 * Each is a few ordinary statements on iom_unit and iom_line, run as the
 * caller: guards, foreign keys, privileges, row-level security and history
 * apply as they do to any statement, and nothing here checks what they check.
 *
 * What is to be changed is read first, so the editors' turn is taken before
 * that: by a statement that changes no row, whose BEFORE STATEMENT trigger
 * waits for other transactions that change the hierarchy (guard.c).  The
 * statements after it have new snapshots (READ COMMITTED), or it has failed to
 * serialize (REPEATABLE READ and above).  Without the turn, two sessions could
 * read the same line, and the second would cut what the first had made of it.
 *
 * The statements name everything by schema, since search_path is the caller's:
 * in the text of them, ~ stands for the schema of the extension.  All have the
 * same parameters, Parameter below, each of which is null or not.
 *
 * All memory is in the SPI context, gone when the call returns.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "days_text.h"
#include "org_rows.h"
#include "org_trigger.h"
#include "referring.h"

PG_FUNCTION_INFO_V1(iom_add);
PG_FUNCTION_INFO_V1(iom_move);
PG_FUNCTION_INFO_V1(iom_close);
PG_FUNCTION_INFO_V1(iom_relate);
PG_FUNCTION_INFO_V1(iom_unrelate);

/* How many nodes or tables a message names. */
#define MOST_NAMED	8

typedef enum Parameter
{
	NODE,						/* $1 */
	OTHER,						/* $2 the upper end of the line */
	RELATION,					/* $3 */
	DAY,						/* $4 */
	NAME,						/* $5 */
	KIND,						/* $6 */
	WITHIN,						/* $7 the days that the line may take; null:
								 * all */
	PARAMETERS
} Parameter;

typedef struct Change
{
	const char *schema;
	int64		day;
	Oid			types[PARAMETERS];
	Datum		values[PARAMETERS];
	char		nulls[PARAMETERS];
} Change;

#define SOLID_IN_FORCE \
	"node OPERATOR(~.=) $1 AND line OPERATOR(pg_catalog.=) 'solid' " \
	"AND valid OPERATOR(pg_catalog.@>) $4"
#define DOTTED_IN_FORCE \
	"node OPERATOR(~.=) $1 AND supervisor OPERATOR(~.=) $2 " \
	"AND relation OPERATOR(pg_catalog.=) $3 " \
	"AND line OPERATOR(pg_catalog.=) 'dotted' " \
	"AND valid OPERATOR(pg_catalog.@>) $4"
#define BEFORE_DAY		"pg_catalog.daterange(NULL, $4)"
#define FROM_DAY		"pg_catalog.daterange($4, NULL)"
#define IS_BEFORE_DAY	"valid OPERATOR(pg_catalog.&&) " BEFORE_DAY
#define NEW_DAYS		"$7 OPERATOR(pg_catalog.*) " FROM_DAY
#define OF_LINE \
	"node OPERATOR(~.=) $1 AND supervisor OPERATOR(~.=) $2 " \
	"AND relation OPERATOR(pg_catalog.=) COALESCE($3, 'supervises') "

/*----------
 * Statements
 *----------
 */

/*
 * Run one; returns the number of rows it changed or returned.
 */
static uint64
run(Change *change, const char *statement)
{
	int			result = SPI_execute_with_args(org_statement(statement,
														 change->schema),
										   PARAMETERS, change->types,
										   change->values, change->nulls,
										   false, 0);

	if (result < 0)
		elog(ERROR, "SPI_execute_with_args failed: %s",
			 SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * Run one that has so many rows to change.  Ordinary statements are silent about
 * rows that were passed over; a function that says it is done must not be.
 */
static void
change_rows(Change *change, uint64 rows, const char *statement)
{
	if (run(change, statement) < rows)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("the rows of \"%s\" could not be changed",
						node_text(DatumGetIomNode(change->values[NODE])).text),
				 errdetail("A trigger or a row-level security policy passed "
						   "them over.")));
}

/*
 * Of the last result: a column, counted from 1, of the given row.  (Who owns the
 * tables may have another one of its name.)
 */
static Datum
result_column(uint64 row, int column, Oid type)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row],
									  SPI_tuptable->tupdesc, column, &isnull);

	if (SPI_gettypeid(SPI_tuptable->tupdesc, column) != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is not of type %s",
						SPI_fname(SPI_tuptable->tupdesc, column),
						format_type_be(type)),
				 errhint("The columns that extension iomorg made must keep their "
						 "names and types.")));
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("null value in column \"%s\"",
						SPI_fname(SPI_tuptable->tupdesc, column)),
				 errhint("iom_check() tells what is wrong with the tables.")));
	return value;
}

static Days
result_days(uint64 row, int column)
{
	return org_days_of_range(result_column(row, column, DATERANGEOID));
}

static const char *
result_text(uint64 row, int column)
{
	return TextDatumGetCString(result_column(row, column, TEXTOID));
}

/* A node, for messages. */
static NodeText
result_node(uint64 row, int column)
{
	return node_text(DatumGetIomNode(result_column(row, column,
												   org_tables_node_type())));
}

static bool
is_given(const Change *change, Parameter parameter)
{
	return change->nulls[parameter] == ' ';
}

static void
give(Change *change, Parameter parameter, Datum value)
{
	change->values[parameter] = value;
	change->nulls[parameter] = ' ';
}

/* The node that a parameter is, for messages. */
static const char *
name_of(const Change *change, Parameter parameter)
{
	return pstrdup(node_text(DatumGetIomNode(change->values[parameter])).text);
}

/*----------
 * Arguments
 *----------
 */

/* A kind or relation, if it is given, is no day. */
static void
refuse_day_as(const Change *change, Parameter parameter, const char *name)
{
	if (is_given(change, parameter))
		as_of_refuse_text(DatumGetTextPP(change->values[parameter]), name,
						  "effective");
}

/*
 * An argument, null or not.
 */
static void
take_argument(Change *change, Parameter parameter, FunctionCallInfo fcinfo,
			  int argument)
{
	if (!PG_ARGISNULL(argument))
		give(change, parameter, PG_GETARG_DATUM(argument));
}

/*
 * An argument that must not be null; without it, there is nothing to do.
 */
static void
need_argument(Change *change, Parameter parameter, FunctionCallInfo fcinfo,
			  int argument, const char *name, const char *hint)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name),
				 hint ? errhint("%s", hint) : 0));
	take_argument(change, parameter, fcinfo, argument);
}

/*
 * Begin: the node is argument 0, the day the given one.
 */
static void
begin(Change *change, FunctionCallInfo fcinfo, int day_argument)
{
	Oid			node_type = org_tables_node_type();
	const Oid	types[PARAMETERS] = {
		node_type, node_type, TEXTOID, DATEOID, TEXTOID, TEXTOID, DATERANGEOID
	};

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	memcpy(change->types, types, sizeof(types));
	memset(change->values, 0, sizeof(change->values));
	memset(change->nulls, 'n', sizeof(change->nulls));
	change->schema = quote_identifier(org_schema_name());

	need_argument(change, NODE, fcinfo, 0, "node", NULL);
	change->day = PG_GETARG_AS_OF(day_argument);
	if (DATE_NOT_FINITE((DateADT) change->day))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the day of a change must be finite, not %s",
						day_text(change->day)),
				 errhint("Give another effective day, or insert into "
						 "iom_unit and iom_line what has no beginning.")));
	give(change, DAY, DateADTGetDatum((DateADT) change->day));
}

static Datum
finish(const Change *change)
{
	SPI_finish();
	return change->values[NODE];
}

/*----------
 * What is there
 *----------
 */

static void
refuse_unknown(const Change *change, Parameter which)
{
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("there is no unit \"%s\"", name_of(change, which)),
			 errhint("iom_add() opens a unit.")));
}

static void
refuse_day(const Change *change, Parameter which, Days life)
{
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("unit \"%s\" is not there on %s", name_of(change, which),
					day_text(change->day)),
			 errdetail("It is valid on %s.", days_text(life)),
			 errhint("Give another effective day, or change the unit's days "
					 "in iom_unit; iom_move() then draws its line on them.")));
}

/* The days of a unit.  Raises an error if there is none. */
static Days
life_of(Change *change, Parameter which)
{
	if (run(change, which == NODE ?
			"SELECT valid FROM ~.iom_unit WHERE node OPERATOR(~.=) $1" :
			"SELECT valid FROM ~.iom_unit WHERE node OPERATOR(~.=) $2") == 0)
		refuse_unknown(change, which);
	return result_days(0, 1);
}

/* The unit must be there on the day. */
static void
need_unit(Change *change, Parameter which)
{
	Days		life = life_of(change, which);

	if (!days_include(life, change->day))
		refuse_day(change, which, life);
}

/* The other end of a line must be there, and another one. */
static void
need_other(Change *change, const char *itself)
{
	if (change->values[OTHER] == change->values[NODE])
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("\"%s\" cannot be %s", name_of(change, NODE),
						itself)));
	need_unit(change, OTHER);
}

/*
 * The key of iom_line does not tell solid lines from dotted ones: no line k may be in
 * the way.  What tells which one would be follows its name.
 */
static void
need_no_line(Change *change, const char *which)
{
	if (run(change, psprintf("SELECT k.node, k.supervisor, k.relation, k.line, "
							 "k.valid FROM ~.iom_line k %s", which)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("\"%s\" has a %s line \"%s\" to \"%s\" on the same days",
						result_node(0, 1).text,
						result_text(0, 4),
						result_text(0, 3),
						result_node(0, 2).text),
				 errdetail("It is valid on %s.", days_text(result_days(0, 5))),
				 errhint("iom_unrelate() ends a dotted line, iom_move() a solid "
						 "one; another relation is another line.")));
}

/* No line of this relation, between these two, may have these very days. */
static void
need_free_key(Change *change, const char *days)
{
	need_no_line(change, psprintf("WHERE " OF_LINE
								  "AND valid OPERATOR(pg_catalog.=) (%s)",
								  days));
}

/*
 * Does a line, solid or dotted, that is the same otherwise end where a new one would
 * begin?  If so, the result has the days of the two together.
 */
static bool
goes_on(Change *change, const char *line)
{
	return run(change, psprintf("SELECT pg_catalog.range_merge(valid, " NEW_DAYS
								") FROM ~.iom_line WHERE " OF_LINE
								"AND line OPERATOR(pg_catalog.=) '%s' "
								"AND pg_catalog.upper(valid) "
								"OPERATOR(pg_catalog.=) $4 ORDER BY valid",
								line)) > 0;
}

/*
 * A line, solid or dotted, from the day on, within the days that are given.
 *
 * If the same line ended on the day before, it goes on: two rows would be two
 * lines to whoever changes it on an earlier day, and the later one a plan.
 */
static void
draw_line(Change *change, const char *line)
{
	/* (a new unit has no lines) */
	if (is_given(change, WITHIN))
	{
		if (goes_on(change, line))
		{
			give(change, WITHIN, result_column(0, 1, DATERANGEOID));
			need_free_key(change, "$7");
			change_rows(change, 1, "UPDATE ~.iom_line SET valid = $7 WHERE "
						OF_LINE "AND valid OPERATOR(pg_catalog.=) "
						"($7 OPERATOR(pg_catalog.*) " BEFORE_DAY ")");
			return;
		}
		need_free_key(change, NEW_DAYS);
	}
	change_rows(change, 1,
				psprintf("INSERT INTO ~.iom_line "
						 "(node, supervisor, relation, line, valid) "
						 "VALUES ($1, $2, COALESCE($3, 'supervises'), '%s', "
						 "COALESCE(" NEW_DAYS ", " FROM_DAY "))", line));
}

/*
 * Lines end on the day before; those that begin later are deleted.  False if
 * there are none.  They are of one kind, solid or dotted, or, where all lines
 * between the same two end, of both.
 */
static bool
end_lines(Change *change, const char *which, bool both_kinds)
{
	uint64		cut;
	uint64		gone;

	run(change, psprintf("SELECT pg_catalog.count(*) FILTER (WHERE NOT "
						 ORG_LINE_GOES(BEFORE_DAY)
						 "), pg_catalog.count(*) FILTER (WHERE "
						 ORG_LINE_GOES(BEFORE_DAY) ") "
						 "FROM ~.iom_line l WHERE %s", which));
	cut = (uint64) DatumGetInt64(result_column(0, 1, INT8OID));
	gone = (uint64) DatumGetInt64(result_column(0, 2, INT8OID));
	/* (only who has lines to delete needs the privilege to) */
	if (gone > 0)
		change_rows(change, gone, psprintf("DELETE FROM ~.iom_line l "
									 "WHERE %s AND "
									 ORG_LINE_GOES(BEFORE_DAY), which));
	if (cut > 0)
	{
		/* (found once: of one node there may be many rows, if dead ones) */
		need_no_line(change, psprintf("JOIN (WITH l AS MATERIALIZED ("
									  "SELECT node, supervisor, relation, line, valid "
									  "FROM ~.iom_line WHERE %s AND " IS_BEFORE_DAY
									  ") SELECT * FROM l) l "
									  "ON k.node OPERATOR(~.=) l.node "
									  "AND k.supervisor OPERATOR(~.=) l.supervisor "
									  "AND k.relation OPERATOR(pg_catalog.=) l.relation "
									  "AND k.line OPERATOR(pg_catalog.<>) l.line "
									  "AND %s OPERATOR(pg_catalog.=) "
									  "(l.valid OPERATOR(pg_catalog.*) " BEFORE_DAY ")",
									  which, both_kinds ?
									  "(k.valid OPERATOR(pg_catalog.*) "
									  BEFORE_DAY ")" : "k.valid"));
		change_rows(change, cut, psprintf("UPDATE ~.iom_line SET valid = valid "
									 "OPERATOR(pg_catalog.*) " BEFORE_DAY
									 " WHERE %s AND " IS_BEFORE_DAY, which));
	}
	return cut + gone > 0;
}

/*----------
 * Opening and moving
 *----------
 */

/* iom_add(node, name, supervisor, kind, effective) */
Datum
iom_add(PG_FUNCTION_ARGS)
{
	Change		change;

	begin(&change, fcinfo, 4);
	need_argument(&change, NAME, fcinfo, 1, "name", NULL);
	take_argument(&change, OTHER, fcinfo, 2);
	need_argument(&change, KIND, fcinfo, 3, "kind",
				  "Leave it out for a unit of kind 'unit'.");
	refuse_day_as(&change, KIND, "kind");
	run(&change, "INSERT INTO ~.iom_unit (node, name) "
		"SELECT $1, $5 WHERE false");

	if (run(&change, "SELECT valid FROM ~.iom_unit "
			"WHERE node OPERATOR(~.=) $1") > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("unit \"%s\" already exists", name_of(&change, NODE)),
				 errdetail("It is valid on %s.",
						   days_text(result_days(0, 1))),
				 errhint("A code is never used for another unit. iom_move() "
						 "gives a unit another supervisor; to open it again, "
						 "change its days in iom_unit, and give it its lines "
						 "again, with iom_move().")));
	if (is_given(&change, OTHER))
		need_other(&change, "its own supervisor");

	change_rows(&change, 1, "INSERT INTO ~.iom_unit (node, name, kind, valid) "
				"VALUES ($1, $5, $6, " FROM_DAY ")");
	if (is_given(&change, OTHER))
		draw_line(&change, "solid");
	return finish(&change);
}

/*
 * The node has a solid line on the day, the first row of the result: its
 * supervisor, its relation, its days.
 */
static void
move_line(Change *change)
{
	Datum		valid = result_column(0, 3, DATERANGEOID);
	bool		begins = org_days_of_range(valid).from == change->day;
	Datum		supervisor = result_column(0, 1, org_tables_node_type());
	Datum		relation = result_column(0, 2, TEXTOID);

	if (!is_given(change, RELATION))
		give(change, RELATION, relation);

	if (!is_given(change, OTHER))
	{
		/* a root: the line ends, or never was */
		(void) end_lines(change, SOLID_IN_FORCE, false);
		return;
	}

	if (change->values[OTHER] == supervisor &&
		strcmp(TextDatumGetCString(change->values[RELATION]),
			   TextDatumGetCString(relation)) == 0)
		return;

	give(change, WITHIN, valid);
	if (begins && !goes_on(change, "solid"))
	{
		need_free_key(change, "$7");
		change_rows(change, 1, "UPDATE ~.iom_line SET supervisor = $2, "
					"relation = $3, basis = DEFAULT WHERE " SOLID_IN_FORCE);
		return;
	}
	(void) end_lines(change, SOLID_IN_FORCE, false);
	draw_line(change, "solid");
}

/*
 * iom_move(node, supervisor, effective, relation)
 *
 * One line is cut at the day and one opened, or one of the two; a line that
 * begins on the day is changed as it is, or gone if the one before goes on.  What
 * is planned for later stays.
 */
Datum
iom_move(PG_FUNCTION_ARGS)
{
	Change		change;

	begin(&change, fcinfo, 2);
	take_argument(&change, OTHER, fcinfo, 1);
	take_argument(&change, RELATION, fcinfo, 3);
	refuse_day_as(&change, RELATION, "relation");
	run(&change, "UPDATE ~.iom_line SET valid = valid WHERE false");

	need_unit(&change, NODE);
	if (is_given(&change, OTHER))
		need_other(&change, "its own supervisor");

	if (run(&change, "SELECT supervisor, relation, valid FROM ~.iom_line "
			"WHERE " SOLID_IN_FORCE) > 0)
		move_line(&change);
	else if (is_given(&change, OTHER))
	{
		/* back to whom it reported to on the day before, as it did then */
		if (!is_given(&change, RELATION) &&
			run(&change, "SELECT relation FROM ~.iom_line "
				"WHERE node OPERATOR(~.=) $1 AND supervisor OPERATOR(~.=) $2 "
				"AND line OPERATOR(pg_catalog.=) 'solid' "
				"AND pg_catalog.upper(valid) OPERATOR(pg_catalog.=) $4") > 0)
			give(&change, RELATION, result_column(0, 1, TEXTOID));

		/* a root until now: up to its next line, or its end */
		run(&change, "SELECT valid OPERATOR(pg_catalog.*) "
			"pg_catalog.daterange(NULL, ("
			"SELECT pg_catalog.min(pg_catalog.lower(l.valid)) "
			"FROM ~.iom_line l WHERE l.node OPERATOR(~.=) $1 "
			"AND l.line OPERATOR(pg_catalog.=) 'solid' "
			"AND pg_catalog.lower(l.valid) OPERATOR(pg_catalog.>) $4)) "
			"FROM ~.iom_unit WHERE node OPERATOR(~.=) $1");
		give(&change, WITHIN, result_column(0, 1, DATERANGEOID));
		draw_line(&change, "solid");
	}
	return finish(&change);
}

/*----------
 * Closing
 *----------
 */

/* Nobody may report to the unit on the day or later. */
static void
refuse_reports(Change *change)
{
	uint64		n = run(change, "SELECT node, valid FROM ~.iom_line "
						"WHERE supervisor OPERATOR(~.=) $1 "
						"AND line OPERATOR(pg_catalog.=) 'solid' "
						"AND valid OPERATOR(pg_catalog.&&) " FROM_DAY
						" ORDER BY node, valid");
	StringInfoData reports;
	NodeText	first;
	Days		days;

	if (n == 0)
		return;
	first = result_node(0, 1);
	days = result_days(0, 2);
	initStringInfo(&reports);
	for (uint64 i = 0; i < Min(n, MOST_NAMED); i++)
		appendStringInfo(&reports, "%s\"%s\" on %s", i > 0 ? ", " : "",
						 result_node(i, 1).text,
						 days_text(result_days(i, 2)));
	if (n > MOST_NAMED)
		appendStringInfo(&reports, " and others (" UINT64_FORMAT " in all)",
						 n);
	ereport(ERROR,
			(errcode(ERRCODE_RESTRICT_VIOLATION),
			 errmsg("unit \"%s\" cannot be closed on %s: it still has reports",
					name_of(change, NODE), day_text(change->day)),
			 errdetail("To it report: %s.", reports.data),
			 errhint("Move them first: SELECT iom_move('%s', supervisor, "
					 "'%s').", first.text,
					 day_text(Max(days.from, change->day)))));
}

/* No row of a table of the user's may refer to it. */
static void
refuse_references(Change *change)
{
	int			n;
	const char *tables = referring_tables(DatumGetIomNode(change->values[NODE]),
										  MOST_NAMED, &n);

	if (n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_RESTRICT_VIOLATION),
				 errmsg("unit \"%s\" cannot be closed on %s: rows refer to it",
						name_of(change, NODE), day_text(change->day)),
				 errdetail("They are in %s%s.", tables,
						   n > MOST_NAMED ? " and other tables" : ""),
				 errhint("Give them another unit first.")));
}

/*
 * The unit is to be deleted, and what foreign keys pass on to other rows then
 * shall not be.  Who is just about to refer to it is waited for: his row will be
 * seen.  Keys that are to other columns of the unit are not looked through.
 */
static void
need_no_cascade(Change *change)
{
	const char *table;

	run(change, "SELECT FROM ~.iom_unit WHERE node OPERATOR(~.=) $1 FOR UPDATE");
	table = referring_otherwise(org_tables()->unit);
	if (table != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_RESTRICT_VIOLATION),
				 errmsg("unit \"%s\" cannot be closed on %s: rows may refer to it",
						name_of(change, NODE), day_text(change->day)),
				 errdetail("It begins on that day, so it is to be deleted; and "
						   "table %s refers to units otherwise than by their "
						   "node.", table),
				 errhint("DELETE the unit, or close it on a later day.")));
}

/*
 * iom_close(node, effective)
 *
 * The unit and its lines end on the day before; lines that would have begun
 * later are deleted, and so is the unit itself if it begins on the very day.
 */
Datum
iom_close(PG_FUNCTION_ARGS)
{
	Change		change;
	Days		life;

	begin(&change, fcinfo, 1);
	run(&change, "UPDATE ~.iom_unit SET valid = valid WHERE false");

	life = life_of(&change, NODE);
	if (life.to == change.day)
		return finish(&change); /* closed on that day already */
	if (change.day < life.from)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("unit \"%s\" cannot be closed on %s: it is not there "
						"before %s", name_of(&change, NODE),
						day_text(change.day), day_text(life.from)),
				 errdetail("It is valid on %s.", days_text(life)),
				 life.from < DATEVAL_NOEND ?
				 errhint("Closed on %s, it never was there: it is deleted.",
						 day_text(life.from)) : 0));
	if (change.day > life.to)
		refuse_day(&change, NODE, life);
	refuse_reports(&change);
	if (change.day == life.from)
		need_no_cascade(&change);
	refuse_references(&change);

	(void) end_lines(&change,
					 "(node OPERATOR(~.=) $1 OR supervisor OPERATOR(~.=) $1) "
					 "AND valid OPERATOR(pg_catalog.&&) " FROM_DAY, true);
	change_rows(&change, 1, change.day == life.from ?
				"DELETE FROM ~.iom_unit WHERE node OPERATOR(~.=) $1" :
				"UPDATE ~.iom_unit SET valid = valid "
				"OPERATOR(pg_catalog.*) " BEFORE_DAY
				" WHERE node OPERATOR(~.=) $1");
	return finish(&change);
}

/*----------
 * Dotted lines
 *----------
 */

static void
begin_relation(Change *change, FunctionCallInfo fcinfo)
{
	begin(change, fcinfo, 3);
	need_argument(change, OTHER, fcinfo, 1, "other",
				  "iom_relate() and iom_unrelate() are about a line between "
				  "two units; iom_move() makes a root of one.");
	need_argument(change, RELATION, fcinfo, 2, "relation", NULL);
}

/*
 * iom_relate(node, other, relation, effective)
 *
 * Up to the end of the two units or, if the same is planned for later, until
 * then.
 */
Datum
iom_relate(PG_FUNCTION_ARGS)
{
	Change		change;

	begin_relation(&change, fcinfo);
	refuse_day_as(&change, RELATION, "relation");
	run(&change, "INSERT INTO ~.iom_line (node, supervisor) "
		"SELECT $1, $2 WHERE false");

	need_unit(&change, NODE);
	need_other(&change, "related to itself");
	if (run(&change, "SELECT 1 FROM ~.iom_line WHERE " DOTTED_IN_FORCE) > 0)
		return finish(&change);

	run(&change, "SELECT u.valid OPERATOR(pg_catalog.*) o.valid "
		"OPERATOR(pg_catalog.*) pg_catalog.daterange(NULL, ("
		"SELECT pg_catalog.min(pg_catalog.lower(l.valid)) "
		"FROM ~.iom_line l WHERE l.node OPERATOR(~.=) $1 "
		"AND l.supervisor OPERATOR(~.=) $2 "
		"AND l.relation OPERATOR(pg_catalog.=) $3 "
		"AND l.line OPERATOR(pg_catalog.=) 'dotted' "
		"AND pg_catalog.lower(l.valid) OPERATOR(pg_catalog.>) $4)) "
		"FROM ~.iom_unit u, ~.iom_unit o "
		"WHERE u.node OPERATOR(~.=) $1 AND o.node OPERATOR(~.=) $2");
	give(&change, WITHIN, result_column(0, 1, DATERANGEOID));
	draw_line(&change, "dotted");
	return finish(&change);
}

/*
 * iom_unrelate(node, other, relation, effective)
 */
Datum
iom_unrelate(PG_FUNCTION_ARGS)
{
	Change		change;

	begin_relation(&change, fcinfo);
	run(&change, "UPDATE ~.iom_line SET valid = valid WHERE false");

	if (!end_lines(&change, DOTTED_IN_FORCE, false))
	{
		(void) life_of(&change, NODE);
		(void) life_of(&change, OTHER);
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("\"%s\" has no dotted line \"%s\" to \"%s\" on %s",
						name_of(&change, NODE),
						TextDatumGetCString(change.values[RELATION]),
						name_of(&change, OTHER), day_text(change.day)),
				 errhint("iom_relations() lists lines; iom_move() changes "
						 "solid ones.")));
	}
	return finish(&change);
}
