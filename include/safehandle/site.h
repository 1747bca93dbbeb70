/* SPDX-License-Identifier: MIT */
/*
 * A call site: the file and line that made a handle, began a lease or registered a finalizer.
 *
 * Functions that remember their caller are macros over an `…_at` function. The macro passes the address of a static
 * sh_site, so that remembering costs a pointer and no lookup. A plain function of the same name stands behind the macro
 * for callers that have no preprocessor (an FFI); it remembers nothing.
 *
 * Source: ours. Document 003: "You can easily leak handles"; the line that leaked one is what its author needs.
 */
#ifndef SAFEHANDLE_SITE_H
#define SAFEHANDLE_SITE_H

#include <safehandle/export.h>

SH_BEGIN_DECLARATIONS

/* Invariant: file is NULL (not recorded) or a string that lives as long as the process. */
typedef struct sh_site {
    const char *file;
    int line; /* counted from 1; 0 when file is NULL */
} sh_site;

/* The address of a static sh_site for the line it stands on; NULL for compilers without statement expressions. */
#if defined(__GNUC__)
#define SH_SITE_HERE                                                                                                   \
    (__extension__({                                                                                                   \
        static const sh_site sh_site_here = {__FILE__, __LINE__};                                                      \
        &sh_site_here;                                                                                                 \
    }))
#else
#define SH_SITE_HERE ((const sh_site *)0)
#endif

SH_END_DECLARATIONS

#endif
