/* SPDX-License-Identifier: MIT */
/*
 * Threads that lease a handle and are blocked in a call on its descriptor come back when it is closed, and nobody gets
 * the number before they have. A plain program, for ThreadSanitizer.
 */
#include "base/atomic.h"
#include "platform/platform.h"
#include "testing/tap.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <safehandle.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS = 12,     /* of each call on each sort of descriptor in each manner: 792 in all */
    LONG_MS = 10000, /* a hang */
    SHORT_MS = 150,  /* what is waited for in vain */
    WORST_MS = 2000, /* on a machine that is busy elsewhere; docs/figures.md has the measured ones */
};

static sh_options options;

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- sorts of descriptors ------------------------------------------------------------------------------------------
 */

/* number is what is leased; peer keeps it from ending by itself; third is for a listener behind number. -1: none. */
typedef struct ends {
    int number;
    int peer;
    int third;
} ends;

static void close_others(const ends *of)
{
    if (of->peer >= 0)
        (void)close(of->peer);
    if (of->third >= 0)
        (void)close(of->third);
}

static ends pipe_to_read(void)
{
    int both[2];
    CHECK(pipe2(both, O_CLOEXEC) == 0);
    return (ends){both[0], both[1], -1};
}

static ends pipe_to_write(void)
{
    int both[2];
    CHECK(pipe2(both, O_CLOEXEC) == 0);
    return (ends){both[1], both[0], -1};
}

static ends fifo(void)
{
    char path[] = P_tmpdir "/safehandle-fifo-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    char name[sizeof path + 8];
    (void)snprintf(name, sizeof name, "%s/fifo", path);
    CHECK(mkfifo(name, 0600) == 0);
    ends made = {open(name, O_RDWR | O_CLOEXEC), -1, -1}; /* with both ends open, nothing ends by itself */
    (void)unlink(name);
    (void)rmdir(path);
    return made;
}

static ends terminal(void)
{
    char name[64];
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof name) == 0);
    ends made = {open(name, O_RDWR | O_NOCTTY | O_CLOEXEC), master, -1};
    struct termios raw;
    CHECK(tcgetattr(made.number, &raw) == 0);
    cfmakeraw(&raw);
    CHECK(tcsetattr(made.number, TCSANOW, &raw) == 0);
    return made;
}

static ends unix_pair(void)
{
    int both[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) == 0);
    return (ends){both[0], both[1], -1};
}

static ends event(void)
{
    return (ends){eventfd(0, EFD_CLOEXEC), -1, -1};
}

/* ---- addresses: a listener, and connections to it ---- */

typedef union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
} address;

static int listen_on(int family, int backlog, address *out_address, socklen_t *out_size)
{
    int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(out_address, 0, sizeof *out_address);
    out_address->any.sa_family = (sa_family_t)family;
    socklen_t size = family == AF_UNIX ? sizeof(sa_family_t) /* the kernel finds a name */ : sizeof out_address->in;
    if (family == AF_INET)
        out_address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, &out_address->any, size) == 0 && listen(listener, backlog) == 0);
    *out_size = sizeof *out_address;
    CHECK(getsockname(listener, &out_address->any, out_size) == 0);
    return listener;
}

static ends tcp_pair(void)
{
    address at;
    socklen_t size;
    int listener = listen_on(AF_INET, 1, &at, &size);
    int number = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(number, &at.any, size) == 0);
    ends made = {number, accept4(listener, NULL, NULL, SOCK_CLOEXEC), -1};
    (void)close(listener);
    return made;
}

static ends unix_listener(void)
{
    address at;
    socklen_t size;
    return (ends){listen_on(AF_UNIX, 1, &at, &size), -1, -1};
}

static ends tcp_listener(void)
{
    address at;
    socklen_t size;
    return (ends){listen_on(AF_INET, 1, &at, &size), -1, -1};
}

static address full_address;
static socklen_t full_size;

/* A listener that accepts nobody, and one connection that waits there: the next one is not answered. */
static ends full_listener(int family)
{
    int listener = listen_on(family, 0, &full_address, &full_size);
    int first = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(first, &full_address.any, full_size) == 0);
    return (ends){socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), listener, first};
}

static ends full_unix(void)
{
    return full_listener(AF_UNIX);
}

static ends full_tcp(void)
{
    return full_listener(AF_INET);
}

/* Makes the next write block. */
static ends filled(ends made)
{
    static char bytes[4096];
    uint64_t most = UINT64_MAX - 1;
    int flags = fcntl(made.number, F_GETFL);
    CHECK(fcntl(made.number, F_SETFL, flags | O_NONBLOCK) == 0);
    while (write(made.number, bytes, sizeof bytes) > 0) {
    }
    if (errno == EINVAL) /* an event counts */
        CHECK(write(made.number, &most, sizeof most) == sizeof most);
    CHECK(fcntl(made.number, F_SETFL, flags) == 0);
    return made;
}

static ends full_pipe(void)
{
    return filled(pipe_to_write());
}

static ends full_fifo(void)
{
    return filled(fifo());
}

static ends full_terminal(void)
{
    return filled(terminal());
}

static ends full_unix_pair(void)
{
    return filled(unix_pair());
}

static ends full_tcp_pair(void)
{
    return filled(tcp_pair());
}

static ends full_event(void)
{
    return filled(event());
}

/* ---- calls: 0 when they came back well, or an errno value ----------------------------------------------------------
 */

static int call_read(int number)
{
    char bytes[64];
    return read(number, bytes, sizeof bytes) < 0 ? errno : 0;
}

static int call_write(int number)
{
    static const char bytes[4096];
    uint64_t one = 1;
    ssize_t size = write(number, bytes, sizeof bytes);
    if (size < 0 && errno == EINVAL)
        size = write(number, &one, sizeof one);
    return size < 0 ? errno : 0;
}

static int call_poll(int number)
{
    struct pollfd wanted = {.fd = number, .events = POLLIN};
    if (poll(&wanted, 1, -1) < 0)
        return errno;
    return (wanted.revents & POLLNVAL) != 0 ? EBADF : 0;
}

static int call_accept(int number)
{
    int accepted = accept4(number, NULL, NULL, SOCK_CLOEXEC);
    if (accepted < 0)
        return errno;
    (void)close(accepted);
    return 0;
}

static int call_connect(int number)
{
    return connect(number, &full_address.any, full_size) < 0 ? errno : 0;
}

/* Waits for a signal alone. */
static int call_pause(int number)
{
    (void)number;
    return poll(NULL, 0, -1) < 0 ? errno : 0;
}

static atomic_word may_leave;

static int call_pause_until_it_may_leave(int number)
{
    int error = call_pause(number);
    return atomic_word_load_acquire(&may_leave) != 0 ? error : 0;
}

/* ---- a user --------------------------------------------------------------------------------------------------------
 */

typedef enum manner {
    BLOCKED,  /* closed once it is inside the call */
    STUBBORN, /* the same, and begins again after EINTR */
    LATE      /* closed while it is on its way into the call, and stubborn */
} manner;

/* number + 1, while it must not be given out again; or 0 */
static atomic_word number_in_use;

typedef struct user {
    sh_handle *h;
    int (*call)(int number);
    bool stubborn;
    bool blocks_signal;
    pthread_t thread;
    atomic_word thread_id; /* once it leases */
    int error;
    int64_t left_us;
} user;

static void *use(void *argument)
{
    user *self = argument;
    sigset_t blocked;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGURG);
    if (self->blocks_signal)
        (void)pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    sh_lease lease;
    sh_raw raw = -1;
    CHECK(sh_lease_begin(&lease, self->h, &raw) == SH_OK);
    atomic_word_store_release(&self->thread_id, (word_t)platform_thread_id());
    do /* what came back well (part of a write) goes on until it does not */
        self->error = self->call((int)raw);
    while (self->error == 0 || (self->error == EINTR && self->stubborn));
    self->left_us = now_us();
    atomic_word_store_release(&number_in_use, 0);
    sh_lease_end(&lease);
    return NULL;
}

static void start(user *self)
{
    CHECK(pthread_create(&self->thread, NULL, use, self) == 0);
    while (atomic_word_load_acquire(&self->thread_id) == 0)
        sched_yield();
}

static void join(user *self)
{
    (void)pthread_join(self->thread, NULL);
}

/* Until the kernel shows it asleep in a call. */
static void wait_until_blocked(const user *self)
{
    char path[64], text[128];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)atomic_word_load(&self->thread_id));
    for (int64_t end = now_us() + 1000000; now_us() < end; platform_sleep_ms(1)) {
        int file = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t size = file < 0 ? 0 : read(file, text, sizeof text - 1);
        (void)close(file);
        text[size > 0 ? size : 0] = '\0';
        if (strstr(text, ") S ") != NULL)
            return;
    }
}

static sh_handle *wrap(const sh_kind *kind, int number)
{
    sh_handle *h = NULL;
    CHECK(sh_wrap(kind, number, NULL, &h) == SH_OK);
    return h;
}

/* ---- somebody who opens descriptors all the time -------------------------------------------------------------------
 */

static struct {
    pthread_t thread;
    atomic_word stop;
    atomic_word stolen;
    atomic_word opened;
} opener;

static void *open_all_the_time(void *unused)
{
    while (atomic_word_load(&opener.stop) == 0) {
        int number = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (atomic_word_load_acquire(&number_in_use) == (word_t)number + 1)
            (void)atomic_word_add(&opener.stolen, 1);
        (void)atomic_word_add(&opener.opened, 1);
        (void)close(number);
    }
    return unused;
}

/* ---- every call on every sort of descriptor ------------------------------------------------------------------------
 */

typedef struct pairing {
    const char *name;
    ends (*make)(void);
    int (*call)(int number);
} pairing;

static const pairing pairings[] = {
    {"read pipe", pipe_to_read, call_read},
    {"read fifo", fifo, call_read},
    {"read tty", terminal, call_read},
    {"read unix socket", unix_pair, call_read},
    {"read tcp socket", tcp_pair, call_read},
    {"read eventfd", event, call_read},
    {"write pipe", full_pipe, call_write},
    {"write fifo", full_fifo, call_write},
    {"write tty", full_terminal, call_write},
    {"write unix socket", full_unix_pair, call_write},
    {"write tcp socket", full_tcp_pair, call_write},
    {"write eventfd", full_event, call_write},
    {"poll pipe", pipe_to_read, call_poll},
    {"poll fifo", fifo, call_poll},
    {"poll tty", terminal, call_poll},
    {"poll unix socket", unix_pair, call_poll},
    {"poll tcp socket", tcp_pair, call_poll},
    {"poll eventfd", event, call_poll},
    {"accept unix socket", unix_listener, call_accept},
    {"accept tcp socket", tcp_listener, call_accept},
    {"connect unix socket", full_unix, call_connect},
    {"connect tcp socket", full_tcp, call_connect},
};

enum { PAIRINGS = sizeof pairings / sizeof *pairings, RUNS = PAIRINGS * 3 * ROUNDS };

static struct {
    int64_t us[RUNS];
    size_t count;
    size_t hung;
} took;

static int64_t close_under(const pairing *pair, manner how)
{
    ends of = pair->make();
    user self = {.h = wrap(&sh_kind_fd, of.number), .call = pair->call, .stubborn = how != BLOCKED};
    start(&self);
    atomic_word_store_release(&number_in_use, (word_t)of.number + 1);
    if (how != LATE)
        wait_until_blocked(&self);
    int64_t began = now_us();
    sh_status status = sh_close_wait(self.h, LONG_MS);
    took.hung += status != SH_OK;
    CHECK(status == SH_OK);
    close_others(&of); /* which also ends a call that was not woken */
    join(&self);
    CHECK(self.error == EBADF || (self.error == EINTR && how == BLOCKED));
    return self.left_us - began;
}

static int by_value(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

static void blocked_users_come_back(void)
{
    for (size_t i = 0; i < PAIRINGS; i++)
        for (manner how = BLOCKED; how <= LATE; how++)
            for (int round = 0; round < ROUNDS; round++) {
                int64_t us = close_under(&pairings[i], how);
                if (us > WORST_MS * 1000)
                    (void)printf("# %s, manner %d: %lld us\n", pairings[i].name, (int)how, (long long)us);
                took.us[took.count++] = us;
            }
    qsort(took.us, took.count, sizeof *took.us, by_value);
    (void)printf("# closed to left, of %zu: median %lld us, 99 %% %lld us, worst %lld us, hung %zu\n", took.count,
                 (long long)took.us[took.count / 2], (long long)took.us[took.count * 99 / 100],
                 (long long)took.us[took.count - 1], took.hung);
    CHECK(took.us[took.count - 1] < WORST_MS * 1000);
    CHECK(took.hung == 0);
}

static void nobody_gets_the_number_before(void)
{
    (void)printf("# opened %zu descriptors meanwhile\n", (size_t)atomic_word_load(&opener.opened));
    CHECK(atomic_word_load(&opener.opened) > 0);
    CHECK(atomic_word_load(&opener.stolen) == 0);
}

/* ---- who is not woken ----------------------------------------------------------------------------------------------
 */

static void expect_holders(const sh_handle *h, size_t leases, size_t counted)
{
    size_t found_leases = 99, found_counted = 99;
    CHECK(sh_holders(h, NULL, 0, &found_leases, &found_counted) == SH_OK);
    CHECK(found_leases == leases && found_counted == counted);
}

static bool is_open(int number)
{
    return fcntl(number, F_GETFD) >= 0;
}

/* Reads once, so that what comes in ends it. */
static int read_once(int number)
{
    char byte;
    ssize_t size = read(number, &byte, 1);
    return size == 1 ? ENODATA : errno;
}

static void a_counted_user_is_left_alone(void)
{
    ends of = pipe_to_read();
    sh_handle *h = wrap(&sh_kind_pipe, of.number);
    bool counted = false;
    char byte = 0;
    CHECK(sh_dangerous_add_ref(h, &counted) == SH_OK);
    CHECK(sh_close_wait(h, SHORT_MS) == SH_E_TIMEOUT);
    expect_holders(h, 0, 1);
    CHECK(write(of.peer, "x", 1) == 1 && read(of.number, &byte, 1) == 1 && byte == 'x');
    CHECK(sh_dangerous_release(h) == SH_OK);
    CHECK(!is_open(of.number));
    close_others(&of);
}

/* Leases until told, without a call. */
static atomic_word go_on;

static int wait_for_go(int number)
{
    while (atomic_word_load_acquire(&go_on) == 0)
        platform_sleep_ms(1);
    char byte;
    return pread(number, &byte, 1, 0) == 1 ? ENODATA : errno;
}

static user start_waiting(sh_handle *h)
{
    atomic_word_store_release(&go_on, 0);
    return (user){.h = h, .call = wait_for_go, .stubborn = true};
}

static void a_file_is_left_alone(void)
{
    sh_handle *h = NULL;
    CHECK(sh_open_file("/proc/self/exe", O_RDONLY, 0, NULL, &h) == SH_OK);
    int number = (int)sh_dangerous_get_handle(h);
    user self = start_waiting(h);
    start(&self);
    CHECK(sh_close_wait(h, SHORT_MS) == SH_E_TIMEOUT);
    expect_holders(h, 1, 0);
    atomic_word_store_release(&go_on, 1);
    join(&self);
    CHECK(self.error == ENODATA);
    CHECK(sh_is_released(h) && !is_open(number));
}

static void who_blocks_the_signal_is_not_woken(void)
{
    ends of = pipe_to_read();
    user self = {.h = wrap(&sh_kind_pipe, of.number), .call = read_once, .blocks_signal = true};
    start(&self);
    wait_until_blocked(&self);
    CHECK(sh_close_wait(self.h, SHORT_MS) == SH_E_TIMEOUT);
    expect_holders(self.h, 1, 0);
    CHECK(is_open(of.number));
    CHECK(write(of.peer, "x", 1) == 1); /* it still has the old file */
    join(&self);
    CHECK(self.error == ENODATA);
    CHECK(sh_is_released(self.h) && !is_open(of.number));
    close_others(&of);
}

static void what_is_not_ours_is_not_buried(void)
{
    ends of = pipe_to_read();
    sh_handle *h = NULL;
    sh_create_options borrowed = {.not_owned = true};
    CHECK(sh_wrap(&sh_kind_pipe, of.number, &borrowed, &h) == SH_OK);
    user self = {.h = h, .call = read_once};
    start(&self);
    CHECK(sh_close_wait(h, SHORT_MS) == SH_E_TIMEOUT);
    CHECK(write(of.peer, "x", 1) == 1);
    join(&self);
    CHECK(self.error == ENODATA);
    CHECK(is_open(of.number) && close(of.number) == 0);
    close_others(&of);
}

/* More than it takes is on its way to a peer that reads nothing. */
static ends lingering_pair(void)
{
    static const char bytes[64 * 1024];
    const struct linger linger = {.l_onoff = 1, .l_linger = LONG_MS / 1000};
    ends made = tcp_pair();
    CHECK(setsockopt(made.number, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    while (send(made.number, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
    return made;
}

static void a_socket_that_lingers_delays_nobody(void)
{
    ends of = lingering_pair();
    user self = {.h = wrap(&sh_kind_socket, of.number), .call = call_pause};
    start(&self);
    int64_t began_us = now_us();
    CHECK(sh_close_wait(self.h, LONG_MS) == SH_OK);
    CHECK(now_us() - began_us < (int64_t)WORST_MS * 1000);
    join(&self);
    close_others(&of);
}

/* Its number was buried before, and the tombstone that it is a copy of is gone. */
static void who_is_left_over_from_a_shutdown_is_woken(void)
{
    ends of = pipe_to_read();
    user self = {.h = wrap(&sh_kind_pipe, of.number), .call = call_pause_until_it_may_leave};
    start(&self);
    CHECK(sh_shutdown(SHORT_MS) == SH_E_TIMEOUT);
    atomic_word_store_release(&may_leave, 1);
    CHECK(sh_close_wait(self.h, WORST_MS) == SH_OK);
    join(&self);
    close_others(&of);
    CHECK(sh_init(&options) == SH_OK);
}

static void at_timeout_0_nobody_is_woken(void)
{
    ends of = pipe_to_read();
    user self = {.h = wrap(&sh_kind_pipe, of.number), .call = read_once};
    start(&self);
    CHECK(sh_close_wait(self.h, 0) == SH_E_TIMEOUT);
    CHECK(write(of.peer, "x", 1) == 1);
    join(&self);
    CHECK(self.error == ENODATA);
    close_others(&of);
}

/* The lease holders are woken; the counted user finds the number dead, and releases the handle when it has done. */
static void a_counted_user_beside_leases_finds_the_number_dead(void)
{
    ends of = pipe_to_read();
    user self = {.h = wrap(&sh_kind_pipe, of.number), .call = call_read};
    bool counted = false;
    CHECK(sh_dangerous_add_ref(self.h, &counted) == SH_OK);
    start(&self);
    wait_until_blocked(&self);
    CHECK(sh_close_wait(self.h, SHORT_MS) == SH_E_TIMEOUT);
    join(&self);
    expect_holders(self.h, 0, 1);
    CHECK(call_read(of.number) == EBADF);
    CHECK(is_open(of.number));
    CHECK(sh_dangerous_release(self.h) == SH_OK);
    CHECK(!is_open(of.number));
    close_others(&of);
}

/* ---- who must not notice -------------------------------------------------------------------------------------------
 */

static bool talks(int one, int other)
{
    char byte = 0;
    return write(one, "x", 1) == 1 && read(other, &byte, 1) == 1 && byte == 'x' && write(other, "y", 1) == 1 &&
           read(one, &byte, 1) == 1 && byte == 'y';
}

/* shutdown(2) would act on the open file that all of them share. */
static void a_duplicate_goes_on(void)
{
    ends of = unix_pair();
    user self = {.h = wrap(&sh_kind_socket, of.number), .call = call_read, .stubborn = true};
    sh_handle *copy = NULL;
    CHECK(sh_duplicate(self.h, &copy) == SH_OK);
    start(&self);
    wait_until_blocked(&self);
    CHECK(sh_close_wait(self.h, LONG_MS) == SH_OK);
    join(&self);
    CHECK(talks((int)sh_dangerous_get_handle(copy), of.peer));
    CHECK(sh_close(copy) == SH_OK);
    close_others(&of);
}

static int elsewhere;

static int read_elsewhere(int unused)
{
    (void)unused;
    return read_once(elsewhere);
}

/* A thread that leases the handle, and is blocked in a call on another descriptor. */
static void calls_on_other_descriptors_go_on(void)
{
    ends of = pipe_to_read(), other = pipe_to_read();
    elsewhere = other.number;
    user self = {.h = wrap(&sh_kind_pipe, of.number), .call = read_elsewhere};
    start(&self);
    wait_until_blocked(&self);
    CHECK(sh_close_wait(self.h, SHORT_MS) == SH_E_TIMEOUT);
    CHECK(write(other.peer, "x", 1) == 1);
    join(&self);
    CHECK(self.error == ENODATA);
    CHECK(sh_is_released(self.h));
    (void)close(other.number);
    close_others(&other);
    close_others(&of);
}

/* ---- several waiters -----------------------------------------------------------------------------------------------
 */

static void *wait_for_close(void *h)
{
    CHECK(sh_close_wait(h, LONG_MS) == SH_OK);
    return NULL;
}

static void several_waiters_and_users(void)
{
    enum { USERS = 3, WAITERS = 3 };
    ends of = pipe_to_read();
    sh_handle *h = wrap(&sh_kind_pipe, of.number);
    user users[USERS];
    pthread_t waiters[WAITERS];
    for (int i = 0; i < USERS; i++) {
        users[i] = (user){.h = h, .call = call_read, .stubborn = true};
        start(&users[i]);
    }
    for (int i = 0; i < WAITERS; i++)
        CHECK(pthread_create(&waiters[i], NULL, wait_for_close, h) == 0);
    for (int i = 0; i < WAITERS; i++)
        (void)pthread_join(waiters[i], NULL);
    for (int i = 0; i < USERS; i++)
        join(&users[i]);
    close_others(&of);
}

/* ---- a recycler: users leave by themselves while they are woken, and whoever gets the number is left alone ----------
 */

enum { RECYCLINGS = 2000 };

static int leave_at_once(int unused)
{
    (void)unused;
    return ENODATA;
}

static void strangers_are_left_alone(void)
{
    size_t buried = 0;
    for (int round = 0; round < RECYCLINGS; round++) {
        ends of = pipe_to_read();
        user self = {.h = wrap(&sh_kind_pipe, of.number), .call = leave_at_once};
        start(&self);
        CHECK(sh_close_wait(self.h, LONG_MS) == SH_OK);
        ends stranger = pipe_to_read();
        char byte = 0;
        buried += write(stranger.peer, "x", 1) != 1 || read(stranger.number, &byte, 1) != 1;
        join(&self);
        (void)close(stranger.number);
        close_others(&stranger);
        close_others(&of);
    }
    CHECK(buried == 0);
}

int main(int argument_count, char **arguments)
{
    bool manual = argument_count > 1 && strcmp(arguments[1], "manual") == 0;
    options = (sh_options){.collector = manual ? SH_COLLECTOR_MANUAL : SH_COLLECTOR_BOEHM};
    (void)signal(SIGPIPE, SIG_DFL); /* nobody may get one */
    if (sh_init(&options) != SH_OK || pthread_create(&opener.thread, NULL, open_all_the_time, NULL) != 0)
        return 2;
    TAP_RUN(blocked_users_come_back);
    atomic_word_store(&opener.stop, 1);
    (void)pthread_join(opener.thread, NULL);
    TAP_RUN(nobody_gets_the_number_before);
    TAP_RUN(a_counted_user_is_left_alone);
    TAP_RUN(a_file_is_left_alone);
    TAP_RUN(who_blocks_the_signal_is_not_woken);
    TAP_RUN(what_is_not_ours_is_not_buried);
    TAP_RUN(a_socket_that_lingers_delays_nobody);
    TAP_RUN(who_is_left_over_from_a_shutdown_is_woken);
    TAP_RUN(at_timeout_0_nobody_is_woken);
    TAP_RUN(a_counted_user_beside_leases_finds_the_number_dead);
    TAP_RUN(a_duplicate_goes_on);
    TAP_RUN(calls_on_other_descriptors_go_on);
    TAP_RUN(several_waiters_and_users);
    TAP_RUN(strangers_are_left_alone);
    return tap_end();
}
