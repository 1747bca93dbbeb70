/* SPDX-License-Identifier: MIT */
/* How a program holds a number: document 002's ways, over the simulated world. */
#ifndef GCSTRESS_APPROACH_H
#define GCSTRESS_APPROACH_H

#include "world.h"

/* Invariant: between begin and end, number is what the call gets. */
typedef struct approach_use {
    int number;
    world_object *owner;
    sh_lease lease; /* safehandle only */
} approach_use;

typedef struct approach {
    const char *name;
    /* An owner for a file that is open, with one root. */
    world_object *(*make)(world *in, int number, world_file file);
    /* Takes over one root of the owner, which is the user's. False: the owner is closed, and the root is gone. */
    bool (*begin)(world_object *owner, approach_use *out_use);
    void (*end)(approach_use *use);
    void (*close)(world_object *owner);
} approach;

/* The names, NULL-terminated, as sh_stress_scenario has them. */
extern const char *const approach_names[];
/* Of a scenario of what a handle alone can do. */
extern const char *const approach_safehandle_only[];

/* A handle for a file that is open, in the domain or in the caller's (NULL). The world ends it when it dies. */
sh_handle *approach_wrap(world *in, int number, world_file file, sh_domain *domain_or_null);
/* The same; run(data) is called inside its release, before the number is closed. */
sh_handle *approach_wrap_with(world *in, int number, world_file file, void (*run)(void *data), void *data);

/* Ends the program where there is no such approach. */
const approach *approach_find(const char *name);

#endif
