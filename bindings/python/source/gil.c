/* SPDX-License-Identifier: MIT */
/* The interpreter's lock, given up and taken again on the same thread. */
#include "binding.h"
#include <errno.h>

/* Invariant: NULL while this thread has the lock, or has never had it. */
static __thread PyThreadState *left;

void gil_leave(void)
{
    int error = errno;
    left = PyEval_SaveThread();
    errno = error;
}

void gil_enter(void)
{
    int error = errno;
    PyThreadState *thread = left;
    left = NULL;
    PyEval_RestoreThread(thread);
    errno = error;
}

bool gil_is_left(void)
{
    return left != NULL;
}
