/* SPDX-License-Identifier: MIT */
/*
 * A prepared signature, and the files of this room.
 *
 * descriptor.c  from a signature to a descriptor: what is refused, and the plan of its calls
 * signature.c   from a line of text to a signature
 * layout.c      how large C types are
 * explain.c     what is wrong, for a person
 * call.c        the phases of a call
 * invoke.c      the whole call, by libffi; invoke_missing.c stands for it where there is none
 * direct.h      calls that need no libffi
 * blocking.c    calls outside of the collector
 *
 *   every function   any thread
 */
#ifndef FFI_DESCRIPTOR_H
#define FFI_DESCRIPTOR_H

#include <safehandle/ffi.h>

/* A handle of a signature: its place in each call has the same number. */
typedef struct call_handle {
    const sh_kind *kind;
    size_t parameter; /* from 0; of the result: CALL_RESULT */
    sh_direction direction;
    sh_type type; /* an integer type, never SH_TYPE_BY_KIND */
} call_handle;

#define CALL_RESULT SIZE_MAX

/*
 * Never changes once it was prepared.
 *
 * Invariant: handles are ordered: in, inout, consume, out, the result. So the first leased_count are those that are
 * leased, and a wrapper is made for all from first_made on.
 */
struct sh_call_descriptor {
    sh_signature signature; /* a copy, in memory of its own */
    sh_call_hooks hooks;    /* zero: there are none */
    call_handle handles[SH_CALL_HANDLES];
    size_t handle_count;
    size_t leased_count;
    size_t first_made;
    bool is_direct; /* direct.h */
    bool result_is_signed;
    bool result_is_void;
    uint8_t result_unused_bits;
    bool is_quick; /* it leases, and everything else is passed as it is in values: nothing comes out, nor does it block
                    */
    /* Numbers, from 0, of parameters that are not handles: those whose address is passed, and structs. */
    uint8_t plain_outs[SH_CALL_PARAMETERS];
    size_t plain_out_count;
    uint8_t structs[SH_CALL_PARAMETERS];
    size_t struct_count;
    void *invocation; /* invoke.c's */
};

/* ---- layout.c ---------------------------------------------------------------------------------------------------- */

/* Of a value of the type; 0 for void and for a struct. */
SH_RELIABILITY(will_not_corrupt_state, success)
size_t layout_type_bytes(sh_type type);
/* Of what the parameter says, structs too. */
size_t layout_parameter_bytes(const sh_parameter *parameter);
SH_RELIABILITY(will_not_corrupt_state, success)
bool layout_is_integer(sh_type type); /* bool is none */
SH_RELIABILITY(will_not_corrupt_state, success)
bool layout_is_signed(sh_type type);
/* The C type behind SH_TYPE_BY_KIND. */
sh_type layout_handle_type(const sh_parameter *parameter);

/* Reads and writes a number of this integer type, or a bool, where the callee does. */
SH_RELIABILITY(will_not_corrupt_state, success)
int64_t layout_read(const void *place, sh_type type);
SH_RELIABILITY(will_not_corrupt_state, success)
void layout_write(void *place, sh_type type, int64_t number);

/* ---- invoke.c ---------------------------------------------------------------------------------------------------- */

/* Prepares descriptor->invocation. SH_E_NOMEM; SH_E_UNSUPPORTED: libffi refuses the signature. */
sh_status invoke_prepare(sh_call_descriptor *descriptor);
void invoke_free(sh_call_descriptor *descriptor);
#endif
