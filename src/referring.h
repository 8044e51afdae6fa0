/*-------------------------------------------------------------------------
 *
 * referring.h
 *	  Which of the user's tables have rows that refer to a unit?
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef REFERRING_H
#define REFERRING_H

#include "iomorg.h"

extern const char *referring_tables(IomNode node, int most, int *count);

#endif							/* REFERRING_H */
