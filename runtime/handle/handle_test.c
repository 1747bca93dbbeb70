/* SPDX-License-Identifier: MIT */
/* Making, storing, referencing, looking. On the manual host, so that nothing happens unasked. */
#include "handle/handle.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static sh_handle *make(sh_raw raw)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, raw, NULL, &h), SH_OK);
    return h;
}

static sh_handle *make_unset(void)
{
    sh_handle *h;
    cr_assert_eq(sh_create(&testing_kind, NULL, &h), SH_OK);
    return h;
}

static void expect_released(size_t count, sh_raw last)
{
    testing_releases releases = testing_released();
    cr_expect_eq(releases.count, count, "%zu releases, not %zu", releases.count, count);
    if (count > 0)
        cr_expect_eq(releases.last_raw, last);
}

TestSuite(handle, .init = testing_start_manual);

/* ---- creating ---------------------------------------------------------------------------------------------------- */

Test(handle, is_24_bytes_at_most)
{
    cr_expect_leq(sizeof(sh_handle), 24);
}

Test(handle, starts_unset)
{
    sh_handle *h = make_unset();
    cr_expect(sh_is_invalid(h));
    cr_expect_not(sh_is_closed(h));
    cr_expect_not(sh_is_released(h));
    cr_expect(sh_owns_handle(h));
    cr_expect_eq(sh_dangerous_get_handle(h), 0, "the kind's invalid value");
    cr_expect_eq(sh_kind_of(h), &testing_kind);
}

Test(handle, its_invariant_is_checked)
{
    sh_handle *h = make_unset();
    cr_expect(handle_is_valid(h));
    (void)atomic_word_add(&h->state.bits, STATE_HOLDS);
    cr_expect_not(handle_is_valid(h), "it holds the invalid value");
    atomic_word_store(&h->raw, 7);
    cr_expect(handle_is_valid(h));
    (void)atomic_word_add(&h->state.bits, STATE_RELEASED);
    cr_expect_not(handle_is_valid(h), "released without a claim");
    state_word_init(&h->state); /* for the unload at the end of the process */
}

Test(handle, holds_what_was_set)
{
    sh_handle *h = make_unset();
    cr_expect_eq(sh_set_handle(h, 7), SH_OK);
    cr_expect_eq(sh_dangerous_get_handle(h), 7);
    cr_expect_not(sh_is_invalid(h));
    cr_expect_eq(sh_close(h), SH_OK);
    expect_released(1, 7);
    cr_expect_eq(sh_dangerous_get_handle(h), 7, "also after close");
}

Test(handle, is_set_once)
{
    sh_handle *h = make(7);
    cr_expect_eq(sh_set_handle(h, 8), SH_E_ARGUMENT);
    cr_expect_eq(sh_dangerous_get_handle(h), 7);
    expect_released(0, 0);
}

Test(handle, an_invalid_value_leaves_it_unset)
{
    sh_handle *h = make_unset();
    cr_expect_eq(sh_set_handle(h, -1), SH_E_INVALID);
    cr_expect_eq(sh_set_handle(h, 0), SH_E_INVALID);
    cr_expect_eq(sh_set_handle(h, 7), SH_OK);
}

Test(handle, set_after_close_releases_the_value)
{
    int context;
    sh_create_options options = {.context = &context};
    sh_handle *h;
    cr_assert_eq(sh_create(&testing_kind, &options, &h), SH_OK);
    cr_expect_eq(sh_close(h), SH_OK);
    expect_released(0, 0);
    cr_expect(sh_is_released(h));
    cr_expect_eq(sh_set_handle(h, 7), SH_E_CLOSED);
    expect_released(1, 7);
    cr_expect_eq(testing_released().last_context, &context);
    cr_expect(sh_is_invalid(h), "it never held it");
    cr_expect_eq(sh_set_handle(h, 8), SH_E_CLOSED);
    expect_released(2, 8);
}

Test(handle, set_after_close_leaves_what_is_not_owned)
{
    sh_create_options options = {.not_owned = true};
    sh_handle *h;
    cr_assert_eq(sh_create(&testing_kind, &options, &h), SH_OK);
    (void)sh_close(h);
    cr_expect_eq(sh_set_handle(h, 7), SH_E_CLOSED);
    expect_released(0, 0);
}

Test(handle, one_of_two_setters_wins)
{
    sh_handle *h = make_unset();
    cr_assert_eq(sh_set_handle(h, 7), SH_OK);
    cr_expect_eq(sh_set_handle(h, 7), SH_E_ARGUMENT);
    (void)sh_close(h);
    expect_released(1, 7);
}

Test(handle, not_owned_is_never_released)
{
    sh_create_options options = {.not_owned = true};
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, 7, &options, &h), SH_OK);
    cr_expect_not(sh_owns_handle(h));
    cr_expect_eq(sh_close(h), SH_OK);
    cr_expect(sh_is_released(h));
    expect_released(0, 0);
}

Test(handle, the_context_reaches_the_release)
{
    int context;
    sh_create_options options = {.context = &context};
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, 7, &options, &h), SH_OK);
    (void)sh_close(h);
    cr_expect_eq(testing_released().last_context, &context);
}

Test(handle, the_plain_functions_behind_the_macros)
{
    sh_handle *created, *wrapped, *copy;
    cr_expect_eq((sh_create)(&testing_kind, NULL, &created), SH_OK);
    cr_expect_eq((sh_wrap)(&testing_kind, 7, NULL, &wrapped), SH_OK);
    cr_expect_eq((sh_duplicate)(wrapped, &copy), SH_OK);
    cr_expect_null(class_birth(handle_class_of(wrapped)).file);
}

Test(handle, remembers_where_it_was_made)
{
    sh_handle *h;
    int line = __LINE__ + 1;
    cr_assert_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
    sh_site birth = class_birth(handle_class_of(h));
    cr_expect_eq(birth.line, line);
    cr_expect_not_null(strstr(birth.file, "handle_test.c"));
}

Test(handle, a_zero_descriptor_is_a_descriptor)
{
    sh_create_options options = {.not_owned = true};
    sh_handle *h;
    cr_assert_eq(sh_wrap(&sh_kind_fd, 0, &options, &h), SH_OK);
    cr_expect_not(sh_is_invalid(h));
}

/* ---- bad input --------------------------------------------------------------------------------------------------- */

Test(handle, null_arguments)
{
    sh_handle *h = make(7), *out = NULL;
    bool success = false;
    sh_raw raw;
    sh_lease lease;
    size_t leases, counted;
    cr_expect_eq(sh_create(NULL, NULL, &out), SH_E_ARGUMENT);
    cr_expect_eq(sh_create(&testing_kind, NULL, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_wrap(NULL, 7, NULL, &out), SH_E_ARGUMENT);
    cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_set_handle(NULL, 7), SH_E_ARGUMENT);
    cr_expect_eq(sh_dangerous_add_ref(NULL, &success), SH_E_ARGUMENT);
    cr_expect_eq(sh_dangerous_add_ref(h, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_dangerous_release(NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_dangerous_get_handle(NULL), -1);
    cr_expect_eq(sh_close(NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_close_wait(NULL, 0), SH_E_ARGUMENT);
    sh_set_handle_as_invalid(NULL);
    cr_expect(sh_is_closed(NULL) && sh_is_invalid(NULL) && sh_is_released(NULL));
    cr_expect_not(sh_owns_handle(NULL));
    cr_expect_null(sh_kind_of(NULL));
    cr_expect_not(sh_is_kind(NULL, &testing_kind));
    cr_expect_not(sh_is_kind(h, NULL));
    cr_expect_eq(sh_duplicate(NULL, &out), SH_E_ARGUMENT);
    cr_expect_eq(sh_duplicate(h, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_lease_begin(NULL, h, &raw), SH_E_ARGUMENT);
    cr_expect_eq(sh_lease_begin(&lease, NULL, &raw), SH_E_ARGUMENT);
    cr_expect_eq(sh_lease_begin(&lease, h, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_lease_begin_kind(&lease, NULL, &testing_kind, &raw), SH_E_ARGUMENT);
    cr_expect_eq(sh_lease_begin_kind(&lease, h, NULL, &raw), SH_E_ARGUMENT);
    sh_lease_end(NULL);
    cr_expect_eq(sh_lease_detach(NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_holders(NULL, NULL, 0, &leases, &counted), SH_E_ARGUMENT);
    cr_expect_eq(sh_holders(h, NULL, 1, &leases, &counted), SH_E_ARGUMENT);
    cr_expect_eq(sh_holders(h, NULL, 0, NULL, &counted), SH_E_ARGUMENT);
    cr_expect_eq(sh_holders(h, NULL, 0, &leases, NULL), SH_E_ARGUMENT);
    cr_expect_null(out);
    cr_expect_not(success);
}

Test(handle, a_kind_without_release_is_refused)
{
    static const sh_kind broken = {.name = "broken", .invalid_value = -1, .is_invalid = sh_invalid_minus_one};
    sh_handle *h = NULL;
    cr_expect_eq(sh_create(&broken, NULL, &h), SH_E_ARGUMENT);
    cr_expect_eq(sh_wrap(&broken, 7, NULL, &h), SH_E_ARGUMENT);
    cr_expect_null(h);
}

Test(handle, wrapping_an_invalid_value_is_refused)
{
    sh_handle *h = NULL;
    cr_expect_eq(sh_wrap(&testing_kind, -1, NULL, &h), SH_E_INVALID);
    cr_expect_null(h);
    expect_released(0, 0);
}

Test(handle, options_of_another_version)
{
    struct {
        sh_create_options known;
        void *unknown;
    } newer = {.known = {.not_owned = true}};
    sh_handle *h = NULL;
    cr_expect_eq(sh_create_at(&testing_kind, &newer.known, sizeof newer, NULL, &h), SH_OK);
    cr_expect_not(sh_owns_handle(h));
    newer.unknown = &newer;
    cr_expect_eq(sh_create_at(&testing_kind, &newer.known, sizeof newer, NULL, &h), SH_E_UNSUPPORTED);
    cr_expect_eq(sh_create_at(&testing_kind, &newer.known, sizeof(bool), NULL, &h), SH_OK);
}

Test(handle, what_is_no_domain_is_refused)
{
    _Alignas(64) char anything[64];
    sh_create_options options = {.domain = (sh_domain *)(void *)anything};
    sh_handle *h = NULL;
    cr_expect_eq(sh_create(&testing_kind, &options, &h), SH_E_ARGUMENT);
}

Test(unstarted, nothing_is_made_before_the_start)
{
    sh_handle *h = NULL;
    cr_expect_eq(sh_create(&testing_kind, NULL, &h), SH_E_CLOSED);
    cr_expect_null(h);
}

Test(handle, nothing_is_made_after_shutdown)
{
    sh_handle *h = NULL;
    cr_assert_eq(sh_shutdown(1000), SH_OK);
    cr_expect_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_E_CLOSED);
    cr_expect_eq(sh_create(&testing_kind, NULL, &h), SH_E_CLOSED);
    cr_expect_null(h);
}

Test(handle, without_memory_nothing_is_made)
{
    static const char *const points[] = {"platform.pages", "gc.handle"};
    int context;
    sh_create_options options = {.context = &context};
    sh_handle *h = NULL;
    for (size_t i = 0; i < 2; i++) {
        testing_from(points[i], 1, NULL, NULL);
        cr_expect_eq(sh_wrap(&testing_kind, 7, &options, &h), SH_E_NOMEM, "%s", points[i]);
        testing_at_nothing();
    }
    cr_expect_null(h);
    expect_released(0, 0);
    cr_expect_eq(sh_wrap(&testing_kind, 7, &options, &h), SH_OK);
}

Test(handle, without_memory_for_its_context_nothing_is_made)
{
    sh_create_options options = {.context = &options};
    for (int i = 0; i < 2; i++) { /* the second time, the class is there already */
        sh_handle *h = NULL;
        if (i == 1)
            testing_from("platform.pages", 1, NULL, NULL);
        cr_expect_eq(sh_create(&testing_kind, i == 0 ? NULL : &options, &h), i == 0 ? SH_OK : SH_E_NOMEM);
    }
    testing_at_nothing();
}

static void *create_on_a_thread(void *out_status)
{
    sh_handle *h;
    *(sh_status *)out_status = sh_create(&testing_kind, NULL, &h);
    return NULL;
}

static sh_status status_on_a_thread(void *(*run)(void *))
{
    sh_status status = SH_OK;
    pthread_t thread;
    (void)pthread_create(&thread, NULL, run, &status);
    (void)pthread_join(thread, NULL);
    return status;
}

Test(handle, a_thread_that_cannot_be_attached)
{
    testing_at("gc.scanned", 1, NULL, NULL);
    cr_expect_eq(status_on_a_thread(create_on_a_thread), SH_E_NOMEM);
    testing_at("platform.thread-end", 1, NULL, NULL);
    cr_expect_eq(status_on_a_thread(create_on_a_thread), SH_E_NOMEM);
    testing_at_nothing();
    cr_expect_eq(status_on_a_thread(create_on_a_thread), SH_OK);
}

static void *duplicate_on_a_thread(void *in_out)
{
    sh_handle **h = in_out;
    sh_handle *copy;
    if (sh_duplicate(*h, &copy) == SH_E_NOMEM)
        *h = NULL;
    return NULL;
}

Test(handle, a_thread_that_cannot_be_attached_duplicates_nothing)
{
    sh_handle *h;
    cr_assert_eq(sh_open_event(0, 0, NULL, &h), SH_OK);
    size_t before = testing_open_descriptors();
    testing_at("gc.scanned", 1, NULL, NULL);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, duplicate_on_a_thread, &h);
    (void)pthread_join(thread, NULL);
    testing_at_nothing();
    cr_expect_null(h, "SH_E_NOMEM");
    cr_expect_eq(testing_open_descriptors(), before);
}

static void *detach_in_vain(void *out_status)
{
    cr_assert_eq(sh_thread_attach(), SH_OK);
    testing_at("platform.thread-end", 1, NULL, NULL);
    *(sh_status *)out_status = sh_thread_detach();
    testing_at_nothing();
    sh_handle *h;
    cr_expect_eq(sh_create(&testing_kind, NULL, &h), SH_OK);
    return NULL;
}

Test(handle, a_thread_that_cannot_be_detached_stays_until_its_end)
{
    cr_expect_eq(status_on_a_thread(detach_in_vain), SH_E_NOMEM);
    cr_expect_eq(status_on_a_thread(create_on_a_thread), SH_OK);
}

/* ---- references -------------------------------------------------------------------------------------------------- */

Test(reference, keeps_the_handle_open, .init = testing_start_manual)
{
    sh_handle *h = make(7);
    bool success = false;
    cr_assert_eq(sh_dangerous_add_ref(h, &success), SH_OK);
    cr_expect(success);
    cr_expect_eq(sh_close(h), SH_PENDING);
    cr_expect(sh_is_closed(h));
    cr_expect_not(sh_is_released(h));
    cr_expect_eq(sh_close(h), SH_PENDING, "to every caller");
    expect_released(0, 0);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    expect_released(1, 7);
    cr_expect(sh_is_released(h));
    cr_expect_eq(sh_close(h), SH_OK);
    expect_released(1, 7);
}

Test(reference, close_refuses_new_users_at_once, .init = testing_start_manual)
{
    sh_handle *h = make(7);
    bool first = false, second = false;
    cr_assert_eq(sh_dangerous_add_ref(h, &first), SH_OK);
    (void)sh_close(h);
    cr_expect_eq(sh_dangerous_add_ref(h, &second), SH_E_CLOSED);
    cr_expect_not(second);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    cr_expect_eq(sh_dangerous_add_ref(h, &second), SH_E_CLOSED);
    expect_released(1, 7);
}

Test(reference, works_on_an_unset_handle, .init = testing_start_manual)
{
    sh_handle *h = make_unset();
    bool success = false;
    cr_expect_eq(sh_dangerous_add_ref(h, &success), SH_OK);
    cr_expect(success);
    cr_expect_eq(sh_set_handle(h, 7), SH_OK);
    cr_expect_eq(sh_close(h), SH_PENDING);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    expect_released(1, 7);
}

Test(reference, over_release_is_told_and_releases_nothing, .init = testing_start_manual)
{
    sh_handle *h = make(7);
    cr_expect_eq(sh_dangerous_release(h), SH_E_UNBALANCED);
    cr_expect_not(sh_is_closed(h));
    expect_released(0, 0);
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_UNBALANCED_RELEASE, &event), 1);
    cr_expect_eq(event.event.raw, 7);
    cr_expect_not_null(strstr(event.event.birth.file, "handle_test.c"));
    cr_expect_eq(sh_close(h), SH_OK);
    cr_expect_eq(sh_dangerous_release(h), SH_E_UNBALANCED);
    expect_released(1, 7);
}

static void raw_close(void *h)
{
    (void)state_word_begin_close(&((sh_handle *)h)->state, 0);
}

/* The handle is closed while the over-release has the count at -1: the repair is the last to leave. */
Test(reference, an_over_release_may_have_to_release, .init = testing_start_manual)
{
    sh_handle *h = make(7);
    testing_at("core.over-release", 1, raw_close, h);
    cr_expect_eq(sh_dangerous_release(h), SH_E_UNBALANCED);
    cr_expect(sh_is_released(h));
    expect_released(1, 7);
}

static void raw_add(void *h)
{
    (void)atomic_word_add(&((sh_handle *)h)->state.bits, STATE_ONE);
}

/* The last user's claim is disturbed by an entrant, which then has to release. */
Test(reference, a_refused_entrant_may_have_to_release, .init = testing_start_manual)
{
    sh_handle *h = make(7);
    bool success = false;
    cr_assert_eq(sh_dangerous_add_ref(h, &success), SH_OK);
    (void)sh_close(h);
    testing_at("core.claim", 1, raw_add, h); /* the entrant's first step */
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    expect_released(0, 0);
    testing_at_nothing();
    (void)atomic_word_add(&h->state.bits, (word_t)0 - STATE_ONE);
    success = false;
    cr_expect_eq(sh_dangerous_add_ref(h, &success), SH_E_CLOSED); /* a whole entrant */
    cr_expect_not(success);
    expect_released(1, 7);
}

/* Document 003: who is torn away in between still knows whether to release. */
Test(reference, success_is_only_ever_set_to_true, .init = testing_start_manual)
{
    sh_handle *h = make(7);
    (void)sh_close(h);
    bool success = true;
    cr_expect_eq(sh_dangerous_add_ref(h, &success), SH_E_CLOSED);
    cr_expect(success, "an earlier reference of the same caller");
}

Test(reference, saturation_pins, .init = testing_start_manual)
{
    sh_handle *h = make(7);
    (void)atomic_word_add(&h->state.bits, (word_t)STATE_COUNT_LIMIT << STATE_COUNT_SHIFT);
    bool success = false;
    cr_expect_eq(sh_dangerous_add_ref(h, &success), SH_E_OVERFLOW);
    cr_expect_not(success);
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_SATURATED, &event), 1);
    cr_expect_eq(event.event.raw, 7);
    cr_expect_eq(sh_dangerous_add_ref(h, &success), SH_E_OVERFLOW);
    cr_expect_eq(testing_events_sum(SH_EVENT_SATURATED), 1, "told once");
    (void)atomic_word_add(&h->state.bits, (word_t)0 - ((word_t)STATE_COUNT_LIMIT << STATE_COUNT_SHIFT));
    cr_expect_eq(sh_close(h), SH_PENDING);
    expect_released(0, 0);
    cr_expect_not(sh_is_released(h), "leaked and told, never freed early");
}

Test(reference, a_spoilt_count_is_told_to_the_entrant, .init = testing_start_manual)
{
    sh_handle *h = make(7);
    (void)atomic_word_add(&h->state.bits, (word_t)0 - STATE_ONE);
    bool success = false;
    cr_expect_eq(sh_dangerous_add_ref(h, &success), SH_E_UNBALANCED);
    cr_expect_not(success);
}

/* ---- kinds ------------------------------------------------------------------------------------------------------- */

Test(handle, is_of_its_kind_and_of_every_base)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_derived_kind, 7, NULL, &h), SH_OK);
    cr_expect(sh_is_kind(h, &testing_derived_kind));
    cr_expect(sh_is_kind(h, &testing_kind));
    cr_expect_not(sh_is_kind(h, &sh_kind_fd));
}

/* ---- duplicates -------------------------------------------------------------------------------------------------- */

Test(handle, a_duplicate_is_a_second_obligation)
{
    int context;
    sh_create_options options = {.context = &context};
    sh_handle *h, *copy;
    cr_assert_eq(sh_wrap(&testing_kind, 7, &options, &h), SH_OK);
    cr_assert_eq(sh_duplicate(h, &copy), SH_OK);
    cr_expect_eq(sh_dangerous_get_handle(copy), 1007);
    cr_expect_eq(sh_close(h), SH_OK);
    cr_expect_not(sh_is_closed(copy));
    expect_released(1, 7);
    cr_expect_eq(sh_close(copy), SH_OK);
    expect_released(2, 1007);
    cr_expect_eq(testing_released().last_context, &context);
}

Test(handle, what_cannot_be_duplicated)
{
    sh_handle *special, *copy = NULL, *unset = make_unset(), *closed = make(7);
    cr_assert_eq(sh_wrap(&testing_derived_kind, 8, NULL, &special), SH_OK);
    cr_expect_eq(sh_duplicate(special, &copy), SH_E_UNSUPPORTED);
    cr_expect_eq(sh_duplicate(unset, &copy), SH_E_INVALID);
    (void)sh_close(closed);
    cr_expect_eq(sh_duplicate(closed, &copy), SH_E_CLOSED);
    testing_at("gc.handle", 1, NULL, NULL);
    sh_handle *good;
    testing_at_nothing();
    good = make(9);
    testing_at("gc.handle", 1, NULL, NULL);
    cr_expect_eq(sh_duplicate(good, &copy), SH_E_NOMEM);
    cr_expect_null(copy);
    testing_at_nothing();
    cr_expect_eq(sh_close(good), SH_OK, "no reference was left on it");
    cr_expect_eq(sh_close(unset), SH_OK);
}

static int copies;

static int count_copy(sh_raw raw, sh_raw *out_copy)
{
    copies++;
    *out_copy = raw;
    return 0;
}

static int release_copy(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    return 0;
}

/* The copy is of another class than its original, since it is born elsewhere. */
Test(handle, a_duplicate_without_room_for_its_class_copies_nothing)
{
    static const sh_kind kind = {.name = "copied",
                                 .invalid_value = 0,
                                 .is_invalid = sh_invalid_zero,
                                 .release = release_copy,
                                 .duplicate = count_copy};
    sh_handle *h, *copy = NULL;
    cr_assert_eq(sh_wrap(&kind, 7, NULL, &h), SH_OK);
    const handle_class newest = {.kind = &kind, .site = NULL};
    uint32_t number;
    cr_assert_eq(class_intern(&newest, &number), SH_OK);
    size_t room = (size_t)CLASS_BLOCKS * CLASS_BLOCK_CLASSES - number - 1;
    cr_assert(class_reserve(room), "for others");
    cr_expect_eq(sh_duplicate(h, &copy), SH_E_NOMEM);
    cr_expect_null(copy);
    cr_expect_eq(copies, 0, "nobody would release it");
    class_unreserve(room);
    cr_expect_eq(sh_duplicate(h, &copy), SH_OK);
    cr_expect_eq(copies, 1);
    cr_expect_eq(sh_close(h), SH_OK, "no lease was left on it");
}
