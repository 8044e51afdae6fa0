/*-------------------------------------------------------------------------
 *
 * org_tables.h
 *	  The extension's own tables: finding, opening and reading them.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef ORG_TABLES_H
#define ORG_TABLES_H

#include "access/genam.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

#include "iomorg.h"
#include "soundness.h"

/*
 * Where the tables and their columns are.  Good until the next invalidation
 * message, so until locks are taken or the catalog is read.
 */
typedef struct OrgTables
{
	Oid			schema;
	Oid			unit;
	Oid			unit_pkey;
	AttrNumber	unit_node;
	AttrNumber	unit_position;
	AttrNumber	unit_valid;
	AttrNumber	unit_last;		/* the greatest of them */
	Oid			line;
	Oid			line_pkey;
	Oid			line_by_supervisor;
	AttrNumber	line_node;
	AttrNumber	line_supervisor;
	AttrNumber	line_line;
	AttrNumber	line_valid;
	AttrNumber	line_last;
	Oid			appointment;	/* this and the next one may be missing */
	Oid			history;
	Oid			revision;
	AttrNumber	revision_revision;
	bool		watched;		/* the triggers that tell of changes are on */
} OrgTables;

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

/* How often what is known of the tables was forgotten; and how often that or
 * what is known of anybody's privileges was. */
extern uint64 org_tables_epoch;
extern uint64 org_privileges_epoch;

extern void org_tables_initialize(void);
extern const OrgTables *org_tables(void);
extern Oid	org_tables_history(void);
extern void org_tables_open(Relation *unit, Relation *line);
extern bool org_tables_may_select(void);
extern void org_tables_check_select(void);

extern Days org_days_of_range(Datum datum);
extern size_t org_expected_rows(Relation rel);
extern OrgScan *org_scan_units(Relation unit, Snapshot snapshot);
extern OrgScan *org_scan_lines(Relation line, Snapshot snapshot);
extern void org_scan_pass_nulls(OrgScan *scan);
extern bool org_scan_next_unit(OrgScan *scan, UnitRow *row);
extern bool org_scan_next_line(OrgScan *scan, LineRow *row);
extern void org_scan_end(OrgScan *scan);
extern void org_unit_from_slot(const OrgTables *tables, Relation unit,
							   TupleTableSlot *slot, UnitRow *row);
extern void org_line_from_slot(const OrgTables *tables, Relation line,
							   TupleTableSlot *slot, LineRow *row);

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

extern void org_line_from_tuple(Relation line, HeapTuple tuple, LineRow *row);
extern void org_unit_from_tuple(Relation unit, HeapTuple tuple, UnitRow *row);

#endif							/* ORG_TABLES_H */
