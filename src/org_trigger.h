/*-------------------------------------------------------------------------
 *
 * org_trigger.h
 *	  What the trigger functions have in common; SQL of our own.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef ORG_TRIGGER_H
#define ORG_TRIGGER_H

#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/* Whom to become again. */
typedef struct OrgRole
{
	Oid			user;
	int			security;
	int			settings;		/* since which level they are the owner's */
} OrgRole;

/*
 * Is a trigger or a rule on in the role that the session has?  Both are marked alike.
 */
static inline bool
org_is_enabled(char enabled)
{
	return enabled == TRIGGER_FIRES_ALWAYS ||
		enabled == (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ?
					TRIGGER_FIRES_ON_REPLICA : TRIGGER_FIRES_ON_ORIGIN);
}

extern TriggerData *org_trigger_data(FunctionCallInfo fcinfo,
									 const char *function,
									 int ntables, const Oid *tables);
extern EventTriggerData *org_event_trigger_data(FunctionCallInfo fcinfo,
												const char *function,
												const char *event);
extern OrgRole org_become_owner(Relation rel, bool is_ours);
extern void org_become_again(OrgRole former);
extern uint64 org_execute_as_owner(Oid relid, const char *sql, int nargs,
								   Oid *types, Datum *values,
								   const char *nulls,
								   EphemeralNamedRelation named,
								   Snapshot snapshot);
extern char *org_lock_schema_name(Oid schema);
extern const char *org_schema_name(void);
extern const char *org_qualified_name(const char *table);
extern char *org_statement(const char *statement, const char *schema);

#endif							/* ORG_TRIGGER_H */
