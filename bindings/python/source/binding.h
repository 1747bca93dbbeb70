/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the binding share. CPython's stable ABI of 3.11 and our public headers, nothing else.
 *
 * The interpreter's lock is held in every function here, unless its comment says otherwise. What may release a handle
 * or wait runs outside of it (gil.c), so that a close never stops the other threads, and so that a release that is
 * written in Python can take it.
 */
#ifndef SAFEHANDLE_PYTHON_BINDING_H
#define SAFEHANDLE_PYTHON_BINDING_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <safehandle.h>
#include <stdbool.h>

/* PyArg_ParseTupleAndKeywords wants names that it could write to, and does not. */
#define NAMES(...) ((char **)(const char *const[]){__VA_ARGS__, NULL})

/* ---- gil.c ------------------------------------------------------------------------------------------------------- */

/* Gives the lock up, and takes it again. They alternate on each thread, and keep errno. */
void gil_leave(void);
void gil_enter(void);
/* Whether this thread gave it up by gil_leave, and so can take it by gil_enter. */
bool gil_is_left(void);

/* ---- home.c ------------------------------------------------------------------------------------------------------ */

struct user_value;

/* What one interpreter has, whatever becomes of the module object. Never freed.
 * Invariant: values holds those whose release waits for the lock; it is pushed to without the lock, taken with it. */
typedef struct home {
    sh_domain *domain;
    bool is_main;
    bool ended; /* no Python function can be called any more */
    struct user_value *waiting;
} home;

/* The interpreter's home, made by the first call; NULL with an exception. */
home *home_find(void);
/* Releases what waits for it. Any thread that holds the lock, in the home's own interpreter. */
void home_release_waiting(home *here);
/* From any thread, without the lock: gives value to the home's next call. */
void home_push(home *here, struct user_value *value);

/* ---- module.c ---------------------------------------------------------------------------------------------------- */

typedef enum error_class {
    ERROR_BASE,
    ERROR_CLOSED,
    ERROR_INVALID,
    ERROR_KIND,
    ERROR_OWNED,
    ERROR_TIMEOUT,
    ERROR_RELEASE,
    ERROR_BUSY,
    ERROR_UNSUPPORTED,
    ERROR_SIGNATURE,
    ERROR_COUNT
} error_class;

enum { BUILT_IN_KINDS = 5 };

/* Invariant: everything but seen_code is set once the module's exec has ended without an exception, and until its
 * clear. */
typedef struct module_state {
    home *home;
    PyTypeObject *owner_type;
    PyTypeObject *handle_type;
    PyTypeObject *lease_type;
    PyTypeObject *kind_type;
    PyTypeObject *function_type;
    PyObject *kinds[BUILT_IN_KINDS];
    PyObject *errors[ERROR_COUNT];
    PyCodeObject *seen_code; /* whose scopes lease.c has looked at last, and what it found; or NULL */
    bool seen_is_resumable;
} module_state;

/* Of an object whose type is one of ours: all are final. */
module_state *state_of(PyObject *object);
/* A zeroed object of one of our classes; NULL with an exception. */
PyObject *object_make(PyTypeObject *class);
/* The last step of its tp_dealloc. */
void object_free(PyObject *object);

/* ---- errors.c ---------------------------------------------------------------------------------------------------- */

/* Adds the exception classes to the module. 0, or -1 with an exception. */
int errors_add(PyObject *module, module_state *state);
/* Raises what status says about doing something ("read"). errno counts for SH_E_SYSTEM. Always NULL. */
PyObject *error_raise(module_state *state, sh_status status, const char *doing);
/* The same for an open of path, which is named. */
PyObject *error_raise_path(module_state *state, sh_status status, const char *doing, PyObject *path);

/* ---- timeout.c --------------------------------------------------------------------------------------------------- */

/* Seconds, or None for no limit, as milliseconds. 0, or -1 with an exception. */
int timeout_read(PyObject *seconds, int64_t *out_ms);

/* ---- events.c ---------------------------------------------------------------------------------------------------- */

/* The library tells its events to us from now on, until as many ends as begins. */
void events_begin(void);
void events_end(void);
/* Tells what has come in as warnings. */
void events_tell(void);
/* wait_for_events(timeout=None) */
PyObject *events_wait(PyObject *module, PyObject *arguments, PyObject *keywords);

/* ---- site.c ------------------------------------------------------------------------------------------------------ */

/* Where the caller is, when tracing is on; else NULL. Lives as long as the process. Never raises. */
const sh_site *site_here(void);
/* trace(on) */
PyObject *site_trace(PyObject *module, PyObject *on);
/* Tracing begins as the interpreter's own: with -X tracemalloc. */
int site_begin(void);

/* ---- kind.c ------------------------------------------------------------------------------------------------------ */

/* Not known to the cyclic collector: it may not take a release function away before the handles that need it.
 * Invariant: release is NULL exactly for the built-in kinds. The sh_kind is never freed, as kind.h asks. */
typedef struct kind_object {
    PyObject_HEAD const sh_kind *kind;
    PyObject *name;
    PyObject *base; /* a kind_object, or NULL */
    PyObject *release;
    PyObject *duplicate; /* or NULL */
} kind_object;

extern PyType_Spec kind_spec;

int kinds_add(PyObject *module, module_state *state);
/* The Kind that a name or a Kind means: borrowed; NULL with an exception. */
kind_object *kind_named(module_state *state, PyObject *name_or_kind);
/* The Kind of a handle that the library has made of one of these (a sequence of Kinds, may be NULL) or of a built-in
 * one: borrowed. */
kind_object *kind_known(module_state *state, PyObject *kinds_or_null, const sh_kind *kind);

/* What the release of a user kind is given as its context: one for each handle, made before it.
 * Invariant: kind is a strong reference. Whoever of the handle's owner and its release comes last frees it. */
typedef struct user_value {
    struct user_value *next;
    home *home;
    kind_object *kind;
    sh_raw raw;
    bool is_waiting;   /* its release has been asked for, and waits for the lock */
    bool is_released;  /* its release has returned */
    bool is_forgotten; /* by its owner */
} user_value;

/* For a user kind. NULL with an exception. */
user_value *user_value_make(module_state *state, kind_object *kind);
/* The owner needs it no more. is_settled: its release was called, or never will be. */
void user_value_forget(user_value *value, bool is_settled);
/* Calls the release function, and keeps the exception that is set. An exception of its own goes to whoever listens on
 * this thread, else to sys.unraisablehook. 0, or an errno value. */
int user_value_release(user_value *value);

/* From now on an exception of a release on this thread is kept for release_raise, which sets it and says whether there
 * was one. They nest. */
bool release_listen(void);
bool release_raise(bool listened_before);

/* ---- handle.c ---------------------------------------------------------------------------------------------------- */

/* One handle of the library, and what its release needs.
 * Invariant: handle is open, closed or unset, never dropped; former are handles that were consumed by a call that
 * failed: threads may still be looking at them. */
typedef struct core {
    sh_handle *handle;
    kind_object *kind;    /* strong */
    user_value *value;    /* of a user kind only */
    const sh_site *birth; /* where the script made it, when tracing was on; or NULL */
    struct core *former;
} core;

/* Before there is a handle: memory for all that it needs. NULL with an exception. */
core *core_make(module_state *state, kind_object *kind);
/* Closes and drops. Outside of every lease of this thread on it. */
void core_free(core *owned);
sh_create_options core_options(const module_state *state, const core *owned, bool not_owned);

/* Invariant: owned is set for as long as the object lives. */
typedef struct handle_object {
    PyObject_HEAD core *owned;
    PyObject *dict;
    PyObject *weak_references;
    PyObject *watchers; /* a list of what is called when it is closed, or NULL */
} handle_object;

extern PyType_Spec owner_spec;
extern PyType_Spec handle_spec;

/* Takes owned in any case. */
PyObject *handle_make(module_state *state, core *owned);
/* NULL with TypeError when object is no Handle. */
handle_object *handle_check(const module_state *state, PyObject *object);
sh_handle *handle_inner(PyObject *self);

/* ---- close.c ----------------------------------------------------------------------------------------------------- */

/* close(timeout=…) */
PyObject *handle_close(PyObject *self, PyObject *arguments, PyObject *keywords);
/* _watch(callback) and _unwatch(callback): who is called, without arguments, once the handle is closed. */
PyObject *handle_watch(PyObject *object, PyObject *callback);
PyObject *handle_unwatch(PyObject *object, PyObject *callback);

/* ---- transfer.c -------------------------------------------------------------------------------------------------- */

PyObject *handle_read(PyObject *self, PyObject *count);
PyObject *handle_read_into(PyObject *self, PyObject *buffer);
PyObject *handle_write(PyObject *self, PyObject *buffer);

/* ---- open.c ------------------------------------------------------------------------------------------------------ */

PyObject *open_file(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *open_pipe(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *open_socket(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *open_event(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *handle_wrap(PyObject *module, PyObject *arguments, PyObject *keywords);
PyObject *handle_duplicate(PyObject *self, PyObject *unused);

/* ---- lease.c ----------------------------------------------------------------------------------------------------- */

extern PyType_Spec lease_spec;

PyObject *handle_lease(PyObject *handle, PyObject *arguments, PyObject *keywords);
/* Ends the leases of this thread that were ended on another one. */
void lease_end_stranded(void);

/* ---- function.c -------------------------------------------------------------------------------------------------- */

extern PyType_Spec function_spec;

PyObject *function_declare(PyObject *module, PyObject *arguments, PyObject *keywords);

#endif
