/*-------------------------------------------------------------------------
 *
 * org_seek.h
 *	  Reading the rows of one node after another by index.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef ORG_SEEK_H
#define ORG_SEEK_H

#include "org_rows.h"

typedef enum OrgIndex
{
	UNIT_BY_NODE,
	LINE_BY_NODE,
	LINE_BY_SUPERVISOR
} OrgIndex;

typedef struct OrgSeek OrgSeek;

extern OrgSeek *org_seek_begin(Relation table, OrgIndex which,
							   Snapshot snapshot);
extern void org_seek(OrgSeek *seek, IomNode node);
extern bool org_seek_next_unit(OrgSeek *seek, UnitRow *row);
extern bool org_seek_next_line(OrgSeek *seek, LineRow *row);
extern void org_seek_end(OrgSeek *seek);

#endif							/* ORG_SEEK_H */
