/* SPDX-License-Identifier: MIT */
/*
 * Call stacks: of the calling thread, and of one that is asked by a signal; and what stands at an address. Only builds
 * that check contracts have it (contract/contract.h).
 *
 *   platform_stack_capture           any thread, also in a signal handler, after platform_stack_start has returned
 *   platform_stack_ask               any thread; the one asked must not end meanwhile
 *   platform_symbol_describe         any thread; reads files, and takes its time
 */
#ifndef PLATFORM_CALL_STACK_H
#define PLATFORM_CALL_STACK_H

#include "platform/platform.h"

/* The stack of the calling thread from the frame on that begins at first: what __builtin_return_address(0) says in the
 * function that it called. All of it when there is no such frame. Allocates nothing; answers how many there are. */
size_t platform_stack_capture(const void *first, void **out_frames, size_t capacity);

/* In an answer to platform_stack_ask: what the signal interrupted. handler is what the answer was given. */
size_t platform_stack_capture_interrupted(const void *handler, void **out_frames, size_t capacity);

/* Once in a process. answer runs on a thread that was asked, in a signal handler: it may capture, and little else.
 * False: the program has a handler for the signal already, so nobody can be asked. */
bool platform_stack_start(void (*answer)(const void *handler));

typedef pthread_t platform_thread;
platform_thread platform_thread_self(void);
void platform_stack_ask(platform_thread thread);

/* Lets the calling thread be asked, where it blocks every signal; true when it did. */
bool platform_stack_open(void);
/* As it was before. */
void platform_stack_close(bool was_blocked);

/* "function+0x12 (file)", or "+0x1234 (file)" for addr2line where the file has no name for it. */
void platform_symbol_describe(const void *address, char *out_text, size_t capacity_bytes);

/* The address of the function of that name in a library behind this one. */
uintptr_t platform_symbol_behind(const char *name);

/* A number from the environment; otherwise when there is none, or none that is positive. */
int64_t platform_environment(const char *name, int64_t otherwise);

#endif
