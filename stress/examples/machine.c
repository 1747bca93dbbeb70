/* SPDX-License-Identifier: MIT */
#include "machine.h"
#include "interpreter.h"
#include <safehandle/stress.h>
#include <string.h>

void machine_load(machine *on, interpreter *in, const statement *source)
{
    memset(on, 0, sizeof *on);
    on->in = in;
    compiler_run(source, in->how->reading, &on->program);
}

void machine_mark(const machine *of)
{
    for (unsigned i = 0; i < COMPILER_REGISTERS; i++)
        if ((of->program.live[of->at] & 1u << i) != 0)
            heap_mark(of->registers[i].reference);
    heap_mark(of->fresh);
}

static object *allocate(machine *of)
{
    interpreter_leave(of->in, LEAVE_FOR_SYSTEM);
    SH_STRESS_ALLOCATION("machine.allocate");
    interpreter_return(of->in);
    of->fresh = heap_allocate(&of->in->heap, of->in);
    return of->fresh;
}

/* ---- instructions: each has the lock, and false stops the machine ------------------------------------------------ */

static bool run_open(machine *of, value *a)
{
    object *made = allocate(of);
    interpreter_leave(of->in, LEAVE_FOR_SYSTEM);
    kernel_number opened = kernel_open(&of->in->kernel);
    interpreter_return(of->in);
    made->number = opened;
    of->in->how->adopt(made);
    sh_stress_dropped(); /* sooner or later: no program here keeps one, and kernel_close is where each comes to */
    a->reference = made;
    return true;
}

static bool run_new(machine *of, value *a)
{
    a->reference = allocate(of);
    return true;
}

static void load_number(value *a, kernel_number number)
{
    a->number = number;
    sh_stress_tell_of(SH_STRESS_HOLDS, number.number, number.file, "has number %d in a register", number.number);
}

static bool run_pack(machine *of, value *a, const value *b)
{
    object *made = allocate(of);
    if (b->reference->closed)
        return false;
    made->reaches = b->reference;
    load_number(a, b->reference->number);
    made->number = a->number;
    a->reference = made;
    return true;
}

static bool run_number(value *a, const value *b)
{
    if (b->reference->closed)
        return false;
    load_number(a, b->reference->number);
    return true;
}

static bool run_enter(value *a, const value *b)
{
    if (b->reference->closed)
        return false;
    b->reference->users++;
    return run_number(a, b);
}

static bool run_lease(machine *of, value *a, const value *b)
{
    sh_raw raw;
    sh_handle *h = b->reference->h;
    interpreter_leave(of->in, LEAVE_FOR_LIBRARY);
    bool open = sh_lease_begin(&of->lease, h, &raw) == SH_OK;
    interpreter_return(of->in);
    if (open)
        load_number(a, (kernel_number){(int)raw, b->reference->number.file});
    return open;
}

static void run_unlease(machine *of)
{
    interpreter_leave(of->in, LEAVE_FOR_LIBRARY);
    sh_lease_end(&of->lease);
    interpreter_return(of->in);
}

static bool call_system(machine *of, kernel_number number)
{
    interpreter_leave(of->in, LEAVE_FOR_SYSTEM);
    kernel_read(&of->in->kernel, number);
    interpreter_return(of->in);
    sh_stress_tell_of(SH_STRESS_LEAVES, number.number, number.file, "is done with number %d", number.number);
    return true;
}

static void collect(machine *of)
{
    interpreter_leave(of->in, LEAVE_FOR_LIBRARY);
    interpreter_collect(of->in);
    interpreter_return(of->in);
}

static bool run_instruction(machine *of, const instruction *next)
{
    value *a = &of->registers[next->a];
    value *b = &of->registers[next->b];
    switch (next->what) {
    case OPCODE_OPEN:
        return run_open(of, a);
    case OPCODE_CLOSE:
        of->in->how->close(a->reference);
        return true;
    case OPCODE_NEW:
        return run_new(of, a);
    case OPCODE_COLLECT:
        collect(of);
        return true;
    case OPCODE_NUMBER:
        return run_number(a, b);
    case OPCODE_KEEP:
        return true;
    case OPCODE_PACK:
        return run_pack(of, a, b);
    case OPCODE_ENTER:
        return run_enter(a, b);
    case OPCODE_LEAVE:
        approach_leave(a->reference);
        return true;
    case OPCODE_LEASE:
        return run_lease(of, a, b);
    case OPCODE_UNLEASE:
        run_unlease(of);
        return true;
    case OPCODE_CALL:
        return call_system(of, a->number);
    case OPCODE_CALL_PACK:
        return call_system(of, a->reference->number);
    default:
        return false;
    }
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

void machine_run(machine *of)
{
    const compiled_program *program = &of->program;
    interpreter_return(of->in);
    while (program->code[of->at].what != OPCODE_END) {
        const instruction *next = &program->code[of->at];
        interpreter_leave(of->in, LEAVE_FOR_SYSTEM);
        SH_STRESS_CHECKPOINT(instruction_forms[next->what].name);
        interpreter_return(of->in);
        bool goes_on = run_instruction(of, next);
        of->at = goes_on ? of->at + 1 : program->length - 1;
        of->fresh = NULL;
    }
    interpreter_leave(of->in, LEAVE_FOR_LIBRARY);
}
