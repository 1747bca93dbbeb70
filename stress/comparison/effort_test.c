/* SPDX-License-Identifier: MIT */
/* A plain program that prints TAP: limits of time are not to be seen in the comparison's own output on a fast machine.
 */
#include "effort.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CASES = 5 };

static int told, failed;

static void check(bool holds, const char *name)
{
    failed += !holds;
    (void)printf("%s %d - %s\n", holds ? "ok" : "not ok", ++told, name);
}

static long try_all(const effort *asked, long at_most)
{
    form f = form_begin(asked);
    long trials = 0;
    for (long next; (next = form_next(&f, at_most)) > 0;)
        trials += next;
    return trials;
}

static void sleep_ms(long time_ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = time_ms * 1000000}, NULL);
}

/* Slow trials: the limit comes after a few. */
static long try_slowly(const effort *asked)
{
    form f = form_begin(asked);
    long trials = 0;
    for (; form_next(&f, 1) > 0; trials++)
        sleep_ms(2);
    return trials;
}

int main(void)
{
    (void)printf("1..%d\n", CASES);
    check(try_all(&(effort){64, 1200, EFFORT_NO_LIMIT}, 7) == 1200, "without a limit all trials are made");
    check(try_all(&(effort){64, 1200, 0}, 7) == 64, "however slow they are, so many are made");
    check(try_all(&(effort){64, 1200, 600000}, 7) == 1200, "there are no more than were asked for");
    long slow = try_slowly(&(effort){2, 1000000, 50});
    check(slow >= 2 && slow <= 26, "a slow form ends at its limit");
    effort share = effort_share(&(effort){65, 1201, 3}, 2);
    check(share.least == 33 && share.most == 601 && share.limit_ms == 3, "threads do together what is asked");
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
