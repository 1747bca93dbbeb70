/* SPDX-License-Identifier: MIT */
/*
 * The end of a process unloads the root domain: by return from main, by exit and by sh_shutdown, in a bounded time; and
 * what of that does not happen after _exit, after a signal, and in the child of a fork. A plain program, since each
 * case is a child process. One argument, "manual", runs it on the manual host.
 */
#include "gc/gc_host.h"
#include "platform/platform.h"
#include "testing/tap.h"
#include <safehandle.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static sh_options options;
static int report_to; /* the write end of a pipe: a byte for everything that happens in the child */

static void report(char what)
{
    CHECK(write(report_to, &what, 1) == 1);
}

static int release_reporting(sh_raw raw, void *context)
{
    (void)context;
    report((char)raw);
    return 0;
}

static const sh_kind reporting = {.name = "reporting", .invalid_value = -1, .release = release_reporting};

static void report_finalizer(void *object, void *data)
{
    (void)object;
    (void)data;
    report('f');
}

static void hang(void *object, void *data)
{
    (void)object;
    (void)data;
    for (;;)
        (void)pause();
}

/* ---- a child, and what it reported ------------------------------------------------------------------------------- */

typedef struct ending {
    char text[64]; /* what was reported, in order */
    int status;    /* as of waitpid */
    int64_t took_ms;
} ending;

static ending run_child(void (*body)(void))
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    (void)fflush(stdout);
    int64_t began = platform_now_ms();
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        report_to = ends[1];
        body();
        exit(atomic_word_load(&tap.failures) == 0 ? 0 : 1); /* as return from main */
    }
    (void)close(ends[1]);
    ending seen = {.text = ""};
    size_t size = 0;
    for (ssize_t some; (some = read(ends[0], seen.text + size, sizeof seen.text - 1 - size)) > 0;)
        size += (size_t)some;
    CHECK(waitpid(child, &seen.status, 0) == child);
    seen.took_ms = platform_now_ms() - began;
    (void)close(ends[0]);
    return seen;
}

/* Static: reachable to the end. */
static sh_handle *kept, *in_domain;

static void *make_object(void)
{
    return gc->scanned_allocate(16);
}

static void start_with_handles(void)
{
    CHECK(sh_init(&options) == SH_OK);
    CHECK(sh_wrap(&reporting, 'h', NULL, &kept) == SH_OK);
    sh_domain *domain;
    CHECK(sh_domain_create("of the test", &domain) == SH_OK);
    CHECK(sh_domain_enter(domain) == SH_OK);
    CHECK(sh_wrap(&reporting, 'h', NULL, &in_domain) == SH_OK);
    CHECK(sh_finalizer_register(make_object(), report_finalizer, NULL) == SH_OK);
}

static void expect_all(const ending *seen)
{
    CHECK(WIFEXITED(seen->status) && WEXITSTATUS(seen->status) == 0);
    CHECK(strcmp(seen->text, "fhh") == 0);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void by_return_or_exit(void)
{
    ending seen = run_child(start_with_handles);
    expect_all(&seen);
}

static void start_and_shut_down(void)
{
    start_with_handles();
    CHECK(sh_shutdown(-1) == SH_OK);
    report('.');
}

static void by_shutdown_and_then_nothing_more(void)
{
    ending seen = run_child(start_and_shut_down);
    CHECK(strcmp(seen.text, "fhh.") == 0);
}

static void *exit_elsewhere(void *unused)
{
    (void)unused;
    exit(0);
}

static void start_and_exit_elsewhere(void)
{
    start_with_handles();
    pthread_t thread;
    (void)pthread_create(&thread, NULL, exit_elsewhere, NULL);
    (void)pthread_join(thread, NULL);
}

static void by_exit_on_another_thread(void)
{
    ending seen = run_child(start_and_exit_elsewhere);
    expect_all(&seen);
}

static int collect_in_interrupt(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    gc->collect();
    return 0;
}

static const sh_kind collecting = {
    .name = "collecting", .invalid_value = -1, .release = release_reporting, .interrupt = collect_in_interrupt};

/* On a thread that has never called us. */
static void start_and_collect_at_the_exit(void)
{
    options.exit_deadline_ms = 100;
    bool success = false;
    CHECK(sh_init(&options) == SH_OK);
    CHECK(sh_wrap(&collecting, 'h', NULL, &kept) == SH_OK);
    CHECK(sh_dangerous_add_ref(kept, &success) == SH_OK && success);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, exit_elsewhere, NULL);
    (void)pthread_join(thread, NULL);
}

static void the_thread_that_exits_may_collect(void)
{
    ending seen = run_child(start_and_collect_at_the_exit);
    CHECK(WIFEXITED(seen.status) && WEXITSTATUS(seen.status) == 0);
}

static platform_signal shutdown_is_on;

static void report_late(void *object, void *data)
{
    (void)object;
    (void)data;
    platform_signal_post(&shutdown_is_on);
    (void)usleep(200 * 1000);
    report('f');
}

static void *shut_down(void *unused)
{
    (void)unused;
    CHECK(sh_shutdown(-1) == SH_OK);
    return NULL;
}

static void start_and_exit_beside_a_shutdown(void)
{
    platform_signal_init(&shutdown_is_on);
    options.exit_deadline_ms = 60 * 1000;
    CHECK(sh_init(&options) == SH_OK);
    CHECK(sh_wrap(&reporting, 'h', NULL, &kept) == SH_OK);
    CHECK(sh_finalizer_register(make_object(), report_late, NULL) == SH_OK);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, shut_down, NULL);
    (void)platform_signal_wait(&shutdown_is_on, PLATFORM_FOREVER);
}

static void by_exit_beside_a_shutdown(void)
{
    ending seen = run_child(start_and_exit_beside_a_shutdown);
    CHECK(strcmp(seen.text, "fh") == 0);
}

static void start_and_leave(void)
{
    start_with_handles();
    _exit(0);
}

static void not_after_an_immediate_exit(void)
{
    ending seen = run_child(start_and_leave);
    CHECK(strcmp(seen.text, "") == 0);
}

static void start_and_die(void)
{
    start_with_handles();
    (void)raise(SIGKILL);
}

static void not_after_a_deadly_signal(void)
{
    ending seen = run_child(start_and_die);
    CHECK(WIFSIGNALED(seen.status) && strcmp(seen.text, "") == 0);
}

/* ---- bounded ----------------------------------------------------------------------------------------------------- */

enum { SLACK_MS = 3000 }; /* for a busy machine, and the second that the sink may take */

static void start_with_a_user_and_a_hung_finalizer(void)
{
    options.exit_deadline_ms = 400;
    start_with_handles();
    bool success = false;
    CHECK(sh_finalizer_register(make_object(), hang, NULL) == SH_OK);
    CHECK(sh_dangerous_add_ref(kept, &success) == SH_OK && success);
}

static void a_hung_finalizer_and_a_user_cost_no_more_than_the_deadline(void)
{
    ending seen = run_child(start_with_a_user_and_a_hung_finalizer);
    CHECK(WIFEXITED(seen.status) && WEXITSTATUS(seen.status) == 0);
    CHECK(strcmp(seen.text, "fh") == 0); /* not the one that is in use */
    CHECK(seen.took_ms >= 350 && seen.took_ms < 400 + SLACK_MS);
}

static int hang_in_release(sh_raw raw, void *context)
{
    (void)raw;
    hang(NULL, context);
    return 0;
}

static const sh_kind hanging = {.name = "hanging", .invalid_value = -1, .release = hang_in_release};

static void start_with_a_hung_release(void)
{
    options.exit_deadline_ms = 400;
    start_with_handles();
    sh_handle *h;
    CHECK(sh_wrap(&hanging, 1, NULL, &h) == SH_OK);
}

static void a_hung_release_costs_no_more_than_the_deadline(void)
{
    ending seen = run_child(start_with_a_hung_release);
    expect_all(&seen);
    CHECK(seen.took_ms < 400 + SLACK_MS);
}

static void exit_in_finalizer(void *object, void *data)
{
    (void)object;
    (void)data;
    exit(3);
}

static void start_and_exit_in_a_finalizer(void)
{
    CHECK(sh_init(&options) == SH_OK);
    CHECK(sh_finalizer_register(make_object(), exit_in_finalizer, NULL) == SH_OK);
    CHECK(sh_shutdown(-1) == SH_OK);
}

static void exit_in_a_finalizer_does_not_wait_for_itself(void)
{
    ending seen = run_child(start_and_exit_in_a_finalizer);
    CHECK(WIFEXITED(seen.status) && WEXITSTATUS(seen.status) == 3);
}

/* ---- forks ------------------------------------------------------------------------------------------------------- */

static void fork_and_exit(void)
{
    start_with_handles();
    pid_t child = fork();
    if (child == 0)
        exit(0);
    CHECK(waitpid(child, NULL, 0) == child);
    report('|');
}

static void a_child_that_does_not_use_us_leaves_all_to_the_kernel(void)
{
    ending seen = run_child(fork_and_exit);
    CHECK(strcmp(seen.text, "|fhh") == 0);
}

static void fork_use_and_exit(void)
{
    start_with_handles();
    pid_t child = fork();
    if (child == 0) {
        sh_handle *h;
        CHECK(sh_wrap(&reporting, 'c', NULL, &h) == SH_E_CLOSED || h != NULL);
        exit(0);
    }
    CHECK(waitpid(child, NULL, 0) == child);
    report('|');
}

static void a_child_that_uses_us_unloads_its_own(void)
{
    ending seen = run_child(fork_use_and_exit);
    char *bar = strchr(seen.text, '|');
    CHECK(bar != NULL && strcmp(bar, "|fhh") == 0);
    CHECK(bar != NULL && bar - seen.text == 4 && memchr(seen.text, 'c', 4) != NULL);
}

int main(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "manual") == 0)
        options.collector = SH_COLLECTOR_MANUAL;
    TAP_RUN(by_return_or_exit);
    TAP_RUN(by_shutdown_and_then_nothing_more);
    TAP_RUN(by_exit_on_another_thread);
    TAP_RUN(the_thread_that_exits_may_collect);
    TAP_RUN(by_exit_beside_a_shutdown);
    TAP_RUN(not_after_an_immediate_exit);
    TAP_RUN(not_after_a_deadly_signal);
    TAP_RUN(a_hung_finalizer_and_a_user_cost_no_more_than_the_deadline);
    TAP_RUN(a_hung_release_costs_no_more_than_the_deadline);
    TAP_RUN(exit_in_a_finalizer_does_not_wait_for_itself);
    TAP_RUN(a_child_that_does_not_use_us_leaves_all_to_the_kernel);
    TAP_RUN(a_child_that_uses_us_unloads_its_own);
    return tap_end();
}
