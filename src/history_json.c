/*-------------------------------------------------------------------------
 *
 * history_json.c
 *	  A row as jsonb, as to_jsonb() makes it, but faster.
 *
 * to_jsonb() asks the catalogs about every column of every row, and sorts the
 * keys of each.  Here that is done once for all rows of a statement.  The
 * columns that the extension made are of few types, each with one way to be
 * written; a table that was given a column of any other type, or whose codes
 * were given a cast to json, is left to to_jsonb() itself.
 *
 * Invariant: for the same settings, the result is the same as to_jsonb()'s,
 * byte for byte, but for columns that are computed where they are read (VIRTUAL,
 * from PostgreSQL 18 on): the rows of triggers have a null there, which would be
 * a lie, and are written without them.
 *
 * A HistoryJson lives in the memory context in which it was begun; what
 * history_json() returns is in the current one, and may be left to be reset
 * with it.  It takes no locks.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "history_json.h"
#include "iomorg.h"
#include "org_tables.h"
#include "org_trigger.h"

struct HistoryJson
{
	JsonbValue	object;			/* with pairs in jsonb's order of keys */
	AttrNumber *column;			/* of each pair */
	Oid		   *type;			/* ... and its type */
	Oid			node_type;
	FmgrInfo	range_out;
	bool		as_written;		/* by to_jsonb() */
	List	   *virtual;		/* names of columns that are left out */
	FmgrInfo	to_jsonb;
};

/* jsonb's order: short keys before long ones. */
static int
compare_keys(const void *a, const void *b, void *desc)
{
	const char *key_a = NameStr(TupleDescAttr((TupleDesc) desc,
											  *(const AttrNumber *) a - 1)->attname);
	const char *key_b = NameStr(TupleDescAttr((TupleDesc) desc,
											  *(const AttrNumber *) b - 1)->attname);
	size_t		length_a = strlen(key_a);
	size_t		length_b = strlen(key_b);

	if (length_a != length_b)
		return length_a > length_b ? 1 : -1;
	return memcmp(key_a, key_b, length_a);
}

/* Can scalar() write this type?  The codes' own has no cast to json. */
static bool
is_known(Oid type, Oid node_type)
{
	return type == TEXTOID || type == INT4OID || type == DATERANGEOID ||
		(type == node_type &&
		 !SearchSysCacheExists2(CASTSOURCETARGET, ObjectIdGetDatum(type),
								ObjectIdGetDatum(JSONOID)));
}

/*
 * The server's to_jsonb() for rows of any kind: a transition table has no row
 * type.
 */
static void
find_to_jsonb(FmgrInfo *to_jsonb)
{
	Node	   *row = (Node *) makeNullConst(RECORDOID, -1, InvalidOid);

	fmgr_info(F_TO_JSONB, to_jsonb);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID,
											 list_make1(row), InvalidOid,
											 InvalidOid,
											 COERCE_EXPLICIT_CALL),
					   to_jsonb);
}

/*
 * Get ready for rows of this description, which must live as long.
 */
HistoryJson *
history_json_begin(TupleDesc desc)
{
	HistoryJson *json = palloc0(sizeof(HistoryJson));
	int			npairs = 0;

	json->node_type = org_tables_node_type();
	json->column = palloc(desc->natts * sizeof(AttrNumber));
	for (int column = 1; column <= desc->natts; column++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, column - 1);

		if (att->attisdropped)
			continue;
		if (iom_is_virtual(att))
		{
			json->virtual = lappend(json->virtual, NameStr(att->attname));
			continue;
		}
		json->column[npairs++] = att->attnum;
		json->as_written |= !is_known(att->atttypid, json->node_type);
	}

	if (json->as_written)
	{
		find_to_jsonb(&json->to_jsonb);
		return json;
	}

	fmgr_info(F_RANGE_OUT, &json->range_out);
	qsort_arg(json->column, npairs, sizeof(AttrNumber), compare_keys, desc);
	json->type = palloc(npairs * sizeof(Oid));
	json->object.type = jbvObject;
	json->object.val.object.nPairs = npairs;
	json->object.val.object.pairs = palloc0(npairs * sizeof(JsonbPair));
	for (int i = 0; i < npairs; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, json->column[i] - 1);
		JsonbValue *key = &json->object.val.object.pairs[i].key;

		json->type[i] = att->atttypid;
		key->type = jbvString;
		key->val.string.val = NameStr(att->attname);
		key->val.string.len = strlen(NameStr(att->attname));
	}
	return json;
}

static void
string(JsonbValue *value, char *text, int length)
{
	value->type = jbvString;
	value->val.string.val = text;
	value->val.string.len = length;
}

/* What is not null, of one of the types that is_known() knows. */
static void
scalar(HistoryJson *json, Oid type, Datum datum, JsonbValue *value)
{
	struct varlena *text;
	char	   *out;

	if (type == TEXTOID)
	{
		text = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(datum));
		string(value, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));
	}
	else if (type == INT4OID)
	{
		value->type = jbvNumeric;
		value->val.numeric = DatumGetNumeric(DirectFunctionCall1(int4_numeric,
																 datum));
	}
	else if (type == json->node_type)
	{
		out = palloc(NODE_CODE_BUFLEN);
		string(value, out, node_code_unpack(DatumGetIomNode(datum), out));
	}
	else
	{
		Assert(type == DATERANGEOID);
		out = OutputFunctionCall(&json->range_out, datum);
		string(value, out, strlen(out));
	}
}

/* A cast to json that is somebody's is run as the user: SET ROLE is not for it. */
static Jsonb *
by_server(HistoryJson *json, TupleTableSlot *slot)
{
	Oid			user;
	int			security;
	Datum		made;
	ListCell   *name;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(user, security | SECURITY_LOCAL_USERID_CHANGE);
	made = FunctionCall1(&json->to_jsonb, ExecFetchSlotHeapTupleDatum(slot));
	SetUserIdAndSecContext(user, security);
	foreach(name, json->virtual)
		made = DirectFunctionCall2(jsonb_delete, made,
								   CStringGetTextDatum(lfirst(name)));
	return DatumGetJsonbP(made);
}

/*
 * The row in the slot as jsonb.  What it allocates on the way stays in the
 * current memory context.  Raises the errors of to_jsonb() and of the types'
 * output functions.
 */
Jsonb *
history_json(HistoryJson *json, TupleTableSlot *slot)
{
	if (json->as_written)
		return by_server(json, slot);

	slot_getallattrs(slot);
	for (int i = 0; i < json->object.val.object.nPairs; i++)
	{
		JsonbValue *value = &json->object.val.object.pairs[i].value;
		AttrNumber	column = json->column[i];

		if (slot->tts_isnull[column - 1])
			value->type = jbvNull;
		else
			scalar(json, json->type[i], slot->tts_values[column - 1], value);
	}
	return JsonbValueToJsonb(&json->object);
}
