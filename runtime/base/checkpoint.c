/* SPDX-License-Identifier: MIT */
#include "base/checkpoint.h"

#ifdef SH_CHECKPOINTS

#include <stddef.h>

static checkpoint_hook *installed;
static const checkpoint_stores *store_hooks;

void checkpoint_set_hook(checkpoint_hook *hook_or_null)
{
    installed = hook_or_null;
}

bool checkpoint_reach(const char *name)
{
    return installed != NULL && installed(name);
}

void checkpoint_set_store_hooks(const checkpoint_stores *hooks_or_null)
{
    store_hooks = hooks_or_null;
}

void checkpoint_stored(uintptr_t *word, uintptr_t before)
{
    if (store_hooks != NULL)
        store_hooks->stored(word, before);
}

void checkpoint_fenced(void)
{
    if (store_hooks != NULL)
        store_hooks->fenced();
}

void checkpoint_world_stopped(void)
{
    if (store_hooks != NULL)
        store_hooks->world_stopped();
}

#else

/* ISO C wants a declaration in every file. */
typedef int checkpoints_are_not_built;

#endif
