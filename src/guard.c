/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Triggers on the extension's tables: no change goes unnoticed, and no
 *	  unsound one through.
 *
 * Every statement that changes iom_unit or iom_line is bracketed by triggers
 * that tell revision.c.  The first one locks out other transactions that
 * change the hierarchy, until this one is over.  They fire in replica role
 * too.  A replication worker that applies changes row by row fires none of a
 * statement: row triggers, in replica role only, stand in for them.
 *
 * The checks are deferrable constraint triggers, immediate by default, so
 * that SET CONSTRAINTS works as for foreign keys.  They fire for each changed
 * row when all rows of the statement (or the transaction) are there, and look
 * at the state that then is:
 *
 *	 - a changed line is checked by probing the indexes: the life of its two
 *	   ends, other lines of the node, and the way up from the supervisor on
 *	   the days of the line.  That takes time in proportion to the depth;
 *	 - a unit with other days or another code than before is checked by the
 *	   lines at its code.  So is a new one that is not there on all days: it may
 *	   take the place of another in one statement, or with foreign keys deferred;
 *	 - when the probes in one state have cost about as much as reading
 *	   everything would, everything is read and checked at once
 *	   (check.c), and the rest of the rows pass without further ado, unless a
 *	   statement is still running that is none of theirs.  So a bulk load is
 *	   checked in O(n log n).
 *
 * A check sees what other transactions committed before this one got the
 * lock: it takes a new snapshot (READ COMMITTED), or taking the lock has
 * failed already (REPEATABLE READ and above).
 *
 * This file never asks for a chart, which it may be about to invalidate.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "check.h"
#include "days_text.h"
#include "org_rows.h"
#include "org_trigger.h"
#include "org_unseen.h"
#include "origin.h"
#include "revision.h"
#include "soundness.h"

PG_FUNCTION_INFO_V1(iom_guard_begin);
PG_FUNCTION_INFO_V1(iom_guard_end);
PG_FUNCTION_INFO_V1(iom_guard_replica);
PG_FUNCTION_INFO_V1(iom_guard_line);
PG_FUNCTION_INFO_V1(iom_guard_unit);

/* How many rows of a table one probe of its index is taken to cost. */
#define ROWS_PER_PROBE	4
/* A guess is good enough: rows of iom_line on a page. */
#define LINES_PER_PAGE	90

/*
 * The state (number of the last change) that the checks below are about; how
 * many probes they made in it; whether it has been checked as a whole.
 */
static uint64 checked_change = 0;
static uint64 probes_made = 0;
static bool all_checked = false;

/*
 * A check of the present state begins.  Returns whether that was checked as a
 * whole already.
 */
static bool
is_all_checked(void)
{
	if (checked_change != revision_last_change())
	{
		checked_change = revision_last_change();
		probes_made = 0;
		all_checked = false;
	}
	return all_checked && checked_change != 0;
}

/*----------
 * The calling protocol
 *----------
 */

/* The data of a trigger that both tables have. */
static TriggerData *
trigger_data(FunctionCallInfo fcinfo, const char *function)
{
	const Oid	tables[] = {org_tables()->unit, org_tables()->line};

	return org_trigger_data(fcinfo, function, lengthof(tables), tables);
}

/*
 * The version of a changed row that the trigger was fired for.
 */
static HeapTuple
changed_row(TriggerData *data)
{
	return TRIGGER_FIRED_BY_UPDATE(data->tg_event) ?
		data->tg_newtuple : data->tg_trigtuple;
}

/*
 * The same if it still is there: with deferred constraints it may have been
 * changed again, which fires the trigger again.  NULL if not.
 */
static HeapTuple
new_row(TriggerData *data)
{
	HeapTuple	tuple = changed_row(data);

	return table_tuple_satisfies_snapshot(data->tg_relation,
										  TRIGGER_FIRED_BY_UPDATE(data->tg_event) ?
										  data->tg_newslot : data->tg_trigslot,
										  SnapshotSelf) ? tuple : NULL;
}

/*
 * The command that made it.  (A row of COPY FREEZE no longer says by whom.)
 */
static CommandId
command_of(HeapTuple tuple)
{
	return HeapTupleHeaderXminFrozen(tuple->t_data) ?
		HeapTupleHeaderGetRawCommandId(tuple->t_data) :
		HeapTupleHeaderGetCmin(tuple->t_data);
}

/*----------
 * Noticing
 *----------
 */

/* before each statement */
Datum
iom_guard_begin(PG_FUNCTION_ARGS)
{
	(void) trigger_data(fcinfo, "iom_guard_begin");
	revision_begin_change();
	return PointerGetDatum(NULL);
}

/* after each statement */
Datum
iom_guard_end(PG_FUNCTION_ARGS)
{
	(void) trigger_data(fcinfo, "iom_guard_end");
	revision_end_change();
	return PointerGetDatum(NULL);
}

/* after each row, in replica role */
Datum
iom_guard_replica(PG_FUNCTION_ARGS)
{
	(void) trigger_data(fcinfo, "iom_guard_replica");
	revision_note_row();
	return PointerGetDatum(NULL);
}

/*----------
 * Refusing
 *----------
 */

/*
 * What a check works with: the state as it now is.
 */
typedef struct Check
{
	Relation	unit;
	Relation	line;
	Snapshot	snapshot;
	uint64		allowance;		/* probes until all is checked instead */
	bool		of_others;		/* about other rows than the changed one */
} Check;

/*
 * A line lies outside the life of one of its ends: what can be done depends on which
 * of the two was changed.  (Nobody takes over on infinity, which is no day of a
 * change.)  To be used in ereport.
 */
static int
hint_at_life(const Check *check, const SoundnessFault *fault)
{
	if (check->of_others)
		return errhint("End the unit's lines, or hand them over, where the unit "
					   "ends.");
	if (org_tables_may_select(origin_user()) &&
		fault->kind == SOUND_OUTSIDE_SUPERVISOR &&
		days_include(fault->life, fault->days.from) &&
		fault->life.to < DATEVAL_NOEND)
		return errhint("Give the line days within those of both units; with "
					   "iom_move(), first plan who takes over on %s (a unit "
					   "that is new begins as a root for that).",
					   day_text(fault->life.to));
	return errhint("Give the line days within those of both units.");
}

/*
 * Raise the error for a fault.  Called for the first one found; the signature
 * is that of a SoundnessReport.
 *
 * What other rows say is told only to who may read them: the privilege to change
 * rows is not that to see them.
 */
static void
refuse(void *context, const SoundnessFault *fault)
{
	const Check *check = context;
	Relation	rel = check->line;
	NodeText	node = node_text(fault->node);
	NodeText	supervisor = node_text(fault->supervisor);
	NodeText	other = node_text(fault->path_length > 0 ? fault->path[0] :
								  fault->node);
	StringInfoData chain;
	bool		may_see = org_tables_may_select(origin_user());

	if (check->of_others && !may_see)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("the change would leave lines that are not sound"),
				 errhint("Who may read iom_unit and iom_line is told which."),
				 errtableconstraint(rel, "iom_line_sound")));

	switch (fault->kind)
	{
		case SOUND_DUPLICATE_NODE:
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("unit \"%s\" exists twice", node.text)));
			break;
		case SOUND_UNKNOWN_NODE:
		case SOUND_UNKNOWN_SUPERVISOR:
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("the line from \"%s\" to \"%s\" has an unknown %s",
							node.text, supervisor.text,
							fault->kind == SOUND_UNKNOWN_NODE ?
							"node" : "supervisor"),
					 errdetail("There is no unit \"%s\".",
							   fault->kind == SOUND_UNKNOWN_NODE ?
							   node.text : supervisor.text),
					 errhint("Insert it into iom_unit first."),
					 errtableconstraint(rel, "iom_line_sound")));
			break;
		case SOUND_SELF:
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("\"%s\" cannot be its own supervisor", node.text),
					 errtableconstraint(rel, "iom_line_sound")));
			break;
		case SOUND_OUTSIDE_NODE:
		case SOUND_OUTSIDE_SUPERVISOR:
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("the line from \"%s\" to \"%s\" is valid on days "
							"on which \"%s\" is not", node.text,
							supervisor.text,
							fault->kind == SOUND_OUTSIDE_NODE ?
							node.text : supervisor.text),
					 may_see ?
					 errdetail("The line is valid on %s, the unit on %s.",
							   days_text(fault->days),
							   days_text(fault->life)) : 0,
					 hint_at_life(check, fault),
					 errtableconstraint(rel, "iom_line_sound")));
			break;
		case SOUND_SECOND_LINE:
			ereport(ERROR,
					(errcode(ERRCODE_EXCLUSION_VIOLATION),
					 errmsg("\"%s\" cannot have two solid lines on one day",
							node.text),
					 may_see ?
					 errdetail("%s would report to \"%s\" and to \"%s\".",
							   on_day(fault->days.from, "it"),
							   supervisor.text, other.text) : 0,
					 errhint("iom_move() gives it another supervisor. Or end the one "
							 "line before the other begins, or make one of them "
							 "dotted."),
					 errtableconstraint(rel, "iom_line_sound")));
			break;
		case SOUND_CYCLE:
			initStringInfo(&chain);
			appendStringInfo(&chain, "%s -> %s", node.text, supervisor.text);
			for (uint32 i = 0; i < Min(fault->path_length, SOUNDNESS_PATH); i++)
				appendStringInfo(&chain, " -> %s",
								 node_text(fault->path[i]).text);
			if (fault->path_length > SOUNDNESS_PATH)
				appendStringInfo(&chain, " -> ... (%u nodes in all)",
								 fault->path_length + 1);
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("\"%s\" cannot report to \"%s\": that would close "
							"a cycle", node.text, supervisor.text),
					 may_see ?
					 errdetail("%s would be %s.",
							   on_day(fault->days.from,
									  "the chain of command"), chain.data) : 0,
					 errhint("Move \"%s\" out of the subtree of \"%s\" first.",
							 supervisor.text, node.text),
					 errtableconstraint(rel, "iom_line_sound")));
			break;
	}
}

static void
refuse_line(Check *check, SoundnessFaultKind kind, const LineRow *line,
			Days life)
{
	SoundnessFault fault = soundness_fault(kind, line->node, line->supervisor,
										   line->valid);

	fault.life = life;
	refuse(check, &fault);
}

static void
begin_check(Check *check)
{
	org_tables_open(&check->unit, &check->line);
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	check->snapshot = GetActiveSnapshot();
	org_check_seen_by_editor(check->unit, check->line, check->snapshot);
	check->of_others = false;
	check->allowance = 1000 + (uint64) RelationGetNumberOfBlocks(check->line) *
		(LINES_PER_PAGE / ROWS_PER_PROBE);
}

static void
end_check(Check *check)
{
	PopActiveSnapshot();
	table_close(check->line, NoLock);
	table_close(check->unit, NoLock);
}

/*
 * Check the state as a whole, on behalf of a row that is as this command made it.
 */
static void
check_all(Check *check, CommandId cid)
{
	check->of_others = true;
	check_everything(check->unit, check->line, check->snapshot, refuse, NULL,
					 check);

	/* another statement would go on to change rows in this same state */
	if (revision_is_running_beside(cid))
		probes_made = 0;
	else
		all_checked = true;
}

/*----------
 * Checking one line
 *----------
 */

/*
 * A node on the way up and the days on which it is above the changed line.
 * With dated lines the way up forks; the days of the forks do not overlap.
 */
typedef struct Step
{
	IomNode		node;
	Days		days;
	size_t		below;			/* the step that led here */
} Step;

typedef struct WayUp
{
	Step	   *step;
	size_t		nsteps;
	size_t		room;
} WayUp;

static Days
life_of(const Check *check, IomNode node, bool *found)
{
	SysScanDesc probe = org_probe_unit(check->unit, node, check->snapshot);
	UnitRow		row;

	memset(&row, 0, sizeof(row));
	*found = org_probe_next_unit(probe, check->unit, &row);
	systable_endscan(probe);
	probes_made++;
	return row.valid;
}

/* The two ends must be there on all days of the line. */
static void
check_ends(Check *check, const LineRow *row)
{
	bool		found;
	Days		life;

	life = life_of(check, row->node, &found);
	if (!found)
		refuse_line(check, SOUND_UNKNOWN_NODE, row, life);
	if (!days_contain(life, row->valid))
		refuse_line(check, SOUND_OUTSIDE_NODE, row, life);
	life = life_of(check, row->supervisor, &found);
	if (!found)
		refuse_line(check, SOUND_UNKNOWN_SUPERVISOR, row, life);
	if (!days_contain(life, row->valid))
		refuse_line(check, SOUND_OUTSIDE_SUPERVISOR, row, life);
	if (row->node == row->supervisor)
		refuse_line(check, SOUND_SELF, row, life);
}

/* No other solid line of the node may be valid on one of its days. */
static void
check_second_line(Check *check, LineRow *row)
{
	SysScanDesc probe = org_probe_lines_of(check->line, row->node,
										   check->snapshot);
	LineRow		other;

	while (org_probe_next_line(probe, check->line, &other))
	{
		if (other.solid && days_overlap(other.valid, row->valid) &&
			!ItemPointerEquals(&other.tid, &row->tid))
		{
			SoundnessFault fault = soundness_fault(SOUND_SECOND_LINE,
												   row->node,
												   other.supervisor,
												   days_intersection(other.valid,
																	 row->valid));

			fault.path_length = 1;
			fault.path[0] = row->supervisor;
			refuse(check, &fault);
		}
	}
	systable_endscan(probe);
	probes_made++;
}

static void
add_step(WayUp *way, IomNode node, Days days, size_t below)
{
	OrgMemory	memory = org_memory_of(CurrentMemoryContext);
	Step	   *step;

	way->step = org_grow(&memory, way->step, way->nsteps, &way->room,
						 sizeof(Step));
	step = &way->step[way->nsteps++];
	step->node = node;
	step->days = days;
	step->below = below;
}

/*
 * The last step has come to the node where the way up began.
 */
static void
refuse_cycle(Check *check, const WayUp *way, const LineRow *row)
{
	size_t		at = way->nsteps - 1;
	size_t		length = 0;
	SoundnessFault fault = soundness_fault(SOUND_CYCLE, row->node,
										   row->supervisor,
										   way->step[at].days);

	/* step 0 is the supervisor; the path is what follows it, upwards */
	for (size_t i = at; i != 0; i = way->step[i].below)
		length++;
	fault.path_length = (uint32) length;
	for (; at != 0; at = way->step[at].below)
	{
		if (--length < SOUNDNESS_PATH)
			fault.path[length] = way->step[at].node;
	}
	refuse(check, &fault);
}

/*
 * The way up from the supervisor must not come back to the node on any day of
 * the line.  Returns false if it takes more probes than are allowed: the way
 * may be endless, if other lines of the same statement close a cycle.
 */
static bool
check_cycle(Check *check, const LineRow *row)
{
	WayUp		way = {NULL, 0, 0};

	add_step(&way, row->supervisor, row->valid, 0);
	for (size_t at = 0; at < way.nsteps; at++)
	{
		Step		from = way.step[at];
		SysScanDesc probe;
		LineRow		up;

		if (probes_made >= check->allowance)
			return false;
		CHECK_FOR_INTERRUPTS();

		probe = org_probe_lines_of(check->line, from.node, check->snapshot);
		while (org_probe_next_line(probe, check->line, &up))
		{
			if (!up.solid || !days_overlap(up.valid, from.days))
				continue;
			add_step(&way, up.supervisor,
					 days_intersection(up.valid, from.days), at);
			if (up.supervisor == row->node)
				refuse_cycle(check, &way, row);
		}
		systable_endscan(probe);
		probes_made++;
	}
	return true;
}

/* a line has been inserted or updated */
Datum
iom_guard_line(PG_FUNCTION_ARGS)
{
	TriggerData *data = org_trigger_data(fcinfo, "iom_guard_line", 1,
										 &org_tables()->line);
	HeapTuple	tuple;
	LineRow		row;
	Check		check;
	MemoryContext context;
	MemoryContext caller_context;

	if (is_all_checked())
		return PointerGetDatum(NULL);
	tuple = new_row(data);
	if (tuple == NULL)
		return PointerGetDatum(NULL);

	context = AllocSetContextCreate(CurrentMemoryContext, "iomorg line check",
									ALLOCSET_SMALL_SIZES);
	caller_context = MemoryContextSwitchTo(context);

	begin_check(&check);
	org_line_from_tuple(org_tables(), check.line, tuple, &row);
	if (probes_made < check.allowance)
	{
		check_ends(&check, &row);
		if (row.solid)
			check_second_line(&check, &row);
	}
	if (probes_made >= check.allowance ||
		(row.solid && !check_cycle(&check, &row)))
		check_all(&check, command_of(tuple));
	end_check(&check);

	MemoryContextSwitchTo(caller_context);
	MemoryContextDelete(context);
	return PointerGetDatum(NULL);
}

/*----------
 * Checking one unit
 *----------
 */

/* Lines that have the unit at one end must not lie outside its life. */
static void
check_lines(Check *check, SysScanDesc probe, const UnitRow *unit,
			SoundnessFaultKind kind)
{
	LineRow		row;

	while (org_probe_next_line(probe, check->line, &row))
	{
		CHECK_FOR_INTERRUPTS();
		if (!days_contain(unit->valid, row.valid))
			refuse_line(check, kind, &row, unit->valid);
	}
	systable_endscan(probe);
	probes_made++;
}

/*
 * A unit has other days than before, or there are such under its code: it was
 * updated, or inserted where the one that lines referred to is gone.
 *
 * With deferred constraints it may have been changed again since, and changes
 * that leave its days alone fire no trigger: checked is what has the code now.
 */
Datum
iom_guard_unit(PG_FUNCTION_ARGS)
{
	TriggerData *data = org_trigger_data(fcinfo, "iom_guard_unit", 1,
										 &org_tables()->unit);
	Check		check;
	UnitRow		row;
	HeapTuple	tuple;
	CommandId	cid = InvalidCommandId;
	bool		is_there = true;

	if (is_all_checked())
		return PointerGetDatum(NULL);
	begin_check(&check);
	org_unit_from_tuple(org_tables(), check.unit, changed_row(data), &row);
	tuple = new_row(data);
	if (tuple != NULL)
		cid = command_of(tuple);
	else
	{
		SysScanDesc probe = org_probe_unit(check.unit, row.node,
										   check.snapshot);

		/* if it is gone, a foreign key looks for lines */
		is_there = org_probe_next_unit(probe, check.unit, &row);
		systable_endscan(probe);
	}

	if (is_there && probes_made < check.allowance)
	{
		check.of_others = true;
		check_lines(&check,
					org_probe_lines_of(check.line, row.node, check.snapshot),
					&row, SOUND_OUTSIDE_NODE);
		check_lines(&check,
					org_probe_lines_to(check.line, row.node, check.snapshot),
					&row, SOUND_OUTSIDE_SUPERVISOR);
	}
	else if (is_there)
		check_all(&check, cid);
	end_check(&check);
	return PointerGetDatum(NULL);
}
