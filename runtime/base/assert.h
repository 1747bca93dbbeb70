/* SPDX-License-Identifier: MIT */
/*
 * Assertions about ourselves. A debug build stops at a broken invariant; a release build does not look.
 * They are never used on what a caller passed in: that is answered with a status.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include <assert.h>

#define ASSERT(condition) assert(condition)

#endif
