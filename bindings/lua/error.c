/* SPDX-License-Identifier: MIT */
/*
 * How a script is told: what the world refuses is nil, a message and an errno value, as io.open has it. What only a
 * mistake in the script can bring about is an error, as in Lua's "attempt to use a closed file": a table with .status,
 * .message and .where, which tostring joins.
 */
#include "module.h"
#include <errno.h>

/* What the library's own sentence would say in words of C. */
static const char *words_for(sh_status status)
{
    switch (status) {
    case SH_E_CLOSED:
        return "attempt to use a closed handle";
    case SH_E_OWNED:
        return "another open handle owns this descriptor: use h:duplicate() for a second owner, or wrap it with "
               "{owned = false} for an object that only looks";
    case SH_E_NOMEM:
        return "not enough memory";
    case SH_E_RELEASE:
        return "the handle was closed, but its release failed, and is not tried again: a warning says why";
    default:
        return sh_status_message(status);
    }
}

int error_raise(lua_State *L, sh_status status, const char *message_or_null)
{
    luaL_checkstack(L, 4, NULL);
    lua_createtable(L, 0, 3);
    (void)lua_pushstring(L, sh_status_name(status));
    lua_setfield(L, -2, "status");
    (void)lua_pushstring(L, message_or_null != NULL ? message_or_null : words_for(status));
    lua_setfield(L, -2, "message");
    luaL_where(L, 1);
    lua_setfield(L, -2, "where");
    luaL_setmetatable(L, ERROR_TYPE);
    return lua_error(L);
}

int error_answer(lua_State *L, sh_status status, int os_error, const char *subject_or_null)
{
    switch (status) {
    case SH_E_SYSTEM:
        errno = os_error;
        return luaL_fileresult(L, 0, subject_or_null);
    case SH_E_TIMEOUT:
        errno = ETIMEDOUT;
        return luaL_fileresult(L, 0, subject_or_null);
    case SH_E_RELEASE:
        luaL_pushfail(L);
        (void)lua_pushstring(L, words_for(status));
        return 2;
    default:
        return error_raise(L, status, NULL);
    }
}

static int error_text(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    (void)lua_getfield(L, 1, "where");
    (void)lua_getfield(L, 1, "message");
    (void)luaL_tolstring(L, -2, NULL);
    (void)luaL_tolstring(L, -2, NULL);
    lua_concat(L, 2);
    return 1;
}

void error_make_type(lua_State *L)
{
    (void)luaL_newmetatable(L, ERROR_TYPE);
    lua_pushcfunction(L, error_text);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
}
