/*-------------------------------------------------------------------------
 *
 * import.c
 *	  iom_import, iom_import_problems: an organisation out of any query.
 *
 * The rows of the query, and what is wrong with them by themselves, are read
 * into tuple stores (import_read.c).  Queries over these and the tables then
 * find what there will be, what of it differs from what is there, and what
 * keeps it from being: also into stores, whose names begin with import_
 *
 *		row		the rows of the query
 *		fault	what is wrong with them
 *		unit	each node once, with its days, and whether it is new or changed
 *		line	the solid lines there will be, and whether they are there, or go on
 *		close	units that end or go
 *		cut		lines that end or go
 *
 * and which statements see as they would see transition tables, so that no
 * temporary table is made.  A few statements then write what differs, and
 * nothing else, run as the caller: guards, foreign keys, privileges and history
 * apply as they do to any statement.  As every number of rows is known before,
 * rows that a trigger or a policy passes over are noticed.
 *
 * Before anything is read, the import takes the editors' turn, as changes.c
 * does.  The statements name everything by schema, ~ in their text; $1 is the
 * effective day, or null.
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
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "days_text.h"
#include "import.h"
#include "org_tables.h"
#include "org_trigger.h"
#include "revision.h"

PG_FUNCTION_INFO_V1(iom_import);
PG_FUNCTION_INFO_V1(iom_import_problems);

#define MOST_NAMED		10		/* problems in a message */

/* What becomes of the organisation. */
typedef enum ImportMode
{
	REPLACE,					/* all of it goes, on all days */
	FROM_DAY,					/* it is so from a day on */
	BESIDE						/* it stays, and gets more */
} ImportMode;

typedef struct Import
{
	const char *schema;
	ImportMode	mode;
	Datum		day;
	bool		has_day;
	int			guc_level;
	ImportRows	read;
	ImportStore unit;
	ImportStore line;
	ImportStore close;
	ImportStore cut;
} Import;

/*----------
 * Statements
 *----------
 */

/*
 * Run one; returns the number of rows it changed or returned.  With a
 * destination, rows go there.
 */
static uint64
run(const Import *import, const char *statement, DestReceiver *destination)
{
	ParamListInfo parameters = makeParamList(1);
	SPIExecuteOptions options = {
		.params = parameters,
		.dest = destination
	};
	int			result;

	parameters->params[0] = (ParamExternData) {
		.value = import->day,
		.isnull = !import->has_day,
		.pflags = PARAM_FLAG_CONST,
		.ptype = DATEOID
	};
	result = SPI_execute_extended(org_statement(statement, import->schema),
								  &options);
	if (result < 0)
		elog(ERROR, "SPI_execute_extended failed: %s",
			 SPI_result_code_string(result));
	return SPI_processed;
}

/* An empty store for the rows of a query. */
static void
make_store(const Import *import, ImportStore *store, const char *query)
{
	run(import, psprintf("%s LIMIT 0", query), NULL);
	store->desc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
	store->tuples = tuplestore_begin_heap(true, false, work_mem);
}

/* From now on, statements see a store as a table of this name. */
static void
name_store(const char *name, const ImportStore *store)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));

	relation->md.name = pstrdup(name);
	relation->md.tupdesc = store->desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = (double) tuplestore_tuple_count(store->tuples);
	relation->reldata = store->tuples;
	if (SPI_register_relation(relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register \"%s\"", name);
}

/* All rows of a query as a named store. */
static void
keep(const Import *import, const char *name, ImportStore *store,
	 const char *query)
{
	DestReceiver *receiver = CreateDestReceiver(DestTuplestore);

	make_store(import, store, query);
	SetTuplestoreDestReceiverParams(receiver, store->tuples,
									CurrentMemoryContext, false, NULL, NULL);
	run(import, query, receiver);
	receiver->rDestroy(receiver);
	name_store(name, store);
}

/*----------
 * What there will be
 *----------
 */

/*
 * Append the columns of iom_unit that come from the query, each after
 * before_name, and what row r has for them, each after before_value; either may
 * be NULL.  From a day on, nothing is said of columns that the query lacks.
 */
static void
append_columns(StringInfo sql, const Import *import, const char *before_name,
			   const char *before_value)
{
	static const struct
	{
		ImportColumn column;
		const char *name;
		const char *value;
	}			columns[] = {
		{IMPORT_NAME, "name", "r.name"},
		{IMPORT_KIND, "kind", "COALESCE(r.kind, 'unit')"},
		{IMPORT_POSITION, "position", "COALESCE(r.position, 1000)"},
		{IMPORT_HEAD_TITLE, "head_title", "r.head_title"},
		{IMPORT_MANDATE, "mandate", "r.mandate"}
	};

	for (int i = 0; i < (int) lengthof(columns); i++)
	{
		if (import->mode == FROM_DAY && !import->read.has[columns[i].column])
			continue;
		if (before_name)
			appendStringInfo(sql, "%s%s", before_name, columns[i].name);
		if (before_value)
			appendStringInfo(sql, "%s%s", before_value, columns[i].value);
	}
}

#define FROM_ON		"pg_catalog.daterange($1, NULL)"
#define UNTIL		"pg_catalog.daterange(NULL, $1)"
#define REOPENED(valid) \
	"pg_catalog.range_merge(" valid ", " FROM_ON ")"
#define SAME_LINE(a, b) \
	a ".node OPERATOR(~.=) " b ".node " \
	"AND " a ".supervisor OPERATOR(~.=) " b ".supervisor " \
	"AND " a ".relation OPERATOR(pg_catalog.=) " b ".relation " \
	"AND " a ".valid OPERATOR(pg_catalog.=) " b ".valid"

/*
 * Each node by the first row that has it: its days as they will be (valid) and
 * as they are (was; null if it is new).
 */
static void
find_units(Import *import)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT r.place, r.code, r.node, r.supervisor, r.above, "
					 "d.valid, u.valid AS was, u.node IS NULL AS is_new, "
					 "u.node IS NOT NULL AND ROW(u.valid");
	append_columns(&sql, import, ", u.", NULL);
	appendStringInfoString(&sql, ")::pg_catalog.record "
						   "OPERATOR(pg_catalog.*<>) ROW(d.valid");
	append_columns(&sql, import, NULL, ", ");
	appendStringInfo(&sql, ")::pg_catalog.record AS is_changed "
					 "FROM (SELECT *, pg_catalog.row_number() OVER "
					 "(PARTITION BY node ORDER BY place) AS nth "
					 "FROM import_row WHERE node IS NOT NULL) r "
					 "LEFT JOIN ~.iom_unit u ON u.node OPERATOR(~.=) r.node "
					 "CROSS JOIN LATERAL (SELECT %s) d (valid) "
					 "WHERE r.nth OPERATOR(pg_catalog.=) 1",
					 import->mode != FROM_DAY ?
					 "COALESCE(r.valid, " FROM_ON ")" :
					 "CASE WHEN u.node IS NULL THEN " FROM_ON " "
					 "WHEN u.valid OPERATOR(pg_catalog.@>) $1 THEN u.valid "
					 "WHEN pg_catalog.lower(u.valid) OPERATOR(pg_catalog.>) $1 "
					 "THEN pg_catalog.range_merge(u.valid, "
					 "pg_catalog.daterange($1, $1, '[]')) "
	/* closed on the day, by an earlier import of it */
					 "ELSE " REOPENED("u.valid") " END");
	keep(import, "import_unit", &import->unit, sql.data);
}

/*
 * The solid lines there will be.  From a day on, a unit with another supervisor
 * gets a line up to where its present one would have ended, or to the next
 * that is planned, as by iom_move; and if the same line ended on the day before, it
 * goes on (was: up to when it is there).
 */
static void
find_lines(Import *import)
{
	keep(import, "import_line", &import->line,
		 import->mode != FROM_DAY ?
		 "SELECT n.place, n.code, n.node, n.above AS supervisor, "
		 "'supervises'::pg_catalog.text AS relation, n.valid, "
		 "l.node IS NOT NULL AS is_there, NULL::pg_catalog.daterange AS was "
		 "FROM import_unit n LEFT JOIN ~.iom_line l "
		 "ON l.node OPERATOR(~.=) n.node "
		 "AND l.supervisor OPERATOR(~.=) n.above "
		 "AND l.relation OPERATOR(pg_catalog.=) 'supervises' "
		 "AND l.valid OPERATOR(pg_catalog.=) n.valid "
		 "AND l.line OPERATOR(pg_catalog.=) 'solid' "
		 "AND l.basis OPERATOR(pg_catalog.=) 'stated' "
		 "WHERE n.above IS NOT NULL" :
		 "SELECT n.place, n.code, n.node, n.above AS supervisor, "
		 "s.relation, CASE WHEN s.is_there THEN l.valid "
		 "ELSE COALESCE(pg_catalog.range_merge(e.valid, d.valid), d.valid) "
		 "END AS valid, s.is_there, e.valid AS was "
		 "FROM import_unit n "
		 "LEFT JOIN ~.iom_line l ON l.node OPERATOR(~.=) n.node "
		 "AND l.line OPERATOR(pg_catalog.=) 'solid' "
		 "AND l.valid OPERATOR(pg_catalog.@>) $1 "
		 "LEFT JOIN (SELECT node, pg_catalog.min(pg_catalog.lower(valid)) "
		 "FROM ~.iom_line WHERE line OPERATOR(pg_catalog.=) 'solid' "
		 "AND pg_catalog.lower(valid) OPERATOR(pg_catalog.>) $1 "
		 "GROUP BY node) p (node, day) ON p.node OPERATOR(~.=) n.node "
		 "CROSS JOIN LATERAL (SELECT COALESCE(l.relation, 'supervises'), "
		 "COALESCE(l.supervisor OPERATOR(~.=) n.above, false)) "
		 "s (relation, is_there) "
		 "CROSS JOIN LATERAL (SELECT " FROM_ON " OPERATOR(pg_catalog.*) "
		 "COALESCE(l.valid, n.valid OPERATOR(pg_catalog.*) "
		 "pg_catalog.daterange(NULL, p.day))) d (valid) "
		 "LEFT JOIN ~.iom_line e ON NOT s.is_there "
		 "AND e.node OPERATOR(~.=) n.node "
		 "AND e.supervisor OPERATOR(~.=) n.above "
		 "AND e.relation OPERATOR(pg_catalog.=) s.relation "
		 "AND e.line OPERATOR(pg_catalog.=) 'solid' "
		 "AND pg_catalog.upper(e.valid) OPERATOR(pg_catalog.=) $1 "
		 "WHERE n.above IS NOT NULL");
}

/*
 * What goes, or ends on the day before.
 */
static void
find_ends(Import *import)
{
	static const char *const close[] = {
		[REPLACE] = "SELECT u.node, true AS goes "
		"FROM ~.iom_unit u LEFT JOIN import_unit n "
		"ON n.node OPERATOR(~.=) u.node WHERE n.node IS NULL",
		[FROM_DAY] = "SELECT u.node, "
		"NOT u.valid OPERATOR(pg_catalog.&&) " UNTIL " AS goes "
		"FROM ~.iom_unit u LEFT JOIN import_unit n "
		"ON n.node OPERATOR(~.=) u.node "
		"WHERE n.node IS NULL AND u.valid OPERATOR(pg_catalog.@>) $1",
		[BESIDE] = "SELECT node, true AS goes FROM ~.iom_unit WHERE false"
	};
#define LINE	"SELECT l.node, l.supervisor, l.relation, l.valid, "
#define LINE_CUT	LINE ORG_LINE_GOES(UNTIL) " AS goes "
	static const char *const cut[] = {
		[REPLACE] = LINE "true AS goes "
		"FROM ~.iom_line l LEFT JOIN import_line n ON n.is_there AND "
		SAME_LINE("n", "l") " WHERE n.node IS NULL",
		[FROM_DAY] = LINE_CUT
		"FROM ~.iom_line l JOIN import_unit n ON n.node OPERATOR(~.=) l.node "
		"WHERE l.line OPERATOR(pg_catalog.=) 'solid' "
		"AND l.valid OPERATOR(pg_catalog.@>) $1 "
		"AND (n.above IS NULL OR n.above OPERATOR(~.<>) l.supervisor) "
		"UNION " LINE_CUT
		"FROM ~.iom_line l JOIN import_close c ON c.node OPERATOR(~.=) l.node "
		"WHERE l.valid OPERATOR(pg_catalog.&&) " FROM_ON
		"UNION " LINE_CUT
		"FROM ~.iom_line l JOIN import_close c "
		"ON c.node OPERATOR(~.=) l.supervisor "
		"WHERE l.valid OPERATOR(pg_catalog.&&) " FROM_ON,
		[BESIDE] = LINE "true AS goes FROM ~.iom_line l WHERE false"
	};

	keep(import, "import_close", &import->close, close[import->mode]);
	keep(import, "import_cut", &import->cut, cut[import->mode]);
}

/*----------
 * What is wrong with it
 *----------
 */

#define PROBLEMS(no_supervisor) \
	"SELECT place, code, problem, detail FROM import_fault " \
	"UNION ALL " \
	"SELECT r.place, r.code, 'same code twice', " \
	"pg_catalog.format('row %s has the code of row %s', r.place, n.place) " \
	"FROM import_row r JOIN import_unit n ON n.node OPERATOR(~.=) r.node " \
	"WHERE r.place OPERATOR(pg_catalog.<>) n.place " \
	"UNION ALL " \
	"SELECT r.place, r.code, 'unknown supervisor', " \
	"pg_catalog.format('" no_supervisor "', r.supervisor) " \
	"FROM import_row r LEFT JOIN there t ON t.node OPERATOR(~.=) r.above " \
	"WHERE r.above IS NOT NULL AND t.node IS NULL " \
	"UNION ALL " \
	"SELECT l.place, l.code, 'line outside life', " \
	"pg_catalog.format('it is there on %s, its supervisor \"%s\" on %s', " \
	"l.valid, l.supervisor, t.valid) " \
	"FROM import_line l JOIN there t " \
	"ON t.node OPERATOR(~.=) l.supervisor " \
	"WHERE NOT t.valid OPERATOR(pg_catalog.@>) l.valid"

/*
 * Where the organisation goes or ends, a unit that no row has is none, and no
 * row at all is an accident.
 */
#define PROBLEMS_OF_ALL \
	PROBLEMS("no row has code \"%s\"") \
	" UNION ALL " \
	"SELECT NULL, NULL, 'no rows', 'the query returns nothing' " \
	"WHERE NOT EXISTS (SELECT FROM import_row)"

/*
 * All problems: the last result of SPI, code, problem, detail.  Returns how
 * many.
 */
static uint64
find_problems(const Import *import)
{
	int			level = NewGUCNestLevel();
	uint64		n;
	static const char *const query[] = {
		[REPLACE] = "WITH there AS MATERIALIZED "
		"(SELECT node, valid FROM import_unit) "
		"SELECT p.code, p.problem, p.detail FROM (" PROBLEMS_OF_ALL,
		[FROM_DAY] = "WITH there AS MATERIALIZED "
		"(SELECT node, valid FROM import_unit) "
		"SELECT p.code, p.problem, p.detail FROM (" PROBLEMS_OF_ALL
		" UNION ALL "
		"SELECT n.place, n.code, 'closed before', "
		"pg_catalog.format('the unit \"%s\" was there on %s, and has one range of "
		"days: give the query another code for it; or, if it was there all the "
		"time, first set its \"valid\" in iom_unit to %s', n.node, n.was, "
		REOPENED("n.was") ") "
		"FROM import_unit n "
		"WHERE pg_catalog.upper(n.was) OPERATOR(pg_catalog.<) $1 "
		"UNION ALL "
		"SELECT NULL, c.node::pg_catalog.text, 'still has reports', "
		"pg_catalog.format('no row has it, and \"%s\" is planned to report to "
		"it on %s', l.node, l.valid) "
		"FROM import_close c "
		"JOIN ~.iom_line l ON l.supervisor OPERATOR(~.=) c.node "
		"LEFT JOIN import_close k ON k.node OPERATOR(~.=) l.node "
		"WHERE k.node IS NULL AND l.line OPERATOR(pg_catalog.=) 'solid' "
		"AND pg_catalog.lower(l.valid) OPERATOR(pg_catalog.>) $1",
		[BESIDE] = "WITH there AS MATERIALIZED "
		"(SELECT node, valid FROM import_unit "
		"UNION ALL SELECT node, valid FROM ~.iom_unit) "
		"SELECT p.code, p.problem, p.detail FROM (" PROBLEMS("there is no unit \"%s\"")
		" UNION ALL "
		"SELECT n.place, n.code, 'code in use', "
		"pg_catalog.format('\"%s\" is in iom_unit', n.node) "
		"FROM import_unit n WHERE NOT n.is_new"
	};

	/* days are ISO dates in all messages */
	(void) set_config_option("DateStyle", "ISO", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	n = run(import, psprintf("%s) p ORDER BY p.place, p.problem, p.detail",
							 query[import->mode]), NULL);
	AtEOXact_GUC(true, level);
	return n;
}

/*----------
 * Both functions
 *----------
 */

/*
 * The arguments: query, replace, effective; the first two must not be null.
 */
static void
begin(Import *import, FunctionCallInfo fcinfo)
{
	memset(import, 0, sizeof(*import));
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null",
						PG_ARGISNULL(0) ? "query" : "replace")));
	import->has_day = !PG_ARGISNULL(2);
	if (import->has_day)
	{
		import->day = PG_GETARG_DATUM(2);
		if (DATE_NOT_FINITE(DatumGetDateADT(import->day)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the day of a change must be finite, not %s",
							day_text(DatumGetDateADT(import->day))),
					 errhint("Leave it out to import an organisation for all "
							 "days.")));
	}
	import->mode = !PG_GETARG_BOOL(1) ? BESIDE :
		import->has_day ? FROM_DAY : REPLACE;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	import->schema = quote_identifier(org_schema_name());
}

/*
 * Read and compare.  Returns the number of problems, which are the last result
 * of SPI.
 */
static uint64
read_and_check(Import *import, FunctionCallInfo fcinfo)
{
	/* who does not see all rows cannot replace them */
	if (import->mode != BESIDE)
		org_tables_check_select();
	if (import->mode == REPLACE &&
		check_enable_rls(org_tables()->appointment, InvalidOid,
						 true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("row-level security on table \"%s\" restricts role \"%s\"",
						get_rel_name(org_tables()->appointment),
						GetUserNameFromId(GetUserId(), false)),
				 errdetail("An import without an effective day replaces all "
						   "appointments.")));
	make_store(import, &import->read.rows,
			   "SELECT " IMPORT_ROW_COLUMNS " FROM ~.iom_unit");
	make_store(import, &import->read.faults, "SELECT " IMPORT_FAULT_COLUMNS);
	import_read(&import->read, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (import->has_day && import->read.has[IMPORT_VALID])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query has a column \"valid\", and an effective day is given"),
				 errhint("Leave out one of them.")));

	/* each statement is run once: nothing is gained by compiling them */
	import->guc_level = NewGUCNestLevel();
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	name_store("import_row", &import->read.rows);
	name_store("import_fault", &import->read.faults);
	find_units(import);
	find_lines(import);
	find_ends(import);
	return find_problems(import);
}

/* Tuple stores outlive SPI as files if they are not closed. */
static void
finish(Import *import)
{
	tuplestore_end(import->read.rows.tuples);
	tuplestore_end(import->read.faults.tuples);
	tuplestore_end(import->unit.tuples);
	tuplestore_end(import->line.tuples);
	tuplestore_end(import->close.tuples);
	tuplestore_end(import->cut.tuples);
	AtEOXact_GUC(true, import->guc_level);
	SPI_finish();
}

/*
 * iom_import_problems(query, replace, effective): code, problem, detail of all
 */
Datum
iom_import_problems(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Import		import;
	uint64		n;

	InitMaterializedSRF(fcinfo, 0);
	begin(&import, fcinfo);
	n = read_and_check(&import, fcinfo);
	for (uint64 i = 0; i < n; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	finish(&import);
	return (Datum) 0;
}

static void
refuse(uint64 n)
{
	StringInfoData detail;

	initStringInfo(&detail);
	for (uint64 i = 0; i < Min(n, MOST_NAMED); i++)
	{
		char	   *code = SPI_getvalue(SPI_tuptable->vals[i],
										SPI_tuptable->tupdesc, 1);

		appendStringInfo(&detail, "%s%s: %s: %s", i > 0 ? "\n" : "",
						 code ? import_shown(code) : "(null)",
						 SPI_getvalue(SPI_tuptable->vals[i],
									  SPI_tuptable->tupdesc, 2),
						 SPI_getvalue(SPI_tuptable->vals[i],
									  SPI_tuptable->tupdesc, 3));
	}
	if (n > MOST_NAMED)
		appendStringInfo(&detail, "\nand " UINT64_FORMAT " more",
						 n - MOST_NAMED);
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg_plural("the organisation has " UINT64_FORMAT " problem",
						   "the organisation has " UINT64_FORMAT " problems",
						   (unsigned long) n, n),
			 errdetail_internal("%s", detail.data),
			 errhint("Nothing was changed. SELECT * FROM iom_import_problems, "
					 "with the same arguments, lists all.")));
}

/*
 * Run a statement that writes a row for each one of "which", the rest of a
 * query from FROM on; not if there are none.
 */
static void
write_rows(const Import *import, const char *what, const char *which,
		   const char *statement)
{
	uint64		rows;
	uint64		written;
	bool		isnull;

	run(import, psprintf("SELECT pg_catalog.count(*) FROM %s", which), NULL);
	rows = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
									   SPI_tuptable->tupdesc, 1, &isnull));
	if (rows == 0)
		return;
	written = run(import, statement, NULL);
	if (written != rows)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("iom_import: %s: only " UINT64_FORMAT " of " UINT64_FORMAT, what,
						written, rows),
				 errdetail("A trigger or a row-level security policy passed "
						   "the others over.")));
	ereport(NOTICE,
			(errmsg("iom_import: %s: " UINT64_FORMAT, what, rows)));
}

/* Who still refers to a unit that goes is named by the foreign key. */
static void
hint_at_references(void *arg)
{
	const Import *import = arg;

	if (geterrcode() != ERRCODE_FOREIGN_KEY_VIOLATION &&
		geterrcode() != ERRCODE_RESTRICT_VIOLATION)
		return;
	if (import->mode == REPLACE)
		errhint("Give those rows a unit that stays; or close units instead of "
				"deleting them: iom_import(query, effective => "
				"current_date).");
	else
		errhint("Give those rows a unit that stays: one that began on the very "
				"day is deleted, not closed.");
}

/* What goes or ends. */
static void
write_ends(const Import *import)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = hint_at_references,
		.arg = unconstify(Import *, import)
	};

	error_context_stack = &callback;
	if (import->mode == REPLACE)
		write_rows(import, "appointments deleted",
				   "~.iom_appointment",
				   "DELETE FROM ~.iom_appointment");
	write_rows(import, "lines deleted",
			   "import_cut WHERE goes",
			   "DELETE FROM ~.iom_line l USING import_cut c "
			   "WHERE c.goes AND " SAME_LINE("c", "l"));
	write_rows(import, "lines ended",
			   "import_cut WHERE NOT goes",
			   "UPDATE ~.iom_line l SET valid = l.valid "
			   "OPERATOR(pg_catalog.*) " UNTIL " FROM import_cut c "
			   "WHERE NOT c.goes AND " SAME_LINE("c", "l"));
	write_rows(import, "units deleted",
			   "import_close WHERE goes",
			   "DELETE FROM ~.iom_unit u USING import_close c "
			   "WHERE c.goes AND c.node OPERATOR(~.=) u.node");
	write_rows(import, "units closed",
			   "import_close WHERE NOT goes",
			   "UPDATE ~.iom_unit u SET valid = u.valid "
			   "OPERATOR(pg_catalog.*) " UNTIL " FROM import_close c "
			   "WHERE NOT c.goes AND c.node OPERATOR(~.=) u.node");
	error_context_stack = callback.previous;
}

/* What is there from now on. */
static void
write_rest(const Import *import)
{
	StringInfoData change;
	StringInfoData insert;

	initStringInfo(&change);
	appendStringInfoString(&change, "UPDATE ~.iom_unit u SET valid = n.valid");
	append_columns(&change, import, ", ", " = ");
	appendStringInfoString(&change, " FROM import_unit n JOIN import_row r "
						   "ON r.place OPERATOR(pg_catalog.=) n.place "
						   "WHERE n.is_changed "
						   "AND n.node OPERATOR(~.=) u.node");
	write_rows(import, "units changed",
			   "import_unit WHERE is_changed", change.data);

	initStringInfo(&insert);
	appendStringInfoString(&insert, "INSERT INTO ~.iom_unit (node, valid");
	append_columns(&insert, import, ", ", NULL);
	appendStringInfoString(&insert, ") SELECT n.node, n.valid");
	append_columns(&insert, import, NULL, ", ");
	appendStringInfoString(&insert, " FROM import_unit n JOIN import_row r "
						   "ON r.place OPERATOR(pg_catalog.=) n.place "
						   "WHERE n.is_new ORDER BY n.node");
	write_rows(import, "units opened",
			   "import_unit WHERE is_new", insert.data);

	write_rows(import, "lines prolonged",
			   "import_line WHERE was IS NOT NULL",
			   "UPDATE ~.iom_line l SET valid = n.valid FROM import_line n "
			   "WHERE n.was IS NOT NULL "
			   "AND n.node OPERATOR(~.=) l.node "
			   "AND n.supervisor OPERATOR(~.=) l.supervisor "
			   "AND n.relation OPERATOR(pg_catalog.=) l.relation "
			   "AND n.was OPERATOR(pg_catalog.=) l.valid");
	write_rows(import, "lines drawn",
			   "import_line WHERE NOT is_there AND was IS NULL",
			   "INSERT INTO ~.iom_line (node, supervisor, relation, valid) "
			   "SELECT node, supervisor, relation, valid FROM import_line "
			   "WHERE NOT is_there AND was IS NULL ORDER BY node");
}

/*
 * Take the editors' turn.  All appointments may go, and they are edited without
 * it: who is at them is waited for first, for he may want the turn next.  Who
 * may delete none gets that error later, if there are any.
 */
static void
take_turn(const Import *import)
{
	Oid			appointment = org_tables()->appointment;

	if (import->mode == REPLACE &&
		pg_class_aclcheck(appointment, GetUserId(), ACL_DELETE) == ACLCHECK_OK)
		revision_lock_and_table(appointment, ShareRowExclusiveLock);
	run(import, "INSERT INTO ~.iom_unit (node, name) "
		"SELECT node, name FROM ~.iom_unit WHERE false", NULL);
}

/*
 * iom_import(query, replace, effective): the number of units in the query
 */
Datum
iom_import(PG_FUNCTION_ARGS)
{
	Import		import;
	uint64		n;

	begin(&import, fcinfo);
	take_turn(&import);
	n = read_and_check(&import, fcinfo);
	ereport(NOTICE,
			(errmsg("iom_import: rows read and compared: " INT64_FORMAT,
					import.read.count)));
	if (n > 0)
		refuse(n);
	write_ends(&import);
	write_rest(&import);
	finish(&import);
	PG_RETURN_INT64(import.read.count);
}
