/* SPDX-License-Identifier: MIT */
/*
 * Ports on handles. Each operation leases the handle for its own time, so that closing the handle, or the port, ends
 * the others in order. Closing the port closes the handle; a port that is dropped is flushed and closed by Guile, while
 * its handle is open still: a death counts only when a second collection has confirmed it.
 */
#include "binding.h"
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static scm_t_port_type *port_type;
/* What is flushed now has been flushed before, or could not be. */
static atomic_bool process_ends;

/* The stream of such a port is its handle object. */
static SCM port_handle(SCM port)
{
    return SCM_PACK(SCM_STREAM(port));
}

/* Where the descriptor does not block, these wait, as those of Guile's own ports do. */
static size_t port_read(SCM port, SCM bytes, size_t start, size_t count)
{
    transfer work = {
        .call = transfer_read, .bytes = SCM_BYTEVECTOR_CONTENTS(bytes) + start, .byte_count = count, .waits = true};
    return (size_t)transfer_make("handle-read", port_handle(port), &work);
}

static size_t port_write(SCM port, SCM bytes, size_t start, size_t count)
{
    if (atomic_load(&process_ends) && sh_is_closed(handle_of("handle-write", port_handle(port), 1)))
        return count;
    transfer work = {
        .call = transfer_write, .bytes = SCM_BYTEVECTOR_CONTENTS(bytes) + start, .byte_count = count, .waits = true};
    return (size_t)transfer_make("handle-write", port_handle(port), &work);
}

static void port_close(SCM port)
{
    (void)sh_close(handle_of("close-port", port_handle(port), 1));
    deferred_run();
}

static ssize_t seek_outside(int descriptor, transfer *work)
{
    return lseek(descriptor, work->offset, work->whence);
}

static scm_t_off port_seek(SCM port, scm_t_off offset, int whence)
{
    transfer work = {.call = seek_outside, .offset = offset, .whence = whence};
    return transfer_make("seek", port_handle(port), &work);
}

static ssize_t truncate_outside(int descriptor, transfer *work)
{
    return ftruncate(descriptor, work->offset);
}

static void port_truncate(SCM port, scm_t_off length)
{
    transfer work = {.call = truncate_outside, .offset = length};
    (void)transfer_make("truncate-file", port_handle(port), &work);
}

static ssize_t poll_outside(int descriptor, transfer *work)
{
    (void)work;
    struct pollfd one = {.fd = descriptor, .events = POLLIN};
    return poll(&one, 1, 0);
}

static int port_input_waiting(SCM port)
{
    transfer work = {.call = poll_outside};
    return (int)transfer_make("char-ready?", port_handle(port), &work);
}

/* Answers 0 or 1 where others fail: a pipe has no position. */
static ssize_t position_outside(int descriptor, transfer *work)
{
    (void)work;
    return lseek(descriptor, 0, SEEK_CUR) >= 0;
}

static int port_random_access_p(SCM port)
{
    transfer work = {.call = position_outside};
    return (int)transfer_make("handle->port", port_handle(port), &work);
}

/* mode: as of open-file. With a "b" the port is for bytes, else it has the encoding of new ports. */
static SCM handle_to_port(SCM handle, SCM mode)
{
    (void)handle_of("handle->port", handle, 1);
    char *letters = SCM_UNBNDP(mode) ? scm_strdup("r") : scm_to_locale_string(mode);
    bool known =
        letters[0] != '\0' && strchr("rwa", letters[0]) != NULL && letters[1 + strspn(letters + 1, "+b0le")] == '\0';
    long bits = known ? scm_mode_bits(letters) : 0;
    bool binary = strchr(letters, 'b') != NULL;
    free(letters);
    if (!known)
        scm_out_of_range("handle->port", mode);
    scm_t_bits stream = SCM_UNPACK(handle);
    if (!binary)
        return scm_c_make_port(port_type, (unsigned long)bits, stream);
    return scm_c_make_port_with_encoding(port_type, (unsigned long)bits, scm_from_utf8_symbol("ISO-8859-1"),
                                         scm_from_utf8_symbol("error"), stream);
}

/* Guile flushes all ports once more after us, and would find the handles closed. */
static SCM ports_end(void)
{
    atomic_store(&process_ends, true);
    return SCM_UNSPECIFIED;
}

void port_init(void)
{
    static char name[] = "handle";
    port_type = scm_make_port_type(name, port_read, port_write);
    scm_set_port_close(port_type, port_close);
    scm_set_port_needs_close_on_gc(port_type, 1);
    scm_set_port_seek(port_type, port_seek);
    scm_set_port_truncate(port_type, port_truncate);
    scm_set_port_input_waiting(port_type, port_input_waiting);
    scm_set_port_random_access_p(port_type, port_random_access_p);
    DEFINE("handle->port", 1, 1, handle_to_port);
    DEFINE("%end-ports", 0, 0, ports_end);
}
