/* SPDX-License-Identifier: MIT */
/* Reading, writing and their like: under a lease, and outside of Guile, so that a collection neither waits for them nor
 * interrupts them. */
#include "value.h"
#include <errno.h>
#include <poll.h>
#include <sys/select.h>
#include <unistd.h>

ssize_t transfer_read(int descriptor, transfer *work)
{
    return read(descriptor, work->bytes, work->byte_count);
}

ssize_t transfer_write(int descriptor, transfer *work)
{
    return write(descriptor, work->bytes, work->byte_count);
}

static bool would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

static void *call_outside(void *data)
{
    transfer *work = data;
    work->answer = work->call(work->descriptor, work);
    work->error = work->answer < 0 ? errno : 0;
    return NULL;
}

static void *poll_outside(void *data)
{
    const transfer *work = data;
    struct pollfd one = {.fd = work->descriptor, .events = work->call == transfer_write ? POLLOUT : POLLIN};
    (void)poll(&one, 1, -1);
    return NULL;
}

/* Until the call is worth trying again, or a signal came. Guile's own select also ends when the handler of a signal is
 * due that was noticed by another thread; it knows no descriptors from FD_SETSIZE on. */
static void wait_for_it(transfer *work)
{
    if (work->descriptor >= FD_SETSIZE) {
        (void)scm_without_guile(poll_outside, work);
        return;
    }
    fd_set waited_for;
    FD_ZERO(&waited_for);
    FD_SET(work->descriptor, &waited_for);
    bool writes = work->call == transfer_write;
    (void)scm_std_select(work->descriptor + 1, writes ? NULL : &waited_for, writes ? &waited_for : NULL, NULL, NULL);
}

static bool try_again(const transfer *work)
{
    return work->error == EINTR || (work->waits && would_block(work->error));
}

static void end_lease(void *lease)
{
    sh_lease_end(lease);
}

ssize_t transfer_make(const char *who, SCM handle, transfer *work)
{
    sh_handle *h = handle_of(who, handle, 1);
    sh_lease lease = {NULL, NULL, {NULL, NULL, NULL, NULL}};
    sh_raw raw = -1;
    scm_dynwind_begin(0);
    scm_dynwind_unwind_handler(end_lease, &lease, SCM_F_WIND_EXPLICITLY);
    error_check(who, sh_lease_begin_kind(&lease, h, &sh_kind_fd, &raw), handle);
    work->descriptor = (int)raw;
    (void)scm_without_guile(call_outside, work);
    while (try_again(work) && !sh_is_closed(h)) {
        wait_for_it(work);
        scm_async_tick(); /* a signal's handler, which may leave by an exception */
        (void)scm_without_guile(call_outside, work);
    }
    scm_dynwind_end();
    deferred_run();
    if (work->answer < 0 && sh_is_closed(h))
        error_raise(who, SH_E_CLOSED, handle, NULL);
    if (work->answer < 0 && !(work->partial && would_block(work->error))) {
        errno = work->error;
        scm_syserror(who);
    }
    return work->answer;
}

/* ---- what scripts call
 * ----------------------------------------------------------------------------------------------- */

/* What one read(2) brings, at most count bytes; the eof object at the end, as from Guile's own get-bytevector-n. */
static SCM handle_read(SCM handle, SCM count)
{
    size_t most = scm_to_size_t(count);
    SCM bytes = scm_c_make_bytevector(most);
    transfer work = {.call = transfer_read, .bytes = SCM_BYTEVECTOR_CONTENTS(bytes), .byte_count = most};
    size_t got = (size_t)transfer_make("handle-read", handle, &work);
    SCM result = bytes;
    if (got == 0 && most > 0)
        result = SCM_EOF_VAL;
    else if (got < most)
        result = value_first_bytes(bytes, got);
    scm_remember_upto_here_1(bytes);
    return result;
}

/* Writes all of it, with as many write(2) as that takes; fewer only where the descriptor does not block. Strings are
 * written as UTF-8. */
static SCM handle_write(SCM handle, SCM what)
{
    const char *who = "handle-write";
    SCM bytes = scm_is_string(what) ? scm_string_to_utf8(what) : what;
    if (!scm_is_bytevector(bytes))
        scm_wrong_type_arg_msg(who, 2, what, "bytevector or string");
    size_t all = scm_c_bytevector_length(bytes), written = 0;
    do {
        transfer work = {.call = transfer_write,
                         .bytes = SCM_BYTEVECTOR_CONTENTS(bytes) + written,
                         .byte_count = all - written,
                         .partial = written > 0};
        ssize_t more = transfer_make(who, handle, &work);
        if (more < 0)
            break;
        written += (size_t)more;
    } while (written < all);
    scm_remember_upto_here_1(bytes);
    return scm_from_size_t(written);
}

void transfer_init(void)
{
    DEFINE("handle-read", 2, 0, handle_read);
    DEFINE("handle-write", 2, 0, handle_write);
}
