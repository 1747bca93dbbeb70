/* SPDX-License-Identifier: MIT */
/* A runtime with a collector of its own: here, one that counts references to values and frees them at zero. */
#include <safehandle.h>
#include <stdio.h>
#include <stdlib.h>

static sh_raw released_thing; /* read when every release is over */

SH_RELIABILITY(will_not_corrupt_state, success)
static int thing_release(sh_raw raw, void *context)
{
    (void)context;
    released_thing = raw; /* printf may need memory: it is told later */
    return 0;
}

static const sh_kind thing = {.name = "thing", .is_invalid = sh_invalid_zero, .release = thing_release};

/* A value of the runtime's language. Invariant: references >= 1 while somebody has it. */
typedef struct value {
    int references;
    sh_handle *h;
} value;

static void value_finalize(void *object, void *data)
{
    (void)data;
    (void)printf("the value is finalized, its handle still open: %s\n",
                 sh_is_closed(((value *)object)->h) ? "no" : "yes");
    free(object); /* its finalizer was the last thing that needed it */
}

static value *value_make(sh_raw raw)
{
    value *v = malloc(sizeof *v);
    if (v == NULL)
        return NULL;
    v->references = 1;
    if (sh_wrap(&thing, raw, NULL, &v->h) != SH_OK || sh_finalizer_register(v, value_finalize, NULL) != SH_OK)
        abort();
    return v;
}

/* The value's death is also its handle's: reported together, they are one collection, and the finalizer runs first. */
static void value_give_up(value *v)
{
    if (--v->references > 0)
        return;
    if (sh_host_collection_begin() != SH_OK || sh_host_drop(v->h) != SH_OK || sh_host_drop_object(v) != SH_OK ||
        sh_host_collection_end() != SH_OK)
        abort();
}

/* Called when descriptors run out, and by sh_collect: a tracing collector would run here. */
static void collect(void *unused)
{
    (void)unused;
}

int main(void)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL, .collect = collect};
    if (sh_init(&options) != SH_OK)
        return 1;
    value *v = value_make(7);
    v->references++;
    value_give_up(v);
    value_give_up(v);
    if (sh_wait_for_pending_finalizers(5000) != SH_OK || sh_shutdown(1000) != SH_OK)
        return 1;
    (void)printf("thing %d is released\n", (int)released_thing);
    return 0;
}
