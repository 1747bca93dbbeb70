/* SPDX-License-Identifier: MIT */
#include "handle/kind.h"
#include "platform/platform.h"

enum { DEEPEST_BASE = 64 }; /* more is a ring */

static bool leads_to_a_root(const sh_kind *kind)
{
    for (int depth = 0; depth < DEEPEST_BASE; depth++) {
        if (kind == NULL)
            return true;
        kind = kind->base;
    }
    return false;
}

bool kind_is_valid(const sh_kind *kind)
{
    for (size_t i = 0; i < sizeof kind->reserved / sizeof *kind->reserved; i++)
        if (kind->reserved[i] != NULL)
            return false;
    return kind->name != NULL && kind->release != NULL && (kind->flags & ~(SH_KIND_FD | SH_KIND_ABSTRACT)) == 0 &&
           kind_refuses(kind, kind->invalid_value) && leads_to_a_root(kind);
}

bool kind_is_a(const sh_kind *kind, const sh_kind *wanted)
{
    while (kind != NULL && kind != wanted)
        kind = kind->base;
    return kind != NULL;
}

bool sh_invalid_minus_one(sh_raw raw)
{
    return raw == -1;
}

bool sh_invalid_zero(sh_raw raw)
{
    return raw == 0;
}

bool sh_invalid_zero_or_minus_one(sh_raw raw)
{
    return raw == 0 || raw == -1;
}

/* ---- file descriptors -------------------------------------------------------------------------------------------- */

SH_RELIABILITY(will_not_corrupt_state, success)
bool kind_is_no_descriptor(sh_raw raw)
{
    return raw < 0;
}

SH_RELIABILITY(will_not_corrupt_state, success)
int kind_release_descriptor(sh_raw raw, void *context)
{
    (void)context;
    return platform_descriptor_close(raw);
}

#define DESCRIPTOR_KIND(kind_name, kind_base)                                                                          \
    {                                                                                                                  \
        .name = kind_name, .base = kind_base, .invalid_value = -1, .is_invalid = kind_is_no_descriptor,                \
        .release = kind_release_descriptor, .duplicate = platform_descriptor_duplicate, .flags = SH_KIND_FD,           \
    }

const sh_kind sh_kind_fd = DESCRIPTOR_KIND("fd", NULL);
const sh_kind sh_kind_file = DESCRIPTOR_KIND("file", &sh_kind_fd);
const sh_kind sh_kind_socket = DESCRIPTOR_KIND("socket", &sh_kind_fd);
const sh_kind sh_kind_pipe = DESCRIPTOR_KIND("pipe", &sh_kind_fd);
const sh_kind sh_kind_event = DESCRIPTOR_KIND("event", &sh_kind_fd);
