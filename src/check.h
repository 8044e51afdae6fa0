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

/* A line that came while the triggers were disabled. */
typedef void (*UnmarkedReport) (void *context, IomNode node,
								IomNode supervisor);

extern void check_everything(Relation unit, Relation line, Snapshot snapshot,
							 SoundnessReport report, UnmarkedReport unmarked,
							 void *context);

#endif							/* CHECK_H */
