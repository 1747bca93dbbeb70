/* SPDX-License-Identifier: MIT */
/*
 * Numbers of descriptors, as modules for Lua hand them out: what luaposix has under these names, for where it is not
 * packaged for Lua 5.4.
 */
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <unistd.h>

__attribute__((visibility("default"))) int luaopen_descriptor(lua_State *L);

static int descriptor_fileno(lua_State *L)
{
    const luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    luaL_argcheck(L, stream->closef != NULL, 1, "attempt to use a closed file");
    lua_pushinteger(L, fileno(stream->f));
    return 1;
}

static int descriptor_open(lua_State *L)
{
    lua_pushinteger(L, open(luaL_checkstring(L, 1), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    return 1;
}

static int descriptor_write(lua_State *L)
{
    size_t size_bytes;
    const char *bytes = luaL_checklstring(L, 2, &size_bytes);
    lua_pushinteger(L, write((int)luaL_checkinteger(L, 1), bytes, size_bytes));
    return 1;
}

static int descriptor_close(lua_State *L)
{
    lua_pushinteger(L, close((int)luaL_checkinteger(L, 1)));
    return 1;
}

int luaopen_descriptor(lua_State *L)
{
    static const luaL_Reg functions[] = {{"fileno", descriptor_fileno},
                                         {"open", descriptor_open},
                                         {"write", descriptor_write},
                                         {"close", descriptor_close},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
