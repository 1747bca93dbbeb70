/* SPDX-License-Identifier: MIT */
/* Cases of class_faults.c: constrained regions and aborts. */
#include "fault_case.h"
#include "reserve.h"
#include "torture.h"
#include <fcntl.h>
#include <unistd.h>

enum { ANNOUNCED_HANDLES = 2, ANNOUNCED_LEASES = FAULT_LEASES };

/* Of the one trial that this process is. */
static sh_function functions[RESERVE_FUNCTIONS];
static char context;

static sh_status enter_with_everything(fault_scene *s)
{
    sh_reserve reserve = reserve_everything(ANNOUNCED_HANDLES, ANNOUNCED_LEASES, functions);
    return sh_region_enter(&s->region, &reserve);
}

/* ---- preparing --------------------------------------------------------------------------------------------------- */

static void prepare_open(fault_scene *s)
{
    torture_must(sh_open_file("/dev/null", O_RDWR, 0, NULL, &s->subjects[0]), "sh_open_file");
}

static void prepare_entered(fault_scene *s)
{
    torture_must(enter_with_everything(s), "sh_region_enter");
}

static void prepare_attached(fault_scene *s)
{
    (void)s;
    torture_must(sh_thread_attach(), "sh_thread_attach");
}

static void prepare_asked(fault_scene *s)
{
    prepare_attached(s);
    torture_must(sh_thread_abort(gettid()), "sh_thread_abort");
}

static void prepare_entered_and_asked(fault_scene *s)
{
    prepare_entered(s);
    prepare_asked(s);
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

static void must_not_fail(fault_scene *s, sh_status status)
{
    s->broken = s->broken || status != SH_OK;
}

/* All that was announced, while calls fail: it does not need them. */
static void use_announced(fault_scene *s)
{
    static const sh_create_options with_context = {.context = &context};
    for (size_t i = 0; i < RESERVE_FUNCTIONS; i++)
        s->broken = s->broken || functions[i].address == NULL;
    for (int i = 0; i < ANNOUNCED_HANDLES; i++) {
        sh_handle *made = NULL;
        must_not_fail(s, sh_create(&sh_kind_file, &with_context, &made));
        must_not_fail(s, made == NULL ? SH_OK : sh_close(made));
    }
    for (int i = 0; i < ANNOUNCED_LEASES; i++) {
        sh_raw raw;
        must_not_fail(s, sh_lease_begin(&s->leases[i], s->subjects[0], &raw));
    }
    for (int i = 0; i < ANNOUNCED_LEASES; i++)
        sh_lease_end(&s->leases[i]);
}

static sh_status call_enter(fault_scene *s)
{
    return (sh_region_enter)(&s->region, NULL);
}

static sh_status call_enter_at(fault_scene *s)
{
    return sh_region_enter(&s->region, NULL);
}

static sh_status call_enter_with_everything(fault_scene *s)
{
    sh_status status = enter_with_everything(s);
    if (status == SH_OK)
        use_announced(s);
    return status;
}

static sh_status call_leave(fault_scene *s)
{
    return sh_region_leave(&s->region);
}

static sh_status call_end(fault_scene *s)
{
    sh_region_end(&s->region);
    return s->region.thread == NULL ? SH_OK : SH_E_ARGUMENT;
}

static sh_status call_abort(fault_scene *s)
{
    (void)s;
    return sh_thread_abort(gettid());
}

static sh_status call_safepoint(fault_scene *s)
{
    (void)s;
    return sh_safepoint();
}

/* ---- afterwards -------------------------------------------------------------------------------------------------- */

static bool is_outside(fault_scene *s)
{
    return s->region.thread == NULL && sh_region_leave(&s->region) == SH_E_ARGUMENT && functions[0].address == NULL &&
           functions[1].address == NULL;
}

static void leave(fault_scene *s)
{
    sh_region_end(&s->region);
}

static void take_abort(fault_scene *s)
{
    s->broken = s->broken || sh_safepoint() != SH_E_ABORTED || sh_safepoint() != SH_OK;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

enum {
    ONLY_OK = 1u << SH_OK,
    MEMORY = ONLY_OK | 1u << SH_E_NOMEM,
    PREPARING = MEMORY | 1u << SH_E_ARGUMENT | 1u << SH_E_SYSTEM
};

const fault_case fault_region_cases[] = {
    {.symbol = "sh_region_enter", .call = call_enter, .statuses = MEMORY, .is_unchanged = is_outside, .finish = leave},
    {.symbol = "sh_region_enter_at",
     .call = call_enter_at,
     .statuses = MEMORY,
     .is_unchanged = is_outside,
     .finish = leave},
    {.symbol = "sh_region_enter_at",
     .in_which = "with everything",
     .prepare = prepare_open,
     .call = call_enter_with_everything,
     .statuses = PREPARING,
     .is_unchanged = is_outside,
     .finish = leave},
    {.symbol = "sh_region_leave",
     .prepare = prepare_entered,
     .call = call_leave,
     .statuses = ONLY_OK,
     .flags = FAULT_SAME_THREAD},
    {.symbol = "sh_region_leave",
     .in_which = "with an abort",
     .prepare = prepare_entered_and_asked,
     .call = call_leave,
     .statuses = 1u << SH_E_ABORTED,
     .usual = SH_E_ABORTED,
     .flags = FAULT_SAME_THREAD},
    {.symbol = "sh_region_end",
     .prepare = prepare_entered,
     .call = call_end,
     .statuses = ONLY_OK,
     .flags = FAULT_SAME_THREAD},
    {.symbol = "sh_thread_abort",
     .prepare = prepare_attached,
     .call = call_abort,
     .statuses = ONLY_OK,
     .flags = FAULT_SAME_THREAD,
     .finish = take_abort},
    {.symbol = "sh_safepoint",
     .prepare = prepare_asked,
     .call = call_safepoint,
     .statuses = 1u << SH_E_ABORTED,
     .usual = SH_E_ABORTED,
     .flags = FAULT_SAME_THREAD},
    {.symbol = NULL},
};
