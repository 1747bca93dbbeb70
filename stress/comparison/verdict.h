/* SPDX-License-Identifier: MIT */
/* What the comparison must show. Whether an accident happened to somebody, never how often. */
#ifndef COMPARISON_VERDICT_H
#define COMPARISON_VERDICT_H

#include "result.h"

/* True: all hold. Else says on stderr, a sentence each, which do not. */
bool verdict_check(const result *r);

#endif
