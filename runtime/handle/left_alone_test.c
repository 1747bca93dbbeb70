/* SPDX-License-Identifier: MIT */
/* A close that waits wakes its lessees and nobody else: who is left alone, and what goes on beside it. */
#include "handle/lessee_test.h"

/* ---- who is not woken -------------------------------------------------------------------------------------------- */

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

static void at_timeout_0_nobody_is_woken(void)
{
    ends of = pipe_to_read();
    user self = {.h = wrap(&sh_kind_pipe, of.number), .call = read_once};
    start(&self);
    wait_until_blocked(&self);
    CHECK(sh_close_wait(self.h, 0) == SH_E_TIMEOUT);
    platform_sleep_ms(SHORT_MS); /* who is woken and finds something to read at once looks as if it had slept on */
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

/* ---- who must not notice ----------------------------------------------------------------------------------------- */

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

/* ---- a recycler: users leave by themselves while they are woken, and whoever gets the number is left alone ------- */

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
    if (!start_library(argument_count, arguments))
        return 2;
    TAP_RUN(a_counted_user_is_left_alone);
    TAP_RUN(a_file_is_left_alone);
    TAP_RUN(who_blocks_the_signal_is_not_woken);
    TAP_RUN(what_is_not_ours_is_not_buried);
    TAP_RUN(at_timeout_0_nobody_is_woken);
    TAP_RUN(a_counted_user_beside_leases_finds_the_number_dead);
    TAP_RUN(a_duplicate_goes_on);
    TAP_RUN(calls_on_other_descriptors_go_on);
    TAP_RUN(strangers_are_left_alone);
    return tap_end();
}
