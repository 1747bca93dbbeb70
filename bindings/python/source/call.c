/* SPDX-License-Identifier: MIT */
/* One call: arguments in, the objects for what comes out, the call, results. All that can run out of memory for a
 * handle that comes out is done before the call. */
#include "function.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RETURNED = SH_CALL_PARAMETERS };

/* ---- what each parameter is for the script ------------------------------------------------------------------------
 */

static bool is_buffer_made_here(const sh_parameter *parameter)
{
    return parameter->type == SH_TYPE_BYTES && parameter->direction == SH_DIRECTION_OUT && parameter->length != 0;
}

static bool is_passed(const function_object *function, size_t number)
{
    const sh_parameter *parameter = &function->signature->parameters[number - 1];
    if (sh_call_is_implied(function->descriptor, number) || is_buffer_made_here(parameter))
        return false;
    return parameter->direction != SH_DIRECTION_OUT || parameter->type == SH_TYPE_BYTES;
}

/* Whether it says how many bytes were written, which their length says to the script. */
static bool says_filled(const sh_signature *signature, size_t number)
{
    for (size_t i = 0; i < signature->parameter_count; i++) {
        if (signature->parameters[i].type == SH_TYPE_BYTES && signature->parameters[i].filled == number)
            return true;
    }
    return false;
}

static bool is_result_hidden(const sh_signature *signature)
{
    return signature->result.type == SH_TYPE_VOID || signature->failure == SH_FAILS_NONZERO ||
           signature->failure == SH_FAILS_ERRNO || says_filled(signature, SH_FILLED_BY_RETURN);
}

static bool is_result(const sh_signature *signature, size_t i)
{
    const sh_parameter *parameter = &signature->parameters[i];
    bool comes_out = parameter->direction == SH_DIRECTION_OUT || parameter->direction == SH_DIRECTION_INOUT;
    if (parameter->type == SH_TYPE_BYTES && parameter->kind == NULL)
        return is_buffer_made_here(parameter);
    return comes_out && !says_filled(signature, i + 1);
}

void function_plan(function_object *function)
{
    const sh_signature *signature = function->signature;
    function->is_result_hidden = signature->result.kind == NULL && is_result_hidden(signature);
    function->result_count = !function->is_result_hidden;
    for (size_t i = 0; i < signature->parameter_count; i++) {
        function->is_passed[i] = is_passed(function, i + 1);
        function->is_result[i] = is_result(signature, i);
        function->passed_count += function->is_passed[i];
        function->result_count += function->is_result[i];
    }
}

/* ---- arguments --------------------------------------------------------------------------------------------------- */

static int read_handle(call *one, size_t i, PyObject *object)
{
    one->given[i] = handle_check(one->state, object);
    if (one->given[i] == NULL)
        return -1;
    one->values[i].handle = one->given[i]->owned->handle;
    return 0;
}

static int read_string(call *one, size_t i, PyObject *object)
{
    one->values[i].string = NULL;
    if (object == Py_None)
        return 0;
    if (!PyUnicode_FSConverter(object, &one->kept[i]))
        return -1;
    one->values[i].string = PyBytes_AsString(one->kept[i]);
    return 0;
}

/* A length that the bytes say themselves; two that share one parameter must agree. */
static int imply_length(call *one, size_t number, Py_ssize_t length)
{
    sh_value *value = &one->values[number - 1];
    for (size_t i = 0; i < one->function->signature->parameter_count; i++) {
        bool shares = one->function->signature->parameters[i].length == number && one->views[i].obj != NULL;
        if (shares && one->views[i].len != length) {
            PyErr_Format(PyExc_ValueError, "%s is the length of several buffers, which are not equally long",
                         parameter_name(one->function->signature, number));
            return -1;
        }
    }
    value->i = length;
    return 0;
}

static int read_buffer(call *one, size_t i, PyObject *object)
{
    const sh_parameter *parameter = &one->function->signature->parameters[i];
    if (object == Py_None && parameter->length == 0) {
        one->values[i].pointer = NULL;
        return 0;
    }
    int flags = parameter->direction == SH_DIRECTION_IN ? PyBUF_SIMPLE : PyBUF_WRITABLE;
    if (PyObject_GetBuffer(object, &one->views[i], flags) != 0)
        return -1;
    one->values[i].pointer = one->views[i].buf;
    bool implies = parameter->length != 0 && sh_call_is_implied(one->function->descriptor, parameter->length);
    return implies ? imply_length(one, parameter->length, one->views[i].len) : 0;
}

static int read_struct(call *one, size_t i, PyObject *object)
{
    const function_object *function = one->function;
    one->kept[i] = value_pack(object, function->signature, i + 1, sh_call_size_bytes(function->descriptor, i + 1));
    if (one->kept[i] == NULL)
        return -1;
    one->values[i].pointer = PyBytes_AsString(one->kept[i]);
    return 0;
}

static int read_argument(call *one, size_t i, PyObject *object)
{
    const sh_parameter *parameter = &one->function->signature->parameters[i];
    if (parameter->kind != NULL)
        return read_handle(one, i, object);
    switch (parameter->type) {
    case SH_TYPE_STRING:
        return read_string(one, i, object);
    case SH_TYPE_BYTES:
        return read_buffer(one, i, object);
    case SH_TYPE_STRUCT:
        return read_struct(one, i, object);
    default:
        return value_read(object, parameter->type, one->function->signature, i + 1, &one->values[i]);
    }
}

static int read_arguments(call *one, PyObject *arguments)
{
    const function_object *function = one->function;
    Py_ssize_t used = 0;
    if (PyTuple_Size(arguments) != function->passed_count) {
        PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, not %zd: %U", function->signature->name,
                     function->passed_count, PyTuple_Size(arguments), function->text);
        return -1;
    }
    for (size_t i = 0; i < function->signature->parameter_count; i++) {
        if (function->is_passed[i] && read_argument(one, i, PyTuple_GetItem(arguments, used++)) != 0)
            return -1;
    }
    return 0;
}

/* ---- what comes out ---------------------------------------------------------------------------------------------- */

static int make_buffer(call *one, size_t i)
{
    const sh_signature *signature = one->function->signature;
    size_t length = signature->parameters[i].length;
    uint64_t size = one->values[length - 1].u;
    if (size > PY_SSIZE_T_MAX) {
        PyErr_Format(PyExc_ValueError, "%s is a length: a number from 0 on", parameter_name(signature, length));
        return -1;
    }
    one->kept[i] = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (one->kept[i] == NULL)
        return -1;
    one->values[i].pointer = PyBytes_AsString(one->kept[i]);
    memset(one->values[i].pointer, 0, (size_t)size); /* nothing of before is shown where the callee writes less */
    return 0;
}

/* A Handle for what may come out. The library makes wrappers with one context for all, but each value of a user kind
 * needs its own: so that a second handle stands ready, unset, and the value moves there, where nothing can fail. */
static int make_handle(call *one, size_t place, const sh_kind *kind)
{
    kind_object *known = kind_known(one->state, one->function->kinds, kind);
    core *owned = core_make(one->state, known);
    one->made[place] = owned == NULL ? NULL : (handle_object *)handle_make(one->state, owned);
    if (one->made[place] == NULL)
        return -1;
    if (owned->value == NULL)
        return 0;
    sh_create_options options = core_options(one->state, owned, false);
    sh_status status = sh_create_at(kind, &options, sizeof options, owned->birth, &owned->handle);
    if (status != SH_OK)
        error_raise(one->state, status, one->function->signature->name);
    return status == SH_OK ? 0 : -1;
}

static int make_outputs(call *one)
{
    const sh_signature *signature = one->function->signature;
    for (size_t i = 0; i < signature->parameter_count; i++) {
        const sh_parameter *parameter = &signature->parameters[i];
        bool may_come_out = parameter->kind != NULL &&
                            (parameter->direction == SH_DIRECTION_OUT || parameter->direction == SH_DIRECTION_INOUT);
        if ((may_come_out && make_handle(one, i, parameter->kind) != 0) ||
            (is_buffer_made_here(parameter) && make_buffer(one, i) != 0))
            return -1;
    }
    return signature->result.kind == NULL ? 0 : make_handle(one, RETURNED, signature->result.kind);
}

/* What came out in wrapper, into the Handle that stands ready: cannot fail. */
static void adopt(handle_object *made, sh_handle *wrapper)
{
    core *owned = made->owned;
    if (owned->handle == NULL) {
        owned->handle = wrapper;
        return;
    }
    sh_raw raw = sh_dangerous_get_handle(wrapper);
    if (!sh_is_closed(wrapper)) {
        sh_set_handle_as_invalid(wrapper);
        (void)sh_set_handle(owned->handle, raw);
    }
    if (sh_host_drop(wrapper) != SH_OK)
        return; /* it cannot be refused: this is the manual host */
}

/* Memory for the case that a consumed handle comes back: a Handle keeps the one that was consumed until it dies, since
 * other threads may be looking at it. */
static int make_spare(call *one)
{
    const sh_signature *signature = one->function->signature;
    for (size_t i = 0; i < signature->parameter_count; i++) {
        if (signature->parameters[i].direction != SH_DIRECTION_CONSUME)
            continue;
        one->spare = calloc(1, sizeof *one->spare);
        if (one->spare != NULL)
            return 0;
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static void take_back(call *one, handle_object *given, sh_handle *again)
{
    core *owned = given->owned;
    core *spare = one->spare;
    *spare = (core){.handle = owned->handle,
                    .kind = (kind_object *)Py_NewRef((PyObject *)owned->kind),
                    .birth = owned->birth,
                    .former = owned->former};
    owned->handle = again;
    owned->former = spare;
    one->spare = NULL;
}

static void store_handles(call *one, sh_handle *returned)
{
    const sh_signature *signature = one->function->signature;
    for (size_t i = 0; i < signature->parameter_count; i++) {
        sh_handle *now = one->values[i].handle;
        sh_handle *before = one->given[i] == NULL ? NULL : one->given[i]->owned->handle;
        if (signature->parameters[i].kind == NULL || now == NULL || now == before)
            continue;
        if (one->given[i] != NULL && one->spare != NULL && signature->parameters[i].direction == SH_DIRECTION_CONSUME)
            take_back(one, one->given[i], now);
        else
            adopt(one->made[i], now);
    }
    if (signature->result.kind != NULL && returned != NULL)
        adopt(one->made[RETURNED], returned);
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

/* A new reference: None where no handle came out. */
static PyObject *handle_result(const call *one, size_t place, sh_handle *now)
{
    if (now == NULL)
        return Py_NewRef(Py_None);
    bool is_the_same = place != RETURNED && one->given[place] != NULL && one->given[place]->owned->handle == now;
    return Py_NewRef((PyObject *)(is_the_same ? one->given[place] : one->made[place]));
}

/* The bytes that were written, as the callee says it. */
static PyObject *bytes_result(const call *one, size_t i, sh_value returned)
{
    const sh_parameter *parameter = &one->function->signature->parameters[i];
    Py_ssize_t size = PyBytes_Size(one->kept[i]);
    int64_t filled = size;
    if (parameter->filled == SH_FILLED_BY_RETURN)
        filled = returned.i;
    else if (parameter->filled != 0)
        filled = one->values[parameter->filled - 1].i;
    if (filled < 0 || filled >= size)
        return Py_NewRef(one->kept[i]);
    return PyBytes_FromStringAndSize(PyBytes_AsString(one->kept[i]), (Py_ssize_t)filled);
}

static PyObject *parameter_result(const call *one, size_t i, sh_value returned)
{
    const sh_parameter *parameter = &one->function->signature->parameters[i];
    if (parameter->kind != NULL)
        return handle_result(one, i, one->values[i].handle);
    return is_buffer_made_here(parameter) ? bytes_result(one, i, returned)
                                          : value_make(one->values[i], parameter->type);
}

static PyObject *returned_result(const call *one, sh_value returned)
{
    const sh_parameter *result = &one->function->signature->result;
    return result->kind != NULL ? handle_result(one, RETURNED, returned.handle) : value_make(returned, result->type);
}

static PyObject *make_tuple(const call *one, sh_value returned)
{
    const function_object *function = one->function;
    PyObject *results = PyTuple_New(function->result_count);
    if (results == NULL)
        return NULL;
    Py_ssize_t count = 0;
    bool is_made = true;
    if (!function->is_result_hidden)
        is_made = PyTuple_SetItem(results, count++, returned_result(one, returned)) == 0;
    for (size_t i = 0; is_made && i < function->signature->parameter_count; i++) {
        if (function->is_result[i])
            is_made = PyTuple_SetItem(results, count++, parameter_result(one, i, returned)) == 0;
    }
    if (!is_made || PyErr_Occurred())
        Py_CLEAR(results);
    return results;
}

/* What is returned, then what comes out, in its order: alone, or in a tuple; None where there is nothing. */
static PyObject *make_results(const call *one, sh_value returned)
{
    const function_object *function = one->function;
    if (function->result_count == 0)
        return Py_NewRef(Py_None);
    if (function->result_count > 1)
        return make_tuple(one, returned);
    if (!function->is_result_hidden)
        return returned_result(one, returned);
    size_t i = 0;
    while (!function->is_result[i])
        i++;
    return parameter_result(one, i, returned);
}

/* ---- what went wrong --------------------------------------------------------------------------------------------- */

static bool is_any_closed(const call *one)
{
    for (size_t i = 0; i < one->function->signature->parameter_count; i++) {
        if (one->given[i] != NULL && sh_is_closed(one->given[i]->owned->handle))
            return true;
    }
    return false;
}

static PyObject *raise_system(const call *one, int error)
{
    const sh_signature *signature = one->function->signature;
    if (error == EBADF && is_any_closed(one)) {
        errno = error;
        return error_raise(one->state, SH_E_CLOSED, signature->name);
    }
    if (error == 0)
        return PyErr_Format(one->state->errors[ERROR_BASE],
                            "%s has failed; write \"errno\" at the end of its signature to be told why",
                            signature->name);
    PyObject *text = PyUnicode_FromFormat("%s: %s", signature->name, strerror(error));
    PyObject *exception = text == NULL ? NULL : PyObject_CallFunction(PyExc_OSError, "iO", error, text);
    if (exception != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_XDECREF(exception);
    Py_XDECREF(text);
    return NULL;
}

static PyObject *raise_refusal(const call *one, sh_status status, const sh_call_error *error)
{
    static const struct {
        sh_status status;
        error_class class;
    } classes[] = {{SH_E_CLOSED, ERROR_CLOSED}, {SH_E_KIND, ERROR_KIND},   {SH_E_INVALID, ERROR_INVALID},
                   {SH_E_TIMEOUT, ERROR_BUSY},  {SH_E_OWNED, ERROR_OWNED}, {SH_E_UNSUPPORTED, ERROR_UNSUPPORTED}};
    if (status == SH_E_NOMEM)
        return PyErr_NoMemory();
    error_class class = ERROR_BASE;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (classes[i].status == status)
            class = classes[i].class;
    }
    return PyErr_Format(one->state->errors[class], "%s",
                        error->message[0] != '\0' ? error->message : sh_status_message(status));
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static PyObject *make_call(call *one)
{
    const function_object *function = one->function;
    sh_create_options options = {.domain = one->state->home->domain};
    sh_call_error error = {.message = ""};
    sh_value returned = {.u = 0};
    errno = 0;
    sh_status status = sh_call_make_at(function->descriptor, function->address, one->values, &options, sizeof options,
                                       site_here(), &returned, &error);
    int os_error = errno;
    if (status == SH_OK || status == SH_E_SYSTEM)
        store_handles(one, returned.handle);
    home_release_waiting(one->state->home);
    if (status == SH_OK)
        return make_results(one, returned);
    if (status != SH_E_SYSTEM)
        return raise_refusal(one, status, &error);
    /* A handler that raises says more than the interrupted call. */
    return os_error == EINTR && PyErr_CheckSignals() != 0 ? NULL : raise_system(one, os_error);
}

/* Clears no more than is used: most functions have few parameters, and the whole is several kilobytes. */
static void call_begin(call *one, const function_object *function, module_state *state)
{
    size_t count = function->signature->parameter_count;
    one->function = function;
    one->state = state;
    memset(one->values, 0, count * sizeof *one->values);
    memset(one->views, 0, count * sizeof *one->views);
    memset(one->kept, 0, count * sizeof *one->kept);
    memset(one->given, 0, count * sizeof *one->given);
    memset(one->made, 0, count * sizeof *one->made);
    one->made[RETURNED] = NULL;
    one->spare = NULL;
}

/* A handle that a failed call has left there is closed without a warning: the script never had it. */
static void drop_made(handle_object *made, bool failed)
{
    if (failed && made->owned->handle != NULL) {
        gil_leave();
        (void)sh_close(made->owned->handle);
        gil_enter();
    }
    Py_DECREF(made);
}

static void call_end(call *one, bool failed)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    for (size_t i = 0; i < one->function->signature->parameter_count; i++) {
        if (one->views[i].obj != NULL)
            PyBuffer_Release(&one->views[i]);
        Py_XDECREF(one->kept[i]);
        if (one->made[i] != NULL)
            drop_made(one->made[i], failed);
    }
    if (one->made[RETURNED] != NULL)
        drop_made(one->made[RETURNED], failed);
    free(one->spare);
    PyErr_Restore(type, value, traceback);
}

PyObject *function_call(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    if (keywords != NULL && PyDict_Size(keywords) != 0) {
        PyErr_SetString(PyExc_TypeError, "functions of C have no names for their arguments: pass them in their order");
        return NULL;
    }
    call one;
    call_begin(&one, (function_object *)self, state_of(self));
    PyObject *answer = NULL;
    lease_end_stranded();
    if (read_arguments(&one, arguments) == 0 && make_outputs(&one) == 0 && make_spare(&one) == 0)
        answer = make_call(&one);
    call_end(&one, answer == NULL);
    return answer;
}
