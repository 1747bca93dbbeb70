/* SPDX-License-Identifier: MIT */
/* What counts, leases and closes do to one handle at the same time: the edges of its state word. */
#include "../../die.h"
#include "../world/approach.h"
#include "held.h"
#include "scenarios.h"
#include <errno.h>
#include <stdlib.h>

typedef struct scene {
    world *world;
    held a;
    held b;           /* what some scenarios have besides: a second handle */
    held values[2];   /* two numbers that are to be stored in the first */
    int wrong;        /* how many calls were told that they were one too many */
    bool handed_over; /* a counted reference waits for whoever gives it back */
} scene;

static scene *make_scene(void)
{
    scene *made = die_or_allocate(1, sizeof *made);
    made->world = world_make();
    return made;
}

static void *begin_with_handle(const char *unused)
{
    (void)unused;
    scene *made = make_scene();
    held_make(&made->a, made->world, &held_number, NULL);
    return made;
}

static void end_scene(void *data)
{
    scene *s = data;
    held_end(&s->a);
    held_end(&s->b);
    world_end(s->world);
    free(s);
}

/* ---- a reference too many ---------------------------------------------------------------------------------------- */
static void release_in_vain(scene *s)
{
    sh_stress_tell("gives a reference back that it never had");
    s->wrong += sh_dangerous_release(s->a.h) == SH_E_UNBALANCED;
}

static void give_back_too_much(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        release_in_vain(s);
    else if (index == 1)
        (void)held_lease(&s->a);
    else
        release_in_vain(s);
}

/* Whoever comes later is admitted as if nothing had happened. */
static void end_unbalanced(void *data)
{
    scene *s = data;
    if (s->wrong == 0)
        sh_stress_violation("nobody was told of a reference that there was not");
    if (!held_count(&s->a))
        sh_stress_violation("a reference too many was given back, and nobody is admitted any more");
    end_scene(s);
}

const sh_stress_scenario scenario_over_release = {
    .size_bytes = sizeof scenario_over_release,
    .name = "over-release",
    .retells = "document 003, DangerousRelease without a DangerousAddRef",
    .violation = "the count stays below zero, nobody is told, or the number is closed under a user",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = give_back_too_much,
    .end = end_unbalanced,
    .serial = true,
};

static void give_back_and_close(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        release_in_vain(s);
    else if (index == 1)
        (void)held_lease(&s->a);
    else
        held_close(&s->a);
}

const sh_stress_scenario scenario_over_release_and_close = {
    .size_bytes = sizeof scenario_over_release_and_close,
    .name = "over-release-and-close",
    .retells = "document 003, DangerousRelease without a DangerousAddRef, beside a close",
    .violation = "the close never releases, or under a user",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = give_back_and_close,
    .end = end_scene,
    .serial = true,
};

/* ---- counted users, the last of whom is refused ------------------------------------------------------------------ */
static void count_twice_and_close(void *data, size_t index)
{
    scene *s = data;
    if (index < 2)
        (void)held_count(&s->a);
    else
        held_close(&s->a);
}

const sh_stress_scenario scenario_refused_entrant = {
    .size_bytes = sizeof scenario_refused_entrant,
    .name = "refused-entrant",
    .retells = "the recycling attack of document 002, by a user who comes while the handle is being closed",
    .violation =
        "nobody releases, since the last one there was never admitted; or somebody is admitted after the close",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = count_twice_and_close,
    .end = end_scene,
    .serial = true,
};

/* ---- two who close ----------------------------------------------------------------------------------------------- */
static void close_twice(void *data, size_t index)
{
    scene *s = data;
    if (index < 2)
        held_close(&s->a);
    else
        (void)held_lease(&s->a);
}

const sh_stress_scenario scenario_two_closers = {
    .size_bytes = sizeof scenario_two_closers,
    .name = "two-closers",
    .retells = "document 003, Close from two threads at once",
    .violation = "two releases, none, or one under a user",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = close_twice,
    .end = end_scene,
    .serial = true,
};

static void wait_for_close(scene *s, sh_status wanted)
{
    sh_stress_tell("closes the handle, and waits");
    if (sh_close_wait(s->a.h, -1) != wanted || !sh_is_released(s->a.h))
        sh_stress_violation("a close that waits came back before the release, or with something else than its result");
}

static void wait_twice(void *data, size_t index)
{
    scene *s = data;
    if (index < 2)
        wait_for_close(s, SH_OK);
    else
        (void)held_lease(&s->a);
}

const sh_stress_scenario scenario_two_waiters = {
    .size_bytes = sizeof scenario_two_waiters,
    .name = "two-waiters",
    .retells = "golang/go#41505's rule, for everybody who waits",
    .violation = "one of two closes comes back while the number is open, or never",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = wait_twice,
    .end = end_scene,
    .serial = true,
};

/* ---- a release that fails ---------------------------------------------------------------------------------------- */
static void *begin_refused(const char *name)
{
    scene *made = begin_with_handle(name);
    made->a.error = EIO;
    return made;
}

static void close_and_fail(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        (void)held_lease(&s->a);
    else
        wait_for_close(s, SH_E_RELEASE);
}

static void end_refused(void *data)
{
    scene *s = data;
    if (s->a.releases != 1)
        sh_stress_violation("a release that failed was begun %d times", s->a.releases);
    end_scene(s);
}

const sh_stress_scenario scenario_failing_release = {
    .size_bytes = sizeof scenario_failing_release,
    .name = "failing-release",
    .retells = "document 003, ReleaseHandle that answers false",
    .violation = "somebody who waits is not told, or the release is tried again",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_refused,
    .thread = close_and_fail,
    .end = end_refused,
    .serial = true,
};

/* ---- a handle that is set as invalid ----------------------------------------------------------------------------- */
static void give_away(scene *s)
{
    sh_stress_tell("sets the handle as invalid: its number is somebody else's from now on");
    sh_set_handle_as_invalid(s->a.h);
}

static void give_away_under_users(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        (void)held_lease(&s->a);
    else if (index == 1)
        (void)held_count(&s->a);
    else
        give_away(s);
}

static void end_given_away(void *data)
{
    scene *s = data;
    if (s->a.releases != 0)
        sh_stress_violation("a handle that was set as invalid was released");
    else if (!sh_is_released(s->a.h))
        sh_stress_violation("a handle that was set as invalid is never over");
    if (s->a.releases == 0)
        world_close(s->world, s->a.number, s->a.file);
    end_scene(s);
}

const sh_stress_scenario scenario_invalid_under_users = {
    .size_bytes = sizeof scenario_invalid_under_users,
    .name = "invalid-under-users",
    .retells = "document 003, SetHandleAsInvalid while others use the handle",
    .violation = "it is released all the same, or never over",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = give_away_under_users,
    .end = end_given_away,
    .serial = true,
};

static void give_away_and_close(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        (void)held_lease(&s->a);
    else if (index == 1)
        held_close(&s->a);
    else
        give_away(s);
}

/* Either came first; where it was the close, there is nothing to give away. */
static void end_one_way(void *data)
{
    scene *s = data;
    if (!sh_is_released(s->a.h))
        sh_stress_violation("a handle that was closed and set as invalid is never over");
    if (s->a.releases == 0)
        world_close(s->world, s->a.number, s->a.file);
    end_scene(s);
}

const sh_stress_scenario scenario_invalid_beside_close = {
    .size_bytes = sizeof scenario_invalid_beside_close,
    .name = "invalid-beside-close",
    .retells = "document 003, SetHandleAsInvalid beside a Close",
    .violation = "the number is closed under a user, twice, or never",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = give_away_and_close,
    .end = end_one_way,
    .serial = true,
};

/* ---- a handle that gets its value -------------------------------------------------------------------------------- */
static void *begin_unset(const char *unused)
{
    (void)unused;
    scene *made = make_scene();
    held_prepare(&made->a, made->world, &held_number);
    return made;
}

static void publish_and_close(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        (void)sh_set_handle(s->a.h, s->a.number); /* SH_E_CLOSED: it is released by then */
    else if (index == 1)
        (void)sh_close(s->a.h); /* SH_OK also where there is nothing to release yet */
    else
        (void)held_lease(&s->a);
}

static void end_published(void *data)
{
    scene *s = data;
    if (s->a.releases != 1)
        sh_stress_violation("a number that came beside the close was released %d times", s->a.releases);
    end_scene(s);
}

const sh_stress_scenario scenario_publish_beside_close = {
    .size_bytes = sizeof scenario_publish_beside_close,
    .name = "publish-beside-close",
    .retells = "document 003, a P/Invoke that returns a handle which was closed meanwhile",
    .violation = "the number leaks, or is closed twice",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_unset,
    .thread = publish_and_close,
    .end = end_published,
    .serial = true,
};

static void *begin_with_two_values(const char *name)
{
    scene *made = begin_unset(name);
    made->values[0] = made->a;
    made->values[1].number = world_open(made->world, &made->values[1].file);
    return made;
}

/* What is refused is still the caller's. */
static void publish(scene *s, const held *value)
{
    sh_status status = sh_set_handle(s->a.h, value->number);
    if (status == SH_E_ARGUMENT) {
        s->wrong++;
        world_close(s->world, value->number, value->file);
    } else if (status == SH_OK) {
        s->a.file = value->file;
    }
}

static void publish_two(void *data, size_t index)
{
    scene *s = data;
    publish(s, &s->values[index]);
}

static void end_published_once(void *data)
{
    scene *s = data;
    if (s->wrong != 1)
        sh_stress_violation("of two values %d were refused", s->wrong);
    end_scene(s);
}

const sh_stress_scenario scenario_two_values = {
    .size_bytes = sizeof scenario_two_values,
    .name = "two-values",
    .retells = "document 003, SetHandle from two threads at once",
    .violation = "both values are taken, and one is never released",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_with_two_values,
    .thread = publish_two,
    .end = end_published_once,
    .serial = true,
};

/* ---- leases in leases -------------------------------------------------------------------------------------------- */
static void lease_three(scene *s)
{
    sh_lease leases[3];
    sh_raw raw;
    int count = 0;
    while (count < 3 && sh_lease_begin(&leases[count], s->a.h, &raw) == SH_OK)
        count++;
    for (int i = 0; i < count; i++) {
        world_use(s->world, (int)raw, s->a.file); /* the last one alone protects it at the end */
        sh_lease_end(&leases[i]);
    }
}

static void nest(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        lease_three(s);
    else
        held_close(&s->a);
}

const sh_stress_scenario scenario_nested_leases = {
    .size_bytes = sizeof scenario_nested_leases,
    .name = "nested-leases",
    .retells = "a call that makes another call with the same handle, and a close in between",
    .violation = "the number is closed under the lease that is left",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_with_handle,
    .thread = nest,
    .end = end_scene,
    .serial = true,
};

/* ---- a lease that becomes a reference, which another thread gives back ------------------------------------------- */
static void hand_over(scene *s)
{
    sh_lease lease;
    sh_raw raw;
    if (sh_lease_begin(&lease, s->a.h, &raw) != SH_OK)
        return;
    if (sh_lease_detach(&lease) != SH_OK) {
        sh_stress_violation("a lease that holds its handle could not be detached");
        return;
    }
    s->handed_over = true;
}

static void finish_call(scene *s)
{
    if (!s->handed_over)
        return;
    s->handed_over = false;
    world_use(s->world, s->a.number, s->a.file);
    (void)sh_dangerous_release(s->a.h); /* its status is the release's, if that falls to it */
}

static void begin_and_finish_elsewhere(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        hand_over(s);
    else if (index == 1)
        finish_call(s);
    else
        held_close(&s->a);
}

static void end_handed_over(void *data)
{
    finish_call(data);
    end_scene(data);
}

const sh_stress_scenario scenario_call_finished_elsewhere = {
    .size_bytes = sizeof scenario_call_finished_elsewhere,
    .name = "call-finished-elsewhere",
    .retells = "a callback that finishes on another thread what the first one began",
    .violation = "the number is closed under the call, or never",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = begin_and_finish_elsewhere,
    .end = end_handed_over,
    .serial = true,
};

/* ---- a thread that the library forgets --------------------------------------------------------------------------- */
static void lease_and_leave(void *data, size_t index)
{
    scene *s = data;
    if (index == 0) {
        held_attach();
        (void)held_lease(&s->a);
        if (sh_thread_detach() != SH_OK)
            sh_stress_violation("a thread that holds nothing could not be forgotten");
    } else if (index == 1) {
        (void)held_lease(&s->a);
    } else {
        held_close(&s->a);
    }
}

const sh_stress_scenario scenario_thread_leaves = {
    .size_bytes = sizeof scenario_thread_leaves,
    .name = "thread-leaves",
    .retells = "a thread that ends while a closer looks through everybody's leases",
    .violation = "the closer misses another thread's lease, or never releases",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = lease_and_leave,
    .end = end_scene,
    .serial = true,
};

/* ---- a duplicate ------------------------------------------------------------------------------------------------- */
static void duplicate_and_end(scene *s)
{
    sh_handle *copy;
    if (held_duplicate(&s->a, &copy) != SH_OK)
        return;
    sh_stress_tell("has a duplicate, and closes it");
    held_end_handle(copy);
}

static void duplicate_beside_close(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        duplicate_and_end(s);
    else if (index == 1)
        held_close(&s->a);
    else
        world_open_strange(s->world);
}

const sh_stress_scenario scenario_duplicate_beside_close = {
    .size_bytes = sizeof scenario_duplicate_beside_close,
    .name = "duplicate-beside-close",
    .retells = "document 000: each duplicate is one more obligation to close",
    .violation = "a stranger is duplicated, or one of the two numbers is closed twice or never",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_with_handle,
    .thread = duplicate_beside_close,
    .end = end_scene,
    .serial = true,
};

/* ---- somebody who only looks ------------------------------------------------------------------------------------- */
static void *begin_borrowed(const char *name)
{
    scene *made = begin_with_handle(name);
    made->b = made->a;
    sh_create_options options = {.context = &made->b, .not_owned = true};
    if (sh_wrap(&held_number, made->a.number, &options, &made->b.h) != SH_OK)
        die("a handle could not be made");
    return made;
}

static void close_both(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        (void)held_lease(&s->a);
    else if (index == 1)
        held_close(&s->a);
    else
        held_close(&s->b);
}

const sh_stress_scenario scenario_not_owned = {
    .size_bytes = sizeof scenario_not_owned,
    .name = "not-owned",
    .retells = "document 002: a handle that does not own its number can be closed without a worry",
    .violation = "the number is closed twice, or under its owner's user",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_borrowed,
    .thread = close_both,
    .end = end_scene,
    .serial = true,
};
