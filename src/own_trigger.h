/*-------------------------------------------------------------------------
 *
 * own_trigger.h
 *	  The triggers that the extension makes.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef OWN_TRIGGER_H
#define OWN_TRIGGER_H

#include "commands/trigger.h"

#include "org_tables.h"

/* Those that tell of changes: their names. */
#define BEGIN_TRIGGER	"_iom_begin"
#define END_TRIGGER		"_iom_end"
#define REPLICA_TRIGGER	"_iom_replica_row"

/* What is wrong with a trigger of that name on a table. */
typedef void (*OwnTriggerReport) (void *context, const char *problem,
								  const char *name, Relation rel);

extern bool own_trigger_is_watcher(const char *name);
extern bool own_trigger_is(const Trigger *trigger, const char *function);
extern bool own_trigger_is_whole(const Trigger *trigger, Oid relid,
								 const OrgTables *tables);
extern void own_trigger_check(Relation rel, const OrgTables *tables,
							  OwnTriggerReport report, void *context);

#endif							/* OWN_TRIGGER_H */
