/* SPDX-License-Identifier: MIT */
#include "tearing.h"
#include "base/checkpoint.h"
#include <pthread.h>
#include <stdatomic.h>

static _Thread_local struct {
    bool armed;
    bool in_other; /* in a callback that is no opening */
    tearing_how how;
    int nth;
    int moments;
} tearing;

static atomic_bool library_thread_armed;
static _Thread_local bool is_program_thread;

static bool is_held_back(void)
{
    int before, unused;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    (void)pthread_setcancelstate(before, &unused);
    return before == PTHREAD_CANCEL_DISABLE;
}

static bool is_a_moment(bool in_callback)
{
    switch (tearing.how) {
    case TEAR_BY_CANCEL:
        return true;
    case TEAR_ASYNCHRONOUSLY:
        return is_held_back() && !tearing.in_other;
    default:
        return in_callback;
    }
}

static void reach(bool in_callback)
{
    if (!tearing.armed || !is_a_moment(in_callback) || ++tearing.moments != tearing.nth)
        return;
    if (tearing.how == TEAR_BY_EXIT)
        pthread_exit(PTHREAD_CANCELED);
    (void)pthread_cancel(pthread_self());
}

/* Makes nothing fail. */
static bool reach_checkpoint(const char *name)
{
    (void)name;
    reach(false);
    return false;
}

void tearing_start(void)
{
    checkpoint_set_hook(reach_checkpoint);
}

void tearing_arm(tearing_how how, int nth)
{
    is_program_thread = true;
    tearing.how = how;
    tearing.nth = nth;
    tearing.moments = 0;
    tearing.armed = true;
    if (how == TEAR_BY_CANCEL && nth == 0)
        (void)pthread_cancel(pthread_self());
    if (how == TEAR_ASYNCHRONOUSLY)
        (void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &(int){0});
}

int tearing_disarm(void)
{
    tearing.armed = false;
    return tearing.moments;
}

void tearing_arm_library_thread(void)
{
    is_program_thread = true;
    atomic_store(&library_thread_armed, true);
}

bool tearing_disarm_library_thread(void)
{
    return atomic_exchange(&library_thread_armed, false);
}

void tearing_callback(tearing_place place)
{
    if (!is_program_thread && atomic_exchange(&library_thread_armed, false))
        pthread_exit(NULL);
    tearing.in_other = place == TEAR_IN_OTHER;
    reach(true);
    pthread_testcancel(); /* a cancellation is held back here, so it does nothing */
    tearing.in_other = false;
}
