/*-------------------------------------------------------------------------
 *
 * referring.h
 *	  Which of the user's tables have rows that refer to a unit, and to which?
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef REFERRING_H
#define REFERRING_H

#include "utils/array.h"
#include "utils/rel.h"

#include "iomorg.h"

extern bool referring_by_node(Oid constraint);
extern const char *referring_tables(IomNode node, int most, int *count);
extern ArrayType *referring_none(void);
extern void referring_lock(Oid relid);
extern const char *referring_otherwise(Oid relid);
extern ArrayType *referring_column(Relation rel, const char *column);

#endif							/* REFERRING_H */
