/*-------------------------------------------------------------------------
 *
 * history_insert.h
 *	  Adding the rows of transition tables to iom_history, by the page.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef HISTORY_INSERT_H
#define HISTORY_INSERT_H

#include "commands/trigger.h"
#include "datatype/timestamp.h"
#include "utils/rel.h"

/* What all rows that one statement adds have in common. */
typedef struct HistoryEvent
{
	TimestampTz changed_at;
	NameData	changed_by;
	NameData	acting_as;
	const char *relation;
	const char *change;
} HistoryEvent;

extern bool history_insert(Relation history, const HistoryEvent *event,
						   TriggerData *data, const char *node);

#endif							/* HISTORY_INSERT_H */
