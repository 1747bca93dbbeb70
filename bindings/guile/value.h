/* SPDX-License-Identifier: MIT */
/* Values on their way between Scheme and C: everything but handles. Wrong ones raise Guile's own errors. */
#ifndef GUILE_BINDING_VALUE_H
#define GUILE_BINDING_VALUE_H

#include "binding.h"
#include <safehandle/ffi.h>

/* A plain parameter's argument; a string lives until the end of the dynwind scope that the caller has begun.
 * size_bytes: of a struct. */
sh_value value_of_scheme(const char *who, const sh_parameter *parameter, size_t size_bytes, SCM argument, int position);

/* The bytevector for a parameter of bytes: the argument's own where they go in only, else a copy. */
SCM value_bytes(const char *who, const sh_parameter *parameter, SCM argument, int position);

/* At most the first count of them. */
SCM value_first_bytes(SCM bytes, size_t count);

SCM value_to_scheme(sh_type type, sh_value value);

#endif
