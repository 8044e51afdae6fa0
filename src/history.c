/*-------------------------------------------------------------------------
 *
 * history.c
 *	  Every change of the organisation is recorded in iom_history, and stays
 *	  there.
 *
 * Statement triggers with transition tables record whatever a statement
 * changed, by the page (history_insert.c) or, where iom_history is not quite
 * as the extension made it, in one INSERT ... SELECT; before TRUNCATE, they
 * record the rows that are about to go.  The rows of a dump that is being
 * restored are not recorded (origin.c): their history is in the dump.  Nor is
 * what a replication worker applies: no trigger fires, and the publisher's
 * history can be published like the tables.
 *
 * iom_history itself is append-only: only the triggers insert, and a dump
 * being restored.  A superuser can do everything, but not without a trace: a
 * statement that may have taken away from it leaves one row.  Of all these tables,
 * no statement is committed without its record (whole_statement.c).
 *
 * iom_history belongs to a superuser, where the extension is trusted, and is
 * written as its owner, with
 * its constraints and indexes; what a row is as jsonb is found out as the user
 * (history_rows.c).  The row names the session's user and the role that was set.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "history_insert.h"
#include "history_rows.h"
#include "iomorg_compat.h"
#include "org_tables.h"
#include "org_trigger.h"
#include "origin.h"
#include "whole_statement.h"

PG_FUNCTION_INFO_V1(iom_history_record);
PG_FUNCTION_INFO_V1(iom_history_guard);

/* How deep we are in SQL that writes iom_history. */
static int	recording = 0;

/*
 * What to_jsonb makes of a row depends on settings of the session: a range of
 * days, and what users' own columns may be, as text.  A row of history means
 * the same to everybody.  Returns the level at which the settings end.
 */
static int
settings_of_history(void)
{
	static const char *const settings[][2] = {
		{"DateStyle", "ISO"},
		{"IntervalStyle", "postgres"},
		{"extra_float_digits", "1"},
		{"bytea_output", "hex"},
	};
	int			level = NewGUCNestLevel();

	for (int i = 0; i < (int) lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	return level;
}

/*
 * What a statement did to each row, for SQL: node, before, after.  If somebody's
 * code is run to find that out, iom_history is closed to it as ever.
 */
static void
keep_rows(TriggerData *data, const char *node, EphemeralNamedRelation named)
{
	int			recording_before = recording;
	TupleDesc	desc = CreateTemplateTupleDesc(3);
	Tuplestorestate *store = tuplestore_begin_heap(false, false, work_mem);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "iomorg history row",
													  ALLOCSET_DEFAULT_SIZES);

	TupleDescInitEntry(desc, 1, "node", org_tables_node_type(), -1, 0);
	TupleDescInitEntry(desc, 2, "before", JSONBOID, -1, 0);
	TupleDescInitEntry(desc, 3, "after", JSONBOID, -1, 0);
	TupleDescFinalize(desc);

	recording = 0;
	PG_TRY();
	{
		HistoryRows *rows = history_rows_begin(data, node);
		HistoryRow	row;

		while (history_rows_next(rows))
		{
			MemoryContext caller_context = MemoryContextSwitchTo(row_context);

			CHECK_FOR_INTERRUPTS();
			history_rows_get(rows, &row);
			tuplestore_putvalues(store, desc,
								 (Datum[]) {row.node, PointerGetDatum(row.before), PointerGetDatum(row.after)},
								 (bool[]) {row.node_is_null, !row.before, !row.after});
			MemoryContextSwitchTo(caller_context);
			MemoryContextReset(row_context);
		}
		history_rows_end(rows);
	}
	PG_FINALLY();
	{
		recording = recording_before;
	}
	PG_END_TRY();
	MemoryContextDelete(row_context);

	named->md.name = pstrdup("kept_rows");
	named->md.tupdesc = desc;
	named->md.enrtype = ENR_NAMED_TUPLESTORE;
	named->md.enrtuples = (double) tuplestore_tuple_count(store);
	named->reldata = store;
}

/*
 * The event, by SQL: a row for each that was kept, or one without.
 */
static void
record_by_sql(const HistoryEvent *event, EphemeralNamedRelation kept)
{
	Oid			types[] = {TIMESTAMPTZOID, NAMEOID, NAMEOID, TEXTOID, TEXTOID};
	Datum		values[] = {
		TimestampTzGetDatum(event->changed_at),
		NameGetDatum(&event->changed_by),
		NameGetDatum(&event->acting_as),
		CStringGetTextDatum(event->relation),
		CStringGetTextDatum(event->change)
	};

	recording++;
	PG_TRY();
	{
		org_execute_as_owner(org_tables_history(),
							 psprintf("INSERT INTO %s (changed_at, changed_by, acting_as, "
									  "transaction, relation, change, node, before, after) "
									  "SELECT $1, $2, $3, pg_catalog.pg_current_xact_id(), "
									  "$4, $5, %s",
									  org_qualified_name("iom_history"),
									  kept ? "k.node, k.before, k.after FROM kept_rows k" :
									  "NULL, NULL, NULL"),
							 lengthof(types), types, values, NULL, kept,
							 InvalidSnapshot);
	}
	PG_FINALLY();
	{
		recording--;
	}
	PG_END_TRY();
}

/*
 * Add what the trigger's statement did to iom_history; "node" is the column that
 * tells whose rows they are.
 */
static void
record(TriggerData *data, const char *change, const char *node)
{
	Relation	history = table_open(org_tables_history(), RowExclusiveLock);
	EphemeralNamedRelationData kept = {0};
	HistoryEvent event;
	int			settings;

	event.changed_at = GetCurrentTimestamp();
	namestrcpy(&event.changed_by, GetUserNameFromId(GetSessionUserId(), false));
	namestrcpy(&event.acting_as, GetUserNameFromId(GetUserId(), false));
	event.relation = RelationGetRelationName(data->tg_relation);
	event.change = change;

	settings = settings_of_history();
	if (node == NULL)
		record_by_sql(&event, NULL);
	else if (!history_insert(history, &event, data, node))
	{
		keep_rows(data, node, &kept);
		record_by_sql(&event, &kept);
		tuplestore_end(kept.reldata);
	}
	AtEOXact_GUC(false, settings);
	table_close(history, NoLock);
}

/* Nothing was done to any row: no edit. */
static bool
has_no_rows(const TriggerData *data)
{
	Tuplestorestate *rows = data->tg_oldtable ? data->tg_oldtable :
		data->tg_newtable;

	return rows != NULL && tuplestore_tuple_count(rows) == 0;
}

/*
 * Before and after INSERT, UPDATE and DELETE, after them with the transition
 * tables old_rows and new_rows; before TRUNCATE.
 */
Datum
iom_history_record(PG_FUNCTION_ARGS)
{
	const OrgTables *tables = org_tables();
	const Oid	relids[] = ORG_EDITED_TABLES;
	TriggerData *data = org_trigger_data(fcinfo, "iom_history_record",
										 lengthof(relids), relids);
	Oid			relid = RelationGetRelid(data->tg_relation);
	const char *node = relid == tables->appointment ? "post" : "node";

	if (!TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
	{
		if (TRIGGER_FIRED_BEFORE(data->tg_event))
		{
			whole_statement_begin(data);
			return PointerGetDatum(NULL);
		}
		whole_statement_end(data);
	}
	if (origin_is_restoring() || has_no_rows(data))
		return PointerGetDatum(NULL);

	/* rows of a dump have left this as it was */
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
	{
		if (origin_is_own())
			record(data, "insert", node);
		return PointerGetDatum(NULL);
	}
	origin_set_own();
	record(data, TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? "update" : "delete",
		   node);
	return PointerGetDatum(NULL);
}

/*
 * Before and after statements on iom_history itself.
 */
Datum
iom_history_guard(PG_FUNCTION_ARGS)
{
	TriggerData *data = org_trigger_data(fcinfo, "iom_history_guard", 1,
										 &org_tables()->history);
	const char *change =
		TRIGGER_FIRED_BY_INSERT(data->tg_event) ? "insert" :
		TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? "update" :
		TRIGGER_FIRED_BY_DELETE(data->tg_event) ? "delete" : "truncate";

	if (recording > 0)
		return PointerGetDatum(NULL);

	if (TRIGGER_FIRED_AFTER(data->tg_event))
	{
		whole_statement_end(data);
		record(data, change, NULL);
		return PointerGetDatum(NULL);
	}
	if (!(TRIGGER_FIRED_BY_INSERT(data->tg_event) &&
			   origin_begin_restore()) &&
			 !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s\" is append-only",
						RelationGetRelationName(data->tg_relation)),
				 errdetail("It is written by triggers on the tables whose "
						   "changes it records."),
				 errhint("Only a superuser can change it otherwise.")));
	whole_statement_begin(data);
	return PointerGetDatum(NULL);
}
