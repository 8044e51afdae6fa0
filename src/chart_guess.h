/*-------------------------------------------------------------------------
 *
 * chart_guess.h
 *	  How many nodes a subtree has, roughly, of which there is no chart.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHART_GUESS_H
#define CHART_GUESS_H

#include "utils/rel.h"
#include "utils/snapshot.h"

#include "chart_cache.h"

extern double chart_guess_size(Relation unit, Relation line, Snapshot snapshot,
							   const HierarchyState *state, int64 day,
							   ChartScope scope, uint32 *probes);

#endif							/* CHART_GUESS_H */
