/* SPDX-License-Identifier: MIT */
/* What the threads do while signals rain: make, use, read, write, close, duplicate, finalize, collect; or start and
 * stop the runtime. */
#ifndef TORTURE_SIGNAL_LOAD_H
#define TORTURE_SIGNAL_LOAD_H

#include "form.h"

/* Starts the runtime, too. Each round of a thread is a try. */
void signal_load_start(const form *of, torture_tally *tally, bool restarts);

/* Ends the threads and the runtime, and looks for what was left. */
void signal_load_stop(void);

/* The handler of every signal: on a thread of the load it uses a handle. */
void signal_load_handle(int signal);

#endif
