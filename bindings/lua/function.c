/* SPDX-License-Identifier: MIT */
/*
 * sh.declare(text [, library]): a C function as a function of Lua.
 *
 * The script passes what goes in, apart from lengths that are implied, and gets what the function returned, then what
 * came out; or nil, message, errno when it has failed. Objects for handles that may come out are made before the call.
 */
#include "function.h"
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/* ---- what comes out ---------------------------------------------------------------------------------------------- */

static bool may_come_out(const sh_parameter *parameter)
{
    return parameter->kind != NULL &&
           (parameter->direction == SH_DIRECTION_OUT || parameter->direction == SH_DIRECTION_INOUT ||
            parameter->direction == SH_DIRECTION_RETURN);
}

/* The number of handles with a release in the script that may come out. */
static size_t count_made(const function_frame *frame)
{
    size_t count = may_come_out(&frame->signature->result) && kind_of_script(frame->signature->result.kind) != NULL;
    for (size_t i = 0; i < frame->signature->parameter_count; i++)
        count += may_come_out(&frame->signature->parameters[i]) &&
                 kind_of_script(frame->signature->parameters[i].kind) != NULL;
    return count;
}

static void drop_rooms(const function_frame *frame, size_t count)
{
    for (size_t i = 0; i < count; i++)
        release_drop_room(&frame->of->made->of);
}

static void add_rooms(lua_State *L, const function_frame *frame, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!release_add_room(&frame->of->made->of)) {
            drop_rooms(frame, i);
            (void)error_raise(L, SH_E_NOMEM, NULL);
        }
}

/* The value of a consumed handle has come back in a new one, which the script's object has from now on. */
static void take_back(lua_State *L, handle_object *object, sh_handle *fresh)
{
    handle_give_up(L, object);
    object->handle = fresh;
}

/* The callee has it: the room for its release is not needed. */
static void forget_consumed(const handle_object *object)
{
    release_drop_room(sh_kind_of(object->handle));
}

/* Puts a handle that came out into its object. The number of releases that will be needed for it. */
static size_t store_handle(handle_object *made, sh_handle *h)
{
    made->handle = h;
    return h != NULL && kind_of_script(sh_kind_of(h)) != NULL;
}

/* Nothing can fail here. The number of releases that will be needed for what came out. A consumed handle that has
 * failed and is the same was never taken: the function was not called. */
static size_t store_handles(lua_State *L, function_frame *frame, bool failed)
{
    size_t releases = 0;
    if (frame->made_returned != NULL)
        releases += store_handle(frame->made_returned, frame->returned.handle);
    for (size_t i = 0; i < frame->signature->parameter_count; i++) {
        sh_handle *now = frame->values[i].handle;
        handle_object *given = frame->given[i];
        switch (frame->signature->parameters[i].kind == NULL ? SH_DIRECTION_IN
                                                             : frame->signature->parameters[i].direction) {
        case SH_DIRECTION_CONSUME:
            if (now == given->handle && !failed)
                forget_consumed(given);
            else if (now != given->handle && now != NULL)
                take_back(L, given, now);
            break;
        case SH_DIRECTION_OUT:
            releases += store_handle(frame->made[i], now);
            break;
        case SH_DIRECTION_INOUT:
            if (now != given->handle)
                releases += store_handle(frame->made[i], now);
            break;
        default:
            break;
        }
    }
    return releases;
}

/* The script is told of a failure and gets no values: what came out all the same is closed. */
static void give_up_all(lua_State *L, function_frame *frame)
{
    for (size_t i = 0; i < frame->signature->parameter_count; i++)
        if (frame->made[i] != NULL)
            handle_give_up(L, frame->made[i]);
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

/* Who was woken because a handle was closed sees a number that leads nowhere. */
static bool was_closed(const function_frame *frame, int os_error)
{
    if (os_error != EBADF && os_error != EINTR)
        return false;
    for (size_t i = 0; i < frame->signature->parameter_count; i++)
        if (frame->given[i] != NULL && frame->signature->parameters[i].direction != SH_DIRECTION_CONSUME &&
            sh_is_closed(frame->given[i]->handle))
            return true;
    return false;
}

static int call(lua_State *L)
{
    interpreter *here = interpreter_enter(L);
    function_frame frame;
    frame.of = lua_touserdata(L, lua_upvalueindex(2));
    frame.signature = sh_call_signature(frame.of->descriptor);
    if (frame.signature == NULL)
        return error_raise(L, SH_E_CLOSED, "the Lua state is ending: no declared function can be called any more");
    const sh_site *site = frame.of->makes_handles ? site_of_script(L) : NULL;
    frame.returned = (sh_value){.u = 0};
    values_take(L, &frame);
    size_t rooms = frame.of->made != NULL ? count_made(&frame) : 0;
    add_rooms(L, &frame, rooms);
    sh_create_options options = {.domain = here->domain, .context = (void *)(uintptr_t)frame.of->made};
    sh_call_error error;
    sh_status status = sh_call_make_at(frame.of->descriptor, frame.of->function, frame.values, &options, sizeof options,
                                       site, &frame.returned, &error);
    int os_error = errno;
    if (status != SH_OK && status != SH_E_SYSTEM) {
        drop_rooms(&frame, rooms);
        return error_raise(L, status, error.message);
    }
    drop_rooms(&frame, rooms - store_handles(L, &frame, status != SH_OK));
    if (status == SH_OK)
        return values_push(L, &frame);
    give_up_all(L, &frame);
    if (was_closed(&frame, os_error))
        return error_raise(L, SH_E_CLOSED, NULL);
    return error_answer(L, SH_E_SYSTEM, os_error, frame.signature->name);
}

/* ---- declaring --------------------------------------------------------------------------------------------------- */

/* The library stays loaded: nobody knows what it leaves behind. */
static void (*find_function(lua_State *L, const char *name, const char *library_or_null))(void)
{
    void *library = RTLD_DEFAULT;
    if (library_or_null != NULL)
        library = dlopen(library_or_null, RTLD_NOW | RTLD_LOCAL);
    if (library_or_null != NULL && library == NULL)
        (void)luaL_error(L, "sh.declare: %s", dlerror());
    void *found = dlsym(library, name);
    if (found == NULL)
        (void)luaL_error(L, "sh.declare: there is no function '%s' in %s", name,
                         library_or_null != NULL ? library_or_null
                                                 : "this program and its libraries: name the library");
    void (*function)(void);
    (void)memcpy(&function, &found, sizeof function);
    return function;
}

static void look_at(lua_State *L, function_object *object, const sh_parameter *parameter)
{
    const script_kind *kind = may_come_out(parameter) ? kind_of_script(parameter->kind) : NULL;
    object->makes_handles |= may_come_out(parameter);
    if (kind != NULL && object->made != NULL && object->made != kind)
        (void)error_raise(L, SH_E_UNSUPPORTED,
                          "handles of two kinds with a release function in Lua come out of this "
                          "function: it can be one kind only");
    if (kind != NULL)
        object->made = kind;
}

/* What is asked in each call. */
static void look_at_all(lua_State *L, function_object *object)
{
    const sh_signature *signature = sh_call_signature(object->descriptor);
    look_at(L, object, &signature->result);
    for (size_t i = 0; i < signature->parameter_count; i++) {
        look_at(L, object, &signature->parameters[i]);
        object->implied[i] = sh_call_is_implied(object->descriptor, i + 1);
    }
}

int function_declare(lua_State *L)
{
    (void)interpreter_enter(L);
    const char *text = luaL_checkstring(L, 1), *library = luaL_optstring(L, 2, NULL);
    lua_settop(L, 2);
    function_object *object = lua_newuserdatauv(L, sizeof *object, 0);
    *object = (function_object){.descriptor = NULL};
    luaL_setmetatable(L, FUNCTION_TYPE);
    size_t kind_count;
    const sh_kind *const *kinds = kind_push_list(L, &kind_count);
    sh_call_error error = {.message = ""};
    sh_status status = sh_call_parse(text, kinds, kind_count, NULL, &object->descriptor, &error);
    if (status != SH_OK)
        return error_raise(L, status, error.message[0] == '\0' ? NULL : error.message);
    object->function = find_function(L, sh_call_signature(object->descriptor)->name, library);
    look_at_all(L, object);
    lua_pushvalue(L, lua_upvalueindex(ANCHOR_UPVALUE));
    lua_pushvalue(L, 3);
    lua_pushcclosure(L, call, 2);
    return 1;
}

static int function_collect(lua_State *L)
{
    function_object *object = luaL_checkudata(L, 1, FUNCTION_TYPE);
    sh_call_descriptor_free(object->descriptor);
    object->descriptor = NULL;
    return 0;
}

void function_make_type(lua_State *L)
{
    (void)luaL_newmetatable(L, FUNCTION_TYPE);
    lua_pushcfunction(L, function_collect);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
