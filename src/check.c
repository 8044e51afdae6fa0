/*-------------------------------------------------------------------------
 *
 * check.c
 *	  All faults of the hierarchy: for the guards, which refuse the first one,
 *	  and for iom_check, which lists those of data that came behind their back.
 *
 * All rows are read, of what a snapshot sees, and swept over the days
 * (soundness.c), which reports one fault a line and goes on.  For iom_check a
 * row with a null where there should be none is passed over; that SQL function,
 * which selects from the one here, looks for those and for whatever else can be
 * told from a row by itself.  Triggers of ours that are missing, off or others come
 * last.
 *
 * Listing takes the privileges that a chart takes.  The tables are locked while
 * they are read; all memory is the call's.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "check.h"
#include "days_text.h"
#include "org_rows.h"
#include "org_unseen.h"
#include "own_trigger.h"

PG_FUNCTION_INFO_V1(iom_check_hierarchy);

static const char *
problem_of(const SoundnessFault *fault)
{
	switch (fault->kind)
	{
		case SOUND_DUPLICATE_NODE:
			return "duplicate unit";
		case SOUND_UNKNOWN_NODE:
		case SOUND_UNKNOWN_SUPERVISOR:
			return "unknown unit";
		case SOUND_SELF:
			return "own supervisor";
		case SOUND_OUTSIDE_NODE:
		case SOUND_OUTSIDE_SUPERVISOR:
			return "line outside unit";
		case SOUND_SECOND_LINE:
			return "second solid line";
		case SOUND_CYCLE:
			return "cycle";
	}
	return NULL;				/* keep compiler quiet */
}

static const char *
detail_of(const SoundnessFault *fault)
{
	const char *node = pstrdup(node_text(fault->node).text);
	const char *supervisor = pstrdup(node_text(fault->supervisor).text);
	StringInfoData chain;

	switch (fault->kind)
	{
		case SOUND_DUPLICATE_NODE:
			return psprintf("%s is in iom_unit twice", node);
		case SOUND_UNKNOWN_NODE:
		case SOUND_UNKNOWN_SUPERVISOR:
			return psprintf("line to %s: there is no unit %s", supervisor,
							fault->kind == SOUND_UNKNOWN_NODE ? node :
							supervisor);
		case SOUND_SELF:
			return psprintf("line to %s itself", supervisor);
		case SOUND_OUTSIDE_NODE:
		case SOUND_OUTSIDE_SUPERVISOR:
			return psprintf("line to %s is valid on %s, unit %s on %s",
							supervisor, days_text(fault->days),
							fault->kind == SOUND_OUTSIDE_NODE ? node :
							supervisor, days_text(fault->life));
		case SOUND_SECOND_LINE:
			return psprintf("%s has solid lines to %s and to %s",
							on_day(fault->days.from, node), supervisor,
							node_text(fault->path[0]).text);
		case SOUND_CYCLE:
			initStringInfo(&chain);
			appendStringInfo(&chain, "%s -> %s",
							 on_day(fault->days.from, node), supervisor);
			for (uint32 i = 0; i < Min(fault->path_length, SOUNDNESS_PATH); i++)
				appendStringInfo(&chain, " -> %s",
								 node_text(fault->path[i]).text);
			if (fault->path_length > SOUNDNESS_PATH)
				appendStringInfo(&chain, " -> ... (%u nodes in all)",
								 fault->path_length + 1);
			return chain.data;
	}
	return NULL;				/* keep compiler quiet */
}

static void
put_row(ReturnSetInfo *rsinfo, IomNode node, const char *problem,
		const char *detail)
{
	Datum		values[3];
	bool		nulls[3] = {false};

	nulls[0] = node == IOM_NODE_NONE;
	values[0] = IomNodeGetDatum(node);
	values[1] = CStringGetTextDatum(problem);
	values[2] = CStringGetTextDatum(detail);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Memory for what one row takes to make. */
static MemoryContext
begin_row(void)
{
	return MemoryContextSwitchTo(AllocSetContextCreate(CurrentMemoryContext,
													   "iomorg fault",
													   ALLOCSET_SMALL_SIZES));
}

static void
end_row(MemoryContext caller)
{
	MemoryContextDelete(MemoryContextSwitchTo(caller));
}

/* A fault becomes a row; a SoundnessReport. */
static void
put_fault(void *context, const SoundnessFault *fault)
{
	MemoryContext caller = begin_row();

	put_row(context, fault->node, problem_of(fault), detail_of(fault));
	end_row(caller);
}

/* So does a line that nobody marked; an UnmarkedReport. */
static void
put_unmarked(void *context, IomNode node, IomNode supervisor)
{
	MemoryContext caller = begin_row();

	put_row(context, node, "bad value",
			psprintf("iom_line.origin is 'new' (line to %s)",
					 node_text(supervisor).text));
	end_row(caller);
}

/*
 * Read all rows that the snapshot sees of the two tables, opened with
 * org_tables_open(), and report each fault.  With an UnmarkedReport, for
 * iom_check, lines whose origin is still the default are reported to that, and
 * rows with a null where there should be none are passed over; without, they
 * are an error.
 */
void
check_everything(Relation unit, Relation line, Snapshot snapshot,
				 SoundnessReport report, UnmarkedReport unmarked,
				 void *report_context)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "iomorg soundness check",
												  ALLOCSET_DEFAULT_SIZES);
	OrgMemory	memory = org_memory_of(context);
	Soundness  *sound = soundness_begin(&memory, org_expected_rows(unit),
										org_expected_rows(line), report,
										report_context);
	OrgScan    *scan;
	UnitRow		unit_row;
	LineRow		line_row;
	AttrNumber	origin = unmarked == NULL ? InvalidAttrNumber :
		org_column(RelationGetRelid(line), "origin", TEXTOID);

	scan = org_scan_begin(unit, snapshot, unmarked != NULL);
	while (org_scan_next_unit(scan, &unit_row))
	{
		CHECK_FOR_INTERRUPTS();
		soundness_unit(sound, unit_row.node, unit_row.valid);
	}
	org_scan_end(scan);

	scan = org_scan_begin(line, snapshot, unmarked != NULL);
	while (org_scan_next_line(scan, &line_row))
	{
		CHECK_FOR_INTERRUPTS();
		soundness_line(sound, line_row.node, line_row.supervisor,
					   line_row.solid, line_row.valid);
		if (AttributeNumberIsValid(origin) &&
			org_scan_has_text(scan, origin, "new"))
			unmarked(report_context, line_row.node, line_row.supervisor);
	}
	org_scan_end(scan);

	soundness_end(sound);
	MemoryContextDelete(context);
}

/* And a trigger; an OwnTriggerReport. */
static void
put_trigger(void *context, const char *problem, const char *name, Relation rel)
{
	put_row(context, IOM_NODE_NONE, problem,
			psprintf("%s on %s", name, RelationGetRelationName(rel)));
}

/* iom_check_hierarchy(): rows of (node, problem, detail) */
Datum
iom_check_hierarchy(PG_FUNCTION_ARGS)
{
	const OrgTables *tables = org_tables();
	const Oid	relids[] = {
		tables->unit, tables->line, tables->appointment, tables->history
	};
	Relation	unit;
	Relation	line;

	org_tables_check_select();
	InitMaterializedSRF(fcinfo, 0);
	org_tables_open(&unit, &line);
	org_check_rows_seen(unit, line, GetActiveSnapshot());
	check_everything(unit, line, GetActiveSnapshot(), put_fault, put_unmarked,
					 fcinfo->resultinfo);
	table_close(line, AccessShareLock);
	table_close(unit, AccessShareLock);

	for (int i = 0; i < (int) lengthof(relids); i++)
	{
		Relation	rel;

		if (!OidIsValid(relids[i]))
			continue;
		rel = table_open(relids[i], AccessShareLock);
		own_trigger_check(rel, tables, put_trigger, fcinfo->resultinfo);
		table_close(rel, AccessShareLock);
	}
	return (Datum) 0;
}
