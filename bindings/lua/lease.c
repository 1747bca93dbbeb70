/* SPDX-License-Identifier: MIT */
/*
 * h:lease(function(fd) … end), and local fd <close> = h:lease().
 *
 * Both are an object of Lua that holds the lease, so that it ends with its scope, with an error, with its coroutine's
 * close, or, where a coroutine is dropped in mid-function, with its collection. A function that cannot yield holds a
 * lease of the thread, whose user a waiting close can wake; everything else may go on later and on another thread, and
 * holds a counted reference.
 */
#include "module.h"

/* Invariant: at most one of counted and lease.handle is set; neither: the lease has ended. The handle's object is the
 * user value, so that it does not die before. */
typedef struct lease_object {
    sh_handle *counted;
    sh_lease lease;
    sh_raw raw;
} lease_object;

static void lease_end(lua_State *L, lease_object *ended)
{
    sh_handle *counted = ended->counted;
    ended->counted = NULL;
    sh_lease_end(&ended->lease);
    if (counted != NULL)
        (void)release_give_back(L, counted);
}

static sh_status lease_begin(lease_object *begun, sh_handle *h, bool counts)
{
    if (!counts)
        return sh_lease_begin(&begun->lease, h, &begun->raw);
    bool success = false;
    sh_status status = sh_dangerous_add_ref(h, &success);
    if (status != SH_OK)
        return status;
    begun->counted = h;
    begun->raw = sh_dangerous_get_handle(h);
    return SH_OK;
}

/* Pushes a lease on the handle at 1. */
static lease_object *lease_push_new(lua_State *L, bool counts)
{
    const handle_object *object = handle_check_open(L, 1);
    lease_object *made = lua_newuserdatauv(L, sizeof *made, 1);
    *made = (lease_object){.raw = -1};
    luaL_setmetatable(L, LEASE_TYPE);
    lua_pushvalue(L, 1);
    (void)lua_setiuservalue(L, -2, 1);
    sh_status status = lease_begin(made, object->handle, counts);
    if (status != SH_OK)
        (void)error_raise(L, status, NULL);
    return made;
}

/* The lease lies at 2, the results or the error above it. */
static int lease_return(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - 2;
    lease_end(L, lua_touserdata(L, 2));
    return lua_error(L);
}

/* Where the function cannot yield, an error goes straight to who catches it, with its stack for a traceback, and Lua
 * ends the lease on the way. A coroutine that an error ends would keep it until its own collection, so there it is
 * caught. */
int lease_take(lua_State *L)
{
    (void)interpreter_enter(L);
    if (lua_isnoneornil(L, 2)) {
        (void)lease_push_new(L, true);
        return 1;
    }
    lua_settop(L, 2);
    bool yields = lua_isyieldable(L);
    const lease_object *taken = lease_push_new(L, yields);
    lua_insert(L, 2);
    lua_toclose(L, 2);
    lua_pushinteger(L, (lua_Integer)taken->raw);
    int status = LUA_OK;
    if (yields)
        status = lua_pcallk(L, 1, LUA_MULTRET, 0, 0, lease_return);
    else
        lua_call(L, 1, LUA_MULTRET);
    return lease_return(L, status, 0);
}

/* ---- the object -------------------------------------------------------------------------------------------------- */

static int lease_fileno(lua_State *L)
{
    const lease_object *object = luaL_checkudata(L, 1, LEASE_TYPE);
    if (object->counted == NULL && object->lease.handle == NULL)
        return error_raise(L, SH_E_CLOSED, "attempt to use a lease that has ended");
    lua_pushinteger(L, (lua_Integer)object->raw);
    return 1;
}

static int lease_close(lua_State *L)
{
    lease_end(L, luaL_checkudata(L, 1, LEASE_TYPE));
    return 0;
}

static int lease_text(lua_State *L)
{
    const lease_object *object = luaL_checkudata(L, 1, LEASE_TYPE);
    if (object->counted == NULL && object->lease.handle == NULL)
        lua_pushliteral(L, "lease (ended)");
    else
        (void)lua_pushfstring(L, "lease (%I)", (lua_Integer)object->raw);
    return 1;
}

void lease_make_type(lua_State *L)
{
    static const luaL_Reg methods[] = {{"fileno", lease_fileno}, {"close", lease_close}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {
        {"__gc", lease_close}, {"__close", lease_close}, {"__tostring", lease_text}, {NULL, NULL}};
    int anchor_index = lua_gettop(L);
    (void)luaL_newmetatable(L, LEASE_TYPE);
    module_set_functions(L, metamethods, anchor_index);
    lua_newtable(L);
    module_set_functions(L, methods, anchor_index);
    lua_setfield(L, -2, "__index");
    module_lock_type(L);
}
