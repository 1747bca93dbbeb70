/* SPDX-License-Identifier: MIT */
/*
 * Releases that are functions of a script.
 *
 * Such a function can run only on the thread of its state, and only when that is not doing something else. Where this
 * module itself closes, it runs at once (releasing_here). Where the library releases (a worker, another thread, the
 * last lease of somebody), the value is put on a list, which is worked off by the state's next call into the module, or
 * at its end. Room on that list is made together with each handle, so that a release needs no memory.
 */
#include "module.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Invariant: on due with a kind and its value, or on spare, or nowhere. */
typedef struct due_release {
    struct due_release *next;
    script_kind *kind;
    sh_raw raw;
} due_release;

static _Thread_local struct {
    const interpreter *maker; /* whose kinds; NULL: none */
    lua_State *L;
} releasing_here;

/* ---- room for releases ------------------------------------------------------------------------------------------- */

static due_release *take_spare(interpreter *of)
{
    (void)pthread_mutex_lock(&of->mutex);
    due_release *taken = of->spare;
    if (taken != NULL)
        of->spare = taken->next;
    (void)pthread_mutex_unlock(&of->mutex);
    return taken;
}

bool release_add_room(const sh_kind *kind)
{
    script_kind *known = kind_of_script(kind);
    if (known == NULL)
        return true;
    due_release *made = malloc(sizeof *made);
    if (made == NULL)
        return false;
    interpreter *maker = known->maker;
    (void)pthread_mutex_lock(&maker->mutex);
    made->next = maker->spare;
    maker->spare = made;
    (void)pthread_mutex_unlock(&maker->mutex);
    return true;
}

void release_drop_room(const sh_kind *kind)
{
    script_kind *known = kind_of_script(kind);
    if (known != NULL)
        free(take_spare(known->maker));
}

static void free_list(due_release *first)
{
    while (first != NULL) {
        due_release *next = first->next;
        free(first);
        first = next;
    }
}

void release_free_room(interpreter *ended)
{
    free_list(ended->spare);
    free_list(ended->due);
}

/* ---- releasing --------------------------------------------------------------------------------------------------- */

/* run_release did not get as far as the script's function, for want of memory. */
enum { TRY_LATER = -1, STACK_FOR_RELEASE = 3 * LUA_MINSTACK };

/* One release, while it runs. */
typedef struct running_release {
    const script_kind *kind;
    sh_raw raw;
    bool begun; /* the script's function was called */
} running_release;

static int do_nothing(lua_State *L)
{
    (void)L;
    return 0;
}

/* In a protected call of its own. Answers an errno value. What Lua needs to call a function is there before begun is
 * set: room on its stack, and a record of the call, which the call of a function that does nothing leaves behind. */
static int call_release(lua_State *L)
{
    running_release *running = lua_touserdata(L, 1);
    luaL_checkstack(L, STACK_FOR_RELEASE, NULL);
    lua_pushcfunction(L, do_nothing);
    lua_call(L, 0, 0);
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, running->kind->release_reference);
    lua_pushinteger(L, (lua_Integer)running->raw);
    running->begun = true;
    lua_call(L, 1, 3);
    /* nil, message, errno: refused; everything else is a success, also no value at all. */
    if (!lua_toboolean(L, -3) && !lua_isnil(L, -2))
        lua_pushinteger(L, lua_isinteger(L, -1) && lua_tointeger(L, -1) != 0 ? lua_tointeger(L, -1) : EIO);
    else
        lua_pushinteger(L, 0);
    return 1;
}

/* In a protected call of its own: turns an error into text. */
static int call_tostring(lua_State *L)
{
    (void)luaL_tolstring(L, 1, NULL);
    return 1;
}

static void warn_of_error(lua_State *L, const script_kind *kind)
{
    lua_pushcfunction(L, call_tostring);
    lua_insert(L, -2);
    (void)lua_pcall(L, 1, 1, 0);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error that has no text";
    lua_warning(L, "safehandle: the release function of kind ", 1);
    lua_warning(L, kind->of.name, 1);
    lua_warning(L, " raised an error: ", 1);
    lua_warning(L, text, 0);
}

/* Runs the script's function: 0, an errno value, or TRY_LATER. Throws nothing. */
static int run_release(lua_State *L, const script_kind *kind, sh_raw raw)
{
    running_release running = {.kind = kind, .raw = raw};
    int top = lua_gettop(L);
    if (!lua_checkstack(L, LUA_MINSTACK))
        return TRY_LATER;
    lua_pushcfunction(L, call_release);
    lua_pushlightuserdata(L, &running);
    int os_error = EIO;
    if (lua_pcall(L, 1, 1, 0) == LUA_OK)
        os_error = (int)lua_tointeger(L, -1);
    else if (running.begun)
        warn_of_error(L, kind);
    else
        os_error = TRY_LATER;
    lua_settop(L, top);
    return os_error;
}

/* False: the state has ended. */
static bool put_off(interpreter *maker, due_release *room)
{
    room->next = NULL;
    (void)pthread_mutex_lock(&maker->mutex);
    bool lives = !maker->ended;
    due_release **last = &maker->due;
    while (*last != NULL)
        last = &(*last)->next;
    if (lives)
        *last = room;
    /* Relaxed: a hint; the lock orders the list. */
    atomic_store_explicit(&maker->has_due, maker->due != NULL, memory_order_relaxed);
    (void)pthread_mutex_unlock(&maker->mutex);
    return lives;
}

int release_by_script(sh_raw raw, void *context)
{
    script_kind *kind = context;
    due_release *room = take_spare(kind->maker);
    if (releasing_here.maker == kind->maker) {
        int os_error = run_release(releasing_here.L, kind, raw);
        if (os_error != TRY_LATER || room == NULL) {
            free(room);
            return os_error == TRY_LATER ? ENOMEM : os_error;
        }
    }
    if (room == NULL)
        return ENOMEM; /* not of a handle that was made here */
    *room = (due_release){.kind = kind, .raw = raw};
    if (put_off(kind->maker, room))
        return 0;
    free(room);
    return ECANCELED;
}

static due_release *take_due(interpreter *here)
{
    (void)pthread_mutex_lock(&here->mutex);
    due_release *taken = here->due;
    if (taken != NULL)
        here->due = taken->next;
    /* Relaxed: as above. */
    atomic_store_explicit(&here->has_due, here->due != NULL, memory_order_relaxed);
    (void)pthread_mutex_unlock(&here->mutex);
    return taken;
}

static void warn_of_refusal(lua_State *L, const script_kind *kind, int os_error)
{
    char buffer[96];
    lua_warning(L, "safehandle: the release function of kind ", 1);
    lua_warning(L, kind->of.name, 1);
    lua_warning(L, " failed: ", 1);
    lua_warning(L, strerror_r(os_error, buffer, sizeof buffer), 0);
}

void release_run_due(interpreter *here, lua_State *L)
{
    /* Relaxed: as above. */
    if (!atomic_load_explicit(&here->has_due, memory_order_relaxed))
        return;
    for (due_release *next; (next = take_due(here)) != NULL;) {
        int os_error = run_release(L, next->kind, next->raw);
        if (os_error == TRY_LATER && put_off(here, next))
            return;
        if (os_error != 0)
            warn_of_refusal(L, next->kind, os_error == TRY_LATER ? ENOMEM : os_error);
        free(next);
    }
}

void release_refuse_from_now(interpreter *ended)
{
    (void)pthread_mutex_lock(&ended->mutex);
    ended->ended = true;
    (void)pthread_mutex_unlock(&ended->mutex);
}

/* ---- closing from a script --------------------------------------------------------------------------------------- */

/* Calls step(h, data) such that a release of the script runs at once. They nest: a release may close, too. */
static sh_status step_here(lua_State *L, sh_handle *h, sh_status (*step)(sh_handle *h, int64_t number), int64_t number)
{
    script_kind *kind = kind_of_script(sh_kind_of(h));
    if (kind == NULL)
        return step(h, number);
    const interpreter *outer_maker = releasing_here.maker;
    lua_State *outer_state = releasing_here.L;
    releasing_here.maker = kind->maker;
    releasing_here.L = L;
    sh_status status = step(h, number);
    releasing_here.maker = outer_maker;
    releasing_here.L = outer_state;
    return status;
}

static sh_status step_close(sh_handle *h, int64_t unused)
{
    (void)unused;
    return sh_close(h);
}

static sh_status step_give_back(sh_handle *h, int64_t unused)
{
    (void)unused;
    return sh_dangerous_release(h);
}

sh_status release_close(lua_State *L, sh_handle *h)
{
    return step_here(L, h, step_close, 0);
}

sh_status release_close_wait(lua_State *L, sh_handle *h, int64_t timeout_ms)
{
    return step_here(L, h, sh_close_wait, timeout_ms);
}

sh_status release_give_back(lua_State *L, sh_handle *h)
{
    return step_here(L, h, step_give_back, 0);
}
