/*-------------------------------------------------------------------------
 *
 * set_rows.h
 *	  What the planner may know of the rows of set functions: how many, and
 *	  which nodes.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef SET_ROWS_H
#define SET_ROWS_H

extern void set_rows_initialize(void);

#endif							/* SET_ROWS_H */
