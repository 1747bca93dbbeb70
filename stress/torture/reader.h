/* SPDX-License-Identifier: MIT */
/*
 * A thread that leases an event which nobody raises and is blocked in a call on it, until it is woken: by a close of
 * the event, or by the unload of its domain.
 *
 *   every function   the thread that starts it, and joins it (by its thread) before the reader's memory ends
 */
#ifndef TORTURE_READER_H
#define TORTURE_READER_H

#include <pthread.h>
#include <safehandle.h>
#include <stdatomic.h>
#include <sys/types.h>

/* Answers as read does. */
typedef ssize_t reader_call(int number);

typedef struct reader {
    sh_handle *event;
    reader_call *call;
    pthread_t thread;
    atomic_bool leases;
    /* Once the thread is joined: */
    sh_status status; /* of its lease */
    ssize_t size;     /* what call answered */
    int error;        /* and the errno that it left, when that was negative */
} reader;

/* One read. */
ssize_t reader_read(int number);

/* Comes back when the lease is held, and what comes next is the call. event: opened by the caller. No cancellation
 * point. */
void reader_start(reader *started, sh_handle *event, reader_call *call);

#endif
