/* SPDX-License-Identifier: MIT */
/*
 * with handle.lease() as fd: in a function it is a lease of the thread, so that a waiting close can wake the user. In a
 * generator or a coroutine the scope may end on any thread, or by the collector, so there it is a counted reference.
 */
#include "binding.h"
#include <stddef.h>
#include <stdlib.h>
#include <structmember.h>

/* CO_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR, as the module inspect has them. */
enum { RESUMABLE = 0x20 | 0x80 | 0x100 | 0x200 };

/* A lease of a thread, in memory of its own: it stays where it is when its Lease dies on another thread. */
typedef struct thread_lease {
    struct thread_lease *next;
    sh_lease lease;
    uint64_t thread;
} thread_lease;

/* Invariant: at most one of held and counted is set, while the scope lasts. */
typedef struct lease_object {
    PyObject_HEAD PyObject *handle; /* strong */
    thread_lease *held;
    sh_handle *counted;
    sh_raw raw;
    bool anywhere;
} lease_object;

/* ---- leases that were ended on another thread -------------------------------------------------------------------- */

/* The interpreters' lock guards these. */
static thread_lease *stranded;
static uint64_t threads;

static __thread uint64_t this_thread; /* never used twice, which an address or a system's number is */

static uint64_t thread_number(void)
{
    if (this_thread == 0)
        this_thread = ++threads;
    return this_thread;
}

/* Only of a closed handle the end may be a release, for which the lock is given up. One that is closed in between is
 * released with the lock held, or, when that is written in Python, by home_release_waiting. */
static void end_and_free(thread_lease *held)
{
    bool is_closed = sh_is_closed(held->lease.handle);
    if (is_closed)
        gil_leave();
    sh_lease_end(&held->lease);
    if (is_closed)
        gil_enter();
    free(held);
}

static void give_back(sh_handle *counted)
{
    bool is_closed = sh_is_closed(counted);
    if (is_closed)
        gil_leave();
    (void)sh_dangerous_release(counted); /* a release that fails is told by an event */
    if (is_closed)
        gil_enter();
}

void lease_end_stranded(void)
{
    thread_lease **link = &stranded;
    while (*link != NULL) {
        thread_lease *one = *link;
        if (one->thread != this_thread) {
            link = &one->next;
            continue;
        }
        *link = one->next;
        end_and_free(one); /* the list may be another one now */
        link = &stranded;
    }
}

/* ---- beginning and ending ---------------------------------------------------------------------------------------- */

static bool is_code_resumable(PyCodeObject *code)
{
    PyObject *flags = PyObject_GetAttrString((PyObject *)code, "co_flags");
    long bits = flags == NULL ? RESUMABLE : PyLong_AsLong(flags);
    Py_XDECREF(flags);
    PyErr_Clear();
    return (bits & RESUMABLE) != 0;
}

/* A stack of contextlib's enters for a scope that is further up, and may be a generator's. */
static bool is_of_contextlib(void)
{
    PyObject *globals = PyEval_GetGlobals();
    PyObject *name = globals == NULL ? NULL : PyDict_GetItemString(globals, "__name__");
    return name != NULL && PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, "contextlib") == 0;
}

/* Whether the scope that calls us can be left and entered again. Asked of each code once, in a loop. */
static bool is_resumable(module_state *state)
{
    PyFrameObject *frame = PyEval_GetFrame();
    if (frame == NULL)
        return true;
    PyCodeObject *code = PyFrame_GetCode(frame);
    if (code != state->seen_code) {
        PyCodeObject *before = state->seen_code;
        state->seen_is_resumable = is_code_resumable(code) || is_of_contextlib();
        state->seen_code = (PyCodeObject *)Py_NewRef((PyObject *)code);
        Py_XDECREF((PyObject *)before);
    }
    Py_DECREF(code);
    return state->seen_is_resumable;
}

static sh_status begin_counted(lease_object *self, sh_handle *h)
{
    bool success = false;
    sh_status status = sh_dangerous_add_ref(h, &success);
    if (status != SH_OK)
        return status;
    self->counted = h;
    self->raw = sh_dangerous_get_handle(h);
    return SH_OK;
}

static sh_status begin_held(lease_object *self, sh_handle *h)
{
    thread_lease *held = calloc(1, sizeof *held);
    if (held == NULL)
        return SH_E_NOMEM;
    sh_status status = sh_lease_begin_at(&held->lease, h, site_here(), &self->raw);
    if (status != SH_OK) {
        free(held);
        return status;
    }
    held->thread = thread_number();
    self->held = held;
    return SH_OK;
}

static void lease_end(lease_object *self)
{
    thread_lease *held = self->held;
    sh_handle *counted = self->counted;
    self->held = NULL;
    self->counted = NULL;
    if (counted != NULL)
        give_back(counted);
    if (held == NULL)
        return;
    if (held->thread == thread_number()) {
        end_and_free(held);
        return;
    }
    /* Only its own thread can end it, which does so at its next call here, or by its own end. */
    held->next = stranded;
    stranded = held;
}

static bool is_active(const lease_object *self)
{
    return self->held != NULL || self->counted != NULL;
}

static PyObject *lease_enter(PyObject *object, PyObject *unused)
{
    (void)unused;
    lease_object *self = (lease_object *)object;
    module_state *state = state_of(object);
    lease_end_stranded();
    if (is_active(self))
        return PyErr_Format(state->errors[ERROR_BASE], "lease: it is entered already: make one for each scope");
    sh_handle *h = handle_inner(self->handle);
    sh_status status = self->anywhere || is_resumable(state) ? begin_counted(self, h) : begin_held(self, h);
    if (status != SH_OK)
        return error_raise(state, status, "lease");
    return PyLong_FromSsize_t((Py_ssize_t)self->raw);
}

static PyObject *lease_exit(PyObject *self, PyObject *unused)
{
    (void)unused;
    lease_end((lease_object *)self);
    home_release_waiting(state_of(self)->home);
    Py_RETURN_NONE;
}

static PyObject *lease_fileno(PyObject *object, PyObject *unused)
{
    (void)unused;
    const lease_object *self = (const lease_object *)object;
    if (!is_active(self))
        return PyErr_Format(state_of(object)->errors[ERROR_CLOSED],
                            "fileno: the lease has not begun or is over: use it inside of its \"with\"");
    return PyLong_FromSsize_t((Py_ssize_t)self->raw);
}

/* ---- the class --------------------------------------------------------------------------------------------------- */

PyObject *handle_lease(PyObject *handle, PyObject *arguments, PyObject *keywords)
{
    int anywhere = 0;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|$p:lease", NAMES("anywhere"), &anywhere))
        return NULL;
    module_state *state = state_of(handle);
    lease_object *self = (lease_object *)object_make(state->lease_type);
    if (self == NULL)
        return NULL;
    self->handle = Py_NewRef(handle);
    self->anywhere = anywhere != 0;
    return (PyObject *)self;
}

static int lease_traverse(PyObject *object, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(((lease_object *)object)->handle);
    return 0;
}

/* The handle outlives the lease. There is no tp_clear: what could close a circle through a handle has one. */
static void lease_dealloc(PyObject *object)
{
    lease_object *self = (lease_object *)object;
    PyObject_GC_UnTrack(object);
    lease_end(self);
    Py_XDECREF(self->handle);
    object_free(object);
}

static PyMethodDef lease_methods[] = {
    {"fileno", lease_fileno, METH_NOARGS, "fileno($self, /)\n--\n\nThe number, while the lease lasts."},
    {"__enter__", lease_enter, METH_NOARGS, NULL},
    {"__exit__", lease_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef lease_members[] = {
    {"handle", T_OBJECT, offsetof(lease_object, handle), READONLY, "The Handle that it is a lease on."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot lease_slots[] = {
    {Py_tp_doc, (void *)"The use of a handle's number for the length of one scope: made by Handle.lease."},
    {Py_tp_dealloc, lease_dealloc},
    {Py_tp_traverse, lease_traverse},
    {Py_tp_methods, lease_methods},
    {Py_tp_members, lease_members},
    {0, NULL},
};

PyType_Spec lease_spec = {
    .name = "safehandle.Lease",
    .basicsize = sizeof(lease_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = lease_slots,
};
