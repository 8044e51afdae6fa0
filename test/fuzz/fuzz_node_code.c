/*-------------------------------------------------------------------------
 *
 * fuzz_node_code.c
 *	  The code of a node, from any bytes: as text, as number, in order.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "twin_code.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Make text of some bytes that is the text of a code.
 */
static void
text_of_bytes(const uint8_t *data, size_t size, char *text)
{
	size_t		len = Min(size, NODE_CODE_MAXLEN);

	for (size_t i = 0; i < len; i++)
		text[i] = TWIN_ALPHABET[data[i] % strlen(TWIN_ALPHABET)];
	text[len] = '\0';
}

static void
expect_order(const char *a, const char *b)
{
	IomNode		a_node = IOM_NODE_NONE;
	IomNode		b_node = IOM_NODE_NONE;
	size_t		where;

	if (*a == '\0' || *b == '\0')
		return;
	expect(node_code_pack(a, strlen(a), &a_node, &where) == NODE_CODE_OK &&
		   node_code_pack(b, strlen(b), &b_node, &where) == NODE_CODE_OK,
		   "\"%s\" and \"%s\" are codes", a, b);
	expect((a_node > b_node) - (a_node < b_node) == twin_code_compare(a, b),
		   "order of \"%s\" and \"%s\"", a, b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char		a[NODE_CODE_BUFLEN];
	char		b[NODE_CODE_BUFLEN];

	unit_abort_at_failure = true;

	expect_code_like_twin((const char *) data, size);
	text_of_bytes(data, size / 2, a);
	text_of_bytes(data + size / 2, size - size / 2, b);
	expect_code_like_twin(a, strlen(a));
	expect_order(a, b);
	for (size_t i = 0; i + sizeof(IomNode) <= size; i += sizeof(IomNode))
	{
		IomNode		number;

		memcpy(&number, data + i, sizeof(number));
		expect_number_like_twin(number);
	}
	return 0;
}
