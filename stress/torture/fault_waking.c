/* SPDX-License-Identifier: MIT */
/* Cases of class_faults.c: waiting for a user who is blocked in read, and is woken. */
#include "../die.h"
#include "fault_case.h"
#include "torture.h"
#include <pthread.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000, SHORT_MS = 50 };

/* Of the one trial that this process is. */
static struct {
    pthread_t thread;
    atomic_bool leases;
} reader;

static void *read_once(void *argument)
{
    sh_lease lease;
    sh_raw raw = -1;
    char byte;
    torture_must(sh_lease_begin(&lease, argument, &raw), "sh_lease_begin");
    reader.leases = true;
    if (read((int)raw, &byte, 1) > 0)
        die("read: there is a byte that nobody wrote");
    sh_lease_end(&lease);
    return NULL;
}

/* subjects: the end that is read from, and the other. */
static void prepare_reader_in(fault_scene *s, const sh_create_options *options)
{
    torture_must(sh_open_pipe(0, options, &s->subjects[0], &s->subjects[1]), "sh_open_pipe");
    if (pthread_create(&reader.thread, NULL, read_once, s->subjects[0]) != 0)
        die("no thread could be had");
    while (!reader.leases)
        (void)usleep(100);
}

static void prepare_reader(fault_scene *s)
{
    prepare_reader_in(s, NULL);
}

static void prepare_reader_in_domain(fault_scene *s)
{
    torture_must(sh_domain_create("faults", &s->domain), "sh_domain_create");
    const sh_create_options in_domain = {.domain = s->domain};
    prepare_reader_in(s, &in_domain);
}

/* Who cannot be woken is waited for to the end. */
static int64_t timeout_ms(const fault_scene *s)
{
    return s->fault_lasts || s->no_barrier ? SHORT_MS : PATIENCE_MS;
}

static sh_status call_close_wait(fault_scene *s)
{
    return sh_close_wait(s->subjects[0], timeout_ms(s));
}

static sh_status call_unload(fault_scene *s)
{
    return sh_domain_unload(s->domain, timeout_ms(s), &s->report);
}

/* A reader who was not woken finds the end of what it reads. */
static void end_reader(fault_scene *s)
{
    (void)sh_close(s->subjects[1]);
    (void)pthread_join(reader.thread, NULL);
    bool stays = sh_is_closed(s->subjects[0]) && !sh_is_released(s->subjects[0]);
    s->broken = s->broken || (stays && !s->no_barrier);
    sh_unload_report_clear(&s->report);
}

const fault_case fault_waking_cases[] = {
    {.symbol = "sh_close_wait",
     .in_which = "for a blocked reader",
     .prepare = prepare_reader,
     .call = call_close_wait,
     .statuses = 1u << SH_OK | 1u << SH_E_TIMEOUT | 1u << SH_E_RELEASE,
     .flags = FAULT_ENDS | FAULT_BURIES,
     .finish = end_reader},
    {.symbol = "sh_domain_unload",
     .in_which = "with a blocked reader",
     .prepare = prepare_reader_in_domain,
     .call = call_unload,
     .statuses = 1u << SH_OK | 1u << SH_E_TIMEOUT | 1u << SH_E_NOMEM,
     .flags = FAULT_ENDS | FAULT_BURIES,
     .finish = end_reader},
    {.symbol = NULL},
};
