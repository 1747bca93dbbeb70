/* SPDX-License-Identifier: MIT */
/* The module: its functions and classes, once for each interpreter that imports it. */
#include "binding.h"

module_state *state_of(PyObject *object)
{
    return PyType_GetModuleState(Py_TYPE(object));
}

PyObject *object_make(PyTypeObject *class)
{
    if (class != NULL)
        return ((allocfunc)PyType_GetSlot(class, Py_tp_alloc))(class, 0);
    PyErr_SetString(PyExc_RuntimeError, "the interpreter is ending: no handle can be made any more");
    return NULL;
}

void object_free(PyObject *object)
{
    PyTypeObject *class = Py_TYPE(object);
    ((freefunc)PyType_GetSlot(class, Py_tp_free))(object);
    Py_DECREF(class);
}

/* ---- what the library asks of the host --------------------------------------------------------------------------- */

/* When descriptors have run out: those of forgotten handles in circles are found by Python's collector. Called where
 * the binding has given the lock up; on any other thread nothing can be done. */
static void collect(void *unused)
{
    (void)unused;
    if (!gil_is_left())
        return;
    gil_enter();
    (void)PyGC_Collect();
    gil_leave();
}

static int library_begin(void)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL, .collect = collect};
    sh_status status = sh_init(&options);
    if (status == SH_OK)
        return 0;
    PyErr_Format(PyExc_ImportError,
                 "safehandle cannot start beside what this process does with it already, or with "
                 "SIGURG: %s",
                 sh_status_message(status));
    return -1;
}

/* ---- the module -------------------------------------------------------------------------------------------------- */

#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS

static PyMethodDef functions[] = {
    {"open", WITH_KEYWORDS(open_file),
     "open($module, path, flags=os.O_RDONLY, mode=0o666)\n--\n\nopen(2), into a Handle. path as os.fspath knows it."},
    {"wrap", WITH_KEYWORDS(handle_wrap),
     "wrap($module, fd, kind='fd', owned=True)\n--\n\nA Handle that owns a value which is open already.\n\n"
     "kind is a Kind, or the name of a built-in one. With owned=False it only looks."},
    {"pipe", WITH_KEYWORDS(open_pipe), "pipe($module, flags=0)\n--\n\npipe2(2): (read_end, write_end)."},
    {"socket", WITH_KEYWORDS(open_socket), "socket($module, family, type, proto=0)\n--\n\nsocket(2), into a Handle."},
    {"event", WITH_KEYWORDS(open_event), "event($module, initial=0, flags=0)\n--\n\neventfd(2), into a Handle."},
    {"function", WITH_KEYWORDS(function_declare),
     "function($module, signature, library=None, *, kinds=())\n--\n\n"
     "A function of C, declared by a line like \"isize read(file in, bytes out[n, return], usize n) fails negative\n"
     "blocking errno\". library is a path or a name; None: the process. kinds are those of your own that it names."},
    {"trace", site_trace, METH_O,
     "trace($module, on, /)\n--\n\nWhether new handles remember the line that made them, for warnings."},
    {"wait_for_events", WITH_KEYWORDS(events_wait),
     "wait_for_events($module, timeout=None)\n--\n\nUntil what has gone wrong so far is told as warnings."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject *class_add(PyObject *module, PyType_Spec *spec, PyTypeObject *base)
{
    PyTypeObject *class = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, (PyObject *)base);
    if (class != NULL && PyModule_AddType(module, class) != 0)
        Py_CLEAR(class);
    return class;
}

static int classes_add(PyObject *module, module_state *state)
{
    state->owner_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &owner_spec, NULL);
    if (state->owner_type == NULL)
        return -1;
    state->handle_type = class_add(module, &handle_spec, state->owner_type);
    state->lease_type = class_add(module, &lease_spec, NULL);
    state->kind_type = class_add(module, &kind_spec, NULL);
    state->function_type = class_add(module, &function_spec, NULL);
    bool is_made = state->handle_type != NULL && state->lease_type != NULL && state->kind_type != NULL;
    return is_made && state->function_type != NULL ? 0 : -1;
}

static int module_exec(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    if (library_begin() != 0 || site_begin() != 0)
        return -1;
    state->home = home_find();
    if (state->home == NULL)
        return -1;
    if (PyModule_AddStringConstant(module, "__version__", sh_version()) != 0)
        return -1;
    return errors_add(module, state) == 0 && classes_add(module, state) == 0 && kinds_add(module, state) == 0 ? 0 : -1;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    module_state *state = PyModule_GetState(module);
    Py_VISIT(state->seen_code);
    Py_VISIT(state->owner_type);
    Py_VISIT(state->handle_type);
    Py_VISIT(state->lease_type);
    Py_VISIT(state->kind_type);
    Py_VISIT(state->function_type);
    for (int i = 0; i < BUILT_IN_KINDS; i++)
        Py_VISIT(state->kinds[i]);
    for (int i = 0; i < ERROR_COUNT; i++)
        Py_VISIT(state->errors[i]);
    return 0;
}

static int module_clear(PyObject *module)
{
    module_state *state = PyModule_GetState(module);
    Py_CLEAR(state->seen_code);
    Py_CLEAR(state->owner_type);
    Py_CLEAR(state->handle_type);
    Py_CLEAR(state->lease_type);
    Py_CLEAR(state->kind_type);
    Py_CLEAR(state->function_type);
    for (int i = 0; i < BUILT_IN_KINDS; i++)
        Py_CLEAR(state->kinds[i]);
    for (int i = 0; i < ERROR_COUNT; i++)
        Py_CLEAR(state->errors[i]);
    return 0;
}

static void module_free(void *module)
{
    (void)module_clear(module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,          .m_name = "safehandle._core", .m_doc = "What of safehandle is written in C.",
    .m_size = sizeof(module_state), .m_methods = functions,       .m_slots = module_slots,
    .m_traverse = module_traverse,  .m_clear = module_clear,      .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
