/* SPDX-License-Identifier: MIT */
#include "progress.h"
#include "child.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

progress progress_start(int steps)
{
    bool shown = isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
    return (progress){.shown = shown, .steps = steps, .start_ms = clock_now_ms()};
}

/* Clears the line and begins it anew. */
static void print_step(const progress *p)
{
    double elapsed_s = (double)(clock_now_ms() - p->start_ms) / 1000;
    (void)fprintf(stderr, "\r\033[K[%2d/%d] %.1f s, %s", p->steps_done + 1, p->steps, elapsed_s, p->doing);
}

void progress_begin(progress *p, const char *doing)
{
    p->doing = doing;
    if (!p->shown)
        return;
    print_step(p);
    (void)fflush(stderr);
}

void progress_show(const progress *p, long trials)
{
    progress_tell(p, "%ld trials", trials);
}

void progress_tell(const progress *p, const char *format, ...)
{
    if (!p->shown)
        return;
    print_step(p);
    (void)fputs(": ", stderr);
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fflush(stderr);
}

void progress_step_done(progress *p)
{
    p->steps_done++;
}

void progress_end(const progress *p)
{
    if (p->shown)
        (void)fputs("\r\033[K", stderr);
}
