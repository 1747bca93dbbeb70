/* SPDX-License-Identifier: MIT */
/* Times a peer beside a pair of `lock xadd`, alone and by two threads, in turns. The other languages have the same
 * program in their own words. What it prints: samples.py. */
#include "../../die.h"
#include "peer.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A turn is shorter than what a scheduler gives a thread, so most are not cut in two. Looks at the clock, and at the
 * other thread, are few enough to cost nothing. */
enum { SHORTEST_TURN_NS = 50 * 1000, FIRST_COUNT = 64, LOOKS = 64, SPINS = 4096, STEPS = 64, CACHE_LINE_BYTES = 64 };

/* Invariant: count pairs take SHORTEST_TURN_NS or more, alone. */
typedef struct work {
    void (*pairs)(long count);
    long count;
} work;

/* One thread's part of a turn of two. */
typedef struct part {
    double start_ns;
    long done;
} part;

/* What two threads do at the same time. Invariant: given is written only while both wait. */
static work given;
static sem_t begins, ended;
static int processors[2];
static part of_partner;
static alignas(CACHE_LINE_BYTES) atomic_int steps;
static alignas(CACHE_LINE_BYTES) atomic_bool enough;
static alignas(CACHE_LINE_BYTES) long counter;

/* Compilers make `lock add` of an addition whose result nobody reads: so they are not asked. */
static void add(long by)
{
#ifdef __x86_64__
    __asm__ volatile("lock; xaddq %0, %1" : "+r"(by), "+m"(counter) : : "memory", "cc");
#else
    (void)__atomic_fetch_add(&counter, by, __ATOMIC_SEQ_CST);
#endif
}

static void xadd_pairs(long count)
{
    for (long i = 0; i < count; i++) {
        add(1);
        add(-1);
    }
}

static double now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void call(void (*function)(void))
{
    if (function != NULL)
        function();
}

/* ---- one thread -------------------------------------------------------------------------------------------------- */

static double turn_ns(const work *w)
{
    double start = now_ns();
    w->pairs(w->count);
    return now_ns() - start;
}

static work sized(void (*pairs)(long count))
{
    work w = {pairs, FIRST_COUNT};
    while (turn_ns(&w) < SHORTEST_TURN_NS)
        w.count *= 2;
    return w;
}

static void measure_alone(const work *xadd, const work *theirs, long turns)
{
    for (long i = 0; i < turns; i++) {
        double xadd_ns = turn_ns(xadd) / (double)xadd->count;
        double their_ns = turn_ns(theirs) / (double)theirs->count;
        (void)printf("alone %.4f %.4f\n", xadd_ns, their_ns);
    }
}

/* ---- two threads ------------------------------------------------------------------------------------------------- */

/* Left to the scheduler, two threads that wake each other share a processor, and never meet. */
static void stay_on(int processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)processor, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        die("processor %d: %s", processor, strerror(errno));
}

/* The two make every other step. It takes both a processor to come to the end of it. */
static void meet(int side)
{
    for (int step = side; step <= STEPS; step += 2) {
        for (long spins = 1; atomic_load(&steps) != step; spins++)
            if (spins % SPINS == 0)
                (void)sched_yield();
        if (step < STEPS)
            atomic_store(&steps, step + 1);
    }
}

/* Ends for both when one has done its part: nobody works without the other. */
static part work_together(int side)
{
    meet(side);
    part mine = {.start_ns = now_ns()};
    while (!atomic_load_explicit(&enough, memory_order_relaxed)) {
        given.pairs(given.count / LOOKS);
        mine.done += given.count / LOOKS;
        if (mine.done >= given.count)
            atomic_store(&enough, true);
    }
    return mine;
}

/* Nanoseconds that a pair takes each of the two threads. */
static double turn_together_ns(const work *w)
{
    given = *w;
    atomic_store(&steps, 0);
    atomic_store(&enough, false);
    (void)sem_post(&begins);
    part mine = work_together(0);
    double end_ns = now_ns();
    while (sem_wait(&ended) != 0)
        continue;
    double start_ns = mine.start_ns < of_partner.start_ns ? mine.start_ns : of_partner.start_ns;
    return (end_ns - start_ns) * 2 / (double)(mine.done + of_partner.done);
}

static void measure_contended(const work *xadd, const work *theirs, long turns)
{
    stay_on(processors[0]);
    for (long i = 0; i < turns; i++) {
        double xadd_ns = turn_together_ns(xadd);
        double their_ns = turn_together_ns(theirs);
        (void)printf("contended %.4f %.4f\n", xadd_ns, their_ns);
    }
}

/* Lives until the process ends: while there is one thread only, glibc and libstdc++ leave the atomic instructions out.
 */
static void *partner(void *unused)
{
    stay_on(processors[1]);
    call(measured.enter_thread);
    for (;;) {
        while (sem_wait(&begins) != 0)
            continue;
        if (given.pairs == NULL)
            break;
        of_partner = work_together(1);
        (void)sem_post(&ended);
    }
    call(measured.leave_thread);
    return unused;
}

static long number(const char *argument)
{
    char *end;
    long value = strtol(argument, &end, 10);
    if (end == argument || *end != '\0' || value < 0)
        die("not a number: %s", argument);
    return value;
}

int main(int count, char **arguments)
{
    if (count < 5)
        die("usage: %s TURNS-ALONE TURNS-CONTENDED PROCESSOR PROCESSOR", arguments[0]);
    processors[0] = (int)number(arguments[3]);
    processors[1] = (int)number(arguments[4]);
    call(measured.make);
    call(measured.enter_thread);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, partner, NULL);
    if (error != 0)
        die("pthread_create: %s", strerror(error));
    work xadd = sized(xadd_pairs);
    work theirs = sized(measured.pairs);
    measure_alone(&xadd, &theirs, number(arguments[1]));
    measure_contended(&xadd, &theirs, number(arguments[2]));
    given.pairs = NULL;
    (void)sem_post(&begins);
    (void)pthread_join(thread, NULL);
    call(measured.leave_thread);
    return 0;
}
