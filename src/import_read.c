/*-------------------------------------------------------------------------
 *
 * import_read.c
 *	  The rows of a query that is to be imported, and all that is wrong with
 *	  them by themselves.
 *
 * The caller's query is run once, as it stands, by a cursor.  Its rows go into
 * a tuple store with codes packed, and what is wrong with a row goes into
 * another.  Cycles are looked for in an array of all pairs: by the rows alone,
 * since it is these that get new lines.
 *
 * What is found is for the statements of import.c.  All memory but that of the
 * stores is in the SPI context.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/string.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rangetypes.h"

#include "import.h"

#define ROWS_A_FETCH	1000
#define MOST_NAMED		10		/* nodes of a cycle in a message */
#define MOST_SHOWN		40		/* characters of a code that is none */
#define BLANKS			" \t\r\n"

static const char *const column_name[IMPORT_COLUMNS] = {
	"code", "name", "supervisor", "kind", "position", "head_title", "mandate",
	"valid"
};

/* The columns of the stores: see IMPORT_ROW_COLUMNS. */
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

typedef struct Reading
{
	ImportRows *result;
	int			at[IMPORT_COLUMNS]; /* where in the query; 0: not there */
	bool		padded[IMPORT_COLUMNS]; /* a character(n): blanks at its end are none */
	Link	   *link;
	int64		links;
	int64		room;
} Reading;

/*----------
 * Reading
 *----------
 */

static void
add_fault(Reading *reading, int64 place, const char *code, const char *problem,
		  const char *detail)
{
	Datum		values[FAULT_COLUMNS];
	bool		nulls[FAULT_COLUMNS] = {0};

	values[FAULT_PLACE] = Int64GetDatum(place);
	nulls[FAULT_CODE] = code == NULL;
	values[FAULT_CODE] = code ? CStringGetTextDatum(code) : (Datum) 0;
	values[FAULT_PROBLEM] = CStringGetTextDatum(problem);
	values[FAULT_DETAIL] = CStringGetTextDatum(detail);
	tuplestore_putvalues(reading->result->faults.tuples,
						 reading->result->faults.desc, values, nulls);
}

/*
 * A code, or what should be one, for a message: it may be of any length.
 */
const char *
import_shown(const char *text)
{
	int			len = (int) strlen(text);
	int			clipped = pg_mbcharcliplen(text, len, MOST_SHOWN);

	return clipped == len ? text : psprintf("%.*s...", clipped, text);
}

/*
 * What a character is, for a message: some cannot be seen, such as the byte order
 * mark and the no-break spaces of spreadsheets.
 */
static const char *
code_point(const char *at)
{
	unsigned char first = (unsigned char) *at;

	if (first >= ' ' && first < 0x7F)
		return "";
	if (first >= 0x80 && GetDatabaseEncoding() != PG_UTF8)
		return "";
	return psprintf(" (U+%04X)", (unsigned int)
					utf8_to_unicode((const unsigned char *) at));
}

/*
 * Pack a code that is there; notes what is wrong with it, and returns
 * IOM_NODE_NONE then.
 */
static IomNode
pack_code(Reading *reading, const char *code, ImportColumn column,
		  const char *text)
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
							  reading->result->count, column_name[column]);
			break;
		case NODE_CODE_TOO_LONG:
			detail = psprintf("%s \"%s\" has %d characters, %d are the most",
							  column_name[column], import_shown(text),
							  pg_mbstrlen(text), NODE_CODE_MAXLEN);
			break;
		default:
			detail = psprintf("%s \"%s\" has \"%.*s\"%s; a code is made of %s",
							  column_name[column], import_shown(text),
							  pg_mbcharcliplen(text + where,
											   (int) (len - where), 1),
							  text + where, code_point(text + where),
							  NODE_CODE_ALPHABET);
	}
	add_fault(reading, reading->result->count, code,
			  column == IMPORT_CODE ? "no code" : "supervisor is no code",
			  detail);
	return IOM_NODE_NONE;
}

static void
add_link(Reading *reading, IomNode node, IomNode above)
{
	if (reading->links == reading->room)
	{
		reading->room *= 2;
		reading->link = repalloc_huge(reading->link,
									 reading->room * sizeof(Link));
	}
	reading->link[reading->links++] = (Link) {node, above, reading->result->count, 0};
}

/*
 * Find each column of the query that is one of ours.  What is none is said, so
 * that a misspelt one is not missed.
 */
static void
match_columns(TupleDesc desc, int *at)
{
	StringInfoData unused;

	memset(at, 0, IMPORT_COLUMNS * sizeof(*at));
	initStringInfo(&unused);
	for (int i = 0; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);
		ImportColumn c = 0;

		while (c < IMPORT_COLUMNS && strcmp(name, column_name[c]) != 0)
			c++;
		if (c == IMPORT_COLUMNS)
			appendStringInfo(&unused, "%s\"%s\"", unused.len ? ", " : "", name);
		else if (at[c] == 0)
			at[c] = i + 1;
		else
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("the query returns column \"%s\" twice", name),
					 errhint("Leave one of them out, or give it another "
							 "name.")));
	}
	if (unused.len)
		ereport(NOTICE,
				(errmsg("columns of the query that are not used: %s",
						unused.data)));
}

/* Where the columns are in the query's result. */
static void
find_columns(Reading *reading, TupleDesc desc)
{
	int		   *at = reading->at;
	StringInfoData missing;

	match_columns(desc, at);
	initStringInfo(&missing);
	for (ImportColumn c = 0; c < IMPORT_COLUMNS; c++)
	{
		reading->result->has[c] = at[c] > 0;
		reading->padded[c] = at[c] > 0 &&
			getBaseType(SPI_gettypeid(desc, at[c])) == BPCHAROID;
		if (at[c] == 0 && c < IMPORT_REQUIRED)
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
	if (at[IMPORT_VALID] &&
		SPI_gettypeid(desc, at[IMPORT_VALID]) != DATERANGEOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"valid\" of the query is no daterange"),
				 errhint("Make one of it: daterange(first_day, end_day) AS "
						 "valid, or valid::daterange.")));
}

/* One row of the query. */
static void
read_row(Reading *reading, HeapTuple tuple, TupleDesc desc)
{
	static const int target[IMPORT_COLUMNS] = {
		ROW_CODE, ROW_NAME, ROW_SUPERVISOR, ROW_KIND, ROW_POSITION,
		ROW_HEAD_TITLE, ROW_MANDATE, ROW_VALID
	};
	const int  *at = reading->at;
	Datum		values[ROW_COLUMNS] = {0};
	bool		nulls[ROW_COLUMNS];
	char	   *text[IMPORT_COLUMNS] = {0};
	IomNode		node;
	IomNode		above = IOM_NODE_NONE;

	memset(nulls, true, sizeof(nulls));
	nulls[ROW_PLACE] = false;
	values[ROW_PLACE] = Int64GetDatum(++reading->result->count);

	/* CSV and spreadsheets have empty fields, or blanks, for nothing */
	for (ImportColumn c = 0; c < IMPORT_VALID; c++)
	{
		if (at[c])
			text[c] = SPI_getvalue(tuple, desc, at[c]);
		if (text[c] != NULL && reading->padded[c])
			text[c][bpchartruelen(text[c], (int) strlen(text[c]))] = '\0';
		if (text[c] == NULL || text[c][strspn(text[c], BLANKS)] == '\0')
		{
			text[c] = NULL;
			continue;
		}
		if (c == IMPORT_POSITION)
			continue;
		nulls[target[c]] = false;
		values[target[c]] = CStringGetTextDatum(text[c]);
	}

	node = pack_code(reading, text[IMPORT_CODE], IMPORT_CODE, text[IMPORT_CODE] ? text[IMPORT_CODE] : "");
	if (text[IMPORT_SUPERVISOR])
		above = pack_code(reading, text[IMPORT_CODE], IMPORT_SUPERVISOR, text[IMPORT_SUPERVISOR]);
	if (node != IOM_NODE_NONE)
	{
		nulls[ROW_NODE] = false;
		values[ROW_NODE] = IomNodeGetDatum(node);
		add_link(reading, node, above);
	}
	if (above != IOM_NODE_NONE)
	{
		nulls[ROW_ABOVE] = false;
		values[ROW_ABOVE] = IomNodeGetDatum(above);
	}

	if (text[IMPORT_NAME] == NULL)
		add_fault(reading, reading->result->count, text[IMPORT_CODE], "no name",
				  psprintf("row " INT64_FORMAT " has no name",
						   reading->result->count));
	if (text[IMPORT_POSITION])
	{
		char	   *end;
		int			position;

		errno = 0;
		position = strtoint(text[IMPORT_POSITION], &end, 10);
		if (errno != 0 || end[strspn(end, BLANKS)] != '\0' ||
			end == text[IMPORT_POSITION])
			add_fault(reading, reading->result->count, text[IMPORT_CODE], "no position",
					  psprintf("position \"%s\" is no integer",
							   import_shown(text[IMPORT_POSITION])));
		nulls[ROW_POSITION] = false;
		values[ROW_POSITION] = Int32GetDatum(position);
	}
	if (at[IMPORT_VALID])
	{
		values[ROW_VALID] = SPI_getbinval(tuple, desc, at[IMPORT_VALID],
										  &nulls[ROW_VALID]);
		if (!nulls[ROW_VALID] &&
			RangeIsEmpty(DatumGetRangeTypeP(values[ROW_VALID])))
			add_fault(reading, reading->result->count, text[IMPORT_CODE], "no days",
					  "column \"valid\" is empty: it would never be there");
	}
	tuplestore_putvalues(reading->result->rows.tuples,
						 reading->result->rows.desc, values, nulls);
}

/* All rows of the query. */
static void
read_query(Reading *reading, const char *query)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(query, 0, NULL, 0);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "iom_import row",
													  ALLOCSET_DEFAULT_SIZES);
	Portal		portal;

	if (plan == NULL)
		elog(ERROR, "SPI_prepare_cursor failed: %s",
			 SPI_result_code_string(SPI_result));
	if (!SPI_is_cursor_plan(plan))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("this is not one query that returns rows"),
				 errhint("Give one that returns code, name and supervisor: "
						 "SELECT dept_id AS code, ...")));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, false);
	find_columns(reading, portal->tupDesc);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, ROWS_A_FETCH);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			MemoryContext before = MemoryContextSwitchTo(row_context);

			CHECK_FOR_INTERRUPTS();
			read_row(reading, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
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
link_above(const Reading *reading, const Link *from)
{
	int64		low = 0;
	int64		high = reading->links;

	if (from->above == IOM_NODE_NONE)
		return NULL;
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (reading->link[middle].node < from->above)
			low = middle + 1;
		else
			high = middle;
	}
	return low < reading->links && reading->link[low].node == from->above ?
		&reading->link[low] : NULL;
}

/* Note a cycle, by the node of it that comes first. */
static void
add_cycle(Reading *reading, Link *on)
{
	Link	   *first = on;
	Link	   *at;
	StringInfoData nodes;
	int64		length = 0;

	for (at = link_above(reading, on); at != NULL && at != on;
		 at = link_above(reading, at))
		if (at->node < first->node)
			first = at;
	initStringInfo(&nodes);
	at = first;
	do
	{
		if (length++ < MOST_NAMED)
			appendStringInfo(&nodes, "%s -> ", node_text(at->node).text);
		at = link_above(reading, at);
	} while (at != NULL && at != first);
	if (length > MOST_NAMED)
		appendStringInfo(&nodes, "... (" INT64_FORMAT " nodes) -> ", length);
	appendStringInfoString(&nodes, node_text(first->node).text);
	add_fault(reading, first->place, node_text(first->node).text,
			  length == 1 ? "own supervisor" : "cycle", nodes.data);
}

/*
 * Walk up from each row until a node was passed: if by the same walk, it lies
 * on a cycle.  Each row is passed once.
 */
static void
find_cycles(Reading *reading)
{
	qsort(reading->link, reading->links, sizeof(Link), compare_links);
	for (int64 i = 0; i < reading->links; i++)
	{
		Link	   *at = &reading->link[i];

		CHECK_FOR_INTERRUPTS();
		while (at != NULL && at->walk == 0)
		{
			at->walk = i + 1;
			at = link_above(reading, at);
		}
		/* a row that repeats a code is no node of its own */
		if (at != NULL && at->walk == i + 1)
			add_cycle(reading, at);
	}
}

/*
 * Run the query and fill the stores, which are there and empty, and the rest of
 * what is known of the rows.  Needs SPI.  Raises the query's own errors, and one
 * if it is no query or lacks columns.
 */
void
import_read(ImportRows *result, const char *query)
{
	Reading		reading = {.result = result, .room = ROWS_A_FETCH};

	reading.link = palloc(reading.room * sizeof(Link));
	read_query(&reading, query);
	find_cycles(&reading);
	pfree(reading.link);
}
