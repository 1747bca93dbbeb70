/* SPDX-License-Identifier: MIT */
#include "reserve.h"

enum { STACK_BYTES = 64 * 1024 };

sh_reserve reserve_everything(size_t handle_count, size_t lease_count, sh_function functions[RESERVE_FUNCTIONS])
{
    functions[0] = (sh_function){.name = "open"};
    functions[1] = (sh_function){.name = "close"};
    return (sh_reserve){.handle_count = handle_count,
                        .lease_count = lease_count,
                        .stack_bytes = STACK_BYTES,
                        .functions = functions,
                        .function_count = RESERVE_FUNCTIONS,
                        .block_signals = true};
}
