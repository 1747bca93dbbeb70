/* SPDX-License-Identifier: MIT */
#include "die.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *doing;

void die_doing(const char *what)
{
    doing = what;
}

/* Not exit: other threads are running, and a child must not run what its parent left for the end. */
void die(const char *format, ...)
{
    if (isatty(STDERR_FILENO))
        (void)fputs("\r\033[K", stderr); /* over the progress line */
    (void)fprintf(stderr, "%s: ", program_invocation_short_name);
    if (doing != NULL)
        (void)fprintf(stderr, "%s: ", doing);
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    _exit(DIE_STATUS);
}

void *die_or_allocate(size_t count, size_t size_bytes)
{
    void *made = calloc(count, size_bytes);
    if (made == NULL)
        die("no memory");
    return made;
}
