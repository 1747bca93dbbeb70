/* SPDX-License-Identifier: MIT */
/* A runtime that lives on Boehm's collector and keeps its settings: we join, and touch none of them. */
#include <gc/gc.h>
#include <pthread.h>
#include <safehandle.h>
#include <stdio.h>

static sh_raw released_thing; /* read when every release is over */

SH_RELIABILITY(will_not_corrupt_state, success)
static int thing_release(sh_raw raw, void *context)
{
    (void)context;
    released_thing = raw; /* printf may need memory: it is told later */
    return 0;
}

static const sh_kind thing = {.name = "thing", .is_invalid = sh_invalid_zero, .release = thing_release};

/* A value of the runtime's language: its collector sees the handle through it, and finds both dead together. */
typedef struct value {
    char name[16];
    sh_handle *h;
} value;

static void value_finalize(void *object, void *data)
{
    (void)data;
    const value *v = object;
    (void)printf("%s is finalized, its handle still open: %s\n", v->name, sh_is_closed(v->h) ? "no" : "yes");
}

/* On a thread of its own, whose stack is gone when it ends: a conservative collector sees pointers on stacks. */
static void *run_a_script(void *unused)
{
    if (sh_thread_attach() != SH_OK) /* the collector has to know the thread before it allocates */
        return unused;
    value *v = GC_MALLOC(sizeof *v);
    (void)snprintf(v->name, sizeof v->name, "the value");
    if (sh_wrap(&thing, 7, NULL, &v->h) != SH_OK || sh_finalizer_register(v, value_finalize, NULL) != SH_OK)
        (void)puts("out of memory");
    return unused;
}

int main(void)
{
    GC_set_finalize_on_demand(1); /* this host drains its queue itself, when it likes */
    GC_INIT();
    if (sh_init(&(sh_options){.finalizer_deadline_ms = 500}) != SH_OK)
        return 1;
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_a_script, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 1;
    GC_gcollect();                /* finds both dead; the handle waits for the finalizer of its collection */
    (void)GC_invoke_finalizers(); /* the host's safe point: our callback only enqueues */
    if (sh_wait_for_pending_finalizers(5000) != SH_OK || sh_shutdown(1000) != SH_OK)
        return 1;
    (void)printf("thing %d is released\n", (int)released_thing);
    return 0;
}
