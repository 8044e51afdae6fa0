/*-------------------------------------------------------------------------
 *
 * import.c
 *	  iom_import, iom_import_problems: an organisation out of any query.
 *
 * The caller's query is run once, as it stands, by a cursor.  Its rows go into
 * a tuple store with codes packed, and what is wrong with a row by itself goes
 * into another; cycles are looked for in an array of all pairs.  The rest is
 * statements over the two stores (named as transition tables are, so no
 * temporary table is made), run as the caller: guards, foreign keys,
 * privileges and history apply as they do to any statement.
 *
 * Before anything is read, the import takes the editors' turn, as changes.c
 * does.  The statements name everything by schema: %1$s in their text.
 *
 * All memory is in the SPI context, gone when the call returns.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/string.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rangetypes.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "org_tables.h"

PG_FUNCTION_INFO_V1(iom_import);
PG_FUNCTION_INFO_V1(iom_import_problems);

#define ROWS_A_FETCH	1000
#define MOST_NAMED		10		/* problems, or nodes of a cycle, in a message */

/* The columns of the query, the required ones first. */
typedef enum Column
{
	CODE, NAME, SUPERVISOR, KIND, POSITION, HEAD_TITLE, MANDATE, VALID,
	COLUMNS
} Column;

#define REQUIRED	KIND

static const char *const column_name[COLUMNS] = {
	"code", "name", "supervisor", "kind", "position", "head_title", "mandate",
	"valid"
};

/* The columns of the stores. */
enum
{
	ROW_PLACE, ROW_CODE, ROW_NODE, ROW_NAME, ROW_SUPERVISOR, ROW_ABOVE,
	ROW_KIND, ROW_POSITION, ROW_HEAD_TITLE, ROW_MANDATE, ROW_VALID,
	ROW_COLUMNS
};
enum
{
	FAULT_PLACE, FAULT_CODE, FAULT_PROBLEM, FAULT_DETAIL, FAULT_COLUMNS
};

/* A row with a sound code, for the search for cycles. */
typedef struct Link
{
	IomNode		node;
	IomNode		above;			/* IOM_NODE_NONE: a root, or no sound code */
	int64		place;
	int64		walk;			/* which walk passed here; 0: none yet */
} Link;

typedef struct Import
{
	const char *schema;
	Tuplestorestate *rows;
	TupleDesc	row_desc;
	Tuplestorestate *faults;
	TupleDesc	fault_desc;
	Link	   *link;
	int64		links;
	int64		room;
	int64		places;			/* rows so far */
} Import;

/*
 * Run a statement; returns the number of rows it changed or returned.
 */
static uint64
run(const Import *import, const char *statement)
{
	int			result = SPI_execute(psprintf(statement, import->schema),
									 false, 0);

	if (result < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/*----------
 * Reading
 *----------
 */

static void
add_fault(Import *import, int64 place, const char *code, const char *problem,
		  const char *detail)
{
	Datum		values[FAULT_COLUMNS];
	bool		nulls[FAULT_COLUMNS] = {0};

	values[FAULT_PLACE] = Int64GetDatum(place);
	nulls[FAULT_CODE] = code == NULL;
	values[FAULT_CODE] = code ? CStringGetTextDatum(code) : (Datum) 0;
	values[FAULT_PROBLEM] = CStringGetTextDatum(problem);
	values[FAULT_DETAIL] = CStringGetTextDatum(detail);
	tuplestore_putvalues(import->faults, import->fault_desc, values, nulls);
}

/*
 * Pack a code that is there; notes what is wrong with it, and returns
 * IOM_NODE_NONE then.
 */
static IomNode
pack_code(Import *import, const char *code, Column column, const char *text)
{
	IomNode		node = IOM_NODE_NONE;
	size_t		where;
	size_t		len = strlen(text);
	const char *detail;

	switch (node_code_pack(text, len, &node, &where))
	{
		case NODE_CODE_OK:
			return node;
		case NODE_CODE_EMPTY:
			detail = psprintf("row " INT64_FORMAT " has no %s",
							  import->places, column_name[column]);
			break;
		case NODE_CODE_TOO_LONG:
			detail = psprintf("%s \"%s\" has %d characters, %d are the most",
							  column_name[column], text,
							  pg_mbstrlen(text), NODE_CODE_MAXLEN);
			break;
		default:
			detail = psprintf("%s \"%s\" has \"%.*s\"; a code is made of %s",
							  column_name[column], text,
							  pg_mbcharcliplen(text + where,
											   (int) (len - where), 1),
							  text + where, NODE_CODE_ALPHABET);
	}
	add_fault(import, import->places, code,
			  column == CODE ? "no code" : "supervisor is no code", detail);
	return IOM_NODE_NONE;
}

static void
add_link(Import *import, IomNode node, IomNode above)
{
	if (import->links == import->room)
	{
		import->room *= 2;
		import->link = repalloc_huge(import->link,
									 import->room * sizeof(Link));
	}
	import->link[import->links++] = (Link) {node, above, import->places, 0};
}

/* Where the columns are in the query's result; 0: not there. */
static void
find_columns(TupleDesc desc, int *at)
{
	StringInfoData missing;

	initStringInfo(&missing);
	for (Column c = 0; c < COLUMNS; c++)
	{
		at[c] = SPI_fnumber(desc, column_name[c]);
		if (at[c] > 0)
			continue;
		at[c] = 0;
		if (c < REQUIRED)
			appendStringInfo(&missing, "%s\"%s\"", missing.len ? ", " : "",
							 column_name[c]);
	}
	if (missing.len)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the query returns no column %s", missing.data),
				 errhint("It has to return code, name and supervisor, and may "
						 "return kind, position, head_title, mandate and "
						 "valid: SELECT dept_id AS code, ...")));
	if (at[VALID] && SPI_gettypeid(desc, at[VALID]) != DATERANGEOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"valid\" of the query is no daterange"),
				 errhint("Make one of it: daterange(first_day, end_day) AS "
						 "valid, or valid::daterange.")));
}

/* One row of the query. */
static void
read_row(Import *import, HeapTuple tuple, TupleDesc desc, const int *at)
{
	static const int target[COLUMNS] = {
		ROW_CODE, ROW_NAME, ROW_SUPERVISOR, ROW_KIND, ROW_POSITION,
		ROW_HEAD_TITLE, ROW_MANDATE, ROW_VALID
	};
	Datum		values[ROW_COLUMNS] = {0};
	bool		nulls[ROW_COLUMNS];
	char	   *text[COLUMNS] = {0};
	IomNode		node;
	IomNode		above = IOM_NODE_NONE;

	memset(nulls, true, sizeof(nulls));
	nulls[ROW_PLACE] = false;
	values[ROW_PLACE] = Int64GetDatum(++import->places);

	/* CSV and spreadsheets have empty fields where there is nothing */
	for (Column c = 0; c < VALID; c++)
	{
		if (at[c])
			text[c] = SPI_getvalue(tuple, desc, at[c]);
		if (text[c] == NULL || text[c][0] == '\0')
		{
			text[c] = NULL;
			continue;
		}
		if (c == POSITION)
			continue;
		nulls[target[c]] = false;
		values[target[c]] = CStringGetTextDatum(text[c]);
	}

	node = pack_code(import, text[CODE], CODE, text[CODE] ? text[CODE] : "");
	if (text[SUPERVISOR])
		above = pack_code(import, text[CODE], SUPERVISOR, text[SUPERVISOR]);
	if (node != IOM_NODE_NONE)
	{
		nulls[ROW_NODE] = false;
		values[ROW_NODE] = IomNodeGetDatum(node);
		add_link(import, node, above);
	}
	if (above != IOM_NODE_NONE)
	{
		nulls[ROW_ABOVE] = false;
		values[ROW_ABOVE] = IomNodeGetDatum(above);
	}

	if (text[NAME] == NULL)
		add_fault(import, import->places, text[CODE], "no name",
				  psprintf("row " INT64_FORMAT " has no name",
						   import->places));
	if (text[POSITION])
	{
		char	   *end;
		int			position;

		errno = 0;
		position = strtoint(text[POSITION], &end, 10);
		if (errno != 0 || *end != '\0' || end == text[POSITION])
			add_fault(import, import->places, text[CODE], "no position",
					  psprintf("position \"%s\" is no integer",
							   text[POSITION]));
		nulls[ROW_POSITION] = false;
		values[ROW_POSITION] = Int32GetDatum(position);
	}
	if (at[VALID])
	{
		values[ROW_VALID] = SPI_getbinval(tuple, desc, at[VALID],
										  &nulls[ROW_VALID]);
		if (!nulls[ROW_VALID] &&
			RangeIsEmpty(DatumGetRangeTypeP(values[ROW_VALID])))
			add_fault(import, import->places, text[CODE], "no days",
					  "column \"valid\" is empty: it would never be there");
	}
	tuplestore_putvalues(import->rows, import->row_desc, values, nulls);
}

/* All rows of the query. */
static void
read_query(Import *import, const char *query)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(query, 0, NULL, 0);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "iom_import row",
													  ALLOCSET_DEFAULT_SIZES);
	Portal		portal;
	int			at[COLUMNS];

	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("this is no query: %s",
						SPI_result_code_string(SPI_result)),
				 errhint("Give one that returns code, name and supervisor.")));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, false);
	if (portal->tupDesc == NULL)
		elog(ERROR, "a cursor without columns");
	find_columns(portal->tupDesc, at);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, ROWS_A_FETCH);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			MemoryContext before = MemoryContextSwitchTo(row_context);

			CHECK_FOR_INTERRUPTS();
			read_row(import, SPI_tuptable->vals[i], SPI_tuptable->tupdesc, at);
			MemoryContextSwitchTo(before);
			MemoryContextReset(row_context);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	MemoryContextDelete(row_context);
}

/*----------
 * Cycles
 *----------
 */

static int
compare_links(const void *a, const void *b)
{
	const Link *x = a;
	const Link *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* The first row of the node above; NULL if no row is. */
static Link *
link_above(const Import *import, const Link *from)
{
	int64		low = 0;
	int64		high = import->links;

	if (from->above == IOM_NODE_NONE)
		return NULL;
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (import->link[middle].node < from->above)
			low = middle + 1;
		else
			high = middle;
	}
	return low < import->links && import->link[low].node == from->above ?
		&import->link[low] : NULL;
}

/* Note a cycle, by the node of it that comes first. */
static void
add_cycle(Import *import, Link *on)
{
	Link	   *first = on;
	Link	   *at;
	StringInfoData nodes;
	int64		length = 0;

	for (at = link_above(import, on); at != on; at = link_above(import, at))
		if (at->node < first->node)
			first = at;
	initStringInfo(&nodes);
	at = first;
	do
	{
		if (length++ < MOST_NAMED)
			appendStringInfo(&nodes, "%s -> ", node_text(at->node).text);
		at = link_above(import, at);
	} while (at != first);
	if (length > MOST_NAMED)
		appendStringInfo(&nodes, "... (" INT64_FORMAT " nodes) -> ", length);
	appendStringInfoString(&nodes, node_text(first->node).text);
	add_fault(import, first->place, node_text(first->node).text,
			  length == 1 ? "own supervisor" : "cycle", nodes.data);
}

/*
 * Walk up from each row until a node was passed: if by the same walk, it lies
 * on a cycle.  Each row is passed once.
 */
static void
find_cycles(Import *import)
{
	qsort(import->link, import->links, sizeof(Link), compare_links);
	for (int64 i = 0; i < import->links; i++)
	{
		Link	   *at = &import->link[i];

		CHECK_FOR_INTERRUPTS();
		while (at != NULL && at->walk == 0)
		{
			at->walk = i + 1;
			at = link_above(import, at);
		}
		/* a row that repeats a code is no node of its own */
		if (at != NULL && at->walk == i + 1)
			add_cycle(import, at);
	}
}

/*----------
 * Both functions
 *----------
 */

static void
register_store(const char *name, Tuplestorestate *store, TupleDesc desc)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));

	relation->md.name = pstrdup(name);
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = (double) tuplestore_tuple_count(store);
	relation->reldata = store;
	if (SPI_register_relation(relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register \"%s\"", name);
}

/* The types of a store's rows, from a query that has them. */
static TupleDesc
describe(const Import *import, const char *statement)
{
	run(import, statement);
	return CreateTupleDescCopy(SPI_tuptable->tupdesc);
}

/*
 * Read and check; SPI is connected.  Returns the number of problems, which are
 * the last result of SPI: code, problem, detail.
 */
static uint64
read_and_check(Import *import, const char *query, bool replace)
{
	StringInfoData sql;

	import->row_desc = describe(import, "SELECT 0::pg_catalog.int8 AS place, "
								"''::pg_catalog.text AS code, node, name, "
								"''::pg_catalog.text AS supervisor, "
								"node AS above, kind, position, head_title, "
								"mandate, valid FROM %1$s.iom_unit LIMIT 0");
	import->fault_desc = describe(import, "SELECT 0::pg_catalog.int8 AS place, "
								  "''::pg_catalog.text AS code, "
								  "''::pg_catalog.text AS problem, "
								  "''::pg_catalog.text AS detail LIMIT 0");
	import->rows = tuplestore_begin_heap(true, false, work_mem);
	import->faults = tuplestore_begin_heap(true, false, work_mem);
	import->room = ROWS_A_FETCH;
	import->link = palloc(import->room * sizeof(Link));

	read_query(import, query);
	find_cycles(import);
	register_store("import_row", import->rows, import->row_desc);
	register_store("import_fault", import->faults, import->fault_desc);

	initStringInfo(&sql);
	appendStringInfoString(&sql,
						   "WITH there AS MATERIALIZED ("
						   "SELECT node, COALESCE(valid, '(,)') AS valid "
						   "FROM import_row WHERE node IS NOT NULL");
	if (!replace)
		appendStringInfoString(&sql, " UNION ALL "
							   "SELECT node, valid FROM %1$s.iom_unit");
	appendStringInfoString(&sql,
						   ") SELECT p.code, p.problem, p.detail FROM ("
						   "SELECT place, code, problem, detail FROM import_fault "
						   "UNION ALL "
						   "SELECT r.place, r.code, 'same code twice', "
						   "pg_catalog.format('row %%s has the code of row %%s', r.place, r.first) "
						   "FROM (SELECT place, code, node, pg_catalog.min(place) "
						   "OVER (PARTITION BY node) AS first FROM import_row "
						   "WHERE node IS NOT NULL) r "
						   "WHERE r.place OPERATOR(pg_catalog.<>) r.first "
						   "UNION ALL "
						   "SELECT r.place, r.code, 'unknown supervisor', "
						   "pg_catalog.format('there is no unit \"%%s\"', r.supervisor) "
						   "FROM import_row r LEFT JOIN there t "
						   "ON t.node OPERATOR(%1$s.=) r.above "
						   "WHERE r.above IS NOT NULL AND t.node IS NULL "
						   "UNION ALL "
						   "SELECT r.place, r.code, 'line outside life', "
						   "pg_catalog.format('it is there on %%s, its supervisor \"%%s\" on %%s', "
						   "COALESCE(r.valid, '(,)'), r.supervisor, t.valid) "
						   "FROM import_row r JOIN there t "
						   "ON t.node OPERATOR(%1$s.=) r.above "
						   "WHERE r.node IS NOT NULL AND NOT t.valid "
						   "OPERATOR(pg_catalog.@>) COALESCE(r.valid, '(,)')");
	if (!replace)
		appendStringInfoString(&sql, " UNION ALL "
							   "SELECT r.place, r.code, 'code in use', "
							   "pg_catalog.format('\"%%s\" is in iom_unit', r.node) "
							   "FROM import_row r JOIN %1$s.iom_unit u "
							   "ON u.node OPERATOR(%1$s.=) r.node");
	appendStringInfoString(&sql, ") p ORDER BY p.place, p.problem, p.detail");
	return run(import, sql.data);
}

static void
begin(Import *import)
{
	memset(import, 0, sizeof(*import));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	import->schema = quote_identifier(get_namespace_name(org_tables()->schema));
}

/* Tuple stores outlive SPI as files if they are not closed. */
static void
finish(Import *import)
{
	tuplestore_end(import->rows);
	tuplestore_end(import->faults);
	SPI_finish();
}

/*
 * iom_import_problems(query, replace): code, problem, detail of all
 */
Datum
iom_import_problems(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Import		import;
	uint64		n;

	InitMaterializedSRF(fcinfo, 0);
	begin(&import);
	n = read_and_check(&import, text_to_cstring(PG_GETARG_TEXT_PP(0)),
					   PG_GETARG_BOOL(1));
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
						 code ? code : "(null)",
						 SPI_getvalue(SPI_tuptable->vals[i],
									  SPI_tuptable->tupdesc, 2),
						 SPI_getvalue(SPI_tuptable->vals[i],
									  SPI_tuptable->tupdesc, 3));
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg_plural("the organisation has " UINT64_FORMAT " problem",
						   "the organisation has " UINT64_FORMAT " problems",
						   (unsigned long) n, n),
			 errdetail_internal("%s", detail.data),
			 errhint("Nothing was changed. SELECT * FROM "
					 "iom_import_problems(query) lists all.")));
}

/* Who still refers to a unit that goes is named by the foreign key. */
static void
hint_at_references(void *arg)
{
	if (geterrcode() == ERRCODE_FOREIGN_KEY_VIOLATION)
		errhint("Give those rows a unit that stays, or import with replace => "
				"false first and without it later.");
}

/*
 * iom_import(query, replace): the number of units
 */
Datum
iom_import(PG_FUNCTION_ARGS)
{
	bool		replace = PG_GETARG_BOOL(1);
	Import		import;
	uint64		n;
	uint64		units;
	uint64		lines;

	begin(&import);
	run(&import, "INSERT INTO %1$s.iom_unit (node, name) "
		"SELECT node, name FROM %1$s.iom_unit WHERE false");
	n = read_and_check(&import, text_to_cstring(PG_GETARG_TEXT_PP(0)), replace);
	ereport(NOTICE,
			(errmsg("iom_import: " INT64_FORMAT " rows read and checked",
					import.places)));
	if (n > 0)
		refuse(n);

	if (replace)
	{
		ErrorContextCallback callback = {
			.previous = error_context_stack,
			.callback = hint_at_references
		};

		error_context_stack = &callback;
		run(&import, "DELETE FROM %1$s.iom_appointment");
		run(&import, "DELETE FROM %1$s.iom_line");
		run(&import, "DELETE FROM %1$s.iom_unit u WHERE NOT EXISTS ("
			"SELECT FROM import_row r WHERE r.node OPERATOR(%1$s.=) u.node)");
		error_context_stack = callback.previous;
	}
#define INSERT_UNITS \
	"INSERT INTO %1$s.iom_unit " \
	"(node, name, kind, position, head_title, mandate, valid) " \
	"SELECT node, name, COALESCE(kind, 'unit'), COALESCE(position, 1000), " \
	"head_title, mandate, COALESCE(valid, '(,)') FROM import_row"
	units = run(&import, replace ? INSERT_UNITS
				" ON CONFLICT (node) DO UPDATE SET name = EXCLUDED.name, "
				"kind = EXCLUDED.kind, position = EXCLUDED.position, "
				"head_title = EXCLUDED.head_title, "
				"mandate = EXCLUDED.mandate, valid = EXCLUDED.valid" :
				INSERT_UNITS);
	ereport(NOTICE,
			(errmsg("iom_import: " UINT64_FORMAT " units written", units)));
	lines = run(&import, "INSERT INTO %1$s.iom_line (node, supervisor, valid) "
				"SELECT node, above, COALESCE(valid, '(,)') FROM import_row "
				"WHERE above IS NOT NULL");
	ereport(NOTICE,
			(errmsg("iom_import: " UINT64_FORMAT " lines written", lines)));
	finish(&import);
	PG_RETURN_INT64((int64) units);
}
