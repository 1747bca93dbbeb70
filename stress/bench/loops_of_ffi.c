/* SPDX-License-Identifier: MIT */
/* Calls of a function that does nothing, by libffi and by sh_call_make, with one handle. */
#include "../die.h"
#include "group_ffi.h"
#include "loop.h"
#include <ffi.h>

enum { TURNS = 2048 };

/* The descriptor and a number, as many functions take them. */
static __attribute__((noinline)) int do_nothing(int descriptor, int flags)
{
    __asm__ volatile(""); /* so that the calls stay */
    return descriptor + flags;
}

#define DO_NOTHING ((void (*)(void))do_nothing)

static ffi_cif interface;
static ffi_type *types[] = {&ffi_type_sint, &ffi_type_sint};
static sh_call_descriptor *prepared;

void ffi_loops_prepare(void)
{
    if (ffi_prep_cif(&interface, FFI_DEFAULT_ABI, 2, &ffi_type_sint, types) != FFI_OK)
        die("libffi refused a signature");
    sh_call_error error;
    if (sh_call_parse("int do_nothing(fd in, int)", NULL, 0, NULL, &prepared, &error) != SH_OK)
        die("%s", error.message);
}

LOOP_BODY ffi_call_body(long turns, subject *s)
{
    for (long i = 0; i < turns; i++) {
        int flags = (int)i;
        void *arguments[] = {&s->descriptor, &flags};
        ffi_arg returned;
        ffi_call(&interface, DO_NOTHING, &returned, arguments);
        KEEP(returned);
    }
}

LOOP_BODY call_make_body(long turns, subject *s)
{
    for (long i = 0; i < turns; i++) {
        sh_value values[] = {{.handle = s->handle}, {.i = i}};
        sh_value returned;
        if (sh_call_make(prepared, DO_NOTHING, values, NULL, &returned, NULL) != SH_OK)
            die("a call was refused");
        KEEP(returned.i);
    }
}

LOOP(loop_ffi_call, ffi_call_body, TURNS);
LOOP(loop_call_make, call_make_body, TURNS);
