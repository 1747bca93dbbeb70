/* SPDX-License-Identifier: MIT */
/*
 * Fork while our worker empties the collector's finalizer queue: an object that it has taken, and not handed over yet,
 * is lost to the child, which must not wait for it. The queue is held up by a finalizer that somebody else registered
 * with the collector, since those run there.
 */
#include "testing/tap.h"
#include <gc/gc.h>
#include <pthread.h>
#include <safehandle.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OBJECTS = 100, OBJECT_SIZE_BYTES = 64, CHILD_SECONDS = 30, SOON_MS = 1000, DEPTH_SIZE_BYTES = 16 * 1024 };

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

int main(void)
{
    if (sh_init(NULL) != SH_OK)
        return 2;
    TAP_RUN(a_child_does_not_wait_for_what_was_being_handed_over);
    return tap_end();
}
