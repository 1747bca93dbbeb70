/* SPDX-License-Identifier: MIT */
#include "result.h"

const approach *const result_approaches[APPROACHES] = {
    [INTPTR] = &approach_intptr,         [KEEPALIVE] = &approach_keepalive,
    [HANDLEREF] = &approach_handleref,   [HANDLEPROTECTOR] = &approach_handleprotector,
    [SAFEHANDLE] = &approach_safehandle,
};

const accident *const result_accidents[ACCIDENTS] = {
    [FINALIZER_RACE] = &accident_finalizer_race, [RECYCLING] = &accident_recycling,
    [DOUBLE_CLOSE] = &accident_double_close,     [LEAK_ON_ABORT] = &accident_leak_on_abort,
    [LOST_FLUSH] = &accident_lost_flush,
};
