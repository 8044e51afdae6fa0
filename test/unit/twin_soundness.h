/*-------------------------------------------------------------------------
 *
 * twin_soundness.h
 *	  What is wrong with a dated organisation, worked out day by day.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef TWIN_SOUNDNESS_H
#define TWIN_SOUNDNESS_H

#include "organisation.h"

typedef struct FaultList
{
	SoundnessFault *fault;
	size_t		n;
	size_t		room;
} FaultList;

#define ENOUGH_CLIMBS	32

extern void check_soundness(const Organisation *org, uint32 climbs_per_line,
							UnitMemory *scratch, FaultList *list);
extern void fault_list_begin(FaultList *list);
extern void fault_list_free(FaultList *list);

extern bool expect_soundness_like_twin(const Organisation *org);
extern bool expect_organisation_like_twins(const Organisation *org);

#endif							/* TWIN_SOUNDNESS_H */
