/* SPDX-License-Identifier: MIT */
#define _LGPL_SOURCE /* the small functions of version 0.13 inlined; later ones ask by the other name */
#define URCU_INLINE_SMALL_FUNCTIONS
#include "peer.h"
#include <urcu/urcu-memb.h>

static void pairs(long count)
{
    for (long i = 0; i < count; i++) {
        urcu_memb_read_lock();
        urcu_memb_read_unlock();
    }
}

const peer measured = {
    .enter_thread = urcu_memb_register_thread,
    .leave_thread = urcu_memb_unregister_thread,
    .pairs = pairs,
};
