/* SPDX-License-Identifier: MIT */
/* Cases of class_faults.c: domains. */
#include "fault_case.h"
#include "torture.h"
#include <fcntl.h>

static void run_nothing(void *object, void *data)
{
    (void)object;
    (void)data;
}

/* ---- preparing --------------------------------------------------------------------------------------------------- */

static void prepare_domain(fault_scene *s)
{
    torture_must(sh_domain_create("faults", &s->domain), "sh_domain_create");
}

static void prepare_entered(fault_scene *s)
{
    prepare_domain(s);
    torture_must(sh_domain_enter(s->domain), "sh_domain_enter");
}

/* With an open handle, and a finalizer that nobody reaches any more. */
static void prepare_full(fault_scene *s)
{
    static char object;
    prepare_entered(s);
    torture_must(sh_open_file("/dev/null", O_RDWR, 0, NULL, &s->subjects[0]), "sh_open_file");
    if (s->collector == SH_COLLECTOR_MANUAL)
        torture_must(sh_finalizer_register(&object, run_nothing, NULL), "sh_finalizer_register");
    torture_must(sh_domain_leave(s->domain), "sh_domain_leave");
}

static void prepare_leased(fault_scene *s)
{
    sh_raw raw;
    prepare_full(s);
    torture_must(sh_lease_begin(&s->leases[0], s->subjects[0], &raw), "sh_lease_begin");
}

static void prepare_unloaded(fault_scene *s)
{
    prepare_full(s);
    torture_must(sh_domain_unload(s->domain, -1, NULL), "sh_domain_unload");
}

static void prepare_report(fault_scene *s)
{
    prepare_leased(s);
    if (sh_domain_unload(s->domain, -1, &s->report) != SH_PENDING || s->report.left_over_count != 1)
        s->broken = true;
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

static sh_status call_create(fault_scene *s)
{
    return sh_domain_create("faults", (sh_domain **)(void *)&s->outputs[0]);
}

static sh_status call_enter(fault_scene *s)
{
    return sh_domain_enter(s->domain);
}

static sh_status call_leave(fault_scene *s)
{
    return sh_domain_leave(s->domain);
}

static sh_status call_unload(fault_scene *s)
{
    return sh_domain_unload(s->domain, 10000, &s->report);
}

static sh_status call_destroy(fault_scene *s)
{
    return sh_domain_destroy(s->domain);
}

static sh_status call_clear(fault_scene *s)
{
    sh_unload_report_clear(&s->report);
    s->broken = s->broken || s->report.left_overs != NULL || s->report.left_over != 0;
    return SH_OK;
}

/* ---- afterwards -------------------------------------------------------------------------------------------------- */

static bool is_outside(fault_scene *s)
{
    return sh_domain_leave(s->domain) == SH_E_ARGUMENT;
}

static void leave(fault_scene *s)
{
    (void)sh_domain_leave(s->domain);
}

static bool is_unreported(fault_scene *s)
{
    return s->report.left_overs == NULL && s->report.released == 0 && s->report.left_over == 0;
}

static bool is_there(fault_scene *s)
{
    return sh_domain_name(s->domain) != NULL;
}

static void clear_report(fault_scene *s)
{
    sh_unload_report_clear(&s->report);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

enum {
    ONLY_OK = 1u << SH_OK,
    MEMORY = ONLY_OK | 1u << SH_E_NOMEM,
    /* Who holds what is left over is not known when there is no memory for the list: then it waits to the end. */
    LEFT_OVER = 1u << SH_PENDING | 1u << SH_E_TIMEOUT | 1u << SH_E_NOMEM
};

const fault_case fault_domain_cases[] = {
    {.symbol = "sh_domain_create", .call = call_create, .statuses = MEMORY, .flags = FAULT_NUMBER},
    {.symbol = "sh_domain_enter",
     .prepare = prepare_domain,
     .call = call_enter,
     .statuses = MEMORY,
     .is_unchanged = is_outside,
     .finish = leave},
    {.symbol = "sh_domain_leave",
     .prepare = prepare_entered,
     .call = call_leave,
     .statuses = ONLY_OK,
     .flags = FAULT_SAME_THREAD},
    {.symbol = "sh_domain_unload",
     .prepare = prepare_full,
     .call = call_unload,
     .statuses = MEMORY,
     .is_unchanged = is_unreported,
     .finish = clear_report},
    {.symbol = "sh_domain_unload",
     .in_which = "with a lease of its own",
     .prepare = prepare_leased,
     .call = call_unload,
     .statuses = LEFT_OVER,
     .usual = SH_PENDING,
     .flags = FAULT_SAME_THREAD | FAULT_ENDS,
     .finish = clear_report},
    {.symbol = "sh_domain_destroy",
     .prepare = prepare_unloaded,
     .call = call_destroy,
     .statuses = ONLY_OK,
     .is_unchanged = is_there},
    {.symbol = "sh_domain_destroy",
     .in_which = "with an open handle",
     .prepare = prepare_full,
     .call = call_destroy,
     .statuses = 1u << SH_PENDING,
     .usual = SH_PENDING},
    {.symbol = "sh_unload_report_clear",
     .prepare = prepare_report,
     .call = call_clear,
     .statuses = ONLY_OK,
     .flags = FAULT_SAME_THREAD | FAULT_ENDS},
    {.symbol = NULL},
};
