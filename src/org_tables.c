/*-------------------------------------------------------------------------
 *
 * org_tables.c
 *	  The extension's own tables: finding and opening them.
 *
 * The tables are those that belong to extension iomorg, by name, wherever it
 * was put: the caller's search_path plays no part.  What is known of them
 * (OIDs, column numbers) is looked up once and forgotten when the server tells
 * that one of them was altered; org_tables_epoch counts that, and whoever
 * derived something from the tables compares it.
 *
 * Columns are found by name and must have their type: a table that somebody
 * altered gives an error here and not a crash elsewhere.
 *
 * Reading (org_rows.c) goes past the executor.  Whoever reads for a user has
 * checked that user's privileges with org_tables_check_select().
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "org_tables.h"
#include "org_unseen.h"
#include "own_trigger.h"

#define EXTENSION_NAME	"iomorg"

uint64		org_tables_epoch = 1;
uint64		org_privileges_epoch = 1;

/* Known as of known_epoch. */
static OrgTables known;
static uint64 known_epoch = 0;

/* For whom SELECT was checked last, and as of which org_privileges_epoch. */
static Oid	checked_user = ACL_ID_PUBLIC;
static uint64 checked_epoch = 0;

/*----------
 * Forgetting
 *----------
 */

static void
relation_changed(Datum argument pg_attribute_unused(), Oid relid)
{
	/* while nothing is known, it may be about a table just being looked up */
	if (known_epoch != org_tables_epoch ||
		relid == InvalidOid || relid == known.unit || relid == known.line ||
		relid == known.appointment || relid == known.history ||
		relid == known.revision)
	{
		org_tables_epoch++;
		org_privileges_epoch++;
	}
}

/* Role memberships and attributes decide about privileges. */
static void
roles_changed(Datum argument pg_attribute_unused(),
			  int cacheid pg_attribute_unused(),
			  uint32 hashvalue pg_attribute_unused())
{
	org_privileges_epoch++;
}

/*
 * Ask to be told; called once, by _PG_init().
 */
void
org_tables_initialize(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, roles_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, roles_changed, (Datum) 0);
	/* (pg_database_owner has a member by the catalog of databases) */
	CacheRegisterSyscacheCallback(DATABASEOID, roles_changed, (Datum) 0);
}

/*----------
 * Finding
 *----------
 */

/*
 * Scan those rows of a catalog that have this OID in a column, by an index that begins
 * with it; as the snapshot sees them, or as they are now (NULL).
 */
SysScanDesc
org_scan_catalog(Relation catalog, Oid index, AttrNumber column, Oid oid,
				 Snapshot snapshot)
{
	ScanKeyData key;

	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(oid));
	return systable_beginscan(catalog, index, true, snapshot, 1, &key);
}

/* The schema of the extension. */
static Oid
extension_schema(Oid extension)
{
	Relation	catalog = table_open(ExtensionRelationId, AccessShareLock);
	SysScanDesc scan = org_scan_catalog(catalog, ExtensionOidIndexId,
										Anum_pg_extension_oid, extension,
										NULL);
	HeapTuple	tuple = systable_getnext(scan);
	Oid			schema = InvalidOid;

	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return schema;
}

static void
require_table(Oid relid, const char *name)
{
	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"%s\" of extension \"%s\" is missing",
						name, EXTENSION_NAME),
				 errdetail("It was renamed, moved or taken out of the "
						   "extension, or something else has its name."),
				 errhint("Give it its name and schema back; ALTER EXTENSION "
						 EXTENSION_NAME " ADD TABLE returns it to the "
						 "extension.")));
}

/*
 * A table of the extension; InvalidOid if it is missing, or is no table with rows of
 * its own in the heap: whoever owns it may put something else in its place.
 */
static Oid
look_for_table(Oid extension, Oid schema, const char *name)
{
	Oid			relid = get_relname_relid(name, schema);
	HeapTuple	tuple;
	bool		is_heap = false;

	if (!OidIsValid(relid) ||
		getExtensionOfObject(RelationRelationId, relid) != extension)
		return InvalidOid;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		is_heap = form->relkind == RELKIND_RELATION &&
			form->relam == HEAP_TABLE_AM_OID;
		ReleaseSysCache(tuple);
	}
	return is_heap ? relid : InvalidOid;
}

static Oid
find_table(Oid extension, Oid schema, const char *name)
{
	Oid			relid = look_for_table(extension, schema, name);

	require_table(relid, name);
	return relid;
}

/*
 * A column of a table; InvalidAttrNumber if it has none of this name and type.
 */
AttrNumber
org_column(Oid relid, const char *name, Oid type)
{
	HeapTuple	tuple = SearchSysCacheAttName(relid, name);
	AttrNumber	column = InvalidAttrNumber;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(tuple);

		if (form->atttypid == type)
			column = form->attnum;
		ReleaseSysCache(tuple);
	}
	return column;
}

static AttrNumber
find_column(Oid relid, const char *name, Oid type)
{
	AttrNumber	column = org_column(relid, name, type);

	if (!AttributeNumberIsValid(column))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" is missing or not of "
						"type %s", name, get_rel_name(relid),
						format_type_be(type)),
				 errhint("The columns that extension " EXTENSION_NAME " made "
						 "must keep their names and types.")));
	return column;
}

/* In replica role too: ENABLE TRIGGER ALL is not enough for that. */
static bool
is_on(const Trigger *trigger)
{
	return trigger->tgenabled == TRIGGER_FIRES_ALWAYS ||
		(trigger->tgenabled == TRIGGER_FIRES_ON_REPLICA &&
		 strcmp(trigger->tgname, REPLICA_TRIGGER) == 0);
}

/*
 * Are the triggers on that tell of changes to this table?  Who wrote them last is
 * noted, and who had the table inherit.
 */
static bool
is_watched(Relation rel, OrgTables *tables, TransactionId all_see)
{
	Relation	catalog;
	SysScanDesc scan;
	HeapTuple	tuple;
	TriggerDesc *own;			/* copied: others may change the table's */
	int			on = 0;

	/* changes by way of a parent fire the parent's triggers */
	if (rel->rd_rel->relispartition || has_superclass(RelationGetRelid(rel)))
		return false;

	catalog_rows_note_parents(&tables->triggers, RelationGetRelid(rel), all_see);
	catalog = table_open(TriggerRelationId, AccessShareLock);
	scan = org_scan_catalog(catalog, TriggerRelidNameIndexId,
							Anum_pg_trigger_tgrelid, RelationGetRelid(rel),
							NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (own_trigger_is_watcher(NameStr(((Form_pg_trigger) GETSTRUCT(tuple))->tgname)))
			catalog_rows_note(&tables->triggers, tuple, all_see);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);

	own = CopyTriggerDesc(rel->trigdesc);
	for (int i = 0; own && i < own->numtriggers; i++)
	{
		const Trigger *trigger = &own->triggers[i];

		on += own_trigger_is_watcher(trigger->tgname) && is_on(trigger) &&
			own_trigger_is_whole(trigger, RelationGetRelid(rel), tables);
	}
	FreeTriggerDesc(own);
	return on == 3;
}

/* Who wrote a table's row of pg_class last: VACUUM and ANALYZE leave no trace. */
static void
note_table(Oid relid, CatalogRows *tables, TransactionId all_see)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));

	if (HeapTupleIsValid(tuple))
	{
		catalog_rows_note(tables, tuple, all_see);
		ReleaseSysCache(tuple);
	}
}

/*
 * An index that begins with the column; InvalidOid makes probes read the heap.
 * (What a partial one's condition says is not computed: it may call its owner's
 * functions.)
 */
static Oid
find_index(Relation rel, AttrNumber column)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *cell;
	Oid			found = InvalidOid;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (!OidIsValid(found) && index->rd_index->indisvalid &&
			index->rd_rel->relam == BTREE_AM_OID &&
			index->rd_index->indkey.values[0] == column &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
			found = RelationGetRelid(index);
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return found;
}

/*
 * Where the tables are.  Raises an error where they are not what the
 * extension made.
 */
const OrgTables *
org_tables(void)
{
	uint64		epoch;
	Oid			extension;
	Oid			node_type;
	OrgTables	found;
	Relation	rel;
	TransactionId all_see;

	if (likely(known_epoch == org_tables_epoch))
		return &known;

	extension = get_extension_oid(EXTENSION_NAME, false);
	memset(&found, 0, sizeof(found));
	epoch = org_tables_epoch;
	found.schema = extension_schema(extension);
	node_type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
								CStringGetDatum("iom_node"),
								ObjectIdGetDatum(found.schema));

	found.unit = find_table(extension, found.schema, "iom_unit");
	found.unit_node = find_column(found.unit, "node", node_type);
	found.unit_position = find_column(found.unit, "position", INT4OID);
	found.unit_valid = find_column(found.unit, "valid", DATERANGEOID);
	found.unit_last = Max(found.unit_node,
						  Max(found.unit_position, found.unit_valid));

	found.line = find_table(extension, found.schema, "iom_line");
	found.line_node = find_column(found.line, "node", node_type);
	found.line_supervisor = find_column(found.line, "supervisor", node_type);
	found.line_line = find_column(found.line, "line", TEXTOID);
	found.line_valid = find_column(found.line, "valid", DATERANGEOID);
	found.line_last = Max(Max(found.line_node, found.line_supervisor),
						  Max(found.line_line, found.line_valid));

	/* nothing that is asked of the hierarchy depends on these */
	found.appointment = look_for_table(extension, found.schema,
									   "iom_appointment");
	found.history = look_for_table(extension, found.schema, "iom_history");

	found.revision = find_table(extension, found.schema, "iom_revision");
	found.revision_revision = find_column(found.revision, "revision",
										  XID8OID);

	all_see = GetOldestNonRemovableTransactionId(NULL);
	rel = table_open(found.unit, AccessShareLock);
	found.unit_pkey = find_index(rel, found.unit_node);
	found.watched = is_watched(rel, &found, all_see);
	table_close(rel, AccessShareLock);
	rel = table_open(found.line, AccessShareLock);
	found.line_pkey = find_index(rel, found.line_node);
	found.line_by_supervisor = find_index(rel, found.line_supervisor);
	found.watched &= is_watched(rel, &found, all_see);
	table_close(rel, AccessShareLock);
	note_table(found.unit, &found.tables, all_see);
	note_table(found.line, &found.tables, all_see);

	/* if a message arrived meanwhile, this serves the present caller only */
	known = found;
	known_epoch = epoch;
	return &known;
}

/*
 * The type iom_node, as the tables have it.
 */
Oid
org_tables_node_type(void)
{
	const OrgTables *tables = org_tables();

	return get_atttype(tables->unit, tables->unit_node);
}

/*
 * The table iom_history; raises an error if it is missing.  (Its absence keeps
 * nobody from asking, only from changing.)
 */
Oid
org_tables_history(void)
{
	Oid			relid = org_tables()->history;

	require_table(relid, "iom_history");
	return relid;
}

/*
 * Open both tables for reading; what org_tables() then says describes them.
 */
void
org_tables_open(Relation *unit, Relation *line)
{
	for (;;)
	{
		*unit = table_open(org_tables()->unit, AccessShareLock);
		*line = table_open(org_tables()->line, AccessShareLock);

		/* with the locks held nothing can change any more */
		if (org_tables()->unit == RelationGetRelid(*unit) &&
			org_tables()->line == RelationGetRelid(*line))
			return;
		table_close(*line, AccessShareLock);
		table_close(*unit, AccessShareLock);
	}
}

static bool
has_row_security(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		has = true;

	if (HeapTupleIsValid(tuple))
	{
		has = ((Form_pg_class) GETSTRUCT(tuple))->relrowsecurity;
		ReleaseSysCache(tuple);
	}
	return has;
}

/*
 * Why a user, or everybody (ACL_ID_PUBLIC), may not see the hierarchy:
 * the table, or InvalidOid.
 */
static Oid
refused_table(Oid user)
{
	const OrgTables *tables = org_tables();
	Oid			relids[] = {tables->unit, tables->line};

	for (int i = 0; i < (int) lengthof(relids); i++)
	{
		if (pg_class_aclcheck(relids[i], user, ACL_SELECT) != ACLCHECK_OK)
			return relids[i];
		if (user == ACL_ID_PUBLIC ? has_row_security(relids[i]) :
			check_enable_rls(relids[i], user, true) == RLS_ENABLED)
			return relids[i];
	}
	return InvalidOid;
}

/*
 * May a user see the hierarchy?
 */
bool
org_tables_may_select(Oid user)
{
	uint64		epoch;

	(void) org_tables();
	epoch = org_privileges_epoch;
	if (checked_epoch == epoch &&
		(checked_user == ACL_ID_PUBLIC || checked_user == user))
		return true;

	if (!OidIsValid(refused_table(ACL_ID_PUBLIC)))
		user = ACL_ID_PUBLIC;
	else if (OidIsValid(refused_table(user)))
		return false;

	/* an owner's own foreign key checks pass FORCE ROW LEVEL SECURITY */
	if (InNoForceRLSOperation())
		return true;
	checked_user = user;
	checked_epoch = epoch;
	return true;
}

/*
 * For whom that was found last: InvalidOid if for everybody, so that it does not
 * matter who asks, or else the current user.
 */
Oid
org_tables_who_may_select(void)
{
	return checked_epoch == org_privileges_epoch &&
		checked_user == ACL_ID_PUBLIC ? InvalidOid : GetUserId();
}

/*
 * May the current user, or else an error that depends on the user alone, never
 * on arguments.
 */
void
org_tables_check_select(void)
{
	Oid			user = GetUserId();
	Oid			relid;

	if (org_tables_may_select(user))
		return;
	relid = refused_table(user);
	if (pg_class_aclcheck(relid, user, ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(relid));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("row-level security on table \"%s\" restricts role \"%s\"",
					get_rel_name(relid), GetUserNameFromId(user, false)),
			 errdetail("The functions and operators of the hierarchy answer "
					   "from all rows of the table.")));
}
