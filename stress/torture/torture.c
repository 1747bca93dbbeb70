/* SPDX-License-Identifier: MIT */
#include "torture.h"
#include "../die.h"
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void torture_try(torture_tally *tally)
{
    /* Relaxed, here and below: a count orders nothing, and it is read when its process is over. */
    (void)atomic_fetch_add_explicit(&tally->tries, 1, memory_order_relaxed);
}

void torture_fail(torture_tally *tally, const char *format, ...)
{
    if (atomic_fetch_add_explicit(&tally->failures, 1, memory_order_relaxed) != 0)
        return; /* whoever came first writes the sentence */
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(tally->first_failure, sizeof tally->first_failure, format, arguments);
    va_end(arguments);
}

void torture_must(sh_status status, const char *what)
{
    if (status != SH_OK)
        die("%s: %s", what, sh_status_message(status));
}

int torture_open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        die("/proc/self/fd: %s", strerror(errno));
    int count = 0;
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count - 3; /* ".", ".." and the directory itself */
}
