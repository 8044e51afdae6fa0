/*-------------------------------------------------------------------------
 *
 * import.h
 *	  An organisation that is being imported: the rows of a query, and what is
 *	  wrong with them.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef IMPORT_H
#define IMPORT_H

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

#include "iomorg.h"

/* The columns of the query, the required ones first. */
typedef enum ImportColumn
{
	IMPORT_CODE,
	IMPORT_NAME,
	IMPORT_SUPERVISOR,
	IMPORT_KIND,
	IMPORT_POSITION,
	IMPORT_HEAD_TITLE,
	IMPORT_MANDATE,
	IMPORT_VALID,
	IMPORT_COLUMNS
} ImportColumn;

#define IMPORT_REQUIRED		IMPORT_KIND

/* What the descriptors of the stores are made from, by a query.  (Of iom_unit, the
 * types of only these columns are sure: org_tables().) */
#define IMPORT_ROW_COLUMNS \
	"0::pg_catalog.int8 AS place, ''::pg_catalog.text AS code, node, " \
	"''::pg_catalog.text AS name, ''::pg_catalog.text AS supervisor, " \
	"node AS above, ''::pg_catalog.text AS kind, position, " \
	"''::pg_catalog.text AS head_title, ''::pg_catalog.text AS mandate, valid"
#define IMPORT_FAULT_COLUMNS \
	"0::pg_catalog.int8 AS place, ''::pg_catalog.text AS code, " \
	"''::pg_catalog.text AS problem, ''::pg_catalog.text AS detail"

typedef struct ImportStore
{
	Tuplestorestate *tuples;
	TupleDesc	desc;
} ImportStore;

typedef struct ImportRows
{
	ImportStore rows;			/* codes packed, where they are sound */
	ImportStore faults;			/* of rows by themselves, and cycles */
	bool		has[IMPORT_COLUMNS];	/* the query returns this column */
	int64		count;
} ImportRows;

extern const char *import_shown(const char *text);
extern void import_read(ImportRows *result, const char *query);

#endif							/* IMPORT_H */
