/* SPDX-License-Identifier: MIT */
/* A C function that was declared by its signature, and one call of it. */
#ifndef SAFEHANDLE_PYTHON_FUNCTION_H
#define SAFEHANDLE_PYTHON_FUNCTION_H

#include "binding.h"
#include <safehandle/ffi.h>

/* Not known to the cyclic collector: it holds kinds and text only.
 * Invariant: everything is set, and never changes. */
typedef struct function_object {
    PyObject_HEAD sh_call_descriptor *descriptor;
    const sh_signature *signature; /* the descriptor's own */
    void (*address)(void);
    PyObject *text;
    PyObject *kinds; /* a tuple: the kinds of the script that the signature may name */
    Py_ssize_t passed_count;
    Py_ssize_t result_count;            /* with what is returned */
    bool is_result_hidden;              /* what is returned says nothing that the script does not know otherwise */
    bool is_passed[SH_CALL_PARAMETERS]; /* by the script */
    bool is_result[SH_CALL_PARAMETERS]; /* it comes out, for the script */
} function_object;

/* One call. Lives on the stack.
 * Invariant: of the arrays as many are set as there are parameters, and the last one of made; what views, kept, made
 * and spare hold is given back by call_end. */
typedef struct call {
    const function_object *function;
    module_state *state;
    sh_value values[SH_CALL_PARAMETERS];
    Py_buffer views[SH_CALL_PARAMETERS];         /* of bytes that the script has passed */
    PyObject *kept[SH_CALL_PARAMETERS];          /* bytes objects that values point into */
    handle_object *given[SH_CALL_PARAMETERS];    /* of handles that go in: borrowed from the arguments */
    handle_object *made[SH_CALL_PARAMETERS + 1]; /* for handles that may come out; the last one is returned */
    core *spare;                                 /* for a consumed handle that comes back */
} call;

/* ---- call.c ------------------------------------------------------------------------------------------------------ */

/* Fills in what each parameter is for the script. */
void function_plan(function_object *function);
PyObject *function_call(PyObject *self, PyObject *arguments, PyObject *keywords);

/* ---- value.c ----------------------------------------------------------------------------------------------------- */

/* "read: n", for messages. Valid until the next call on this thread. Numbers are from 1. */
const char *parameter_name(const sh_signature *signature, size_t number);
/* A number, pointer or bool of a C type, from a script's object. 0, or -1 with an exception that names the parameter.
 */
int value_read(PyObject *object, sh_type type, const sh_signature *signature, size_t parameter, sh_value *out_value);
/* And back. A new reference. */
PyObject *value_make(sh_value value, sh_type type);
/* A struct by value, from a sequence of its members: bytes that look like it. NULL with an exception. */
PyObject *value_pack(PyObject *members, const sh_signature *signature, size_t number, size_t size_bytes);

#endif
