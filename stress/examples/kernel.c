/* SPDX-License-Identifier: MIT */
#include "kernel.h"
#include <safehandle/stress.h>
#include <stdlib.h>

void kernel_make(kernel *of)
{
    *of = (kernel){.opened = 0};
    (void)pthread_mutex_init(&of->lock, NULL);
}

void kernel_end(kernel *of)
{
    for (int number = KERNEL_FIRST_NUMBER; number < KERNEL_NUMBERS; number++)
        if (of->files[number] != KERNEL_NO_FILE)
            sh_stress_violation("file %d is open under number %d, and nobody is left to close it", of->files[number],
                                number);
    (void)pthread_mutex_destroy(&of->lock);
}

kernel_number kernel_open(kernel *of)
{
    SH_STRESS_CROSSING("kernel.open");
    (void)pthread_mutex_lock(&of->lock);
    int number = KERNEL_FIRST_NUMBER;
    while (number < KERNEL_NUMBERS && of->files[number] != KERNEL_NO_FILE)
        number++;
    if (number == KERNEL_NUMBERS)
        abort(); /* no program here opens that many */
    of->files[number] = ++of->opened;
    kernel_number opened = {number, of->opened};
    (void)pthread_mutex_unlock(&of->lock);
    sh_stress_tell_of(SH_STRESS_OPENS, opened.number, opened.file, "opens file %d, and gets number %d", opened.file,
                      opened.number);
    return opened;
}

static void judge(kernel *of, kernel_number meant, const char *what)
{
    int there = of->files[meant.number];
    if (there == KERNEL_NO_FILE)
        sh_stress_violation("%s of file %d finds nothing under number %d", what, meant.file, meant.number);
    else if (there != meant.file)
        sh_stress_violation("%s of file %d reaches file %d, which has number %d by now", what, meant.file, there,
                            meant.number);
}

void kernel_read(kernel *of, kernel_number from)
{
    SH_STRESS_CROSSING("kernel.read");
    sh_stress_tell_of(SH_STRESS_CALLS, from.number, from.file, "reads from number %d, meaning file %d", from.number,
                      from.file);
    (void)pthread_mutex_lock(&of->lock);
    judge(of, from, "a read");
    (void)pthread_mutex_unlock(&of->lock);
    SH_STRESS_CROSSING("kernel.has-read");
}

void kernel_close(kernel *of, kernel_number which)
{
    SH_STRESS_CROSSING("kernel.close");
    sh_stress_tell_of(SH_STRESS_CLOSES, which.number, which.file, "closes number %d, meaning file %d", which.number,
                      which.file);
    (void)pthread_mutex_lock(&of->lock);
    judge(of, which, "the close");
    of->files[which.number] = KERNEL_NO_FILE;
    (void)pthread_mutex_unlock(&of->lock);
    sh_stress_finalized();
}
