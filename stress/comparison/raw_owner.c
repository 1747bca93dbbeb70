/* SPDX-License-Identifier: MIT */
#include "raw_owner.h"
#include <gc/gc.h>
#include <stdatomic.h>
#include <unistd.h>

/* Invariant: number is -1 from the moment the owner has closed it. */
typedef struct raw_owner {
    atomic_int number;
} raw_owner;

static void finalize(void *owner, void *unused)
{
    (void)unused;
    raw_owner_close(owner);
}

void *raw_owner_wrap(int number)
{
    raw_owner *made = GC_MALLOC(sizeof *made);
    if (made == NULL)
        return NULL;
    atomic_init(&made->number, number);
    GC_register_finalizer_no_order(made, finalize, NULL, NULL, NULL);
    return made;
}

/* What document 003 warns of: when the allocation fails, as an exception would leave from here, nobody has the number.
 */
void *raw_owner_open(open_call *call, void *data)
{
    int number = call(data);
    return number < 0 ? NULL : raw_owner_wrap(number);
}

/* Nothing in a number tells that somebody owns it already. */
void *raw_owner_wrap_again(void *first, int number)
{
    (void)first;
    return raw_owner_wrap(number);
}

int raw_owner_number(void *owner)
{
    raw_owner *self = owner;
    return atomic_load(&self->number);
}

void raw_owner_close(void *owner)
{
    raw_owner *self = owner;
    int number = atomic_exchange(&self->number, -1);
    if (number >= 0)
        (void)close(number);
}
