/* SPDX-License-Identifier: MIT */
/* The end of a program that could not do its work: exit status 2, and one sentence on stderr that says why. */
#ifndef STRESS_DIE_H
#define STRESS_DIE_H

/* What is being done, put before the sentence from now on: "intptr under recycling". Must outlive the process. */
void die_doing(const char *what);

/* Any thread. */
_Noreturn __attribute__((format(printf, 1, 2))) void die(const char *format, ...);

#endif
