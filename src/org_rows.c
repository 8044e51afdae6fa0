/*-------------------------------------------------------------------------
 *
 * org_rows.c
 *	  Reading the rows of iom_unit and iom_line.
 *
 * It goes past the executor: a scan of the heap for all rows, a system table
 * scan over an index for those of one node (org_seek.c: of many nodes).  All
 * see what the given snapshot sees.
 *
 * A chart of everything is made of all rows, and taking them apart used to be
 * half of that.  So a tuple is walked through once, up to the last column that
 * is wanted, and only what is wanted of it is looked at: a slot would note all
 * columns.  What a row becomes has no pointers into the tuple.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/tupmacs.h"
#include "optimizer/plancat.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rangetypes.h"

#include "org_rows.h"

struct OrgScan
{
	TableScanDesc scan;
	Relation	table;
	OrgTables	tables;
	bool		pass_nulls;
	HeapTuple	tuple;			/* of the row that was read last */
};

/*----------
 * Columns
 *----------
 */

/*
 * The days of a daterange.  It is decoded in place: detoasting alone would
 * copy every row's.  A range is its type's OID, the bounds it has, and a byte
 * of flags at the end (rangetypes.c); in a packed datum, unaligned.
 */
static inline Days
days_of_range(const char *value)
{
	struct varlena *range = unconstify(struct varlena *,
									   (const struct varlena *) value);
	const char *data;
	char		flags;
	DateADT		date;
	Days		days;

	if (VARATT_IS_EXTENDED(range) && !VARATT_IS_SHORT(range))
		range = pg_detoast_datum(range);
	data = VARDATA_ANY(range);
	flags = data[VARSIZE_ANY_EXHDR(range) - 1];
	data += sizeof(Oid);

	days.from = DAYS_UNBOUNDED_FROM;
	days.to = DAYS_UNBOUNDED_TO;
	if (flags & RANGE_EMPTY)
		days.to = DAYS_UNBOUNDED_FROM;
	if (RANGE_HAS_LBOUND(flags))
	{
		memcpy(&date, data, sizeof(date));
		data += sizeof(date);
		days.from = (int64) date + ((flags & RANGE_LB_INC) ? 0 : 1);
	}
	if (RANGE_HAS_UBOUND(flags))
	{
		memcpy(&date, data, sizeof(date));
		days.to = (int64) date + ((flags & RANGE_UB_INC) ? 1 : 0);
	}
	return days;
}

Days
org_days_of_range(Datum datum)
{
	return days_of_range(DatumGetPointer(datum));
}

static inline bool
text_is(const char *value, const char *text, size_t length)
{
	struct varlena *found = unconstify(struct varlena *,
									   (const struct varlena *) value);

	if (VARATT_IS_EXTENDED(found) && !VARATT_IS_SHORT(found))
		found = pg_detoast_datum(found);
	return VARSIZE_ANY_EXHDR(found) == length &&
		memcmp(VARDATA_ANY(found), text, length) == 0;
}

static inline IomNode
node_of(const char *value)
{
	IomNode		node;

	memcpy(&node, value, sizeof(node));
	return node;
}

/*
 * Where in a tuple its first columns lie; NULL for a null.
 */
static inline void
find_columns(HeapTuple tuple, TupleDesc descriptor, int ncolumns,
			 const char **at)
{
	HeapTupleHeader header = tuple->t_data;
	const char *data = (const char *) header + header->t_hoff;
	bool		has_nulls = HeapTupleHasNulls(tuple);
	uint32		offset = 0;

	/* columns added later cannot be ours: those have rows from the start */
	if (HeapTupleHeaderGetNatts(header) < ncolumns)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a column of iom_unit or iom_line was added to rows that "
						"were there before"),
				 errhint("VACUUM FULL of both tables writes it into them.")));
	for (int i = 0; i < ncolumns; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);

		if (has_nulls && att_isnull(i, header->t_bits))
		{
			at[i] = NULL;
			continue;
		}
		offset = att_align_pointer(offset, column->attalign, column->attlen,
								   data + offset);
		at[i] = data + offset;
		offset = att_addlength_pointer(offset, column->attlen, at[i]);
	}
}

/* A column of ours is null only where its NOT NULL was taken off. */
static void
raise_null(Relation rel, AttrNumber column)
{
	ereport(ERROR,
			(errcode(ERRCODE_NOT_NULL_VIOLATION),
			 errmsg("null value in column \"%s\" of table \"%s\"",
					get_attname(RelationGetRelid(rel), column, false),
					RelationGetRelationName(rel)),
			 errhint("Fill the column in and set it NOT NULL again.")));
}

/*
 * Find these columns.  A null is an error, or false is returned.
 */
static inline bool
find_wanted(HeapTuple tuple, Relation rel, int nwanted,
			const AttrNumber *wanted, int last, bool pass_nulls,
			const char **value)
{
	const char *at[MaxHeapAttributeNumber];

	find_columns(tuple, RelationGetDescr(rel), last, at);
	for (int i = 0; i < nwanted; i++)
	{
		value[i] = at[wanted[i] - 1];
		if (unlikely(value[i] == NULL))
		{
			if (!pass_nulls)
				raise_null(rel, wanted[i]);
			return false;
		}
	}
	return true;
}

static inline bool
read_unit(const OrgTables *tables, Relation unit, HeapTuple tuple,
		  bool pass_nulls, UnitRow *row)
{
	const AttrNumber wanted[] = {
		tables->unit_node, tables->unit_position, tables->unit_valid
	};
	const char *value[lengthof(wanted)];

	if (!find_wanted(tuple, unit, lengthof(wanted), wanted, tables->unit_last,
					 pass_nulls, value))
		return false;
	row->node = node_of(value[0]);
	memcpy(&row->position, value[1], sizeof(row->position));
	row->valid = days_of_range(value[2]);
	return true;
}

static inline bool
read_line(const OrgTables *tables, Relation line, HeapTuple tuple,
		  bool pass_nulls, LineRow *row)
{
	const AttrNumber wanted[] = {
		tables->line_node, tables->line_supervisor, tables->line_line,
		tables->line_valid
	};
	const char *value[lengthof(wanted)];

	if (!find_wanted(tuple, line, lengthof(wanted), wanted, tables->line_last,
					 pass_nulls, value))
		return false;
	row->node = node_of(value[0]);
	row->supervisor = node_of(value[1]);
	row->solid = text_is(value[2], "solid", 5);
	row->valid = days_of_range(value[3]);
	row->tid = tuple->t_self;
	return true;
}

/*
 * What a tuple has of a row of iom_unit or iom_line, as the tables are known
 * to be.  Raises an error where there is a null.
 */
void
org_unit_from_tuple(const OrgTables *tables, Relation unit, HeapTuple tuple,
					UnitRow *row)
{
	(void) read_unit(tables, unit, tuple, false, row);
}

void
org_line_from_tuple(const OrgTables *tables, Relation line, HeapTuple tuple,
					LineRow *row)
{
	(void) read_line(tables, line, tuple, false, row);
}

/*----------
 * All rows
 *----------
 */

/*
 * How many rows a table has, roughly, as the planner would guess.
 */
size_t
org_expected_rows(Relation rel)
{
	BlockNumber pages;
	double		rows;
	double		visible;

	estimate_rel_size(rel, NULL, &pages, &rows, &visible);
	return (size_t) rows + (size_t) rows / 64;
}

/*
 * Scan a whole table, opened with org_tables_open().  A row with a null where
 * there should be none is an error or, for who looks for faults, passed over.
 */
OrgScan *
org_scan_begin(Relation rel, Snapshot snapshot, bool pass_nulls)
{
	OrgScan    *scan = palloc(sizeof(OrgScan));

	scan->tables = *org_tables();
	scan->scan = iom_table_beginscan(rel, snapshot);
	scan->table = rel;
	scan->pass_nulls = pass_nulls;
	return scan;
}

bool
org_scan_next_unit(OrgScan *scan, UnitRow *row)
{
	while ((scan->tuple = heap_getnext(scan->scan, ForwardScanDirection)) != NULL)
	{
		if (read_unit(&scan->tables, scan->table, scan->tuple,
					  scan->pass_nulls, row))
			return true;
	}
	return false;
}

bool
org_scan_next_line(OrgScan *scan, LineRow *row)
{
	while ((scan->tuple = heap_getnext(scan->scan, ForwardScanDirection)) != NULL)
	{
		if (read_line(&scan->tables, scan->table, scan->tuple,
					  scan->pass_nulls, row))
			return true;
	}
	return false;
}

/*
 * Has the row that was read last this text in another of its columns?
 */
bool
org_scan_has_text(OrgScan *scan, AttrNumber column, const char *text)
{
	bool		isnull;
	Datum		value = heap_getattr(scan->tuple, column,
									 RelationGetDescr(scan->table), &isnull);

	return !isnull && text_is(DatumGetPointer(value), text, strlen(text));
}

void
org_scan_end(OrgScan *scan)
{
	table_endscan(scan->scan);
	pfree(scan);
}

/*----------
 * Those of one node
 *----------
 */

static SysScanDesc
probe(Relation rel, Oid index, AttrNumber column, IomNode node,
	  Snapshot snapshot)
{
	ScanKeyData key;

	/* equality of codes is equality of eight bytes */
	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_INT8EQ,
				IomNodeGetDatum(node));
	return systable_beginscan(rel, index, OidIsValid(index), snapshot, 1,
							  &key);
}

/*
 * The rows of one node, by index where there still is one.
 */
SysScanDesc
org_probe_unit(Relation unit, IomNode node, Snapshot snapshot)
{
	const OrgTables *tables = org_tables();

	return probe(unit, tables->unit_pkey, tables->unit_node, node, snapshot);
}

SysScanDesc
org_probe_lines_of(Relation line, IomNode node, Snapshot snapshot)
{
	const OrgTables *tables = org_tables();

	return probe(line, tables->line_pkey, tables->line_node, node, snapshot);
}

SysScanDesc
org_probe_lines_to(Relation line, IomNode supervisor, Snapshot snapshot)
{
	const OrgTables *tables = org_tables();

	return probe(line, tables->line_by_supervisor, tables->line_supervisor,
				 supervisor, snapshot);
}

bool
org_probe_next_unit(SysScanDesc probe, Relation unit, UnitRow *row)
{
	HeapTuple	tuple = systable_getnext(probe);

	if (!HeapTupleIsValid(tuple))
		return false;
	org_unit_from_tuple(org_tables(), unit, tuple, row);
	return true;
}

bool
org_probe_next_line(SysScanDesc probe, Relation line, LineRow *row)
{
	HeapTuple	tuple = systable_getnext(probe);

	if (!HeapTupleIsValid(tuple))
		return false;
	org_line_from_tuple(org_tables(), line, tuple, row);
	return true;
}
