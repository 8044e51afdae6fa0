/*-------------------------------------------------------------------------
 *
 * twin_code.h
 *	  What the code of a node ought to be, worked out the slow way.
 *
 * Copyright (c) 2026, the iomorg contributors
 *
 *-------------------------------------------------------------------------
 */
#ifndef TWIN_CODE_H
#define TWIN_CODE_H

#include "unit.h"

/* The characters of a code, in their order. */
#define TWIN_ALPHABET	"-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"

extern NodeCodeFault twin_code_pack(const char *text, size_t len,
									IomNode *node, size_t *where);
extern bool twin_code_text(IomNode node, char *text);
extern int	twin_code_compare(const char *a, const char *b);

extern void expect_code_like_twin(const char *text, size_t len);
extern void expect_number_like_twin(IomNode number);
extern size_t random_code_text(char *text, size_t least, size_t most);

#endif							/* TWIN_CODE_H */
