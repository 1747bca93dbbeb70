/* SPDX-License-Identifier: MIT */
/*
 * Shows: the operations of the models do what the C table says. Every row of STATE_TRANSITIONS (which `./dev docs`
 * writes into state_transitions.pml from runtime/core/state_word.h) is driven alone through operations.pml, as
 * state_word_test.c drives it through the C code. So the models cannot drift from the code's own specification.
 * Leaves out: threads; see state_word.pml.
 * From: document 003 (the state of a SafeHandle), docs/state-machine.md.
 *
 * configuration: rows LIMIT=4
 */
#include "operations.pml"

mtype = { op_add_ref, op_enter_draining, op_drop_ref, op_begin_close, op_begin_close_alone, op_fenced, op_claim, op_invalidate,
          op_publish, op_join, op_leave_behind, op_lease, op_lease_draining, op_left, op_forget_lessees, op_drain,
          op_finish_well, op_finish_failed, op_mark_leaked };

/* Any row is chosen; so all are tried. */
#define ROW(operation, flags_before, count_before, answer_, duty_, flags_after, count_after) \
    :: row_operation = op_##operation; \
       flags = flags_before; count = count_before; \
       row_answer = answer_; row_duty = duty_; row_flags = flags_after; row_count = count_after;

#define OPERATION(operation) \
    :: row_operation == op_##operation -> \
       operation(); \
       atomic { \
        WITNESS(operation##_ran); \
        REQUIRE(operation##_agrees, \
            answer == row_answer && duty == row_duty && flags == row_flags && count == row_count) \
       }

active proctype driver()
{
    OPERATION_LOCALS;
    mtype row_operation;
    byte row_answer, row_duty;
    short row_flags, row_count;

    atomic { if STATE_TRANSITIONS(ROW) fi };
    if
    OPERATION(add_ref)
    OPERATION(enter_draining)
    OPERATION(drop_ref)
    OPERATION(begin_close)
    OPERATION(invalidate)
    OPERATION(publish)
    OPERATION(join)
    OPERATION(leave_behind)
    OPERATION(drain)
    OPERATION(finish_well)
    OPERATION(finish_failed)
    OPERATION(mark_leaked)
    OPERATION(begin_close_alone)
    OPERATION(fenced)
    OPERATION(claim)
    OPERATION(lease)
    OPERATION(lease_draining)
    OPERATION(left)
    OPERATION(forget_lessees)
    fi
}
