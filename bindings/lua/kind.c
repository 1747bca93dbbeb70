/* SPDX-License-Identifier: MIT */
/* Kinds: the library's, and those that a script makes. */
#include "module.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const sh_kind *const built_in[] = {&sh_kind_fd, &sh_kind_file, &sh_kind_socket, &sh_kind_pipe, &sh_kind_event};

/* What a script has of a kind. */
typedef struct kind_object {
    const sh_kind *kind;
} kind_object;

script_kind *kind_of_script(const sh_kind *kind)
{
    return kind != NULL && kind->release == release_by_script ? (script_kind *)(void *)(uintptr_t)kind : NULL;
}

/* ---- kinds by name ----------------------------------------------------------------------------------------------- */

static void push_kinds(lua_State *L)
{
    (void)lua_getiuservalue(L, lua_upvalueindex(ANCHOR_UPVALUE), KINDS_OF_ANCHOR);
}

const sh_kind *kind_check(lua_State *L, int index, const sh_kind *fallback_or_null)
{
    if (fallback_or_null != NULL && lua_isnoneornil(L, index))
        return fallback_or_null;
    if (lua_type(L, index) != LUA_TSTRING)
        return ((const kind_object *)luaL_checkudata(L, index, KIND_TYPE))->kind;
    push_kinds(L);
    lua_pushvalue(L, index);
    (void)lua_rawget(L, -2);
    const kind_object *found = luaL_testudata(L, -1, KIND_TYPE);
    if (found == NULL) {
        (void)luaL_argerror(L, index,
                            lua_pushfstring(L,
                                            "there is no kind '%s': make it with sh.kind, or use fd, file, "
                                            "socket, pipe or event",
                                            lua_tostring(L, index)));
        return NULL;
    }
    const sh_kind *kind = found->kind;
    lua_pop(L, 2);
    return kind;
}

const sh_kind *const *kind_push_list(lua_State *L, size_t *out_count)
{
    size_t count = 0;
    push_kinds(L);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        count++;
    const sh_kind **list = lua_newuserdatauv(L, (count + 1) * sizeof *list, 0);
    size_t written = 0;
    for (lua_pushnil(L); lua_next(L, -3) != 0; lua_pop(L, 1))
        list[written++] = ((const kind_object *)lua_touserdata(L, -1))->kind;
    lua_remove(L, -2);
    *out_count = count;
    return list;
}

/* ---- making one -------------------------------------------------------------------------------------------------- */

/* The fields of the table at 1, or what stands for them. */
typedef struct kind_fields {
    const char *name;
    const sh_kind *base;
    sh_raw invalid;
    bool (*is_invalid)(sh_raw raw);
    bool has_release;
} kind_fields;

static void read_invalid(lua_State *L, kind_fields *out_fields)
{
    int type = lua_getfield(L, 1, "invalid");
    if (type == LUA_TNIL) {
        out_fields->invalid = out_fields->base != NULL ? out_fields->base->invalid_value : -1;
        out_fields->is_invalid = out_fields->base != NULL ? out_fields->base->is_invalid : NULL;
    } else if (type == LUA_TSTRING && strcmp(lua_tostring(L, -1), "zero or minus one") == 0) {
        out_fields->invalid = -1;
        out_fields->is_invalid = sh_invalid_zero_or_minus_one;
    } else if (lua_isinteger(L, -1)) {
        out_fields->invalid = (sh_raw)lua_tointeger(L, -1);
    } else {
        (void)luaL_argerror(L, 1, "invalid must be an integer, or \"zero or minus one\"");
    }
    lua_pop(L, 1);
}

/* Leaves the functions on top of the stack: release, duplicate. */
static kind_fields read_fields(lua_State *L)
{
    kind_fields fields = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (lua_getfield(L, 1, "name") != LUA_TSTRING)
        (void)luaL_argerror(L, 1, "name must be a string");
    fields.name = lua_tostring(L, -1); /* the table keeps it */
    if (lua_getfield(L, 1, "base") != LUA_TNIL)
        fields.base = kind_check(L, lua_gettop(L), NULL);
    read_invalid(L, &fields);
    fields.has_release = lua_getfield(L, 1, "release") != LUA_TNIL;
    bool has_duplicate = lua_getfield(L, 1, "duplicate") != LUA_TNIL;
    if (!fields.has_release && (fields.base == NULL || kind_of_script(fields.base) != NULL || has_duplicate))
        (void)luaL_argerror(L, 1,
                            "release must be a function of the raw value; only a kind whose base is one of the "
                            "library's may leave it out, and then duplicate with it");
    if (fields.has_release && lua_type(L, -2) != LUA_TFUNCTION)
        (void)luaL_argerror(L, 1, "release must be a function of the raw value");
    if (has_duplicate && lua_type(L, -1) != LUA_TFUNCTION)
        (void)luaL_argerror(L, 1, "duplicate must be a function of the raw value");
    return fields;
}

/* NULL: memory ran out. */
static script_kind *make_kind(const kind_fields *fields)
{
    size_t name_size_bytes = strlen(fields->name) + 1;
    script_kind *made = calloc(1, sizeof *made + name_size_bytes);
    if (made == NULL)
        return NULL;
    char *name = (char *)(made + 1);
    (void)memcpy(name, fields->name, name_size_bytes);
    made->of = (sh_kind){.name = name,
                         .base = fields->base,
                         .invalid_value = fields->invalid,
                         .is_invalid = fields->is_invalid,
                         .release = release_by_script};
    if (fields->base != NULL)
        made->of.flags = fields->base->flags & SH_KIND_FD;
    if (fields->base != NULL && !fields->has_release) {
        made->of.release = fields->base->release;
        made->of.duplicate = fields->base->duplicate;
        made->of.interrupt = fields->base->interrupt;
    }
    made->release_reference = LUA_NOREF;
    made->duplicate_reference = LUA_NOREF;
    return made;
}

static bool is_known(lua_State *L, const char *name)
{
    push_kinds(L);
    bool known = lua_getfield(L, -1, name) != LUA_TNIL;
    lua_pop(L, 2);
    return known;
}

/* sh.kind{name = …, base = …, invalid = …, release = function(raw) … end, duplicate = function(raw) … end} */
int kind_make(lua_State *L)
{
    interpreter *here = interpreter_enter(L);
    kind_fields fields = read_fields(L);
    int functions = lua_gettop(L) - 1;
    if (is_known(L, fields.name))
        return luaL_argerror(L, 1, "this Lua state has a kind of that name already");
    kind_object *object = lua_newuserdatauv(L, sizeof *object, 0);
    object->kind = NULL;
    script_kind *made = make_kind(&fields);
    if (made == NULL)
        return error_raise(L, SH_E_NOMEM, NULL);
    object->kind = &made->of; /* from here on a throw loses some bytes, which no handle needs */
    luaL_setmetatable(L, KIND_TYPE);
    if (fields.has_release) {
        interpreter_hold(here);
        made->maker = here;
        lua_pushvalue(L, functions);
        made->release_reference = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    if (fields.has_release && lua_type(L, functions + 1) == LUA_TFUNCTION) {
        lua_pushvalue(L, functions + 1);
        made->duplicate_reference = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    push_kinds(L);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, fields.name);
    lua_pop(L, 1);
    return 1;
}

/* ---- duplicates -------------------------------------------------------------------------------------------------- */

/* In a protected call of its own: (kind, raw). Answers the copy, or what the script says instead. */
static int call_duplicate(lua_State *L)
{
    const script_kind *kind = lua_touserdata(L, 1);
    (void)lua_rawgeti(L, LUA_REGISTRYINDEX, kind->duplicate_reference);
    lua_insert(L, 2);
    lua_call(L, 1, LUA_MULTRET);
    return lua_gettop(L) - 1;
}

/* The script's function, protected. Leaves its results, or its error, above top. SH_OK: *out_copy is the copy. */
static sh_status duplicate_by_script(lua_State *L, const script_kind *kind, sh_raw raw, sh_raw *out_copy)
{
    int top = lua_gettop(L);
    lua_pushcfunction(L, call_duplicate);
    lua_pushlightuserdata(L, (void *)(uintptr_t)kind);
    lua_pushinteger(L, (lua_Integer)raw);
    if (lua_pcall(L, 2, LUA_MULTRET, 0) != LUA_OK)
        return SH_E_ABORTED;
    if (lua_gettop(L) == top || !lua_isinteger(L, top + 1))
        return SH_E_SYSTEM;
    *out_copy = (sh_raw)lua_tointeger(L, top + 1);
    return SH_OK;
}

/* The base's own, as for descriptors; or none. */
static sh_status duplicate_by_base(const script_kind *kind, sh_raw raw, sh_raw *out_copy)
{
    const sh_kind *base = kind->of.base;
    if (base == NULL || base->duplicate == NULL)
        return SH_E_UNSUPPORTED;
    int os_error = base->duplicate(raw, out_copy);
    if (os_error != 0)
        errno = os_error;
    return os_error == 0 ? SH_OK : SH_E_SYSTEM;
}

/* The copy's handle is made before the script's function runs, so that what that returns has an owner at once. */
int kind_duplicate(lua_State *L, interpreter *here, handle_object *from, script_kind *kind)
{
    lua_settop(L, 1);
    luaL_checkstack(L, 8, NULL);
    handle_object *copy = handle_push_new(L);
    sh_create_options options = handle_options(here, &kind->of);
    if (!release_add_room(&kind->of))
        return error_raise(L, SH_E_NOMEM, NULL);
    sh_status status = sh_create_at(&kind->of, &options, sizeof options, copy->birth, &copy->handle);
    sh_lease lease = {0};
    sh_raw raw, raw_copy = kind->of.invalid_value;
    if (status == SH_OK)
        status = sh_lease_begin(&lease, from->handle, &raw);
    if (status == SH_OK && kind->duplicate_reference != LUA_NOREF)
        status = duplicate_by_script(L, kind, raw, &raw_copy);
    else if (status == SH_OK)
        status = duplicate_by_base(kind, raw, &raw_copy);
    int os_error = errno;
    sh_lease_end(&lease);
    if (status == SH_OK)
        status = sh_set_handle(copy->handle, raw_copy);
    if (status == SH_OK) {
        lua_settop(L, 2);
        return 1;
    }
    release_drop_room(&kind->of);
    if (status == SH_E_ABORTED)
        return lua_error(L);
    if (status == SH_E_SYSTEM && kind->duplicate_reference != LUA_NOREF)
        return lua_gettop(L) - 2; /* nil, message, errno, as the script says it */
    return error_answer(L, status, os_error, NULL);
}

/* ---- the type ---------------------------------------------------------------------------------------------------- */

static int kind_text(lua_State *L)
{
    const kind_object *object = luaL_checkudata(L, 1, KIND_TYPE);
    (void)lua_pushfstring(L, "kind (%s)", object->kind->name);
    return 1;
}

static void add_built_in(lua_State *L)
{
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++) {
        kind_object *object = lua_newuserdatauv(L, sizeof *object, 0);
        object->kind = built_in[i];
        luaL_setmetatable(L, KIND_TYPE);
        lua_setfield(L, -2, built_in[i]->name);
    }
}

void kind_make_type(lua_State *L)
{
    (void)luaL_newmetatable(L, KIND_TYPE);
    lua_pushcfunction(L, kind_text);
    lua_setfield(L, -2, "__tostring");
    module_lock_type(L);
    lua_newtable(L);
    add_built_in(L);
    (void)lua_setiuservalue(L, -2, KINDS_OF_ANCHOR);
}
