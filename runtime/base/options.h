/* SPDX-License-Identifier: MIT */
/*
 * Options structs grow at the end, and caller and library may have been built at different times. The caller passes
 * its sizeof; what it does not know of is zero, which means the default; what we do not know of must be zero.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Copies given, which may be NULL, over zeroes. False: it asks for something that this library does not know. */
static inline bool options_read(void *out_options, size_t size_bytes, const void *given_or_null,
                                size_t given_size_bytes)
{
    memset(out_options, 0, size_bytes);
    if (given_or_null == NULL)
        return true;
    const unsigned char *given = given_or_null;
    for (size_t i = size_bytes; i < given_size_bytes; i++)
        if (given[i] != 0)
            return false;
    memcpy(out_options, given, given_size_bytes < size_bytes ? given_size_bytes : size_bytes);
    return true;
}

#endif
