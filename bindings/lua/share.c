/* SPDX-License-Identifier: MIT */
/*
 * One handle in several states. The state that has it makes a token, a number, which travels as the program likes; the
 * state that adopts it gets an object of its own around the same handle. A close on either side is a close for all; the
 * handle is given up when the last object has died.
 */
#include "module.h"
#include <stdlib.h>

/* Invariant: holders is the number of objects and unused tokens; maker counts it among what it has shared. */
typedef struct shared_handle {
    atomic_size_t holders;
    sh_handle *handle;
    interpreter *maker; /* whose domain the handle is in */
    const sh_site *birth;
} shared_handle;

/* Invariant: holds one of shared's holders. */
typedef struct token {
    struct token *next;
    lua_Integer number;
    shared_handle *shared;
    interpreter *from; /* the state that made the token */
} token;

/* Invariant: the mutex covers both. */
static struct {
    pthread_mutex_t mutex;
    token *first;
    lua_Integer last_number;
} tokens = {.mutex = PTHREAD_MUTEX_INITIALIZER};

bool share_leave(shared_handle *shared, interpreter **out_maker)
{
    /* Acquire and release: what the others did with the handle comes before its end. */
    if (atomic_fetch_sub_explicit(&shared->holders, 1, memory_order_acq_rel) > 1)
        return false;
    *out_maker = shared->maker;
    free(shared);
    return true;
}

/* NULL: memory ran out. */
static shared_handle *share_object(interpreter *here, handle_object *object)
{
    if (object->shared != NULL)
        return object->shared;
    shared_handle *made = malloc(sizeof *made);
    if (made == NULL)
        return NULL;
    *made = (shared_handle){.handle = object->handle, .maker = here, .birth = object->birth};
    atomic_init(&made->holders, 1);
    interpreter_count_shared(here);
    object->shared = made;
    return made;
}

int share_handle(lua_State *L)
{
    interpreter *here = interpreter_enter(L);
    handle_object *object = handle_check_open(L, 1);
    if (kind_of_script(sh_kind_of(object->handle)) != NULL)
        return error_raise(
            L, SH_E_UNSUPPORTED,
            "the release function of this kind belongs to this Lua state, so no other can have the handle");
    token *made = malloc(sizeof *made);
    shared_handle *shared = made == NULL ? NULL : share_object(here, object);
    if (shared == NULL) {
        free(made);
        return error_raise(L, SH_E_NOMEM, NULL);
    }
    /* Relaxed: this object's own share keeps it alive. */
    (void)atomic_fetch_add_explicit(&shared->holders, 1, memory_order_relaxed);
    (void)pthread_mutex_lock(&tokens.mutex);
    lua_Integer number = ++tokens.last_number;
    *made = (token){.next = tokens.first, .number = number, .shared = shared, .from = here};
    tokens.first = made;
    (void)pthread_mutex_unlock(&tokens.mutex);
    lua_pushinteger(L, number);
    return 1;
}

/* Takes a token out: by its number, or, where from_or_null is set, any of that state. NULL: there is none. */
static token *take_token(lua_Integer number, const interpreter *from_or_null)
{
    (void)pthread_mutex_lock(&tokens.mutex);
    token **link = &tokens.first;
    while (*link != NULL && (from_or_null == NULL ? (*link)->number != number : (*link)->from != from_or_null))
        link = &(*link)->next;
    token *taken = *link;
    if (taken != NULL)
        *link = taken->next;
    (void)pthread_mutex_unlock(&tokens.mutex);
    return taken;
}

int share_adopt(lua_State *L)
{
    (void)interpreter_enter(L);
    lua_Integer number = luaL_checkinteger(L, 1);
    handle_object *object = handle_push_new(L);
    token *taken = take_token(number, NULL);
    if (taken == NULL)
        return error_raise(L, SH_E_ARGUMENT,
                           "no handle waits under this token: it was adopted already, or its state has ended");
    object->shared = taken->shared;
    object->handle = taken->shared->handle;
    object->birth = taken->shared->birth;
    free(taken);
    return 1;
}

void share_drop_tokens(lua_State *L, const interpreter *from)
{
    for (token *taken; (taken = take_token(0, from)) != NULL; free(taken)) {
        handle_object unused = {
            .handle = taken->shared->handle, .shared = taken->shared, .birth = taken->shared->birth};
        handle_forget(L, &unused);
    }
}
