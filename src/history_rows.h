/*-------------------------------------------------------------------------
 *
 * history_rows.h
 *	  What a statement did to each row, as jsonb.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef HISTORY_ROWS_H
#define HISTORY_ROWS_H

#include "commands/trigger.h"
#include "utils/jsonb.h"

typedef struct HistoryRows HistoryRows;

/* Of one row; NULL for what there was not, or is not any more. */
typedef struct HistoryRow
{
	Datum		node;
	bool		node_is_null;
	Jsonb	   *before;
	Jsonb	   *after;
} HistoryRow;

extern HistoryRows *history_rows_begin(TriggerData *data, const char *node);
extern bool history_rows_next(HistoryRows *rows);
extern void history_rows_get(HistoryRows *rows, HistoryRow *row);
extern void history_rows_end(HistoryRows *rows);

#endif							/* HISTORY_ROWS_H */
