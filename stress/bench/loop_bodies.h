/* SPDX-License-Identifier: MIT */
/* The bodies that are compiled twice: with what the public header inlines, and with each call made into the library. */
#ifndef BENCH_LOOP_BODIES_H
#define BENCH_LOOP_BODIES_H

#include "../die.h"
#include "loop.h"

/* The handle is a local variable, as the word of the xadd pair is a fixed place: nobody loads it anew for each turn. */
LOOP_BODY add_ref_body(long turns, subject *s)
{
    sh_handle *const h = s->handle;
    for (long i = 0; i < turns; i++) {
        bool success = false;
        if (sh_dangerous_add_ref(h, &success) != SH_OK)
            die("a reference was refused");
        KEEP(success);
        if (sh_dangerous_release(h) != SH_OK)
            die("a reference was not taken back");
    }
}

LOOP_BODY begin_lease(sh_lease *lease, sh_handle *h, sh_raw *out_raw)
{
    if (sh_lease_begin(lease, h, out_raw) != SH_OK)
        die("a lease was refused");
}

LOOP_BODY lease_body(long turns, subject *s)
{
    sh_handle *const h = s->handle;
    for (long i = 0; i < turns; i++) {
        sh_lease lease;
        sh_raw raw;
        begin_lease(&lease, h, &raw);
        KEEP(raw);
        sh_lease_end(&lease);
    }
}

#endif
