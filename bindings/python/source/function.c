/* SPDX-License-Identifier: MIT */
/* Declaring C functions by their signature. */
#include "function.h"
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>

/* ---- libraries --------------------------------------------------------------------------------------------------- */

/* As the linker's -l means it: "m" is libm.so.6. NULL without an exception where there is none. */
static PyObject *find_named(const char *name)
{
    PyObject *module = PyImport_ImportModule("ctypes.util");
    PyObject *found = module == NULL ? NULL : PyObject_CallMethod(module, "find_library", "s", name);
    Py_XDECREF(module);
    if (found == Py_None)
        Py_CLEAR(found);
    PyErr_Clear();
    return found;
}

/* Never closed: its functions may be running. NULL with an exception. */
static void *library_open(PyObject *library)
{
    PyObject *bytes = NULL;
    if (!PyUnicode_FSConverter(library, &bytes))
        return NULL;
    const char *name = PyBytes_AsString(bytes);
    void *opened = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    const char *why = opened == NULL ? dlerror() : NULL;
    PyObject *problem = why == NULL ? NULL : PyUnicode_DecodeFSDefault(why);
    PyObject *found = opened == NULL && strchr(name, '/') == NULL ? find_named(name) : NULL;
    if (found != NULL)
        opened = dlopen(PyUnicode_AsUTF8AndSize(found, NULL), RTLD_NOW | RTLD_LOCAL);
    if (opened == NULL && problem != NULL)
        PyErr_SetObject(PyExc_OSError, problem);
    Py_XDECREF(found);
    Py_XDECREF(problem);
    Py_DECREF(bytes);
    return opened;
}

/* Converted through an integer, as POSIX's pages on dlsym have it. */
static void (*function_find(PyObject *library, const char *name))(void)
{
    void *place = library == Py_None ? RTLD_DEFAULT : library_open(library);
    if (place == NULL && library != Py_None)
        return NULL;
    uintptr_t address = (uintptr_t)dlsym(place, name);
    if (address == 0 && library == Py_None)
        PyErr_Format(PyExc_OSError, "there is no function %s in the process: name the library that has it", name);
    else if (address == 0)
        PyErr_Format(PyExc_OSError, "there is no function %s in the library %R", name, library);
    return (void (*)(void))address;
}

/* ---- declaring --------------------------------------------------------------------------------------------------- */

static void hook_leave(void *unused)
{
    (void)unused;
    gil_leave();
}

static void hook_enter(void *unused)
{
    (void)unused;
    gil_enter();
}

/* A new tuple of Kinds; NULL with an exception. */
static PyObject *kinds_read(const module_state *state, PyObject *kinds)
{
    PyObject *tuple = PySequence_Tuple(kinds);
    for (Py_ssize_t i = 0; tuple != NULL && i < PyTuple_Size(tuple); i++) {
        PyObject *one = PyTuple_GetItem(tuple, i);
        if (Py_TYPE(one) == state->kind_type)
            continue;
        PyErr_Format(PyExc_TypeError, "kinds are Kinds of your own; this is %R", one);
        Py_CLEAR(tuple);
    }
    return tuple;
}

static sh_call_descriptor *parse(module_state *state, PyObject *text, PyObject *kinds)
{
    const char *line = PyUnicode_AsUTF8AndSize(text, NULL);
    size_t count = (size_t)PyTuple_Size(kinds);
    const sh_kind **known = calloc(count + 1, sizeof *known);
    sh_call_descriptor *descriptor = NULL;
    if (known == NULL)
        PyErr_NoMemory();
    if (line == NULL || known == NULL) {
        free(known);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        known[i] = ((kind_object *)PyTuple_GetItem(kinds, (Py_ssize_t)i))->kind;
    const sh_call_hooks hooks = {.leave = hook_leave, .enter = hook_enter};
    sh_call_error error = {.message = ""};
    sh_status status = sh_call_parse(line, known, count, &hooks, &descriptor, &error);
    free(known);
    if (status == SH_E_NOMEM)
        PyErr_NoMemory();
    else if (status != SH_OK)
        PyErr_SetString(state->errors[ERROR_SIGNATURE], error.message);
    return status == SH_OK ? descriptor : NULL;
}

static PyObject *function_make(module_state *state, sh_call_descriptor *descriptor, PyObject *text, PyObject *library,
                               PyObject *kinds)
{
    const sh_signature *signature = sh_call_signature(descriptor);
    void (*address)(void) = function_find(library, signature->name);
    function_object *self = address == NULL ? NULL : (function_object *)object_make(state->function_type);
    if (self == NULL) {
        sh_call_descriptor_free(descriptor);
        return NULL;
    }
    self->descriptor = descriptor;
    self->signature = signature;
    self->address = address;
    self->text = Py_NewRef(text);
    self->kinds = Py_NewRef(kinds);
    function_plan(self);
    return (PyObject *)self;
}

PyObject *function_declare(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    module_state *state = PyModule_GetState(module);
    PyObject *text, *library = Py_None, *kinds = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "U|O$O:function", NAMES("signature", "library", "kinds"),
                                     &text, &library, &kinds))
        return NULL;
    PyObject *known = kinds == NULL ? PyTuple_New(0) : kinds_read(state, kinds);
    if (known == NULL)
        return NULL;
    sh_call_descriptor *descriptor = parse(state, text, known);
    PyObject *self = descriptor == NULL ? NULL : function_make(state, descriptor, text, library, known);
    Py_DECREF(known);
    return self;
}

/* ---- the class --------------------------------------------------------------------------------------------------- */

static void function_dealloc(PyObject *object)
{
    function_object *self = (function_object *)object;
    sh_call_descriptor_free(self->descriptor);
    Py_XDECREF(self->text);
    Py_XDECREF(self->kinds);
    object_free(object);
}

static PyObject *function_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<safehandle.Function %U>", ((function_object *)self)->text);
}

static PyObject *function_name(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((function_object *)self)->signature->name);
}

static PyGetSetDef function_properties[] = {
    {"__name__", function_name, NULL, "The function's name in its library.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef function_members[] = {
    {"signature", T_OBJECT, offsetof(function_object, text), READONLY, "The text that it was declared by."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot function_slots[] = {
    {Py_tp_doc, (void *)"A function of C, called with handles, numbers and buffers. Made by function."},
    {Py_tp_call, function_call},
    {Py_tp_dealloc, function_dealloc},
    {Py_tp_repr, function_repr},
    {Py_tp_getset, function_properties},
    {Py_tp_members, function_members},
    {0, NULL},
};

PyType_Spec function_spec = {
    .name = "safehandle.Function",
    .basicsize = sizeof(function_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = function_slots,
};
