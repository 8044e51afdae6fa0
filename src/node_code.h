/*-------------------------------------------------------------------------
 *
 * node_code.h
 *	  The code of an org node: eight bytes that are an order-preserving
 *	  packing of its text.
 *
 * Plain C, no server: the type's input and output, the tests outside the
 * server and the fuzzer share it.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef NODE_CODE_H
#define NODE_CODE_H

/*
 * An IomNode is compared as a signed integer: its order is the order of the
 * text in the C collation.  IOM_NODE_NONE is smaller than every code and no
 * code itself.
 */
typedef int64 IomNode;

#define IOM_NODE_NONE		PG_INT64_MIN

#define NODE_CODE_MAXLEN	12	/* characters of a code */
#define NODE_CODE_BUFLEN	(NODE_CODE_MAXLEN + 1)

#define NODE_CODE_ALPHABET	"A-Z, 0-9, hyphen, full stop, underscore"

typedef enum NodeCodeFault
{
	NODE_CODE_OK,
	NODE_CODE_EMPTY,
	NODE_CODE_TOO_LONG,
	NODE_CODE_BAD_CHARACTER
} NodeCodeFault;

extern NodeCodeFault node_code_pack(const char *text, size_t len,
									IomNode *node, size_t *where);
extern int	node_code_unpack(IomNode node, char *text);
extern bool node_code_is_valid(IomNode node);

/*
 * Spread a code over 64 bits: the finaliser of MurmurHash3 (Austin Appleby,
 * public domain), a bijection.  Codes are multiples of large powers of two
 * and five; every bit of the result depends on every bit of the code.
 */
static inline uint64
node_code_mix(uint64 x)
{
	x ^= x >> 33;
	x *= UINT64CONST(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64CONST(0xc4ceb9fe1a85ec53);
	x ^= x >> 33;
	return x;
}

#endif							/* NODE_CODE_H */
