/*-------------------------------------------------------------------------
 *
 * chart_cache.h
 *	  The right chart for the active snapshot and a day.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHART_CACHE_H
#define CHART_CACHE_H

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/snapmgr.h"

#include "chart.h"
#include "org_tables.h"
#include "revision.h"

/*
 * A chart in the cache.  It is pinned by whoever uses it beyond one call; it
 * goes when it is neither listed nor pinned.
 */
typedef struct CachedChart
{
	Chart	   *chart;
	uint64		serial;			/* never used twice in a backend */
	HierarchyState state;
	Days		days;			/* on which it is right */
	MemoryContext context;		/* all of it, this struct included */
	bool		listed;
	int			pins;
	uint64		hits;			/* snapshots or days that found it */
	double		compile_ms;
	struct CachedChart *next;
} CachedChart;

extern void chart_cache_define_settings(void);
extern void chart_cache_forget_today(void);
extern void chart_cache_settle(uint64 own_change, uint64 revision);
extern const CachedChart *chart_cache_find(int64 day);
extern const CachedChart *chart_cache_peek(int64 day);
extern const CachedChart *chart_cache_find_today(void);
extern const CachedChart *chart_cache_first(void);
extern const CachedChart *chart_cache_pin(const CachedChart *cached,
										  MemoryContext owner);
extern OrgMemory org_memory_of(MemoryContext context);

/*
 * What chart_cache_find_today() found last, for a caller who asks again under
 * the same snapshot.
 */
typedef struct ChartToday
{
	const CachedChart *cached;	/* NULL: nothing */
	uint64		serial;			/* its */
	uint64		epoch;			/* org_privileges_epoch */
	SnapshotKey key;
	Oid			user;
	pg_tz	   *timezone;
} ChartToday;

extern ChartToday chart_today_memo;

/* Would chart_cache_find_today() find the same again? */
static inline bool
chart_today_is_known(void)
{
	return chart_today_memo.cached != NULL &&
		chart_today_memo.epoch == org_privileges_epoch &&
		ActiveSnapshotSet() &&
		snapshot_key_matches(&chart_today_memo.key, GetActiveSnapshot()) &&
		chart_today_memo.user == GetUserId() &&
		chart_today_memo.timezone == session_timezone;
}

/*
 * The chart for the active snapshot and the day that is set (or today): a few
 * comparisons where nothing changed since the last call.  Good until control
 * returns to the executor.
 */
static inline const CachedChart *
chart_today(void)
{
	return likely(chart_today_is_known()) ? chart_today_memo.cached :
		chart_cache_find_today();
}

/*
 * The chart for the day that argument n of a function, its as_of, asks for.
 */
#define CHART_FOR_ARG(n) \
	(PG_ARGISNULL(n) ? chart_today() : \
	 chart_cache_find(PG_GETARG_DATEADT(n)))

#endif							/* CHART_CACHE_H */
