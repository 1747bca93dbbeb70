/* SPDX-License-Identifier: MIT */
/* What a call of a declared function needs, between its arguments and its results. function.c, values.c */
#ifndef SAFEHANDLE_LUA_FUNCTION_H
#define SAFEHANDLE_LUA_FUNCTION_H

#include "module.h"
#include <safehandle/ffi.h>

/* Invariant: descriptor is this object's; function is set with it. Its user value keeps the text. */
typedef struct function_object {
    sh_call_descriptor *descriptor;
    void (*function)(void);
    const script_kind *made;          /* the one kind with a release in the script that may come out; NULL: none */
    bool makes_handles;               /* any may come out */
    bool implied[SH_CALL_PARAMETERS]; /* sh_call_is_implied of each */
} function_object;

/*
 * One call. Everything that Lua keeps for it (strings, buffers, objects) is on its stack meanwhile.
 * Invariant: given[i] is the object whose handle goes in as parameter i, made[i] the new one for a handle that may come
 * out there; NULL: none. sizes_bytes[i] is the size of bytes, and of an implied length one more than it, once known.
 */
typedef struct function_frame {
    const function_object *of;
    const sh_signature *signature;
    sh_value values[SH_CALL_PARAMETERS];
    handle_object *given[SH_CALL_PARAMETERS];
    handle_object *made[SH_CALL_PARAMETERS];
    size_t sizes_bytes[SH_CALL_PARAMETERS];
    handle_object *made_returned;
    sh_value returned;
} function_frame;

/* Fills values from the arguments of the running function, and makes what is to hold what comes out. Raises. */
void values_take(lua_State *L, function_frame *frame);

/* Pushes what the function returned, and then what came out, in order; the number of values. */
int values_push(lua_State *L, const function_frame *frame);

#endif
