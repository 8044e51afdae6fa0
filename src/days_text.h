/*-------------------------------------------------------------------------
 *
 * days_text.h
 *	  Days in messages.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef DAYS_TEXT_H
#define DAYS_TEXT_H

#include "soundness.h"

extern const char *day_text(int64 day);
extern const char *days_text(Days days);
extern const char *on_day(int64 day, const char *subject);

#endif							/* DAYS_TEXT_H */
