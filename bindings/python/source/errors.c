/* SPDX-License-Identifier: MIT */
/* The exception classes, and which one a status is. Each message says what happened and what to do. */
#include "binding.h"
#include <errno.h>
#include <string.h>

/* ---- classes ----------------------------------------------------------------------------------------------------- */

typedef struct error_row {
    const char *name;
    const char *doc;
    const char *also; /* the class of Python's own that it is, too: "module.Class" */
} error_row;

static const error_row rows[ERROR_COUNT] = {
    [ERROR_BASE] = {"Error", "Whatever safehandle refuses.", NULL},
    [ERROR_CLOSED] = {"ClosedError", "The handle is closed. A ValueError, as for closed files.", "builtins.ValueError"},
    [ERROR_INVALID] = {"InvalidError", "The value is none that its kind can own, or none was stored.",
                       "builtins.ValueError"},
    [ERROR_KIND] = {"KindError", "The handle is of another kind than the one asked for.", "builtins.TypeError"},
    [ERROR_OWNED] = {"OwnedError", "Another open handle owns this descriptor.", "builtins.ValueError"},
    [ERROR_TIMEOUT] = {"CloseTimeoutError", "The handle is closed to new users, but some did not leave in time.",
                       "builtins.TimeoutError"},
    [ERROR_RELEASE] = {"ReleaseError", "The system refused to release the handle.", "builtins.OSError"},
    [ERROR_BUSY] = {"BusyError", "Somebody is using the handle that a call would give away.", NULL},
    [ERROR_UNSUPPORTED] = {"UnsupportedError", "This handle, this system or this build cannot do that.",
                           "io.UnsupportedOperation"},
    [ERROR_SIGNATURE] = {"SignatureError", "A signature says something that cannot be, or is misspelt.",
                         "builtins.ValueError"},
};

/* The class that is named "module.Class"; a new reference. */
static PyObject *class_named(const char *name)
{
    const char *dot = strchr(name, '.');
    PyObject *module_name = PyUnicode_FromStringAndSize(name, dot - name);
    PyObject *module = module_name == NULL ? NULL : PyImport_Import(module_name);
    PyObject *class = module == NULL ? NULL : PyObject_GetAttrString(module, dot + 1);
    Py_XDECREF(module);
    Py_XDECREF(module_name);
    return class;
}

static PyObject *class_make(const error_row *row, PyObject *base)
{
    PyObject *bases = NULL;
    if (row->also != NULL) {
        PyObject *also = class_named(row->also);
        if (also == NULL)
            return NULL;
        bases = PyTuple_Pack(2, base, also);
        Py_DECREF(also);
        if (bases == NULL)
            return NULL;
    }
    PyObject *name = PyUnicode_FromFormat("safehandle.%s", row->name);
    const char *text = name == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, NULL);
    PyObject *class = text == NULL ? NULL : PyErr_NewExceptionWithDoc(text, row->doc, bases, NULL);
    Py_XDECREF(name);
    Py_XDECREF(bases);
    return class;
}

int errors_add(PyObject *module, module_state *state)
{
    for (int i = 0; i < ERROR_COUNT; i++) {
        state->errors[i] = class_make(&rows[i], state->errors[ERROR_BASE]);
        if (state->errors[i] == NULL || PyModule_AddObjectRef(module, rows[i].name, state->errors[i]) != 0)
            return -1;
    }
    return 0;
}

/* ---- raising ----------------------------------------------------------------------------------------------------- */

typedef struct status_row {
    sh_status status;
    error_class class;
    const char *message;
} status_row;

static const status_row messages[] = {
    {SH_E_CLOSED, ERROR_CLOSED, "the handle is closed: open a new one, or close later"},
    {SH_E_INVALID, ERROR_INVALID,
     "the value is none that this kind can own: look at the call that should have made it"},
    {SH_E_KIND, ERROR_KIND, "the handle is of another kind than the one asked for: its .kind says which"},
    {SH_E_OWNED, ERROR_OWNED,
     "another open handle owns this descriptor: use its duplicate() for a second owner, or owned=False for one that "
     "only looks"},
    {SH_E_TIMEOUT, ERROR_TIMEOUT, "somebody is still using the handle; the last of them releases it"},
    {SH_E_RELEASE, ERROR_RELEASE,
     "the system refused to release the handle, which is not tried again: data that it still held may be lost"},
    {SH_E_OVERFLOW, ERROR_BASE, "the handle has as many users as can be counted: find leases that are never ended"},
    {SH_E_UNSUPPORTED, ERROR_UNSUPPORTED, "this system or this build cannot do that"},
};

PyObject *error_raise_path(module_state *state, sh_status status, const char *doing, PyObject *path)
{
    if (status == SH_E_SYSTEM)
        return path != NULL ? PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path)
                            : PyErr_SetFromErrno(PyExc_OSError);
    if (status == SH_E_NOMEM)
        return PyErr_NoMemory();
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (messages[i].status == status)
            return PyErr_Format(state->errors[messages[i].class], "%s: %s", doing, messages[i].message);
    }
    return PyErr_Format(state->errors[ERROR_BASE], "%s: %s", doing, sh_status_message(status));
}

PyObject *error_raise(module_state *state, sh_status status, const char *doing)
{
    return error_raise_path(state, status, doing, NULL);
}
