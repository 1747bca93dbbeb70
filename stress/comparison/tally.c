/* SPDX-License-Identifier: MIT */
#include "tally.h"
#include "../child.h"

enum { SEND_EVERY = 16 };

void tally_trial(tally *t, bool violated)
{
    t->trials++;
    t->violations += violated;
    if (t->trials % SEND_EVERY == 0)
        tally_send(t);
}

void tally_drop(tally *t, bool found_dead)
{
    t->dropped++;
    t->found_dead += found_dead;
}

void tally_send(const tally *t)
{
    child_report(t->report, t, sizeof *t);
}
