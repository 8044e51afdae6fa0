/*-------------------------------------------------------------------------
 *
 * org_rows.h
 *	  Reading the rows of iom_unit and iom_line.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef ORG_ROWS_H
#define ORG_ROWS_H

#include "access/genam.h"
#include "access/htup.h"
#include "utils/snapshot.h"

#include "org_tables.h"
#include "soundness.h"

/* The rows as the hierarchy sees them. */
typedef struct UnitRow
{
	IomNode		node;
	int32		position;
	Days		valid;
} UnitRow;

typedef struct LineRow
{
	IomNode		node;
	IomNode		supervisor;
	bool		solid;
	Days		valid;
	ItemPointerData tid;
} LineRow;

typedef struct OrgScan OrgScan;

extern Days org_days_of_range(Datum datum);
extern void org_unit_from_tuple(const OrgTables *tables, Relation unit,
								HeapTuple tuple, UnitRow *row);
extern void org_line_from_tuple(const OrgTables *tables, Relation line,
								HeapTuple tuple, LineRow *row);

extern size_t org_expected_rows(Relation rel);
extern OrgScan *org_scan_begin(Relation rel, Snapshot snapshot,
							   bool pass_nulls);
extern bool org_scan_next_unit(OrgScan *scan, UnitRow *row);
extern bool org_scan_next_line(OrgScan *scan, LineRow *row);
extern bool org_scan_has_text(OrgScan *scan, AttrNumber column,
							  const char *text);
extern void org_scan_end(OrgScan *scan);

extern SysScanDesc org_probe_unit(Relation unit, IomNode node,
								  Snapshot snapshot);
extern SysScanDesc org_probe_lines_of(Relation line, IomNode node,
									  Snapshot snapshot);
extern SysScanDesc org_probe_lines_to(Relation line, IomNode supervisor,
									  Snapshot snapshot);
extern bool org_probe_next_unit(SysScanDesc probe, Relation unit,
								UnitRow *row);
extern bool org_probe_next_line(SysScanDesc probe, Relation line,
								LineRow *row);

#endif							/* ORG_ROWS_H */
