/*-------------------------------------------------------------------------
 *
 * whole_statement.h
 *	  No statement is stopped before the triggers after it.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef WHOLE_STATEMENT_H
#define WHOLE_STATEMENT_H

#include "commands/trigger.h"

extern void whole_statement_initialize(void);
extern void whole_statement_begin(const TriggerData *data);
extern void whole_statement_end(const TriggerData *data);

#endif							/* WHOLE_STATEMENT_H */
