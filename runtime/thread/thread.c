/* SPDX-License-Identifier: MIT */
#include "thread/thread.h"
#include "base/assert.h"
#include "gc/gc_host.h"
#include "platform/platform.h"
#include "thread/lifecycle.h"
#include <stddef.h>
#include <string.h>

enum { CACHE_LINE_SIZE_BYTES = 64 };

lifecycle runtime_lifecycle;

/* Invariant: mutex covers the lists. */
static struct {
    platform_mutex mutex;
    list_node records;
    list_node orphans; /* of threads that a fork left behind */
    list_node free;    /* of no thread */
    bool started;
    const thread_client *client;
} threads = {.mutex = PLATFORM_MUTEX_INIT,
             .records = {&threads.records, &threads.records},
             .orphans = {&threads.orphans, &threads.orphans},
             .free = {&threads.free, &threads.free}};

/* ---- leases ------------------------------------------------------------------------------------------------------ */

bool thread_leases_prepare(thread_record *record)
{
    return lease_slots_prepare(&record->leases, record->regions.lease_count);
}

bool thread_leases(const void *handle)
{
    const thread_record *here = thread_here();
    return here != NULL && lease_slots_name(&here->leases, handle);
}

typedef struct lease_query {
    const void *handle;
    int64_t thread_id;
    void (*visit)(int64_t thread_id, const sh_site *since, void *data) SH_RELIABILITY(will_not_corrupt_state, success);
    void *data;
} lease_query;

SH_RELIABILITY(will_not_corrupt_state, success)
static void match(lease_slot *slot, void *argument)
{
    const lease_query *query = argument;
    lease_slot_content content = lease_slot_read(slot);
    if (content.handle == query->handle)
        query->visit(query->thread_id, content.since, query->data);
}

void thread_visit_leases(const void *handle,
                         void (*visit)(int64_t thread_id, const sh_site *since, void *data)
                             SH_RELIABILITY(will_not_corrupt_state, success),
                         void *data)
{
    lease_query query = {.handle = handle, .visit = visit, .data = data};
    platform_mutex_lock(&threads.mutex);
    for (list_node *link = threads.records.next; link != &threads.records; link = link->next) {
        thread_record *record = LIST_OWNER(link, thread_record, link);
        query.thread_id = record->thread_id;
        lease_slots_visit(&record->leases, match, &query);
    }
    platform_mutex_unlock(&threads.mutex);
}

/* ---- attach and detach ------------------------------------------------------------------------------------------- */

bool thread_is_ours(void)
{
    const thread_record *here = thread_here();
    return here != NULL && here->ours;
}

/* Cache lines of its own. What the collector sees is what it gave us: such memory is not looked for by pointers. Not
 * under the mutex: a host's collector may run finalizers here. */
static thread_record *make_record(void)
{
    char *memory = gc->scanned_allocate(sizeof(thread_record) + (size_t)2 * CACHE_LINE_SIZE_BYTES);
    if (memory == NULL)
        return NULL;
    size_t past_line = (uintptr_t)memory % CACHE_LINE_SIZE_BYTES;
    thread_record *made = (thread_record *)(void *)(memory + CACHE_LINE_SIZE_BYTES - past_line);
    platform_mutex_lock(&threads.mutex);
    bool added = lease_slots_add(&made->leases);
    platform_mutex_unlock(&threads.mutex);
    if (!added)
        gc->scanned_free(memory);
    return added ? made : NULL;
}

/* Whoever has it is the only one to touch it. */
static thread_record *take_record(void)
{
    platform_mutex_lock(&threads.mutex);
    list_node *link = list_take_first(&threads.free);
    platform_mutex_unlock(&threads.mutex);
    return link != NULL ? LIST_OWNER(link, thread_record, link) : make_record();
}

static void free_record(thread_record *record)
{
    ASSERT(!lease_slots_name(&record->leases, NULL));
    size_t kept = offsetof(thread_record, link); /* who looks for leases may be reading them */
    memset((char *)record + kept, 0, sizeof *record - kept);
    list_init(&record->link);
    platform_mutex_lock(&threads.mutex);
    list_append(&threads.free, &record->link);
    platform_mutex_unlock(&threads.mutex);
}

sh_status thread_attach_new(bool ours, thread_record **out_record)
{
    bool entered;
    sh_status status = gc->thread_enter(&entered);
    if (status != SH_OK)
        return status;
    thread_record *record = take_record();
    if (record == NULL || platform_thread_end_set(record) != 0) {
        if (record != NULL)
            free_record(record);
        if (entered)
            gc->thread_leave();
        return SH_E_NOMEM;
    }
    list_init(&record->link);
    record->thread_id = platform_thread_id();
    record->entered = entered;
    record->ours = ours;
    platform_mutex_lock(&threads.mutex);
    list_append(&threads.records, &record->link);
    platform_mutex_unlock(&threads.mutex);
    lease_slots_use(&record->leases);
    *out_record = record;
    return SH_OK;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static void give_back_lease(lease_slot *slot, void *unused)
{
    (void)unused;
    void *handle = lease_slot_read(slot).handle;
    lease_slot_clear(slot);
    threads.client->lease_left(handle);
}

static void give_all_back(thread_record *record)
{
    platform_mutex_lock(&threads.mutex);
    list_remove(&record->link);
    platform_mutex_unlock(&threads.mutex);
    lease_slots_visit(&record->leases, give_back_lease, NULL);
    while (record->domain_count > 0)
        threads.client->left(record->domains[--record->domain_count]);
    threads.client->give_blanks_back(record);
}

static void bury(thread_record *record)
{
    give_all_back(record);
    free_record(record);
}

/* False: it could not, and stays for the thread's end, which would otherwise find a record that is gone. */
static bool forget_here(void)
{
    thread_record *record = thread_here();
    bool entered = record->entered;
    if (platform_thread_end_set(NULL) != 0)
        return false;
    give_all_back(record);
    lease_slots_use(NULL); /* before another thread may have it: a signal handler may lease */
    free_record(record);
    if (entered)
        gc->thread_leave();
    return true;
}

sh_status thread_detach(void)
{
    const thread_record *here = thread_here();
    if (thread_is_ours())
        return SH_E_UNSUPPORTED;
    if (here == NULL || here->regions.depth > 0 || lease_slots_name(&here->leases, NULL))
        return SH_E_ARGUMENT;
    return forget_here() ? SH_OK : SH_E_NOMEM;
}

void thread_end_ours(void)
{
    if (thread_here() != NULL)
        (void)forget_here();
}

/* Runs as the thread's last act. The program's destructors may still end leases and come in any order with this one, so
 * the first call only asks for another round. A collector that wraps thread creation may have forgotten the thread by
 * now; giving leases back can run a user's release, which may allocate, so the thread enters once more. */
static void at_thread_end(void *value)
{
    thread_record *record = value;
    lease_slots_use(&record->leases); /* thread-local storage may have been reset already */
    if (!record->ending) {
        record->ending = true;
        if (platform_thread_end_set(record) == 0)
            return;
    }
    bool entered = false;
    sh_status status = gc->thread_enter(&entered);
    bool leaves = record->entered = record->entered || (status == SH_OK && entered);
    /* A release that calls pthread_exit here begins the destructors anew: the rest of the leases is given back then. */
    (void)platform_thread_end_set(record);
    give_all_back(record);
    (void)platform_thread_end_set(NULL);
    lease_slots_use(NULL);
    free_record(record);
    if (leaves)
        gc->thread_leave();
}

int thread_start(const thread_client *client)
{
    if (threads.started)
        return 0; /* nor written again: a thread of the last start may still be ending */
    threads.client = client;
    int error = platform_thread_end_register(at_thread_end);
    threads.started = error == 0;
    return error;
}

/* ---- regions and aborts ------------------------------------------------------------------------------------------ */

bool thread_is_constrained(void)
{
    const thread_record *here = thread_here();
    return here != NULL && here->regions.depth > 0;
}

static thread_record *find_record(int64_t thread_id)
{
    for (list_node *link = threads.records.next; link != &threads.records; link = link->next) {
        thread_record *record = LIST_OWNER(link, thread_record, link);
        if (record->thread_id == thread_id)
            return record;
    }
    return NULL;
}

sh_status thread_ask_abort(int64_t thread_id)
{
    platform_mutex_lock(&threads.mutex); /* a record on the list is there */
    thread_record *record = find_record(thread_id);
    sh_status status = record == NULL ? SH_E_ARGUMENT : record->ours ? SH_E_UNSUPPORTED : SH_OK;
    if (status == SH_OK)
        /* Release: who takes the abort sees why it was asked for. */
        atomic_word_store_release(&record->abort_asked, 1);
    platform_mutex_unlock(&threads.mutex);
    return status;
}

bool thread_take_abort(thread_record *record)
{
    /* The load alone is what an unasked thread pays. Full, of which the acquire is needed: see thread_ask_abort. An ask
     * between the two is part of this abort. */
    return atomic_word_load(&record->abort_asked) != 0 && atomic_word_swap_if(&record->abort_asked, 1, 0);
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

void thread_fork_before(void)
{
    platform_mutex_lock(&threads.mutex);
}

void thread_fork_in_parent(void)
{
    platform_mutex_unlock(&threads.mutex);
}

void thread_fork_in_child(void)
{
    thread_record *here = thread_here();
    if (here != NULL)
        list_remove(&here->link);
    list_splice(&threads.orphans, &threads.records);
    if (here != NULL) {
        here->thread_id = platform_thread_id();
        list_append(&threads.records, &here->link);
    }
    platform_mutex_unlock(&threads.mutex);
}

void thread_bury_orphans(void)
{
    for (;;) {
        platform_mutex_lock(&threads.mutex);
        list_node *link = list_take_first(&threads.orphans);
        platform_mutex_unlock(&threads.mutex);
        if (link == NULL)
            return;
        bury(LIST_OWNER(link, thread_record, link));
    }
}
