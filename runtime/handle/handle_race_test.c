/* SPDX-License-Identifier: MIT */
/*
 * Threads on shared handles, on the manual host, so that ThreadSanitizer sees everything: whatever they do, each handle
 * is released exactly once and under nobody, and no descriptor is ever somebody else's.
 */
#include "base/atomic.h"
#include "testing/tap.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <safehandle.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 4, SLOTS = 8, STEPS = 60000 };

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static void run_threads(void *(*run)(void *))
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_create(&threads[i], NULL, run, (void *)(i + 1));
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

/* ---- things of memory: a release under a user is a use after free ------------------------------------------------ */

/* What a raw value points to. Invariant: alive is 1 until its one release. */
typedef struct thing {
    long alive; /* not atomic on purpose */
} thing;

static atomic_word made, released;

static int release_thing(sh_raw raw, void *context)
{
    thing *t = (thing *)raw;
    (void)context;
    CHECK(t->alive == 1);
    t->alive = 0;
    free(t);
    (void)atomic_word_add(&released, 1);
    return 0;
}

static const sh_kind thing_kind = {
    .name = "thing", .invalid_value = 0, .is_invalid = sh_invalid_zero, .release = release_thing};

/* A place with a handle that may be used by everybody. The lock covers the pointer, not the handle. */
static struct {
    pthread_mutex_t lock;
    sh_handle *h;
    size_t users; /* threads that took the pointer; the host may only drop at 0 */
} slots[SLOTS];

static sh_handle *make_thing(bool in_two_steps)
{
    thing *t = malloc(sizeof *t);
    t->alive = 1;
    sh_handle *h = NULL;
    if (!in_two_steps) {
        CHECK(sh_wrap(&thing_kind, (sh_raw)t, NULL, &h) == SH_OK);
    } else {
        CHECK(sh_create(&thing_kind, NULL, &h) == SH_OK);
        CHECK(sh_set_handle(h, (sh_raw)t) == SH_OK);
    }
    (void)atomic_word_add(&made, 1);
    return h;
}

static sh_handle *enter_slot(size_t i, bool in_two_steps)
{
    (void)pthread_mutex_lock(&slots[i].lock);
    if (slots[i].h == NULL)
        slots[i].h = make_thing(in_two_steps);
    slots[i].users++;
    sh_handle *h = slots[i].h;
    (void)pthread_mutex_unlock(&slots[i].lock);
    return h;
}

/* The last one out may tell the host that the handle is dead, closed or not. */
static void leave_slot(size_t i, bool drop)
{
    (void)pthread_mutex_lock(&slots[i].lock);
    sh_handle *dead = NULL;
    if (--slots[i].users == 0 && drop) {
        dead = slots[i].h;
        slots[i].h = NULL;
    }
    (void)pthread_mutex_unlock(&slots[i].lock);
    if (dead != NULL)
        CHECK(sh_host_drop(dead) == SH_OK);
}

static void use_by_reference(sh_handle *h)
{
    bool success = false;
    (void)sh_dangerous_add_ref(h, &success);
    if (!success)
        return;
    CHECK(((const thing *)sh_dangerous_get_handle(h))->alive == 1);
    (void)sh_dangerous_release(h);
}

static void use_by_lease(sh_handle *h, bool detach)
{
    sh_lease lease;
    sh_raw raw;
    if (sh_lease_begin(&lease, h, &raw) != SH_OK)
        return;
    CHECK(((const thing *)raw)->alive == 1);
    if (!detach)
        sh_lease_end(&lease);
    else if (sh_lease_detach(&lease) == SH_OK)
        (void)sh_dangerous_release(h);
}

static void look_at(sh_handle *h)
{
    sh_holder holders[4];
    size_t leases, counted;
    CHECK(sh_holders(h, holders, 4, &leases, &counted) == SH_OK);
    bool was_released = sh_is_released(h);
    CHECK(!was_released || sh_is_closed(h));
}

static void *play_with_things(void *number)
{
    unsigned seed = (unsigned)(size_t)number;
    for (int step = 0; step < STEPS; step++) {
        size_t i = next(&seed) % SLOTS;
        sh_handle *h = enter_slot(i, next(&seed) % 2 == 0);
        unsigned what = next(&seed) % 32;
        if (what < 12)
            use_by_reference(h);
        else if (what < 26)
            use_by_lease(h, what == 25);
        else if (what < 28)
            look_at(h);
        else if (what < 30)
            (void)sh_close(h);
        else if (what == 30)
            CHECK(sh_close_wait(h, 1000) == SH_OK);
        leave_slot(i, next(&seed) % 4 == 0);
    }
    return NULL;
}

static void every_handle_is_released_once_and_under_nobody(void)
{
    run_threads(play_with_things);
    for (size_t i = 0; i < SLOTS; i++)
        if (slots[i].h != NULL)
            CHECK(sh_host_drop(slots[i].h) == SH_OK);
    CHECK(sh_wait_for_pending_finalizers(30000) == SH_OK);
    CHECK(atomic_word_load(&made) == atomic_word_load(&released));
    (void)printf("# %zu handles\n", (size_t)atomic_word_load(&made));
}

/* ---- descriptors beside a recycler: the inode tells whose file a number is --------------------------------------- */

enum { FILES = 4, FILE_STEPS = 8000 };

/* Invariant: under a lease on h, the descriptor's inode is inode. */
static struct {
    pthread_mutex_t lock;
    sh_handle *h;
    ino_t inode;
    size_t users;
} files[FILES];

static atomic_word checked, strangers;

static int open_memory_file(void *out_inode, sh_raw *out_raw)
{
    int number = memfd_create("tag", MFD_CLOEXEC);
    struct stat status;
    if (number < 0 || fstat(number, &status) != 0)
        return errno;
    *(ino_t *)out_inode = status.st_ino;
    *out_raw = number;
    return 0;
}

static void check_file(sh_handle *h, ino_t inode)
{
    sh_status status;
    SH_WITH_HANDLE (h, raw, status) {
        struct stat seen;
        bool same = fstat((int)raw, &seen) == 0 && seen.st_ino == inode;
        (void)atomic_word_add(&checked, 1);
        if (!same)
            (void)atomic_word_add(&strangers, 1);
    }
}

static void *play_with_files(void *number)
{
    unsigned seed = (unsigned)(size_t)number;
    for (int step = 0; step < FILE_STEPS; step++) {
        size_t i = next(&seed) % FILES;
        (void)pthread_mutex_lock(&files[i].lock);
        if (files[i].h == NULL)
            CHECK(sh_open_with(&sh_kind_file, open_memory_file, &files[i].inode, NULL, &files[i].h) == SH_OK);
        sh_handle *h = files[i].h;
        ino_t inode = files[i].inode;
        files[i].users++;
        (void)pthread_mutex_unlock(&files[i].lock);

        check_file(h, inode);
        if (next(&seed) % 4 == 0)
            (void)sh_close(h);

        (void)pthread_mutex_lock(&files[i].lock);
        bool dead = --files[i].users == 0 && sh_is_closed(h) && files[i].h == h;
        if (dead)
            files[i].h = NULL;
        (void)pthread_mutex_unlock(&files[i].lock);
        if (dead)
            CHECK(sh_host_drop(h) == SH_OK);
    }
    return NULL;
}

static void no_descriptor_is_ever_a_strangers(void)
{
    run_threads(play_with_files);
    CHECK(atomic_word_load(&checked) > FILE_STEPS);
    CHECK(atomic_word_load(&strangers) == 0);
    (void)printf("# %zu looks, %zu strangers\n", (size_t)atomic_word_load(&checked),
                 (size_t)atomic_word_load(&strangers));
}

/* ---- one number that everybody wraps ----------------------------------------------------------------------------- */

static int release_nothing(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    return 0;
}

static const sh_kind number_kind = {
    .name = "number", .invalid_value = -1, .release = release_nothing, .flags = SH_KIND_FD};

static atomic_word owned, refused;

/* Whoever is refused looks at an owner that may close and die meanwhile. */
static void *wrap_the_same_number(void *unused)
{
    for (int i = 0; i < 5000; i++) {
        sh_handle *h;
        sh_status status = sh_wrap(&number_kind, 1000, NULL, &h);
        CHECK(status == SH_OK || status == SH_E_OWNED);
        if (status == SH_OK) {
            CHECK(sh_close(h) == SH_OK);
            CHECK(sh_host_drop(h) == SH_OK);
        }
        (void)atomic_word_add(status == SH_OK ? &owned : &refused, 1);
    }
    return unused;
}

static void an_owner_may_die_while_others_look_at_it(void)
{
    run_threads(wrap_the_same_number);
    CHECK(atomic_word_load(&owned) > 0);
    (void)printf("# %zu owners, %zu refused\n", (size_t)atomic_word_load(&owned), (size_t)atomic_word_load(&refused));
}

/* ---- a value that is set while its handle is closed -------------------------------------------------------------- */

enum { SET_ROUNDS = 3000 };

static struct {
    sh_handle *h;
    pthread_barrier_t barrier;
} contested;

static void *set_it(void *unused)
{
    for (int round = 0; round < SET_ROUNDS; round++) {
        (void)pthread_barrier_wait(&contested.barrier);
        thing *t = malloc(sizeof *t);
        t->alive = 1;
        sh_status status = sh_set_handle(contested.h, (sh_raw)t);
        CHECK(status == SH_OK || status == SH_E_CLOSED);
        (void)pthread_barrier_wait(&contested.barrier);
    }
    return unused;
}

static void *close_it(void *unused)
{
    for (int round = 0; round < SET_ROUNDS; round++) {
        (void)pthread_barrier_wait(&contested.barrier);
        (void)sh_close(contested.h);
        (void)pthread_barrier_wait(&contested.barrier);
    }
    return unused;
}

static void set_against_close_leaves_nothing(void)
{
    (void)pthread_barrier_init(&contested.barrier, NULL, 3);
    word_t before = atomic_word_load(&released);
    pthread_t setter, closer;
    CHECK(sh_create(&thing_kind, NULL, &contested.h) == SH_OK);
    (void)pthread_create(&setter, NULL, set_it, NULL);
    (void)pthread_create(&closer, NULL, close_it, NULL);
    for (int round = 0; round < SET_ROUNDS; round++) {
        (void)pthread_barrier_wait(&contested.barrier);
        (void)pthread_barrier_wait(&contested.barrier);
        sh_handle *done = contested.h;
        (void)sh_close(done);
        CHECK(sh_host_drop(done) == SH_OK);
        if (round + 1 < SET_ROUNDS)
            CHECK(sh_create(&thing_kind, NULL, &contested.h) == SH_OK);
    }
    (void)pthread_join(setter, NULL);
    (void)pthread_join(closer, NULL);
    CHECK(atomic_word_load(&released) - before == SET_ROUNDS);
}

/* ---- normal finalizers against drops ----------------------------------------------------------------------------- */

static atomic_word finalized;

static void finalize(void *object, void *data)
{
    (void)data;
    (void)atomic_word_add(&finalized, 1);
    free(object);
}

static void *drop_objects(void *unused)
{
    for (int i = 0; i < 2000; i++) {
        void *object = malloc(8);
        CHECK(sh_finalizer_register(object, finalize, NULL) == SH_OK);
        if (i % 5 == 0) {
            sh_finalizer_suppress(object);
            free(object);
            (void)atomic_word_add(&finalized, 1);
            continue;
        }
        CHECK(sh_host_collection_begin() == SH_OK);
        CHECK(sh_host_drop(make_thing(i % 2 == 0)) == SH_OK);
        CHECK(sh_host_drop_object(object) == SH_OK);
        CHECK(sh_host_collection_end() == SH_OK);
    }
    return unused;
}

static void every_object_is_finalized_once(void)
{
    run_threads(drop_objects);
    CHECK(sh_wait_for_pending_finalizers(30000) == SH_OK);
    CHECK(atomic_word_load(&finalized) == (word_t)THREADS * 2000);
}

int main(void)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL};
    if (sh_init(&options) != SH_OK)
        return 2;
    for (size_t i = 0; i < SLOTS; i++)
        (void)pthread_mutex_init(&slots[i].lock, NULL);
    for (size_t i = 0; i < FILES; i++)
        (void)pthread_mutex_init(&files[i].lock, NULL);
    TAP_RUN(every_handle_is_released_once_and_under_nobody);
    TAP_RUN(no_descriptor_is_ever_a_strangers);
    TAP_RUN(an_owner_may_die_while_others_look_at_it);
    TAP_RUN(set_against_close_leaves_nothing);
    TAP_RUN(every_object_is_finalized_once);
    CHECK(sh_shutdown(10000) == SH_OK);
    return tap_end();
}
