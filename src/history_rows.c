/*-------------------------------------------------------------------------
 *
 * history_rows.c
 *	  What a statement did to each row, as jsonb.
 *
 * By the transition tables of the trigger or, before TRUNCATE, which has none,
 * by the rows that are about to go: all of them, whoever may see which.  They
 * are read here and not by SQL, whose rows are composite values that only a
 * function can make jsonb of: one that somebody made for just this row type,
 * under the name of ours, would be called instead.
 *
 * jsonb is made as the user: of a column that somebody added, a cast to json is
 * asked, which may be anybody's (history_json.c).
 *
 * Memory: rows are read in the context in which they are begun, and jsonb is
 * made in the current one.  The table is locked by the statement.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "history_json.h"
#include "history_rows.h"
#include "iomorg_compat.h"
#include "org_tables.h"

/* A table that is being read, if there is one: of the two, one is NULL. */
typedef struct Source
{
	Tuplestorestate *store;
	TableScanDesc scan;
	TupleTableSlot *slot;
	bool		has_row;
} Source;

struct HistoryRows
{
	Source		before;
	Source		after;
	AttrNumber	node;
	HistoryJson *json;
	const char *table;
};

/*
 * The table has a read pointer for each who reads it: other triggers do, before
 * or after this one.
 */
static void
begin_store(Source *source, Tuplestorestate *store, Relation rel)
{
	if (store == NULL)
		return;
	source->store = store;
	tuplestore_select_read_pointer(store,
								   tuplestore_alloc_read_pointer(store,
																 EXEC_FLAG_REWIND));
	tuplestore_rescan(store);
	source->slot = MakeSingleTupleTableSlot(RelationGetDescr(rel),
											&TTSOpsMinimalTuple);
}

/* TRUNCATE takes what is there, not what an old snapshot sees. */
static void
begin_scan(Source *source, Relation rel)
{
	source->scan = iom_table_beginscan(rel, RegisterSnapshot(GetLatestSnapshot()));
	source->slot = table_slot_create(rel, NULL);
}

static void
advance(Source *source)
{
	source->has_row =
		source->store ? tuplestore_gettupleslot(source->store, true, false,
												source->slot) :
		source->scan ? table_scan_getnextslot(source->scan, ForwardScanDirection,
											  source->slot) : false;
}

static void
end(Source *source)
{
	Snapshot	snapshot;

	if (source->scan)
	{
		snapshot = source->scan->rs_snapshot;
		table_endscan(source->scan);
		UnregisterSnapshot(snapshot);
	}
	if (source->slot)
		ExecDropSingleTupleTableSlot(source->slot);
}

/*
 * Begin with what the trigger's statement did.  "node" is the column of its
 * table that says whose row it is (nobody's, where it has another type).
 */
HistoryRows *
history_rows_begin(TriggerData *data, const char *node)
{
	HistoryRows *rows = palloc0(sizeof(HistoryRows));
	TupleDesc	desc = RelationGetDescr(data->tg_relation);

	rows->node = org_column(RelationGetRelid(data->tg_relation), node,
							org_tables_node_type());
	rows->json = history_json_begin(desc);
	rows->table = RelationGetRelationName(data->tg_relation);
	if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
		begin_scan(&rows->before, data->tg_relation);
	else
	{
		begin_store(&rows->before, data->tg_oldtable, data->tg_relation);
		begin_store(&rows->after, data->tg_newtable, data->tg_relation);
	}
	return rows;
}

/*
 * Go on to the next row; false if there is none.  In an update the two tables
 * have the same order; keys may have changed.
 */
bool
history_rows_next(HistoryRows *rows)
{
	advance(&rows->before);
	advance(&rows->after);
	if (rows->before.store && rows->after.store &&
		rows->before.has_row != rows->after.has_row)
		elog(ERROR, "transition tables of \"%s\" do not match", rows->table);
	return rows->before.has_row || rows->after.has_row;
}

/*
 * What became of the row.  Raises what to_jsonb() raises.
 */
void
history_rows_get(HistoryRows *rows, HistoryRow *row)
{
	Source	   *before = &rows->before;
	Source	   *after = &rows->after;

	row->node_is_null = true;
	if (AttributeNumberIsValid(rows->node))
		row->node = slot_getattr(before->has_row ? before->slot : after->slot,
								 rows->node, &row->node_is_null);
	row->before = before->has_row ? history_json(rows->json, before->slot) : NULL;
	row->after = after->has_row ? history_json(rows->json, after->slot) : NULL;
}

void
history_rows_end(HistoryRows *rows)
{
	end(&rows->before);
	end(&rows->after);
}
