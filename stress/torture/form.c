/* SPDX-License-Identifier: MIT */
#include "form.h"
#include "trial.h"
#include <stddef.h>

enum { STOP_MS = 20000 };

typedef struct turn {
    const form *of;
    const torture_plan *plan;
} turn;

static void work(torture_tally *tally, const void *data)
{
    const turn *mine = data;
    mine->of->run(mine->of, mine->plan, tally);
}

void form_run_all(const form *forms, const torture_plan *plan, torture_tally *tally)
{
    for (const form *each = forms; each->name != NULL; each++) {
        trial_pool one = {.tally = tally, .at_once = 1, .limit_s = each->limit_s};
        turn next = {each, plan};
        trial_start(&one, each->name, work, &next);
        trial_wait_all(&one);
    }
}

sh_options form_options(const form *of)
{
    return (sh_options){.collector = of->collector, .finalizer_deadline_ms = FORM_DEADLINE_MS};
}

void form_start(const form *of)
{
    sh_options options = form_options(of);
    torture_must(sh_init(&options), "sh_init");
}

void form_stop(const form *of, torture_tally *tally)
{
    sh_status status = sh_shutdown(STOP_MS);
    if (status != SH_OK)
        torture_fail(tally, "%s: sh_shutdown answered %s", of->name, sh_status_name(status));
}
