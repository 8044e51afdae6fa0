/*-------------------------------------------------------------------------
 *
 * stand_in.h
 *	  Stand-ins for units that a dump being restored has not brought yet.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef STAND_IN_H
#define STAND_IN_H

#include "access/htup.h"
#include "utils/rel.h"

extern void stand_in_for_column(Relation rel, HeapTuple tuple,
								const char *column);
extern void stand_in_for_referred(void);
extern bool stand_in_replace(Relation rel, HeapTuple tuple);

#endif							/* STAND_IN_H */
