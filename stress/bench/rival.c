/* SPDX-License-Identifier: MIT */
#include "rival.h"
#include "../die.h"
#include "stopwatch.h"
#include <gc/gc.h> /* GC_THREADS: pthread_create is the collector's */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

enum { PIECE_TURNS = 256, PIECES_AT_A_TIME = 16, CONTEST_NS = 300000, MOST_TRIES = 6 };

/* Both threads had a processor for this part of the time. */
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

bool rival_is_possible(void)
{
    cpu_set_t allowed;
    return sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) >= 2;
}

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
    contest c;
    rival_run(timed->copies[copy], PIECE_TURNS, s);
    for (int tries = 0; tries < MOST_TRIES; tries++) {
        double processor = processor_ns();
        c = time_pieces(timed, copy, s);
        if (processor_ns() - processor >= 2 * undisturbed * c.elapsed_ns)
            break;
    }
    rival_rest();
    return c;
}
