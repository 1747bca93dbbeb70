/* SPDX-License-Identifier: MIT */
/*
 * What the machines share: one heap, one system, and one lock. Whoever runs instructions has the lock, and lets it go
 * wherever others may go on: between two instructions, and around every call of the system or of the library.
 *
 * The lock is never held at a checkpoint. So a thread that `gcstress explore` has stopped there keeps no other waiting.
 */
#ifndef EXAMPLE_INTERPRETER_H
#define EXAMPLE_INTERPRETER_H

#include "approach.h"
#include "heap.h"
#include "machine.h"

enum { INTERPRETER_MACHINES = 3 };

typedef struct interpreter {
    pthread_mutex_t lock;
    heap heap;
    kernel kernel;
    const approach *how;
    machine machines[INTERPRETER_MACHINES];
} interpreter;

/* Each machine is to run its program, and has an owner of one file, the same for all, in register 0. */
interpreter *interpreter_make(const char *approach_name, const statement *const programs[INTERPRETER_MACHINES]);
/* Collects, waits for the finalizers, has every file closed, and frees all. */
void interpreter_end(interpreter *of);

typedef enum leave_for {
    LEAVE_FOR_LIBRARY, /* which must not be called again meanwhile: nobody may collect on this thread */
    LEAVE_FOR_SYSTEM,
} leave_for;

/* Lets the lock go, and takes it back. */
void interpreter_leave(interpreter *of, leave_for what);
void interpreter_return(interpreter *of);

/* Without the lock. What is no root is found dead; its finalizers run on the library's own thread. */
void interpreter_collect(interpreter *of);
/* The same, and waits for the finalizers. False: the calling thread has not left for the system. */
bool interpreter_collect_here(interpreter *of);

#endif
