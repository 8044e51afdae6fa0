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
#include "soundness.h"

/*
 * What a question needs of the hierarchy.  A chart that has just that answers
 * it like the chart of everything.
 */
typedef enum ScopeKind
{
	SCOPE_ALL,
	SCOPE_ABOVE,				/* two nodes and their supervisors */
	SCOPE_WITHIN,				/* a node and its subtree, in any order */
	SCOPE_BELOW,				/* the same in chart order */
	SCOPE_BESIDE				/* a node's supervisor and that one's reports */
} ScopeKind;

typedef struct ChartScope
{
	ScopeKind	kind;
	uint32		depth;			/* so many levels above or below */
	IomNode		node;
	IomNode		other;			/* the second node, or IOM_NODE_NONE */
} ChartScope;

static inline ChartScope
chart_scope(ScopeKind kind, uint32 depth, IomNode node, IomNode other)
{
	ChartScope	scope;

	scope.kind = kind;
	scope.depth = depth;
	scope.node = node;
	scope.other = other;
	return scope;
}

#define ALL_LEVELS	PG_UINT32_MAX

static inline ChartScope
scope_all(void)
{
	return chart_scope(SCOPE_ALL, ALL_LEVELS, IOM_NODE_NONE, IOM_NODE_NONE);
}

static inline ChartScope
scope_above(IomNode node, uint32 depth)
{
	return chart_scope(SCOPE_ABOVE, depth, node, IOM_NODE_NONE);
}

static inline ChartScope
scope_above_both(IomNode node, IomNode other)
{
	return chart_scope(SCOPE_ABOVE, ALL_LEVELS, node, other);
}

static inline ChartScope
scope_within(IomNode node, uint32 depth)
{
	return chart_scope(SCOPE_WITHIN, depth, node, IOM_NODE_NONE);
}

static inline bool
scope_equal(const ChartScope *a, const ChartScope *b)
{
	return a->kind == b->kind && a->depth == b->depth && a->node == b->node &&
		a->other == b->other;
}

/* Does a chart of the outer scope answer what needs the inner one? */
static inline bool
scope_includes(const ChartScope *outer, const ChartScope *inner)
{
	return outer->kind == SCOPE_ALL ||
		((outer->kind == inner->kind ||
		  (outer->kind == SCOPE_BELOW && inner->kind == SCOPE_WITHIN)) &&
		 outer->node == inner->node && outer->other == inner->other &&
		 outer->depth >= inner->depth);
}

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
	ChartScope	scope;			/* what it has */
	MemoryContext context;		/* all of it, this struct included */
	bool		listed;
	int			pins;
	uint64		hits;			/* snapshots or days that found it; of an
								 * answer, rows too */
	double		compile_ms;
	struct CachedChart *next;
} CachedChart;

extern void chart_cache_define_settings(void);
extern void chart_cache_forget_today(void);
extern void chart_cache_settle(uint64 own_change, uint64 revision);
extern const CachedChart *chart_cache_find(int64 day, ChartScope scope);
extern const CachedChart *chart_cache_peek(int64 day, ChartScope scope,
										   uint32 max_probes);
extern bool chart_cache_pays(int64 day, double probes);
extern double chart_cache_guess_size(int64 day, ChartScope scope);
extern void chart_cache_find_two(const int64 *day, MemoryContext owner,
								 const CachedChart **found);
extern const CachedChart *chart_cache_find_today(ChartScope scope);
extern const CachedChart *chart_cache_find_answer_today(ChartScope scope);
extern const CachedChart *chart_cache_first(void);
extern const CachedChart *chart_cache_pin(const CachedChart *cached,
										  MemoryContext owner);

/*
 * The whole chart that chart_cache_find_today() found last, for a caller who
 * asks again under the same snapshot.
 */
typedef struct ChartToday
{
	const CachedChart *cached;	/* NULL: nothing */
	uint64		serial;			/* its */
	uint64		epoch;			/* org_privileges_epoch */
	SnapshotKey key;
	Oid			user;			/* InvalidOid: whoever asks */
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
		(chart_today_memo.user == InvalidOid ||
		 chart_today_memo.user == GetUserId()) &&
		chart_today_memo.timezone == session_timezone;
}

/*
 * A chart for the active snapshot and the day that is set (or today) that has
 * what is asked for: a few comparisons where nothing changed since the last
 * call.  Good until control returns to the executor or the planner.
 */
static inline const CachedChart *
chart_today(ChartScope scope)
{
	return likely(chart_today_is_known()) ? chart_today_memo.cached :
		chart_cache_find_today(scope);
}

/*
 * The same for the day that argument n of a function, its as_of, asks for.
 */
#define CHART_FOR_ARG(n, scope) \
	(PG_ARGISNULL(n) ? chart_today(scope) : \
	 chart_cache_find(PG_GETARG_DATEADT(n), scope))

#endif							/* CHART_CACHE_H */
