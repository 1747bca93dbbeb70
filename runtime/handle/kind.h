/* SPDX-License-Identifier: MIT */
/* Asking a kind. Pure functions, any thread. */
#ifndef HANDLE_KIND_H
#define HANDLE_KIND_H

#include <safehandle/contract.h>
#include <safehandle/kind.h>
#include <stddef.h>

/* The invariant that safehandle/kind.h states. kind is not NULL. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool kind_is_valid(const sh_kind *kind);

/* kind or any base of it is wanted. */
SH_RELIABILITY(will_not_corrupt_state, success)
bool kind_is_a(const sh_kind *kind, const sh_kind *wanted);

/* The release of the kinds of descriptors: never ends the thread, changes no errno, is no cancellation point. */
SH_RELIABILITY(will_not_corrupt_state, success)
int kind_release_descriptor(sh_raw raw, void *context);

SH_RELIABILITY(will_not_corrupt_state, success)
bool kind_is_no_descriptor(sh_raw raw);

static inline bool kind_refuses(const sh_kind *kind, sh_raw raw)
{
    if (kind->is_invalid == kind_is_no_descriptor) /* the usual one, without a call through a pointer */
        return raw < 0;
    return kind->is_invalid == NULL ? raw == kind->invalid_value : kind->is_invalid(raw);
}

#endif
