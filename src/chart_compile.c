/*-------------------------------------------------------------------------
 *
 * chart_compile.c
 *	  A chart of the whole organisation from its tables.
 *
 * Two scans, one over iom_unit, one over iom_line, of what the active snapshot
 * sees.  The rows tell on their way on which days the same chart would come of
 * them.  Charts of two days are made of the same scans.
 *
 * A chart is one memory context.  It belongs to the caller's context, so that
 * an error or a cancel leaves nothing behind, until the cache takes it over.
 * The tables are locked while they are read.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "chart_compile.h"
#include "org_rows.h"
#include "org_unseen.h"

/*----------
 * Drafts
 *----------
 */

/*
 * Begin a chart of what the active snapshot sees on a day.  Everything that is
 * taken from here on is below CurrentMemoryContext.
 */
void
chart_draft_begin(ChartDraft *draft, int64 day)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "iomorg chart",
												  ALLOCSET_SMALL_SIZES);

	draft->scratch_context = AllocSetContextCreate(CurrentMemoryContext,
												   "iomorg chart build",
												   ALLOCSET_SMALL_SIZES);
	draft->keep = org_memory_of(context);
	draft->scratch = org_memory_of(draft->scratch_context);
	draft->cached = MemoryContextAllocZero(context, sizeof(CachedChart));
	draft->cached->context = context;
	draft->cached->days.from = DAYS_UNBOUNDED_FROM;
	draft->cached->days.to = DAYS_UNBOUNDED_TO;
	draft->day = day;
}

/*
 * Make the chart of what was built.  NULL, with the fault, if it is none: the
 * draft is abandoned then.
 */
CachedChart *
chart_draft_end(ChartDraft *draft, ChartBuild *build, ChartFault *fault)
{
	draft->cached->chart = chart_build_end(build, fault);
	if (draft->cached->chart == NULL)
	{
		chart_draft_abandon(draft);
		return NULL;
	}
	MemoryContextDelete(draft->scratch_context);
	return draft->cached;
}

void
chart_draft_abandon(ChartDraft *draft)
{
	MemoryContextDelete(draft->scratch_context);
	MemoryContextDelete(draft->cached->context);
}

/*----------
 * All of it
 *----------
 */

static const char *
fault_chain(const ChartFault *fault)
{
	StringInfoData chain;

	initStringInfo(&chain);
	for (uint32 i = 0; i < fault->nnodes; i++)
		appendStringInfo(&chain, "%s -> ", node_text(fault->nodes[i]).text);
	if (fault->length > fault->nnodes)
		appendStringInfo(&chain, "... (%u nodes in all)", fault->length);
	else
		appendStringInfoString(&chain, node_text(fault->nodes[0]).text);
	return chain.data;
}

/*
 * Raise the error: the rows make no chart.  They came behind the guards' back,
 * or constraints are deferred.
 */
void
chart_raise_fault(const ChartFault *fault)
{
	const char *detail = NULL;

	switch (fault->kind)
	{
		case CHART_SOUND:
			elog(ERROR, "a sound chart has no fault to raise");
			break;
		case CHART_TOO_LARGE:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the organisation has more than %u nodes",
							CHART_MAX_NODES)));
			break;
		case CHART_DUPLICATE_NODE:
			detail = psprintf("Node \"%s\" is in iom_unit twice.",
							  node_text(fault->nodes[0]).text);
			break;
		case CHART_UNKNOWN_NODE:
			detail = psprintf("The line from \"%s\" to \"%s\" is valid, but "
							  "unit \"%s\" is not there.",
							  node_text(fault->nodes[0]).text,
							  node_text(fault->nodes[1]).text,
							  node_text(fault->nodes[0]).text);
			break;
		case CHART_UNKNOWN_SUPERVISOR:
			detail = psprintf("The line from \"%s\" to \"%s\" is valid, but "
							  "unit \"%s\" is not there.",
							  node_text(fault->nodes[0]).text,
							  node_text(fault->nodes[1]).text,
							  node_text(fault->nodes[1]).text);
			break;
		case CHART_SECOND_LINE:
			detail = psprintf("\"%s\" has two solid lines, to \"%s\" and to "
							  "\"%s\".", node_text(fault->nodes[0]).text,
							  node_text(fault->nodes[1]).text,
							  node_text(fault->nodes[2]).text);
			break;
		case CHART_CYCLE:
			detail = psprintf("There is a cycle: %s.", fault_chain(fault));
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
			 errmsg("the rows of iom_unit and iom_line make no hierarchy"),
			 errdetail_internal("%s", detail),
			 errhint("Correct the lines of these nodes in iom_line.")));
}

/*
 * Compile charts of all nodes on one day, or on a few at once, from what the
 * active snapshot sees.  A day on which the chart of the first one is right gets
 * NULL.  False, and what is wrong, if on one of them the rows make no hierarchy.
 */
bool
chart_compile(int ndays, const int64 *day, CachedChart **compiled,
			  ChartFault *fault)
{
	Snapshot	snapshot = GetActiveSnapshot();
	ChartDraft	draft[CHART_COMPILE_DAYS];
	ChartBuild *build[CHART_COMPILE_DAYS];
	Relation	unit;
	Relation	line;
	OrgScan    *scan;
	UnitRow		unit_row;
	LineRow		line_row;
	instr_time	start;
	instr_time	duration;

	Assert(ndays >= 1 && ndays <= CHART_COMPILE_DAYS);
	INSTR_TIME_SET_CURRENT(start);
	org_tables_open(&unit, &line);
	org_check_rows_seen(unit, line, snapshot);
	for (int i = 0; i < ndays; i++)
	{
		chart_draft_begin(&draft[i], day[i]);
		build[i] = chart_build_begin(&draft[i].scratch, &draft[i].keep,
									 org_expected_rows(unit));
	}

	scan = org_scan_begin(unit, snapshot, false);
	while (org_scan_next_unit(scan, &unit_row))
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < ndays; i++)
			if (chart_draft_sees(&draft[i], unit_row.valid))
				chart_build_unit(build[i], unit_row.node, unit_row.position);
	}
	org_scan_end(scan);

	scan = org_scan_begin(line, snapshot, false);
	while (org_scan_next_line(scan, &line_row))
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; line_row.solid && i < ndays; i++)
			if (chart_draft_sees(&draft[i], line_row.valid))
				chart_build_line(build[i], line_row.node, line_row.supervisor);
	}
	org_scan_end(scan);

	table_close(line, AccessShareLock);
	table_close(unit, AccessShareLock);

	for (int i = 0; i < ndays; i++)
	{
		compiled[i] = NULL;
		if (i > 0 && days_include(compiled[0]->days, day[i]))
		{
			chart_draft_abandon(&draft[i]);
			continue;
		}
		compiled[i] = chart_draft_end(&draft[i], build[i], fault);
		if (compiled[i] == NULL)
		{
			while (++i < ndays)
				chart_draft_abandon(&draft[i]);
			return false;
		}
		compiled[i]->scope = scope_all();
	}

	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, start);
	for (int i = 0; i < ndays; i++)
		if (compiled[i] != NULL)
			compiled[i]->compile_ms = INSTR_TIME_GET_MILLISEC(duration);
	return true;
}
