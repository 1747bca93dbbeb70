/* SPDX-License-Identifier: MIT */
/* `require "safehandle"`: the module's table. */
#include "module.h"

/* The only symbol that Lua looks for. */
__attribute__((visibility("default"))) int luaopen_safehandle(lua_State *L);

void module_set_functions(lua_State *L, const luaL_Reg *functions, int anchor_index)
{
    anchor_index = lua_absindex(L, anchor_index);
    lua_pushvalue(L, anchor_index);
    luaL_setfuncs(L, functions, 1);
}

void module_lock_type(lua_State *L)
{
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

int luaopen_safehandle(lua_State *L)
{
    static const luaL_Reg others[] = {{"kind", kind_make},
                                      {"adopt", share_adopt},
                                      {"declare", function_declare},
                                      {"function", function_declare},
                                      {NULL, NULL}};
    luaL_checkversion(L);
    interpreter_push_new(L);
    int anchor_index = lua_gettop(L);
    error_make_type(L);
    handle_make_type(L);
    lease_make_type(L);
    kind_make_type(L);
    function_make_type(L);
    lua_newtable(L);
    module_set_functions(L, handle_functions, anchor_index);
    module_set_functions(L, open_functions, anchor_index);
    module_set_functions(L, others, anchor_index);
    open_set_constants(L);
    (void)lua_pushstring(L, sh_version());
    lua_setfield(L, -2, "version");
    return 1;
}
