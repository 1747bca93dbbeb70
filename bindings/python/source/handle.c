/* SPDX-License-Identifier: MIT */
/*
 * The Handle. Its death has two steps, one class each: Handle only warns, in tp_finalize, and its hidden base closes,
 * in tp_dealloc. The cyclic collector calls every finalizer of its garbage before it frees any of it, so a __del__ that
 * flushes through a handle of the same garbage finds it open.
 *
 * Handle has no tp_dealloc of its own on purpose: CPython's for such types calls tp_finalize, which the stable ABI
 * offers in no other way.
 */
#include "binding.h"
#include <stddef.h>
#include <stdlib.h>
#include <structmember.h>

/* ---- what a Handle owns ------------------------------------------------------------------------------------------ */

core *core_make(module_state *state, kind_object *kind)
{
    home_release_waiting(state->home);
    lease_end_stranded();
    if (state->home->ended) {
        PyErr_SetString(PyExc_RuntimeError, "the interpreter has ended: no handle can be made any more");
        return NULL;
    }
    core *owned = calloc(1, sizeof *owned);
    if (owned == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    owned->value = kind->release == NULL ? NULL : user_value_make(state, kind);
    if (owned->value == NULL && kind->release != NULL) {
        free(owned);
        return NULL;
    }
    owned->kind = (kind_object *)Py_NewRef((PyObject *)kind);
    owned->birth = site_here();
    return owned;
}

sh_create_options core_options(const module_state *state, const core *owned, bool not_owned)
{
    return (sh_create_options){.not_owned = not_owned, .context = owned->value, .domain = state->home->domain};
}

static bool close_and_drop(sh_handle *h)
{
    gil_leave();
    (void)sh_close(h); /* what it may answer is told by an event */
    gil_enter();
    bool is_settled = sh_is_released(h);
    return sh_host_drop(h) == SH_OK && is_settled;
}

void core_free(core *owned)
{
    while (owned != NULL) {
        core *former = owned->former;
        bool is_settled = owned->handle == NULL || close_and_drop(owned->handle);
        if (owned->value != NULL)
            user_value_forget(owned->value, is_settled);
        Py_DECREF(owned->kind);
        free(owned);
        owned = former;
    }
}

static void owner_dealloc(PyObject *object)
{
    core_free(((handle_object *)object)->owned);
    object_free(object);
}

static PyType_Slot owner_slots[] = {
    {Py_tp_doc, (void *)"The part of a Handle that closes it when it dies."},
    {Py_tp_dealloc, owner_dealloc},
    {0, NULL},
};

PyType_Spec owner_spec = {
    .name = "safehandle._Owner",
    .basicsize = sizeof(handle_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = owner_slots,
};

/* ---- making and finding ------------------------------------------------------------------------------------------ */

PyObject *handle_make(module_state *state, core *owned)
{
    handle_object *self = (handle_object *)object_make(state->handle_type);
    if (self == NULL)
        core_free(owned);
    else
        self->owned = owned;
    return (PyObject *)self;
}

handle_object *handle_check(const module_state *state, PyObject *object)
{
    if (Py_TYPE(object) == state->handle_type)
        return (handle_object *)object;
    PyErr_Format(PyExc_TypeError, "a safehandle.Handle is needed here, not %R: wrap the number first", object);
    return NULL;
}

sh_handle *handle_inner(PyObject *self)
{
    return ((handle_object *)self)->owned->handle;
}

/* ---- its end ----------------------------------------------------------------------------------------------------- */

/* Keeps the exception that is set. */
static void handle_finalize(PyObject *object)
{
    const core *owned = ((handle_object *)object)->owned;
    if (owned == NULL)
        return;
    const sh_handle *h = owned->handle;
    if (sh_is_closed(h) || sh_is_invalid(h) || !sh_owns_handle(h))
        return; /* also where there is none, or it holds nothing */
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int failed = owned->birth == NULL ? PyErr_ResourceWarning(object, 1, "unclosed handle %R", object)
                                      : PyErr_ResourceWarning(object, 1, "unclosed handle %R, made at %s:%d", object,
                                                              owned->birth->file, owned->birth->line);
    if (failed != 0)
        PyErr_WriteUnraisable(object);
    PyErr_Restore(type, value, traceback);
}

static int handle_traverse(PyObject *object, visitproc visit, void *arg)
{
    handle_object *self = (handle_object *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->dict);
    Py_VISIT(self->watchers);
    return 0;
}

static int handle_clear(PyObject *object)
{
    handle_object *self = (handle_object *)object;
    Py_CLEAR(self->dict);
    Py_CLEAR(self->watchers);
    return 0;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static PyObject *handle_closed(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(sh_is_closed(handle_inner(self)));
}

static PyObject *handle_kind(PyObject *self, void *unused)
{
    (void)unused;
    return Py_NewRef((PyObject *)((handle_object *)self)->owned->kind);
}

static PyObject *handle_owned(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(sh_owns_handle(handle_inner(self)));
}

static PyObject *handle_repr(PyObject *self)
{
    const core *owned = ((handle_object *)self)->owned;
    return PyUnicode_FromFormat("<safehandle.Handle %U %zd%s>", owned->kind->name,
                                (Py_ssize_t)sh_dangerous_get_handle(owned->handle),
                                sh_is_closed(owned->handle) ? ", closed" : "");
}

static PyObject *handle_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (sh_is_closed(handle_inner(self)))
        return error_raise(state_of(self), SH_E_CLOSED, "with");
    return Py_NewRef(self);
}

static PyObject *handle_exit(PyObject *self, PyObject *unused)
{
    (void)unused;
    PyObject *nothing = PyTuple_New(0);
    PyObject *answer = nothing == NULL ? NULL : handle_close(self, nothing, NULL);
    Py_XDECREF(nothing);
    return answer;
}

static PyObject *handle_fileno(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyErr_Format(state_of(self)->errors[ERROR_UNSUPPORTED],
                        "fileno: a handle's number is lent for a while, not given away: write "
                        "\"with handle.lease() as fd:\" around what needs it");
}

/* ---- what asyncio needs ------------------------------------------------------------------------------------------ */

static PyObject *handle_async(const char *function, PyObject *self, PyObject *argument)
{
    PyObject *module = PyImport_ImportModule("safehandle._asyncio");
    PyObject *answer = module == NULL ? NULL : PyObject_CallMethod(module, function, "OO", self, argument);
    Py_XDECREF(module);
    return answer;
}

static PyObject *handle_read_async(PyObject *self, PyObject *count)
{
    return handle_async("read_async", self, count);
}

static PyObject *handle_write_async(PyObject *self, PyObject *buffer)
{
    return handle_async("write_async", self, buffer);
}

/* ---- the class --------------------------------------------------------------------------------------------------- */

static PyMethodDef handle_methods[] = {
    {"read", handle_read, METH_O, "read($self, size, /)\n--\n\nAt most size bytes, by one read(2); b'' at the end."},
    {"readinto", handle_read_into, METH_O,
     "readinto($self, buffer, /)\n--\n\nReads into a writable buffer; returns how many bytes came."},
    {"write", handle_write, METH_O,
     "write($self, buffer, /)\n--\n\nWrites by one write(2); returns how many bytes went."},
    {"read_async", handle_read_async, METH_O,
     "read_async($self, size, /)\n--\n\nAwaits data; a close meanwhile raises ClosedError."},
    {"write_async", handle_write_async, METH_O,
     "write_async($self, buffer, /)\n--\n\nAwaits room; a close meanwhile raises ClosedError."},
    {"close", (PyCFunction)(void (*)(void))handle_close, METH_VARARGS | METH_KEYWORDS,
     "close($self, timeout=...)\n--\n\nRefuses new users from now on, and releases when nobody uses it any more.\n\n"
     "With a timeout (seconds; None: no limit) users are woken, and waited for."},
    {"lease", (PyCFunction)(void (*)(void))handle_lease, METH_VARARGS | METH_KEYWORDS,
     "lease($self, *, anywhere=False)\n--\n\nwith handle.lease() as fd: the number, which stays ours for as long.\n\n"
     "In generators and coroutines, or with anywhere=True, it may end on another thread; then a\n"
     "close with a timeout waits for it, but does not wake it."},
    {"duplicate", handle_duplicate, METH_NOARGS,
     "duplicate($self, /)\n--\n\nA second handle on the same thing, to be closed for itself."},
    {"fileno", handle_fileno, METH_NOARGS,
     "fileno($self, /)\n--\n\nRefused: write \"with handle.lease() as fd:\" instead."},
    {"_watch", handle_watch, METH_O, "_watch($self, callback, /)\n--\n\nCalls callback() once it is closed."},
    {"_unwatch", handle_unwatch, METH_O, "_unwatch($self, callback, /)\n--\n\nDoes not."},
    {"__enter__", handle_enter, METH_NOARGS, NULL},
    {"__exit__", handle_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef handle_properties[] = {
    {"closed", handle_closed, NULL, "True from the moment in which a close begins.", NULL},
    {"kind", handle_kind, NULL, "Its Kind.", NULL},
    {"owned", handle_owned, NULL, "False when it was made with owned=False: somebody else closes the value.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef handle_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(handle_object, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(handle_object, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot handle_slots[] = {
    {Py_tp_doc, (void *)"An OS handle that cannot be closed under its users, nor recycled into somebody else's.\n\n"
                        "Made by open, wrap, pipe, socket, event, duplicate, and functions that return one."},
    {Py_tp_finalize, handle_finalize},
    {Py_tp_traverse, handle_traverse},
    {Py_tp_clear, handle_clear},
    {Py_tp_repr, handle_repr},
    {Py_tp_methods, handle_methods},
    {Py_tp_getset, handle_properties},
    {Py_tp_members, handle_members},
    {0, NULL},
};

PyType_Spec handle_spec = {
    .name = "safehandle.Handle",
    .basicsize = sizeof(handle_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = handle_slots,
};
