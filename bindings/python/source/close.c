/* SPDX-License-Identifier: MIT */
/* Closing, and who is told of it. */
#include "binding.h"

/* How long a wait goes on before Python's signal handlers get their turn. */
enum { SLICE_MS = 200 };

/* ---- who is told ------------------------------------------------------------------------------------------------- */

PyObject *handle_watch(PyObject *object, PyObject *callback)
{
    handle_object *self = (handle_object *)object;
    if (sh_is_closed(handle_inner(object)))
        return error_raise(state_of(object), SH_E_CLOSED, "watch");
    if (self->watchers == NULL && (self->watchers = PyList_New(0)) == NULL)
        return NULL;
    /* A close that began since then takes the lock before it looks at the list. */
    if (PyList_Append(self->watchers, callback) != 0)
        return NULL;
    Py_RETURN_NONE;
}

PyObject *handle_unwatch(PyObject *object, PyObject *callback)
{
    PyObject *watchers = ((handle_object *)object)->watchers;
    Py_ssize_t place = watchers == NULL ? -1 : PySequence_Index(watchers, callback);
    if (place >= 0 && PySequence_DelItem(watchers, place) != 0)
        return NULL;
    PyErr_Clear(); /* it was not there: it has been told */
    Py_RETURN_NONE;
}

static void tell_watchers(handle_object *self)
{
    PyObject *watchers = self->watchers;
    self->watchers = NULL;
    for (Py_ssize_t i = 0; watchers != NULL && i < PyList_Size(watchers); i++) {
        PyObject *callback = PyList_GetItem(watchers, i);
        PyObject *answer = PyObject_CallNoArgs(callback);
        if (answer == NULL)
            PyErr_WriteUnraisable(callback);
        Py_XDECREF(answer);
    }
    Py_XDECREF(watchers);
}

/* ---- closing ----------------------------------------------------------------------------------------------------- */

static sh_status close_at_once(sh_handle *h)
{
    gil_leave();
    sh_status status = sh_close(h);
    gil_enter();
    return status;
}

/* SH_E_ABORTED: a signal handler has raised an exception. */
static sh_status close_waiting(sh_handle *h, int64_t timeout_ms)
{
    for (;;) {
        int64_t slice = timeout_ms < 0 || timeout_ms > SLICE_MS ? SLICE_MS : timeout_ms;
        gil_leave();
        sh_status status = sh_close_wait(h, slice);
        gil_enter();
        if (PyErr_CheckSignals() != 0)
            return SH_E_ABORTED;
        if (status != SH_E_TIMEOUT || (timeout_ms >= 0 && timeout_ms <= slice))
            return status;
        timeout_ms -= timeout_ms < 0 ? 0 : slice;
    }
}

static PyObject *raise_timeout(module_state *state, sh_handle *h, bool is_own)
{
    PyObject *class = state->errors[ERROR_TIMEOUT];
    if (is_own)
        return PyErr_Format(class, "close: this thread is using the handle itself: end its leases first, or close "
                                   "without a timeout");
    size_t leases = 0, references = 0;
    sh_holder first = {0};
    if (sh_holders(h, &first, 1, &leases, &references) != SH_OK || leases == 0)
        return PyErr_Format(class,
                            "close: %zu counted users are left, which cannot be woken (leases of generators, "
                            "coroutines and event loops); the last of them releases the handle",
                            references);
    return PyErr_Format(class,
                        "close: %zu leases, one of them on thread %zd, and %zu counted users are left; the last "
                        "of them releases the handle",
                        leases, (Py_ssize_t)first.thread_id, references);
}

/* timeout_ms is read only when is_waiting. */
static PyObject *close_with(handle_object *self, bool is_waiting, int64_t timeout_ms)
{
    module_state *state = state_of((PyObject *)self);
    sh_handle *h = handle_inner((PyObject *)self);
    bool listened_before = release_listen();
    sh_status status = close_at_once(h);
    tell_watchers(self);
    if (is_waiting && status == SH_PENDING)
        status = close_waiting(h, timeout_ms);
    home_release_waiting(state->home);
    bool is_raised = release_raise(listened_before);
    if (is_raised || status == SH_E_ABORTED)
        return NULL;
    if (status == SH_E_TIMEOUT || (is_waiting && status == SH_PENDING))
        return raise_timeout(state, h, status == SH_PENDING);
    if (status != SH_OK && status != SH_PENDING)
        return error_raise(state, status, "close");
    Py_RETURN_NONE;
}

PyObject *handle_close(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    PyObject *seconds = NULL;
    int64_t timeout_ms = 0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|O:close", NAMES("timeout"), &seconds) ||
        (seconds != NULL && timeout_read(seconds, &timeout_ms) != 0))
        return NULL;
    return close_with((handle_object *)self, seconds != NULL, timeout_ms);
}
