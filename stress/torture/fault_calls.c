/* SPDX-License-Identifier: MIT */
/* Cases of class_faults.c: C functions that are called with handles. */
#include "fault_case.h"
#include "torture.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FUNCTION(name) ((void (*)(void))(name))

/* Of the one trial that this process is. */
static sh_call_descriptor *giving, *taking;
static sh_call entered;
static sh_value values[1];
static sh_handle *returned;

static int64_t give(int64_t raw)
{
    return raw;
}

static int take(int raw)
{
    int saved = errno;
    int closed = close(raw);
    errno = saved; /* it is the callee's after the call */
    return closed;
}

/* ---- preparing --------------------------------------------------------------------------------------------------- */

static void prepare_giving(fault_scene *s)
{
    s->raw = open("/dev/null", O_RDWR | O_CLOEXEC);
    values[0].i = s->raw;
    torture_must(sh_call_parse("file give(i64)", NULL, 0, NULL, &giving, NULL), "sh_call_parse");
}

static void prepare_given(fault_scene *s)
{
    prepare_giving(s);
    torture_must(sh_call_enter(&entered, giving, values, NULL, &returned, NULL), "sh_call_enter");
}

static void prepare_taking(fault_scene *s)
{
    torture_must(sh_open_file("/dev/null", O_RDWR, 0, NULL, &s->subjects[0]), "sh_open_file");
    values[0].handle = s->subjects[0];
    torture_must(sh_call_parse("int take(file consume)", NULL, 0, NULL, &taking, NULL), "sh_call_parse");
}

static void prepare_taken(fault_scene *s)
{
    prepare_taking(s);
    torture_must(sh_call_enter(&entered, taking, values, NULL, NULL, NULL), "sh_call_enter");
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

static sh_status call_parse(fault_scene *s)
{
    (void)s;
    sh_call_descriptor *made = NULL;
    sh_status status = sh_call_parse("int f({i32 x, f64 y} p, file in)", NULL, 0, NULL, &made, NULL);
    sh_call_descriptor_free(made);
    return status;
}

static sh_status call_prepare(fault_scene *s)
{
    (void)s;
    const sh_parameter parameter = {.kind = &sh_kind_file, .name = "file"};
    const sh_signature signature = {.name = "f",
                                    .result = {.direction = SH_DIRECTION_RETURN, .type = SH_TYPE_INT},
                                    .parameters = &parameter,
                                    .parameter_count = 1};
    sh_call_descriptor *made = NULL;
    sh_status status = sh_call_prepare(&signature, NULL, &made, NULL);
    sh_call_descriptor_free(made);
    return status;
}

static sh_status call_make(fault_scene *s)
{
    sh_value given;
    sh_status status = sh_call_make(giving, FUNCTION(give), values, NULL, &given, NULL);
    if (status == SH_OK)
        s->outputs[0] = (uintptr_t)given.handle;
    return status;
}

static sh_status call_make_taking(fault_scene *s)
{
    (void)s;
    sh_value given;
    return sh_call_make(taking, FUNCTION(take), values, NULL, &given, NULL);
}

static sh_status call_enter(fault_scene *s)
{
    (void)s;
    sh_status status = sh_call_enter(&entered, giving, values, NULL, &returned, NULL);
    sh_call_abandon(&entered, &returned);
    return status;
}

static sh_status call_leave(fault_scene *s)
{
    sh_status status = sh_call_leave(&entered, (sh_value){.i = s->raw}, 0, &returned);
    s->outputs[0] = (uintptr_t)returned;
    return status;
}

static sh_status call_abandon(fault_scene *s)
{
    sh_call_abandon(&entered, NULL);
    s->outputs[0] = (uintptr_t)values[0].handle; /* it has come back */
    return SH_OK;
}

static void run_nothing(void *data)
{
    (void)data;
}

static sh_status call_run_blocking(fault_scene *s)
{
    sh_run_blocking(run_nothing, s);
    return SH_OK;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

enum { ONLY_OK = 1u << SH_OK, MEMORY = ONLY_OK | 1u << SH_E_NOMEM, CONSUMING = MEMORY | 1u << SH_E_SYSTEM };

const fault_case fault_call_cases[] = {
    {.symbol = "sh_call_parse", .call = call_parse, .statuses = MEMORY},
    {.symbol = "sh_call_prepare", .call = call_prepare, .statuses = MEMORY},
    {.symbol = "sh_call_make_at", .prepare = prepare_giving, .call = call_make, .statuses = MEMORY},
    {.symbol = "sh_call_make_at",
     .in_which = "that consumes",
     .prepare = prepare_taking,
     .call = call_make_taking,
     .statuses = CONSUMING,
     .flags = FAULT_ENDS},
    {.symbol = "sh_call_enter_at",
     .prepare = prepare_giving,
     .call = call_enter,
     .statuses = MEMORY,
     .flags = FAULT_SAME_THREAD},
    {.symbol = "sh_call_leave",
     .prepare = prepare_given,
     .call = call_leave,
     .statuses = ONLY_OK,
     .flags = FAULT_SAME_THREAD},
    {.symbol = "sh_call_abandon",
     .prepare = prepare_taken,
     .call = call_abandon,
     .statuses = ONLY_OK,
     .flags = FAULT_SAME_THREAD | FAULT_ENDS},
    {.symbol = "sh_run_blocking", .call = call_run_blocking, .statuses = ONLY_OK},
    {.symbol = NULL},
};
