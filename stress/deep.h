/* SPDX-License-Identifier: MIT */
/*
 * Garbage that a conservative collector can find: it keeps whatever a stale word on some stack points to.
 */
#ifndef STRESS_DEEP_H
#define STRESS_DEEP_H

/* run(data) deep in the stack, which is then written over: what run had in its hands is nowhere but where it put it. */
void deep_run(void (*run)(void *data), void *data);

#endif
