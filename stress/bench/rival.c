/* SPDX-License-Identifier: MIT */
#include "rival.h"
#include "../die.h"
#include "stopwatch.h"
#include <gc/gc.h> /* GC_THREADS: pthread_create is the collector's */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { PIECE_TURNS = 256, PIECES_AT_A_TIME = 16, CONTEST_NS = 200000, MOST_TRIES = 100 };

/* Both threads had a processor for this part of the time, or more. */
static const double undisturbed = 0.97;

/* What the running threads write is alone in its cache line. */
static struct {
    sem_t asked;
    sem_t resting;
    clockid_t clock; /* its processor time */
    loop_body *body;
    long turns;
    subject *subject;
    _Alignas(64) atomic_bool stop;
    _Alignas(64) atomic_long pieces;
    _Alignas(64) char after_pieces;
} rival;

/* ---- where the two run ------------------------------------------------------------------------------------------- */

/* The processors of one core have the same number, which is -1 where the kernel does not tell. */
static int core_of(int processor)
{
    char path[128];
    (void)snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/core_id", processor);
    FILE *file = fopen(path, "re");
    int core = -1;
    if (file != NULL) {
        if (fscanf(file, "%d", &core) != 1)
            core = -1;
        (void)fclose(file);
    }
    return core;
}

static int processor_after(const cpu_set_t *allowed, int processor)
{
    do
        processor++;
    while (processor < CPU_SETSIZE && !CPU_ISSET((size_t)processor, allowed));
    return processor;
}

/* Of another core where there is one. */
static int choose_other(const cpu_set_t *allowed, int processor)
{
    int next = processor_after(allowed, processor);
    for (int other = next; other < CPU_SETSIZE; other = processor_after(allowed, other))
        if (core_of(other) != core_of(processor))
            return other;
    return next;
}

static void keep_on(pthread_t thread, int processor)
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET((size_t)processor, &only);
    int error = pthread_setaffinity_np(thread, sizeof only, &only);
    if (error != 0)
        die("a thread on processor %d: %s", processor, strerror(error));
}

bool rival_is_possible(void)
{
    cpu_set_t allowed;
    return sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) >= 2;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void *run_rival(void *unused)
{
    for (;;) {
        (void)sem_wait(&rival.asked);
        long pieces = 0;
        while (!atomic_load_explicit(&rival.stop, memory_order_relaxed)) {
            rival.body(rival.turns, rival.subject);
            atomic_store_explicit(&rival.pieces, ++pieces, memory_order_release);
        }
        (void)sem_post(&rival.resting);
    }
    return unused;
}

void rival_start(void)
{
    (void)sem_init(&rival.asked, 0, 0);
    (void)sem_init(&rival.resting, 0, 0);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run_rival, NULL);
    if (error == 0)
        error = pthread_getcpuclockid(thread, &rival.clock);
    if (error != 0)
        die("a second thread: %s", strerror(error));
    cpu_set_t allowed;
    (void)sched_getaffinity(0, sizeof allowed, &allowed);
    int first = processor_after(&allowed, -1);
    keep_on(pthread_self(), first);
    keep_on(thread, choose_other(&allowed, first));
}

void rival_run(loop_body *body, long turns, subject *s)
{
    rival.body = body;
    rival.turns = turns;
    rival.subject = s;
    atomic_store(&rival.stop, false);
    atomic_store(&rival.pieces, 0);
    (void)sem_post(&rival.asked);
    while (atomic_load(&rival.pieces) == 0)
        continue;
}

void rival_rest(void)
{
    atomic_store(&rival.stop, true);
    (void)sem_wait(&rival.resting);
}

/* ---- contests ---------------------------------------------------------------------------------------------------- */

static double processor_ns(void)
{
    return read_clock_ns(CLOCK_THREAD_CPUTIME_ID) + read_clock_ns(rival.clock);
}

static contest time_pieces(const loop *timed, int copy, subject *s)
{
    double start = read_clock_ns(CLOCK_MONOTONIC);
    long of_rival = atomic_load_explicit(&rival.pieces, memory_order_relaxed);
    contest c = {.elapsed_ns = 0};
    while (c.elapsed_ns < CONTEST_NS) {
        for (int piece = 0; piece < PIECES_AT_A_TIME; piece++)
            timed->copies[copy](PIECE_TURNS, s);
        c.pairs += PIECES_AT_A_TIME * PIECE_TURNS;
        c.elapsed_ns = read_clock_ns(CLOCK_MONOTONIC) - start;
    }
    of_rival = atomic_load_explicit(&rival.pieces, memory_order_relaxed) - of_rival;
    c.pairs += (double)of_rival * PIECE_TURNS;
    return c;
}

contest contest_of_one(const loop *timed, int copy, subject *s)
{
    return time_pieces(timed, copy, s);
}

contest contest_of_two(const loop *timed, int copy, subject *s)
{
    contest best = {.pairs = 0};
    double best_part = -1;
    rival_run(timed->copies[copy], PIECE_TURNS, s);
    for (int tries = 0; tries < MOST_TRIES && best_part < undisturbed; tries++) {
        double processor = processor_ns();
        contest c = time_pieces(timed, copy, s);
        double part = (processor_ns() - processor) / (2 * c.elapsed_ns);
        if (part > best_part) {
            best = c;
            best_part = part;
        }
    }
    rival_rest();
    return best;
}
