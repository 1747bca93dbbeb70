/* SPDX-License-Identifier: MIT */
/*
 * Fork while our worker empties the collector's finalizer queue: an object that it has taken, and not handed over yet,
 * is lost to the child, which must not wait for it. The queue is held up by a finalizer that somebody else registered
 * with the collector, since those run there.
 */
#include "base/checkpoint.h"
#include "gc/gc_host.h"
#include "testing/tap.h"
#define GC_THREADS
#include <gc/gc.h>
#include <pthread.h>
#include <safehandle.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OBJECTS = 100, OBJECT_SIZE_BYTES = 64, CHILD_SECONDS = 30, SOON_MS = 1000, DEPTH_SIZE_BYTES = 16 * 1024 };
enum { RECORD_SIZE_BYTES = sizeof(gc_finalizer), ROUNDS = 3 };

/* Of one collection. Invariant: the first of its objects to come out of the queue waits for both barriers. */
typedef struct generation {
    atomic_word taken;
    pthread_barrier_t reached;
    pthread_barrier_t let_go;
} generation;

static void hold_the_queue_up(void *object, void *data)
{
    (void)object;
    generation *mine = data;
    if (atomic_word_add(&mine->taken, 1) > 0)
        return;
    (void)pthread_barrier_wait(&mine->reached);
    (void)pthread_barrier_wait(&mine->let_go);
}

static void do_nothing(void *object, void *data)
{
    (void)object;
    (void)data;
}

/* Deep in the stack, so that no stale word keeps all of them. */
__attribute__((noinline)) static void make_dead_objects(generation *of)
{
    volatile unsigned char depth[DEPTH_SIZE_BYTES];
    depth[0] = 0;
    for (int i = 0; i < OBJECTS; i++) {
        void *object = GC_MALLOC(OBJECT_SIZE_BYTES);
        GC_register_finalizer_no_order(object, hold_the_queue_up, of, NULL, NULL);
        CHECK(sh_finalizer_register(object, do_nothing, NULL) == SH_OK);
    }
    depth[1] = depth[0];
}

static void collect_generation(generation *of)
{
    (void)pthread_barrier_init(&of->reached, NULL, 2);
    (void)pthread_barrier_init(&of->let_go, NULL, 2);
    make_dead_objects(of);
    sh_collect();
}

static void wait_in_child(void)
{
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(CHILD_SECONDS);
        _exit(sh_wait_for_pending_finalizers(SOON_MS) == SH_OK ? 0 : 1);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

/* The second generation is counted while the batch of the first is closed, and so belongs to the one that is open. */
static void a_child_does_not_wait_for_what_was_being_handed_over(void)
{
    static generation first, second;
    collect_generation(&first);
    (void)pthread_barrier_wait(&first.reached);
    collect_generation(&second);
    (void)pthread_barrier_wait(&first.let_go);
    (void)pthread_barrier_wait(&second.reached);
    wait_in_child();
    (void)pthread_barrier_wait(&second.let_go);
    CHECK(sh_wait_for_pending_finalizers(-1) == SH_OK);
}

/* ---- fork beside an unload that is about to take a finalizer off the collector ----------------------------------- */

static pthread_barrier_t condemning, go_on;
static pthread_t unloader;

static bool stop_the_unload(const char *name)
{
    if (strcmp(name, "finalizer.condemn") == 0 && pthread_equal(pthread_self(), unloader)) {
        (void)pthread_barrier_wait(&condemning);
        (void)pthread_barrier_wait(&go_on);
    }
    return false;
}

static void *unload(void *domain)
{
    unloader = pthread_self();
    checkpoint_set_hook(stop_the_unload);
    CHECK(sh_domain_unload(domain, -1, NULL) == SH_OK);
    return NULL;
}

static void **make_object(sh_domain *domain)
{
    void **only = GC_MALLOC_UNCOLLECTABLE(sizeof *only);
    *only = GC_MALLOC(OBJECT_SIZE_BYTES);
    CHECK(sh_domain_enter(domain) == SH_OK);
    CHECK(sh_finalizer_register(*only, do_nothing, NULL) == SH_OK);
    CHECK(sh_domain_leave(domain) == SH_OK);
    return only;
}

/* What the unload had in its hands is given up here. Its memory must not become anybody else's: the collector leads to
 * it still, and would hand it over when the object dies. */
static int outlive_the_unload(void **only)
{
    (void)alarm(CHILD_SECONDS);
    static generation passing = {.taken = {1}}; /* nobody waits */
    for (int i = 0; i < ROUNDS; i++) {
        make_dead_objects(&passing); /* so that there is something to wait for */
        sh_collect();
        if (sh_wait_for_pending_finalizers(SOON_MS) != SH_OK)
            return 1;
    }
    for (int i = 0; i < OBJECTS; i++)
        (void)GC_MALLOC_UNCOLLECTABLE(RECORD_SIZE_BYTES); /* zeroed */
    GC_finalization_proc run = 0;
    void *record = NULL;
    GC_register_finalizer_no_order(*only, 0, NULL, &run, &record);
    return run == 0 || ((const gc_finalizer *)record)->run == do_nothing ? 0 : 1;
}

static void a_child_keeps_what_was_being_condemned(void)
{
    static generation held;
    sh_domain *domain = NULL;
    CHECK(sh_domain_create("unloaded", &domain) == SH_OK);
    void **only = make_object(domain);
    pthread_t thread;
    (void)pthread_barrier_init(&condemning, NULL, 2);
    (void)pthread_barrier_init(&go_on, NULL, 2);
    CHECK(pthread_create(&thread, NULL, unload, domain) == 0);
    (void)pthread_barrier_wait(&condemning);
    collect_generation(&held);
    (void)pthread_barrier_wait(&held.reached);
    pid_t child = fork();
    if (child == 0)
        _exit(outlive_the_unload(only));
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    (void)pthread_barrier_wait(&held.let_go);
    (void)pthread_barrier_wait(&go_on);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(sh_domain_destroy(domain) == SH_OK);
}

int main(void)
{
    if (sh_init(NULL) != SH_OK)
        return 2;
    TAP_RUN(a_child_does_not_wait_for_what_was_being_handed_over);
    TAP_RUN(a_child_keeps_what_was_being_condemned);
    return tap_end();
}
