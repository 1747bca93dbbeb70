/* SPDX-License-Identifier: MIT */
/*
 * Calls that block: collections go on without them and do not interrupt them, and a close wakes them. What a collector
 * that stops its threads by signals does to a blocked read otherwise, and to the number it is blocked on, is what the
 * library was made for. The argument `manual`: the host.
 */
#include "handle/lessee_test.h"
#include <semaphore.h>

enum { COLLECTIONS = 200 };

#define FUNCTION(name) ((void (*)(void))(name))

static sh_call_descriptor *reading;
static atomic_word interruptions, reader_thread;

/* As read, and tells of each EINTR. */
static ssize_t read_once(int number, void *bytes, size_t size_bytes)
{
    atomic_word_store_release(&reader_thread, (word_t)platform_thread_id());
    ssize_t got = read(number, bytes, size_bytes);
    if (got < 0 && errno == EINTR)
        (void)atomic_word_add(&interruptions, 1);
    return got;
}

/* Invariant: h is set before the thread starts, the rest belongs to it until it is joined. */
typedef struct reader {
    sh_handle *h;
    pthread_t thread;
    sh_status status;
    int error;
    char byte;
} reader;

static void *read_a_byte(void *argument)
{
    reader *self = argument;
    sh_value v[] = {{.handle = self->h}, {.pointer = &self->byte}, {.u = 1}}, returned;
    self->status = sh_call_make(reading, FUNCTION(read_once), v, NULL, &returned, NULL);
    self->error = errno;
    return NULL;
}

static void start_reader(reader *self)
{
    atomic_word_store(&reader_thread, 0);
    CHECK(pthread_create(&self->thread, NULL, read_a_byte, self) == 0);
    while (atomic_word_load_acquire(&reader_thread) == 0)
        sched_yield();
    user shown = {.h = self->h};
    atomic_word_store(&shown.thread_id, atomic_word_load(&reader_thread));
    wait_until_blocked(&shown);
}

static sh_handle *wrap_pipe(int number)
{
    sh_handle *h = NULL;
    CHECK(sh_wrap(&sh_kind_pipe, number, NULL, &h) == SH_OK);
    return h;
}

/* A stranger's pipe with a byte in it, that a read must not find which went astray. */
static void make_stranger(ends *out_stranger)
{
    *out_stranger = pipe_to_read();
    CHECK(write(out_stranger->peer, "s", 1) == 1);
}

static void close_stranger(const ends *stranger)
{
    CHECK(close(stranger->number) == 0);
    close_others(stranger);
}

static void collections_do_not_reach_a_blocked_read(void)
{
    ends of = pipe_to_read();
    reader self = {.h = wrap_pipe(of.number)};
    start_reader(&self);
    for (int i = 0; i < COLLECTIONS; i++) {
        ends stranger;
        make_stranger(&stranger);
        sh_handle *passing = wrap_pipe(stranger.number);
        sh_collect();
        CHECK(sh_close(passing) == SH_OK);
        close_others(&stranger);
        make_stranger(&stranger);
        close_stranger(&stranger);
    }
    CHECK(write(of.peer, "r", 1) == 1);
    (void)pthread_join(self.thread, NULL);
    CHECK(self.status == SH_OK && self.byte == 'r');
    CHECK(atomic_word_load(&interruptions) == 0);
    CHECK(sh_close(self.h) == SH_OK);
    close_others(&of);
}

static void a_close_wakes_a_blocked_call(void)
{
    for (int i = 0; i < 20; i++) {
        ends of = pipe_to_read();
        reader self = {.h = wrap_pipe(of.number)};
        start_reader(&self);
        CHECK(sh_close_wait(self.h, LONG_MS) == SH_OK);
        (void)pthread_join(self.thread, NULL);
        CHECK(self.status == SH_E_SYSTEM && (self.error == EINTR || self.error == EBADF));
        close_others(&of);
    }
}

/* Nothing comes out of it, so it may be cancelled: what it leases comes back with the thread's end. */
static void a_cancelled_call_gives_its_lease_back(void)
{
    ends of = pipe_to_read();
    reader self = {.h = wrap_pipe(of.number)};
    start_reader(&self);
    CHECK(pthread_cancel(self.thread) == 0);
    void *ended = NULL;
    CHECK(pthread_join(self.thread, &ended) == 0 && ended == PTHREAD_CANCELED);
    sh_collect();
    size_t leases = 1, references = 1;
    CHECK(sh_holders(self.h, NULL, 0, &leases, &references) == SH_OK && leases + references == 0);
    CHECK(sh_close(self.h) == SH_OK);
    close_others(&of);
}

/* ---- outside ----------------------------------------------------------------------------------------------------- */

static sem_t is_outside, may_come_back;

/* A thread that the collector had to stop would have to answer its signal. */
static void wait_deaf(void *unused)
{
    (void)unused;
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    (void)sem_post(&is_outside);
    while (sem_wait(&may_come_back) != 0)
        continue;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void *stay_outside(void *unused)
{
    sh_run_blocking(wait_deaf, unused);
    /* It is one of the collector's again. */
    sh_handle *h = NULL;
    CHECK(sh_create(&sh_kind_fd, NULL, &h) == SH_OK);
    sh_collect();
    CHECK(sh_close(h) == SH_OK);
    return unused;
}

static void a_collection_does_not_wait_for_who_is_outside(void)
{
    pthread_t thread;
    CHECK(sem_init(&is_outside, 0, 0) == 0 && sem_init(&may_come_back, 0, 0) == 0);
    CHECK(pthread_create(&thread, NULL, stay_outside, NULL) == 0);
    while (sem_wait(&is_outside) != 0)
        continue;
    (void)alarm(60); /* it would wait for ever */
    for (int i = 0; i < 3; i++)
        sh_collect();
    (void)alarm(0);
    CHECK(sem_post(&may_come_back) == 0);
    (void)pthread_join(thread, NULL);
}

int main(int argument_count, char **arguments)
{
    if (!start_library(argument_count, arguments))
        return 2;
    CHECK(sh_call_parse("isize read(pipe in, bytes out[n, return], usize n) fails negative blocking errno", NULL, 0,
                        NULL, &reading, NULL) == SH_OK);
    TAP_RUN(collections_do_not_reach_a_blocked_read);
    TAP_RUN(a_close_wakes_a_blocked_call);
#ifdef __SANITIZE_ADDRESS__
    tap_skip("a_cancelled_call_gives_its_lease_back", "AddressSanitizer does not see how a cancelled stack is left");
#else
    TAP_RUN(a_cancelled_call_gives_its_lease_back);
#endif
    TAP_RUN(a_collection_does_not_wait_for_who_is_outside);
    sh_call_descriptor_free(reading);
    return tap_end();
}
