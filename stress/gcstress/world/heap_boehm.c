/* SPDX-License-Identifier: MIT */
/*
 * Objects on Boehm's collector. It is conservative: a word on a stack that is left over from somewhere keeps what it
 * points to. So the threads of a scenario never have a pointer into its heap in their hands: they know the object, in
 * memory that it does not look at, and only the steps below, deep in the stack, meet the body that lives and dies.
 *
 * The root leads to the body, and the body to the handle. All else is hidden.
 */
#include "../../deep.h"
#include "../../die.h"
#include "heap.h"
#include <gc/gc.h>
#include <safehandle/stress.h>

enum { TRIES = 3 };

typedef struct body {
    sh_handle *handle;
    uintptr_t object; /* hidden */
} body;

static uintptr_t hide(const void *pointer)
{
    return ~(uintptr_t)pointer;
}

static void *unhide(uintptr_t hidden)
{
    return (void *)~hidden;
}

/* ---- bodies and roots -------------------------------------------------------------------------------------------- */

static void add_deep(void *data)
{
    world_object *object = data;
    object->root = GC_MALLOC_UNCOLLECTABLE(sizeof *object->root);
    body *made = GC_MALLOC(sizeof *made);
    if (object->root == NULL || made == NULL)
        die("no memory");
    made->object = hide(object);
    *object->root = made;
    object->body = hide(made);
}

static void add(world_object *object)
{
    deep_run(add_deep, object);
}

static void remove_root(world_object *object)
{
    GC_FREE(object->root);
}

static void set_root(world_object *object, bool rooted)
{
    *object->root = rooted ? unhide(object->body) : NULL;
}

/* ---- finalizers and handles -------------------------------------------------------------------------------------- */

static void run_finalizer(void *dead, void *run)
{
    const body *of = dead;
    world_object *object = unhide(of->object);
    ((sh_finalizer *)(uintptr_t)run)(object, NULL);
    heap_finalized(object);
}

typedef struct finalizer_call {
    world_object *object;
    sh_finalizer *run;
    sh_status status;
} finalizer_call;

static void register_deep(void *data)
{
    finalizer_call *call = data;
    call->status = sh_finalizer_register(unhide(call->object->body), run_finalizer, (void *)(uintptr_t)call->run);
}

static sh_status finalize_with(world_object *object, sh_finalizer *run)
{
    finalizer_call call = {.object = object, .run = run};
    deep_run(register_deep, &call);
    return call.status;
}

static void suppress_deep(void *data)
{
    const world_object *object = data;
    sh_finalizer_suppress(unhide(object->body));
}

static void suppress(world_object *object)
{
    deep_run(suppress_deep, object);
}

typedef struct handle_call {
    world_object *object;
    const sh_kind *kind;
    sh_raw raw;
    const sh_create_options *options;
    sh_status status;
} handle_call;

static void wrap_deep(void *data)
{
    handle_call *call = data;
    sh_handle *made = NULL;
    call->status = sh_wrap(call->kind, call->raw, call->options, &made);
    body *of = unhide(call->object->body);
    of->handle = made;
    call->object->handle = made;
    sh_keep_alive(made); /* until the body has it */
}

static sh_status make_handle(world_object *object, const sh_kind *kind, sh_raw raw, const sh_create_options *options)
{
    handle_call call = {.object = object, .kind = kind, .raw = raw, .options = options};
    deep_run(wrap_deep, &call);
    return call.status;
}

static void *body_of(world_object *object)
{
    return unhide(object->body);
}

static void hold(world *in, sh_handle *h)
{
    void **root = GC_MALLOC_UNCOLLECTABLE(sizeof *root);
    if (root == NULL)
        die("no memory");
    *root = h;
    world_lock(in);
    if (in->held_count == WORLD_HELD)
        die("more than %d handles are held", WORLD_HELD);
    in->held[in->held_count++] = root;
    world_unlock(in);
}

static void let_go(world *of)
{
    while (of->held_count > 0)
        GC_FREE(of->held[--of->held_count]);
}

/* ---- collections ------------------------------------------------------------------------------------------------- */

static void do_nothing(void *unused)
{
    (void)unused;
}

/* What calls have left on the stack below would be found there by the next one. */
static void collect(world *in)
{
    (void)in;
    deep_run(do_nothing, NULL);
    sh_collect();
}

static bool is_empty(world *of)
{
    world_lock(of);
    bool empty = of->left == 0;
    world_unlock(of);
    return empty;
}

static void empty(world *of)
{
    for (int i = 0; i < TRIES && !is_empty(of); i++) {
        collect(of);
        if (sh_wait_for_pending_finalizers(-1) != SH_OK)
            sh_stress_violation("the finalizers did not come to their end");
    }
}

const heap heap_boehm = {.add = add,
                         .remove = remove_root,
                         .set_root = set_root,
                         .finalize_with = finalize_with,
                         .suppress = suppress,
                         .make_handle = make_handle,
                         .body = body_of,
                         .hold = hold,
                         .let_go = let_go,
                         .collect = collect,
                         .empty = empty};
