/* SPDX-License-Identifier: MIT */
#include "ledger.h"
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

enum { NUMBERS = 1 << 22 }; /* then they are used again */

/* Invariant: page[n] is 1 exactly while n is live. */
static struct {
    _Atomic unsigned char *page;
    _Atomic uint64_t given;
    _Atomic uint64_t live;
    _Atomic uint64_t wrong;
    ledger_action *act;
} book;

bool ledger_open(void)
{
    void *page = mmap(NULL, NUMBERS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    book.page = page == MAP_FAILED ? NULL : page;
    return book.page != NULL;
}

sh_raw ledger_number(void)
{
    for (;;) {
        size_t number = (size_t)(atomic_fetch_add(&book.given, 1) % (NUMBERS - 1)) + 1;
        unsigned char dead = 0;
        if (!atomic_compare_exchange_strong(&book.page[number], &dead, 1))
            continue; /* still live from the last time round */
        (void)atomic_fetch_add(&book.live, 1);
        return (sh_raw)number;
    }
}

static bool strike_out(sh_raw number)
{
    bool was_live = number > 0 && number < NUMBERS && atomic_exchange(&book.page[number], 0) == 1;
    if (was_live)
        (void)atomic_fetch_sub(&book.live, 1);
    return was_live;
}

void ledger_take_back(sh_raw number)
{
    (void)strike_out(number);
}

bool ledger_is_released(sh_raw number)
{
    return atomic_load(&book.page[number]) == 0;
}

uint64_t ledger_wrong_releases(void)
{
    return atomic_load(&book.wrong);
}

uint64_t ledger_live(void)
{
    return atomic_load(&book.live);
}

void ledger_on_callback(ledger_action *action)
{
    book.act = action;
}

static void act(ledger_callback where)
{
    if (book.act != NULL)
        book.act(where);
}

static int release(sh_raw number, void *context)
{
    (void)context;
    if (!strike_out(number))
        (void)atomic_fetch_add(&book.wrong, 1);
    act(LEDGER_RELEASE);
    return 0;
}

static int duplicate(sh_raw number, sh_raw *out_copy)
{
    (void)number;
    act(LEDGER_DUPLICATE);
    *out_copy = ledger_number();
    return 0;
}

static int interrupt(sh_raw number, void *context)
{
    (void)number;
    (void)context;
    act(LEDGER_INTERRUPT);
    return 0;
}

const sh_kind ledger_kind = {.name = "ledger",
                             .invalid_value = 0,
                             .is_invalid = sh_invalid_zero,
                             .release = release,
                             .duplicate = duplicate,
                             .interrupt = interrupt};
