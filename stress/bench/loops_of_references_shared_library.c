/* SPDX-License-Identifier: MIT */
#define SH_NO_INLINE
#include "loop_bodies.h"

enum { TURNS = 4000 };

LOOP(loop_add_ref_shared_library, add_ref_body, TURNS);
LOOP(loop_lease_shared_library, lease_body, TURNS);
