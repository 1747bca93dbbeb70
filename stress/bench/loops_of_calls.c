/* SPDX-License-Identifier: MIT */
/* System calls, bare and with a handle around them. */
#include "../die.h"
#include "loop_bodies.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Handles that are opened and closed become garbage: a piece is so long that a collection or two fall into each. */
enum { TURNS_OF_READ = 512, TURNS_OF_OPEN = 8192 };

LOOP_BODY read_byte(int descriptor)
{
    char byte;
    if (read(descriptor, &byte, 1) != 1)
        die("read: %s", strerror(errno));
    KEEP(&byte);
}

LOOP_BODY read_body(long turns, subject *s)
{
    for (long i = 0; i < turns; i++)
        read_byte(s->descriptor);
}

LOOP_BODY read_leased_body(long turns, subject *s)
{
    for (long i = 0; i < turns; i++) {
        sh_lease lease;
        sh_raw raw;
        begin_lease(&lease, s->handle, &raw);
        read_byte((int)raw);
        sh_lease_end(&lease);
    }
}

__attribute__((always_inline)) static inline int open_null(void)
{
    int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        die("/dev/null: %s", strerror(errno));
    return descriptor;
}

LOOP_BODY open_close_body(long turns, subject *s)
{
    (void)s;
    for (long i = 0; i < turns; i++)
        (void)close(open_null());
}

LOOP_BODY open_close_wrapped_body(long turns, subject *s)
{
    (void)s;
    for (long i = 0; i < turns; i++) {
        sh_handle *h;
        if (sh_wrap(&sh_kind_fd, open_null(), NULL, &h) != SH_OK)
            die("a descriptor could not be wrapped");
        if (sh_close(h) != SH_OK)
            die("a handle could not be closed");
    }
}

LOOP(loop_read, read_body, TURNS_OF_READ);
LOOP(loop_read_leased, read_leased_body, TURNS_OF_READ);
LOOP(loop_open_close, open_close_body, TURNS_OF_OPEN);
LOOP(loop_open_close_wrapped, open_close_wrapped_body, TURNS_OF_OPEN);
