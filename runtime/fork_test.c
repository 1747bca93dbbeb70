/* SPDX-License-Identifier: MIT */
/*
 * Fork while everything runs: the child goes on with the handles and their counts, starts our threads again when it
 * needs them, and does not wait for threads that it does not have.
 */
#include "base/atomic.h"
#include "platform/platform.h"
#include "testing/tap.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <safehandle.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = 150, CHILD_SECONDS = 30 };

static atomic_word released;

static int release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    (void)atomic_word_add(&released, 1);
    return 0;
}

static const sh_kind kind = {.name = "thing", .invalid_value = 0, .is_invalid = sh_invalid_zero, .release = release};

static sh_options options;

static sh_handle *make(sh_raw raw)
{
    sh_handle *h = NULL;
    CHECK(sh_wrap(&kind, raw, NULL, &h) == SH_OK);
    return h;
}

/* Runs check in a child, and expects it to end well and in time. */
static void in_child(void (*check)(void))
{
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(CHILD_SECONDS); /* a hang is a death */
        check();
        _exit(atomic_word_load(&tap.failures) == 0 ? 0 : 1);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- what a child may do ----------------------------------------------------------------------------------------- */

static sh_handle *inherited;

static void use_everything(void)
{
    sh_status status;
    SH_WITH_HANDLE (inherited, raw, status) {
        CHECK(raw == 7);
    }
    CHECK(status == SH_OK);
    CHECK(sh_close(make(8)) == SH_OK);
    sh_collect();
    CHECK(sh_wait_for_pending_finalizers(10000) == SH_OK);
    CHECK(sh_close(inherited) == SH_OK);
    CHECK(sh_shutdown(10000) == SH_OK);
}

static void a_child_goes_on_with_its_handles(void)
{
    inherited = make(7);
    in_child(use_everything);
    CHECK(!sh_is_closed(inherited));
    CHECK(sh_close(inherited) == SH_OK);
}

static size_t told;

static void sink(const sh_event *event, void *data)
{
    (void)data;
    told += event->type == SH_EVENT_UNBALANCED_RELEASE;
}

static void hear_an_event(void)
{
    sh_set_event_sink(sink, NULL);
    sh_handle *h = make(7);
    CHECK(sh_dangerous_release(h) == SH_E_UNBALANCED);
    CHECK(sh_wait_for_pending_finalizers(10000) == SH_OK);
    CHECK(told == 1);
}

static void a_child_hears_its_events(void)
{
    in_child(hear_an_event);
    CHECK(told == 0);
}

/* ---- threads that the child does not have ------------------------------------------------------------------------ */

static struct {
    pthread_barrier_t leased;
    pthread_barrier_t ended;
} holder;

static void *hold_a_lease(void *h)
{
    sh_lease lease;
    sh_raw raw;
    CHECK(sh_lease_begin(&lease, h, &raw) == SH_OK);
    (void)pthread_barrier_wait(&holder.leased);
    (void)pthread_barrier_wait(&holder.ended);
    sh_lease_end(&lease);
    return NULL;
}

static void close_what_a_vanished_thread_leased(void)
{
    word_t before = atomic_word_load(&released);
    CHECK(sh_close(inherited) == SH_OK);
    CHECK(sh_is_released(inherited));
    CHECK(atomic_word_load(&released) == before + 1);
}

static void wait_for_what_a_vanished_thread_leased(void)
{
    CHECK(sh_close_wait(inherited, 10000) == SH_OK);
    CHECK(sh_is_released(inherited));
}

static void look_at_what_a_vanished_thread_leased(void)
{
    size_t leases = 9, counted = 9;
    CHECK(sh_holders(inherited, NULL, 0, &leases, &counted) == SH_OK);
    CHECK(leases == 0 && counted == 0);
}

static void leases_of_vanished_threads_are_given_back(void)
{
    inherited = make(7);
    (void)pthread_barrier_init(&holder.leased, NULL, 2);
    (void)pthread_barrier_init(&holder.ended, NULL, 2);
    pthread_t thread;
    (void)pthread_create(&thread, NULL, hold_a_lease, inherited);
    (void)pthread_barrier_wait(&holder.leased);
    in_child(close_what_a_vanished_thread_leased);
    in_child(wait_for_what_a_vanished_thread_leased);
    in_child(look_at_what_a_vanished_thread_leased);
    CHECK(sh_close(inherited) == SH_PENDING);
    (void)pthread_barrier_wait(&holder.ended);
    (void)pthread_join(thread, NULL);
    CHECK(sh_is_released(inherited));
}

/* ---- fork at any moment ------------------------------------------------------------------------------------------ */

static atomic_word stop;

static void *keep_busy(void *unused)
{
    sh_handle *own = make(9);
    while (atomic_word_load(&stop) == 0) {
        sh_status status;
        SH_WITH_HANDLE (own, raw, status) {
            (void)raw;
        }
        (void)sh_close(make(10));
        (void)make(11); /* garbage, where there is a collector */
        sh_handle *file = NULL;
        if (sh_open_file("/dev/null", O_RDONLY, 0, NULL, &file) == SH_OK)
            (void)sh_close(file);
    }
    return unused;
}

static void *keep_collecting(void *unused)
{
    while (atomic_word_load(&stop) == 0) {
        sh_collect();
        platform_sleep_ms(1); /* or nobody else gets the collector's lock, and each fork needs it */
    }
    return unused;
}

static void work_briefly(void)
{
    for (int i = 0; i < 20; i++)
        CHECK(sh_close(make(12)) == SH_OK);
    sh_collect();
    CHECK(sh_wait_for_pending_finalizers(20000) == SH_OK);
}

static void no_child_hangs(void)
{
    pthread_t busy[2], collector;
    for (int i = 0; i < 2; i++)
        (void)pthread_create(&busy[i], NULL, keep_busy, NULL);
    (void)pthread_create(&collector, NULL, keep_collecting, NULL);
    for (int i = 0; i < FORKS; i++)
        in_child(work_briefly);
    atomic_word_store(&stop, 1);
    for (int i = 0; i < 2; i++)
        (void)pthread_join(busy[i], NULL);
    (void)pthread_join(collector, NULL);
    CHECK(sh_wait_for_pending_finalizers(20000) == SH_OK);
}

/* ---- fork while a finalizer or a release runs ------------------------------------------------------------------- */

enum { SOON_MS = 1000 }; /* less than the deadline of a finalizer */

static void hang_about(void *unused, void *data)
{
    (void)unused;
    (void)data;
    (void)pthread_barrier_wait(&holder.leased);
    (void)pthread_barrier_wait(&holder.ended);
}

static int hang_about_in_release(sh_raw raw, void *context)
{
    hang_about(NULL, NULL);
    return release(raw, context);
}

static const sh_kind hanging_kind = {
    .name = "hanging", .is_invalid = sh_invalid_zero, .release = hang_about_in_release};

static void wait_for_nobody(void)
{
    CHECK(sh_wait_for_pending_finalizers(SOON_MS) == SH_OK);
    CHECK(sh_close(make(14)) == SH_OK);
}

static void find_it_left_over(void)
{
    CHECK(sh_close(inherited) == SH_PENDING);
    CHECK(sh_shutdown(SOON_MS / 2) == SH_E_TIMEOUT);
}

static void drop(char *object)
{
    CHECK(sh_finalizer_register(object, hang_about, NULL) == SH_OK);
    CHECK(sh_host_drop_object(object) == SH_OK);
}

/* With the manual host, which knows at once who is dead: objects, then a handle. The second object dies while the
 * finalizer of the first runs, and so belongs to the batch that is still open. */
static void a_child_does_not_wait_for_what_vanished_threads_run(void)
{
    (void)pthread_barrier_init(&holder.leased, NULL, 2);
    (void)pthread_barrier_init(&holder.ended, NULL, 2);
    static char objects[2];
    drop(&objects[0]);
    (void)pthread_barrier_wait(&holder.leased);
    in_child(wait_for_nobody);
    drop(&objects[1]);
    (void)pthread_barrier_wait(&holder.ended);
    (void)pthread_barrier_wait(&holder.leased);
    in_child(wait_for_nobody);
    (void)pthread_barrier_wait(&holder.ended);
    CHECK(sh_wrap(&hanging_kind, 15, NULL, &inherited) == SH_OK);
    CHECK(sh_host_drop(inherited) == SH_OK);
    (void)pthread_barrier_wait(&holder.leased);
    in_child(wait_for_nobody);
    in_child(find_it_left_over);
    (void)pthread_barrier_wait(&holder.ended);
    CHECK(sh_wait_for_pending_finalizers(20000) == SH_OK);
}

/* ---- fork in the middle of a handful of releases ----------------------------------------------------------------- */

enum { IN_HAND = 100, HANGING = 40 };

static atomic_word releases_of[IN_HAND + 1]; /* by raw value, which is never 0 */

static int count_and_hang_about(sh_raw raw, void *context)
{
    (void)context;
    if (raw == HANGING)
        hang_about(NULL, NULL);
    (void)atomic_word_add(&releases_of[raw], 1);
    return 0;
}

static const sh_kind handful_kind = {.name = "handful", .is_invalid = sh_invalid_zero, .release = count_and_hang_about};

static size_t leaks_told;

static void count_leaks(const sh_event *event, void *data)
{
    (void)data;
    if (event->type == SH_EVENT_LEAKED_TO_FINALIZER && event->kind == &handful_kind)
        leaks_told += event->count;
}

/* What the parent has released stays so, what it is releasing is its own, and the child releases the others. */
static void release_the_others(void)
{
    leaks_told = 0;
    sh_set_event_sink(count_leaks, NULL);
    CHECK(sh_wait_for_pending_finalizers(SOON_MS) == SH_OK);
    for (int raw = 1; raw <= IN_HAND; raw++)
        CHECK(atomic_word_load(&releases_of[raw]) == (raw == HANGING ? 0 : 1));
    CHECK(leaks_told == IN_HAND - HANGING);
    CHECK(!sh_is_released(inherited));
}

static void a_child_goes_on_with_what_a_vanished_thread_had_in_hand(void)
{
    (void)pthread_barrier_init(&holder.leased, NULL, 2);
    (void)pthread_barrier_init(&holder.ended, NULL, 2);
    CHECK(sh_wait_for_pending_finalizers(20000) == SH_OK);
    CHECK(sh_host_collection_begin() == SH_OK);
    for (int raw = 1; raw <= IN_HAND; raw++) {
        sh_handle *h;
        CHECK(sh_wrap(&handful_kind, raw, NULL, &h) == SH_OK);
        CHECK(sh_host_drop(h) == SH_OK);
        inherited = raw == HANGING ? h : inherited;
    }
    CHECK(sh_host_collection_end() == SH_OK);
    (void)pthread_barrier_wait(&holder.leased);
    in_child(release_the_others);
    (void)pthread_barrier_wait(&holder.ended);
    CHECK(sh_wait_for_pending_finalizers(20000) == SH_OK);
    for (int raw = 1; raw <= IN_HAND; raw++)
        CHECK(atomic_word_load(&releases_of[raw]) == 1);
}

/* ---- fork while the runtime stops -------------------------------------------------------------------------------- */

static int fork_in_release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    int status = 1;
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

static const sh_kind forking_kind = {.name = "forking", .is_invalid = sh_invalid_zero, .release = fork_in_release};

static void start_anew(void)
{
    CHECK(sh_init(&options) == SH_OK);
    CHECK(sh_close(make(13)) == SH_OK);
}

static int start_in_child(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    in_child(start_anew);
    return 0;
}

static const sh_kind starting_kind = {.name = "starting", .is_invalid = sh_invalid_zero, .release = start_in_child};

/* The lanes are drained by a thread that forks, while another waits for them inside sh_shutdown. */
static void a_release_may_fork_while_the_runtime_stops(void)
{
    sh_handle *h;
    CHECK(sh_wrap(&forking_kind, 1, NULL, &h) == SH_OK);
    CHECK(sh_wrap(&starting_kind, 2, NULL, &h) == SH_OK);
    CHECK(sh_shutdown(20000) == SH_OK);
}

/* ---- a child that wakes its users -------------------------------------------------------------------------------- */

static atomic_word leases;

static void *accept_in_vain(void *h)
{
    sh_status status;
    SH_WITH_HANDLE (h, raw, status) {
        atomic_word_store_release(&leases, 1);
        while (accept((int)raw, NULL, NULL) >= 0 || errno == EINTR) {
        }
        CHECK(errno == EBADF);
    }
    return NULL;
}

static void close_under_a_user(void)
{
    pthread_t user;
    CHECK(pthread_create(&user, NULL, accept_in_vain, inherited) == 0);
    while (atomic_word_load_acquire(&leases) == 0)
        platform_sleep_ms(1);
    CHECK(sh_close_wait(inherited, 10000) == SH_OK);
    (void)pthread_join(user, NULL);
}

/* shutdown(2) would act on the open file that both share. */
static void a_child_wakes_its_own_users_alone(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    socklen_t size_bytes = sizeof at.sun_family; /* the kernel finds a name */
    CHECK(sh_open_socket(AF_UNIX, SOCK_STREAM, 0, NULL, &inherited) == SH_OK);
    int listener = (int)sh_dangerous_get_handle(inherited), client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&at, size_bytes) == 0 && listen(listener, 1) == 0);
    in_child(close_under_a_user);
    size_bytes = sizeof at;
    CHECK(getsockname(listener, (struct sockaddr *)&at, &size_bytes) == 0);
    CHECK(connect(client, (struct sockaddr *)&at, size_bytes) == 0);
    CHECK(close(accept(listener, NULL, NULL)) == 0);
    (void)close(client);
    CHECK(sh_close(inherited) == SH_OK);
}

static sh_domain *entered;

static void *enter_and_stay(void *out_inside)
{
    CHECK(sh_domain_enter(entered) == SH_OK);
    atomic_word_store_release(out_inside, 1);
    while (pause() != 0) /* a collection interrupts it */
        continue;
    return NULL;
}

static void destroy_entered(void)
{
    CHECK(sh_domain_destroy(entered) == SH_OK);
}

static void vanished_threads_are_in_no_domain(void)
{
    static atomic_word inside;
    pthread_t thread;
    CHECK(sh_domain_create("entered", &entered) == SH_OK);
    CHECK(pthread_create(&thread, NULL, enter_and_stay, &inside) == 0);
    while (atomic_word_load_acquire(&inside) == 0)
        platform_sleep_ms(1);
    in_child(destroy_entered);
    CHECK(sh_domain_destroy(entered) == SH_PENDING);
}

int main(int count, char **arguments)
{
    bool manual = count > 1 && strcmp(arguments[1], "manual") == 0;
    options.collector = manual ? SH_COLLECTOR_MANUAL : SH_COLLECTOR_DEFAULT;
    if (sh_init(&options) != SH_OK)
        return 2;
    TAP_RUN(a_child_goes_on_with_its_handles);
    TAP_RUN(a_child_hears_its_events);
    TAP_RUN(leases_of_vanished_threads_are_given_back);
    TAP_RUN(vanished_threads_are_in_no_domain);
    if (manual) {
        TAP_RUN(a_child_does_not_wait_for_what_vanished_threads_run);
        TAP_RUN(a_child_goes_on_with_what_a_vanished_thread_had_in_hand);
    }
    TAP_RUN(no_child_hangs);
    TAP_RUN(a_child_wakes_its_own_users_alone);
    TAP_RUN(a_release_may_fork_while_the_runtime_stops);
    return tap_end();
}
