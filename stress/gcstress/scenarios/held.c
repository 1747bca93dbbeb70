/* SPDX-License-Identifier: MIT */
#include "held.h"
#include "../../die.h"
#include <safehandle/stress.h>

/* What the calling thread duplicates: a kind's duplicate gets no context. */
static _Thread_local const held *duplicated;

static int release(sh_raw raw, void *context)
{
    held *of = context;
    of->releases++;
    world_close(of->world, (int)raw, of->file);
    return of->error;
}

static int duplicate(sh_raw raw, sh_raw *out_copy)
{
    *out_copy = world_duplicate(duplicated->world, (int)raw, duplicated->file);
    return 0;
}

#define KIND(name_, flags_)                                                                                            \
    {                                                                                                                  \
        .name = (name_), .invalid_value = -1, .is_invalid = sh_invalid_minus_one, .release = release,                  \
        .duplicate = duplicate, .flags = (flags_),                                                                     \
    }

const sh_kind held_number = KIND("number of the simulated kernel", 0);
const sh_kind held_descriptor = KIND("descriptor of the simulated kernel", SH_KIND_FD);

void held_make(held *of, world *in, const sh_kind *kind, sh_domain *domain_or_null)
{
    *of = (held){.world = in};
    of->number = world_open(in, &of->file);
    sh_create_options options = {.context = of, .domain = domain_or_null};
    sh_handle *made = NULL;
    if (sh_wrap(kind, of->number, &options, &made) != SH_OK)
        die("a handle could not be made");
    world_hold(in, made);
    of->h = made;
}

void held_prepare(held *of, world *in, const sh_kind *kind)
{
    *of = (held){.world = in};
    of->number = world_open(in, &of->file);
    sh_create_options options = {.context = of};
    sh_handle *made = NULL;
    if (sh_create(kind, &options, &made) != SH_OK)
        die("a handle could not be made");
    world_hold(in, made);
    of->h = made;
}

void held_attach(void)
{
    if (sh_thread_attach() != SH_OK)
        die("the library does not take the thread");
}

/* ---- using it ---------------------------------------------------------------------------------------------------- */

bool held_lease(held *of)
{
    sh_lease lease;
    sh_raw raw;
    if (sh_lease_begin(&lease, of->h, &raw) != SH_OK)
        return false;
    world_use_held(of->world, (int)raw, of->file, "leases");
    sh_lease_end(&lease);
    return true;
}

bool held_count(held *of)
{
    bool success = false;
    if (sh_dangerous_add_ref(of->h, &success) != SH_OK)
        return false;
    if (!success)
        sh_stress_violation("a reference was taken, and its taker not told");
    world_use_held(of->world, (int)sh_dangerous_get_handle(of->h), of->file, "counts itself in on");
    (void)sh_dangerous_release(of->h); /* its status is the release's, if that falls to it */
    return true;
}

void held_close(held *of)
{
    sh_stress_tell("closes the handle");
    sh_status status = sh_close(of->h);
    if (status != SH_PENDING && !sh_is_released(of->h))
        sh_stress_violation("a close said that it had released the handle, which it had not");
}

sh_status held_duplicate(held *of, sh_handle **out_copy)
{
    duplicated = of;
    sh_handle *copy = NULL;
    sh_status status = sh_duplicate(of->h, &copy);
    if (copy != NULL)
        world_hold(of->world, copy);
    *out_copy = copy;
    return status;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

void held_end_handle(sh_handle *h)
{
    sh_status status = sh_close(h);
    if (status == SH_PENDING || !sh_is_released(h))
        sh_stress_violation("nobody uses the handle any more, and its close does not release it");
    if (sh_stress_collector() == SH_COLLECTOR_MANUAL && sh_host_drop(h) != SH_OK)
        sh_stress_violation("a handle could not be reported dead");
}

void held_end(held *of)
{
    if (of->h != NULL)
        held_end_handle(of->h);
    of->h = NULL;
}
