/* SPDX-License-Identifier: MIT */
/*
 * What the files of the Lua module share.
 *
 * Two rules hold everywhere here. Lua's functions may throw where they allocate, and a throw is a longjmp: so nothing
 * is held while one of them is called that only C would give back, and the object that is to own something is made
 * first. And a value of the script that other threads may see (a kind, an interpreter) lives in memory of our own.
 */
#ifndef SAFEHANDLE_LUA_MODULE_H
#define SAFEHANDLE_LUA_MODULE_H

#include <lauxlib.h>
#include <lua.h>
#include <pthread.h>
#include <safehandle.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* The names of the metatables in the registry. */
#define HANDLE_TYPE "safehandle.handle"
#define LEASE_TYPE "safehandle.lease"
#define KIND_TYPE "safehandle.kind"
#define ERROR_TYPE "safehandle.error"
#define FUNCTION_TYPE "safehandle.function"

/* ---- interpreters (interpreter.c) -------------------------------------------------------------------------------- */

/*
 * What is known of one lua_State.
 * Invariant: holders is the number of: the state itself while it lives, handles of it that were shared, kinds with a
 * release function of its script. domain is not NULL; it is unloaded when the state has ended and all it shared is
 * gone.
 */
typedef struct interpreter {
    atomic_size_t holders;
    atomic_size_t shared_count; /* what it has shared and is still somewhere, and 1 for the state itself */
    sh_domain *domain;
    atomic_bool has_due;   /* due is not empty; a look without the lock */
    pthread_mutex_t mutex; /* covers the rest */
    bool ended;            /* no function of the script is called any more */
    struct due_release *due;
    struct due_release *spare;
} interpreter;

/* The upvalue of every function of the module: a userdata, whose death is that of the state. Invariant: here is NULL
 * once the state's finalizer has run. Its user value is the table of kinds by name. */
typedef struct anchor {
    interpreter *here;
} anchor;

enum { ANCHOR_UPVALUE = 1, KINDS_OF_ANCHOR = 1 };

/* The interpreter of the function that runs; tells what waits to be told, and runs the releases that wait. Raises
 * SH_E_CLOSED while the state ends. */
interpreter *interpreter_enter(lua_State *L);

/* Pushes a new anchor. Raises when the runtime does not start. */
void interpreter_push_new(lua_State *L);

void interpreter_hold(interpreter *held);
void interpreter_let_go(interpreter *held);

/* A shared handle has come, or the last wrapper of one has gone. */
void interpreter_count_shared(interpreter *maker);
void interpreter_discount_shared(interpreter *maker);

/* ---- errors (error.c) -------------------------------------------------------------------------------------------- */

/* Throws an error object with this status; message_or_null NULL means the library's own sentence. */
int error_raise(lua_State *L, sh_status status, const char *message_or_null);

/* What a function returns that did not succeed: the world's refusals as nil, message, errno; misuse is thrown. */
int error_answer(lua_State *L, sh_status status, int os_error, const char *subject_or_null);

void error_make_type(lua_State *L);

/* ---- handles (handle.c) ------------------------------------------------------------------------------------------ */

/*
 * Invariant: handle is NULL (not made yet, or given up) or this object's to give up; shared is NULL, or has this object
 * among its holders, and names the same handle.
 */
typedef struct handle_object {
    sh_handle *handle;
    struct shared_handle *shared;
    struct read_ahead *ahead; /* bytes.c; NULL: nothing */
    const sh_site *birth;
} handle_object;

/* Pushes an object without a handle. birth is the line of the script that runs. */
handle_object *handle_push_new(lua_State *L);

handle_object *handle_check(lua_State *L, int index);

/* The same; raises SH_E_CLOSED when its handle is closed. */
handle_object *handle_check_open(lua_State *L, int index);

/* Gives up what the object has; closes it when nobody else has it. */
void handle_give_up(lua_State *L, handle_object *object);

/* The same, and warns when it is open still and nobody else has it. */
void handle_forget(lua_State *L, handle_object *object);

/* What handles of this kind are made with, in this interpreter. */
sh_create_options handle_options(interpreter *here, const sh_kind *kind);

/* Full collection, when the last call found no descriptor free: true means try again. Keeps errno. */
bool handle_make_room(lua_State *L, sh_status status, bool *tried);

void handle_make_type(lua_State *L);

extern const luaL_Reg handle_functions[];

/* ---- sharing (share.c) ------------------------------------------------------------------------------------------- */

int share_handle(lua_State *L); /* h:share() */
int share_adopt(lua_State *L);  /* sh.adopt(token) */

/* One holder less. True: it was the last, so the handle is the caller's to give up, and then its maker has shared one
 * less; shared is freed. */
bool share_leave(struct shared_handle *shared, interpreter **out_maker);

/* Gives back the tokens of an interpreter that nobody has used. */
void share_drop_tokens(lua_State *L, const interpreter *from);

/* ---- kinds (kind.c) ---------------------------------------------------------------------------------------------- */

/* A kind of the script's. Lives as long as the process, as kinds do. Invariant: of is the first member, its release is
 * release_by_script, and its handles have this struct as their context. */
typedef struct script_kind {
    sh_kind of;
    interpreter *maker;
    int release_reference;   /* in the registry of its state */
    int duplicate_reference; /* LUA_NOREF: the base's duplicate, if it has one */
} script_kind;

/* NULL: its release is not a function of a script. */
script_kind *kind_of_script(const sh_kind *kind);

/* The kind at index: an object, or a name. fallback_or_null where there is none. */
const sh_kind *kind_check(lua_State *L, int index, const sh_kind *fallback_or_null);

/* All kinds that this state knows by name, as sh_call_parse wants them, on top of the stack. */
const sh_kind *const *kind_push_list(lua_State *L, size_t *out_count);

int kind_make(lua_State *L); /* sh.kind{…} */
int kind_duplicate(lua_State *L, interpreter *here, handle_object *from, script_kind *kind);
void kind_make_type(lua_State *L); /* with the anchor on top, as the other types */

/* ---- releases (release.c) ---------------------------------------------------------------------------------------- */

/* sh_kind.release of every script_kind. */
SH_RELIABILITY(will_not_corrupt_state, success)
int release_by_script(sh_raw raw, void *context);

/* Room for the release of one handle that is to be made; false when memory ran out. drop: that handle did not come to
 * hold a value. For kinds without a release in a script both do nothing. */
bool release_add_room(const sh_kind *kind);
void release_drop_room(const sh_kind *kind);

/* sh_close, sh_close_wait and sh_dangerous_release, such that a release of this script runs before they return. */
sh_status release_close(lua_State *L, sh_handle *h);
sh_status release_close_wait(lua_State *L, sh_handle *h, int64_t timeout_ms);
sh_status release_give_back(lua_State *L, sh_handle *h);

/* Runs the releases that came while the script's thread was elsewhere. Throws nothing. */
void release_run_due(interpreter *here, lua_State *L);

/* Releases that come from now on fail (ECANCELED): the state is going. */
void release_refuse_from_now(interpreter *ended);

/* Frees the room of releases that will not come. */
void release_free_room(interpreter *ended);

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

/* The line of the script that runs, kept as long as the process; NULL: not known, or too many lines are kept. */
const sh_site *site_of_script(lua_State *L); /* site.c */

/* events.c */
void events_listen(void);
void events_tell(lua_State *L);

/* bytes.c */
int bytes_read(lua_State *L);
int bytes_write(lua_State *L);
int bytes_lines(lua_State *L);
int bytes_seek(lua_State *L);
void bytes_forget(handle_object *object);

/* lease.c */
int lease_take(lua_State *L); /* h:lease() and h:lease(f) */
void lease_make_type(lua_State *L);

extern const luaL_Reg open_functions[]; /* open.c */
void open_set_constants(lua_State *L);  /* in the table on top */

int function_declare(lua_State *L); /* function.c */
void function_make_type(lua_State *L);

/* Sets functions into the table on top, each with the anchor at index as its upvalue. */
void module_set_functions(lua_State *L, const luaL_Reg *functions, int anchor_index);

/* Pops a metatable, which no script gets at any more: its __gc is called by Lua only. */
void module_lock_type(lua_State *L);

#endif
