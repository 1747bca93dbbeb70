/* SPDX-License-Identifier: MIT */
/* safehandle/domain.h: unloading and ending a domain. Making and entering one: domain/domain.c. */
#include "domain/domain.h"
#include "gc/gc_host.h"
#include "platform/platform.h"
#include "thread/lifecycle.h"
#include "thread/thread.h"
#include "unload/unload.h"

sh_status sh_domain_unload(sh_domain *domain, int64_t timeout_ms, sh_unload_report *out_report_or_null)
{
    if (thread_is_ours())
        return SH_E_UNSUPPORTED;
    int64_t deadline = platform_deadline(timeout_ms);
    sh_status status = lifecycle_admit();
    thread_record *unused;
    if (status == SH_OK)
        status = thread_attach(false, &unused);
    uint32_t group;
    if (status == SH_OK)
        status = domain_begin_unload(domain, &group);
    return status != SH_OK ? status : unload_run(group, deadline, out_report_or_null);
}

void sh_unload_report_clear(sh_unload_report *report)
{
    if (report == NULL)
        return;
    for (size_t i = 0; i < report->left_over_count; i++)
        platform_memory_free(report->left_overs[i].holders);
    platform_memory_free(report->left_overs);
    *report = (sh_unload_report){.released = 0};
}

/* What stayed in it would belong to whoever gets the place. */
static bool is_empty(uint32_t group)
{
    return left_over_count(group) == 0 && !gc->finalizer_is_watching(group);
}

sh_status sh_domain_destroy(sh_domain *domain)
{
    /* In the child of a fork, takes the threads that it does not have out of their domains. */
    (void)lifecycle_admit(); /* may fail here: then those stay inside, and the next caller tries again */
    return domain_end(domain, is_empty);
}
