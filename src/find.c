/*-------------------------------------------------------------------------
 *
 * find.c
 *	  What iom_find needs beyond SQL: similarity of words, if extension pg_trgm
 *	  is there.
 *
 * iomorg does not depend on pg_trgm, which may come and go.  So its function
 * is found when it is called for, as a member of that extension, in whatever
 * schema it is; what the search_path finds does not matter.  It is looked up
 * once in the life of the calling expression.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "utils/catcache.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(iom_word_similarity);

/*
 * word_similarity(text, text) of pg_trgm, or InvalidOid.  It is in C, which
 * only superusers can have made.
 */
static Oid
find_word_similarity(void)
{
	Oid			extension = get_extension_oid("pg_trgm", true);
	Oid			found = InvalidOid;
	CatCList   *list;

	if (!OidIsValid(extension))
		return InvalidOid;
	list = SearchSysCacheList1(PROCNAMEARGSNSP,
							   CStringGetDatum("word_similarity"));
	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		if (proc->prolang == ClanguageId && proc->prorettype == FLOAT4OID &&
			proc->pronargs == 2 &&
			proc->proargtypes.values[0] == TEXTOID &&
			proc->proargtypes.values[1] == TEXTOID &&
			getExtensionOfObject(ProcedureRelationId, proc->oid) == extension)
		{
			found = proc->oid;
			break;
		}
	}
	ReleaseCatCacheList(list);
	return found;
}

/* iom_word_similarity(query, value): null if pg_trgm is not there */
Datum
iom_word_similarity(PG_FUNCTION_ARGS)
{
	FmgrInfo   *similarity = fcinfo->flinfo->fn_extra;

	if (similarity == NULL)
	{
		Oid			function = find_word_similarity();

		similarity = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
											sizeof(FmgrInfo));
		if (OidIsValid(function))
			fmgr_info_cxt(function, similarity, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = similarity;
	}
	if (!OidIsValid(similarity->fn_oid))
		PG_RETURN_NULL();
	return FunctionCall2Coll(similarity, PG_GET_COLLATION(),
							 PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
}
