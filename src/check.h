/*-------------------------------------------------------------------------
 *
 * check.h
 *	  All faults of the hierarchy.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHECK_H
#define CHECK_H

#include "utils/rel.h"
#include "utils/snapshot.h"

#include "soundness.h"

extern void check_everything(Relation unit, Relation line, Snapshot snapshot,
							 bool pass_nulls, SoundnessReport report,
							 void *context);

#endif							/* CHECK_H */
