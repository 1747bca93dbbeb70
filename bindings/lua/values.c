/* SPDX-License-Identifier: MIT */
/* Between values of Lua and of C: numbers within their range, strings, bytes, structs from tables, handles. */
#include "function.h"
#include <stdint.h>
#include <string.h>

/* Of the numbers: size and sign. A size of 0: no integer. */
static const struct {
    uint8_t size_bytes;
    bool is_signed;
} integers[] = {
    [SH_TYPE_I8] = {1, true},
    [SH_TYPE_U8] = {1, false},
    [SH_TYPE_I16] = {2, true},
    [SH_TYPE_U16] = {2, false},
    [SH_TYPE_I32] = {4, true},
    [SH_TYPE_U32] = {4, false},
    [SH_TYPE_I64] = {8, true},
    [SH_TYPE_U64] = {8, false},
    [SH_TYPE_INT] = {sizeof(int), true},
    [SH_TYPE_UINT] = {sizeof(unsigned), false},
    [SH_TYPE_LONG] = {sizeof(long), true},
    [SH_TYPE_ULONG] = {sizeof(unsigned long), false},
    [SH_TYPE_ISIZE] = {sizeof(intptr_t), true},
    [SH_TYPE_USIZE] = {sizeof(uintptr_t), false},
    [SH_TYPE_STRUCT] = {0, false}, /* so that every type has a row */
};

/* ---- arguments --------------------------------------------------------------------------------------------------- */

/* The number as one of its C type; index is the argument it comes from. */
static sh_value fit_integer(lua_State *L, int index, lua_Integer number, sh_type type)
{
    unsigned bits = integers[type].size_bytes * 8u;
    if (bits < 64) {
        const lua_Integer one = 1;
        lua_Integer lowest = integers[type].is_signed ? -(one << (bits - 1)) : 0;
        lua_Integer highest = (one << (integers[type].is_signed ? bits - 1 : bits)) - 1;
        luaL_argcheck(L, number >= lowest && number <= highest, index, "the number is out of the range of its C type");
    }
    return (sh_value){.i = number};
}

static sh_value take_integer(lua_State *L, int index, sh_type type)
{
    return fit_integer(L, index, luaL_checkinteger(L, index), type);
}

static sh_value take_pointer(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return (sh_value){.pointer = NULL};
    if (lua_isinteger(L, index))
        return (sh_value){.pointer = (void *)(uintptr_t)lua_tointeger(L, index)};
    luaL_checktype(L, index, LUA_TLIGHTUSERDATA);
    return (sh_value){.pointer = lua_touserdata(L, index)};
}

static sh_value take_string(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return (sh_value){.string = NULL};
    size_t size_bytes;
    const char *text = luaL_checklstring(L, index, &size_bytes);
    luaL_argcheck(L, strlen(text) == size_bytes, index, "a C string has no zero byte inside");
    return (sh_value){.string = text};
}

static sh_value take_plain(lua_State *L, int index, sh_type type)
{
    switch (type) {
    case SH_TYPE_BOOL:
        return (sh_value){.u = lua_toboolean(L, index) != 0 ? 1 : 0};
    case SH_TYPE_F32:
        return (sh_value){.f32 = (float)luaL_checknumber(L, index)};
    case SH_TYPE_F64:
        return (sh_value){.f64 = luaL_checknumber(L, index)};
    case SH_TYPE_POINTER:
        return take_pointer(L, index);
    case SH_TYPE_STRING:
        return take_string(L, index);
    default:
        return take_integer(L, index, type);
    }
}

static size_t plain_size_bytes(sh_type type)
{
    switch (type) {
    case SH_TYPE_BOOL:
        return sizeof(bool);
    case SH_TYPE_F32:
        return sizeof(float);
    case SH_TYPE_F64:
        return sizeof(double);
    case SH_TYPE_POINTER:
    case SH_TYPE_STRING:
        return sizeof(void *);
    default:
        return integers[type].size_bytes;
    }
}

/* On a machine whose numbers begin with their high end, the low end of a wider value lies at its end. */
static const void *place_of(const sh_value *value, sh_type type)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    if (type < SH_TYPE_F32)
        return (const char *)value + sizeof *value - plain_size_bytes(type);
#endif
    (void)type;
    return value;
}

/* A table with a member's value under its name or its number; as C lays it out, in memory of Lua's, which is pushed. */
static sh_value take_struct(lua_State *L, int index, const sh_parameter *parameter, size_t size_bytes)
{
    luaL_checktype(L, index, LUA_TTABLE);
    char *memory = lua_newuserdatauv(L, size_bytes, 0);
    (void)memset(memory, 0, size_bytes);
    size_t end = 0;
    for (size_t i = 0; i < parameter->member_count; i++) {
        const sh_parameter *member = &parameter->members[i];
        if (member->name == NULL || lua_getfield(L, index, member->name) == LUA_TNIL)
            (void)lua_geti(L, index, (lua_Integer)i + 1);
        sh_value value = take_plain(L, lua_gettop(L), member->type);
        size_t member_bytes = plain_size_bytes(member->type);
        end = (end + member_bytes - 1) / member_bytes * member_bytes;
        (void)memcpy(memory + end, place_of(&value, member->type), member_bytes);
        end += member_bytes; /* what it points to stays on the stack */
        luaL_checkstack(L, 4, NULL);
    }
    return (sh_value){.pointer = memory};
}

/* Bytes that go in: the string itself, or a copy that may be written to; and their length, where it is implied. */
static void take_bytes(lua_State *L, int index, function_frame *frame, size_t i)
{
    const sh_parameter *parameter = &frame->signature->parameters[i];
    size_t size_bytes;
    const char *bytes = luaL_checklstring(L, index, &size_bytes);
    frame->sizes_bytes[i] = size_bytes;
    frame->values[i].pointer = (void *)(uintptr_t)bytes;
    if (parameter->direction == SH_DIRECTION_INOUT) {
        frame->values[i].pointer = lua_newuserdatauv(L, size_bytes, 0);
        (void)memcpy(frame->values[i].pointer, bytes, size_bytes);
    }
    if (parameter->length == 0 || !frame->of->implied[parameter->length - 1])
        return;
    size_t length = parameter->length - 1;
    size_t known = frame->sizes_bytes[length];
    luaL_argcheck(L, known == 0 || known == size_bytes + 1, index, "bytes that share a length are equally long");
    frame->sizes_bytes[length] = size_bytes + 1; /* of a length: that it is known */
    sh_type type = frame->signature->parameters[length].type;
    frame->values[length] = fit_integer(L, index, (lua_Integer)size_bytes, type);
}

static void take_handle(lua_State *L, int index, function_frame *frame, size_t i)
{
    frame->values[i].handle = NULL; /* null is refused by the library, in its words */
    if (lua_isnoneornil(L, index))
        return;
    frame->given[i] = handle_check(L, index);
    if (frame->given[i]->handle == NULL)
        (void)error_raise(L, SH_E_CLOSED, NULL);
    frame->values[i].handle = frame->given[i]->handle;
}

static void take_argument(lua_State *L, int index, function_frame *frame, size_t i)
{
    const sh_parameter *parameter = &frame->signature->parameters[i];
    if (parameter->kind != NULL)
        take_handle(L, index, frame, i);
    else if (parameter->type == SH_TYPE_BYTES)
        take_bytes(L, index, frame, i);
    else if (parameter->type == SH_TYPE_STRUCT)
        frame->values[i] = take_struct(L, index, parameter, sh_call_size_bytes(frame->of->descriptor, i + 1));
    else
        frame->values[i] = take_plain(L, index, parameter->type);
}

/* ---- what is to come out ----------------------------------------------------------------------------------------- */

static bool comes_out(const sh_parameter *parameter)
{
    return parameter->direction == SH_DIRECTION_OUT || parameter->direction == SH_DIRECTION_INOUT;
}

static void make_place(lua_State *L, function_frame *frame, size_t i)
{
    const sh_parameter *parameter = &frame->signature->parameters[i];
    if (parameter->kind != NULL)
        frame->made[i] = handle_push_new(L);
    if (parameter->direction == SH_DIRECTION_INOUT)
        return;
    frame->values[i] = (sh_value){.u = 0};
    if (parameter->type == SH_TYPE_BYTES) {
        size_t size_bytes = (size_t)frame->values[parameter->length - 1].u;
        frame->sizes_bytes[i] = size_bytes;
        frame->values[i].pointer = lua_newuserdatauv(L, size_bytes, 0);
        (void)memset(frame->values[i].pointer, 0, parameter->filled == 0 ? size_bytes : 0);
    }
}

void values_take(lua_State *L, function_frame *frame)
{
    const sh_signature *signature = frame->signature;
    luaL_checkstack(L, 2 * (int)signature->parameter_count + LUA_MINSTACK, NULL);
    for (size_t i = 0; i < signature->parameter_count; i++) {
        frame->sizes_bytes[i] = 0;
        frame->given[i] = frame->made[i] = NULL;
    }
    int given = lua_gettop(L), index = 0;
    for (size_t i = 0; i < signature->parameter_count; i++) {
        bool is_out = signature->parameters[i].direction == SH_DIRECTION_OUT;
        if (is_out || frame->of->implied[i])
            continue;
        index++;
        if (index > given)
            (void)luaL_argerror(L, index, "an argument is missing");
        take_argument(L, index, frame, i);
    }
    if (index < given)
        (void)luaL_argerror(L, index + 1, "there is no such argument");
    for (size_t i = 0; i < signature->parameter_count; i++)
        if (comes_out(&signature->parameters[i]))
            make_place(L, frame, i);
    frame->made_returned = signature->result.kind != NULL ? handle_push_new(L) : NULL;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static void push_plain(lua_State *L, sh_type type, sh_value value)
{
    switch (type) {
    case SH_TYPE_BOOL:
        lua_pushboolean(L, value.u != 0);
        break;
    case SH_TYPE_F32:
        lua_pushnumber(L, (lua_Number)value.f32);
        break;
    case SH_TYPE_F64:
        lua_pushnumber(L, value.f64);
        break;
    case SH_TYPE_POINTER:
        if (value.pointer != NULL)
            lua_pushlightuserdata(L, value.pointer);
        else
            lua_pushnil(L);
        break;
    default:
        lua_pushinteger(L, value.i);
    }
}

/* The object is somewhere on the stack; it is found there, since Lua pushes no userdata by its address. */
static void push_object(lua_State *L, const handle_object *object)
{
    int index = lua_gettop(L);
    while (index > 0 && lua_touserdata(L, index) != object)
        index--;
    if (index > 0 && object->handle != NULL)
        lua_pushvalue(L, index);
    else
        lua_pushnil(L);
}

static bool is_unchanged(const function_frame *frame, size_t i)
{
    return frame->given[i] != NULL && frame->values[i].handle == frame->given[i]->handle;
}

static void push_bytes(lua_State *L, const function_frame *frame, size_t i)
{
    const sh_parameter *parameter = &frame->signature->parameters[i];
    size_t size_bytes = frame->sizes_bytes[i];
    int64_t filled = (int64_t)size_bytes;
    if (parameter->filled == SH_FILLED_BY_RETURN)
        filled = frame->returned.i;
    else if (parameter->filled > 0)
        filled = frame->values[parameter->filled - 1].i;
    if (filled < 0)
        filled = 0;
    if ((uint64_t)filled < size_bytes)
        size_bytes = (size_t)filled;
    (void)lua_pushlstring(L, frame->values[i].pointer, size_bytes);
}

int values_push(lua_State *L, const function_frame *frame)
{
    const sh_signature *signature = frame->signature;
    int before = lua_gettop(L);
    luaL_checkstack(L, (int)signature->parameter_count + LUA_MINSTACK, NULL);
    if (frame->made_returned != NULL)
        push_object(L, frame->made_returned);
    else if (signature->result.type != SH_TYPE_VOID)
        push_plain(L, signature->result.type, frame->returned);
    for (size_t i = 0; i < signature->parameter_count; i++) {
        const sh_parameter *parameter = &signature->parameters[i];
        if (!comes_out(parameter))
            continue;
        if (parameter->kind != NULL)
            push_object(L, is_unchanged(frame, i) ? frame->given[i] : frame->made[i]);
        else if (parameter->type == SH_TYPE_BYTES)
            push_bytes(L, frame, i);
        else
            push_plain(L, parameter->type, frame->values[i]);
    }
    return lua_gettop(L) - before;
}
