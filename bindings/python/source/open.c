/* SPDX-License-Identifier: MIT */
/* Where handles come from: the open helpers, wrap and duplicate. */
#include "binding.h"
#include <errno.h>
#include <fcntl.h>

/* What an opening needs to know, and where it leaves what it made: one for all helpers, which differ in one call. */
typedef struct opening {
    const char *doing;
    const char *path;
    PyObject *path_object; /* for messages, or NULL */
    int flags, family, type, protocol;
    unsigned number;
    sh_handle *second; /* of a pipe */
} opening;

typedef sh_status opener(opening *what, const sh_create_options *options, const sh_site *site, sh_handle **out_handle);

/* Runs it outside of the lock. PEP 475: an open that a signal interrupts, of a FIFO say, is tried again. */
static sh_status open_patiently(opener *run, opening *what, const sh_create_options *options, const sh_site *site,
                                sh_handle **out_handle)
{
    for (;;) {
        gil_leave();
        sh_status status = run(what, options, site, out_handle);
        gil_enter();
        if (status != SH_E_SYSTEM || errno != EINTR)
            return status;
        if (PyErr_CheckSignals() != 0)
            return SH_E_ABORTED;
    }
}

/* What it needs in Python is made first, so that nothing can fail between the open and the Handle. */
static PyObject *open_handle(module_state *state, int kind, opener *run, opening *what)
{
    core *owned = core_make(state, (kind_object *)state->kinds[kind]);
    handle_object *self = owned == NULL ? NULL : (handle_object *)handle_make(state, owned);
    if (self == NULL)
        return NULL;
    sh_create_options options = core_options(state, owned, false);
    sh_status status = open_patiently(run, what, &options, owned->birth, &owned->handle);
    if (status == SH_OK)
        return (PyObject *)self;
    if (status != SH_E_ABORTED)
        error_raise_path(state, status, what->doing, what->path_object);
    Py_DECREF(self);
    return NULL;
}

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

enum { KIND_FD, KIND_FILE, KIND_SOCKET, KIND_PIPE, KIND_EVENT };

static sh_status run_file(opening *what, const sh_create_options *options, const sh_site *site, sh_handle **out_handle)
{
    return sh_open_file_at(what->path, what->flags, what->number, options, sizeof *options, site, out_handle);
}

PyObject *open_file(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    PyObject *path;
    int flags = O_RDONLY;
    int mode = 0666;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|ii:open", NAMES("path", "flags", "mode"), &path, &flags,
                                     &mode))
        return NULL;
    PyObject *bytes = NULL;
    if (!PyUnicode_FSConverter(path, &bytes))
        return NULL;
    opening what = {.doing = "open",
                    .path = PyBytes_AsString(bytes),
                    .path_object = path,
                    .flags = flags,
                    .number = (unsigned)mode};
    PyObject *self = open_handle(PyModule_GetState(module), KIND_FILE, run_file, &what);
    Py_DECREF(bytes);
    return self;
}

static sh_status run_socket(opening *what, const sh_create_options *options, const sh_site *site,
                            sh_handle **out_handle)
{
    return sh_open_socket_at(what->family, what->type, what->protocol, options, sizeof *options, site, out_handle);
}

PyObject *open_socket(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    opening what = {.doing = "socket"};
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "ii|i:socket", NAMES("family", "type", "proto"), &what.family,
                                     &what.type, &what.protocol))
        return NULL;
    return open_handle(PyModule_GetState(module), KIND_SOCKET, run_socket, &what);
}

static sh_status run_event(opening *what, const sh_create_options *options, const sh_site *site, sh_handle **out_handle)
{
    return sh_open_event_at(what->number, what->flags, options, sizeof *options, site, out_handle);
}

/* The format "I" would cut it silently. */
static bool unsigned_read(PyObject *number, unsigned *out)
{
    Py_ssize_t value = PyNumber_AsSsize_t(number, PyExc_OverflowError);
    if (value == -1 && PyErr_Occurred())
        return false;
    if (value < 0 || (size_t)value > UINT_MAX) {
        PyErr_Format(PyExc_OverflowError, "event: the initial count is a number from 0 to %u, not %zd", UINT_MAX,
                     value);
        return false;
    }
    *out = (unsigned)value;
    return true;
}

PyObject *open_event(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    opening what = {.doing = "event"};
    PyObject *initial = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|Oi:event", NAMES("initial", "flags"), &initial,
                                     &what.flags) ||
        (initial != NULL && !unsigned_read(initial, &what.number)))
        return NULL;
    return open_handle(PyModule_GetState(module), KIND_EVENT, run_event, &what);
}

static sh_status run_pipe(opening *what, const sh_create_options *options, const sh_site *site, sh_handle **out_handle)
{
    return sh_open_pipe_at(what->flags, options, sizeof *options, site, out_handle, &what->second);
}

PyObject *open_pipe(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    opening what = {.doing = "pipe"};
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|i:pipe", NAMES("flags"), &what.flags))
        return NULL;
    module_state *state = PyModule_GetState(module);
    core *second = core_make(state, (kind_object *)state->kinds[KIND_PIPE]);
    PyObject *write_end = second == NULL ? NULL : handle_make(state, second);
    PyObject *pair = write_end == NULL ? NULL : PyTuple_New(2);
    PyObject *read_end = pair == NULL ? NULL : open_handle(state, KIND_PIPE, run_pipe, &what);
    if (read_end == NULL) {
        Py_XDECREF(pair);
        Py_XDECREF(write_end);
        return NULL;
    }
    second->handle = what.second;
    (void)PyTuple_SetItem(pair, 0, read_end);
    (void)PyTuple_SetItem(pair, 1, write_end);
    return pair;
}

/* ---- what is open already ---------------------------------------------------------------------------------------- */

/* Takes owned. On failure raw is still the caller's. */
static PyObject *wrap_value(module_state *state, core *owned, sh_raw raw, bool not_owned, const char *doing)
{
    PyObject *self = handle_make(state, owned);
    if (self == NULL)
        return NULL;
    sh_create_options options = core_options(state, owned, not_owned);
    sh_status status = sh_wrap_at(owned->kind->kind, raw, &options, sizeof options, owned->birth, &owned->handle);
    if (status == SH_OK)
        return self;
    error_raise(state, status, doing);
    Py_DECREF(self);
    return NULL;
}

/* The library does not ask whether a descriptor is open; here it is cheap, and the line at fault is this one. What is
 * no descriptor in any process is refused, too: it would be cut to the number of another. */
static bool is_descriptor(module_state *state, const sh_kind *kind, Py_ssize_t raw)
{
    if (raw < 0 || raw == kind->invalid_value) {
        error_raise(state, SH_E_INVALID, "wrap");
        return false;
    }
    if (raw <= INT_MAX && fcntl((int)raw, F_GETFD) >= 0)
        return true;
    errno = EBADF;
    PyErr_SetFromErrno(PyExc_OSError);
    return false;
}

PyObject *handle_wrap(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    module_state *state = PyModule_GetState(module);
    PyObject *number;
    PyObject *kind_or_name = state->kinds[KIND_FD];
    int owned = 1;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|Op:wrap", NAMES("fd", "kind", "owned"), &number,
                                     &kind_or_name, &owned))
        return NULL;
    Py_ssize_t raw = PyNumber_AsSsize_t(number, PyExc_OverflowError);
    kind_object *kind = raw == -1 && PyErr_Occurred() ? NULL : kind_named(state, kind_or_name);
    if (kind == NULL)
        return NULL;
    if ((kind->kind->flags & SH_KIND_FD) != 0 && !is_descriptor(state, kind->kind, raw))
        return NULL;
    core *its = core_make(state, kind);
    return its == NULL ? NULL : wrap_value(state, its, raw, owned == 0, "wrap");
}

/* ---- duplicates -------------------------------------------------------------------------------------------------- */

/* What the copy of a user kind's value is. 0, or -1 with an exception; under a lease. */
static int copy_value(module_state *state, const kind_object *kind, sh_raw raw, sh_raw *out_copy)
{
    if (kind->duplicate != NULL) {
        PyObject *answer = PyObject_CallFunction(kind->duplicate, "n", (Py_ssize_t)raw);
        *out_copy = answer == NULL ? -1 : PyNumber_AsSsize_t(answer, PyExc_OverflowError);
        Py_XDECREF(answer);
        return *out_copy == -1 && PyErr_Occurred() ? -1 : 0;
    }
    if ((kind->kind->flags & SH_KIND_FD) == 0) {
        PyErr_Format(state->errors[ERROR_UNSUPPORTED], "duplicate: the kind %U has no duplicate function", kind->name);
        return -1;
    }
    *out_copy = fcntl((int)raw, F_DUPFD_CLOEXEC, 0);
    if (*out_copy < 0)
        PyErr_SetFromErrno(PyExc_OSError);
    return *out_copy < 0 ? -1 : 0;
}

/* The library would give the copy the context of the original, but each needs its own. */
static PyObject *duplicate_user(module_state *state, const core *original, core *owned)
{
    sh_handle *h = original->handle;
    bool success = false;
    sh_status status = sh_dangerous_add_ref(h, &success);
    sh_raw copy = -1;
    bool is_copied = false;
    if (status != SH_OK)
        error_raise(state, status, "duplicate");
    else
        is_copied = copy_value(state, original->kind, sh_dangerous_get_handle(h), &copy) == 0;
    if (status == SH_OK) {
        gil_leave();
        (void)sh_dangerous_release(h);
        gil_enter();
    }
    if (is_copied)
        return wrap_value(state, owned, copy, false, "duplicate");
    core_free(owned);
    return NULL;
}

PyObject *handle_duplicate(PyObject *self, PyObject *unused)
{
    (void)unused;
    module_state *state = state_of(self);
    const core *original = ((handle_object *)self)->owned;
    core *owned = core_make(state, original->kind);
    if (owned == NULL)
        return NULL;
    if (owned->value != NULL)
        return duplicate_user(state, original, owned);
    PyObject *copy = handle_make(state, owned);
    if (copy == NULL)
        return NULL;
    gil_leave();
    sh_status status = sh_duplicate_at(original->handle, owned->birth, &owned->handle);
    gil_enter();
    if (status == SH_OK)
        return copy;
    error_raise(state, status, "duplicate");
    Py_DECREF(copy);
    return NULL;
}
