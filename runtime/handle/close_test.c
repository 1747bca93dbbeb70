/* SPDX-License-Identifier: MIT */
/* Closing, waiting, invalidating, and the release path. */
#include "base/checkpoint.h"
#include "handle/handle.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include "thread/lifecycle.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

TestSuite(close, .init = testing_start_manual);

static sh_handle *make(const sh_kind *kind, sh_raw raw)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(kind, raw, NULL, &h), SH_OK);
    return h;
}

static void take_reference(sh_handle *h)
{
    bool success = false;
    cr_assert_eq(sh_dangerous_add_ref(h, &success), SH_OK);
}

static void release_reference(void *h)
{
    (void)sh_dangerous_release(h);
}

/* ---- the release itself ------------------------------------------------------------------------------------------ */

static int fail_with_eio(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    errno = ENOTTY;
    return EIO;
}

Test(close, a_refused_release_is_told_to_whoever_released)
{
    testing_on_release(fail_with_eio);
    sh_handle *h = make(&testing_kind, 7);
    errno = ERANGE;
    cr_expect_eq(sh_close(h), SH_E_RELEASE);
    cr_expect_eq(errno, ERANGE, "errno survives the release");
    cr_expect(sh_is_released(h), "once is enough");
    cr_expect_eq(sh_close(h), SH_OK);
    cr_expect_eq(sh_close_wait(h, 0), SH_E_RELEASE, "to every waiter");
    cr_expect_eq(testing_released().count, 1);
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_RELEASE_FAILED, &event), 1);
    cr_expect_eq(event.event.os_error, EIO);
    cr_expect_eq(event.event.raw, 7);
}

Test(close, the_last_user_is_told_as_well)
{
    testing_on_release(fail_with_eio);
    sh_handle *h = make(&testing_kind, 7);
    take_reference(h);
    cr_expect_eq(sh_close(h), SH_PENDING);
    errno = ERANGE;
    cr_expect_eq(sh_dangerous_release(h), SH_E_RELEASE);
    cr_expect_eq(errno, ERANGE);
}

Test(close, a_stray_value_that_cannot_be_released_is_an_event)
{
    testing_on_release(fail_with_eio);
    sh_handle *h;
    cr_assert_eq(sh_create(&testing_kind, NULL, &h), SH_OK);
    (void)sh_close(h);
    cr_expect_eq(sh_set_handle(h, 7), SH_E_CLOSED);
    cr_expect_eq(testing_events(SH_EVENT_RELEASE_FAILED, NULL), 1);
}

static sh_handle *closed_inside;
static sh_status status_inside;

static int close_again(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    status_inside = sh_close(closed_inside);
    return 0;
}

Test(close, inside_its_own_release)
{
    testing_on_release(close_again);
    closed_inside = make(&testing_kind, 7);
    cr_expect_eq(sh_close(closed_inside), SH_OK);
    cr_expect_eq(status_inside, SH_PENDING, "claimed is not released");
    cr_expect_eq(testing_released().count, 1);
}

static int cancel_me(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    (void)pthread_cancel(pthread_self());
    pthread_testcancel();
    return 0;
}

static void *close_while_cancelled(void *h)
{
    (void)sh_close(h);
    pthread_testcancel();
    return h;
}

Test(close, a_cancellation_waits_until_the_release_is_over)
{
    testing_on_release(cancel_me);
    sh_handle *h = make(&testing_kind, 7);
    pthread_t thread;
    void *result;
    (void)pthread_create(&thread, NULL, close_while_cancelled, h);
    (void)pthread_join(thread, &result);
    cr_expect_eq(result, PTHREAD_CANCELED);
    cr_expect(sh_is_released(h));
    cr_expect_eq(testing_released().count, 1);
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

typedef struct late_user {
    sh_handle *h;
    int64_t after_ms;
} late_user;

static void *leave_late(void *argument)
{
    const late_user *user = argument;
    platform_sleep_ms(user->after_ms);
    (void)sh_dangerous_release(user->h);
    return NULL;
}

static sh_status close_wait_with_user(sh_handle *h, int64_t user_ms, int64_t timeout_ms)
{
    late_user user = {h, user_ms};
    take_reference(h);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, leave_late, &user);
    sh_status status = sh_close_wait(h, timeout_ms);
    (void)pthread_join(thread, NULL);
    return status;
}

Test(close, wait_returns_when_the_last_user_has_left)
{
    sh_handle *h = make(&testing_derived_kind, 7);
    cr_expect_eq(close_wait_with_user(h, 50, -1), SH_OK);
    cr_expect(sh_is_released(h));
}

Test(close, wait_returns_at_the_deadline)
{
    sh_handle *h = make(&testing_derived_kind, 7);
    cr_expect_eq(close_wait_with_user(h, 200, 20), SH_E_TIMEOUT);
    cr_expect(sh_is_released(h), "by the last user, later");
}

Test(close, wait_interrupts_the_users)
{
    sh_handle *h = make(&testing_kind, 7);
    cr_expect_eq(close_wait_with_user(h, 50, -1), SH_OK);
    cr_expect_geq(testing_interrupts(), 2, "once is not enough");
    size_t before = testing_interrupts();
    platform_sleep_ms(20);
    cr_expect_eq(testing_interrupts(), before, "and not after the release");
}

Test(close, wait_interrupts_until_the_deadline)
{
    sh_handle *h = make(&testing_kind, 7);
    cr_expect_eq(close_wait_with_user(h, 100, 20), SH_E_TIMEOUT);
    cr_expect_geq(testing_interrupts(), 2);
}

Test(close, wait_does_not_interrupt_what_was_never_set)
{
    sh_handle *h;
    cr_assert_eq(sh_create(&testing_kind, NULL, &h), SH_OK);
    cr_expect_eq(close_wait_with_user(h, 20, -1), SH_OK);
    cr_expect_eq(testing_interrupts(), 0);
}

Test(close, wait_on_what_nobody_uses)
{
    sh_handle *h = make(&testing_kind, 7);
    cr_expect_eq(sh_close_wait(h, 0), SH_OK);
    cr_expect_eq(sh_close_wait(h, 0), SH_OK);
    cr_expect_eq(testing_released().count, 1);
    cr_expect_eq(testing_interrupts(), 0);
}

Test(close, wait_by_a_leaseholder_is_pending_at_once)
{
    sh_handle *h = make(&testing_kind, 7);
    sh_lease lease;
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    cr_expect_eq(sh_close_wait(h, -1), SH_PENDING);
    sh_lease_end(&lease);
    cr_expect(sh_is_released(h));
}

Test(close, wait_tells_a_refused_release)
{
    testing_on_release(fail_with_eio);
    sh_handle *h = make(&testing_derived_kind, 7);
    cr_expect_eq(close_wait_with_user(h, 20, -1), SH_E_RELEASE);
    sh_handle *other = make(&testing_kind, 8);
    cr_expect_eq(sh_close_wait(other, -1), SH_E_RELEASE);
}

static sh_status status_of_cancelled;

static void *wait_while_cancelled(void *h)
{
    status_of_cancelled = sh_close_wait(h, -1);
    pthread_testcancel();
    return h;
}

/* A thread torn out of a wait would keep our mutex, and an interrupted one its reference. */
static void cancel_a_waiter(const sh_kind *kind)
{
    sh_handle *h = make(kind, 7), *other = make(&testing_kind, 8);
    take_reference(h);
    pthread_t thread;
    void *result;
    (void)pthread_create(&thread, NULL, wait_while_cancelled, h);
    platform_sleep_ms(50);
    (void)pthread_cancel(thread);
    platform_sleep_ms(50);
    cr_expect_eq(sh_close(other), SH_OK);
    (void)sh_dangerous_release(h);
    (void)pthread_join(thread, &result);
    cr_expect_eq(result, PTHREAD_CANCELED, "at the caller's next cancellation point");
    cr_expect_eq(status_of_cancelled, SH_OK);
    cr_expect(sh_is_released(h));
}

Test(close, a_cancellation_waits_until_the_wait_is_over, .timeout = 20)
{
    cancel_a_waiter(&testing_derived_kind);
}

static int interrupt_rudely(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    pthread_testcancel();
    errno = ENOTTY;
    return 0;
}

static int release_nothing(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    return 0;
}

static const sh_kind rude_kind = {
    .name = "rude thing", .invalid_value = 0, .release = release_nothing, .interrupt = interrupt_rudely};

Test(close, a_cancellation_waits_until_the_interrupt_is_over, .timeout = 20)
{
    cancel_a_waiter(&rude_kind);
}

Test(close, errno_survives_the_interrupt)
{
    sh_handle *h = make(&rude_kind, 7);
    errno = ERANGE;
    cr_expect_eq(close_wait_with_user(h, 20, -1), SH_OK);
    cr_expect_eq(errno, ERANGE);
}

static void *wait_for_close(void *h)
{
    cr_assert_eq(sh_close_wait(h, -1), SH_OK);
    return NULL;
}

static void *release_now(void *h)
{
    (void)sh_dangerous_release(h);
    return NULL;
}

Test(close, wait_interrupts_nobody_when_the_last_user_has_just_left)
{
    sh_handle *h = make(&testing_kind, 7);
    take_reference(h);
    testing_at("handle.wake", 1, release_reference, h);
    cr_expect_eq(sh_close_wait(h, -1), SH_OK);
    cr_expect_eq(testing_interrupts(), 0);
}

Test(close, many_waiters_on_one_handle)
{
    sh_handle *h = make(&testing_derived_kind, 7);
    take_reference(h);
    pthread_t waiters[4], last;
    for (int i = 0; i < 4; i++)
        (void)pthread_create(&waiters[i], NULL, wait_for_close, h);
    platform_sleep_ms(20);
    (void)pthread_create(&last, NULL, release_now, h);
    for (int i = 0; i < 4; i++)
        (void)pthread_join(waiters[i], NULL);
    (void)pthread_join(last, NULL);
    cr_expect_eq(testing_released().count, 1);
}

/* ---- in the child of a fork (fork_test.c has a real one) --------------------------------------------------------- */

static sh_handle *left_behind;

/* Stands for the restart, which gives the leases of vanished threads back. */
static sh_status restart(void)
{
    lifecycle_set(LIFECYCLE_RUNNING);
    (void)sh_dangerous_release(left_behind);
    return SH_OK;
}

static sh_status close_after_fork(void)
{
    left_behind = make(&testing_kind, 7);
    take_reference(left_behind);
    runtime_lifecycle.restart = restart;
    lifecycle_set(LIFECYCLE_FORKED);
    return sh_close(left_behind);
}

Test(close, does_not_wait_for_users_that_a_fork_left_behind)
{
    cr_expect_eq(close_after_fork(), SH_OK);
    cr_expect_eq(testing_released().count, 1);
    testing_on_release(fail_with_eio);
    cr_expect_eq(close_after_fork(), SH_E_RELEASE, "by this call");
}

/* ---- invalidating ------------------------------------------------------------------------------------------------ */

Test(close, as_invalid_never_releases)
{
    sh_handle *h = make(&testing_kind, 7);
    sh_set_handle_as_invalid(h);
    cr_expect(sh_is_closed(h));
    cr_expect(sh_is_released(h), "there was nothing to release");
    cr_expect_not(sh_is_invalid(h), "as in .NET, the value says that");
    cr_expect_eq(sh_close(h), SH_OK);
    cr_expect_eq(testing_released().count, 0);
}

Test(close, as_invalid_under_a_user)
{
    sh_handle *h = make(&testing_kind, 7);
    take_reference(h);
    sh_set_handle_as_invalid(h);
    sh_set_handle_as_invalid(h);
    cr_expect_eq(sh_close(h), SH_PENDING);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    cr_expect(sh_is_released(h));
    cr_expect_eq(testing_released().count, 0);
}

Test(close, as_invalid_after_close_began_spares_the_value)
{
    sh_handle *h = make(&testing_kind, 7);
    take_reference(h);
    cr_expect_eq(sh_close(h), SH_PENDING);
    sh_set_handle_as_invalid(h);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    cr_expect_eq(testing_released().count, 0);
}

Test(close, as_invalid_comes_too_late_after_a_release)
{
    sh_handle *h = make(&testing_kind, 7);
    (void)sh_close(h);
    sh_set_handle_as_invalid(h);
    cr_expect_eq(testing_released().count, 1);
}

/* ---- death, on the manual host: exactly when the test says ------------------------------------------------------- */

Test(close, a_dropped_handle_is_released_and_told)
{
    sh_handle *h = make(&testing_kind, 7);
    cr_expect_eq(sh_host_drop(h), SH_OK);
    testing_settle();
    cr_expect_eq(testing_released().count, 1);
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_TO_FINALIZER, &event), 1);
    cr_expect_eq(event.event.raw, 7);
    cr_expect_not_null(strstr(event.event.birth.file, "close_test.c"));
}

Test(close, a_closed_handle_is_dropped_in_silence)
{
    sh_handle *h = make(&testing_kind, 7);
    (void)sh_close(h);
    cr_expect_eq(sh_host_drop(h), SH_OK);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_TO_FINALIZER, NULL), 0);
    cr_expect_eq(testing_released().count, 1);
}

Test(close, an_unset_or_borrowed_handle_is_no_leak)
{
    sh_create_options options = {.not_owned = true};
    int context;
    sh_create_options with_context = {.context = &context};
    sh_handle *unset, *borrowed, *unset_with_context, *closed_with_context;
    cr_assert_eq(sh_create(&testing_kind, NULL, &unset), SH_OK);
    cr_assert_eq(sh_wrap(&testing_kind, 7, &options, &borrowed), SH_OK);
    cr_assert_eq(sh_create(&testing_kind, &with_context, &unset_with_context), SH_OK);
    cr_assert_eq(sh_create(&testing_kind, &with_context, &closed_with_context), SH_OK);
    (void)sh_close(closed_with_context);
    cr_expect_eq(sh_host_drop(unset), SH_OK);
    cr_expect_eq(sh_host_drop(borrowed), SH_OK);
    cr_expect_eq(sh_host_drop(unset_with_context), SH_OK);
    cr_expect_eq(sh_host_drop(closed_with_context), SH_OK);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_TO_FINALIZER, NULL), 0);
    cr_expect_eq(testing_released().count, 0);
}

Test(close, a_leaked_reference_keeps_the_handle_open)
{
    sh_handle *h = make(&testing_kind, 7);
    take_reference(h);
    cr_expect_eq(sh_host_drop(h), SH_OK);
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_REFERENCE, &event), 1);
    cr_expect_eq(event.event.raw, 7);
    cr_expect_eq(testing_released().count, 0, "never under a possible user");
    sh_handle *other = make(&testing_kind, 8);
    cr_expect_eq(sh_host_drop(other), SH_OK);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_REFERENCE, NULL), 1, "told once");
    cr_expect_eq(sh_dangerous_release(h), SH_OK, "a late release is legal");
    cr_expect_eq(testing_released().count, 2);
    cr_expect_eq(testing_released().last_raw, 7);
}

Test(close, a_closed_handle_with_a_leaked_reference)
{
    sh_handle *h = make(&testing_kind, 7);
    take_reference(h);
    cr_expect_eq(sh_close(h), SH_PENDING);
    cr_expect_eq(sh_host_drop(h), SH_OK);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_REFERENCE, NULL), 1);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    cr_expect_eq(testing_released().count, 1);
}

Test(close, a_pinned_handle_dies_in_silence)
{
    sh_handle *h = make(&testing_kind, 7);
    (void)atomic_word_add(&h->state.bits, STATE_PINNED);
    cr_expect_eq(sh_host_drop(h), SH_OK);
    testing_settle();
    cr_expect_eq(testing_released().count, 0);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_REFERENCE, NULL), 0, "its saturation was told");
}

Test(close, the_same_death_twice_is_refused)
{
    sh_handle *h = make(&testing_kind, 7);
    take_reference(h); /* so that its memory stays */
    cr_expect_eq(sh_host_drop(h), SH_OK);
    cr_expect_eq(sh_host_drop(h), SH_E_ARGUMENT);
    cr_expect_eq(sh_host_drop(NULL), SH_E_ARGUMENT);
}

/* ---- what the lanes may meet ------------------------------------------------------------------------------------- */

static word_t leak;

Test(close, the_lane_meets_a_handle_that_another_thread_is_releasing)
{
    sh_handle *h = make(&testing_kind, 7);
    cr_assert(state_word_begin_close(&h->state, 0).duty == STATE_RELEASE);
    cr_expect_eq(release_judge(h), GC_KEEP);
    cr_expect_eq(release_dead(h, GC_DEATH, &leak), GC_KEEP);
    cr_expect_eq(leak, 0, "it is not leaked");
    cr_expect_eq(release_claimed(h), SH_OK);
    cr_expect_eq(release_judge(h), GC_FORGET);
    cr_expect_eq(release_dead(h, GC_DEATH, &leak), GC_FORGET);
}

Test(close, the_lane_meets_a_pinned_handle)
{
    sh_handle *h = make(&testing_kind, 7);
    (void)atomic_word_add(&h->state.bits, STATE_PINNED);
    cr_expect_eq(release_dead(h, GC_DEATH, &leak), GC_KEEP);
    cr_expect_eq(leak, 0);
}

Test(close, unload_keeps_a_handle_in_use_and_says_nothing)
{
    sh_handle *h = make(&testing_kind, 7);
    take_reference(h);
    cr_expect_eq(release_dead(h, GC_UNLOAD, &leak), GC_KEEP);
    cr_expect_eq(leak, 0);
    cr_expect(sh_is_closed(h));
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    cr_expect_eq(release_dead(h, GC_UNLOAD, &leak), GC_FORGET);
}

Test(close, unload_keeps_the_context_of_an_unset_handle)
{
    int context;
    sh_create_options options = {.context = &context};
    sh_handle *h;
    cr_assert_eq(sh_create(&testing_kind, &options, &h), SH_OK);
    cr_expect_eq(release_dead(h, GC_UNLOAD, &leak), GC_KEEP);
    cr_expect_eq(release_judge(h), GC_CONDEMN, "to give the context's place back");
    cr_expect_eq(sh_set_handle(h, 7), SH_E_CLOSED);
    cr_expect_eq(testing_released().last_context, &context);
    cr_expect_eq(release_dead(h, GC_DEATH, &leak), GC_FORGET);
    cr_expect_eq(release_judge(h), GC_FORGET);
}

Test(close, the_last_user_leaves_while_the_lane_looks)
{
    sh_handle *h = make(&testing_kind, 7);
    take_reference(h);
    testing_at("core.flag", 1, release_reference, h);
    cr_expect_eq(release_dead(h, GC_DEATH, &leak), GC_KEEP);
    cr_expect_eq(testing_released().count, 1);
    testing_at_nothing();
}
