/* SPDX-License-Identifier: MIT */
#include "measure.h"
#include "../deep.h"
#include "../die.h"
#include <errno.h>
#include <gc/gc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { PAUSES = 3, MOST_COLLECTIONS = 8, FILLERS = 16 * 1024, FILLER_SIZE_BYTES = 24 };

/* Invariant: live has count places that the collector scans; it lies outside the collector's heap. */
typedef struct population {
    const variant *variant;
    long count;
    void **live;
} population;

/* ---- clocks and counters ----------------------------------------------------------------------------------------- */

static double read_clock_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

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

static double heap_in_use_bytes(void)
{
    return (double)GC_get_heap_size() - (double)GC_get_free_bytes();
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

static void measure_making(population *p, measurement *m)
{
    double heap = heap_in_use_bytes();
    double resident = resident_bytes();
    double start = read_clock_ns(CLOCK_MONOTONIC);
    deep_run(make_all, p);
    m->figures[ALLOCATE_NS] = (read_clock_ns(CLOCK_MONOTONIC) - start) / (double)p->count;
    m->figures[HEAP_BYTES] = (heap_in_use_bytes() - heap) / (double)p->count;
    m->figures[RESIDENT_BYTES] = (resident_bytes() - resident) / (double)p->count;
}

static void measure_release(population *p, measurement *m)
{
    deep_run(drop_all, p);
    double start = read_clock_ns(CLOCK_MONOTONIC);
    double start_cpu = read_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    p->variant->collect();
    p->variant->settle();
    m->figures[RELEASE_CPU_NS] = (read_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_cpu) / (double)p->count;
    m->figures[RELEASE_MS] = (read_clock_ns(CLOCK_MONOTONIC) - start) / 1e6;
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

measurement measure_variant(const variant *measured, long count)
{
    measured->start();
    occupy_first_blocks();
    population p = {measured, count, map_live(count)};
    measurement m = {.complete = true};
    double resident = resident_bytes();
    measure_making(&p, &m);
    m.figures[PAUSE_MS] = measure_pause_ms(measured);
    if (measured->ends) {
        measure_release(&p, &m);
        m.ended = end_the_rest(&p);
    }
    m.figures[PEAK_BYTES] = (peak_bytes() - resident) / (double)count;
    return m;
}
