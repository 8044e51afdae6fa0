/*-------------------------------------------------------------------------
 *
 * origin.h
 *	  Where the rows come from: the seed, a dump, or an edit.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef ORIGIN_H
#define ORIGIN_H

extern bool origin_is_restoring(void);
extern Oid	origin_user(void);
extern bool origin_accepts_dump(void);
extern bool origin_may_accept_dump(void);
extern bool origin_begin_restore(void);
extern uint64 origin_execute(Oid relid, const char *sql, int nargs, Oid *types,
							 Datum *values, const char *nulls);
extern bool origin_is_own(void);
extern void origin_set_own(void);

#endif							/* ORIGIN_H */
