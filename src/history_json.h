/*-------------------------------------------------------------------------
 *
 * history_json.h
 *	  A row as jsonb, as to_jsonb() makes it, but faster.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef HISTORY_JSON_H
#define HISTORY_JSON_H

#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "utils/jsonb.h"

typedef struct HistoryJson HistoryJson;

extern HistoryJson *history_json_begin(TupleDesc desc);
extern Jsonb *history_json(HistoryJson *json, TupleTableSlot *slot);

#endif							/* HISTORY_JSON_H */
