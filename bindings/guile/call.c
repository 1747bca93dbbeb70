/* SPDX-License-Identifier: MIT */
/*
 * C functions that scripts declare by their signature. Objects for the handles that may come out are made before the
 * call, so that after it they need only be filled.
 */
#include "value.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Invariant: freed when its object dies; made_kind is the one kind with a release in Scheme that a call may make
 * handles of, made_count of them at most, or NULL. */
typedef struct script_function {
    sh_call_descriptor *descriptor;
    void (*function)(void);
    const kind_record *made_kind;
    size_t made_count;
    long argument_count;
    bool takes_argument[SH_CALL_PARAMETERS]; /* a script passes something for the parameter */
    bool makes_handles;
    bool takes_strings;
} script_function;

/* One call. Lives on the stack, where the collector sees its objects. */
typedef struct script_call {
    const script_function *callee;
    const sh_signature *signature;
    sh_value values[SH_CALL_PARAMETERS];
    SCM objects[SH_CALL_PARAMETERS];  /* handle objects and bytevectors */
    bool changed[SH_CALL_PARAMETERS]; /* of an inout handle: a new one has come out */
    SCM returned_object;
    sh_value returned;
    sh_call_error error;
} script_call;

static SCM function_type;

/* ---- declaring --------------------------------------------------------------------------------------------------- */

static bool comes_out(const sh_parameter *parameter)
{
    return parameter->direction == SH_DIRECTION_OUT || parameter->direction == SH_DIRECTION_INOUT ||
           parameter->direction == SH_DIRECTION_RETURN;
}

/* A script passes everything but what only comes out, and lengths that its bytevectors say. */
static void plan_argument(script_function *function, const sh_parameter *parameter, size_t i)
{
    function->takes_argument[i] =
        parameter->direction != SH_DIRECTION_OUT && !sh_call_is_implied(function->descriptor, i + 1);
    function->argument_count += function->takes_argument[i];
    function->takes_strings |= parameter->type == SH_TYPE_STRING;
}

/* NULL, or why not. All handles that a call makes have one context (sh_create_options): so it can be that of one kind.
 */
static const char *plan_made(script_function *function, const sh_parameter *parameter)
{
    if (parameter->kind == NULL || !comes_out(parameter))
        return NULL;
    function->makes_handles = true;
    if (parameter->kind->release != release_note)
        return NULL;
    const kind_record *kind = kind_find(parameter->kind);
    if (function->made_kind != NULL && function->made_kind != kind)
        return "Handles of two different kinds with a release in Scheme come out of one function. Declare one of them "
               "as isize, and wrap it with wrap-handle.";
    function->made_kind = kind;
    function->made_count++;
    return NULL;
}

static const char *plan(script_function *function)
{
    const sh_signature *signature = sh_call_signature(function->descriptor);
    const char *refused = plan_made(function, &signature->result);
    for (size_t i = 0; i < signature->parameter_count && refused == NULL; i++) {
        const sh_parameter *parameter = &signature->parameters[i];
        if (parameter->type == SH_TYPE_BYTES && parameter->direction == SH_DIRECTION_OUT && parameter->length == 0)
            refused = "Nobody says how many bytes come out: name the parameter with their length in brackets.";
        else
            refused = plan_made(function, parameter);
        plan_argument(function, parameter, i);
    }
    return refused;
}

static sh_status parse(SCM text, SCM kinds, sh_call_descriptor **out_descriptor, sh_call_error *error)
{
    size_t count = scm_to_size_t(scm_length(kinds));
    const sh_kind **known = scm_gc_malloc(sizeof *known * (count + 1), "kinds");
    for (size_t i = 0; i < count; i++, kinds = scm_cdr(kinds))
        known[i] = kind_of_object("handle-procedure", scm_car(kinds), 3)->kind;
    scm_dynwind_begin(0);
    char *line = scm_to_utf8_string(text);
    scm_dynwind_free(line);
    sh_status status = sh_call_parse(line, known, count, NULL, out_descriptor, error);
    scm_dynwind_end();
    return status;
}

/* From the signature's text and kinds of the script's; it has no function yet. */
static SCM function_declare(SCM text, SCM kinds)
{
    const char *who = "handle-procedure";
    sh_call_error error = {.message = ""};
    script_function *function = scm_gc_malloc_pointerless(sizeof *function, "function");
    *function = (script_function){.descriptor = NULL};
    SCM object = scm_make_foreign_object_2(function_type, function, NULL);
    sh_status status = parse(text, kinds, &function->descriptor, &error);
    if (status != SH_OK)
        error_raise(who, status, text, error.message[0] != '\0' ? error.message : NULL);
    const char *refused = plan(function);
    if (refused != NULL)
        error_raise(who, SH_E_UNSUPPORTED, text, refused);
    return object;
}

static void function_finalize(SCM object)
{
    script_function *function = scm_foreign_object_ref(object, 0);
    sh_call_descriptor_free(function->descriptor);
}

static script_function *function_of(SCM object)
{
    if (!is_of_type(object, function_type))
        scm_wrong_type_arg_msg("handle-procedure", 1, object, "declared function");
    return scm_foreign_object_ref(object, 0);
}

static SCM function_name(SCM object)
{
    return scm_from_utf8_string(sh_call_signature(function_of(object)->descriptor)->name);
}

/* Where it is: once, before its first call. The pointer is kept in the object, where the collector sees it: that of a
 * procedure of Scheme's lives no longer than its pointer object. */
static SCM function_set_pointer(SCM object, SCM pointer)
{
    function_of(object)->function = (void (*)(void))(uintptr_t)scm_to_pointer(pointer);
    scm_foreign_object_set_x(object, 1, SCM_UNPACK_POINTER(pointer));
    return SCM_UNSPECIFIED;
}

/* ---- what goes in ------------------------------------------------------------------------------------------------ */

/* The length of bytes that go in, which their parameter must be able to say. Two that share a length are as long as
 * each other: otherwise the callee would write behind the shorter one. */
static void load_length(script_call *call, size_t i, int position)
{
    const sh_parameter *parameters = call->signature->parameters;
    size_t length = parameters[i].length;
    size_t byte_count = scm_c_bytevector_length(call->objects[i]);
    for (size_t j = 0; j < i; j++) {
        if (parameters[j].type == SH_TYPE_BYTES && parameters[j].length == length && call->callee->takes_argument[j] &&
            scm_c_bytevector_length(call->objects[j]) != byte_count)
            scm_misc_error(
                call->signature->name, "Two bytevectors share one length, but one has ~A bytes and the other ~A.",
                scm_list_2(scm_from_size_t(scm_c_bytevector_length(call->objects[j])), scm_from_size_t(byte_count)));
    }
    call->values[length - 1] =
        value_of_scheme(call->signature->name, &parameters[length - 1], 0, scm_from_size_t(byte_count), position);
}

static void load_argument(script_call *call, size_t i, SCM argument, int position)
{
    const sh_parameter *parameter = &call->signature->parameters[i];
    const char *who = call->signature->name;
    if (parameter->kind != NULL) {
        call->values[i].handle = handle_of(who, argument, position);
        call->objects[i] = argument;
        return;
    }
    if (parameter->type != SH_TYPE_BYTES) {
        size_t size_bytes = sh_call_size_bytes(call->callee->descriptor, i + 1);
        call->values[i] = value_of_scheme(who, parameter, size_bytes, argument, position);
        call->objects[i] = argument;
        return;
    }
    call->objects[i] = value_bytes(who, parameter, argument, position);
    call->values[i].pointer = SCM_BYTEVECTOR_CONTENTS(call->objects[i]);
    if (parameter->length != 0)
        load_length(call, i, position);
}

static void load_arguments(script_call *call, SCM arguments)
{
    int position = 1;
    for (size_t i = 0; i < call->signature->parameter_count; i++) {
        if (!call->callee->takes_argument[i])
            continue;
        load_argument(call, i, SCM_CAR(arguments), position++);
        arguments = SCM_CDR(arguments);
    }
}

/* Room for what comes out: an object for each handle, and bytes, whose length has gone in by now. */
static void make_room(script_call *call)
{
    for (size_t i = 0; i < call->signature->parameter_count; i++) {
        const sh_parameter *parameter = &call->signature->parameters[i];
        if (parameter->kind != NULL && comes_out(parameter)) {
            bool is_new = parameter->direction == SH_DIRECTION_OUT;
            call->objects[i] = is_new ? handle_object(NULL) : scm_cons(call->objects[i], handle_object(NULL));
        } else if (parameter->type == SH_TYPE_BYTES && parameter->direction == SH_DIRECTION_OUT) {
            call->objects[i] = scm_c_make_bytevector(call->values[parameter->length - 1].u);
            call->values[i].pointer = SCM_BYTEVECTOR_CONTENTS(call->objects[i]);
        }
    }
    if (call->signature->result.kind != NULL)
        call->returned_object = handle_object(NULL);
}

/* ---- what comes out ---------------------------------------------------------------------------------------------- */

/* Puts a handle that has come out into its object. Answers whether there is one. */
static size_t keep_handle(SCM object, sh_handle *h)
{
    if (h != NULL)
        handle_reseat(object, h);
    return h != NULL;
}

/* Fills the objects of handles; answers how many handles are new. An inout object that changed is the new one of its
 * pair. A consumed handle that the callee did not take is in a handle of the library's that is new, and for the script
 * in the object that it has passed. */
static size_t keep_handles(script_call *call, bool failed)
{
    size_t count = 0;
    if (call->signature->result.kind != NULL)
        count += keep_handle(call->returned_object, call->returned.handle);
    for (size_t i = 0; i < call->signature->parameter_count; i++) {
        const sh_parameter *parameter = &call->signature->parameters[i];
        sh_handle *h = call->values[i].handle;
        if (parameter->kind == NULL || parameter->direction == SH_DIRECTION_IN)
            continue;
        if (parameter->direction == SH_DIRECTION_OUT) {
            count += keep_handle(call->objects[i], h);
        } else if (parameter->direction == SH_DIRECTION_CONSUME) {
            if (failed)
                (void)keep_handle(call->objects[i], h);
            else if (sh_kind_of(h)->release == release_note)
                release_forget(1);
        } else if (h == handle_of("inout", SCM_CAR(call->objects[i]), 1)) {
            call->objects[i] = SCM_CAR(call->objects[i]);
        } else {
            call->objects[i] = SCM_CDR(call->objects[i]);
            call->changed[i] = true;
            count += keep_handle(call->objects[i], h);
        }
    }
    return count;
}

static SCM handle_or_false(SCM object)
{
    return scm_foreign_object_ref(object, 0) == NULL ? SCM_BOOL_F : object;
}

static SCM bytes_that_came(const script_call *call, size_t i)
{
    const sh_parameter *parameter = &call->signature->parameters[i];
    if (parameter->filled == 0)
        return call->objects[i];
    sh_value filled = parameter->filled == SH_FILLED_BY_RETURN ? call->returned : call->values[parameter->filled - 1];
    return value_first_bytes(call->objects[i], filled.i < 0 ? 0 : (size_t)filled.u);
}

static SCM result_of(const script_call *call, size_t i)
{
    const sh_parameter *parameter = &call->signature->parameters[i];
    if (parameter->kind != NULL)
        return handle_or_false(call->objects[i]);
    return parameter->type == SH_TYPE_BYTES ? bytes_that_came(call, i)
                                            : value_to_scheme(parameter->type, call->values[i]);
}

/* A number that only tells of a failure, or how long the bytes are that come out, is no result of its own. */
static bool tells_only(const sh_signature *signature)
{
    bool told = signature->result.type == SH_TYPE_VOID || signature->failure == SH_FAILS_NONZERO ||
                signature->failure == SH_FAILS_ERRNO;
    for (size_t i = 0; i < signature->parameter_count && !told; i++)
        told = signature->parameters[i].filled == SH_FILLED_BY_RETURN;
    return told && signature->result.kind == NULL;
}

/* The result, if it says anything, and what came out, in the order of the parameters: as many values. */
static SCM results(const script_call *call)
{
    SCM all = SCM_EOL;
    for (size_t i = call->signature->parameter_count; i-- > 0;) {
        const sh_parameter *parameter = &call->signature->parameters[i];
        if (parameter->direction == SH_DIRECTION_OUT || parameter->direction == SH_DIRECTION_INOUT)
            all = scm_cons(result_of(call, i), all);
    }
    if (call->signature->result.kind != NULL)
        all = scm_cons(handle_or_false(call->returned_object), all);
    else if (!tells_only(call->signature))
        all = scm_cons(value_to_scheme(call->signature->result.type, call->returned), all);
    if (scm_is_pair(all) && scm_is_null(SCM_CDR(all)))
        return SCM_CAR(all);
    return scm_is_null(all) ? SCM_UNSPECIFIED : scm_values(all);
}

/* ---- a call that fails ------------------------------------------------------------------------------------------- */

/* A handle of the call that somebody has closed meanwhile: that is why the callee has failed. */
static SCM closed_meanwhile(const script_call *call)
{
    for (size_t i = 0; i < call->signature->parameter_count; i++) {
        const sh_parameter *parameter = &call->signature->parameters[i];
        if (parameter->kind != NULL && parameter->direction == SH_DIRECTION_IN && sh_is_closed(call->values[i].handle))
            return call->objects[i];
    }
    return SCM_UNDEFINED;
}

/* What has come out although the call failed goes to nobody. */
static void close_strays(const script_call *call)
{
    for (size_t i = 0; i < call->signature->parameter_count; i++) {
        const sh_parameter *parameter = &call->signature->parameters[i];
        bool is_new = parameter->direction == SH_DIRECTION_OUT || call->changed[i];
        if (parameter->kind != NULL && is_new && call->values[i].handle != NULL)
            (void)sh_close(call->values[i].handle);
    }
}

static _Noreturn void raise_failure(const script_call *call, int os_error)
{
    const char *who = call->signature->name;
    close_strays(call);
    SCM closed = closed_meanwhile(call);
    if (!SCM_UNBNDP(closed) && (os_error == EBADF || os_error == EINTR))
        error_raise(who, SH_E_CLOSED, closed, NULL);
    if (os_error == 0)
        error_raise(who, SH_E_SYSTEM, value_to_scheme(call->signature->result.type, call->returned),
                    "The function has failed. Write errno at the end of its signature, where it sets errno.");
    errno = os_error;
    error_raise(who, SH_E_SYSTEM, SCM_UNDEFINED, NULL);
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static sh_status make(script_call *call)
{
    const script_function *callee = call->callee;
    sh_create_options options = {.domain = callee->makes_handles ? domain_current() : NULL};
    if (callee->made_kind != NULL) {
        options.context = (void *)(uintptr_t)callee->made_kind;
        release_reserve(callee->made_count);
    }
    errno = 0;
    return sh_call_make_at(callee->descriptor, callee->function, call->values, &options, sizeof options, NULL,
                           &call->returned, &call->error);
}

/* A call with its strings, which are freed also when an argument is refused. */
static sh_status load_and_make(script_call *call, SCM arguments, int *out_os_error)
{
    if (call->callee->takes_strings)
        scm_dynwind_begin(0);
    load_arguments(call, arguments);
    make_room(call);
    sh_status status = make(call);
    *out_os_error = errno;
    if (call->callee->takes_strings)
        scm_dynwind_end();
    return status;
}

static SCM function_call(SCM object, SCM arguments)
{
    script_call call;
    call.callee = function_of(object);
    call.signature = sh_call_signature(call.callee->descriptor);
    call.error.message[0] = '\0';
    /* What no call has written is read as: nothing came out. */
    memset(call.values, 0, sizeof call.values);
    memset(call.changed, 0, sizeof call.changed);
    call.returned = (sh_value){.u = 0};
    if (scm_ilength(arguments) != call.callee->argument_count)
        scm_wrong_num_args(scm_from_utf8_symbol(call.signature->name));
    int os_error = 0;
    sh_status status = load_and_make(&call, arguments, &os_error);
    bool called = status == SH_OK || status == SH_E_SYSTEM;
    size_t made = called ? keep_handles(&call, status != SH_OK) : 0;
    if (call.callee->made_kind != NULL)
        release_forget(call.callee->made_count - made);
    scm_remember_upto_here_2(object, arguments);
    deferred_run();
    if (!called)
        error_raise(call.signature->name, status, SCM_UNDEFINED, call.error.message[0] ? call.error.message : NULL);
    if (status == SH_E_SYSTEM)
        raise_failure(&call, os_error);
    return results(&call);
}

void call_init(void)
{
    function_type = scm_permanent_object(scm_make_foreign_object_type(
        scm_from_utf8_symbol("<handle-function>"),
        scm_list_2(scm_from_utf8_symbol("function"), scm_from_utf8_symbol("pointer")), function_finalize));
    DEFINE("%declare-function", 2, 0, function_declare);
    DEFINE("%function-name", 1, 0, function_name);
    DEFINE("%set-function-pointer!", 2, 0, function_set_pointer);
    DEFINE("%call-function", 2, 0, function_call);
}
