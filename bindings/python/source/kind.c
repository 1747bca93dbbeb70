/* SPDX-License-Identifier: MIT */
/* Kinds: the library's own, and those whose release function is written in Python. */
#include "binding.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values of user kinds ---------------------------------------------------------------------------------------- */

static __thread bool is_listened_to;
static __thread PyObject *heard[3];

bool release_listen(void)
{
    bool before = is_listened_to;
    is_listened_to = true;
    return before;
}

bool release_raise(bool listened_before)
{
    is_listened_to = listened_before;
    if (heard[0] == NULL)
        return false;
    PyErr_Restore(heard[0], heard[1], heard[2]);
    heard[0] = NULL;
    return true;
}

/* The errno value of the exception that is set: EIO where it has none. */
static int errno_of_exception(void)
{
    if (!PyErr_ExceptionMatches(PyExc_OSError))
        return EIO;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *number = value == NULL ? NULL : PyObject_GetAttrString(value, "errno");
    long error = number == NULL || number == Py_None ? EIO : PyLong_AsLong(number);
    Py_XDECREF(number);
    PyErr_Restore(type, value, traceback);
    return error > 0 && error < INT_MAX ? (int)error : EIO;
}

static int release_call(const user_value *value)
{
    PyObject *answer = PyObject_CallFunction(value->kind->release, "n", (Py_ssize_t)value->raw);
    if (answer != NULL) {
        Py_DECREF(answer);
        return 0;
    }
    int error = errno_of_exception();
    if (is_listened_to && heard[0] == NULL)
        PyErr_Fetch(&heard[0], &heard[1], &heard[2]);
    else
        PyErr_WriteUnraisable(value->kind->release);
    return error;
}

static void user_value_free(user_value *value)
{
    Py_DECREF(value->kind);
    free(value);
}

int user_value_release(user_value *value)
{
    PyObject *type, *text, *traceback;
    PyErr_Fetch(&type, &text, &traceback);
    int error = release_call(value);
    value->is_released = true;
    if (value->is_forgotten)
        user_value_free(value);
    PyErr_Restore(type, text, traceback);
    return error;
}

/* sh_kind.release of every user kind: on a thread that gave the lock up here, or on any other thread. */
static int user_release(sh_raw raw, void *context)
{
    user_value *value = context;
    if (value == NULL || value->home->ended) {
        (void)fprintf(stderr,
                      "safehandle: the value %jd was left open: its release function is Python's, and the "
                      "interpreter has ended; close it before\n",
                      (intmax_t)raw);
        return ECANCELED;
    }
    value->raw = raw;
    if (!gil_is_left()) {
        value->is_waiting = true;
        home_push(value->home, value);
        return 0;
    }
    gil_enter();
    int error = user_value_release(value);
    gil_leave();
    return error;
}

user_value *user_value_make(module_state *state, kind_object *kind)
{
    user_value *value = calloc(1, sizeof *value);
    if (value == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    value->home = state->home;
    value->kind = (kind_object *)Py_NewRef((PyObject *)kind);
    return value;
}

void user_value_forget(user_value *value, bool is_settled)
{
    value->is_forgotten = true;
    /* Settled and not waiting: the release is over, or there is none. */
    if (value->is_released || (is_settled && !value->is_waiting))
        user_value_free(value);
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static const sh_kind *const built_in[BUILT_IN_KINDS] = {&sh_kind_fd, &sh_kind_file, &sh_kind_socket, &sh_kind_pipe,
                                                        &sh_kind_event};

kind_object *kind_named(module_state *state, PyObject *name_or_kind)
{
    if (Py_TYPE(name_or_kind) == state->kind_type)
        return (kind_object *)name_or_kind;
    if (!PyUnicode_Check(name_or_kind)) {
        PyErr_Format(PyExc_TypeError, "a kind is named by a string, or is a Kind; this is %R", name_or_kind);
        return NULL;
    }
    for (int i = 0; i < BUILT_IN_KINDS; i++) {
        if (PyUnicode_CompareWithASCIIString(name_or_kind, built_in[i]->name) == 0)
            return (kind_object *)state->kinds[i];
    }
    PyErr_Format(PyExc_ValueError,
                 "there is no kind %R: 'fd', 'file', 'socket', 'pipe' and 'event' have names; pass a kind of your own "
                 "itself",
                 name_or_kind);
    return NULL;
}

kind_object *kind_known(module_state *state, PyObject *kinds_or_null, const sh_kind *kind)
{
    for (int i = 0; i < BUILT_IN_KINDS; i++) {
        if (built_in[i] == kind)
            return (kind_object *)state->kinds[i];
    }
    for (Py_ssize_t i = 0; kinds_or_null != NULL && i < PyTuple_Size(kinds_or_null); i++) {
        kind_object *one = (kind_object *)PyTuple_GetItem(kinds_or_null, i);
        if (one->kind == kind)
            return one;
    }
    return NULL;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* Steals nothing. A new reference. */
static PyObject *kind_wrap(module_state *state, const sh_kind *kind, PyObject *base_or_null)
{
    kind_object *self = (kind_object *)object_make(state->kind_type);
    if (self == NULL)
        return NULL;
    self->kind = kind;
    self->base = Py_XNewRef(base_or_null);
    self->name = PyUnicode_FromString(kind->name);
    if (self->name == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

int kinds_add(PyObject *module, module_state *state)
{
    static const char *const names[BUILT_IN_KINDS] = {"FD", "FILE", "SOCKET", "PIPE", "EVENT"};
    for (int i = 0; i < BUILT_IN_KINDS; i++) {
        state->kinds[i] = kind_wrap(state, built_in[i], i == 0 ? NULL : state->kinds[0]);
        if (state->kinds[i] == NULL || PyModule_AddObjectRef(module, names[i], state->kinds[i]) != 0)
            return -1;
    }
    return 0;
}

/* What a number, or (0, -1), says of the invalid values. 0, or -1 with an exception. */
static int invalid_read(PyObject *invalid, sh_kind *kind)
{
    if (!PyTuple_Check(invalid)) {
        Py_ssize_t value = PyNumber_AsSsize_t(invalid, PyExc_OverflowError);
        kind->invalid_value = value;
        return value == -1 && PyErr_Occurred() ? -1 : 0;
    }
    int has_zero = 0, has_minus_one = 0;
    for (Py_ssize_t i = 0; i < PyTuple_Size(invalid); i++) {
        Py_ssize_t value = PyNumber_AsSsize_t(PyTuple_GetItem(invalid, i), PyExc_OverflowError);
        if (value == -1 && PyErr_Occurred())
            return -1;
        has_zero |= value == 0;
        has_minus_one |= value == -1;
    }
    kind->invalid_value = -1;
    kind->is_invalid = sh_invalid_zero_or_minus_one;
    if (PyTuple_Size(invalid) == 2 && has_zero && has_minus_one)
        return 0;
    PyErr_SetString(PyExc_ValueError, "invalid is one number, or the two (0, -1)");
    return -1;
}

/* The library's side of a user kind: never freed. NULL with an exception. */
static sh_kind *kind_define(const char *name, const kind_object *base_or_null, PyObject *release, PyObject *invalid)
{
    sh_kind *kind = calloc(1, sizeof *kind);
    char *copy = strdup(name);
    if (kind == NULL || copy == NULL) {
        PyErr_NoMemory();
    } else if (invalid_read(invalid, kind) == 0) {
        kind->name = copy;
        kind->base = base_or_null == NULL ? NULL : base_or_null->kind;
        kind->release = user_release;
        kind->flags =
            (kind->base == NULL ? 0 : kind->base->flags & SH_KIND_FD) | (release == Py_None ? SH_KIND_ABSTRACT : 0);
        return kind;
    }
    free(copy);
    free(kind);
    return NULL;
}

static void kind_undo(sh_kind *kind)
{
    free((void *)(uintptr_t)kind->name);
    free(kind);
}

static bool is_callable_or_none(PyObject *object, const char *what)
{
    if (object == Py_None || PyCallable_Check(object))
        return true;
    PyErr_Format(PyExc_TypeError, "%s is a function of the value, or None; this is %R", what, object);
    return false;
}

static PyObject *kind_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    module_state *state = PyType_GetModuleState(type);
    const char *name;
    PyObject *release, *base = Py_None, *invalid = NULL, *duplicate = Py_None;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "sO|$OOO:Kind",
                                     NAMES("name", "release", "base", "invalid", "duplicate"), &name, &release, &base,
                                     &invalid, &duplicate) ||
        !is_callable_or_none(release, "release") || !is_callable_or_none(duplicate, "duplicate"))
        return NULL;
    kind_object *base_kind = base == Py_None ? NULL : kind_named(state, base);
    if (base_kind == NULL && base != Py_None)
        return NULL;
    PyObject *minus_one = PyLong_FromLong(-1);
    if (minus_one == NULL)
        return NULL;
    sh_kind *kind = kind_define(name, base_kind, release, invalid == NULL ? minus_one : invalid);
    Py_DECREF(minus_one);
    if (kind == NULL)
        return NULL;
    kind_object *self = (kind_object *)kind_wrap(state, kind, (PyObject *)base_kind);
    if (self == NULL) {
        kind_undo(kind); /* nobody has seen it */
        return NULL;
    }
    self->release = Py_NewRef(release);
    self->duplicate = duplicate == Py_None ? NULL : Py_NewRef(duplicate);
    return (PyObject *)self;
}

static void kind_dealloc(PyObject *object)
{
    kind_object *self = (kind_object *)object;
    Py_XDECREF(self->name);
    Py_XDECREF(self->base);
    Py_XDECREF(self->release);
    Py_XDECREF(self->duplicate);
    object_free(object);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static PyObject *kind_repr(PyObject *object)
{
    return PyUnicode_FromFormat("<safehandle.Kind %U>", ((kind_object *)object)->name);
}

static PyObject *kind_name(PyObject *object, void *unused)
{
    (void)unused;
    return Py_NewRef(((kind_object *)object)->name);
}

static PyObject *kind_base(PyObject *object, void *unused)
{
    (void)unused;
    PyObject *base = ((kind_object *)object)->base;
    return Py_NewRef(base != NULL ? base : Py_None);
}

static PyGetSetDef kind_properties[] = {
    {"name", kind_name, NULL, "What it is called, in messages and signatures.", NULL},
    {"base", kind_base, NULL, "A handle of this kind is accepted wherever the base is asked for; or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot kind_slots[] = {
    {Py_tp_doc,
     (void *)"Kind(name, release, *, base=None, invalid=-1, duplicate=None)\n--\n\n"
             "What a value means and how it is released.\n\n"
             "release(value) is called once for each value that a handle owns; None makes a kind that is only a\n"
             "base to ask for. invalid is the number that is no value, or (0, -1). duplicate(value) returns a second\n"
             "value; kinds based on 'fd' need none. Make a kind once, where a module begins: it lives as long as\n"
             "the process."},
    {Py_tp_new, kind_new},
    {Py_tp_dealloc, kind_dealloc},
    {Py_tp_repr, kind_repr},
    {Py_tp_getset, kind_properties},
    {0, NULL},
};

PyType_Spec kind_spec = {
    .name = "safehandle.Kind",
    .basicsize = sizeof(kind_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = kind_slots,
};
