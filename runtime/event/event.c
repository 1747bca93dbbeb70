/* SPDX-License-Identifier: MIT */
#include "event/event.h"
#include "base/assert.h"
#include "platform/platform.h"
#include <string.h>

enum { ROWS = 128 }; /* distinct (type, kind, birth) at one time; what does not fit is counted */

/* Invariant: first_ms <= due_ms. */
typedef struct table_row {
    event_record record;
    int64_t first_ms; /* when it was raised first */
    int64_t due_ms;   /* when it is told at the latest */
} table_row;

/*
 * Invariant: rows[0 .. row_count) are in the order of their first raise and pairwise different in their key;
 * row_count <= ROWS; telling is true exactly while the sink runs, and told_generation is then that sink's; mutex covers
 * every field.
 */
static struct {
    platform_mutex mutex;
    platform_condition changed; /* a row, the sink, a flush, or the teller's state */
    bool condition_made;
    table_row rows[ROWS];
    size_t row_count;
    uint64_t dropped;
    sh_event_sink *sink;
    void *sink_data;
    uint64_t generation; /* of the sink: counts the calls that set one */
    uint64_t told_generation;
    bool telling;
    size_t flushers; /* threads that wait until everything is told, due or not */
    bool running;
    bool begun; /* the teller's thread is known to the collector */
    bool stopping;
    const platform_thread_hooks *hooks;
} queue = {.mutex = PLATFORM_MUTEX_INIT};

/* Initial-exec: see thread/thread.c. */
static _Thread_local __attribute__((tls_model("initial-exec"))) bool on_teller;

static bool same_key(const event_record *a, const event_record *b);

static bool queue_is_valid(void)
{
    if (queue.row_count > ROWS)
        return false;
    for (size_t i = 0; i + 1 < queue.row_count; i++)
        if (queue.rows[i].record.count == 0 || same_key(&queue.rows[i].record, &queue.rows[queue.row_count - 1].record))
            return false;
    return true;
}

static void lock_queue(void)
{
    platform_mutex_lock(&queue.mutex);
    platform_condition_init_once(&queue.changed, &queue.condition_made);
    ASSERT(queue_is_valid());
}

static void unlock_queue(void)
{
    platform_mutex_unlock(&queue.mutex);
}

/* ---- raising ----------------------------------------------------------------------------------------------------- */

static bool same_site(sh_site a, sh_site b)
{
    return a.file == b.file && a.line == b.line;
}

static bool same_key(const event_record *a, const event_record *b)
{
    return a->type == b->type && a->detail == b->detail && a->kind == b->kind && same_site(a->birth, b->birth);
}

static void add_row(const event_record *record)
{
    int64_t now = platform_now_ms();
    queue.rows[queue.row_count++] = (table_row){*record, now, event_due_ms(record->type, now, now)};
    platform_condition_broadcast(&queue.changed);
}

/* The teller may wake for a time that no longer holds: it looks, and waits for the new one. */
static void add_to_row(table_row *row, const event_record *record)
{
    row->record.count += record->count;
    row->record.raw = record->raw;
    row->record.os_error = record->os_error;
    row->record.other = record->other;
    row->due_ms = event_due_ms(record->type, row->first_ms, platform_now_ms());
}

void event_raise(const event_record *record)
{
    ASSERT(record->count >= 1);
    lock_queue();
    size_t i = 0;
    while (i < queue.row_count && !same_key(&queue.rows[i].record, record))
        i++;
    if (i < queue.row_count)
        add_to_row(&queue.rows[i], record);
    else if (queue.row_count < ROWS)
        add_row(record);
    else
        queue.dropped += record->count;
    unlock_queue();
}

void event_run_add(event_run *run, const event_record *record)
{
    if (run->record.count > 0 && same_key(&run->record, record)) {
        run->record.count += record->count;
        run->record.raw = record->raw;
        return;
    }
    event_run_flush(run);
    run->record = *record;
}

void event_run_flush(event_run *run)
{
    if (run->record.count > 0)
        event_raise(&run->record);
    run->record.count = 0;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static void remove_row(size_t i)
{
    queue.row_count--;
    memmove(&queue.rows[i], &queue.rows[i + 1], (queue.row_count - i) * sizeof *queue.rows);
}

/* The row to tell now. Otherwise *out_next is when to look again. */
static bool take_due(event_record *out_record, int64_t *out_next)
{
    *out_next = PLATFORM_FOREVER;
    if (queue.sink == NULL)
        return false;
    int64_t now = platform_now_ms();
    for (size_t i = 0; i < queue.row_count; i++) {
        if (queue.flushers > 0 || queue.stopping || queue.rows[i].due_ms <= now) {
            *out_record = queue.rows[i].record;
            remove_row(i);
            return true;
        }
        if (queue.rows[i].due_ms < *out_next)
            *out_next = queue.rows[i].due_ms;
    }
    if (queue.dropped != 0) {
        *out_record = (event_record){.type = SH_EVENT_DROPPED, .count = queue.dropped};
        queue.dropped = 0;
        return true;
    }
    return false;
}

/* Called with the mutex held, which is given back while the sink runs. */
static void tell(const event_record *record)
{
    char message[EVENT_MESSAGE_SIZE_BYTES];
    sh_event_sink *sink = queue.sink;
    void *data = queue.sink_data;
    queue.telling = true;
    queue.told_generation = queue.generation;
    unlock_queue();

    event_describe(record, message, sizeof message);
    sh_event event = {.type = record->type,
                      .kind = record->kind,
                      .raw = record->raw,
                      .os_error = record->os_error,
                      .birth = record->birth,
                      .count = record->count,
                      .message = message};
    sink(&event, data);

    lock_queue();
    queue.telling = false;
    platform_condition_broadcast(&queue.changed);
}

static bool nothing_to_tell(void)
{
    return !queue.telling && (queue.sink == NULL || (queue.row_count == 0 && queue.dropped == 0));
}

static void teller_ended(void *unused, bool returned);
static void teller_run(void *unused);
static const platform_thread_plan teller_plan = {"sh-events", teller_run, teller_ended};

static bool teller_is_wanted(void *unused)
{
    (void)unused;
    lock_queue();
    bool wanted = !queue.stopping;
    unlock_queue();
    return wanted;
}

/* In a frame of its own: a frame with holes that lives while the thread sleeps would keep dead objects alive. */
__attribute__((noinline)) static int64_t tell_all_due(void)
{
    event_record record;
    int64_t next;
    while (take_due(&record, &next))
        tell(&record);
    return next;
}

static void teller_run(void *unused)
{
    (void)unused;
    on_teller = true;
    if (!platform_thread_begin(queue.hooks, teller_is_wanted, NULL))
        return;
    lock_queue();
    queue.begun = true;
    platform_condition_broadcast(&queue.changed);
    for (;;) {
        int64_t next = tell_all_due();
        if (queue.stopping)
            break;
        (void)platform_condition_wait(&queue.changed, &queue.mutex, next);
    }
    unlock_queue();
    queue.hooks->end();
}

static void teller_ended(void *unused, bool returned)
{
    (void)unused;
    lock_queue();
    queue.telling = false;
    /* A sink that ends its thread ends its own telling, not that of the next events. */
    queue.running = !returned && !queue.stopping && platform_thread_start(&teller_plan, NULL) == 0;
    platform_condition_broadcast(&queue.changed);
    unlock_queue();
}

static void wait_begun(void)
{
    int64_t deadline = platform_deadline(PLATFORM_BEGIN_MS);
    while (queue.running && !queue.begun && platform_condition_wait(&queue.changed, &queue.mutex, deadline))
        continue;
}

int event_start(const platform_thread_hooks *hooks)
{
    lock_queue();
    queue.hooks = hooks;
    queue.stopping = false;
    int error = 0;
    if (!queue.running) {
        queue.running = true;
        queue.begun = false;
        error = platform_thread_start(&teller_plan, NULL);
        if (error != 0)
            queue.running = false;
    }
    wait_begun();
    unlock_queue();
    return error;
}

void event_stop(int64_t deadline)
{
    lock_queue();
    queue.stopping = true;
    platform_condition_broadcast(&queue.changed);
    while (queue.running && platform_condition_wait(&queue.changed, &queue.mutex, deadline))
        continue;
    unlock_queue();
}

/* ---- the sink ---------------------------------------------------------------------------------------------------- */

void event_sink_set(sh_event_sink *sink, void *data)
{
    lock_queue();
    queue.sink = sink;
    queue.sink_data = data;
    uint64_t mine = ++queue.generation;
    platform_condition_broadcast(&queue.changed);
    /* For the old one only: the new one may be running already, and may wait for the caller. */
    while (queue.telling && queue.told_generation < mine && !on_teller)
        (void)platform_condition_wait(&queue.changed, &queue.mutex, PLATFORM_FOREVER);
    unlock_queue();
}

bool event_wait_told(int64_t deadline)
{
    lock_queue();
    queue.flushers++;
    platform_condition_broadcast(&queue.changed);
    while (!nothing_to_tell() && platform_condition_wait(&queue.changed, &queue.mutex, deadline))
        continue;
    bool told = nothing_to_tell();
    queue.flushers--;
    unlock_queue();
    return told;
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

void event_fork_before(void)
{
    lock_queue();
}

void event_fork_in_parent(void)
{
    unlock_queue();
}

void event_fork_in_child(void)
{
    platform_condition_init(&queue.changed); /* the threads that waited are gone */
    queue.running = false;
    queue.telling = false;
    queue.flushers = 0;
    unlock_queue();
}
