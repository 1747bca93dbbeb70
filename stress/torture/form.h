/* SPDX-License-Identifier: MIT */
/*
 * A form: one way of doing a class, in a process of its own, since a collector, once chosen, stays for the life of a
 * process (host.h). The class's own process starts no runtime.
 */
#ifndef TORTURE_FORM_H
#define TORTURE_FORM_H

#include "torture.h"

typedef struct form {
    const char *name; /* "manual host" */
    sh_collector collector;
    void (*run)(const struct form *of, const torture_plan *plan, torture_tally *tally);
    unsigned limit_s; /* a form that takes longer hangs */
} form;

/* Runs one form after the other, each as a trial. Ends with a form without a name. */
void form_run_all(const form *forms, const torture_plan *plan, torture_tally *tally);

/* The form's collector, and a deadline for finalizers that no busy machine comes near: who waits for it waits for
 * nobody. */
enum { FORM_DEADLINE_MS = 20000 };
sh_options form_options(const form *of);

/* sh_init with these, or the end of the class. */
void form_start(const form *of);

/* The last act of a form: shuts down, and fails when that is not SH_OK. */
void form_stop(const form *of, torture_tally *tally);

#endif
