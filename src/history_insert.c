/*-------------------------------------------------------------------------
 *
 * history_insert.c
 *	  Adding rows to iom_history, by the page.
 *
 * A bulk load spends most of its time on its history if that is an INSERT like
 * any other.  Here rows go from the transition tables (history_rows.c) into the
 * table as COPY puts them there: many to a page at once, with one record in the
 * log.  That
 * works where iom_history is as the extension made it, but for indexes and
 * CHECK constraints, which may be others.  Where somebody gave it columns, row
 * or statement triggers, foreign keys, rules, policies for its owner, or made it
 * a partition, history_insert() returns false, and the caller's SQL does what must be done.
 * The two ways leave the same rows; sql/history_insert.sql compares them.
 *
 * The extension's own trigger before INSERT, which keeps iom_history
 * append-only, lets pass what this file does; it is not fired.
 *
 * Expressions of indexes and constraints run as the table's owner; jsonb is made
 * as the user.  The table is locked as for INSERT, and stays so until
 * the transaction ends.
 *
 * Memory: everything is in a context of its own, deleted at the end; a row's
 * values are in the per-tuple context of the executor state until the slot has
 * its copy.  Slots keep up to MAX_ROWS rows, or MAX_BYTES of them, until they
 * are written.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "history_insert.h"
#include "history_rows.h"
#include "iomorg_compat.h"
#include "org_tables.h"
#include "org_trigger.h"

/* The trigger that is not fired. */
#define APPEND_TRIGGER	"iom_history_append"

/* As many rows are written at once, or so many bytes of jsonb. */
#define MAX_ROWS	1000
#define MAX_BYTES	65536

/* The columns of iom_history. */
typedef enum Column
{
	COLUMN_ID,
	COLUMN_CHANGED_AT,
	COLUMN_CHANGED_BY,
	COLUMN_ACTING_AS,
	COLUMN_TRANSACTION,
	COLUMN_RELATION,
	COLUMN_CHANGE,
	COLUMN_NODE,
	COLUMN_BEFORE,
	COLUMN_AFTER
} Column;

static const struct
{
	const char *name;
	Oid			type;
}			columns[] = {
	{"id", INT8OID},
	{"changed_at", TIMESTAMPTZOID},
	{"changed_by", NAMEOID},
	{"acting_as", NAMEOID},
	{"transaction", XID8OID},
	{"relation", TEXTOID},
	{"change", TEXTOID},
	{"node", InvalidOid},		/* as in the table that was changed */
	{"before", JSONBOID},
	{"after", JSONBOID},
};

#define NCOLUMNS	((int) lengthof(columns))

typedef struct HistoryInsert
{
	Relation	history;
	AttrNumber	column[NCOLUMNS];
	Datum		common[NCOLUMNS];	/* what all rows have in common */
	Oid			sequence;
	ResultRelInfo *target;
	EState	   *estate;
	CommandId	cid;
	TupleTableSlot *slot[MAX_ROWS]; /* made when needed first */
	int			nrows;
	Size		nbytes;
} HistoryInsert;

/*----------
 * Is iom_history as the extension made it?
 *----------
 */

static bool
has_foreign_triggers(Relation history)
{
	for (int i = 0; history->trigdesc && i < history->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &history->trigdesc->triggers[i];

		if (TRIGGER_FOR_INSERT(trigger->tgtype) &&
			strcmp(trigger->tgname, APPEND_TRIGGER) != 0)
			return true;
	}
	return false;
}

/*
 * Find the columns; false if they are not those that the extension made.
 */
static bool
find_columns(HistoryInsert *insert, Oid node_type)
{
	TupleDesc	desc = RelationGetDescr(insert->history);
	int			found = 0;

	for (int column = 1; column <= desc->natts; column++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, column - 1);
		int			i;

		if (att->attisdropped)
			continue;
		for (i = 0; i < NCOLUMNS; i++)
		{
			if (strcmp(NameStr(att->attname), columns[i].name) == 0 &&
				att->atttypid == (i == COLUMN_NODE ? node_type : columns[i].type))
				break;
		}
		if (i == NCOLUMNS || att->attgenerated != '\0' ||
			(i == COLUMN_ID) != (att->attidentity != '\0'))
			return false;
		insert->column[i] = att->attnum;
		found++;
	}
	return found == NCOLUMNS;
}

/*----------
 * Writing
 *----------
 */

static void
write_rows(HistoryInsert *insert)
{
	OrgRole		caller = org_become_owner(insert->history, true);
	MemoryContext caller_context;

	ResetPerTupleExprContext(insert->estate);
	caller_context = MemoryContextSwitchTo(GetPerTupleMemoryContext(insert->estate));
	for (int i = 0; RelationGetDescr(insert->history)->constr && i < insert->nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ExecConstraints(insert->target, insert->slot[i], insert->estate);
		ResetPerTupleExprContext(insert->estate);
	}
	table_multi_insert(insert->history, insert->slot, insert->nrows,
					   insert->cid, 0, NULL);
	for (int i = 0; i < insert->nrows; i++)
	{
		ResetPerTupleExprContext(insert->estate);
		if (insert->target->ri_NumIndices > 0)
			(void) iom_insert_index_tuples(insert->target, insert->slot[i],
										   insert->estate);
		ExecClearTuple(insert->slot[i]);
	}
	MemoryContextSwitchTo(caller_context);
	org_become_again(caller);
	insert->nrows = 0;
	insert->nbytes = 0;
}

/*
 * Put a row into the next slot, which copies it.
 */
static void
fill_slot(HistoryInsert *insert, TupleTableSlot *slot, const HistoryRow *row)
{
	memset(slot->tts_isnull, true,
		   RelationGetDescr(insert->history)->natts * sizeof(bool));

	insert->common[COLUMN_ID] = Int64GetDatum(nextval_internal(insert->sequence,
															   false));
	insert->common[COLUMN_NODE] = row->node;
	insert->common[COLUMN_BEFORE] = PointerGetDatum(row->before);
	insert->common[COLUMN_AFTER] = PointerGetDatum(row->after);
	for (int i = 0; i < NCOLUMNS; i++)
	{
		AttrNumber	column = insert->column[i];

		slot->tts_values[column - 1] = insert->common[i];
		slot->tts_isnull[column - 1] =
			(i == COLUMN_NODE && row->node_is_null) ||
			(i == COLUMN_BEFORE && row->before == NULL) ||
			(i == COLUMN_AFTER && row->after == NULL);
	}
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = RelationGetRelid(insert->history);
	ExecMaterializeSlot(slot);
	insert->nbytes += (row->before ? VARSIZE(row->before) : 0) +
		(row->after ? VARSIZE(row->after) : 0);
}

/*
 * Add what became of one row of the table that was changed.
 */
static void
add_row(HistoryInsert *insert, HistoryRows *rows)
{
	MemoryContext caller_context;
	HistoryRow	row;

	if (insert->slot[insert->nrows] == NULL)
		insert->slot[insert->nrows] = table_slot_create(insert->history, NULL);

	ResetPerTupleExprContext(insert->estate);
	caller_context = MemoryContextSwitchTo(GetPerTupleMemoryContext(insert->estate));
	history_rows_get(rows, &row);
	fill_slot(insert, insert->slot[insert->nrows], &row);
	MemoryContextSwitchTo(caller_context);

	insert->nrows++;
	if (insert->nrows == MAX_ROWS || insert->nbytes >= MAX_BYTES)
		write_rows(insert);
}

/* All rows. */
static void
add_rows(HistoryInsert *insert, TriggerData *data, const char *node)
{
	HistoryRows *rows = history_rows_begin(data, node);

	while (history_rows_next(rows))
	{
		CHECK_FOR_INTERRUPTS();
		add_row(insert, rows);
	}
	if (insert->nrows > 0)
		write_rows(insert);
	history_rows_end(rows);
}

/*
 * Add a row for each one that the trigger's statement inserted, updated or
 * deleted, or is about to take away.  "node" is the column of its table that says
 * whose row it was.
 *
 * Returns false, and has done nothing, where iom_history is not as the
 * extension made it.  Raises the errors of its constraints and indexes.
 */
bool
history_insert(Relation history, const HistoryEvent *event, TriggerData *data,
			   const char *node)
{
	MemoryContext context;
	MemoryContext caller_context;
	HistoryInsert *insert;

	if (history->rd_rel->relkind != RELKIND_RELATION ||
		history->rd_rel->relispartition || history->rd_rules ||
		history->rd_rel->relforcerowsecurity || has_foreign_triggers(history))
		return false;

	context = AllocSetContextCreate(CurrentMemoryContext, "iomorg history",
									ALLOCSET_DEFAULT_SIZES);
	caller_context = MemoryContextSwitchTo(context);
	insert = palloc0(sizeof(HistoryInsert));
	insert->history = history;
	if (!find_columns(insert, org_tables_node_type()))
	{
		MemoryContextSwitchTo(caller_context);
		MemoryContextDelete(context);
		return false;
	}

	insert->sequence = iom_identity_sequence(history,
											 insert->column[COLUMN_ID]);
	insert->common[COLUMN_CHANGED_AT] = TimestampTzGetDatum(event->changed_at);
	insert->common[COLUMN_CHANGED_BY] = NameGetDatum(&event->changed_by);
	insert->common[COLUMN_ACTING_AS] = NameGetDatum(&event->acting_as);
	insert->common[COLUMN_TRANSACTION] =
		FullTransactionIdGetDatum(GetTopFullTransactionId());
	insert->common[COLUMN_RELATION] = CStringGetTextDatum(event->relation);
	insert->common[COLUMN_CHANGE] = CStringGetTextDatum(event->change);
	insert->cid = GetCurrentCommandId(true);
	insert->estate = CreateExecutorState();
	insert->target = makeNode(ResultRelInfo);
	InitResultRelInfo(insert->target, history, 0, NULL, 0);
	ExecOpenIndices(insert->target, false);

	add_rows(insert, data, node);

	for (int i = 0; i < MAX_ROWS && insert->slot[i]; i++)
		ExecDropSingleTupleTableSlot(insert->slot[i]);
	ExecCloseIndices(insert->target);
	FreeExecutorState(insert->estate);
	MemoryContextSwitchTo(caller_context);
	MemoryContextDelete(context);

	/* as after any statement: what comes next sees the rows */
	CommandCounterIncrement();
	return true;
}
