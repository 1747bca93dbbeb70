/* SPDX-License-Identifier: MIT */
#include "thread/thread.h"
#include "gc/gc_host.h"
#include "platform/platform.h"
#include "thread/lifecycle.h"

lifecycle runtime_lifecycle;

/* Invariant: mutex covers the list; each record's own thread alone writes its leases. */
static struct {
    platform_mutex mutex;
    list_node records;
    list_node orphans; /* of threads that a fork left behind */
    bool started;
    const thread_client *client;
} threads = {.mutex = PLATFORM_MUTEX_INIT,
             .records = {&threads.records, &threads.records},
             .orphans = {&threads.orphans, &threads.orphans}};

/* Initial-exec, as all thread-local variables of the library: some words of the static TLS block, so that a dlopen of
 * the library always fits, no call finds it, and its first use on a thread needs no memory. */
static _Thread_local __attribute__((tls_model("initial-exec"))) thread_record *here;

/* ---- leases ------------------------------------------------------------------------------------------------------ */

static bool block_has_leases(const thread_lease_block *block)
{
    for (; block != NULL; block = block->next)
        if (block->taken != 0)
            return true;
    return false;
}

static thread_lease *take_from(thread_lease_block *block)
{
    if (block->taken == UINT32_MAX)
        return NULL;
    unsigned free_place = (unsigned)__builtin_ctz(~block->taken);
    block->taken |= UINT32_C(1) << free_place;
    return &block->leases[free_place];
}

static bool append_block(thread_lease_block *last)
{
    thread_lease_block *more = gc->scanned_allocate(sizeof *more);
    if (more == NULL)
        return false;
    platform_mutex_lock(&threads.mutex); /* readers walk the blocks */
    last->next = more;
    platform_mutex_unlock(&threads.mutex);
    return true;
}

thread_lease *thread_lease_take(thread_record *record)
{
    thread_lease_block *last = &record->block;
    for (;; last = last->next) {
        thread_lease *taken = take_from(last);
        if (taken != NULL)
            return taken;
        if (last->next == NULL)
            break;
    }
    return append_block(last) ? take_from(last->next) : NULL;
}

bool thread_leases_prepare(thread_record *record)
{
    size_t free_places = 0;
    for (thread_lease_block *block = &record->block;; block = block->next) {
        free_places += (size_t)__builtin_popcount(~block->taken);
        if (free_places >= record->regions.lease_count)
            return true;
        if (block->next == NULL && !append_block(block))
            return false;
    }
}

void thread_lease_publish(thread_lease *lease, void *handle, const sh_site *since)
{
    atomic_word_store(&lease->since, (word_t)since);
    /* Release: a reader that sees the handle sees the site. */
    atomic_word_store_release(&lease->handle, (word_t)handle);
}

void thread_lease_clear(thread_record *record, thread_lease *lease)
{
    /* Release: the reference is dropped after this, and a reader that still sees the handle only reports it. */
    atomic_word_store_release(&lease->handle, 0);
    for (thread_lease_block *block = record == NULL ? NULL : &record->block; block != NULL; block = block->next)
        if (lease >= block->leases && lease < block->leases + THREAD_LEASES)
            block->taken &= ~(UINT32_C(1) << (lease - block->leases));
}

static void visit_block(const thread_lease_block *block,
                        void (*visit)(thread_lease *lease, void *data) SH_RELIABILITY(will_not_corrupt_state, success),
                        void *data)
{
    for (; block != NULL; block = block->next)
        for (int i = 0; i < THREAD_LEASES; i++)
            if (atomic_word_load_acquire(&block->leases[i].handle) != 0)
                visit((thread_lease *)(uintptr_t)&block->leases[i], data);
}

typedef struct lease_query {
    const void *handle;
    int64_t thread_id;
    void (*visit)(int64_t thread_id, const sh_site *since, void *data) SH_RELIABILITY(will_not_corrupt_state, success);
    void *data;
    bool found;
} lease_query;

SH_RELIABILITY(will_not_corrupt_state, success)
static void match(thread_lease *lease, void *argument)
{
    lease_query *query = argument;
    if (atomic_word_load_acquire(&lease->handle) != (word_t)query->handle)
        return;
    query->found = true;
    if (query->visit != NULL)
        query->visit(query->thread_id, (const sh_site *)atomic_word_load(&lease->since), query->data);
}

bool thread_leases(const void *handle)
{
    lease_query query = {.handle = handle};
    if (here != NULL)
        visit_block(&here->block, match, &query);
    return query.found;
}

void thread_visit_leases(const void *handle,
                         void (*visit)(int64_t thread_id, const sh_site *since, void *data)
                             SH_RELIABILITY(will_not_corrupt_state, success),
                         void *data)
{
    lease_query query = {.handle = handle, .visit = visit, .data = data};
    platform_mutex_lock(&threads.mutex);
    for (list_node *link = threads.records.next; link != &threads.records; link = link->next) {
        const thread_record *record = LIST_OWNER(link, thread_record, link);
        query.thread_id = record->thread_id;
        visit_block(&record->block, match, &query);
    }
    platform_mutex_unlock(&threads.mutex);
}

/* ---- attach and detach ------------------------------------------------------------------------------------------- */

thread_record *thread_here(void)
{
    return here;
}

bool thread_is_ours(void)
{
    return here != NULL && here->ours;
}

static void free_record(thread_record *record)
{
    for (thread_lease_block *block = record->block.next; block != NULL;) {
        thread_lease_block *next = block->next;
        gc->scanned_free(block);
        block = next;
    }
    gc->scanned_free(record);
}

sh_status thread_attach(bool ours, thread_record **out_record)
{
    if (here != NULL) {
        *out_record = here;
        return SH_OK;
    }
    bool entered;
    sh_status status = gc->thread_enter(&entered);
    if (status != SH_OK)
        return status;
    thread_record *record = gc->scanned_allocate(sizeof *record);
    if (record == NULL || platform_thread_end_set(record) != 0) {
        if (record != NULL)
            gc->scanned_free(record);
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
    here = record;
    *out_record = record;
    return SH_OK;
}

SH_RELIABILITY(will_not_corrupt_state, success)
static void give_back_lease(thread_lease *lease, void *unused)
{
    (void)unused;
    void *handle = (void *)atomic_word_load(&lease->handle);
    atomic_word_store_release(&lease->handle, 0);
    threads.client->give_back(handle);
}

static void give_all_back(thread_record *record)
{
    platform_mutex_lock(&threads.mutex);
    list_remove(&record->link);
    platform_mutex_unlock(&threads.mutex);
    visit_block(&record->block, give_back_lease, NULL);
    while (record->domain_count > 0)
        threads.client->left(record->domains[--record->domain_count]);
    threads.client->end_regions(record);
}

static void bury(thread_record *record)
{
    give_all_back(record);
    free_record(record);
}

/* False: it could not, and stays for the thread's end, which would otherwise find a record that is gone. */
static bool forget_here(void)
{
    thread_record *record = here;
    bool entered = record->entered;
    if (platform_thread_end_set(NULL) != 0)
        return false;
    bury(record);
    here = NULL;
    if (entered)
        gc->thread_leave();
    return true;
}

sh_status thread_detach(void)
{
    if (thread_is_ours())
        return SH_E_UNSUPPORTED;
    if (here == NULL || here->regions.depth > 0 || block_has_leases(&here->block))
        return SH_E_ARGUMENT;
    return forget_here() ? SH_OK : SH_E_NOMEM;
}

void thread_end_ours(void)
{
    if (here != NULL)
        (void)forget_here();
}

/* Runs as the thread's last act. The program's destructors may still end leases and come in any order with this one, so
 * the first call only asks for another round. A collector that wraps thread creation may have forgotten the thread by
 * now; giving leases back can run a user's release, which may allocate, so the thread enters once more. */
static void at_thread_end(void *value)
{
    thread_record *record = value;
    here = record; /* thread-local storage may have been reset already */
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
    free_record(record);
    here = NULL;
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
