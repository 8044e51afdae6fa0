/*-------------------------------------------------------------------------
 *
 * chart_compile.h
 *	  From the tables to a chart: of all of them, or of what one question
 *	  needs.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHART_COMPILE_H
#define CHART_COMPILE_H

#include "chart_cache.h"

/*
 * Something that is being made: its memory, and what the rows seen so far tell
 * of the days on which the same would come of them.
 */
typedef struct ChartDraft
{
	CachedChart *cached;
	OrgMemory	keep;			/* cached->context */
	OrgMemory	scratch;
	MemoryContext scratch_context;
	int64		day;
} ChartDraft;

/*
 * A row was seen that is valid on these days.  Returns whether it is on the
 * draft's; the draft is good up to the nearest days before and after it on
 * which that changes.
 */
static inline bool
chart_draft_sees(ChartDraft *draft, Days valid)
{
	Days	   *days = &draft->cached->days;
	int64		day = draft->day;

	if (valid.from <= day)
		days->from = Max(days->from, valid.from);
	else
		days->to = Min(days->to, valid.from);
	if (valid.to <= day)
		days->from = Max(days->from, valid.to);
	else
		days->to = Min(days->to, valid.to);
	return days_include(valid, day);
}

/* chart_compile.c */
extern void chart_draft_begin(ChartDraft *draft, int64 day);
extern CachedChart *chart_draft_end(ChartDraft *draft, ChartBuild *build,
									ChartFault *fault);
extern void chart_draft_abandon(ChartDraft *draft);

#define CHART_COMPILE_DAYS	2	/* at most, at once */

extern bool chart_compile(int ndays, const int64 *day, CachedChart **compiled,
						  ChartFault *fault);
pg_noreturn extern void chart_raise_fault(const ChartFault *fault);

/* chart_probe.c */
#define PROBES_THAT_PAY		PG_UINT32_MAX

extern void chart_probe_define_setting(void);
extern CachedChart *chart_probe(int64 day, ChartScope scope,
								const HierarchyState *state,
								uint32 max_probes);
extern double chart_probe_guess_size(int64 day, ChartScope scope,
									 const HierarchyState *state);
extern bool chart_probe_spend(const HierarchyState *state, double probes);
extern bool chart_probe_compiling_pays(const HierarchyState *state);
extern uint32 chart_probe_settle_account(const HierarchyState *state);

#endif							/* CHART_COMPILE_H */
