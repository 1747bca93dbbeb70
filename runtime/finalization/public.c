/* SPDX-License-Identifier: MIT */
/* safehandle/finalizer.h: what a program asks of the lanes. */
#include "base/checkpoint.h"
#include "domain/domain.h"
#include "finalization/finalization.h"
#include "platform/platform.h"
#include "thread/lifecycle.h"
#include "thread/thread.h"

#undef sh_finalizer_register

sh_status sh_finalizer_register_at(void *object, sh_finalizer *run, void *data, const sh_site *site_or_null)
{
    if (object == NULL || run == NULL)
        return SH_E_ARGUMENT;
    sh_status status = lifecycle_admit();
    if (status != SH_OK)
        return status;
    thread_record *unused;
    status = thread_attach(false, &unused);
    if (status != SH_OK)
        return status;
    uint32_t domain;
    status = domain_admit(NULL, &domain);
    if (status != SH_OK)
        return status;
    CHECKPOINT("finalizer.admitted");
    return gc->finalizer_add(object, run, data, site_or_null == NULL ? (sh_site){NULL, 0} : *site_or_null, domain);
}

sh_status sh_finalizer_register(void *object, sh_finalizer *run, void *data)
{
    return sh_finalizer_register_at(object, run, data, NULL);
}

void sh_finalizer_suppress(void *object)
{
    if (object != NULL && gc != NULL)
        gc->finalizer_remove(object);
}

/* A call that the compiler cannot see into: the argument has to exist until then. */
void sh_keep_alive(const void *object)
{
    (void)object;
}

void sh_collect(void)
{
    thread_record *unused;
    if (lifecycle_admit() == SH_OK && thread_attach(false, &unused) == SH_OK)
        gc->collect();
}

sh_status sh_wait_for_pending_finalizers(int64_t timeout_ms)
{
    if (thread_is_ours())
        return SH_E_UNSUPPORTED;
    sh_status status = lifecycle_admit();
    if (status != SH_OK)
        return status;
    int64_t deadline = platform_deadline(timeout_ms);
    return finalization_wait_idle(deadline) && event_wait_told(deadline) ? SH_OK : SH_E_TIMEOUT;
}
