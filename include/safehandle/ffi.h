/* SPDX-License-Identifier: MIT */
/*
 * Calling C functions that take, give back or swallow handles, from a script or from any program that knows a function
 * only at run time. References are taken and given back without the caller's help.
 *
 * A signature says what each parameter is. It is a const table, or a line of text:
 *
 *     isize read(file in, bytes out[n, return], usize n) fails negative blocking errno
 *
 * From it a descriptor is prepared once; it never changes, and any number of threads call through it without a lock.
 * A call goes through these phases, in order:
 *
 *   1. a lease on every handle that goes in; when one is refused, those before it are given back
 *   2. a wrapper for every handle that may come out: everything that can fail has happened now
 *   3. the consumed handle becomes the callee's
 *   4. the call; errno is saved in the next step
 *   5. what came out is stored in its wrapper, where nothing can fail; then the leases end
 *
 * Thread cancellation is held back from 3 to 5 where a handle may come out or is consumed (as in open.h). A wrapper
 * that was not needed is disposed of. So no raw value is ever without an owner, however the call ends.
 *
 *   prepare, parse, make, enter … leave   any thread, at the same time, with the same descriptor
 *   one sh_call                           belongs to one thread: what enters leaves there
 *   descriptor_free                       when nobody uses the descriptor any more
 *
 * The hosts that make the call themselves (a just-in-time compiler, an interpreter with its own FFI) use the bracket
 * sh_call_enter … sh_call_leave; the others use sh_call_make, which makes it by libffi, or, where everything is passed
 * in registers, without.
 *
 * Ownership: handles in values stay the caller's, apart from the consumed one. Wrappers that come out are the caller's
 * from enter on, so that it can put them into objects of its own before the call, where it may still fail; leave takes
 * back those that were not needed.
 *
 * Source: P/Invoke's marshalling of SafeHandle, by value, by reference and returned, as documents 002 and 003 describe
 * it (M7).
 */
#ifndef SAFEHANDLE_FFI_H
#define SAFEHANDLE_FFI_H

#include <safehandle/contract.h>
#include <safehandle/export.h>
#include <safehandle/handle.h>
#include <safehandle/lease.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

SH_BEGIN_DECLARATIONS

/* ---- what a function is like ------------------------------------------------------------------------------------- */

typedef enum sh_direction {
    SH_DIRECTION_IN,      /* the callee reads it */
    SH_DIRECTION_OUT,     /* the callee is given an address, and writes there */
    SH_DIRECTION_INOUT,   /* the callee is given the address of a value, and may write another there */
    SH_DIRECTION_CONSUME, /* a handle that belongs to the callee when the call has not failed */
    SH_DIRECTION_RETURN   /* what the function returns */
} sh_direction;

/* C types; in a signature's text the name after SH_TYPE_ in lower case. */
typedef enum sh_type {
    SH_TYPE_BY_KIND, /* of a handle only: int for descriptors (SH_KIND_FD), isize for other kinds */
    SH_TYPE_VOID,    /* of a result only */
    SH_TYPE_BOOL,
    SH_TYPE_I8,
    SH_TYPE_U8,
    SH_TYPE_I16,
    SH_TYPE_U16,
    SH_TYPE_I32,
    SH_TYPE_U32,
    SH_TYPE_I64,
    SH_TYPE_U64,
    SH_TYPE_INT,
    SH_TYPE_UINT,
    SH_TYPE_LONG,
    SH_TYPE_ULONG,
    SH_TYPE_ISIZE, /* ssize_t, off_t, intptr_t */
    SH_TYPE_USIZE, /* size_t, uintptr_t */
    SH_TYPE_F32,
    SH_TYPE_F64,
    SH_TYPE_POINTER,
    SH_TYPE_STRING, /* const char *, ended by NUL; in only */
    SH_TYPE_BYTES,  /* void *, to as many bytes as another parameter says; in: they are read, out and inout: written */
    SH_TYPE_STRUCT  /* by value, in only; text: {i32 x, f64 y} */
} sh_type;

/* sh_parameter.filled of bytes that the returned value says the length of. */
#define SH_FILLED_BY_RETURN SIZE_MAX

/*
 * One parameter, a result, or a member of a struct. Zero means: in.
 * Invariant, checked by prepare: kind is set and type a C integer type or SH_TYPE_BY_KIND, for a handle; or kind is
 * NULL, for everything else. length, filled and members are set only where they say so.
 */
typedef struct sh_parameter {
    sh_direction direction;
    sh_type type;
    const sh_kind *kind; /* a handle of this kind, or of one derived from it */
    const char *name;    /* for messages; may be NULL */
    size_t length;       /* bytes: the number, from 1, of the integer parameter with their length; 0: nobody says */
    size_t filled; /* bytes out: the number of the integer parameter that says afterwards how many of them were written,
                      or SH_FILLED_BY_RETURN; 0: all */
    const struct sh_parameter *members; /* struct: its members, plain types only */
    size_t member_count;
} sh_parameter;

/* How a returned value tells that the function has failed. In a signature's text: fails negative, and so on. */
typedef enum sh_failure {
    SH_FAILS_NEVER,    /* it tells nothing; but a returned handle fails when its kind calls it invalid */
    SH_FAILS_NEGATIVE, /* below zero */
    SH_FAILS_ZERO,     /* 0, or NULL */
    SH_FAILS_NONZERO,  /* anything but 0 */
    SH_FAILS_ERRNO     /* anything but 0, which is then the errno value itself, as pthread functions have it */
} sh_failure;

/* The call may take long: sh_call_make leaves the collector and the host's own lock (sh_call_hooks) for its time. What
 * values point to must then not be in the collector's heap, unless it is a leaf object (GC_MALLOC_ATOMIC). In a
 * signature's text: blocking. */
#define SH_CALL_BLOCKING UINT32_C(1)
/* errno is saved right after the call, and told: it is what it was then, also when the call has not failed. In a
 * signature's text: errno. */
#define SH_CALL_SAVE_ERRNO UINT32_C(2)

/* Invariant, checked by prepare: name is set; result.direction is SH_DIRECTION_RETURN; at most SH_CALL_PARAMETERS
 * parameters, SH_CALL_HANDLES handles with the result, one of them consumed; flags holds known bits only. */
typedef struct sh_signature {
    const char *name; /* "read"; for messages */
    sh_parameter result;
    const sh_parameter *parameters;
    size_t parameter_count;
    sh_failure failure;
    uint32_t flags;
} sh_signature;

enum { SH_CALL_PARAMETERS = 32, SH_CALL_HANDLES = 8 };

/* Around each call that is SH_CALL_BLOCKING: leave gives the host's lock up, enter takes it again. They run on the
 * calling thread, with leases held; they must return, and not call us. Both or none are set. */
typedef struct sh_call_hooks {
    void (*leave)(void *data);
    void (*enter)(void *data);
    void *data;
} sh_call_hooks;

/* Why a signature or a call was refused. Written only then. */
typedef struct sh_call_error {
    size_t parameter;  /* its number, from 1; 0: none, or the result */
    size_t offset;     /* parse: the character of the text that it is about, from 0 */
    char message[384]; /* for a person; of a text: what is wrong, the line, and a caret below the character */
} sh_call_error;

/* Opaque; immutable. */
typedef struct sh_call_descriptor sh_call_descriptor;

/*
 * Prepares a descriptor. signature and all it points to are copied, but for kinds and their strings.
 *
 * SH_E_ARGUMENT     null, or the signature breaks an invariant above
 * SH_E_KIND         a handle may come out whose kind is abstract, or breaks its invariant (kind.h)
 * SH_E_UNSUPPORTED  a handle in an array or in a struct: nobody could lease it; or unknown flags
 * SH_E_OVERFLOW     more parameters or handles than there is room for
 * SH_E_NOMEM        memory ran out
 */
SH_MUST_CHECK SH_API sh_status sh_call_prepare(const sh_signature *signature, const sh_call_hooks *hooks_or_null,
                                               sh_call_descriptor **out_descriptor, sh_call_error *out_error_or_null);

/*
 * The same from a line of text. Spaces separate words and mean nothing else.
 *
 *     signature  = type name "(" [parameter {"," parameter}] ")" {word}
 *     word       = "blocking" | "errno" | "fails" ("negative" | "zero" | "nonzero" | "errno")
 *     parameter  = type [direction] [name] [extent]
 *     direction  = "in" | "out" | "inout" | "consume"
 *     extent     = "[" length ["," filled] "]"            only of bytes: names of parameters; filled may be "return"
 *     type       = a C type above | kind [":" type] | "{" type [name] {"," type [name]} "}"
 *     kind       = the name of one of kinds, or of sh_kind_fd, _file, _socket, _pipe, _event
 *
 * As sh_call_prepare; what the text does not say rightly is SH_E_ARGUMENT, with the character in out_error_or_null.
 */
SH_MUST_CHECK SH_API sh_status sh_call_parse(const char *text, const sh_kind *const *kinds, size_t kind_count,
                                             const sh_call_hooks *hooks_or_null, sh_call_descriptor **out_descriptor,
                                             sh_call_error *out_error_or_null);

/* Frees it. Null does nothing. */
SH_API void sh_call_descriptor_free(sh_call_descriptor *descriptor);

/* What it was prepared from; lives as long as the descriptor. NULL for null. */
SH_API const sh_signature *sh_call_signature(const sh_call_descriptor *descriptor);

/* The size of the parameter's own value where a binding has to know it: of a struct, or of a C type. 0: there is none,
 * or no such parameter (numbers from 1; 0 is the result). */
SH_API size_t sh_call_size_bytes(const sh_call_descriptor *descriptor, size_t parameter);

/* Whether the parameter is the length of bytes that go in, so that a binding takes it from them and a script does not
 * pass it. */
SH_API bool sh_call_is_implied(const sh_call_descriptor *descriptor, size_t parameter);

/* ---- calling ----------------------------------------------------------------------------------------------------- */

/* One argument, or a result; which member counts is said by its type. */
typedef union sh_value {
    int64_t i;  /* signed integers, in range of their type */
    uint64_t u; /* unsigned ones, and bool: 0 or 1 */
    float f32;
    double f64;
    void *pointer; /* pointer, bytes, struct */
    const char *string;
    sh_handle *handle;
} sh_value;

/* One call's share of a handle. */
struct sh_call_place {
    sh_lease lease;
    sh_handle *wrapper; /* made for what may come out; NULL: none */
    sh_raw raw;         /* what the callee is given, or writes to */
};

/* Lives on the caller's stack, and need not be zeroed; its fields are the library's.
 * Invariant: between enter and leave the first descriptor's-count places hold what phases 1 to 3 took. */
typedef struct sh_call {
    const sh_call_descriptor *descriptor;
    sh_value *values;
    int cancel_token;
    struct sh_call_place places[SH_CALL_HANDLES];
    void *reserved[4];
} sh_call;

/*
 * Phases 1 to 3. values has one element for each parameter. Handles that go in are read from values[…].handle; for a
 * handle that comes out its new wrapper, unset, is written there; of an inout one the handle stays there until leave.
 * *out_returned is the wrapper of a returned handle; it may be null where none is returned. options_or_null: for the
 * wrappers (their domain, their context).
 *
 * SH_E_ARGUMENT   null where a handle is needed, or the consumed one is not owned
 * SH_E_CLOSED     a handle is closed
 * SH_E_INVALID    a handle is unset
 * SH_E_KIND       a handle is of another kind than the one asked for
 * SH_E_TIMEOUT    somebody is using the handle to be consumed, or it is given to the same call twice. Where a user came
 *                 in this very moment, the handle is closed, and that user releases it
 * SH_E_NOMEM, SH_E_OVERFLOW, SH_E_UNSUPPORTED   as sh_lease_begin and sh_create
 * SH_E_UNSUPPORTED  also: the system has forbidden membarrier(2) since sh_init, so nobody knows whether the handle to
 * be consumed is in use: it is closed and stays so (sh_close's SH_E_SYSTEM); an event says so
 *
 * On failure nothing is held, and values are as they were.
 */
SH_MUST_CHECK SH_API sh_status sh_call_enter_at(sh_call *call, const sh_call_descriptor *descriptor, sh_value *values,
                                                const sh_create_options *options_or_null, size_t options_size_bytes,
                                                const sh_site *site_or_null, sh_handle **out_returned,
                                                sh_call_error *out_error_or_null);

/* What is passed to the callee for the parameter (from 1): of a handle that goes in its raw value (i); of one that
 * comes out, and of a plain out or inout, the address of its place (pointer); everything else as it is in values. */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API sh_value sh_call_argument(const sh_call *call, size_t parameter);

/*
 * Phase 5. returned is what the function returned, os_error the errno value after it (0 where nobody asked). Allocates
 * nothing. Handles that came out are set in their wrappers; wrappers that were not needed are gone, and
 * values[…].handle or *out_returned is NULL in their place. An inout one that did not change is the same handle as
 * before; one that did is the new wrapper, and the handle that went in still owns its value. Plain out values are in
 * values.
 *
 * When the call has failed (sh_signature.failure, or a returned handle that is invalid), what the callee stored is
 * stored all the same, and a consumed handle comes back: values[…].handle is then a new handle with the same value.
 * When it has not, a consumed handle is closed and belongs to nobody here, and values[…].handle is as it was.
 *
 * SH_OK           also when a handle was closed meanwhile: its value was released by us
 * SH_E_SYSTEM     the call has failed: errno is os_error
 * SH_E_ARGUMENT   null, or not entered
 */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API sh_status sh_call_leave(sh_call *call, sh_value returned, int os_error, sh_handle **out_returned);

/* Leaves a call that was never made: all wrappers are disposed of, a consumed handle comes back as above. */
SH_RELIABILITY(will_not_corrupt_state, success)
SH_API void sh_call_abandon(sh_call *call, sh_handle **out_returned);

/*
 * Enter, the call, and leave. values and *out_returned as there; a returned handle is out_returned->handle. On SH_OK
 * errno is as the callee left it. What else can go wrong:
 *
 * SH_E_SYSTEM       the call has failed: errno says why where SH_CALL_SAVE_ERRNO is set, or is 0; *out_returned is what
 *                   the function returned
 * SH_E_UNSUPPORTED  the library was built without libffi
 */
SH_API sh_status sh_call_make_at(const sh_call_descriptor *descriptor, void (*function)(void), sh_value *values,
                                 const sh_create_options *options_or_null, size_t options_size_bytes,
                                 const sh_site *site_or_null, sh_value *out_returned, sh_call_error *out_error_or_null);

/* Calls run(data) outside of the collector: a collection does not interrupt the thread meanwhile, nor wait for it
 * (GC_do_blocking). run must touch nothing in the collector's heap that may move or hold pointers. */
SH_API void sh_run_blocking(void (*run)(void *data), void *data);

/* ---- the macros that remember their line ------------------------------------------------------------------------- */

#define sh_call_enter(call, descriptor, values, options_or_null, out_returned, out_error_or_null)                      \
    sh_call_enter_at((call), (descriptor), (values), (options_or_null), sizeof(sh_create_options), SH_SITE_HERE,       \
                     (out_returned), (out_error_or_null))
#define sh_call_make(descriptor, function, values, options_or_null, out_returned, out_error_or_null)                   \
    sh_call_make_at((descriptor), (function), (values), (options_or_null), sizeof(sh_create_options), SH_SITE_HERE,    \
                    (out_returned), (out_error_or_null))

SH_END_DECLARATIONS

#endif
