/* SPDX-License-Identifier: MIT */
/* OS objects that are born inside a handle. */
#include "base/keep_errno.h"
#include "finalization/finalization.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include "thread/thread.h"
#include <errno.h>
#include <safehandle/open.h>

#undef sh_open_with
#undef sh_open_file
#undef sh_open_socket
#undef sh_open_pipe
#undef sh_open_event

enum { RECLAIM_MS = 5000 }; /* the longest that an open waits for dead handles to give their descriptors back */

/* ---- the bracket: handles first, then the call, then the store, and no cancellation in between ------------------- */

/* The call may be a program's own. */
static int call_again_after_collection(open_call *call, void *data, sh_raw *out_raws)
{
    KEEP_ERRNO;
    int error = call(data, out_raws);
    /* A constrained region does not wait for a collection, nor for finalizers. */
    if (!platform_descriptors_ran_out(error) || thread_is_constrained())
        return error;
    sh_collect();
    (void)sh_wait_for_pending_finalizers(RECLAIM_MS);
    return call(data, out_raws);
}

/* One call that opens. Invariant: handles[0 .. count) are unset. */
typedef struct opening {
    open_call *call;
    void *data;
    sh_raw *raws;
    sh_handle **handles;
    size_t count;
    int error;
} opening;

static void run_opening(void *data)
{
    opening *mine = data;
    mine->error = call_again_after_collection(mine->call, mine->data, mine->raws);
}

/* What it had opened, if anything, it told nobody. */
static void opener_ended_thread(void *data)
{
    const opening *mine = data;
    for (size_t i = 0; i < mine->count; i++)
        close_unborn(mine->handles[i]);
}

static sh_status store_all(sh_handle **handles, size_t count, const sh_raw *raws)
{
    sh_status status = SH_OK;
    for (size_t i = 0; i < count; i++) {
        sh_status stored = sh_set_handle(handles[i], raws[i]);
        if (stored != SH_OK)
            status = stored;
    }
    return status;
}

enum { MOST_AT_ONCE = 2 };

sh_status open_into(sh_handle **handles, size_t count, open_call *call, void *data)
{
    ASSERT(count <= MOST_AT_ONCE);
    sh_raw raws[MOST_AT_ONCE];
    platform_cancel_token token = platform_cancel_hold();
    opening mine = {.call = call, .data = data, .raws = raws, .handles = handles, .count = count};
    platform_call_guarded(run_opening, opener_ended_thread, &mine);
    int error = mine.error;
    sh_status status = error != 0 ? SH_E_SYSTEM : store_all(handles, count, raws);
    platform_cancel_restore(token);
    for (size_t i = 0; status != SH_OK && i < count; i++)
        close_unborn(handles[i]);
    if (error != 0)
        errno = error;
    return status;
}

/* ---- one handle -------------------------------------------------------------------------------------------------- */

static sh_status open_one(const sh_kind *kind, open_call *call, void *data, const sh_create_options *options_or_null,
                          size_t options_size_bytes, const sh_site *site, sh_handle **out_handle)
{
    sh_handle *h;
    sh_status status =
        out_handle == NULL ? SH_E_ARGUMENT : create_checked(kind, options_or_null, options_size_bytes, site, &h);
    if (status == SH_OK)
        status = open_into(&h, 1, call, data);
    if (status == SH_OK)
        *out_handle = h;
    return status;
}

sh_status sh_open_with_at(const sh_kind *kind, sh_opener *opener, void *data, const sh_create_options *options_or_null,
                          size_t options_size_bytes, const sh_site *site_or_null, sh_handle **out_handle)
{
    return opener == NULL ? SH_E_ARGUMENT
                          : open_one(kind, opener, data, options_or_null, options_size_bytes, site_or_null, out_handle);
}

sh_status sh_open_with(const sh_kind *kind, sh_opener *opener, void *data, const sh_create_options *options_or_null,
                       sh_handle **out_handle)
{
    return sh_open_with_at(kind, opener, data, options_or_null, sizeof *options_or_null, NULL, out_handle);
}

typedef struct file_call {
    const char *path;
    int flags;
    unsigned mode;
} file_call;

static int call_open(void *data, sh_raw *out_raw)
{
    const file_call *call = data;
    return platform_descriptor_open(call->path, call->flags, call->mode, out_raw);
}

sh_status sh_open_file_at(const char *path, int flags, unsigned mode, const sh_create_options *options_or_null,
                          size_t options_size_bytes, const sh_site *site_or_null, sh_handle **out_file)
{
    file_call call = {path, flags, mode};
    return path == NULL
               ? SH_E_ARGUMENT
               : open_one(&sh_kind_file, call_open, &call, options_or_null, options_size_bytes, site_or_null, out_file);
}

sh_status sh_open_file(const char *path, int flags, unsigned mode, const sh_create_options *options_or_null,
                       sh_handle **out_file)
{
    return sh_open_file_at(path, flags, mode, options_or_null, sizeof *options_or_null, NULL, out_file);
}

typedef struct socket_call {
    int family;
    int type;
    int protocol;
} socket_call;

static int call_socket(void *data, sh_raw *out_raw)
{
    const socket_call *call = data;
    return platform_descriptor_socket(call->family, call->type, call->protocol, out_raw);
}

sh_status sh_open_socket_at(int family, int type, int protocol, const sh_create_options *options_or_null,
                            size_t options_size_bytes, const sh_site *site_or_null, sh_handle **out_socket)
{
    socket_call call = {family, type, protocol};
    return open_one(&sh_kind_socket, call_socket, &call, options_or_null, options_size_bytes, site_or_null, out_socket);
}

sh_status sh_open_socket(int family, int type, int protocol, const sh_create_options *options_or_null,
                         sh_handle **out_socket)
{
    return sh_open_socket_at(family, type, protocol, options_or_null, sizeof *options_or_null, NULL, out_socket);
}

typedef struct event_call {
    unsigned initial_count;
    int flags;
} event_call;

static int call_event(void *data, sh_raw *out_raw)
{
    const event_call *call = data;
    return platform_descriptor_event(call->initial_count, call->flags, out_raw);
}

sh_status sh_open_event_at(unsigned initial_count, int flags, const sh_create_options *options_or_null,
                           size_t options_size_bytes, const sh_site *site_or_null, sh_handle **out_event)
{
    event_call call = {initial_count, flags};
    return open_one(&sh_kind_event, call_event, &call, options_or_null, options_size_bytes, site_or_null, out_event);
}

sh_status sh_open_event(unsigned initial_count, int flags, const sh_create_options *options_or_null,
                        sh_handle **out_event)
{
    return sh_open_event_at(initial_count, flags, options_or_null, sizeof *options_or_null, NULL, out_event);
}

/* ---- two handles ------------------------------------------------------------------------------------------------- */

static int call_pipe(void *data, sh_raw *out_raws)
{
    return platform_descriptor_pipe(*(const int *)data, &out_raws[0], &out_raws[1]);
}

sh_status sh_open_pipe_at(int flags, const sh_create_options *options_or_null, size_t options_size_bytes,
                          const sh_site *site_or_null, sh_handle **out_read_end, sh_handle **out_write_end)
{
    if (out_read_end == NULL || out_write_end == NULL)
        return SH_E_ARGUMENT;
    sh_handle *ends[2];
    sh_status status = create_checked(&sh_kind_pipe, options_or_null, options_size_bytes, site_or_null, &ends[0]);
    if (status != SH_OK)
        return status;
    status = create_checked(&sh_kind_pipe, options_or_null, options_size_bytes, site_or_null, &ends[1]);
    if (status != SH_OK) {
        close_unborn(ends[0]);
        return status;
    }
    status = open_into(ends, 2, call_pipe, &flags);
    if (status == SH_OK) {
        *out_read_end = ends[0];
        *out_write_end = ends[1];
    }
    return status;
}

sh_status sh_open_pipe(int flags, const sh_create_options *options_or_null, sh_handle **out_read_end,
                       sh_handle **out_write_end)
{
    return sh_open_pipe_at(flags, options_or_null, sizeof *options_or_null, NULL, out_read_end, out_write_end);
}
