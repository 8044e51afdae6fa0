/*-------------------------------------------------------------------------
 *
 * render.c
 *	  What pictures of the chart are drawn from: the nodes in chart order, each
 *	  with what can be known of it without the others.
 *
 * The pictures themselves are made in SQL (see the script's section).  For
 * one of them, iom_tree, there is a prefix.  A line's prefix is that of its
 * supervisor, where the supervisor's own branch mark has become a stroke that
 * goes on or a blank, and a branch mark:
 *
 *		DG
 *		├─ DDGO
 *		│  ├─ IDF         prefix of IDF:  "│  "  "├─ "
 *		│  └─ DOE
 *		└─ COS
 *		   └─ DGEO        prefix of DGEO: "   "  "└─ "
 *
 * Walking in chart order, one buffer does: it holds what the reports of the
 * present branch begin with, and is cut back on the way up.  Beyond
 * MAX_INDENT levels lines are indented no further and tell their level, or
 * the drawing of a chain would grow with the square of its length.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "chart_cache.h"
#include "iomorg.h"

PG_FUNCTION_INFO_V1(iom_chart_tree);

#define MAX_INDENT	50

/* What the lines are made of. */
typedef struct Strokes
{
	const char *branch;
	const char *last_branch;
	const char *passing;
	const char *blank;
} Strokes;

static const Strokes box_strokes = {
	"\342\224\234\342\224\200 ",	/* U+251C U+2500 */
	"\342\224\224\342\224\200 ",	/* U+2514 U+2500 */
	"\342\224\202  ",				/* U+2502 */
	"   "
};

static const Strokes ascii_strokes = {
	"|- ",
	"`- ",
	"|  ",
	"   "
};

/*
 * Draw the subtree of top, down to the given number of levels below it: rows
 * of (node, prefix, supervisor, level, reports, size).  The supervisor is null
 * for top; reports and size count what is drawn.
 */
static void
draw_subtree(ReturnSetInfo *rsinfo, const Chart *chart, uint32 top,
			 uint32 max_depth)
{
	/* (a parallel worker knows the client's encoding only as the database's) */
	int			client = pg_get_client_encoding();
	const Strokes *strokes = GetDatabaseEncoding() == PG_UTF8 &&
		(client == PG_UTF8 || client == PG_SQL_ASCII) ?
		&box_strokes : &ascii_strokes;
	const ChartPlace *place = chart->place;
	uint32		end = top + place[top].size;
	StringInfoData indent;
	int			indent_length[MAX_INDENT + 1];

	initStringInfo(&indent);
	indent_length[0] = 0;

	for (uint32 rank = top; rank < end;)
	{
		uint32		depth = place[rank].level - place[top].level;
		bool		cut = depth >= max_depth;
		Datum		values[6];
		bool		nulls[6] = {false};
		bool		last;
		char	   *prefix;

		CHECK_FOR_INTERRUPTS();
		if (depth == 0)
			prefix = pstrdup("");
		else if (depth <= MAX_INDENT)
		{
			uint32		parent = place[rank].parent;

			last = rank + place[rank].size == parent + place[parent].size;
			indent.len = indent_length[depth - 1];
			indent.data[indent.len] = '\0';
			prefix = psprintf("%s%s", indent.data,
							  last ? strokes->last_branch : strokes->branch);
			appendStringInfoString(&indent,
								   last ? strokes->blank : strokes->passing);
			indent_length[depth] = indent.len;
		}
		else
			prefix = psprintf("%s[%u] ", indent.data, place[rank].level);

		values[0] = IomNodeGetDatum(chart->code[rank]);
		values[1] = CStringGetTextDatum(prefix);
		nulls[2] = depth == 0;
		if (depth > 0)
			values[2] = IomNodeGetDatum(chart->code[place[rank].parent]);
		values[3] = Int32GetDatum((int32) place[rank].level);
		values[4] = Int32GetDatum(cut ? 0 : (int32) chart_span(chart, rank));
		values[5] = Int32GetDatum(max_depth == PG_UINT32_MAX ?
								  (int32) place[rank].size :
								  (int32) chart_count_to_level(chart, rank,
															   place[top].level + max_depth));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
		pfree(DatumGetPointer(values[1]));
		pfree(prefix);

		rank += cut ? place[rank].size : 1;
	}
	pfree(indent.data);
}

/* iom_chart_tree(root, max_depth, as_of); a null root means all of them */
Datum
iom_chart_tree(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const Chart *chart = CHART_FOR_ARG(2, scope_all())->chart;
	uint32		max_depth = PG_UINT32_MAX;

	InitMaterializedSRF(fcinfo, 0);
	if (!PG_ARGISNULL(1))
	{
		if (PG_GETARG_INT32(1) < 0)
			return (Datum) 0;
		max_depth = (uint32) PG_GETARG_INT32(1);
	}

	if (!PG_ARGISNULL(0))
	{
		uint32		top = chart_find(chart, PG_GETARG_IOM_NODE(0));

		if (top != CHART_NONE)
			draw_subtree(rsinfo, chart, top, max_depth);
	}
	else
	{
		for (uint32 root = chart_first_root(chart); root != CHART_NONE;
			 root = chart_next_root(chart, root))
			draw_subtree(rsinfo, chart, root, max_depth);
	}
	return (Datum) 0;
}
