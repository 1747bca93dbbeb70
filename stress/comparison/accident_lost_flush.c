/* SPDX-License-Identifier: MIT */
/*
 * Lost flush: document 002's buffered stream is dropped without close. Its finalizer flushes through a handle that has
 * died in the same collection, and may have been closed by then.
 */
#include "../die.h"
#include "accident.h"
#include "file.h"
#include "session.h"
#include "thread.h"
#include <errno.h>
#include <fcntl.h>
#include <gc/gc.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 128, LEAST_STREAMS = 512, BUFFER_SIZE_BYTES = 64, FILLED = 'b' };

/* In the collector's heap, since a stream that is found late still points to it. */
typedef struct batch {
    const approach *approach;
    int file; /* all streams write to this one, each to a place of its own */
    int count;
    atomic_bool flushed[BATCH]; /* the finalizer was run, whatever came of it */
} batch;

/* Invariant: buffer is filled from construction until the flush. */
typedef struct stream {
    batch *batch;
    void *owner;
    int place;
    char buffer[BUFFER_SIZE_BYTES];
} stream;

static off_t offset_of(int place)
{
    return (off_t)place * BUFFER_SIZE_BYTES;
}

static int duplicate_file(void *data)
{
    const batch *b = data;
    int copy = fcntl(b->file, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        die("fcntl: %s", strerror(errno));
    return copy;
}

static void flush(void *object, void *unused)
{
    (void)unused;
    stream *self = object;
    const approach *a = self->batch->approach;
    use u;
    if (a->use_begin(self->owner, &u)) {
        ssize_t written = pwrite(u.number, self->buffer, BUFFER_SIZE_BYTES, offset_of(self->place));
        (void)written; /* the file tells */
        a->use_end(&u);
    }
    atomic_store(&self->batch->flushed[self->place], true);
}

static void make_stream(batch *b, int place)
{
    stream *made = GC_MALLOC(sizeof *made);
    if (made == NULL)
        die("memory ran out");
    *made = (stream){.batch = b, .place = place};
    memset(made->buffer, FILLED, BUFFER_SIZE_BYTES);
    made->owner = b->approach->open(duplicate_file, b);
    if (made->owner == NULL || !b->approach->when_dead(made, flush))
        die("no stream could be made");
}

static void make_streams(void *data)
{
    batch *b = data;
    for (int place = 0; place < b->count; place++)
        make_stream(b, place);
}

static bool arrived(const batch *b, int place)
{
    char first = 0;
    return pread(b->file, &first, 1, offset_of(place)) == 1 && first == FILLED;
}

static void run_batch(const approach *a, int count, tally *t)
{
    file_id unused;
    batch *b = GC_MALLOC(sizeof *b);
    if (b == NULL)
        die("memory ran out");
    *b = (batch){.approach = a, .file = file_open(&unused), .count = count};
    thread_run_apart(make_streams, b);
    collect_and_drain();
    for (int place = 0; place < count; place++) {
        bool was_run = atomic_load(&b->flushed[place]);
        tally_drop(t, was_run);
        if (was_run)
            tally_trial(t, !arrived(b, place));
    }
    (void)close(b->file);
}

static long at_least(long count, long least)
{
    return count > least ? count : least;
}

/* Which handles die first is up to their addresses, so a few streams would not do. */
static void run(const approach *a, const effort *asked, tally *t)
{
    const effort enough = {at_least(asked->least, LEAST_STREAMS), at_least(asked->most, LEAST_STREAMS),
                           asked->limit_ms};
    form f = form_begin(&enough);
    for (int count; (count = (int)form_next(&f, BATCH)) > 0;)
        run_batch(a, count, t);
}

static const char *why_not(const approach *a)
{
    return a->when_dead == NULL ? a->why_no_stream : NULL;
}

const accident accident_lost_flush = {
    .name = "lost-flush",
    .told = "a stream that was dropped lost its bytes, since its handle was closed before it was flushed",
    .run = run,
    .why_not = why_not,
};
