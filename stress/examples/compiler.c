/* SPDX-License-Identifier: MIT */
#include "compiler.h"
#include <stdlib.h>

static void emit(compiled_program *into, instruction next)
{
    if (into->length == COMPILER_LENGTH)
        abort(); /* no program here is that long */
    into->code[into->length++] = next;
}

static uint8_t register_of(uint8_t operand, uint8_t variable)
{
    return operand == COMPILER_VARIABLE ? variable : operand;
}

static void emit_reading(compiled_program *into, const instruction *reading, uint8_t variable)
{
    for (; reading->what != OPCODE_END; reading++)
        emit(into, (instruction){reading->what, register_of(reading->a, variable), register_of(reading->b, variable)});
}

static void emit_statement(compiled_program *into, const statement *from, const instruction *reading)
{
    switch (from->sort) {
    case STATEMENT_OPEN:
        emit(into, (instruction){OPCODE_OPEN, from->variable, 0});
        break;
    case STATEMENT_READ:
        emit_reading(into, reading, from->variable);
        break;
    case STATEMENT_CLOSE:
        emit(into, (instruction){OPCODE_CLOSE, from->variable, 0});
        break;
    case STATEMENT_COLLECT:
        emit(into, (instruction){OPCODE_COLLECT, 0, 0});
        break;
    case STATEMENT_STOP:
        break;
    }
}

static unsigned registers(const instruction *of, int operands)
{
    return ((operands & OPERAND_A) != 0 ? 1u << of->a : 0) | ((operands & OPERAND_B) != 0 ? 1u << of->b : 0);
}

/* From the end, as a just-in-time compiler does. */
static void find_last_uses(compiled_program *of)
{
    unsigned live = 0;
    for (size_t i = of->length; i-- > 0;) {
        const instruction_form *form = &instruction_forms[of->code[i].what];
        live = (live & ~registers(&of->code[i], form->writes)) | registers(&of->code[i], form->reads);
        of->live[i] = (uint8_t)live;
    }
}

void compiler_run(const statement *source, const instruction *reading, compiled_program *out_program)
{
    *out_program = (compiled_program){.length = 0};
    for (; source->sort != STATEMENT_STOP; source++)
        emit_statement(out_program, source, reading);
    emit(out_program, (instruction){OPCODE_END, 0, 0});
    find_last_uses(out_program);
}
