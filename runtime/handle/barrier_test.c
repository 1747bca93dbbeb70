/* SPDX-License-Identifier: MIT */
/*
 * Where there is no barrier: the four ways of docs/leases.md, each in a process of its own in which the system really
 * fails like that (a seccomp filter); and what a fork leaves of leases and closes.
 */
#include "handle/handle.h"
#include "platform/platform.h"
#include "testing/tap.h"
#include "testing/testing.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SECONDS = 30, PATIENCE_MS = 10000, NESTED = 3 };

/* ---- a process of its own ---------------------------------------------------------------------------------------- */

/* From here on membarrier(2) ends in this SECCOMP_RET_…, in every thread of the process. */
static void forbid_barrier(unsigned action)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
}

/* What waitpid tells of a child that runs check. */
static int run_child(void (*check)(void))
{
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(CHILD_SECONDS); /* a hang is a death */
        atomic_word_store(&tap.failures, 0);
        check();
        (void)fflush(stdout);
        _exit(atomic_word_load(&tap.failures) == 0 ? 0 : 1);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

static void in_child(void (*check)(void))
{
    int status = run_child(check);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void start_without(bool no_membarrier)
{
    sh_options options = {.collector = SH_COLLECTOR_MANUAL, .no_membarrier = no_membarrier};
    CHECK(sh_init(&options) == SH_OK);
    testing_listen();
}

/* ---- handles and their users ------------------------------------------------------------------------------------- */

static sh_handle *open_one(void)
{
    sh_handle *h = NULL;
    CHECK(sh_open_file("/dev/null", O_RDWR, 0, NULL, &h) == SH_OK);
    return h;
}

static bool is_open(const sh_handle *h)
{
    return fcntl((int)sh_dangerous_get_handle(h), F_GETFD) >= 0;
}

static void lease_once(sh_handle *h)
{
    sh_lease lease;
    sh_raw raw;
    CHECK(sh_lease_begin(&lease, h, &raw) == SH_OK);
    sh_lease_end(&lease);
}

/* Another thread, which leases h some times, one inside the other, from the first meeting to the second. */
typedef struct user {
    sh_handle *h;
    pthread_t thread;
    pthread_barrier_t meeting;
} user;

static void meet(user *u)
{
    (void)pthread_barrier_wait(&u->meeting);
}

static void *use(void *data)
{
    user *u = data;
    sh_lease leases[NESTED];
    sh_raw raw;
    for (int i = 0; i < NESTED; i++)
        CHECK(sh_lease_begin(&leases[i], u->h, &raw) == SH_OK);
    meet(u);
    meet(u);
    for (int i = 0; i < NESTED; i++) {
        CHECK(is_open(u->h));
        sh_lease_end(&leases[i]);
    }
    return NULL;
}

static void start_user(user *u, sh_handle *h)
{
    u->h = h;
    (void)pthread_barrier_init(&u->meeting, NULL, 2);
    CHECK(pthread_create(&u->thread, NULL, use, u) == 0);
    meet(u);
}

static void end_user(user *u)
{
    meet(u);
    (void)pthread_join(u->thread, NULL);
}

static void leased_elsewhere(sh_handle *h)
{
    user u;
    start_user(&u, h);
    end_user(&u);
}

/* ---- leases work, whatever there is ------------------------------------------------------------------------------ */

static void the_last_of_two_threads_releases(void)
{
    sh_handle *h = open_one();
    user first, second;
    start_user(&first, h);
    start_user(&second, h);
    CHECK(sh_close(h) == SH_PENDING);
    sh_lease lease;
    sh_raw raw;
    CHECK(sh_lease_begin(&lease, h, &raw) == SH_E_CLOSED);
    end_user(&first);
    CHECK(is_open(h) && !sh_is_released(h));
    end_user(&second);
    CHECK(sh_is_released(h) && !is_open(h));
    CHECK(sh_close(h) == SH_OK);
}

static void the_closer_releases_after_them(void)
{
    sh_handle *h = open_one();
    leased_elsewhere(h);
    lease_once(h);
    CHECK(sh_close(h) == SH_OK);
    CHECK(!is_open(h));
}

static void the_closer_is_the_last_user(void)
{
    sh_handle *h = open_one();
    leased_elsewhere(h);
    sh_lease lease;
    sh_raw raw;
    CHECK(sh_lease_begin(&lease, h, &raw) == SH_OK);
    CHECK(sh_close(h) == SH_PENDING);
    CHECK(is_open(h));
    sh_lease_end(&lease);
    CHECK(sh_is_released(h) && !is_open(h));
}

static void check_leases(void)
{
    the_last_of_two_threads_releases();
    the_closer_releases_after_them();
    the_closer_is_the_last_user();
    CHECK(testing_events(SH_EVENT_LEAKED_REFERENCE, NULL) == 0);
}

static void with_the_barrier(void)
{
    start_without(false);
    CHECK(atomic_word_load(&platform_barrier_missing) == 0);
    check_leases();
}

/* ---- 1 and 2: missing, or forbidden from the start --------------------------------------------------------------- */

static void unknown_to_the_system(void)
{
    forbid_barrier(SECCOMP_RET_ERRNO | ENOSYS);
    start_without(false);
    CHECK(atomic_word_load(&platform_barrier_missing) == ENOSYS);
    check_leases();
}

static void forbidden_from_the_start(void)
{
    forbid_barrier(SECCOMP_RET_ERRNO | EPERM);
    start_without(false);
    CHECK(atomic_word_load(&platform_barrier_missing) == EPERM);
    check_leases();
}

/* ---- 3: forbidden later ------------------------------------------------------------------------------------------ */

static void expect_leak(sh_handle *h)
{
    testing_event told = {.message = ""};
    errno = 0;
    CHECK(sh_close(h) == SH_E_SYSTEM && errno == EPERM);
    CHECK(sh_is_closed(h) && !sh_is_released(h) && is_open(h));
    CHECK(testing_events(SH_EVENT_LEAKED_REFERENCE, &told) == 1);
    CHECK(strstr(told.message, "membarrier") != NULL);
    CHECK(sh_close(h) == SH_E_SYSTEM);
    CHECK(sh_close_wait(h, 0) == SH_E_SYSTEM);
    sh_set_handle_as_invalid(h);
    CHECK(is_open(h) && !sh_is_released(h));
    CHECK(testing_events(SH_EVENT_LEAKED_REFERENCE, NULL) == 1);
}

static void forbidden_later(void)
{
    start_without(false);
    sh_handle *never_leased = open_one(), *mine = open_one(), *used = open_one(), *was_used = open_one();
    lease_once(mine);
    leased_elsewhere(was_used);
    user u;
    start_user(&u, used);
    forbid_barrier(SECCOMP_RET_ERRNO | EPERM);
    expect_leak(was_used);
    CHECK(sh_close(used) == SH_E_SYSTEM);
    end_user(&u);
    CHECK(is_open(used) && !sh_is_released(used));
    CHECK(sh_close(never_leased) == SH_OK && !is_open(never_leased));
    CHECK(sh_close(mine) == SH_OK && !is_open(mine));
    the_last_of_two_threads_releases(); /* leased for the first time from now on */
    the_closer_releases_after_them();
    the_closer_is_the_last_user();
}

static void make_dead(size_t i, void *unused)
{
    (void)unused;
    sh_handle *h = open_one();
    leased_elsewhere(h);
    (void)i;
}

/* A collector knows that nobody leases what nothing reaches. */
static void dead_by_collection(void)
{
#ifdef SH_HAVE_BOEHM
    enum { MANY = 100, ALL_BUT = 10 };
    sh_options options = {.collector = SH_COLLECTOR_BOEHM};
    CHECK(sh_init(&options) == SH_OK);
    size_t before = testing_open_descriptors();
    testing_make_garbage(MANY, make_dead, NULL);
    CHECK(testing_open_descriptors() >= before + MANY);
    forbid_barrier(SECCOMP_RET_ERRNO | EPERM);
    sh_handle *h = open_one();
    leased_elsewhere(h);
    for (int i = 0; i < 3; i++) {
        sh_collect();
        CHECK(sh_wait_for_pending_finalizers(PATIENCE_MS) == SH_OK);
    }
    CHECK(testing_open_descriptors() <= before + ALL_BUT);
    sh_keep_alive(h);
#else
    (void)make_dead;
#endif
}

/* ---- 4: who asks is ended ---------------------------------------------------------------------------------------- */

static void ended_by_the_system(void)
{
    forbid_barrier(SECCOMP_RET_KILL_PROCESS);
    start_without(false);
}

static void never_asks(void)
{
    forbid_barrier(SECCOMP_RET_KILL_PROCESS);
    start_without(true);
    CHECK(atomic_word_load(&platform_barrier_missing) != 0);
    check_leases();
}

/* ---- forks ------------------------------------------------------------------------------------------------------- */

static sh_handle *inherited;

static void close_inherited(void)
{
    CHECK(sh_close(inherited) == SH_OK);
    CHECK(sh_is_released(inherited) && !is_open(inherited));
    CHECK(atomic_word_load(&platform_barrier_missing) == 0);
    check_leases(); /* the registration survives */
    CHECK(atomic_word_load(&platform_barrier_missing) == 0);
}

static void a_child_closes_what_vanished_threads_lease(void)
{
    start_without(false);
    inherited = open_one();
    user u;
    start_user(&u, inherited);
    in_child(close_inherited);
    end_user(&u);
    CHECK(is_open(inherited));
    CHECK(sh_close(inherited) == SH_OK);
}

static user closer;

static void stop_here(void *unused)
{
    (void)unused;
    meet(&closer);
    meet(&closer);
}

static void *close_it(void *h)
{
    CHECK(sh_close(h) == SH_OK);
    return NULL;
}

/* The thread that closes it stops at this checkpoint, and the child does not have it. */
static void fork_while_it_is_closed_at(const char *checkpoint)
{
    start_without(false);
    inherited = open_one();
    leased_elsewhere(inherited);
    (void)pthread_barrier_init(&closer.meeting, NULL, 2);
    testing_at(checkpoint, 1, stop_here, NULL);
    CHECK(pthread_create(&closer.thread, NULL, close_it, inherited) == 0);
    meet(&closer);
    CHECK(sh_is_closed(inherited) && !sh_is_released(inherited));
    in_child(close_inherited);
    meet(&closer);
    (void)pthread_join(closer.thread, NULL);
    testing_at_nothing();
    CHECK(sh_is_released(inherited));
}

static void a_child_closes_what_was_being_closed(void)
{
    fork_while_it_is_closed_at("handle.fence");
}

static void a_child_closes_what_was_fenced_for(void)
{
    fork_while_it_is_closed_at("handle.fenced");
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

#define IN_CHILD(check)                                                                                                \
    static void check##_(void)                                                                                         \
    {                                                                                                                  \
        in_child(check);                                                                                               \
    }

IN_CHILD(with_the_barrier)
IN_CHILD(unknown_to_the_system)
IN_CHILD(forbidden_from_the_start)
IN_CHILD(forbidden_later)
IN_CHILD(dead_by_collection)
IN_CHILD(never_asks)
IN_CHILD(a_child_closes_what_vanished_threads_lease)
IN_CHILD(a_child_closes_what_was_being_closed)
IN_CHILD(a_child_closes_what_was_fenced_for)

static void who_asks_is_ended_(void)
{
    int status = run_child(ended_by_the_system);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

int main(void)
{
    TAP_RUN(with_the_barrier_);
    TAP_RUN(unknown_to_the_system_);
    TAP_RUN(forbidden_from_the_start_);
    TAP_RUN(forbidden_later_);
    TAP_RUN(dead_by_collection_);
    TAP_RUN(who_asks_is_ended_);
    TAP_RUN(never_asks_);
    TAP_RUN(a_child_closes_what_vanished_threads_lease_);
    TAP_RUN(a_child_closes_what_was_being_closed_);
    TAP_RUN(a_child_closes_what_was_fenced_for_);
    return tap_end();
}
