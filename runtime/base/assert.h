/* SPDX-License-Identifier: MIT */
/*
 * Assertions about ourselves. A debug build stops at a broken invariant; a release build compiles the condition and
 * does not evaluate it. They are never used on what a caller passed in: that is answered with a status.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include <assert.h>

#ifdef NDEBUG
#define ASSERT(condition) ((void)(0 && (condition)))
#else
#define ASSERT(condition) assert(condition)
#endif

#endif
