/* SPDX-License-Identifier: MIT */
/*
 * Threads that lease a handle and are blocked in a call on its descriptor come back when it is closed, and nobody gets
 * the number before they have: in every call that blocks, on every sort of descriptor.
 */
#include "handle/lessee_test.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>

enum { ROUNDS = 12 }; /* of each call on each sort of descriptor in each manner: 792 in all */

/* ---- sorts of descriptors ---------------------------------------------------------------------------------------- */

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

/* ---- calls: 0 when they came back well, or an errno value -------------------------------------------------------- */

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

/* ---- somebody who opens descriptors all the time ----------------------------------------------------------------- */

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

/* ---- every call on every sort of descriptor ---------------------------------------------------------------------- */

typedef enum manner {
    BLOCKED,  /* closed once it is inside the call */
    STUBBORN, /* the same, and begins again after EINTR */
    LATE      /* closed while it is on its way into the call, and stubborn */
} manner;

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

/* ---- closes that something makes difficult ----------------------------------------------------------------------- */

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

/* ---- several waiters --------------------------------------------------------------------------------------------- */

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

int main(int argument_count, char **arguments)
{
    if (!start_library(argument_count, arguments) || pthread_create(&opener.thread, NULL, open_all_the_time, NULL) != 0)
        return 2;
    TAP_RUN(blocked_users_come_back);
    atomic_word_store(&opener.stop, 1);
    (void)pthread_join(opener.thread, NULL);
    TAP_RUN(nobody_gets_the_number_before);
    TAP_RUN(a_socket_that_lingers_delays_nobody);
    TAP_RUN(who_is_left_over_from_a_shutdown_is_woken);
    TAP_RUN(several_waiters_and_users);
    return tap_end();
}
