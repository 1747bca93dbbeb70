/* SPDX-License-Identifier: MIT */
#include "verdict.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Answers holds. */
__attribute__((format(printf, 2, 3))) static bool expect(bool holds, const char *format, ...)
{
    if (holds)
        return true;
    (void)fprintf(stderr, "%s: verdict failed: ", program_invocation_short_name);
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputs(".\n", stderr);
    return false;
}

static bool expect_clean(const result *r, int who, int what)
{
    const pair_result *pair = &r->pairs[who][what];
    return expect(pair_clean(pair), "%s must not suffer %s, and did in %ld of %ld trials", result_approaches[who]->name,
                  result_accidents[what]->name, pair->violations, pair->trials);
}

static bool expect_violated(const result *r, int who, int what)
{
    const pair_result *pair = &r->pairs[who][what];
    return expect(pair_violated(pair), "%s must suffer %s, and did not in %ld trials", result_approaches[who]->name,
                  result_accidents[what]->name, pair->trials);
}

static bool check_every_accident_happens(const result *r)
{
    bool all = true;
    for (int what = 0; what < ACCIDENTS; what++) {
        bool happens = false;
        for (int who = 0; who < SAFEHANDLE; who++)
            happens = pair_violated(&r->pairs[who][what]) || happens;
        all = expect(happens, "%s must happen to an approach before safehandle, and happened to none",
                     result_accidents[what]->name) &&
              all;
    }
    return all;
}

/* Document 002's own history: what each approach stopped, and what it left. */
static bool check_history(const result *r)
{
    bool all = true;
    for (int what = FINALIZER_RACE; what <= LEAK_ON_ABORT; what++)
        all = expect_violated(r, INTPTR, what) && all;
    for (int who = KEEPALIVE; who <= HANDLEREF; who++) {
        all = expect_clean(r, who, FINALIZER_RACE) && all;
        all = expect_violated(r, who, RECYCLING) && all;
    }
    all = expect_clean(r, HANDLEPROTECTOR, RECYCLING) && all;
    return expect_violated(r, HANDLEPROTECTOR, LOST_FLUSH) && all;
}

bool verdict_check(const result *r)
{
    bool all = true;
    for (int what = 0; what < ACCIDENTS; what++)
        all = expect_clean(r, SAFEHANDLE, what) && all;
    all = check_every_accident_happens(r) && all;
    return check_history(r) && all;
}
