/*-------------------------------------------------------------------------
 *
 * org_unseen.h
 *	  What a snapshot does not see, and iom_revision does not tell.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef ORG_UNSEEN_H
#define ORG_UNSEEN_H

#include "utils/rel.h"
#include "utils/snapshot.h"

#include "org_tables.h"

extern void catalog_rows_note(CatalogRows *rows, HeapTuple tuple,
							  TransactionId all_see);
extern void catalog_rows_note_parents(CatalogRows *rows, Oid relid,
									  TransactionId all_see);
extern bool org_sees_triggers(Snapshot snapshot);
extern void org_check_rows_seen(Relation unit, Relation line,
								Snapshot snapshot);
extern void org_check_seen_by_editor(Relation unit, Relation line,
									 Snapshot snapshot);

#endif							/* ORG_UNSEEN_H */
