/*-------------------------------------------------------------------------
 *
 * whole_statement.c
 *	  No statement is stopped before the triggers after it.
 *
 * They record what it did.  But a statement that returns rows, and is run with a
 * limit to their number (the count of SPI_execute, which PL/Perl, PL/Python and
 * PL/Tcl pass on), is stopped when it has returned so many, be they all that it
 * had to change: triggers for rows are fired then, those for the statement are
 * not.  So a trigger before a statement notes which ones have to come after it,
 * and a transaction in which one did not come is not committed.
 *
 * Who disables a trigger after statements (its table's owner) is taken at his
 * word: what is disabled does not have to come.
 *
 * The list lives in TopTransactionContext.  What was noted in a subtransaction is
 * forgotten when that is rolled back.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "org_trigger.h"
#include "whole_statement.h"

/* A trigger that has to come. */
typedef struct Awaited
{
	Oid			trigger;
	Oid			table;
	SubTransactionId subid;
} Awaited;

static Awaited *awaited = NULL;
static int	nawaited = 0;
static int	awaited_room = 0;

/*
 * Will a trigger be fired after the statement that the calling one was fired
 * before?  Of those with the same function.
 */
static bool
is_to_come(const Trigger *trigger, const TriggerData *data)
{
	TriggerEvent event = data->tg_event;
	int16		type = trigger->tgtype;

	/* (who knows if one of somebody's with a condition or columns is) */
	return trigger->tgfoid == data->tg_trigger->tgfoid &&
		trigger->tgqual == NULL && trigger->tgnattr == 0 &&
		TRIGGER_FOR_AFTER(type) && !TRIGGER_FOR_ROW(type) &&
		org_is_enabled(trigger->tgenabled) &&
		(TRIGGER_FIRED_BY_INSERT(event) ? TRIGGER_FOR_INSERT(type) != 0 :
		 TRIGGER_FIRED_BY_UPDATE(event) ? TRIGGER_FOR_UPDATE(type) != 0 :
		 TRIGGER_FIRED_BY_DELETE(event) ? TRIGGER_FOR_DELETE(type) != 0 :
		 TRIGGER_FOR_TRUNCATE(type) != 0);
}

/*
 * A statement begins: by a trigger before it.
 */
void
whole_statement_begin(const TriggerData *data)
{
	const TriggerDesc *triggers = data->tg_relation->trigdesc;

	for (int i = 0; i < triggers->numtriggers; i++)
	{
		if (!is_to_come(&triggers->triggers[i], data))
			continue;
		if (awaited == NULL)
		{
			awaited_room = 8;
			awaited = MemoryContextAlloc(TopTransactionContext,
										 awaited_room * sizeof(Awaited));
		}
		else if (nawaited == awaited_room)
		{
			awaited_room *= 2;
			awaited = repalloc(awaited, awaited_room * sizeof(Awaited));
		}
		awaited[nawaited++] = (Awaited) {
			triggers->triggers[i].tgoid, RelationGetRelid(data->tg_relation),
			GetCurrentSubTransactionId()
		};
	}
}

/*
 * It has ended: by a trigger after it, of the statement that began last of those
 * that it was to come after.
 */
void
whole_statement_end(const TriggerData *data)
{
	for (int i = nawaited; i-- > 0;)
	{
		if (awaited[i].trigger != data->tg_trigger->tgoid)
			continue;
		nawaited--;
		memmove(&awaited[i], &awaited[i + 1], (nawaited - i) * sizeof(Awaited));
		return;
	}
}

/* What did not come, of a table that is still there, is missing. */
static void
refuse_to_commit(void)
{
	for (int i = 0; i < nawaited; i++)
	{
		const char *table = get_rel_name(awaited[i].table);

		if (table != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
					 errmsg("a statement on table \"%s\" was stopped before its "
							"end", table),
					 errdetail("What it changed was not recorded, as where it "
							   "is run with a limit to the rows that it "
							   "returns."),
					 errhint("Run it without that limit, or without RETURNING.")));
	}
}

static void
at_transaction_end(XactEvent event, void *arg pg_attribute_unused())
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			refuse_to_commit();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			awaited = NULL;
			nawaited = 0;
			break;
		default:
			break;
	}
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId subid,
					  SubTransactionId parent pg_attribute_unused(),
					  void *arg pg_attribute_unused())
{
	/* subtransactions that began within it have greater IDs */
	if (event == SUBXACT_EVENT_ABORT_SUB)
		while (nawaited > 0 && awaited[nawaited - 1].subid >= subid)
			nawaited--;
}

/* Register the callbacks, once. */
void
whole_statement_initialize(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}
