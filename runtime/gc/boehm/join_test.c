/* SPDX-License-Identifier: MIT */
/*
 * Joining a collector that is already running. The host here keeps its settings in its own hands: it drains its
 * finalizer queue when it likes, listens to collections, and has a notifier. None of that may change.
 */
#include "base/atomic.h"
#include "testing/tap.h"
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include <gc/gc.h>
#include <pthread.h>
#include <safehandle.h>
#include <string.h>
#include <unistd.h>

enum { COUNT = 200, NEARLY_ALL = COUNT - COUNT / 10, DEADLINE_MS = 1500, A_WHILE_US = 50000 };

/* ---- the host ---------------------------------------------------------------------------------------------------- */

static size_t host_heard, host_notified;

static void GC_CALLBACK host_listens(GC_EventType event)
{
    (void)event;
    host_heard++;
}

static void GC_CALLBACK host_is_notified(void)
{
    host_notified++;
}

static void start_host(void)
{
    GC_set_all_interior_pointers(0); /* as Guile, ECL and Neko do */
    GC_set_finalize_on_demand(1);
    GC_set_finalizer_notifier(host_is_notified);
    GC_INIT();
    GC_set_java_finalization(1);
    GC_set_on_collection_event(host_listens);
}

static void settings_are_the_hosts(void)
{
    CHECK(GC_get_all_interior_pointers() == 0);
    CHECK(GC_get_finalize_on_demand() == 1);
    CHECK(GC_get_finalizer_notifier() == host_is_notified);
    CHECK(GC_get_java_finalization() == 1);
    CHECK(GC_get_no_dls() == 0);
    size_t before = host_heard;
    GC_gcollect();
    CHECK(host_heard > before);
}

/* ---- things that die --------------------------------------------------------------------------------------------- */

static atomic_word released, finalized, overdue, finalized_before_release;

static int release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    if (atomic_word_add(&released, 1) == 0)
        atomic_word_store(&finalized_before_release, atomic_word_load(&finalized));
    return 0;
}

static const sh_kind kind = {.name = "thing", .invalid_value = 0, .is_invalid = sh_invalid_zero, .release = release};

static void finalize(void *object, void *data)
{
    (void)object;
    (void)data;
    (void)atomic_word_add(&finalized, 1);
}

static void sink(const sh_event *event, void *data)
{
    (void)data;
    if (event->type == SH_EVENT_FINALIZER_OVERDUE)
        (void)atomic_word_add(&overdue, 1);
}

typedef struct owner {
    sh_handle *h;
} owner;

__attribute__((noinline)) static void make(size_t count, bool with_finalizer)
{
    for (size_t i = 0; i < count; i++) {
        owner *o = GC_MALLOC(sizeof *o);
        CHECK(sh_wrap(&kind, (sh_raw)i + 1, NULL, &o->h) == SH_OK);
        if (with_finalizer)
            CHECK(sh_finalizer_register(o, finalize, NULL) == SH_OK);
    }
}

__attribute__((noinline)) static void scrub(void)
{
    volatile char room[64 * 1024];
    memset((void *)(uintptr_t)room, 0, sizeof room);
}

static void drop(bool with_finalizer)
{
    atomic_word_store(&released, 0);
    atomic_word_store(&finalized, 0);
    GC_disable();
    make(COUNT, with_finalizer);
    scrub();
    GC_enable();
    GC_gcollect();
}

static void wait_released(void)
{
    for (int i = 0; i < 5000 && atomic_word_load(&released) < NEARLY_ALL; i++)
        (void)usleep(1000);
}

/* ---- cases ------------------------------------------------------------------------------------------------------- */

static void handles_are_released_without_the_hosts_help(void)
{
    drop(false);
    wait_released();
    CHECK(atomic_word_load(&released) >= NEARLY_ALL);
}

/* The host hands dead objects over when it likes; an empty queue of ours proves nothing until then. */
static void handles_wait_for_finalizers_that_the_host_has_not_handed_over(void)
{
    drop(true);
    (void)usleep(A_WHILE_US);
    CHECK(atomic_word_load(&released) == 0);
    CHECK(atomic_word_load(&finalized) == 0);
    CHECK(host_notified > 0);
    CHECK(GC_invoke_finalizers() >= NEARLY_ALL);
    wait_released();
    CHECK(atomic_word_load(&finalized_before_release) >= NEARLY_ALL);
    CHECK(atomic_word_load(&overdue) == 0);
}

/* A further collection marks what is in the host's queue: that is no reason to think that it is alive again. */
static void handles_wait_however_many_collections_come_before_the_hand_over(void)
{
    drop(true);
    GC_gcollect();
    (void)usleep(A_WHILE_US);
    GC_gcollect();
    (void)usleep(A_WHILE_US);
    CHECK(atomic_word_load(&released) == 0);
    CHECK(GC_invoke_finalizers() >= NEARLY_ALL);
    wait_released();
    CHECK(atomic_word_load(&finalized_before_release) >= NEARLY_ALL);
    CHECK(atomic_word_load(&overdue) == 0);
}

/* Whoever waits is told when it is over, also when the host hands over only after the wait has begun. */
static void *drain_later(void *unused)
{
    (void)usleep(A_WHILE_US);
    (void)GC_invoke_finalizers();
    return unused;
}

static void a_wait_ends_when_the_host_has_handed_over(void)
{
    drop(true);
    pthread_t host;
    (void)usleep(20000); /* the worker waits for the host by now */
    (void)GC_pthread_create(&host, NULL, drain_later, NULL);
    CHECK(sh_wait_for_pending_finalizers(5000) == SH_OK);
    CHECK(atomic_word_load(&finalized) >= NEARLY_ALL);
    CHECK(atomic_word_load(&released) >= NEARLY_ALL);
    (void)GC_pthread_join(host, NULL);
}

/* What the host had registered for an object itself runs where the host runs its finalizers. */
static atomic_word hosts_own_runs, hosts_own_elsewhere;

static void GC_CALLBACK hosts_own(void *object, void *thread)
{
    (void)object;
    (void)atomic_word_add(&hosts_own_runs, 1);
    if (!pthread_equal(pthread_self(), *(pthread_t *)thread))
        (void)atomic_word_add(&hosts_own_elsewhere, 1);
}

__attribute__((noinline)) static void make_with_hosts_own(pthread_t *thread)
{
    for (int i = 0; i < COUNT; i++) {
        void *object = GC_MALLOC(16);
        GC_register_finalizer_no_order(object, hosts_own, thread, NULL, NULL);
        CHECK(sh_finalizer_register(object, finalize, NULL) == SH_OK);
    }
}

static void the_hosts_own_finalizers_run_where_the_host_runs_them(void)
{
    static pthread_t here;
    here = pthread_self();
    atomic_word_store(&finalized, 0);
    make_with_hosts_own(&here);
    scrub();
    GC_gcollect();
    (void)GC_invoke_finalizers();
    CHECK(sh_wait_for_pending_finalizers(5000) == SH_OK);
    CHECK(atomic_word_load(&finalized) >= NEARLY_ALL);
    CHECK(atomic_word_load(&hosts_own_runs) >= NEARLY_ALL);
    CHECK(atomic_word_load(&hosts_own_elsewhere) == 0);
}

/* Our callback only enqueues: the host's thread runs none of our finalizers. */
static pthread_t host_thread;
static atomic_word ran_on_host_thread;

static void note_thread(void *object, void *data)
{
    finalize(object, data);
    if (pthread_equal(pthread_self(), host_thread))
        (void)atomic_word_add(&ran_on_host_thread, 1);
}

__attribute__((noinline)) static void make_noting(void)
{
    for (int i = 0; i < COUNT; i++)
        CHECK(sh_finalizer_register(GC_MALLOC(16), note_thread, NULL) == SH_OK);
}

static void our_finalizers_run_on_our_thread(void)
{
    host_thread = pthread_self();
    atomic_word_store(&finalized, 0);
    make_noting();
    scrub();
    GC_gcollect();
    (void)GC_invoke_finalizers();
    CHECK(sh_wait_for_pending_finalizers(5000) == SH_OK);
    CHECK(atomic_word_load(&finalized) >= NEARLY_ALL);
    CHECK(atomic_word_load(&ran_on_host_thread) == 0);
}

static void a_host_that_never_drains_delays_by_the_deadline_at_most(void)
{
    drop(true);
    wait_released();
    CHECK(atomic_word_load(&released) >= NEARLY_ALL);
    CHECK(sh_wait_for_pending_finalizers(5000) == SH_OK);
    CHECK(atomic_word_load(&overdue) == 1);
    (void)GC_invoke_finalizers();
    CHECK(sh_wait_for_pending_finalizers(5000) == SH_OK);
    CHECK(atomic_word_load(&finalized) >= NEARLY_ALL);
}

static void after_shutdown_the_callback_is_the_hosts_again(void)
{
    CHECK(sh_shutdown(5000) == SH_OK);
    CHECK(GC_get_on_collection_event() == host_listens);
    settings_are_the_hosts();
}

int main(void)
{
    start_host();
    sh_options options = {.collector = SH_COLLECTOR_BOEHM, .finalizer_deadline_ms = DEADLINE_MS};
    if (sh_init(&options) != SH_OK)
        return 2;
    sh_set_event_sink(sink, NULL);
    TAP_RUN(settings_are_the_hosts);
    TAP_RUN(handles_are_released_without_the_hosts_help);
    TAP_RUN(handles_wait_for_finalizers_that_the_host_has_not_handed_over);
    TAP_RUN(handles_wait_however_many_collections_come_before_the_hand_over);
    TAP_RUN(a_wait_ends_when_the_host_has_handed_over);
    TAP_RUN(the_hosts_own_finalizers_run_where_the_host_runs_them);
    TAP_RUN(our_finalizers_run_on_our_thread);
    TAP_RUN(a_host_that_never_drains_delays_by_the_deadline_at_most);
    TAP_RUN(settings_are_the_hosts);
    TAP_RUN(after_shutdown_the_callback_is_the_hosts_again);
    return tap_end();
}
