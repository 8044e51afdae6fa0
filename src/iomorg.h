/*-------------------------------------------------------------------------
 *
 * iomorg.h
 *	  The public face of iomorg in C: the type, and the hierarchy's day.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef IOMORG_H
#define IOMORG_H

#include "fmgr.h"
#include "utils/date.h"

#include "iomorg_compat.h"
#include "node_code.h"

StaticAssertDecl(SIZEOF_DATUM >= 8, "iom_node is passed by value");

#define DatumGetIomNode(datum)		((IomNode) DatumGetInt64(datum))
#define IomNodeGetDatum(node)		Int64GetDatum(node)
#define PG_GETARG_IOM_NODE(n)		DatumGetIomNode(PG_GETARG_DATUM(n))
#define PG_RETURN_IOM_NODE(node)	return IomNodeGetDatum(node)

/* A node as text, in memory of the caller's: for messages. */
typedef struct NodeText
{
	char		text[NODE_CODE_BUFLEN];
} NodeText;

static inline NodeText
node_text(IomNode node)
{
	NodeText	buffer;

	node_code_unpack(node, buffer.text);
	return buffer;
}

/* as_of.c */
extern void as_of_define_setting(void);
extern int64 as_of_day(bool isnull, DateADT as_of);
extern void as_of_refuse_text(text *given, const char *name,
							  const char *parameter);

/* Argument n of a function is its as_of: the day it asks for. */
#define PG_GETARG_AS_OF(n) \
	as_of_day(PG_ARGISNULL(n), PG_ARGISNULL(n) ? 0 : PG_GETARG_DATEADT(n))

#endif							/* IOMORG_H */
