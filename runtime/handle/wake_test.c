/* SPDX-License-Identifier: MIT */
/* Waking users, at each step where something can come between. blocked_user_test.c has the calls that block. */
#include "handle/handle.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

TestSuite(wake, .init = testing_start_manual);

enum {
    SHORT_MS = 100,
    LONG_MS = 3000 /* a hang */
};

/* ---- a thread that leases ---------------------------------------------------------------------------------------- */

typedef struct user {
    sh_handle *h;
    void (*call)(struct user *self, int number);
    pthread_t thread;
    atomic_word leases;
    atomic_word go_on;
    int error;
} user;

static void *use(void *argument)
{
    user *self = argument;
    sh_lease lease;
    sh_raw raw = -1;
    cr_assert_eq(sh_lease_begin(&lease, self->h, &raw), SH_OK);
    atomic_word_store_release(&self->leases, 1);
    self->call(self, (int)raw);
    sh_lease_end(&lease);
    return NULL;
}

static void start(user *self)
{
    (void)pthread_create(&self->thread, NULL, use, self);
    while (atomic_word_load_acquire(&self->leases) == 0)
        platform_sleep_ms(1);
}

static void call_read(user *self, int number)
{
    char byte;
    ssize_t size;
    do
        size = read(number, &byte, 1);
    while (size < 0 && errno == EINTR);
    self->error = size < 0 ? errno : 0;
}

static void wait_for_go(user *self, int unused)
{
    (void)unused;
    while (atomic_word_load_acquire(&self->go_on) == 0)
        platform_sleep_ms(1);
}

static void leave(void *argument)
{
    user *self = argument;
    atomic_word_store_release(&self->go_on, 1);
    (void)pthread_join(self->thread, NULL);
}

static sh_handle *make_pipe(const sh_kind *kind, int *out_write_end)
{
    int both[2];
    sh_handle *h = NULL;
    cr_assert_eq(pipe2(both, O_CLOEXEC), 0);
    cr_assert_eq(sh_wrap(kind, both[0], NULL, &h), SH_OK);
    *out_write_end = both[1];
    return h;
}

static int number_of(const sh_handle *h)
{
    return (int)sh_dangerous_get_handle(h);
}

static bool is_tombstone(int number)
{
    int flags = fcntl(number, F_GETFL);
    return flags >= 0 && (flags & O_PATH) != 0;
}

/* ---- the tombstone ----------------------------------------------------------------------------------------------- */

Test(wake, a_user_that_tries_again_finds_a_tombstone, .timeout = 20)
{
    int write_end;
    user self = {.h = make_pipe(&sh_kind_pipe, &write_end), .call = call_read};
    start(&self);
    platform_sleep_ms(20);
    cr_expect_eq(sh_close_wait(self.h, LONG_MS), SH_OK);
    (void)close(write_end);
    leave(&self);
    cr_expect_eq(self.error, EBADF);
}

/* As who is about to give the number away asks. */
Test(wake, a_number_that_was_buried_is_known)
{
    int write_end;
    user self = {.h = make_pipe(&sh_kind_pipe, &write_end), .call = wait_for_go};
    user other = {.h = self.h, .call = wait_for_go}; /* nobody is buried under one thread alone */
    start(&self);
    start(&other);
    cr_expect_not(wake_has_buried(self.h));
    cr_expect_eq(sh_close_wait(self.h, SHORT_MS), SH_E_TIMEOUT);
    cr_expect(is_tombstone(number_of(self.h)));
    cr_expect(wake_has_buried(self.h));
    leave(&self);
    leave(&other);
    cr_expect_eq(sh_close_wait(self.h, LONG_MS), SH_OK);
    (void)close(write_end);
}

static void *close_and_wait(void *h)
{
    cr_expect_eq(sh_close_wait(h, LONG_MS), SH_OK);
    return NULL;
}

static pthread_t closer;

static void close_beside(void *h)
{
    (void)pthread_create(&closer, NULL, close_and_wait, h);
    while (!is_tombstone(number_of(h)))
        platform_sleep_ms(1);
}

Test(wake, a_copy_is_never_one_of_a_tombstone, .timeout = 20)
{
    int write_end;
    sh_handle *h = make_pipe(&sh_kind_pipe, &write_end), *copy = NULL;
    size_t before = testing_open_descriptors();
    testing_at("handle.made", 1, close_beside, h);
    cr_expect_eq(sh_duplicate(h, &copy), SH_E_CLOSED);
    testing_at_nothing();
    (void)pthread_join(closer, NULL);
    cr_expect_null(copy);
    cr_expect_eq(testing_open_descriptors(), before - 1);
    (void)close(write_end);
}

static int stranger;

static void leave_and_recycle(void *self)
{
    leave(self);
    stranger = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The last user goes between the look for users and the burial. */
Test(wake, a_stranger_is_not_buried)
{
    int write_end;
    user self = {.h = make_pipe(&sh_kind_pipe, &write_end), .call = wait_for_go};
    start(&self);
    testing_at("handle.bury", 1, leave_and_recycle, &self);
    cr_expect_eq(sh_close_wait(self.h, LONG_MS), SH_OK);
    testing_at_nothing();
    cr_expect_geq(stranger, 0);
    cr_expect_not(is_tombstone(stranger));
    (void)close(stranger);
    (void)close(write_end);
}

Test(wake, no_descriptor_no_tombstone_and_nobody_is_signalled)
{
    int write_end;
    cr_assert_eq(sh_shutdown(LONG_MS), SH_OK);
    testing_from("platform.tombstone", 1, NULL, NULL);
    testing_start_manual();
    user self = {.h = make_pipe(&sh_kind_pipe, &write_end), .call = call_read};
    start(&self);
    cr_expect_eq(sh_close_wait(self.h, SHORT_MS), SH_E_TIMEOUT);
    cr_expect_not(is_tombstone(number_of(self.h)));
    testing_at_nothing();
    cr_expect_eq(sh_close_wait(self.h, LONG_MS), SH_OK, "descriptors are free again");
    (void)close(write_end);
    leave(&self);
}

static int find_reserve(void)
{
    for (int number = 3; number < 2048; number++)
        if (is_tombstone(number))
            return number;
    return -1;
}

static void read_and_close(void)
{
    int write_end;
    user self = {.h = make_pipe(&sh_kind_pipe, &write_end), .call = call_read};
    start(&self);
    platform_sleep_ms(10);
    cr_expect_eq(sh_close_wait(self.h, LONG_MS), SH_OK);
    (void)close(write_end);
    leave(&self);
    cr_expect_eq(self.error, EBADF);
}

Test(wake, when_descriptors_ran_out, .timeout = 20)
{
    int write_end, last = -1;
    user self = {.h = make_pipe(&sh_kind_pipe, &write_end), .call = call_read};
    start(&self);
    for (int more; (more = dup(write_end)) >= 0;)
        last = more;
    cr_expect_eq(errno, EMFILE);
    cr_expect_eq(sh_close_wait(self.h, LONG_MS), SH_OK);
    for (; last >= write_end; last--)
        if (!is_tombstone(last))
            (void)close(last); /* which ends the read, if nothing else did */
    leave(&self);
}

Test(wake, a_reserve_that_was_closed_is_opened_again, .timeout = 20)
{
    int both[2], reserve = find_reserve();
    char byte = 0;
    cr_assert_geq(reserve, 0);
    cr_assert_eq(pipe2(both, O_CLOEXEC), 0);
    cr_assert_eq(dup2(both[0], reserve), reserve, "a program may close all its descriptors, and get the number again");
    read_and_close();
    cr_expect_eq(write(both[1], "x", 1), 1);
    cr_expect_eq(read(reserve, &byte, 1), 1);
    cr_expect_eq(sh_shutdown(LONG_MS), SH_OK);
    cr_expect_eq(find_reserve(), -1);
    cr_expect_geq(fcntl(reserve, F_GETFD), 0);
}

Test(wake, a_reserve_that_was_lost_to_a_stranger_is_not_closed)
{
    int reserve = find_reserve(), stranger_number = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(dup2(stranger_number, reserve), reserve);
    cr_expect_eq(sh_shutdown(LONG_MS), SH_OK);
    cr_expect_geq(fcntl(reserve, F_GETFD), 0);
}

Test(wake, the_reserve_is_out_of_the_way, .timeout = 20)
{
    int reserve = find_reserve();
    cr_expect_geq(reserve, 64);
    cr_expect_lt(reserve, 1024, "or the kernel would need a larger table");
    cr_expect_neq(fcntl(reserve, F_GETFD) & FD_CLOEXEC, 0);
    cr_expect_eq(sh_shutdown(LONG_MS), SH_OK);
    cr_expect_lt(fcntl(reserve, F_GETFD), 0);
    testing_start_manual();
    read_and_close();
}

Test(wake, the_reserve_stays_low_where_it_must, .timeout = 20)
{
    cr_assert_eq(sh_shutdown(LONG_MS), SH_OK);
    int top = dup(0);
    const struct rlimit little = {.rlim_cur = (rlim_t)top + 8, .rlim_max = (rlim_t)top + 8};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &little), 0);
    for (int number = top + 1; number < top + 8; number++)
        cr_assert_eq(dup2(0, number), number);
    (void)close(top);
    testing_start_manual();
    cr_expect_eq(find_reserve(), top);
}

Test(wake, numbers_that_are_none)
{
    sh_handle *huge = NULL, *closed = NULL;
    cr_assert_eq(sh_wrap(&sh_kind_fd, (sh_raw)INT32_MAX + 8, NULL, &huge), SH_OK);
    cr_assert_eq(sh_wrap(&sh_kind_fd, 999999, NULL, &closed), SH_OK);
    user first = {.h = huge, .call = wait_for_go}, second = {.h = closed, .call = wait_for_go};
    start(&first);
    start(&second);
    errno = ERANGE;
    cr_expect_eq(sh_close_wait(huge, SHORT_MS), SH_E_TIMEOUT);
    cr_expect_eq(sh_close_wait(closed, SHORT_MS), SH_E_TIMEOUT);
    cr_expect_eq(errno, ERANGE);
    leave(&first);
    leave(&second);
}

Test(wake, two_waiters_bury_once)
{
    int write_end;
    user self = {.h = make_pipe(&sh_kind_pipe, &write_end), .call = wait_for_go};
    wake_progress first = {.due = 0}, second = {.due = 0};
    start(&self);
    (void)sh_close(self.h);
    (void)wake_users(self.h, &first);
    (void)wake_users(self.h, &second);
    cr_expect(first.buried && second.buried);
    cr_expect(is_tombstone(number_of(self.h)));
    leave(&self);
    cr_expect(sh_is_released(self.h));
    cr_expect_lt(fcntl(number_of(self.h), F_GETFD), 0);
    (void)close(write_end);
}

/* ---- a number that is given away --------------------------------------------------------------------------------- */

static void invalidate(void *h)
{
    sh_set_handle_as_invalid(h);
}

static void invalidate_at(const char *checkpoint)
{
    int write_end;
    user self = {.h = make_pipe(&sh_kind_pipe, &write_end), .call = wait_for_go};
    start(&self);
    testing_at(checkpoint, 1, invalidate, self.h);
    cr_expect_eq(sh_close_wait(self.h, SHORT_MS), SH_E_TIMEOUT);
    testing_at_nothing();
    cr_expect_not(is_tombstone(number_of(self.h)), "invalidated at %s", checkpoint);
    leave(&self);
    cr_expect_eq(close(number_of(self.h)), 0);
    (void)close(write_end);
}

Test(wake, what_was_set_as_invalid_is_not_buried)
{
    invalidate_at("handle.wake");
    invalidate_at("handle.look");
}

static struct {
    pthread_t thread;
    sh_handle *h;
    atomic_word returned;
} invalidator;

static void *invalidate_and_tell(void *unused)
{
    sh_set_handle_as_invalid(invalidator.h);
    atomic_word_store_release(&invalidator.returned, 1);
    return unused;
}

static void start_invalidator(void *unused)
{
    (void)unused;
    (void)pthread_create(&invalidator.thread, NULL, invalidate_and_tell, NULL);
    platform_sleep_ms(50);
    cr_expect_eq(atomic_word_load_acquire(&invalidator.returned), 0, "or the caller gives away what is buried next");
}

Test(wake, setting_as_invalid_waits_for_a_burial)
{
    int write_end;
    user self = {.h = make_pipe(&sh_kind_pipe, &write_end), .call = wait_for_go};
    invalidator.h = self.h;
    start(&self);
    testing_at("handle.bury", 1, start_invalidator, NULL);
    cr_expect_eq(sh_close_wait(self.h, SHORT_MS), SH_E_TIMEOUT);
    testing_at_nothing();
    (void)pthread_join(invalidator.thread, NULL);
    leave(&self);
    cr_expect_eq(close(number_of(self.h)), 0);
    (void)close(write_end);
}

/* ---- the signal -------------------------------------------------------------------------------------------------- */

enum { ON_ITS_WAY_MS = 150 };

/* Looks, is on its way, and then waits for something else: as an event loop does. */
static void poll_elsewhere(user *self, int unused)
{
    (void)unused;
    int both[2];
    cr_assert_eq(pipe2(both, O_CLOEXEC), 0);
    struct pollfd other = {.fd = both[0], .events = POLLIN};
    while (!sh_is_closed(self->h)) {
        for (int64_t end = platform_now_ms() + ON_ITS_WAY_MS; platform_now_ms() < end;) {
        }
        self->error = poll(&other, 1, 2 * LONG_MS) < 0 ? errno : 0;
    }
    (void)close(both[0]);
    (void)close(both[1]);
}

Test(wake, one_signal_is_not_enough, .timeout = 30)
{
    int write_end;
    user self = {.h = make_pipe(&sh_kind_pipe, &write_end), .call = poll_elsewhere};
    start(&self);
    cr_expect_eq(sh_close_wait(self.h, LONG_MS), SH_OK);
    leave(&self);
    cr_expect_eq(self.error, EINTR);
    (void)close(write_end);
}

static void handle_signal(int unused)
{
    (void)unused;
}

static sh_status start_with(sh_collector collector, int wake_signal)
{
    const sh_options options = {.collector = collector, .wake_signal = wake_signal};
    return sh_init(&options);
}

Test(wake, signals_that_are_refused)
{
    static const int refused[] = {-1,     32,     65,     SIGKILL, SIGSTOP, SIGSEGV,
                                  SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    cr_assert_eq(sh_shutdown(LONG_MS), SH_OK);
    errno = ERANGE;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        cr_expect_eq(start_with(SH_COLLECTOR_MANUAL, refused[i]), SH_E_ARGUMENT, "%d", refused[i]);
    cr_expect_eq(errno, ERANGE);
    (void)signal(SIGUSR2, handle_signal);
    cr_expect_eq(start_with(SH_COLLECTOR_MANUAL, SIGUSR2), SH_E_ARGUMENT, "the program handles it");
    struct sigaction with_info = {.sa_flags = SA_SIGINFO};
    (void)sigaction(SIGUSR1, &with_info, NULL);
    cr_expect_eq(start_with(SH_COLLECTOR_MANUAL, SIGUSR1), SH_E_ARGUMENT);
}

Test(wake, a_signal_of_the_programs_choice, .timeout = 20)
{
    cr_assert_eq(sh_shutdown(LONG_MS), SH_OK);
    (void)signal(SIGRTMIN + 3, SIG_IGN);
    cr_expect_eq(start_with(SH_COLLECTOR_MANUAL, SIGRTMIN + 3), SH_OK);
    cr_expect_eq(start_with(SH_COLLECTOR_MANUAL, 0), SH_E_ARGUMENT, "it is running with another one");
    cr_expect_eq(start_with(SH_COLLECTOR_MANUAL, SIGRTMIN + 3), SH_OK);
    read_and_close();
    cr_expect_eq(sh_shutdown(LONG_MS), SH_OK);
    cr_expect_eq(start_with(SH_COLLECTOR_MANUAL, SIGURG), SH_OK);
    cr_expect_eq(start_with(SH_COLLECTOR_MANUAL, 0), SH_OK, "that is the default");
    read_and_close();
}

#ifdef SH_HAVE_BOEHM
Test(wake, the_collectors_signals_are_refused, .init = NULL)
{
    static const int refused[] = {SIGPWR, SIGXCPU};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        cr_expect_eq(start_with(SH_COLLECTOR_BOEHM, refused[i]), SH_E_ARGUMENT);
}
#endif

/* ---- threads of ours --------------------------------------------------------------------------------------------- */

static struct {
    user *waited_for;
    user inside;
    sh_status status;
    atomic_word done;
} final;

static void finalize_waiting(void *object, void *data)
{
    (void)object;
    (void)data;
    final.status = sh_close_wait(final.waited_for->h, LONG_MS);
    atomic_word_store_release(&final.done, 1);
}

static void finalize_reading(void *object, void *data)
{
    (void)object;
    (void)data;
    (void)use(&final.inside);
    atomic_word_store_release(&final.done, 1);
}

static void finalize(sh_finalizer *run)
{
    static int object;
    cr_assert_eq(sh_finalizer_register(&object, run, NULL), SH_OK);
    cr_assert_eq(sh_host_drop_object(&object), SH_OK);
}

static void wait_for(const atomic_word *word)
{
    while (atomic_word_load_acquire(word) == 0)
        platform_sleep_ms(1);
}

Test(wake, a_finalizer_does_not_wait_for_users, .timeout = 20)
{
    int write_end;
    user self = {.h = make_pipe(&sh_kind_pipe, &write_end), .call = call_read};
    final.waited_for = &self;
    start(&self);
    finalize(finalize_waiting);
    wait_for(&final.done);
    cr_expect_eq(final.status, SH_PENDING);
    cr_expect_eq(sh_close_wait(self.h, LONG_MS), SH_OK);
    leave(&self);
    (void)close(write_end);
}

Test(wake, a_finalizer_that_leases_is_woken, .timeout = 20)
{
    int write_end;
    final.inside = (user){.h = make_pipe(&sh_kind_pipe, &write_end), .call = call_read};
    finalize(finalize_reading);
    wait_for(&final.inside.leases);
    cr_expect_eq(sh_close_wait(final.inside.h, LONG_MS), SH_OK);
    (void)close(write_end);
    wait_for(&final.done);
    cr_expect_eq(final.inside.error, EBADF);
}

/* ---- kinds of one's own ------------------------------------------------------------------------------------------ */

static atomic_word interrupts;

static int interrupt_in_vain(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    (void)atomic_word_add(&interrupts, 1);
    return 0;
}

static int release(sh_raw raw, void *context)
{
    (void)context;
    return platform_descriptor_close(raw);
}

static const sh_kind stubborn_kind = {
    .name = "stubborn pipe",
    .invalid_value = -1,
    .release = release,
    .interrupt = interrupt_in_vain,
    .flags = SH_KIND_FD,
};

Test(wake, an_interrupt_comes_first, .timeout = 20)
{
    int write_end;
    user self = {.h = make_pipe(&stubborn_kind, &write_end), .call = call_read};
    wake_progress progress = {.due = 0};
    start(&self);
    platform_sleep_ms(20);
    (void)sh_close(self.h);
    (void)wake_users(self.h, &progress);
    cr_expect_eq(atomic_word_load(&interrupts), 1);
    cr_expect_not(progress.buried);
    cr_expect_eq(sh_close_wait(self.h, LONG_MS), SH_OK, "and the tombstone when it was in vain");
    (void)close(write_end);
    leave(&self);
    cr_expect_eq(self.error, EBADF);
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

Test(wake, a_round_waits_until_it_is_due)
{
    sh_handle *h = NULL;
    bool success = false;
    cr_assert_eq(sh_wrap(&testing_kind, 7, NULL, &h), SH_OK);
    cr_assert_eq(sh_dangerous_add_ref(h, &success), SH_OK);
    (void)sh_close(h);
    wake_progress progress = {.due = platform_now_ms() + LONG_MS, .began = 1};
    cr_expect_eq(wake_users(h, &progress), progress.due);
    cr_expect_eq(testing_interrupts(), 0);
    int64_t before = platform_now_ms();
    progress = (wake_progress){.due = before, .began = before - LONG_MS};
    cr_expect_geq(wake_users(h, &progress), before + 10, "less often after a while");
    cr_expect_eq(testing_interrupts(), 1);
    (void)sh_dangerous_release(h);
}

Test(wake, nothing_to_be_done)
{
    sh_create_options borrowed = {.not_owned = true};
    sh_handle *plain = NULL, *other = NULL;
    wake_progress progress = {.due = 0};
    cr_assert_eq(sh_wrap(&testing_derived_kind, 7, NULL, &plain), SH_OK);
    cr_assert_eq(sh_wrap(&sh_kind_fd, 0, &borrowed, &other), SH_OK);
    cr_expect_eq(wake_users(plain, &progress), PLATFORM_FOREVER);
    cr_expect_eq(wake_users(other, &progress), PLATFORM_FOREVER);
    (void)sh_close(plain);
}

/* An unload may run on a thread that leases. */
Test(wake, ones_own_lease_is_no_reason)
{
    int write_end;
    sh_lease lease;
    sh_raw raw;
    wake_progress progress = {.due = 0};
    sh_handle *h = make_pipe(&sh_kind_pipe, &write_end);
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    (void)sh_close(h);
    (void)wake_users(h, &progress);
    cr_expect_not(progress.buried);
    sh_lease_end(&lease);
    (void)close(write_end);
}
