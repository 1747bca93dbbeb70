/* SPDX-License-Identifier: MIT */
/* The host's abort of a thread, and the places where it is told. */
#include "thread/thread.h"
#include <safehandle/region.h>

sh_status sh_thread_abort(int64_t thread_id)
{
    return thread_ask_abort(thread_id);
}

sh_status sh_safepoint(void)
{
    thread_record *record = thread_here();
    bool may_tell = record != NULL && record->regions.depth == 0;
    return may_tell && thread_take_abort(record) ? SH_E_ABORTED : SH_OK;
}
