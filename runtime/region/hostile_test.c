/* SPDX-License-Identifier: MIT */
/*
 * What ends processes, or jumps: a stack that overflows between open and store, a signal handler that jumps out of a
 * region, a fork inside one. Each in a child.
 */
#include "base/atomic.h"
#include "testing/tap.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <safehandle.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SECONDS = 30 };

static sh_options options;

/* The status of a child that ran check: 0, or 1 where a CHECK failed. */
static int in_child(void (*check)(void))
{
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)alarm(CHILD_SECONDS); /* a hang is a death */
        check();
        _exit(atomic_word_load(&tap.failures) == 0 ? 0 : 1);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

static void expect_well(int status)
{
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- the stack overflows between open and store ------------------------------------------------------------------ */

enum { THREAD_STACK_BYTES = 256 * 1024, DEPTH_BYTES = 4 * THREAD_STACK_BYTES, FRAME_BYTES = 1024 };

static volatile int opened = -1;

/* Uses the stack up to the depth. Answers something that cannot be known without it. */
static __attribute__((noinline)) int go_deep(int depth_bytes)
{
    volatile char frame[FRAME_BYTES];
    frame[0] = (char)depth_bytes;
    int below = depth_bytes <= FRAME_BYTES ? 0 : go_deep(depth_bytes - FRAME_BYTES);
    return below + frame[0];
}

static void open_deep_store(sh_handle *h)
{
    opened = eventfd(0, EFD_CLOEXEC);
    (void)go_deep(DEPTH_BYTES);
    CHECK(sh_set_handle(h, opened) == SH_OK);
}

static void *overflow_unprotected(void *unused)
{
    sh_handle *h = NULL;
    CHECK(sh_create(&sh_kind_event, NULL, &h) == SH_OK);
    open_deep_store(h);
    return unused;
}

static void *be_told_before(void *unused)
{
    sh_status status;
    const sh_reserve reserve = {.handle_count = 1, .stack_bytes = DEPTH_BYTES + 64 * FRAME_BYTES};
    SH_CONSTRAINED_WITH (&reserve, status)
        open_deep_store(NULL);
    CHECK(status == SH_E_NOMEM);
    CHECK(opened == -1);
    return unused;
}

static void *have_enough(void *unused)
{
    sh_status status;
    sh_handle *h = NULL;
    const sh_reserve reserve = {.handle_count = 1, .stack_bytes = DEPTH_BYTES + 64 * FRAME_BYTES};
    SH_CONSTRAINED_WITH (&reserve, status) {
        CHECK(sh_create(&sh_kind_event, NULL, &h) == SH_OK);
        open_deep_store(h);
    }
    CHECK(status == SH_OK);
    CHECK(sh_close(h) == SH_OK);
    return unused;
}

static void run_on_stack(size_t size_bytes, void *(*run)(void *))
{
    pthread_attr_t attributes;
    pthread_t thread;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, size_bytes);
    CHECK(pthread_create(&thread, &attributes, run, NULL) == 0);
    (void)pthread_join(thread, NULL);
    (void)pthread_attr_destroy(&attributes);
}

static void overflow(void)
{
    run_on_stack(THREAD_STACK_BYTES, overflow_unprotected);
}

static void be_refused(void)
{
    run_on_stack(THREAD_STACK_BYTES, be_told_before);
}

static void go_deep_on_a_large_stack(void)
{
    run_on_stack((size_t)2 * DEPTH_BYTES, have_enough);
}

static void without_a_region_the_stack_overflows(void)
{
    int status = in_child(overflow);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void a_stack_that_would_overflow_is_refused_before_the_open(void)
{
    expect_well(in_child(be_refused));
}

static void a_stack_that_is_large_enough_is_used(void)
{
    expect_well(in_child(go_deep_on_a_large_stack));
}

/* The main thread's stack grows when it is touched, as far as there is memory for it. Its pages are there after enter:
 * none of them faults when there is none left. */
static long page_faults(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt;
}

static void announced_stack_is_there(void)
{
    sh_region region;
    const sh_reserve reserve = {.stack_bytes = (size_t)2 * DEPTH_BYTES};
    CHECK(sh_region_enter(&region, &reserve) == SH_OK);
    long before = page_faults();
    (void)go_deep(DEPTH_BYTES);
    CHECK(page_faults() - before < DEPTH_BYTES / 4096 / 4);
    CHECK(sh_region_leave(&region) == SH_OK);
}

static void the_main_threads_stack_grows_before(void)
{
    expect_well(in_child(announced_stack_is_there));
}

/* ---- a handler that jumps out ------------------------------------------------------------------------------------ */

static sigjmp_buf outside;

static void jump_out(int signal)
{
    (void)signal;
    siglongjmp(outside, 1);
}

static void listen_for_jumps(void)
{
    const struct sigaction action = {.sa_handler = jump_out};
    (void)sigaction(SIGUSR1, &action, NULL);
}

static sh_handle *kept;

/* The signal falls between open and store. */
static void open_in(sh_region *region, const sh_reserve *reserve)
{
    CHECK(sh_region_enter(region, reserve) == SH_OK);
    CHECK(sh_create(&sh_kind_event, NULL, &kept) == SH_OK);
    opened = eventfd(0, EFD_CLOEXEC);
    (void)pthread_kill(pthread_self(), SIGUSR1);
    CHECK(sh_set_handle(kept, opened) == SH_OK);
    CHECK(sh_region_leave(region) == SH_OK);
}

static void be_jumped_out_of(void)
{
    listen_for_jumps();
    static sh_region region;
    const sh_reserve reserve = {.handle_count = 1};
    if (sigsetjmp(outside, 1) == 0)
        open_in(&region, &reserve);
    CHECK(sh_is_invalid(kept));
    CHECK(fcntl(opened, F_GETFD) >= 0); /* lost: this is what a region cannot promise */
    CHECK(sh_region_leave(&region) == SH_OK);
}

static int cancellation(void)
{
    int found, unused;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &found);
    (void)pthread_setcancelstate(found, &unused);
    return found;
}

/* The jump comes when the signals are let through: after all else was put right, and before the leave could tell. */
static void block_the_jump(void)
{
    listen_for_jumps();
    static sh_region region;
    const sh_reserve reserve = {.handle_count = 1, .block_signals = true};
    CHECK(sh_thread_abort(gettid()) == SH_OK);
    if (sigsetjmp(outside, 1) == 0)
        open_in(&region, &reserve);
    CHECK(!sh_is_invalid(kept));
    CHECK(sh_dangerous_get_handle(kept) == opened);
    CHECK(sh_region_leave(&region) == SH_E_ARGUMENT);
    CHECK(cancellation() == PTHREAD_CANCEL_ENABLE);
    CHECK(sh_safepoint() == SH_E_ABORTED);
    CHECK(sh_safepoint() == SH_OK);
    CHECK(sh_close(kept) == SH_OK);
}

static void a_handler_that_jumps_out_loses_the_descriptor(void)
{
    expect_well(in_child(be_jumped_out_of));
}

static void blocked_signals_wait_until_it_is_stored(void)
{
    expect_well(in_child(block_the_jump));
}

static void leave_open_inside(void)
{
    static sh_region inner;
    const sh_reserve reserve = {.handle_count = 2, .lease_count = 3};
    CHECK(sh_region_enter(&inner, &reserve) == SH_OK);
    (void)pthread_kill(pthread_self(), SIGUSR1);
}

static void end_what_a_jump_left_open(void)
{
    listen_for_jumps();
    sh_status status;
    SH_CONSTRAINED (status)
        if (sigsetjmp(outside, 1) == 0)
            leave_open_inside();
    CHECK(status == SH_E_ARGUMENT); /* it was not the innermost; and yet it is left */
    sh_region next;
    CHECK(sh_region_enter(&next, NULL) == SH_OK);
    CHECK(next.depth == 1);
    CHECK(sh_region_leave(&next) == SH_OK);
}

static void the_end_of_a_scope_ends_what_a_jump_left_open(void)
{
    expect_well(in_child(end_what_a_jump_left_open));
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

static sh_region forked_in;

static void go_on_inside(void)
{
    sh_handle *h = NULL;
    CHECK(sh_safepoint() == SH_OK);
    CHECK(sh_open_event(0, 0, NULL, &h) == SH_OK);
    CHECK(sh_close(h) == SH_OK);
    CHECK(sh_thread_abort(gettid()) == SH_OK);
    CHECK(sh_region_leave(&forked_in) == SH_E_ABORTED);
    CHECK(sh_shutdown(10000) == SH_OK);
}

static struct {
    pthread_barrier_t inside;
    pthread_barrier_t leave;
} other;

static void *stay_inside(void *unused)
{
    sh_region region;
    const sh_reserve reserve = {.handle_count = 10};
    CHECK(sh_region_enter(&region, &reserve) == SH_OK);
    (void)pthread_barrier_wait(&other.inside);
    (void)pthread_barrier_wait(&other.leave);
    CHECK(sh_region_leave(&region) == SH_OK);
    return unused;
}

static void a_child_goes_on_inside_its_region(void)
{
    (void)pthread_barrier_init(&other.inside, NULL, 2);
    (void)pthread_barrier_init(&other.leave, NULL, 2);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, stay_inside, NULL);
    (void)pthread_barrier_wait(&other.inside);
    const sh_reserve reserve = {.handle_count = 1};
    CHECK(sh_region_enter(&forked_in, &reserve) == SH_OK);
    expect_well(in_child(go_on_inside));
    CHECK(sh_safepoint() == SH_OK);
    CHECK(sh_region_leave(&forked_in) == SH_OK); /* the abort was the child's */
    (void)pthread_barrier_wait(&other.leave);
    (void)pthread_join(thread, NULL);
}

/* ---- a stack of the program's own -------------------------------------------------------------------------------- */

static void *on_its_own_stack(void *unused)
{
    sh_region region;
    const sh_reserve reserve = {.stack_bytes = THREAD_STACK_BYTES / 4};
    CHECK(sh_region_enter(&region, &reserve) == SH_OK);
    CHECK(sh_region_leave(&region) == SH_OK);
    const sh_reserve too_much = {.stack_bytes = THREAD_STACK_BYTES};
    CHECK(sh_region_enter(&region, &too_much) == SH_E_NOMEM);
    return unused;
}

static void a_thread_on_a_stack_of_the_programs(void)
{
    static char stack[THREAD_STACK_BYTES] __attribute__((aligned(4096)));
    pthread_attr_t attributes;
    pthread_t thread;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstack(&attributes, stack, sizeof stack);
    CHECK(pthread_create(&thread, &attributes, on_its_own_stack, NULL) == 0);
    (void)pthread_join(thread, NULL);
    (void)pthread_attr_destroy(&attributes);
}

static void on_a_signal_stack(int signal)
{
    (void)signal;
    sh_region region;
    const sh_reserve reserve = {.stack_bytes = 1};
    CHECK(sh_region_enter(&region, &reserve) == SH_E_UNSUPPORTED);
    CHECK(sh_region_enter(&region, NULL) == SH_OK);
    CHECK(sh_region_leave(&region) == SH_OK);
}

static void a_stack_that_the_system_does_not_know_is_refused(void)
{
    static char memory[64 * 1024];
    const stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
    const struct sigaction action = {.sa_handler = on_a_signal_stack, .sa_flags = SA_ONSTACK};
    (void)sigaltstack(&stack, NULL);
    (void)sigaction(SIGUSR2, &action, NULL);
    (void)raise(SIGUSR2);
}

int main(int argc, char **argv)
{
    bool manual = argc > 1 && strcmp(argv[1], "manual") == 0;
    options.collector = manual ? SH_COLLECTOR_MANUAL : SH_COLLECTOR_DEFAULT;
    if (sh_init(&options) != SH_OK)
        return 2;
    TAP_RUN(without_a_region_the_stack_overflows);
    TAP_RUN(a_stack_that_would_overflow_is_refused_before_the_open);
    TAP_RUN(a_stack_that_is_large_enough_is_used);
    TAP_RUN(the_main_threads_stack_grows_before);
    TAP_RUN(a_handler_that_jumps_out_loses_the_descriptor);
    TAP_RUN(blocked_signals_wait_until_it_is_stored);
    TAP_RUN(the_end_of_a_scope_ends_what_a_jump_left_open);
    TAP_RUN(a_child_goes_on_inside_its_region);
    TAP_RUN(a_thread_on_a_stack_of_the_programs);
    TAP_RUN(a_stack_that_the_system_does_not_know_is_refused);
    return tap_end();
}
