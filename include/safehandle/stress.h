/* SPDX-License-Identifier: MIT */
/*
 * The embedder's door to gcstress: scenarios of your own, run under every interleaving.
 *
 * A scenario is a small world, some threads that work in it, and a judge. `explore` lets no other
 * thread run between two checkpoints of one, and at each, any; `run` has real threads, and collects at them. Mark the
 * places of your own code where that matters; the library's are marked already.
 *
 *   sh_stress_main                                  the program's main, once
 *   sh_stress_checkpoint, _allocation, _crossing    the scenario's threads; elsewhere they do nothing
 *   sh_stress_violation, sh_stress_tell, _tell_of   any thread, from a scenario's begin to the return of its end
 *   sh_stress_dropped, _finalized                   any thread, at any time
 *   sh_stress_collector                             any thread, from a scenario's first begin on
 *
 *   static void use(void *world, size_t index) { … SH_STRESS_CHECKPOINT("my.call"); … }
 *   static const sh_stress_scenario mine = {.size_bytes = sizeof mine, .name = "mine", .thread_count = 2,
 *                                           .begin = make, .thread = use, .end = judge};
 *   int main(int argc, char **argv)
 *   {
 *       static const sh_stress_scenario *const all[] = {&mine, NULL};
 *       return sh_stress_main(argc, argv, all);
 *   }
 *
 * Source: document 002's GCStress; CHESS (PLDI 2007) and PCT (ASPLOS 2010) for the search.
 */
#ifndef SAFEHANDLE_STRESS_H
#define SAFEHANDLE_STRESS_H

#include <safehandle/export.h>
#include <safehandle/host.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

SH_BEGIN_DECLARATIONS

/* Invariant: everything but approaches, retells, collect and serial is set; thread_count is from 1 to 8; what it points
 * to lives as long as the process. */
typedef struct sh_stress_scenario {
    size_t size_bytes; /* of this struct */
    const char *name;
    const char *retells;           /* which document, or which bug of which program; NULL: none */
    const char *violation;         /* what must not happen, in one sentence */
    const char *const *approaches; /* names, NULL-terminated; NULL: there is but one way */
    size_t thread_count;
    /* A fresh world for one run, on the main thread; approach: one of approaches, or NULL. */
    void *(*begin)(const char *approach);
    /* What each thread does, at the same time; index from 0. */
    void (*thread)(void *world, size_t index);
    /* When all threads have returned: judges, and frees the world. */
    void (*end)(void *world);
    /* A runtime with a collector of its own: collects now, on this thread, which has come to a checkpoint. False: here
     * it cannot. `gcstress run` then starts the library with the manual host. NULL: `run` takes the Boehm collector. */
    bool (*collect)(void *world);
    /* Only one thread may run at a time, or its judge cannot tell right from wrong: `gcstress run` leaves it out. */
    bool serial;
} sh_stress_scenario;

/* Runs the command line. scenarios is NULL-terminated. Answers the exit status: 0 nothing was found, 1 a violation was,
 * 2 it could not run. Starts the library with the manual host, and does not stop it. */
SH_API int sh_stress_main(int argc, char **argv, const sh_stress_scenario *const *scenarios);

/* Another thread may go on here; `run` may collect here (level 4). where must live as long as the process. */
SH_API void sh_stress_checkpoint(const char *where);
#define SH_STRESS_CHECKPOINT(where) sh_stress_checkpoint(where)

/* The same, where the program allocates (level 1), and where it goes into a native call or comes back (level 2). */
SH_API void sh_stress_allocation(const char *where);
#define SH_STRESS_ALLOCATION(where) sh_stress_allocation(where)
SH_API void sh_stress_crossing(const char *where);
#define SH_STRESS_CROSSING(where) sh_stress_crossing(where)

/* What must not happen has happened. The run goes on to its end; its first violation is reported. */
SH_API __attribute__((format(printf, 1, 2))) void sh_stress_violation(const char *format, ...);

/* A line for the report of a run: who holds, who closes, who gets the number. */
SH_API __attribute__((format(printf, 1, 2))) void sh_stress_tell(const char *format, ...);

/* What a line tells about a number that a kernel gives out, or about anything else that is used again. */
typedef enum sh_stress_deed {
    SH_STRESS_OPENS = 1, /* the number stands for the thing from now on */
    SH_STRESS_HOLDS,     /* this thread is going to use it */
    SH_STRESS_CALLS,     /* and does */
    SH_STRESS_LEAVES,    /* and will not any more */
    SH_STRESS_CLOSES,    /* the number is free from now on */
    SH_STRESS_DIES,      /* the collector found its owner dead; the number does not matter */
} sh_stress_deed;

/* The same line, and what it is about: the report draws bars of who holds a number, and of what it stands for. thing is
 * never used again; 0: not known. */
SH_API __attribute__((format(printf, 4, 5))) void sh_stress_tell_of(sh_stress_deed deed, int64_t number, int64_t thing,
                                                                    const char *format, ...);

/* For `run`, which counts whether what was dropped was really found dead. dropped: the program lets an object go whose
 * finalizer or release is still to come; finalized: that of such a one has run. */
SH_API void sh_stress_dropped(void);
SH_API void sh_stress_finalized(void);

/* Under which collector the library runs: SH_COLLECTOR_MANUAL, where every interleaving is explored and one thread runs
 * at a time, or where the scenario has a collector of its own; SH_COLLECTOR_BOEHM in `run`. */
SH_API sh_collector sh_stress_collector(void);

SH_END_DECLARATIONS

#endif
