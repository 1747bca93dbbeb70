/* SPDX-License-Identifier: MIT */
#include "approach.h"
#include "compiler.h"
#include "interpreter.h"
#include <stdlib.h>
#include <string.h>

static void close_number(const object *owner)
{
    interpreter_leave(owner->in, LEAVE_FOR_SYSTEM);
    kernel_close(&owner->in->kernel, owner->number);
    interpreter_return(owner->in);
}

static void register_finalizer(object *owner, sh_finalizer *finalizer)
{
    interpreter_leave(owner->in, LEAVE_FOR_LIBRARY);
    sh_status status = sh_finalizer_register(owner, finalizer, NULL);
    interpreter_return(owner->in);
    if (status != SH_OK)
        abort();
    owner->has_finalizer = true;
}

/* ---- a number in an object: intptr, keepalive, handleref --------------------------------------------------------- */

/* On a thread of the library's: nobody else reaches the object any more. */
static void finalize_number(void *dead, void *unused)
{
    (void)unused;
    const object *owner = dead;
    kernel_close(&owner->in->kernel, owner->number);
}

static void adopt_number(object *owner)
{
    register_finalizer(owner, finalize_number);
}

static void close_owner(object *owner)
{
    if (owner->closed)
        return;
    owner->closed = true;
    interpreter_leave(owner->in, LEAVE_FOR_LIBRARY);
    sh_finalizer_suppress(owner);
    interpreter_return(owner->in);
    owner->has_finalizer = false;
    close_number(owner);
}

/* ---- HandleProtector: the last user closes ----------------------------------------------------------------------- */

static bool close_begins(object *protector)
{
    bool first = !protector->closed;
    protector->closed = true;
    return first && protector->users == 0;
}

static void finalize_protector(void *dead, void *unused)
{
    (void)unused;
    object *protector = dead;
    if (close_begins(protector))
        kernel_close(&protector->in->kernel, protector->number);
}

static void adopt_protected(object *owner)
{
    register_finalizer(owner, finalize_protector);
}

static void close_protector(object *owner)
{
    if (close_begins(owner))
        close_number(owner);
}

void approach_leave(object *protector)
{
    protector->users--;
    if (protector->closed && protector->users == 0)
        close_number(protector);
}

/* ---- SafeHandle -------------------------------------------------------------------------------------------------- */

static int release(sh_raw raw, void *context)
{
    const object *owner = context;
    kernel_close(&owner->in->kernel, (kernel_number){(int)raw, owner->number.file});
    return 0;
}

static const sh_kind interpreted_file = {
    .name = "file of an interpreted program",
    .invalid_value = -1,
    .is_invalid = sh_invalid_minus_one,
    .release = release,
};

static void adopt_handle(object *owner)
{
    sh_create_options options = {.context = owner};
    interpreter_leave(owner->in, LEAVE_FOR_LIBRARY);
    sh_status status = sh_wrap(&interpreted_file, owner->number.number, &options, &owner->h);
    interpreter_return(owner->in);
    if (status != SH_OK)
        abort();
}

static void close_handle(object *owner)
{
    sh_handle *h = owner->h;
    interpreter_leave(owner->in, LEAVE_FOR_LIBRARY);
    (void)sh_close(h); /* closed already, or pending: then the last user releases it */
    interpreter_return(owner->in);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

enum { V = COMPILER_VARIABLE, N = COMPILER_NUMBER, B = COMPILER_BUFFER, P = COMPILER_PACKED };

static const instruction read_intptr[] = {
    {OPCODE_NUMBER, N, V}, {OPCODE_NEW, B, 0}, {OPCODE_CALL, N, B}, {OPCODE_END, 0, 0}};
static const instruction read_kept[] = {
    {OPCODE_NUMBER, N, V}, {OPCODE_NEW, B, 0}, {OPCODE_CALL, N, B}, {OPCODE_KEEP, V, 0}, {OPCODE_END, 0, 0}};
static const instruction read_packed[] = {
    {OPCODE_PACK, P, V}, {OPCODE_NEW, B, 0}, {OPCODE_CALL_PACK, P, B}, {OPCODE_END, 0, 0}};
static const instruction read_protected[] = {
    {OPCODE_ENTER, N, V}, {OPCODE_NEW, B, 0}, {OPCODE_CALL, N, B}, {OPCODE_LEAVE, V, 0}, {OPCODE_END, 0, 0}};
static const instruction read_leased[] = {
    {OPCODE_LEASE, N, V}, {OPCODE_NEW, B, 0}, {OPCODE_CALL, N, B}, {OPCODE_UNLEASE, 0, 0}, {OPCODE_END, 0, 0}};

static const approach approaches[] = {
    {"intptr", read_intptr, adopt_number, close_owner},
    {"keepalive", read_kept, adopt_number, close_owner},
    {"handleref", read_packed, adopt_number, close_owner},
    {"handleprotector", read_protected, adopt_protected, close_protector},
    {"safehandle", read_leased, adopt_handle, close_handle},
};

const char *const approach_names[] = {"intptr", "keepalive", "handleref", "handleprotector", "safehandle", NULL};

const approach *approach_find(const char *name)
{
    for (size_t i = 0; i < sizeof approaches / sizeof *approaches; i++)
        if (strcmp(approaches[i].name, name) == 0)
            return &approaches[i];
    abort(); /* gcstress asks only for those in approach_names */
}
