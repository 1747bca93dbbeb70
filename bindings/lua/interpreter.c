/* SPDX-License-Identifier: MIT */
/*
 * One lua_State: its domain, and its end.
 *
 * lua_close runs finalizers in the opposite order of their objects' making. The anchor is made before every handle, so
 * that its finalizer comes after theirs; what is still open then was made by other finalizers, whose objects Lua does
 * not finalize any more. The unload of the domain releases it.
 */
#include "module.h"
#include <stdio.h>
#include <stdlib.h>

/* How long the end of a state waits for users of what it forgot. */
enum { UNLOAD_DEADLINE_MS = 1000 };

/* ---- counting ---------------------------------------------------------------------------------------------------- */

void interpreter_hold(interpreter *held)
{
    /* Relaxed: who holds it already makes the next holder. */
    (void)atomic_fetch_add_explicit(&held->holders, 1, memory_order_relaxed);
}

void interpreter_let_go(interpreter *held)
{
    /* Acquire and release: all that the others did comes before the end. */
    if (atomic_fetch_sub_explicit(&held->holders, 1, memory_order_acq_rel) > 1)
        return;
    release_free_room(held);
    (void)pthread_mutex_destroy(&held->mutex);
    free(held);
}

void interpreter_count_shared(interpreter *maker)
{
    interpreter_hold(maker);
    /* Relaxed: as above. */
    (void)atomic_fetch_add_explicit(&maker->shared_count, 1, memory_order_relaxed);
}

/* Ends the domain when nothing of it can be in use any more. The number of what it still had to release. */
static size_t unload_when_last(interpreter *maker)
{
    /* Acquire and release: as in let_go. */
    if (atomic_fetch_sub_explicit(&maker->shared_count, 1, memory_order_acq_rel) > 1)
        return 0;
    sh_unload_report report = {0};
    sh_status status = sh_domain_unload(maker->domain, UNLOAD_DEADLINE_MS, &report);
    size_t forgotten = report.released + report.left_over;
    sh_unload_report_clear(&report);
    /* Refused while a thread is in it; its place is then not used again. */
    if (status == SH_OK && sh_domain_destroy(maker->domain) == SH_OK)
        maker->domain = NULL;
    return forgotten;
}

void interpreter_discount_shared(interpreter *maker)
{
    (void)unload_when_last(maker);
    interpreter_let_go(maker);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static int anchor_collect(lua_State *L)
{
    anchor *of = lua_touserdata(L, 1);
    interpreter *ended = of->here;
    if (ended == NULL)
        return 0;
    share_drop_tokens(L, ended);
    size_t forgotten = unload_when_last(ended);
    release_refuse_from_now(ended);
    release_run_due(ended, L);
    events_tell(L);
    of->here = NULL;
    if (forgotten > 0) {
        char text[96];
        (void)snprintf(text, sizeof text, "safehandle: the end of the state released %zu forgotten handles", forgotten);
        lua_warning(L, text, 0);
    }
    interpreter_let_go(ended);
    return 0;
}

/* ---- the beginning ----------------------------------------------------------------------------------------------- */

/* The host must be the manual one: no other collector looks into the memory of Lua. */
static sh_status start_runtime(void)
{
    static const sh_options ours = {.collector = SH_COLLECTOR_MANUAL};
    sh_status status = sh_init(&ours);
    if (status == SH_E_ARGUMENT) /* it runs already, with options of the program's */
        status = sh_init(NULL);
    if (status == SH_OK)
        status = sh_host_collection_begin();
    return status == SH_OK ? sh_host_collection_end() : status;
}

static interpreter *make_interpreter(void)
{
    interpreter *made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    if (pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return NULL;
    }
    atomic_init(&made->holders, 1);
    atomic_init(&made->shared_count, 1);
    if (sh_domain_create("a Lua state", &made->domain) != SH_OK) {
        (void)pthread_mutex_destroy(&made->mutex);
        free(made);
        return NULL;
    }
    return made;
}

void interpreter_push_new(lua_State *L)
{
    anchor *made = lua_newuserdatauv(L, sizeof *made, 1);
    made->here = NULL;
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, anchor_collect);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, "safehandle.interpreter");
    lua_setfield(L, -2, "__name");
    lua_setmetatable(L, -2);
    sh_status status = start_runtime();
    if (status == SH_E_UNSUPPORTED)
        (void)luaL_error(L,
                         "safehandle: this program runs libsafehandle on Boehm's collector, which does not see Lua's "
                         "memory: have it start the library with SH_COLLECTOR_MANUAL");
    if (status != SH_OK)
        (void)luaL_error(L, "safehandle: %s: %s", sh_status_name(status), sh_status_message(status));
    events_listen();
    made->here = make_interpreter();
    if (made->here == NULL)
        (void)luaL_error(L, "safehandle: memory ran out");
}

interpreter *interpreter_enter(lua_State *L)
{
    interpreter *here = ((anchor *)lua_touserdata(L, lua_upvalueindex(ANCHOR_UPVALUE)))->here;
    if (here == NULL)
        (void)error_raise(L, SH_E_CLOSED, "the Lua state is ending: nothing can be made or used any more");
    events_tell(L);
    release_run_due(here, L);
    return here;
}
