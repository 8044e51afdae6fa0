/*-------------------------------------------------------------------------
 *
 * node_code.c
 *	  Packing and unpacking the code of an org node.
 *
 * A code has 1 to 12 characters out of an alphabet of 39.  Each is a digit
 * from 1 to 39, in the order of the C collation; the places after the last
 * character are 0, so that a prefix sorts first:
 *
 *		 D   O   E                        text
 *		17  28  18   0   0 ...   0        12 digits in base 40
 *
 *		((17 * 40 + 28) * 40 + 18) * 40^9 an unsigned number < 40^12 < 2^64
 *		... with the top bit flipped      a signed one, same order
 *
 * 40^12 is 1.68e19, 2^64 is 1.84e19: twelve is what fits.  Every number of
 * this form has just one text and every code just one number; all other
 * numbers (node_code_is_valid tells) are refused wherever they could enter.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "node_code.h"

#define BASE		40
#define SIGN_BIT	(UINT64CONST(1) << 63)

static const char digit_char[BASE + 1] =
"\0-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_";

static const uint64 power_of_40[NODE_CODE_MAXLEN] = {
	UINT64CONST(1),
	UINT64CONST(40),
	UINT64CONST(1600),
	UINT64CONST(64000),
	UINT64CONST(2560000),
	UINT64CONST(102400000),
	UINT64CONST(4096000000),
	UINT64CONST(163840000000),
	UINT64CONST(6553600000000),
	UINT64CONST(262144000000000),
	UINT64CONST(10485760000000000),
	UINT64CONST(419430400000000000)
};

/*
 * The digit of a character, or 0 if a code cannot have it.  ASCII only, and
 * folded here rather than by toupper(): a code means the same in a Turkish
 * locale.
 */
static inline unsigned
char_digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 13;
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 13;
	if (c >= '0' && c <= '9')
		return c - '0' + 3;
	if (c == '-')
		return 1;
	if (c == '.')
		return 2;
	if (c == '_')
		return 39;
	return 0;
}

/*
 * Pack len bytes of text.  Lower case is folded.  On a fault, *where is the
 * offset of the first byte that a code cannot have (for the other faults, the
 * length that was given) and *node is untouched.
 *
 * A bad character among the first twelve is reported before excess length: of
 * a name in full, its first blank says more than its size.
 */
NodeCodeFault
node_code_pack(const char *text, size_t len, IomNode *node, size_t *where)
{
	uint64		packed = 0;
	size_t		checked = len < NODE_CODE_MAXLEN ? len : NODE_CODE_MAXLEN;

	*where = len;
	if (len == 0)
		return NODE_CODE_EMPTY;

	for (size_t i = 0; i < checked; i++)
	{
		unsigned	digit = char_digit((unsigned char) text[i]);

		if (digit == 0)
		{
			*where = i;
			return NODE_CODE_BAD_CHARACTER;
		}
		packed = packed * BASE + digit;
	}
	if (len > NODE_CODE_MAXLEN)
		return NODE_CODE_TOO_LONG;

	packed *= power_of_40[NODE_CODE_MAXLEN - len];
	*node = (IomNode) (packed ^ SIGN_BIT);
	return NODE_CODE_OK;
}

/*
 * Unpack a valid code into text, which has room for NODE_CODE_BUFLEN bytes.
 * Returns its length; the text is terminated.
 */
int
node_code_unpack(IomNode node, char *text)
{
	uint64		packed = (uint64) node ^ SIGN_BIT;
	int			len = 0;

	while (packed != 0 && len < NODE_CODE_MAXLEN)
	{
		uint64		power = power_of_40[NODE_CODE_MAXLEN - 1 - len];

		text[len++] = digit_char[packed / power];
		packed %= power;
	}
	text[len] = '\0';
	return len;
}

/*
 * Is this number the code of some text?
 */
bool
node_code_is_valid(IomNode node)
{
	uint64		packed = (uint64) node ^ SIGN_BIT;

	/* the first digit must be there, and none may follow a missing one */
	if (packed < power_of_40[NODE_CODE_MAXLEN - 1])
		return false;
	for (int i = NODE_CODE_MAXLEN - 1; i >= 0; i--)
	{
		uint64		digit = packed / power_of_40[i];

		if (digit == 0)
			return packed == 0;
		if (digit >= BASE)
			return false;		/* only the first can be */
		packed %= power_of_40[i];
	}
	return true;
}
