/*-------------------------------------------------------------------------
 *
 * iomorg.c
 *	  The module: what happens when it is loaded.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "chart_compile.h"
#include "org_tables.h"
#include "revision.h"
#include "set_rows.h"
#include "whole_statement.h"

IOM_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	as_of_define_setting();
	chart_cache_define_settings();
	chart_probe_define_setting();
	MarkGUCPrefixReserved("iomorg");

	org_tables_initialize();
	revision_initialize();
	set_rows_initialize();
	whole_statement_initialize();
}
