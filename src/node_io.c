/*-------------------------------------------------------------------------
 *
 * node_io.c
 *	  Input, output and casts of iom_node.
 *
 * The binary wire format is the text, as for enums, so that any driver can read
 * and write it, and one check guards both.  (The packed form is for who asks: the
 * cast to bigint, and totals.)  Nothing here reads a table: a code is valid on its
 * own.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "iomorg.h"

/* How much of a bad value an error quotes. */
#define QUOTED_BYTES	40

PG_FUNCTION_INFO_V1(iom_node_in);
PG_FUNCTION_INFO_V1(iom_node_out);
PG_FUNCTION_INFO_V1(iom_node_recv);
PG_FUNCTION_INFO_V1(iom_node_send);
PG_FUNCTION_INFO_V1(iom_node_from_text);
PG_FUNCTION_INFO_V1(iom_node_to_text);
PG_FUNCTION_INFO_V1(iom_node_from_bigint);
PG_FUNCTION_INFO_V1(iom_node_to_bigint);

static int
node_hint(void)
{
	return errhint("A code has 1 to %d characters out of %s.",
				   NODE_CODE_MAXLEN, NODE_CODE_ALPHABET);
}

/*
 * Parse len bytes.  Errors go to escontext where that takes them; the result
 * is IOM_NODE_NONE then.
 */
static IomNode
node_parse(const char *text, size_t len, Node *escontext)
{
	IomNode		node = IOM_NODE_NONE;
	size_t		where;
	NodeCodeFault fault;
	int			quoted;
	const char *ellipsis;

	fault = node_code_pack(text, len, &node, &where);
	if (likely(fault == NODE_CODE_OK))
		return node;

	quoted = pg_mbcliplen(text, (int) Min(len, QUOTED_BYTES + 1),
						  QUOTED_BYTES);
	ellipsis = (size_t) quoted < len ? "..." : "";

	if (fault == NODE_CODE_EMPTY)
		ereturn(escontext, IOM_NODE_NONE,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"",
						"iom_node", ""),
				 errdetail("The code of an org node cannot be empty."),
				 node_hint()));
	else if (fault == NODE_CODE_TOO_LONG)
		ereturn(escontext, IOM_NODE_NONE,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%.*s%s\"",
						"iom_node", quoted, text, ellipsis),
				 errdetail("The value has %d characters.",
						   pg_mbstrlen_with_len(text, (int) len)),
				 node_hint()));
	else
	{
		/* all before it are single bytes; it may be of several itself */
		int			bytes = pg_mbcharcliplen(text + where,
											 (int) (len - where), 1);

		ereturn(escontext, IOM_NODE_NONE,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%.*s%s\"",
						"iom_node", quoted, text, ellipsis),
				 errdetail("Character %zu is \"%.*s\", which a code cannot "
						   "have.", where + 1, bytes, text + where),
				 node_hint()));
	}
}

/* text input */
Datum
iom_node_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);

	PG_RETURN_IOM_NODE(node_parse(text, strlen(text), fcinfo->context));
}

/* text output */
Datum
iom_node_out(PG_FUNCTION_ARGS)
{
	char	   *text = palloc(NODE_CODE_BUFLEN);

	node_code_unpack(PG_GETARG_IOM_NODE(0), text);
	PG_RETURN_CSTRING(text);
}

/* binary input: the text, and nothing but the text, of the message */
Datum
iom_node_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			len;
	char	   *text = pq_getmsgtext(message, message->len - message->cursor,
									 &len);

	PG_RETURN_IOM_NODE(node_parse(text, len, NULL));
}

/* binary output: the text */
Datum
iom_node_send(PG_FUNCTION_ARGS)
{
	NodeText	node = node_text(PG_GETARG_IOM_NODE(0));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendtext(&message, node.text, strlen(node.text));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* cast from text */
Datum
iom_node_from_text(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	PG_RETURN_IOM_NODE(node_parse(VARDATA_ANY(value),
								  VARSIZE_ANY_EXHDR(value), fcinfo->context));
}

/* cast to text */
Datum
iom_node_to_text(PG_FUNCTION_ARGS)
{
	NodeText	node = node_text(PG_GETARG_IOM_NODE(0));

	PG_RETURN_TEXT_P(cstring_to_text(node.text));
}

/* cast from bigint: only numbers that come from a code */
Datum
iom_node_from_bigint(PG_FUNCTION_ARGS)
{
	int64		number = PG_GETARG_INT64(0);

	if (!node_code_is_valid(number))
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint " INT64_FORMAT " is not the number of any "
						"code of an org node", number),
				 errhint("Only numbers made by a cast from iom_node to bigint "
						 "can be cast back.")));
	PG_RETURN_IOM_NODE(number);
}

/* cast to bigint: another view of the same bits, in the same order */
Datum
iom_node_to_bigint(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_IOM_NODE(0));
}
