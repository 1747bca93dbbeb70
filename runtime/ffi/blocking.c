/* SPDX-License-Identifier: MIT */
/* Calls outside of the collector. */
#include "gc/gc_host.h"
#include "thread/thread.h"
#include <safehandle/ffi.h>

void sh_run_blocking(void (*run)(void *data), void *data)
{
    thread_record *record = gc == NULL ? NULL : thread_here();
    if (gc != NULL && record == NULL)
        (void)thread_attach(false, &record); /* may fail here: who does not know the thread does not stop it either */
    /* A collector cannot be left twice. */
    if (record == NULL || record->outside) {
        run(data);
        return;
    }
    record->outside = true;
    gc->call_outside(run, data);
    record->outside = false;
}
