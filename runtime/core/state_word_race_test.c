/* SPDX-License-Identifier: MIT */
/*
 * Threads on one word: exactly one of them gets the claim, nobody is a user at that moment, and nobody enters after the
 * close was seen. Runs under ThreadSanitizer.
 */
#include "core/state_word.h"
#include "testing/tap.h"
#include <pthread.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 20000 };

/* Invariant of a round: claims <= 1; value is only written by the claimer and only read by users. */
static struct {
    state_word word;
    atomic_word users;
    atomic_word claims;
    long value; /* not atomic on purpose: the word alone has to order its uses */
    pthread_barrier_t barrier;
} shared;

static void release(void)
{
    CHECK(atomic_word_load(&shared.users) == 0);
    (void)atomic_word_add(&shared.claims, 1);
    shared.value = -1;
    state_word_finish(&shared.word, false);
}

static void use(unsigned seed)
{
    state_result entry = state_word_add_ref(&shared.word);
    if (entry.duty == STATE_RELEASE)
        release();
    if (entry.answer != STATE_DONE)
        return;
    (void)atomic_word_add(&shared.users, 1);
    CHECK(shared.value == 7);
    if (seed % 8 == 0)
        CHECK((state_word_read(&shared.word) & STATE_RELEASED) == 0);
    (void)atomic_word_add(&shared.users, (word_t)-1);
    if (state_word_drop_ref(&shared.word).duty == STATE_RELEASE)
        release();
}

static void end(unsigned seed)
{
    state_result ending =
        seed % 4 == 0 ? state_word_invalidate(&shared.word, 0) : state_word_begin_close(&shared.word, 0);
    if (ending.duty == STATE_RELEASE)
        release();
}

static void join(void)
{
    if (state_word_join(&shared.word) != STATE_DONE)
        return;
    CHECK((state_word_read(&shared.word) & STATE_RELEASED) == 0);
    if (state_word_drop_ref(&shared.word).duty == STATE_RELEASE)
        release();
}

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static void *play(void *number)
{
    unsigned seed = (unsigned)(size_t)number * 2654435761u + 1;
    for (int round = 0; round < ROUNDS; round++) {
        (void)pthread_barrier_wait(&shared.barrier);
        for (int step = 0; step < 4; step++) {
            use(next(&seed));
            if (next(&seed) % 3 == 0)
                end(next(&seed));
            join();
        }
        end(1);
        if (pthread_barrier_wait(&shared.barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
            CHECK(atomic_word_load(&shared.claims) == 1);
            CHECK(state_word_add_ref(&shared.word).answer == STATE_TOO_LATE);
            CHECK(state_count(state_word_read(&shared.word)) == 0);
            CHECK(state_word_is_valid(state_word_read(&shared.word)));
            state_word_init(&shared.word);
            atomic_word_store(&shared.claims, 0);
            shared.value = 7;
        }
    }
    return NULL;
}

static void one_claim_and_no_user_at_it(void)
{
    pthread_t threads[THREADS];
    shared.value = 7;
    (void)pthread_barrier_init(&shared.barrier, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_create(&threads[i], NULL, play, (void *)i);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

/* Publication orders the value: a user that sees HOLDS sees what was written before. */
static struct {
    state_word word;
    long value;
    atomic_word turn;
} published;

static void *look(void *unused)
{
    for (int round = 1; round <= ROUNDS; round++) {
        while (atomic_word_load_acquire(&published.turn) != (word_t)round)
            continue;
        while ((state_word_read(&published.word) & STATE_HOLDS) == 0)
            continue;
        CHECK(published.value == round);
        atomic_word_store_release(&published.turn, 0);
    }
    return unused;
}

static void a_published_value_is_complete(void)
{
    pthread_t looker;
    (void)pthread_create(&looker, NULL, look, NULL);
    for (int round = 1; round <= ROUNDS; round++) {
        state_word_init(&published.word);
        atomic_word_store_release(&published.turn, (word_t)round);
        published.value = round;
        CHECK(state_word_publish(&published.word) == STATE_DONE);
        while (atomic_word_load_acquire(&published.turn) != 0)
            continue;
    }
    (void)pthread_join(looker, NULL);
}

int main(void)
{
    TAP_RUN(one_claim_and_no_user_at_it);
    TAP_RUN(a_published_value_is_complete);
    return tap_end();
}
