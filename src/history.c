/*-------------------------------------------------------------------------
 *
 * history.c
 *	  Every change of the organisation is recorded in iom_history, and stays
 *	  there.
 *
 * Statement triggers with transition tables record whatever a statement
 * changed, by the page (history_insert.c) or, where iom_history is not quite
 * as the extension made it, in one INSERT ... SELECT; before TRUNCATE, which
 * has no transition tables, they record the rows that are about to go.  The
 * rows of a dump that is being restored are not recorded (origin.c): their
 * history is in the dump.  Nor is what a replication worker applies: no trigger
 * fires, and the publisher's history can be published like the tables.
 *
 * iom_history itself is append-only: only the triggers insert, and a dump
 * being restored.  A superuser can do everything, but not without a trace: a
 * statement that may have taken away from it leaves one row.
 *
 * iom_history belongs to the extension's owner and is written as that role, with
 * its constraints and indexes.  But what a row is as jsonb is found out as the
 * user: of a column that somebody added, a cast to json is asked, which the
 * type's owner made.
 * The row names the session's user and the role that was set.
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
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "history_insert.h"
#include "history_json.h"
#include "org_tables.h"
#include "org_trigger.h"
#include "origin.h"

PG_FUNCTION_INFO_V1(iom_history_record);
PG_FUNCTION_INFO_V1(iom_history_guard);
PG_FUNCTION_INFO_V1(iom_history_json);

/* How deep we are in SQL that writes iom_history; as whom, and who caused it. */
static int	recording = 0;
static Oid	recorder = InvalidOid;
static OrgRole recorded;

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
 * The event's rows, by SQL: a SELECT for the columns that tell of the rows.  That
 * which reads the table itself sees all of it: TRUNCATE takes no less.
 */
static void
record_by_sql(const HistoryEvent *event, const char *select,
			  TriggerData *transition)
{
	Relation	history = table_open(org_tables_history(), RowExclusiveLock);
	Oid			recorder_before = recorder;
	OrgRole		recorded_before = recorded;
	Oid			types[] = {TIMESTAMPTZOID, NAMEOID, NAMEOID, TEXTOID, TEXTOID};
	Datum		values[] = {
		TimestampTzGetDatum(event->changed_at),
		NameGetDatum(&event->changed_by),
		NameGetDatum(&event->acting_as),
		CStringGetTextDatum(event->relation),
		CStringGetTextDatum(event->change)
	};

	recording++;
	recorder = history->rd_rel->relowner;
	table_close(history, NoLock);
	GetUserIdAndSecContext(&recorded.user, &recorded.security);
	PG_TRY();
	{
		org_execute_as_owner(org_tables_history(),
							 psprintf("INSERT INTO %s (changed_at, changed_by, acting_as, "
									  "transaction, relation, change, node, before, after) "
									  "SELECT $1, $2, $3, pg_catalog.pg_current_xact_id(), "
									  "$4, $5, %s",
									  org_qualified_name("iom_history"), select),
							 lengthof(types), types, values, NULL, transition,
							 transition ? InvalidSnapshot : GetLatestSnapshot());
	}
	PG_FINALLY();
	{
		recording--;
		recorder = recorder_before;
		recorded = recorded_before;
	}
	PG_END_TRY();
}

/*
 * iom_history_json(record): what to_jsonb() makes of it, called by SQL that
 * records as the user whose change that is.  A cast is then run as it would be
 * anywhere else: SET ROLE is not for it, and iom_history is closed to it.
 */
Datum
iom_history_json(PG_FUNCTION_ARGS)
{
	int			recording_before = recording;
	OrgRole		caller;
	Datum		json = (Datum) 0;

	if (fcinfo->flinfo->fn_extra == NULL)
	{
		fcinfo->flinfo->fn_extra = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt,
													  sizeof(FmgrInfo));
		history_json_by_server(fcinfo->flinfo->fn_extra,
							   fcinfo->flinfo->fn_mcxt);
	}

	GetUserIdAndSecContext(&caller.user, &caller.security);
	if (recording > 0 && caller.user == recorder)
		SetUserIdAndSecContext(recorded.user, recorded.security |
							   SECURITY_LOCAL_USERID_CHANGE);
	recording = 0;
	PG_TRY();
	{
		json = FunctionCall1((FmgrInfo *) fcinfo->flinfo->fn_extra,
							 PG_GETARG_DATUM(0));
	}
	PG_FINALLY();
	{
		recording = recording_before;
	}
	PG_END_TRY();
	org_become_again(caller);
	return json;
}

/* The event's rows, by the page; false if that cannot be done. */
static bool
record_by_page(const HistoryEvent *event, const char *node,
			   TriggerData *transition)
{
	Relation	history = table_open(org_tables_history(), RowExclusiveLock);
	bool		done = history_insert(history, event, transition, node);

	table_close(history, NoLock);
	return done;
}

/*
 * Add rows to iom_history, by the transition tables if there are any: "node"
 * is the column of these that tells whose rows they are, "select" SQL for the
 * same.
 */
static void
record(const char *relation, const char *change, const char *node,
	   const char *select, TriggerData *transition)
{
	HistoryEvent event;
	int			settings;

	event.changed_at = GetCurrentTimestamp();
	namestrcpy(&event.changed_by, GetUserNameFromId(GetSessionUserId(), false));
	namestrcpy(&event.acting_as, GetUserNameFromId(GetUserId(), false));
	event.relation = relation;
	event.change = change;

	settings = settings_of_history();
	if (transition == NULL || !record_by_page(&event, node, transition))
		record_by_sql(&event, select, transition);
	AtEOXact_GUC(true, settings);
}

/*
 * The transition tables go by names that are not qualified.  Without them (in a
 * trigger that somebody else made), the search_path would decide what the
 * tables' owner selects from.
 */
static void
need_transition_tables(const TriggerData *data)
{
	const Trigger *trigger = data->tg_trigger;
	const char *need_old = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(data->tg_event) ? "old_rows" : NULL;
	const char *need_new = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ||
		TRIGGER_FIRED_BY_INSERT(data->tg_event) ? "new_rows" : NULL;

	if ((need_old && !(trigger->tgoldtable &&
					   strcmp(trigger->tgoldtable, need_old) == 0)) ||
		(need_new && !(trigger->tgnewtable &&
					   strcmp(trigger->tgnewtable, need_new) == 0)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must have the transition tables "
						"old_rows and new_rows", trigger->tgname)));
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
 * After INSERT, UPDATE and DELETE, with the transition tables old_rows and
 * new_rows; before TRUNCATE.
 */
Datum
iom_history_record(PG_FUNCTION_ARGS)
{
	const OrgTables *tables = org_tables();
	const Oid	relids[] = ORG_EDITED_TABLES;
	TriggerData *data = org_trigger_data(fcinfo, "iom_history_record",
										 lengthof(relids), relids);
	Oid			relid = RelationGetRelid(data->tg_relation);
	const char *relation = RelationGetRelationName(data->tg_relation);
	const char *node = relid == tables->appointment ? "post" : "node";
	const char *json = org_qualified_name("iom_history_json");

	if (!TRIGGER_FIRED_FOR_STATEMENT(data->tg_event) ||
		TRIGGER_FIRED_BEFORE(data->tg_event) !=
		TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must be fired after statements, or "
						"before TRUNCATE", data->tg_trigger->tgname)));
	need_transition_tables(data);
	if (origin_is_restoring() || has_no_rows(data))
		return PointerGetDatum(NULL);

	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
	{
		/* rows of a dump have left this as it was */
		if (origin_is_own())
			record(relation, "insert", node,
				   psprintf("n.%s, NULL, %s(n.*) FROM new_rows n", node, json), data);
		return PointerGetDatum(NULL);
	}

	origin_set_own();
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		/* the two tables have the same order; keys may have changed */
		record(relation, "update", node,
			   psprintf("o.node, o.before, n.after FROM "
						"(SELECT r.%s AS node, %s(r.*) AS before, "
						"pg_catalog.row_number() OVER () AS place FROM old_rows r) o "
						"JOIN (SELECT %s(r.*) AS after, "
						"pg_catalog.row_number() OVER () AS place FROM new_rows r) n "
						"ON o.place OPERATOR(pg_catalog.=) n.place",
						node, json, json), data);
	else
		record(relation, "delete", node,
			   psprintf("o.%s, %s(o.*), NULL FROM %s o", node, json,
						TRIGGER_FIRED_BY_TRUNCATE(data->tg_event) ?
						org_qualified_name(relation) : "old_rows"),
			   TRIGGER_FIRED_BY_TRUNCATE(data->tg_event) ? NULL : data);
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
		record("iom_history", change, NULL, "NULL, NULL, NULL", NULL);
	else if (!(TRIGGER_FIRED_BY_INSERT(data->tg_event) &&
			   origin_begin_restore()) &&
			 !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s\" is append-only",
						RelationGetRelationName(data->tg_relation)),
				 errdetail("It is written by triggers on the tables whose "
						   "changes it records."),
				 errhint("Only a superuser can change it otherwise.")));
	return PointerGetDatum(NULL);
}
