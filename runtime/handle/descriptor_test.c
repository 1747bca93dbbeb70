/* SPDX-License-Identifier: MIT */
/* Real descriptors: the open helpers, and who owns which number. On the manual host. */
#include "base/checkpoint.h"
#include "handle/handle.h"
#include "handle/owner_map.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

TestSuite(descriptor, .init = testing_start_manual);

static bool is_open(sh_raw raw)
{
    return fcntl((int)raw, F_GETFD) >= 0;
}

static int open_null(void)
{
    int number = open("/dev/null", O_RDWR | O_CLOEXEC);
    cr_assert_geq(number, 0);
    return number;
}

static void expect_double_wrap(size_t count, const char *says)
{
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_DOUBLE_WRAP, &event), count);
    if (says != NULL)
        cr_expect_not_null(strstr(event.message, says), "\"%s\" does not say \"%s\"", event.message, says);
}

/* ---- the open helpers -------------------------------------------------------------------------------------------- */

static void expect_born_well(sh_handle *h, const sh_kind *kind)
{
    int flags = fcntl((int)sh_dangerous_get_handle(h), F_GETFD);
    cr_expect_geq(flags, 0);
    cr_expect_eq(flags & FD_CLOEXEC, FD_CLOEXEC, "%s", kind->name);
    cr_expect_eq(sh_kind_of(h), kind);
    sh_raw raw = sh_dangerous_get_handle(h);
    cr_expect_eq(sh_close(h), SH_OK);
    cr_expect_not(is_open(raw));
}

Test(descriptor, helpers_make_what_they_say)
{
    sh_handle *file, *socket, *event, *ends[2];
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &file), SH_OK);
    cr_assert_eq(sh_open_socket(AF_UNIX, SOCK_STREAM, 0, NULL, &socket), SH_OK);
    cr_assert_eq(sh_open_event(3, EFD_NONBLOCK, NULL, &event), SH_OK);
    cr_assert_eq(sh_open_pipe(O_NONBLOCK, NULL, &ends[0], &ends[1]), SH_OK);
    uint64_t count;
    cr_expect_eq(read((int)sh_dangerous_get_handle(event), &count, sizeof count), (ssize_t)sizeof count);
    cr_expect_eq(count, 3);
    cr_expect_eq(write((int)sh_dangerous_get_handle(ends[1]), "x", 1), 1);
    expect_born_well(file, &sh_kind_file);
    expect_born_well(socket, &sh_kind_socket);
    expect_born_well(event, &sh_kind_event);
    expect_born_well(ends[0], &sh_kind_pipe);
    expect_born_well(ends[1], &sh_kind_pipe);
}

Test(descriptor, helpers_behind_the_macros)
{
    sh_handle *file, *socket, *event, *ends[2];
    cr_expect_eq((sh_open_file)("/dev/null", O_RDONLY, 0, NULL, &file), SH_OK);
    cr_expect_eq((sh_open_socket)(AF_UNIX, SOCK_STREAM, 0, NULL, &socket), SH_OK);
    cr_expect_eq((sh_open_event)(0, 0, NULL, &event), SH_OK);
    cr_expect_eq((sh_open_pipe)(0, NULL, &ends[0], &ends[1]), SH_OK);
}

Test(descriptor, helpers_tell_what_the_system_said)
{
    size_t before = testing_open_descriptors();
    sh_handle *out[2] = {NULL, NULL};
    errno = 0;
    cr_expect_eq(sh_open_file("/no/such/file", O_RDONLY, 0, NULL, &out[0]), SH_E_SYSTEM);
    cr_expect_eq(errno, ENOENT);
    cr_expect_eq(sh_open_socket(-1, 0, 0, NULL, &out[0]), SH_E_SYSTEM);
    cr_expect_eq(errno, EAFNOSUPPORT);
    cr_expect_eq(sh_open_pipe(-1, NULL, &out[0], &out[1]), SH_E_SYSTEM);
    cr_expect_eq(errno, EINVAL);
    cr_expect_eq(sh_open_event(0, -1, NULL, &out[0]), SH_E_SYSTEM);
    cr_expect_eq(errno, EINVAL);
    cr_expect_null(out[0]);
    cr_expect_null(out[1]);
    cr_expect_eq(testing_open_descriptors(), before);
}

static int never_called(void *data, sh_raw *out_raw)
{
    (void)out_raw;
    *(bool *)data = true;
    return 0;
}

Test(descriptor, helpers_open_nothing_when_the_handle_cannot_be_made)
{
    sh_handle *out[2];
    bool called = false;
    size_t before = testing_open_descriptors();
    cr_expect_eq(sh_open_file(NULL, O_RDONLY, 0, NULL, &out[0]), SH_E_ARGUMENT);
    cr_expect_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_open_pipe(0, NULL, NULL, &out[1]), SH_E_ARGUMENT);
    cr_expect_eq(sh_open_pipe(0, NULL, &out[0], NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_open_with(&testing_kind, NULL, NULL, NULL, &out[0]), SH_E_ARGUMENT);
    for (int nth = 1; nth <= 2; nth++) {
        testing_at("gc.handle", nth, NULL, NULL);
        cr_expect_eq(sh_open_pipe(0, NULL, &out[0], &out[1]), SH_E_NOMEM);
    }
    testing_at("gc.handle", 1, NULL, NULL);
    cr_expect_eq(sh_open_with(&testing_kind, never_called, &called, NULL, &out[0]), SH_E_NOMEM);
    cr_expect_not(called);
    testing_at_nothing();
    cr_expect_eq(testing_open_descriptors(), before);
}

static int answer(void *data, sh_raw *out_raw)
{
    *out_raw = *(const sh_raw *)data;
    return 0;
}

Test(descriptor, an_opener_that_brings_nothing)
{
    sh_raw nothing = -1;
    sh_handle *h = NULL;
    cr_expect_eq(sh_open_with(&testing_kind, answer, &nothing, NULL, &h), SH_E_INVALID);
    cr_expect_null(h);
    sh_raw something = 7;
    cr_expect_eq((sh_open_with)(&testing_kind, answer, &something, NULL, &h), SH_OK);
    cr_expect_eq(sh_dangerous_get_handle(h), 7);
}

/* The runtime stops between the open and the store: nothing is left open. */
static void close_everything(void *unused)
{
    (void)unused;
    gc->handle_condemn(GC_EVERY_GROUP);
    (void)sh_wait_for_pending_finalizers(1000);
}

static int answer_beside_errno(void *data, sh_raw *out_raw)
{
    (void)data;
    errno = EDOM;
    *out_raw = 7;
    return 0;
}

Test(descriptor, an_opener_may_leave_errno_as_it_likes)
{
    sh_handle *h;
    errno = EXDEV;
    cr_expect_eq(sh_open_with(&testing_kind, answer_beside_errno, NULL, NULL, &h), SH_OK);
    cr_expect_eq(errno, EXDEV);
}

static int open_and_unload(void *data, sh_raw *out_raw)
{
    close_everything(data);
    return platform_descriptor_open("/dev/null", O_RDONLY, 0, out_raw);
}

Test(descriptor, an_unload_between_open_and_store_leaves_nothing_open)
{
    size_t before = testing_open_descriptors();
    sh_handle *h = NULL;
    cr_expect_eq(sh_open_with(&sh_kind_file, open_and_unload, NULL, NULL, &h), SH_E_CLOSED);
    cr_expect_null(h);
    cr_expect_eq(testing_open_descriptors(), before);
}

/* ---- cancelled between open and store ---------------------------------------------------------------------------- */

static int open_and_cancel(void *data, sh_raw *out_raw)
{
    int error = platform_descriptor_open("/dev/null", O_RDONLY, 0, out_raw);
    (void)pthread_cancel(pthread_self());
    pthread_testcancel();
    *(bool *)data = true;
    return error;
}

static sh_handle *stored;

static void *open_cancelled(void *reached)
{
    cr_assert_eq(sh_open_with(&sh_kind_file, open_and_cancel, reached, NULL, &stored), SH_OK);
    pthread_testcancel();
    return NULL;
}

Test(descriptor, a_cancellation_waits_for_the_store)
{
    bool reached = false;
    pthread_t thread;
    void *result;
    (void)pthread_create(&thread, NULL, open_cancelled, &reached);
    (void)pthread_join(thread, &result);
    cr_expect_eq(result, PTHREAD_CANCELED);
    cr_expect(reached);
    cr_assert_not_null(stored);
    cr_expect(is_open(sh_dangerous_get_handle(stored)));
    cr_expect_eq(sh_close(stored), SH_OK);
}

/* ---- no descriptors left ----------------------------------------------------------------------------------------- */

static sh_handle *dead[64];
static size_t dead_count;

/* The program's own collector finds everything dead that the test let go. */
static void find_dead(void *collections)
{
    (*(int *)collections)++;
    cr_assert_eq(sh_host_collection_begin(), SH_OK);
    for (size_t i = 0; i < dead_count; i++)
        cr_assert_eq(sh_host_drop(dead[i]), SH_OK);
    dead_count = 0;
    cr_assert_eq(sh_host_collection_end(), SH_OK);
}

static int collections;

static void start_with_collector(void)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL, .collect = find_dead, .collect_data = &collections};
    cr_assert_eq(sh_init(&options), SH_OK);
    (void)sh_wait_for_pending_finalizers(1000); /* our threads have opened what they open */
    struct rlimit limit = {.rlim_cur = 32, .rlim_max = 32};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void use_up_descriptors(void)
{
    for (int number; (number = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
        cr_assert_eq(sh_wrap(&sh_kind_file, number, NULL, &dead[dead_count++]), SH_OK);
    cr_assert_eq(errno, EMFILE);
}

Test(exhaustion, every_helper_collects_and_tries_once_more, .init = start_with_collector)
{
    sh_handle *h, *ends[2];
    use_up_descriptors();
    cr_expect_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &h), SH_OK);
    use_up_descriptors();
    cr_expect_eq(sh_open_socket(AF_UNIX, SOCK_STREAM, 0, NULL, &h), SH_OK);
    use_up_descriptors();
    cr_expect_eq(sh_open_event(0, 0, NULL, &h), SH_OK);
    use_up_descriptors();
    cr_expect_eq(sh_open_pipe(0, NULL, &ends[0], &ends[1]), SH_OK);
    use_up_descriptors();
    sh_handle *copy;
    cr_expect_eq(sh_duplicate(h, &copy), SH_OK);
    cr_expect_eq(collections, 5);
}

static int refuse_once(void *refusals, sh_raw *out_raw)
{
    *out_raw = 7;
    return (*(int *)refusals)++ == 0 ? ENFILE : 0;
}

/* The system's limit and not the process's: the dead of this process may be what it needs. */
Test(exhaustion, when_the_whole_system_has_none_left_it_is_tried_once_more, .init = start_with_collector)
{
    int refusals = 0;
    sh_handle *h;
    cr_expect_eq(sh_open_with(&testing_kind, refuse_once, &refusals, NULL, &h), SH_OK);
    cr_expect_eq(refusals, 2);
    cr_expect_eq(collections, 1);
}

Test(exhaustion, when_nothing_is_dead_it_is_told, .init = start_with_collector)
{
    use_up_descriptors();
    dead_count = 0; /* they are all in use */
    int before = collections;
    sh_handle *h = NULL;
    errno = 0;
    cr_expect_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &h), SH_E_SYSTEM);
    cr_expect_eq(errno, EMFILE);
    cr_expect_eq(collections, before + 1, "once");
    cr_expect_null(h);
}

/* ---- owners ------------------------------------------------------------------------------------------------------ */

Test(descriptor, the_same_number_wrapped_twice_is_refused)
{
    int number = open_null();
    sh_handle *first, *second = NULL;
    cr_assert_eq(sh_wrap(&sh_kind_fd, number, NULL, &first), SH_OK);
    cr_expect_eq(sh_wrap(&sh_kind_file, number, NULL, &second), SH_E_OWNED);
    cr_expect_null(second);
    expect_double_wrap(1, "was refused");
    cr_expect_eq(sh_close(first), SH_OK);
    cr_expect_not(is_open(number));
}

Test(descriptor, once_closed_the_number_may_be_wrapped_again)
{
    int number = open_null();
    sh_handle *first, *second;
    cr_assert_eq(sh_wrap(&sh_kind_fd, number, NULL, &first), SH_OK);
    cr_expect_eq(sh_close(first), SH_OK);
    cr_assert_eq(open_null(), number, "the kernel gives it out again");
    cr_assert_eq(sh_wrap(&sh_kind_fd, number, NULL, &second), SH_OK);
    cr_expect_eq(sh_close(first), SH_OK, "and the old handle does not touch it");
    cr_expect(is_open(number));
    expect_double_wrap(0, NULL);
}

Test(descriptor, a_wrapper_that_only_looks_is_exempt)
{
    int number = open_null();
    sh_create_options only_looks = {.not_owned = true};
    sh_handle *owner, *looker;
    cr_assert_eq(sh_wrap(&sh_kind_fd, number, NULL, &owner), SH_OK);
    cr_assert_eq(sh_wrap(&sh_kind_fd, number, &only_looks, &looker), SH_OK);
    cr_expect_eq(sh_close(looker), SH_OK);
    cr_expect(is_open(number));
    expect_double_wrap(0, NULL);
}

Test(descriptor, a_pending_close_still_owns_the_number)
{
    int number = open_null();
    sh_handle *first, *second = NULL;
    bool success = false;
    cr_assert_eq(sh_wrap(&sh_kind_fd, number, NULL, &first), SH_OK);
    cr_assert_eq(sh_dangerous_add_ref(first, &success), SH_OK);
    cr_expect_eq(sh_close(first), SH_PENDING);
    cr_expect_eq(sh_wrap(&sh_kind_fd, number, NULL, &second), SH_E_OWNED);
    cr_expect_eq(sh_dangerous_release(first), SH_OK);
}

/* bun#43733: somebody calls close(2) himself; the number is born again inside another handle. */
Test(descriptor, a_number_closed_behind_its_owners_back_and_opened_again)
{
    sh_handle *stale, *fresh;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &stale), SH_OK);
    sh_raw number = sh_dangerous_get_handle(stale);
    cr_assert_eq(close((int)number), 0);
    cr_assert_eq(sh_open_file("/dev/zero", O_RDONLY, 0, NULL, &fresh), SH_OK);
    cr_assert_eq(sh_dangerous_get_handle(fresh), number);
    cr_expect(sh_is_closed(stale), "set as invalid");
    expect_double_wrap(1, "behind its handle's back");
    cr_expect_eq(sh_close(stale), SH_OK);
    cr_expect(is_open(number), "the stranger lives");
    char byte = 1;
    cr_expect_eq(read((int)number, &byte, 1), 1);
    cr_expect_eq(sh_close(fresh), SH_OK);
}

Test(descriptor, a_stale_owner_in_use_is_set_as_invalid_too)
{
    sh_handle *stale, *fresh;
    bool success = false;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &stale), SH_OK);
    sh_raw number = sh_dangerous_get_handle(stale);
    cr_assert_eq(sh_dangerous_add_ref(stale, &success), SH_OK);
    cr_assert_eq(close((int)number), 0);
    cr_assert_eq(sh_open_file("/dev/zero", O_RDONLY, 0, NULL, &fresh), SH_OK);
    cr_expect_eq(sh_dangerous_release(stale), SH_OK);
    cr_expect(is_open(number));
    cr_expect_eq(sh_close(fresh), SH_OK);
}

static sh_handle *racing;

static void begin_release(void *unused)
{
    (void)unused;
    cr_assert(state_word_begin_close(&racing->state, 0).duty == STATE_RELEASE);
}

/* The stale owner's release has begun when the number turns out to be somebody else's: it must not close it. */
Test(descriptor, a_stale_owner_that_is_being_released_does_not_close_the_stranger)
{
    sh_handle *fresh;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &racing), SH_OK);
    sh_raw number = sh_dangerous_get_handle(racing);
    cr_assert_eq(close((int)number), 0);
    testing_at("handle.reveal", 1, begin_release, NULL);
    cr_assert_eq(sh_open_file("/dev/zero", O_RDONLY, 0, NULL, &fresh), SH_OK);
    testing_at_nothing();
    cr_expect_eq(release_claimed(racing), SH_OK);
    cr_expect(is_open(number));
    expect_double_wrap(1, "not closed again");
}

static void release_racing(void *unused)
{
    (void)unused;
    cr_assert_eq(sh_close(racing), SH_E_RELEASE, "its number was closed behind its back");
}

/* The stale owner is released between the look and the replacement. */
Test(descriptor, a_stale_owner_that_goes_meanwhile)
{
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &racing), SH_OK);
    sh_raw number = sh_dangerous_get_handle(racing);
    cr_assert_eq(close((int)number), 0);
    sh_handle *fresh;
    cr_assert_eq(sh_create(&sh_kind_fd, NULL, &fresh), SH_OK);
    testing_at("handle.reveal", 1, release_racing, NULL);
    cr_expect_eq(sh_set_handle(fresh, number), SH_OK);
    testing_at_nothing();
    expect_double_wrap(0, NULL);
    cr_expect_eq(sh_set_handle(fresh, number), SH_E_ARGUMENT);
}

static void close_racing(void *unused)
{
    (void)unused;
    cr_assert_eq(sh_close(racing), SH_OK);
}

/* The owner goes between our attempt to become it and our look at who it is. */
Test(descriptor, an_owner_that_goes_meanwhile_is_no_owner)
{
    sh_handle *second;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &racing), SH_OK);
    sh_raw number = sh_dangerous_get_handle(racing);
    testing_at("handle.claim", 1, close_racing, NULL);
    cr_expect_eq(sh_wrap(&sh_kind_fd, number, NULL, &second), SH_OK);
    testing_at_nothing();
    expect_double_wrap(0, NULL);
}

static void wrap_before_us(void *number)
{
    cr_assert_eq(sh_wrap(&sh_kind_fd, *(const sh_raw *)number, NULL, &racing), SH_OK);
}

static void give_up_and_let_another_come(void *number)
{
    sh_set_handle_as_invalid(racing);
    testing_at("handle.reveal", 1, wrap_before_us, number);
}

/* And when another one comes after that look, it is seen by the next one. */
Test(descriptor, an_owner_that_comes_meanwhile_is_the_owner)
{
    sh_handle *second = NULL;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &racing), SH_OK);
    sh_raw number = sh_dangerous_get_handle(racing);
    testing_at("handle.claim", 1, give_up_and_let_another_come, &number);
    cr_expect_eq(sh_wrap(&sh_kind_fd, number, NULL, &second), SH_E_OWNED);
    cr_expect_eq(testing_reached(), 2, "looks");
    testing_at_nothing();
    cr_expect_null(second);
    expect_double_wrap(1, "was refused");
    cr_expect(is_open(number));
    cr_expect_eq(sh_close(racing), SH_OK);
    cr_expect_not(is_open(number), "it was its owner's to close");
}

static void close_number_taken(void *number)
{
    /* The new owner of the number goes as well, between our failure to give it up and our look at who has it. */
    (void)sh_close(racing);
    (void)number;
}

Test(descriptor, a_number_that_nobody_owns_any_more)
{
    sh_handle *stale;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &stale), SH_OK);
    sh_raw number = sh_dangerous_get_handle(stale);
    cr_assert_eq(close((int)number), 0);
    cr_assert(state_word_begin_close(&stale->state, 0).duty == STATE_RELEASE);
    cr_assert_eq(sh_open_file("/dev/zero", O_RDONLY, 0, NULL, &racing), SH_OK);
    testing_at("handle.find", 1, close_number_taken, NULL);
    cr_expect_eq(release_claimed(stale), SH_OK);
    testing_at_nothing();
    expect_double_wrap(1, "a place that was not recorded");
}

/* The program takes whatever memory was freed, and writes over it. */
static void write_over_what_is_free(void)
{
    for (size_t size_bytes = 16; size_bytes <= 256; size_bytes += 8)
        for (int i = 0; i < 4; i++) {
            void *taken = malloc(size_bytes);
            cr_assert_not_null(taken);
            memset(taken, 0xff, size_bytes);
        }
}

static void close_and_drop_racing(void *unused)
{
    (void)unused;
    (void)sh_close(racing);
    cr_assert_eq(sh_host_drop(racing), SH_OK);
    write_over_what_is_free();
}

/* The owner dies between our look at who it is and the event that names it. */
Test(descriptor, an_owner_that_dies_while_it_refuses_is_told_whole)
{
    sh_handle *second;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &racing), SH_OK);
    sh_raw number = sh_dangerous_get_handle(racing);
    testing_at("handle.reveal", 1, close_and_drop_racing, NULL);
    cr_expect_eq(sh_wrap(&sh_kind_fd, number, NULL, &second), SH_E_OWNED);
    testing_at_nothing();
    expect_double_wrap(1, "was refused");
    testing_event event;
    (void)testing_events(SH_EVENT_DOUBLE_WRAP, &event);
    cr_expect_eq(event.event.kind, &sh_kind_file);
}

Test(descriptor, a_stale_owner_that_dies_meanwhile)
{
    sh_handle *fresh;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &racing), SH_OK);
    sh_raw number = sh_dangerous_get_handle(racing);
    cr_assert_eq(sh_create(&sh_kind_fd, NULL, &fresh), SH_OK);
    testing_at("handle.reveal", 1, close_and_drop_racing, NULL);
    cr_expect_eq(sh_set_handle(fresh, number), SH_OK);
    testing_at_nothing();
    expect_double_wrap(0, NULL);
    sh_set_handle_as_invalid(fresh);
}

Test(descriptor, a_new_owner_that_dies_while_the_old_one_is_released_is_told_whole)
{
    sh_handle *stale;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &stale), SH_OK);
    cr_assert_eq(close((int)sh_dangerous_get_handle(stale)), 0);
    cr_assert(state_word_begin_close(&stale->state, 0).duty == STATE_RELEASE);
    cr_assert_eq(sh_open_file("/dev/zero", O_RDONLY, 0, NULL, &racing), SH_OK);
    testing_at("handle.reveal", 1, close_and_drop_racing, NULL);
    cr_expect_eq(release_claimed(stale), SH_OK);
    testing_at_nothing();
    expect_double_wrap(1, "descriptor_test.c");
}

static void shut_down(void *unused)
{
    (void)unused;
    testing_at_nothing();
    cr_assert_eq(sh_shutdown(1000), SH_OK);
}

/* A runtime that stops while a number is being wrapped leaves it to the caller. */
Test(descriptor, an_unload_while_wrapping_leaves_the_number_alone)
{
    int number = open_null();
    sh_handle *h = NULL;
    testing_at("handle.made", 1, shut_down, NULL);
    cr_expect_eq(sh_wrap(&sh_kind_fd, number, NULL, &h), SH_E_CLOSED);
    cr_expect_null(h);
    cr_expect(is_open(number));
    testing_start_manual();
    cr_expect_eq(sh_wrap(&sh_kind_fd, number, NULL, &h), SH_OK, "and nobody owns it");
}

/* And releases it when it comes after the birth: the handle is one of those that it found. */
Test(descriptor, an_unload_just_after_wrapping_releases_the_number)
{
    int number = open_null();
    sh_handle *h = NULL;
    testing_at("handle.born", 1, shut_down, NULL);
    cr_expect_eq(sh_wrap(&sh_kind_fd, number, NULL, &h), SH_OK);
    cr_assert_not_null(h);
    cr_expect(sh_is_released(h));
    cr_expect_not(is_open(number));
}

static sh_handle *fresh_owner;

static void own_the_number(void *number)
{
    testing_at_nothing();
    cr_assert_eq(sh_set_handle(fresh_owner, *(const int *)number), SH_OK);
}

/* When the number turns out to be somebody else's, nobody can set as invalid what is not born yet. */
static void expect_not_wrapped_when_taken_at(const char *checkpoint)
{
    int number = open_null();
    sh_handle *h = NULL;
    cr_assert_eq(sh_create(&sh_kind_fd, NULL, &fresh_owner), SH_OK);
    testing_at(checkpoint, 1, own_the_number, &number);
    cr_expect_eq(sh_wrap(&sh_kind_fd, number, NULL, &h), SH_E_CLOSED);
    cr_expect_null(h);
    expect_double_wrap(1, "behind its handle's back");
    cr_expect_eq(sh_close(fresh_owner), SH_OK);
    cr_expect_not(is_open(number));
}

Test(descriptor, a_number_that_is_taken_while_it_is_wrapped_is_not_wrapped)
{
    expect_not_wrapped_when_taken_at("handle.made");
}

Test(descriptor, a_number_that_is_taken_just_after_it_was_wrapped_is_not_wrapped)
{
    expect_not_wrapped_when_taken_at("handle.born");
}

Test(descriptor, numbers_beyond_the_map_are_owned_without_proof)
{
    sh_handle *first, *second;
    sh_raw far = (sh_raw)OWNER_MAP_NUMBERS + 5;
    cr_expect_eq(sh_wrap(&sh_kind_fd, far, NULL, &first), SH_OK);
    cr_expect_eq(sh_wrap(&sh_kind_fd, far, NULL, &second), SH_OK);
    sh_set_handle_as_invalid(first);
    sh_set_handle_as_invalid(second);
}

Test(descriptor, a_number_that_is_bad_is_told_at_its_release)
{
    sh_handle *bad, *huge;
    cr_assert_eq(sh_wrap(&sh_kind_fd, 999999, NULL, &bad), SH_OK);
    cr_expect_eq(sh_close(bad), SH_E_RELEASE);
    testing_event event;
    cr_expect_eq(testing_events(SH_EVENT_RELEASE_FAILED, &event), 1);
    cr_expect_eq(event.event.os_error, EBADF);
    cr_expect_not_null(strstr(event.message, "was not open"));
    cr_assert_eq(sh_wrap(&sh_kind_fd, (sh_raw)INT32_MAX + 8, NULL, &huge), SH_OK);
    cr_expect_eq(sh_close(huge), SH_E_RELEASE, "not closed as the int that it would be cut to");
}

/* Document 000: two objects over one handle, as in the article, and as it should be. */
Test(descriptor, two_objects_over_one_handle)
{
    sh_handle *first, *second;
    int number = open_null();
    cr_assert_eq(sh_wrap(&sh_kind_fd, number, NULL, &first), SH_OK);
    cr_assert_eq(sh_duplicate(first, &second), SH_OK);
    cr_expect_neq(sh_dangerous_get_handle(second), number);
    cr_expect_eq(sh_close(first), SH_OK);
    cr_expect(is_open(sh_dangerous_get_handle(second)));
    cr_expect_eq(fcntl((int)sh_dangerous_get_handle(second), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    cr_expect_eq(sh_close(second), SH_OK);
}

/* ---- the platform's half ----------------------------------------------------------------------------------------- */

Test(platform, numbers_that_are_no_descriptors)
{
    sh_raw copy = 99;
    errno = ERANGE;
    cr_expect_eq(platform_descriptor_close((sh_raw)INT32_MAX + 8), EBADF);
    cr_expect_eq(platform_descriptor_duplicate((sh_raw)INT32_MAX + 8, &copy), EBADF);
    cr_expect_eq(platform_descriptor_duplicate(999999, &copy), EBADF);
    cr_expect_eq(copy, 99);
    cr_expect_eq(errno, ERANGE);
}

/* This program's syscall(2), so that a test can count how often close(2) is called, and interrupt one. */
static struct {
    int calls;
    bool interrupted; /* as on Linux: the number is given back, and the answer is EINTR */
} closes;

typedef long system_call(long number, long a, long b, long c, long d, long e, long f);

long syscall(long number, ...)
{
    system_call *real;
    *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    va_list given;
    va_start(given, number);
    long arguments[6];
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++)
        arguments[i] = va_arg(given, long);
    va_end(given);
    long result = real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    if (number != SYS_close)
        return result;
    closes.calls++;
    if (result != 0 || !closes.interrupted)
        return result;
    errno = EINTR;
    return -1;
}

Test(descriptor, an_interrupted_close_is_not_repeated)
{
    sh_handle *h;
    cr_assert_eq(sh_open_file("/dev/null", O_RDONLY, 0, NULL, &h), SH_OK);
    closes.interrupted = true;
    closes.calls = 0;
    cr_expect_eq(sh_close(h), SH_OK, "EINTR counts as closed");
    closes.interrupted = false;
    cr_expect_eq(closes.calls, 1, "a second one could close a stranger's");
    cr_expect_eq(testing_events(SH_EVENT_RELEASE_FAILED, NULL), 0);
}

Test(platform, deadlines)
{
    cr_expect_eq(platform_deadline(-1), PLATFORM_FOREVER);
    cr_expect_eq(platform_deadline(INT64_MAX), PLATFORM_FOREVER);
    int64_t now = platform_now_ms();
    cr_expect_geq(platform_deadline(10), now + 10);
    cr_expect_leq(platform_now_coarse_ms(), platform_now_ms());
}
