/* SPDX-License-Identifier: MIT */
#include "instruction.h"

const instruction_form instruction_forms[OPCODES] = {
    [OPCODE_END] = {"machine.end", OPERAND_NONE, OPERAND_NONE},
    [OPCODE_OPEN] = {"machine.open", OPERAND_NONE, OPERAND_A},
    [OPCODE_CLOSE] = {"machine.close", OPERAND_A, OPERAND_NONE},
    [OPCODE_NEW] = {"machine.new", OPERAND_NONE, OPERAND_A},
    [OPCODE_COLLECT] = {"machine.collect", OPERAND_NONE, OPERAND_NONE},
    [OPCODE_NUMBER] = {"machine.number", OPERAND_B, OPERAND_A},
    [OPCODE_KEEP] = {"machine.keep", OPERAND_A, OPERAND_NONE},
    [OPCODE_PACK] = {"machine.pack", OPERAND_B, OPERAND_A},
    [OPCODE_ENTER] = {"machine.enter", OPERAND_B, OPERAND_A},
    [OPCODE_LEAVE] = {"machine.leave", OPERAND_A, OPERAND_NONE},
    [OPCODE_LEASE] = {"machine.lease", OPERAND_B, OPERAND_A},
    [OPCODE_UNLEASE] = {"machine.unlease", OPERAND_NONE, OPERAND_NONE},
    [OPCODE_CALL] = {"machine.call", OPERAND_A | OPERAND_B, OPERAND_NONE},
    [OPCODE_CALL_PACK] = {"machine.call-pack", OPERAND_A | OPERAND_B, OPERAND_NONE},
};
