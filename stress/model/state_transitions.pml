/* SPDX-License-Identifier: MIT */
/*
 * Written by `./dev docs` from runtime/core/state_word.h; `./dev lint` fails when they differ.
 *
 * ROW(operation, flags before, count before, answer, must_release, flags after, count after)
 */
#define CLOSED 1
#define CLAIMED 2
#define RELEASED 4
#define INVALIDATED 8
#define HOLDS 16
#define FAILED 32
#define PINNED 64
#define LEAKED 128
#define DRAINING 256
#define DONE 1
#define TOO_LATE 2
#define AT_LIMIT 3
#define SATURATED 4
#define UNBALANCED 5

#define STATE_TRANSITIONS(ROW) \
    ROW(add_ref, 0, 0, DONE, false, 0, 1) \
    ROW(add_ref, HOLDS, 0, DONE, false, HOLDS, 1) \
    ROW(add_ref, HOLDS, 1, DONE, false, HOLDS, 2) \
    ROW(add_ref, HOLDS, LIMIT - 1, DONE, false, HOLDS, LIMIT) \
    ROW(add_ref, HOLDS, LIMIT, SATURATED, false, HOLDS | PINNED, LIMIT) \
    ROW(add_ref, HOLDS | PINNED, LIMIT, AT_LIMIT, false, HOLDS | PINNED, LIMIT) \
    ROW(add_ref, HOLDS | PINNED, 0, AT_LIMIT, false, HOLDS | PINNED, 0) \
    ROW(add_ref, HOLDS | DRAINING, 0, TOO_LATE, false, HOLDS | DRAINING, 0) \
    ROW(add_ref, HOLDS | DRAINING, 1, TOO_LATE, false, HOLDS | DRAINING, 1) \
    ROW(add_ref, HOLDS | DRAINING | CLOSED, 0, TOO_LATE, true, HOLDS | DRAINING | CLOSED | CLAIMED, 0) \
    ROW(add_ref, HOLDS | CLOSED, 1, TOO_LATE, false, HOLDS | CLOSED, 1) \
    ROW(add_ref, HOLDS | CLOSED, 0, TOO_LATE, true, HOLDS | CLOSED | CLAIMED, 0) \
    ROW(add_ref, HOLDS | CLOSED | PINNED, 0, TOO_LATE, false, HOLDS | CLOSED | PINNED, 0) \
    ROW(add_ref, HOLDS | CLOSED | CLAIMED, 0, TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 0) \
    ROW(add_ref, HOLDS | CLOSED | CLAIMED | RELEASED, 0, TOO_LATE, false, HOLDS | CLOSED | CLAIMED | RELEASED, 0) \
    ROW(enter_draining, HOLDS | DRAINING, 0, DONE, false, HOLDS | DRAINING, 1) \
    ROW(enter_draining, HOLDS | DRAINING, LIMIT, TOO_LATE, false, HOLDS | DRAINING, LIMIT) \
    ROW(enter_draining, HOLDS | DRAINING | PINNED, 1, TOO_LATE, false, HOLDS | DRAINING | PINNED, 1) \
    ROW(enter_draining, HOLDS | DRAINING | CLOSED, 1, TOO_LATE, false, HOLDS | DRAINING | CLOSED, 1) \
    ROW(enter_draining, HOLDS | CLOSED | CLAIMED, 0, TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 0) \
    ROW(enter_draining, HOLDS, 0, TOO_LATE, false, HOLDS, 0) \
    ROW(drop_ref, HOLDS, 2, DONE, false, HOLDS, 1) \
    ROW(drop_ref, HOLDS, 1, DONE, false, HOLDS, 0) \
    ROW(drop_ref, 0, 1, DONE, false, 0, 0) \
    ROW(drop_ref, HOLDS | DRAINING, 1, DONE, false, HOLDS | DRAINING, 0) \
    ROW(drop_ref, HOLDS | PINNED, LIMIT, DONE, false, HOLDS | PINNED, LIMIT - 1) \
    ROW(drop_ref, HOLDS | CLOSED | PINNED, 1, DONE, false, HOLDS | CLOSED | PINNED, 0) \
    ROW(drop_ref, HOLDS | CLOSED, 2, DONE, false, HOLDS | CLOSED, 1) \
    ROW(drop_ref, HOLDS | CLOSED, 1, DONE, true, HOLDS | CLOSED | CLAIMED, 0) \
    ROW(drop_ref, HOLDS | CLOSED | LEAKED, 1, DONE, true, HOLDS | CLOSED | LEAKED | CLAIMED, 0) \
    ROW(drop_ref, HOLDS, 0, UNBALANCED, false, HOLDS, 0) \
    ROW(drop_ref, HOLDS | CLOSED, 0, UNBALANCED, true, HOLDS | CLOSED | CLAIMED, 0) \
    ROW(drop_ref, HOLDS | CLOSED | CLAIMED, 0, UNBALANCED, false, HOLDS | CLOSED | CLAIMED, 0) \
    ROW(drop_ref, HOLDS | CLOSED | CLAIMED | RELEASED, 0, UNBALANCED, false, HOLDS | CLOSED | CLAIMED | RELEASED, 0) \
    ROW(begin_close, 0, 0, DONE, true, CLOSED | CLAIMED, 0) \
    ROW(begin_close, 0, 1, DONE, false, CLOSED, 1) \
    ROW(begin_close, HOLDS, 0, DONE, true, HOLDS | CLOSED | CLAIMED, 0) \
    ROW(begin_close, HOLDS, 1, DONE, false, HOLDS | CLOSED, 1) \
    ROW(begin_close, HOLDS | DRAINING, 0, DONE, true, HOLDS | DRAINING | CLOSED | CLAIMED, 0) \
    ROW(begin_close, HOLDS | DRAINING, 1, DONE, false, HOLDS | DRAINING | CLOSED, 1) \
    ROW(begin_close, HOLDS | PINNED, 0, DONE, false, HOLDS | CLOSED | PINNED, 0) \
    ROW(begin_close, HOLDS | CLOSED, 1, TOO_LATE, false, HOLDS | CLOSED, 1) \
    ROW(begin_close, HOLDS | CLOSED | CLAIMED, 0, TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 0) \
    ROW(begin_close, HOLDS | CLOSED | CLAIMED | RELEASED, 0, TOO_LATE, false, HOLDS | CLOSED | CLAIMED | RELEASED, 0) \
    ROW(invalidate, HOLDS, 0, DONE, true, HOLDS | CLOSED | INVALIDATED | CLAIMED, 0) \
    ROW(invalidate, HOLDS, 1, DONE, false, HOLDS | CLOSED | INVALIDATED, 1) \
    ROW(invalidate, HOLDS | PINNED, 0, DONE, false, HOLDS | PINNED | CLOSED | INVALIDATED, 0) \
    ROW(invalidate, HOLDS | CLOSED, 1, DONE, false, HOLDS | CLOSED | INVALIDATED, 1) \
    ROW(invalidate, HOLDS | CLOSED | INVALIDATED, 1, DONE, false, HOLDS | CLOSED | INVALIDATED, 1) \
    ROW(invalidate, HOLDS | CLOSED | CLAIMED, 0, TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 0) \
    ROW(invalidate, HOLDS | CLOSED | CLAIMED | RELEASED, 0, TOO_LATE, false, HOLDS | CLOSED | CLAIMED | RELEASED, 0) \
    ROW(publish, 0, 0, DONE, false, HOLDS, 0) \
    ROW(publish, 0, 1, DONE, false, HOLDS, 1) \
    ROW(publish, DRAINING, 0, DONE, false, HOLDS | DRAINING, 0) \
    ROW(publish, CLOSED, 1, TOO_LATE, false, CLOSED, 1) \
    ROW(publish, CLOSED | CLAIMED | RELEASED, 0, TOO_LATE, false, CLOSED | CLAIMED | RELEASED, 0) \
    ROW(join, HOLDS | CLOSED, 1, DONE, false, HOLDS | CLOSED, 2) \
    ROW(join, HOLDS | CLOSED, 0, TOO_LATE, false, HOLDS | CLOSED, 0) \
    ROW(join, HOLDS | CLOSED, LIMIT, TOO_LATE, false, HOLDS | CLOSED, LIMIT) \
    ROW(join, HOLDS | CLOSED | CLAIMED, 0, TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 0) \
    ROW(join, HOLDS | CLOSED | CLAIMED, 1, TOO_LATE, false, HOLDS | CLOSED | CLAIMED, 1) \
    ROW(leave_behind, HOLDS | CLOSED, 2, DONE, false, HOLDS | CLOSED, 1) \
    ROW(leave_behind, HOLDS | CLOSED, 1, DONE, false, HOLDS | CLOSED, 0) \
    ROW(drain, 0, 0, DONE, false, DRAINING, 0) \
    ROW(drain, HOLDS, 0, DONE, false, HOLDS | DRAINING, 0) \
    ROW(drain, HOLDS, 1, DONE, false, HOLDS | DRAINING, 1) \
    ROW(drain, HOLDS | DRAINING, 1, DONE, false, HOLDS | DRAINING, 1) \
    ROW(drain, HOLDS | CLOSED, 1, DONE, false, HOLDS | CLOSED | DRAINING, 1) \
    ROW(finish_well, HOLDS | CLOSED | CLAIMED, 0, DONE, false, HOLDS | CLOSED | CLAIMED | RELEASED, 0) \
    ROW(finish_failed, HOLDS | CLOSED | CLAIMED, 0, DONE, false, HOLDS | CLOSED | CLAIMED | RELEASED | FAILED, 0) \
    ROW(mark_leaked, HOLDS | CLOSED, 1, DONE, false, HOLDS | CLOSED | LEAKED, 1) \
    ROW(mark_leaked, HOLDS | CLOSED | LEAKED, 1, DONE, false, HOLDS | CLOSED | LEAKED, 1)
