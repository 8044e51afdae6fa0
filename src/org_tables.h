/*-------------------------------------------------------------------------
 *
 * org_tables.h
 *	  The extension's own tables: finding and opening them.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef ORG_TABLES_H
#define ORG_TABLES_H

#include "utils/rel.h"

#include "access/genam.h"

#include "iomorg.h"

/*
 * Who wrote some rows of the catalog last: what was before, a snapshot may see that
 * does not see this.  See org_unseen.c.
 */
#define CATALOG_ROWS_MAX	16

typedef struct CatalogRows
{
	int			nothers;
	TransactionId others[CATALOG_ROWS_MAX]; /* where not all snapshots see it */
	TransactionId newest;		/* of those for which there was no room */
	TransactionId own;			/* the present transaction, if this is it, wrote
								 * some, */
	CommandId	own_command;	/* and by this command the last */
} CatalogRows;

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
	CatalogRows triggers;		/* that tell of changes */
	CatalogRows tables;			/* iom_unit and iom_line */
} OrgTables;

/* Those that are edited, in an order in which they can be emptied. */
#define ORG_EDITED_TABLES \
	{org_tables()->appointment, org_tables()->line, org_tables()->unit}

/*
 * SQL: whether a line l of iom_line that ends goes altogether, having no day in
 * the range `before`; of several that say the same from its end on, one stays.
 */
#define ORG_LINE_GOES(before) \
	"(NOT l.valid OPERATOR(pg_catalog.&&) " before \
	" OR EXISTS (SELECT FROM ~.iom_line k " \
	"WHERE k.node OPERATOR(~.=) l.node " \
	"AND k.supervisor OPERATOR(~.=) l.supervisor " \
	"AND k.relation OPERATOR(pg_catalog.=) l.relation " \
	"AND k.line OPERATOR(pg_catalog.=) l.line " \
	"AND (k.valid OPERATOR(pg_catalog.*) " before ") " \
	"OPERATOR(pg_catalog.=) (l.valid OPERATOR(pg_catalog.*) " before ") " \
	"AND k.valid OPERATOR(pg_catalog.<) l.valid))"

/* How often what is known of the tables was forgotten; and how often that or
 * what is known of anybody's privileges was. */
extern uint64 org_tables_epoch;
extern uint64 org_privileges_epoch;

extern void org_tables_initialize(void);
extern const OrgTables *org_tables(void);
extern Oid	org_tables_node_type(void);
extern Oid	org_tables_history(void);
extern AttrNumber org_column(Oid relid, const char *name, Oid type);
extern void org_tables_open(Relation *unit, Relation *line);
extern SysScanDesc org_scan_catalog(Relation catalog, Oid index,
									AttrNumber column, Oid oid,
									Snapshot snapshot);
extern bool org_tables_may_select(Oid user);
extern Oid	org_tables_who_may_select(void);
extern void org_tables_check_select(void);

#endif							/* ORG_TABLES_H */
