/* SPDX-License-Identifier: MIT */
/*
 * intptr          a number in an object with a finalizer; the object need not live as long as the call
 * keepalive       GC.KeepAlive after each call: the object lives as long
 * handleref       number and owner are passed together, and whoever marshals the call keeps the owner for its length
 * handleprotector a count of the calls; a close waits for the last of them. Its finalizer is an ordinary one
 * safehandle      a handle of this library, and a lease around each call
 *
 * Source: document 002.
 */
#include "approach.h"
#include "../../die.h"
#include <safehandle/stress.h>
#include <string.h>

/* Invariant: number is file's until it is closed; users counts the calls of handleprotector. */
typedef struct owner {
    world_object object;
    int number;
    world_file file;
    bool closed;
    int users;
    void (*in_release)(void *data); /* safehandle only; or NULL */
    void *data;
} owner;

static owner *make_owner(world *in, int number, world_file file)
{
    owner *made = world_allocate(in, sizeof *made);
    made->number = number;
    made->file = file;
    return made;
}

static bool is_closed(const owner *self)
{
    world_lock(self->object.world);
    bool closed = self->closed;
    world_unlock(self->object.world);
    return closed;
}

static void set_closed(owner *self)
{
    world_lock(self->object.world);
    self->closed = true;
    world_unlock(self->object.world);
}

/* ---- a bare number ----------------------------------------------------------------------------------------------- */

static void close_number(owner *self)
{
    if (is_closed(self))
        return;
    sh_stress_checkpoint("approach.looked");
    set_closed(self);
    world_close(self->object.world, self->number, self->file);
}

static void finalize_number(void *object, void *unused)
{
    (void)unused;
    close_number(object);
}

static world_object *make_number(world *in, int number, world_file file)
{
    owner *made = make_owner(in, number, file);
    world_finalize_with(&made->object, finalize_number);
    return &made->object;
}

/* The number is read, and the object is not needed any more. */
static bool begin_number(world_object *object, approach_use *out_use)
{
    const owner *self = (const owner *)(const void *)object;
    bool open = !is_closed(self);
    *out_use = (approach_use){.number = self->number, .owner = object};
    world_unroot(object);
    return open;
}

static void end_number(approach_use *use)
{
    (void)use;
}

static void close_explicitly(world_object *object)
{
    world_suppress(object);
    close_number((owner *)(void *)object);
}

static bool begin_kept(world_object *object, approach_use *out_use)
{
    const owner *self = (const owner *)(const void *)object;
    *out_use = (approach_use){.number = self->number, .owner = object};
    bool open = !is_closed(self);
    if (!open)
        world_unroot(object);
    return open;
}

static void end_kept(approach_use *use)
{
    world_unroot(use->owner);
}

/* ---- HandleRef --------------------------------------------------------------------------------------------------- */

/* Document 002's struct of the same name, made anew for each call. */
typedef struct handle_ref {
    world_object *wrapper;
    int handle;
} handle_ref;

static void marshal(handle_ref passed, approach_use *out_use)
{
    *out_use = (approach_use){.number = passed.handle, .owner = passed.wrapper};
}

static bool begin_marshalled(world_object *object, approach_use *out_use)
{
    const owner *self = (const owner *)(const void *)object;
    bool open = !is_closed(self);
    marshal((handle_ref){.wrapper = object, .handle = self->number}, out_use);
    if (!open)
        world_unroot(object);
    return open;
}

/* ---- HandleProtector --------------------------------------------------------------------------------------------- */

/* Its own steps are atomic: the document's are, by a lock. */
static void close_protected(owner *self)
{
    sh_stress_checkpoint("approach.close");
    world_lock(self->object.world);
    bool last = !self->closed && self->users == 0;
    self->closed = true;
    world_unlock(self->object.world);
    if (last)
        world_close(self->object.world, self->number, self->file);
}

static void finalize_protected(void *object, void *unused)
{
    (void)unused;
    close_protected(object);
}

static world_object *make_protected(world *in, int number, world_file file)
{
    owner *made = make_owner(in, number, file);
    world_finalize_with(&made->object, finalize_protected);
    return &made->object;
}

static bool begin_protected(world_object *object, approach_use *out_use)
{
    owner *self = (owner *)(void *)object;
    *out_use = (approach_use){.number = self->number, .owner = object};
    world_lock(object->world);
    bool open = !self->closed;
    self->users += open;
    world_unlock(object->world);
    if (!open)
        world_unroot(object);
    return open;
}

static void end_protected(approach_use *use)
{
    owner *self = (owner *)(void *)use->owner;
    sh_stress_checkpoint("approach.leave");
    world_lock(self->object.world);
    bool last = --self->users == 0 && self->closed;
    world_unlock(self->object.world);
    if (last)
        world_close(self->object.world, self->number, self->file);
    world_unroot(use->owner);
}

static void close_protector(world_object *object)
{
    close_protected((owner *)(void *)object);
}

/* ---- SafeHandle -------------------------------------------------------------------------------------------------- */

static int release_number(sh_raw raw, void *context)
{
    owner *self = context;
    if (self->in_release != NULL)
        self->in_release(self->data);
    world_close(self->object.world, (int)raw, self->file);
    world_released(&self->object);
    return 0;
}

static const sh_kind world_kind = {
    .name = "number of the simulated kernel",
    .invalid_value = -1,
    .is_invalid = sh_invalid_minus_one,
    .release = release_number,
};

static owner *wrap(world *in, int number, world_file file, sh_domain *domain_or_null)
{
    owner *made = make_owner(in, number, file);
    world_make_handle(&made->object, &world_kind, number, domain_or_null);
    return made;
}

static world_object *make_safehandle(world *in, int number, world_file file)
{
    return &wrap(in, number, file, NULL)->object;
}

sh_handle *approach_wrap(world *in, int number, world_file file, sh_domain *domain_or_null)
{
    return wrap(in, number, file, domain_or_null)->object.handle;
}

sh_handle *approach_wrap_with(world *in, int number, world_file file, void (*run)(void *data), void *data)
{
    owner *made = wrap(in, number, file, NULL);
    made->in_release = run;
    made->data = data;
    return made->object.handle;
}

/* The lease reaches the handle: the owner is not needed any more. */
static bool begin_safehandle(world_object *object, approach_use *out_use)
{
    sh_raw raw;
    bool open = sh_lease_begin(&out_use->lease, object->handle, &raw) == SH_OK;
    world_unroot(object);
    if (!open)
        return false;
    out_use->number = (int)raw;
    out_use->owner = object;
    return true;
}

static void end_safehandle(approach_use *use)
{
    sh_lease_end(&use->lease);
}

static void close_safehandle(world_object *object)
{
    (void)sh_close(object->handle); /* may be pending: the last user releases it */
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static const approach approaches[] = {
    {"intptr", make_number, begin_number, end_number, close_explicitly},
    {"keepalive", make_number, begin_kept, end_kept, close_explicitly},
    {"handleref", make_number, begin_marshalled, end_kept, close_explicitly},
    {"handleprotector", make_protected, begin_protected, end_protected, close_protector},
    {"safehandle", make_safehandle, begin_safehandle, end_safehandle, close_safehandle},
};

const char *const approach_names[] = {"intptr", "keepalive", "handleref", "handleprotector", "safehandle", NULL};
const char *const approach_safehandle_only[] = {"safehandle", NULL};

const approach *approach_find(const char *name)
{
    for (size_t i = 0; i < sizeof approaches / sizeof *approaches; i++)
        if (strcmp(approaches[i].name, name) == 0)
            return &approaches[i];
    die("there is no approach %s", name);
}
