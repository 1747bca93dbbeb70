/* SPDX-License-Identifier: MIT */
#include "population.h"
#include "../deep.h"
#include "../die.h"
#include "stopwatch.h"
#include <errno.h>
#include <gc/gc.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PAUSES = 3, MOST_COLLECTIONS = 8, FILLERS = 16 * 1024, FILLER_SIZE_BYTES = 24 };

/* Invariant: live has count places that the collector scans; it lies outside the collector's heap. */
typedef struct population {
    const variant *variant;
    long count;
    void **live;
} population;

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static double resident_bytes(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    long pages = 0;
    if (statm == NULL || fscanf(statm, "%*d %ld", &pages) != 1)
        die("/proc/self/statm cannot be read");
    (void)fclose(statm);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double peak_bytes(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss * 1024;
}

/* ---- the phases -------------------------------------------------------------------------------------------------- */

/* Touched before anything is counted. */
static void **map_live(long count)
{
    size_t size_bytes = (size_t)count * sizeof(void *);
    void **live = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((void *)live == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    memset((void *)live, 0, size_bytes);
    GC_add_roots((void *)live, (void *)(live + count));
    return live;
}

/* Threads that started before now have words on their stacks that point to the first free blocks. An object of ours
 * there would never be found dead, so others that live for ever take the place. */
static void occupy_first_blocks(void)
{
    for (int i = 0; i < FILLERS; i++)
        if (GC_MALLOC_ATOMIC_UNCOLLECTABLE(FILLER_SIZE_BYTES) == NULL)
            die("memory ran out");
}

static void make_all(void *data)
{
    population *p = data;
    for (long i = 0; i < p->count; i++) {
        p->live[i] = p->variant->make();
        if (p->live[i] == NULL)
            die("memory ran out after %ld objects", i);
    }
}

static void drop_all(void *data)
{
    population *p = data;
    memset((void *)p->live, 0, (size_t)p->count * sizeof *p->live);
}

static double time_collection_ms(const variant *measured)
{
    double start = read_clock_ns(CLOCK_MONOTONIC);
    measured->collect();
    return (read_clock_ns(CLOCK_MONOTONIC) - start) / 1e6;
}

/* The middle one of three. */
static double measure_pause_ms(const variant *measured)
{
    double pauses[PAUSES];
    double lowest = 0, highest = 0, sum = 0;
    for (int i = 0; i < PAUSES; i++) {
        pauses[i] = time_collection_ms(measured);
        lowest = i == 0 || pauses[i] < lowest ? pauses[i] : lowest;
        highest = pauses[i] > highest ? pauses[i] : highest;
        sum += pauses[i];
    }
    return sum - lowest - highest;
}

static void measure_making(population *p, census *c)
{
    double start = read_clock_ns(CLOCK_MONOTONIC);
    deep_run(make_all, p);
    c->allocate_ns = (read_clock_ns(CLOCK_MONOTONIC) - start) / (double)p->count;
}

static void measure_end(population *p, census *c)
{
    deep_run(drop_all, p);
    double start = read_clock_ns(CLOCK_MONOTONIC);
    double start_cpu = read_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    p->variant->collect();
    p->variant->settle();
    c->finalize_cpu_ns = (read_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_cpu) / (double)p->count;
    c->finalize_ns = (read_clock_ns(CLOCK_MONOTONIC) - start) / (double)p->count;
}

/* A few may have been held by a stale word; they count, and do not belong to the time. */
static long end_the_rest(const population *p)
{
    for (int i = 0; i < MOST_COLLECTIONS && p->variant->ended() < p->count; i++) {
        p->variant->collect();
        p->variant->settle();
    }
    return p->variant->ended();
}

census population_measure(const variant *measured, long count)
{
    measured->start();
    occupy_first_blocks();
    population p = {measured, count, map_live(count)};
    census c = {.finalize_ns = NAN, .finalize_cpu_ns = NAN, .ended = count, .complete = true};
    double resident = resident_bytes();
    measure_making(&p, &c);
    c.pause_ms = measure_pause_ms(measured);
    if (measured->ends) {
        measure_end(&p, &c);
        c.ended = end_the_rest(&p);
    }
    c.bytes = (peak_bytes() - resident) / (double)count;
    return c;
}
