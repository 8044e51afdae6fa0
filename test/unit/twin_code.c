/*-------------------------------------------------------------------------
 *
 * twin_code.c
 *	  The naive twin of node_code.c, and comparing the two.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "twin_code.h"

#define BASE			40
#define SIGNED_OFFSET	(UINT64CONST(1) << 63)

/*
 * The digit of a character in either case, or 0.
 */
static unsigned
digit_of(char c)
{
	const char *upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *lower = "abcdefghijklmnopqrstuvwxyz";
	const char *found;

	if (c == '\0')
		return 0;
	if ((found = strchr(lower, c)) != NULL)
		c = upper[found - lower];
	found = strchr(TWIN_ALPHABET, c);
	return found != NULL ? found - TWIN_ALPHABET + 1 : 0;
}

/*
 * Twelve digits one after the other, those that are missing being zero.
 */
NodeCodeFault
twin_code_pack(const char *text, size_t len, IomNode *node, size_t *where)
{
	uint64		number = 0;

	*where = len;
	if (len == 0)
		return NODE_CODE_EMPTY;
	for (size_t i = 0; i < NODE_CODE_MAXLEN && i < len; i++)
	{
		if (digit_of(text[i]) == 0)
		{
			*where = i;
			return NODE_CODE_BAD_CHARACTER;
		}
	}
	if (len > NODE_CODE_MAXLEN)
		return NODE_CODE_TOO_LONG;
	for (size_t i = 0; i < NODE_CODE_MAXLEN; i++)
		number = number * BASE + (i < len ? digit_of(text[i]) : 0);
	*node = (IomNode) (number - SIGNED_OFFSET);
	return NODE_CODE_OK;
}

/*
 * The text of a number, or false if there is none: its digits from the last
 * to the first, then looked at from the first to the last.
 */
bool
twin_code_text(IomNode node, char *text)
{
	uint64		number = (uint64) node + SIGNED_OFFSET;
	unsigned	digit[NODE_CODE_MAXLEN];
	int			len = 0;

	for (int i = NODE_CODE_MAXLEN - 1; i >= 0; i--)
	{
		digit[i] = number % BASE;
		number /= BASE;
	}
	if (number != 0)
		return false;			/* would need a thirteenth */
	while (len < NODE_CODE_MAXLEN && digit[len] != 0)
	{
		text[len] = TWIN_ALPHABET[digit[len] - 1];
		len++;
	}
	text[len] = '\0';
	for (int i = len; i < NODE_CODE_MAXLEN; i++)
	{
		if (digit[i] != 0)
			return false;
	}
	return len > 0;
}

/*
 * The order of two texts: byte by byte, a prefix first.
 */
int
twin_code_compare(const char *a, const char *b)
{
	size_t		a_len = strlen(a);
	size_t		b_len = strlen(b);
	int			order = memcmp(a, b, Min(a_len, b_len));

	if (order == 0)
		order = (a_len > b_len) - (a_len < b_len);
	return (order > 0) - (order < 0);
}

/*
 * Packing these bytes gives what it should, and unpacking gives them back in
 * upper case.
 */
void
expect_code_like_twin(const char *text, size_t len)
{
	static const IomNode untouched = 4711;
	IomNode		node = untouched;
	IomNode		twin = untouched;
	size_t		where = 0;
	size_t		twin_where = 0;
	NodeCodeFault fault = node_code_pack(text, len, &node, &where);
	NodeCodeFault twin_fault = twin_code_pack(text, len, &twin, &twin_where);
	char		unpacked[NODE_CODE_BUFLEN];
	char		twin_unpacked[NODE_CODE_BUFLEN];

	expect(fault == twin_fault, "fault %d instead of %d", fault, twin_fault);
	expect(where == twin_where, "where %zu instead of %zu", where, twin_where);
	expect(node == twin, "packed to %lld instead of %lld", (long long) node,
		   (long long) twin);
	if (fault != NODE_CODE_OK || fault != twin_fault)
		return;

	expect(node != IOM_NODE_NONE, "packed to the node that is none");
	expect_number_like_twin(node);
	expect(node_code_unpack(node, unpacked) == (int) len, "length not %zu",
		   len);
	twin_code_text(node, twin_unpacked);
	expect(strcmp(unpacked, twin_unpacked) == 0, "\"%s\" instead of \"%s\"",
		   unpacked, twin_unpacked);
	for (size_t i = 0; i < len; i++)
	{
		unsigned char upper = (unsigned char) text[i];

		if (upper >= 'a' && upper <= 'z')
			upper -= 'a' - 'A';
		expect((unsigned char) unpacked[i] == upper, "character %zu of \"%s\"",
			   i, unpacked);
	}
}

/*
 * A number is a valid code just if there is a text for it, which packs to it
 * again.
 */
void
expect_number_like_twin(IomNode number)
{
	char		text[NODE_CODE_BUFLEN];
	bool		valid = twin_code_text(number, text);
	IomNode		again;
	size_t		where;

	expect(node_code_is_valid(number) == valid, "%lld is %svalid",
		   (long long) number, valid ? "" : "not ");
	if (!valid)
		return;
	expect(node_code_pack(text, strlen(text), &again, &where) == NODE_CODE_OK &&
		   again == number, "%lld is \"%s\" is not %lld", (long long) number,
		   text, (long long) number);
}

/*
 * Random text of a code, in upper case; returns its length.
 */
size_t
random_code_text(char *text, size_t least, size_t most)
{
	size_t		len = least + random_below(most - least + 1);

	for (size_t i = 0; i < len; i++)
		text[i] = TWIN_ALPHABET[random_below(strlen(TWIN_ALPHABET))];
	text[len] = '\0';
	return len;
}
