/* SPDX-License-Identifier: MIT */
#include "stepping.h"
#include "../die.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

/* Once. at is NULL when nothing is to be done. */
static _Thread_local struct {
    const char *at;
    void (*run)(void *data);
    void *data;
} step;

static void step_at(const char *checkpoint, void (*run)(void *data), void *data)
{
    step.run = run;
    step.data = data;
    step.at = checkpoint;
}

void stepping_reach(const char *checkpoint)
{
    if (step.at == NULL || strcmp(step.at, checkpoint) != 0)
        return;
    step.at = NULL;
    step.run(step.data);
}

/* ---- a reference that somebody else takes back for a moment ------------------------------------------------------ */

typedef struct over_release {
    sh_handle *h;
    sh_status status;
    atomic_bool begun; /* the count is negative until it is over */
    atomic_bool met;
    atomic_bool over;
} over_release;

static void wait_for(atomic_bool *flag)
{
    while (!atomic_load(flag))
        (void)sched_yield(); /* no cancellation point, as sleeping is one */
}

static void be_met(void *data)
{
    over_release *mine = data;
    atomic_store(&mine->begun, true);
    wait_for(&mine->met);
}

static void meet(void *data)
{
    over_release *others = data;
    atomic_store(&others->met, true);
    wait_for(&others->over);
}

static void *release_too_often(void *data)
{
    over_release *mine = data;
    step_at("core.over-release", be_met, mine);
    mine->status = sh_dangerous_release(mine->h);
    atomic_store(&mine->over, true);
    return NULL;
}

static void join(pthread_t helper)
{
    int before, unused;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    (void)pthread_join(helper, NULL);
    (void)pthread_setcancelstate(before, &unused);
}

sh_status stepping_beside_over_release(sh_handle *h)
{
    over_release others = {.h = h};
    pthread_t helper;
    bool taken = false;
    int saved = errno;
    if (pthread_create(&helper, NULL, release_too_often, &others) != 0)
        die("a thread cannot be started");
    wait_for(&others.begun);
    errno = saved;
    step_at("core.negative", meet, &others);
    sh_status status = sh_dangerous_add_ref(h, &taken);
    saved = errno;
    join(helper);
    errno = saved;
    return others.status == SH_E_UNBALANCED ? status : others.status;
}

/* ---- a descriptor that gets another owner ------------------------------------------------------------------------ */

typedef struct new_owner {
    sh_handle *h;
    sh_raw number;
    sh_status status;
} new_owner;

static void take_number(void *data)
{
    new_owner *mine = data;
    mine->status = sh_set_handle(mine->h, mine->number);
}

sh_status stepping_beside_new_owner(sh_handle *late, sh_raw number, sh_handle *other)
{
    new_owner mine = {.h = other, .number = number, .status = SH_E_ARGUMENT};
    step_at("core.invalidate", take_number, &mine);
    sh_status status = sh_set_handle(late, number);
    return mine.status == SH_OK ? status : mine.status;
}
