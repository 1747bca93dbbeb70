/* SPDX-License-Identifier: MIT */
/* The threads that signals rain on. They make, use, read, write, close, duplicate, finalize, collect, unload, enter
 * regions and wake each other (signal_rounds.h); or start and stop the runtime. */
#ifndef TORTURE_SIGNAL_LOAD_H
#define TORTURE_SIGNAL_LOAD_H

#include "form.h"

/* Starts the runtime, too. Each round of a thread is a try. */
void signal_load_start(const form *of, torture_tally *tally, bool restarts);

/* Ends the threads and the runtime, and looks for what was left. */
void signal_load_stop(void);

/* The handler of every signal: on a thread of the load it uses a handle. */
void signal_load_handle(int signal);

/* The calling thread is one of the load, and attached, as long as it is admitted. */
void signal_load_admit_handler(bool admitted);

#endif
