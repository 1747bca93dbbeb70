/* SPDX-License-Identifier: MIT */
#include "tearing.h"
#include "base/checkpoint.h"
#include "roll.h"
#include "stepping.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static _Thread_local struct {
    bool armed;
    bool in_other; /* in a callback that is no opening */
    tearing_how how;
    int nth;
    const char *at; /* only moments at this checkpoint count; NULL: all do */
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

/* NULL: a callback's. */
static bool is_where_it_was_told(const char *checkpoint_or_null)
{
    return tearing.at == NULL || (checkpoint_or_null != NULL && strcmp(checkpoint_or_null, tearing.at) == 0);
}

/* checkpoint_or_null: NULL in a callback. */
static void reach(const char *checkpoint_or_null)
{
    if (!tearing.armed || !is_a_moment(checkpoint_or_null == NULL) || !is_where_it_was_told(checkpoint_or_null) ||
        ++tearing.moments != tearing.nth)
        return;
    if (checkpoint_or_null != NULL && tearing.how == TEAR_BY_CANCEL)
        roll_mark(checkpoint_or_null);
    if (tearing.how == TEAR_BY_EXIT)
        pthread_exit(PTHREAD_CANCELED);
    (void)pthread_cancel(pthread_self());
}

/* Makes nothing fail. */
static bool reach_checkpoint(const char *name)
{
    stepping_reach(name);
    reach(name);
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
    tearing.at = NULL;
    tearing.moments = 0;
    tearing.armed = true;
    if (how == TEAR_BY_CANCEL && nth == 0)
        (void)pthread_cancel(pthread_self());
    if (how == TEAR_ASYNCHRONOUSLY)
        (void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &(int){0});
}

void tearing_arm_at(const char *checkpoint)
{
    tearing_arm(TEAR_BY_CANCEL, 1);
    tearing.at = checkpoint;
}

bool tearing_has_come(void)
{
    return tearing.moments >= tearing.nth;
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
    reach(NULL);
    pthread_testcancel(); /* a cancellation is held back here, so it does nothing */
    tearing.in_other = false;
}
