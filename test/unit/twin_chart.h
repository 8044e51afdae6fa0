/*-------------------------------------------------------------------------
 *
 * twin_chart.h
 *	  What a chart ought to answer, worked out the slow way.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef TWIN_CHART_H
#define TWIN_CHART_H

#include "organisation.h"
#include "chart.h"

extern Chart *build_chart(const Organisation *org, UnitMemory *scratch,
						  UnitMemory *keep, size_t expected_units,
						  ChartFault *fault);
extern ChartFaultKind expect_chart_like_twin(const Organisation *org);

#endif							/* TWIN_CHART_H */
