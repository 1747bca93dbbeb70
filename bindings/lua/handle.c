/* SPDX-License-Identifier: MIT */
/* The handle as an object of Lua: its making, its end, and looking at it. */
#include "module.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- making ------------------------------------------------------------------------------------------------------ */

handle_object *handle_push_new(lua_State *L)
{
    const sh_site *birth = site_of_script(L);
    handle_object *made = lua_newuserdatauv(L, sizeof *made, 0);
    *made = (handle_object){.birth = birth};
    luaL_setmetatable(L, HANDLE_TYPE);
    return made;
}

handle_object *handle_check(lua_State *L, int index)
{
    return luaL_checkudata(L, index, HANDLE_TYPE);
}

handle_object *handle_check_open(lua_State *L, int index)
{
    handle_object *object = handle_check(L, index);
    if (object->handle == NULL || sh_is_closed(object->handle))
        (void)error_raise(L, SH_E_CLOSED, NULL);
    return object;
}

sh_create_options handle_options(interpreter *here, const sh_kind *kind)
{
    return (sh_create_options){.domain = here->domain, .context = kind_of_script(kind)};
}

bool handle_make_room(lua_State *L, sh_status status, bool *tried)
{
    int os_error = errno;
    if (status != SH_E_SYSTEM || *tried || (os_error != EMFILE && os_error != ENFILE))
        return false;
    *tried = true;
    (void)lua_gc(L, LUA_GCCOLLECT); /* handles that nothing reaches are closed by their __gc */
    errno = os_error;
    return true;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static bool is_leaked(const sh_handle *h)
{
    return !sh_is_closed(h) && !sh_is_invalid(h) && sh_owns_handle(h);
}

static void warn_of_leak(lua_State *L, const sh_handle *leaked, const sh_site *birth_or_null)
{
    char text[512];
    const char *kind = sh_kind_of(leaked)->name;
    if (birth_or_null == NULL)
        (void)snprintf(text, sizeof text,
                       "safehandle: a handle of kind %.80s was left open: close it, or declare it <close>", kind);
    else
        (void)snprintf(text, sizeof text,
                       "safehandle: a handle of kind %.80s, made at %s:%d, was left open: close it, or "
                       "declare it <close>",
                       kind, birth_or_null->file, birth_or_null->line);
    lua_warning(L, text, 0);
}

/* Only the last of those who share it leaks it, so nobody is told of the others. */
static void give_up(lua_State *L, handle_object *object, bool forgotten)
{
    sh_handle *given_up = object->handle;
    interpreter *maker = NULL;
    bytes_forget(object);
    object->handle = NULL;
    if (given_up == NULL || (object->shared != NULL && !share_leave(object->shared, &maker))) {
        object->shared = NULL;
        return;
    }
    object->shared = NULL;
    if (forgotten && is_leaked(given_up))
        warn_of_leak(L, given_up, object->birth);
    (void)release_close(L, given_up);
    if (sh_host_drop(given_up) != SH_OK)
        lua_warning(L, "safehandle: a dead handle was not told to the library: its memory stays until the domain's end",
                    0);
    if (maker != NULL)
        interpreter_discount_shared(maker);
}

void handle_give_up(lua_State *L, handle_object *object)
{
    give_up(L, object, false);
}

void handle_forget(lua_State *L, handle_object *object)
{
    give_up(L, object, true);
}

static int handle_collect(lua_State *L)
{
    handle_forget(L, luaL_checkudata(L, 1, HANDLE_TYPE));
    return 0;
}

/* h:close() and h:close(timeout_ms): true, or true and "pending" while others use it still. */
static int handle_close(lua_State *L)
{
    (void)interpreter_enter(L);
    handle_object *object = handle_check(L, 1);
    bool waits = !lua_isnoneornil(L, 2);
    lua_Integer timeout_ms = luaL_optinteger(L, 2, 0);
    sh_status status = SH_OK;
    if (object->handle != NULL && waits)
        status = release_close_wait(L, object->handle, timeout_ms);
    else if (object->handle != NULL)
        status = release_close(L, object->handle);
    if (status != SH_OK && status != SH_PENDING)
        return error_answer(L, status, errno, NULL);
    lua_pushboolean(L, true);
    if (status == SH_OK)
        return 1;
    lua_pushliteral(L, "pending");
    return 2;
}

/* local h <close> = …: what cannot be released is told, but the scope ends. */
static int handle_end_scope(lua_State *L)
{
    handle_object *object = handle_check(L, 1);
    (void)interpreter_enter(L);
    if (object->handle != NULL)
        (void)release_close(L, object->handle);
    return 0;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static bool is_closed(const handle_object *object)
{
    return object->handle == NULL || sh_is_closed(object->handle);
}

static int handle_is_closed(lua_State *L)
{
    lua_pushboolean(L, is_closed(handle_check(L, 1)));
    return 1;
}

/* The name of its kind, also when it is closed. */
static int handle_kind(lua_State *L)
{
    const handle_object *object = handle_check(L, 1);
    if (object->handle == NULL)
        return error_raise(L, SH_E_CLOSED, NULL);
    (void)lua_pushstring(L, sh_kind_of(object->handle)->name);
    return 1;
}

static int handle_is_kind(lua_State *L)
{
    const handle_object *object = handle_check(L, 1);
    lua_pushboolean(L, object->handle != NULL && sh_is_kind(object->handle, kind_check(L, 2, NULL)));
    return 1;
}

static int handle_text(lua_State *L)
{
    const handle_object *object = handle_check(L, 1);
    if (is_closed(object))
        lua_pushliteral(L, "handle (closed)");
    else
        (void)lua_pushfstring(L, "handle (%s %I)", sh_kind_of(object->handle)->name,
                              (lua_Integer)sh_dangerous_get_handle(object->handle));
    return 1;
}

/* sh.type(value): as io.type. */
static int handle_type(lua_State *L)
{
    luaL_checkany(L, 1);
    const handle_object *object = luaL_testudata(L, 1, HANDLE_TYPE);
    if (object == NULL)
        luaL_pushfail(L);
    else
        (void)lua_pushstring(L, is_closed(object) ? "closed handle" : "handle");
    return 1;
}

/* ---- a second owner ---------------------------------------------------------------------------------------------- */

static int handle_duplicate(lua_State *L)
{
    interpreter *here = interpreter_enter(L);
    handle_object *from = handle_check_open(L, 1);
    script_kind *kind = kind_of_script(sh_kind_of(from->handle));
    if (kind != NULL)
        return kind_duplicate(L, here, from, kind);
    handle_object *copy = handle_push_new(L);
    bool tried = false;
    sh_status status;
    do {
        status = sh_duplicate_at(from->handle, copy->birth, &copy->handle);
    } while (handle_make_room(L, status, &tried));
    return status == SH_OK ? 1 : error_answer(L, status, errno, NULL);
}

/* ---- the type ---------------------------------------------------------------------------------------------------- */

const luaL_Reg handle_functions[] = {{"type", handle_type}, {NULL, NULL}};

void handle_make_type(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", handle_close},     {"is_closed", handle_is_closed}, {"kind", handle_kind},
        {"is_kind", handle_is_kind}, {"duplicate", handle_duplicate}, {"read", bytes_read},
        {"write", bytes_write},      {"lines", bytes_lines},          {"seek", bytes_seek},
        {"lease", lease_take},       {"share", share_handle},         {NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__gc", handle_collect}, {"__close", handle_end_scope}, {"__tostring", handle_text}, {NULL, NULL}};
    int anchor_index = lua_gettop(L);
    (void)luaL_newmetatable(L, HANDLE_TYPE);
    module_set_functions(L, metamethods, anchor_index);
    lua_newtable(L);
    module_set_functions(L, methods, anchor_index);
    lua_setfield(L, -2, "__index");
    module_lock_type(L);
}
