/* SPDX-License-Identifier: MIT */
/*
 * HandleProtector: an object of its own for the handle, with a count of the threads that are using it; a close waits
 * for the last of them. Its finalizer is an ordinary one, and nothing but this object knows who owns the number.
 */
#include "approach.h"
#include <gc/gc.h>
#include <stdatomic.h>
#include <unistd.h>

enum { CLOSED = 1, ONE_USER = 2 };

/*
 * Invariant: state is CLOSED or not, plus ONE_USER for each use; the number is closed by whoever makes state equal to
 * CLOSED, which happens once, since a closed protector admits no user.
 */
typedef struct protector {
    atomic_uint state;
    int number;
} protector;

static void close_protector(void *owner)
{
    protector *self = owner;
    if (atomic_fetch_or(&self->state, CLOSED) == 0)
        (void)close(self->number);
}

static void finalize(void *owner, void *unused)
{
    (void)unused;
    close_protector(owner);
}

static void *wrap(int number)
{
    protector *made = GC_MALLOC(sizeof *made);
    if (made == NULL)
        return NULL;
    atomic_init(&made->state, 0);
    made->number = number;
    GC_register_finalizer_no_order(made, finalize, NULL, NULL, NULL);
    return made;
}

static void *open_and_wrap(open_call *call, void *data)
{
    int number = call(data);
    return number < 0 ? NULL : wrap(number);
}

static void *wrap_again(void *first, int number)
{
    (void)first;
    return wrap(number);
}

static bool use_begin(void *owner, use *u)
{
    protector *self = owner;
    unsigned state = atomic_load(&self->state);
    do {
        if ((state & CLOSED) != 0)
            return false;
    } while (!atomic_compare_exchange_weak(&self->state, &state, state + ONE_USER));
    *u = (use){.number = self->number, .kept = self};
    return true;
}

static void use_end(use *u)
{
    protector *self = u->kept;
    if (atomic_fetch_sub(&self->state, ONE_USER) == CLOSED + ONE_USER)
        (void)close(self->number);
}

static bool when_dead(void *object, sh_finalizer *run)
{
    GC_register_finalizer_no_order(object, run, NULL, NULL, NULL);
    return true;
}

const approach approach_handleprotector = {
    .name = "handleprotector",
    .open = open_and_wrap,
    .wrap = wrap,
    .wrap_again = wrap_again,
    .use_begin = use_begin,
    .use_end = use_end,
    .close = close_protector,
    .when_dead = when_dead,
};
