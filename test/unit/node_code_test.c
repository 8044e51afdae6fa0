/*-------------------------------------------------------------------------
 *
 * node_code_test.c
 *	  Is the code of a node an order-preserving packing of its text?
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#include "twin_code.h"

#define NLETTERS	(sizeof(TWIN_ALPHABET) - 1)
#define NSHORT		(NLETTERS + NLETTERS * NLETTERS)	/* codes of 1 and 2 */

static IomNode
pack(const char *text)
{
	IomNode		node = IOM_NODE_NONE;
	size_t		where;

	expect(node_code_pack(text, strlen(text), &node, &where) == NODE_CODE_OK,
		   "\"%s\" is no code", text);
	return node;
}

/* The i-th of all codes of one or two characters. */
static void
short_text(size_t i, char *text)
{
	memset(text, 0, 3);
	if (i < NLETTERS)
		text[0] = TWIN_ALPHABET[i];
	else
	{
		text[0] = TWIN_ALPHABET[i / NLETTERS - 1];
		text[1] = TWIN_ALPHABET[i % NLETTERS];
	}
}

static void
expect_order(const char *a, const char *b)
{
	IomNode		a_node = pack(a);
	IomNode		b_node = pack(b);

	expect((a_node > b_node) - (a_node < b_node) == twin_code_compare(a, b),
		   "order of \"%s\" and \"%s\"", a, b);
}

static void
test_short_round_trip(void)
{
	char		text[3];

	for (size_t i = 0; i < NSHORT; i++)
	{
		short_text(i, text);
		expect_code_like_twin(text, strlen(text));
	}
}

static void
test_long_round_trip(void)
{
	char		text[NODE_CODE_BUFLEN];

	for (size_t len = 3; len <= NODE_CODE_MAXLEN; len++)
	{
		for (int i = 0; i < 20000; i++)
		{
			random_code_text(text, len, len);
			expect_code_like_twin(text, len);
		}
	}
}

static void
test_short_order(void)
{
	char		a[3];
	char		b[3];

	for (size_t i = 0; i < NSHORT; i++)
	{
		short_text(i, a);
		for (size_t k = 0; k < NSHORT; k++)
		{
			short_text(k, b);
			expect_order(a, b);
		}
	}
}

/* Half of the pairs have a common beginning. */
static void
test_long_order(void)
{
	char		a[NODE_CODE_BUFLEN];
	char		b[NODE_CODE_BUFLEN];

	for (int i = 0; i < 300000; i++)
	{
		size_t		a_len = random_code_text(a, 1, NODE_CODE_MAXLEN);
		size_t		b_len = random_code_text(b, 1, NODE_CODE_MAXLEN);

		if (i % 2 == 0)
			memcpy(b, a, random_below(Min(a_len, b_len) + 1));
		expect_order(a, b);
	}
}

static void
test_prefixes(void)
{
	char		text[NODE_CODE_BUFLEN];
	char		prefix[NODE_CODE_BUFLEN];

	for (int i = 0; i < 20000; i++)
	{
		size_t		len = random_code_text(text, 2, NODE_CODE_MAXLEN);

		for (size_t shorter = 1; shorter < len; shorter++)
		{
			memcpy(prefix, text, shorter);
			prefix[shorter] = '\0';
			expect(pack(prefix) < pack(text), "\"%s\" before \"%s\"", prefix,
				   text);
		}
	}
}

static void
test_random_numbers(void)
{
	for (int i = 0; i < 500000; i++)
		expect_number_like_twin((IomNode) random_bits());
}

/* A code, and what is a little and a power of 40 away from it. */
static void
test_neighbours(void)
{
	char		text[NODE_CODE_BUFLEN];

	for (int i = 0; i < 20000; i++)
	{
		uint64		number;
		uint64		step = 1;

		random_code_text(text, 1, NODE_CODE_MAXLEN);
		number = (uint64) pack(text);
		for (int power = 0; power < NODE_CODE_MAXLEN; power++, step *= 40)
		{
			expect_number_like_twin((IomNode) (number + step));
			expect_number_like_twin((IomNode) (number - step));
		}
	}
}

static void
test_extremes(void)
{
	IomNode		first = pack("-");
	IomNode		last = pack("____________");
	uint64		first_invalid = 1;

	for (int i = 0; i < NODE_CODE_MAXLEN - 1; i++)
		first_invalid *= 40;
	expect_number_like_twin(0);
	for (int64 near = 0; near < 100000; near++)
	{
		expect_number_like_twin(near);
		expect_number_like_twin(-near);
		expect_number_like_twin(PG_INT64_MAX - near);
		expect_number_like_twin(PG_INT64_MIN + near);
		expect_number_like_twin(first + near);
		expect_number_like_twin(first - near);
		expect_number_like_twin((IomNode) ((uint64) last + (uint64) near));
		expect_number_like_twin(last - near);
	}
	expect(!node_code_is_valid(IOM_NODE_NONE), "the node that is none");
	expect(first > IOM_NODE_NONE, "all codes are above");
	/* "first" has the digits 1 0 0 ...: nothing below it is a code */
	expect((uint64) first + (UINT64CONST(1) << 63) == first_invalid,
		   "the first code");
	/* digits of 40 and more, which only the first place has room for */
	for (uint64 digit = 40; digit <= PG_UINT64_MAX / first_invalid; digit++)
	{
		IomNode		beyond = (IomNode) (digit * first_invalid +
										(UINT64CONST(1) << 63));

		expect_number_like_twin(beyond);
		expect(!node_code_is_valid(beyond), "a first digit of %d", (int) digit);
	}
}

/*
 * Every byte at every place of a code of every length.
 */
static void
test_every_byte(void)
{
	char		text[NODE_CODE_BUFLEN];

	for (size_t len = 1; len <= NODE_CODE_MAXLEN; len++)
	{
		for (size_t place = 0; place < len; place++)
		{
			for (int byte = 0; byte < 256; byte++)
			{
				random_code_text(text, len, len);
				text[place] = (char) byte;
				expect_code_like_twin(text, len);
			}
		}
	}
}

static void
test_folding(void)
{
	char		text[NODE_CODE_BUFLEN];
	char		lower[NODE_CODE_BUFLEN];

	for (int i = 0; i < 50000; i++)
	{
		size_t		len = random_code_text(text, 1, NODE_CODE_MAXLEN);

		for (size_t k = 0; k <= len; k++)
			lower[k] = text[k] >= 'A' && text[k] <= 'Z' && random_below(3) > 0 ?
				text[k] - 'A' + 'a' : text[k];
		expect(pack(lower) == pack(text), "\"%s\" is \"%s\"", lower, text);
		expect_code_like_twin(lower, len);
	}
}

static void
expect_fault(const char *text, size_t len, NodeCodeFault fault, size_t where)
{
	IomNode		node = 4711;
	size_t		found_where = PG_UINT32_MAX;
	NodeCodeFault found = node_code_pack(text, len, &node, &found_where);

	expect(found == fault, "%zu bytes: fault %d instead of %d", len, found,
		   fault);
	expect(found_where == where, "%zu bytes: where %zu instead of %zu", len,
		   found_where, where);
	expect(node == 4711, "%zu bytes: node touched", len);
}

static void
test_faults(void)
{
	size_t		huge = 100 * 1000 * 1000;
	char	   *much = unit_alloc(huge, 1);

	memset(much, 'A', huge);
	expect_fault("", 0, NODE_CODE_EMPTY, 0);
	expect_fault(NULL, 0, NODE_CODE_EMPTY, 0);
	expect_fault("A", 0, NODE_CODE_EMPTY, 0);
	for (size_t len = NODE_CODE_MAXLEN + 1; len < 300; len++)
		expect_fault(much, len, NODE_CODE_TOO_LONG, len);
	expect_fault(much, huge, NODE_CODE_TOO_LONG, huge);

	expect_fault(" ", 1, NODE_CODE_BAD_CHARACTER, 0);
	expect_fault(" DOE", 4, NODE_CODE_BAD_CHARACTER, 0);
	expect_fault("DOE ", 4, NODE_CODE_BAD_CHARACTER, 3);
	expect_fault("D\0E", 3, NODE_CODE_BAD_CHARACTER, 1);
	expect_fault("D\303\266E", 4, NODE_CODE_BAD_CHARACTER, 1);
	expect_fault("D/E F", 5, NODE_CODE_BAD_CHARACTER, 1);

	/* a bad character comes before excess length, if it is seen at all */
	much[NODE_CODE_MAXLEN - 1] = '!';
	expect_fault(much, huge, NODE_CODE_BAD_CHARACTER, NODE_CODE_MAXLEN - 1);
	much[NODE_CODE_MAXLEN - 1] = 'A';
	much[NODE_CODE_MAXLEN] = '!';
	expect_fault(much, huge, NODE_CODE_TOO_LONG, huge);
	free(much);
}

/* The finaliser is a bijection: undo it. */
static void
test_mix(void)
{
	for (int i = 0; i < 100000; i++)
	{
		uint64		bits = i < 1000 ? (uint64) i : random_bits();
		uint64		back = node_code_mix(bits);

		back ^= back >> 33;
		back *= UINT64CONST(0x9cb4b2f8129337db);	/* inverse of the second */
		back ^= back >> 33;
		back *= UINT64CONST(0x4f74430c22a54005);	/* inverse of the first */
		back ^= back >> 33;
		expect(back == bits, "%llx", (unsigned long long) bits);
	}
}

int
main(int argc, char **argv)
{
	static const UnitTest test[] = {
		{"round trip of all codes of one and two characters",
		test_short_round_trip},
		{"round trip of codes of three to twelve", test_long_round_trip},
		{"order of all codes of one and two characters", test_short_order},
		{"order of random codes", test_long_order},
		{"a prefix sorts first", test_prefixes},
		{"random numbers are valid just if a text packs to them",
		test_random_numbers},
		{"so are the neighbours of codes", test_neighbours},
		{"so are the extremes", test_extremes},
		{"every byte at every place", test_every_byte},
		{"lower case is folded", test_folding},
		{"faults and where they are", test_faults},
		{"the finaliser loses nothing", test_mix},
	};

	return unit_main(argc, argv, test, lengthof(test));
}
