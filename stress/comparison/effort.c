/* SPDX-License-Identifier: MIT */
#include "effort.h"
#include "../child.h"

form form_begin(const effort *asked)
{
    int64_t deadline_ms = asked->limit_ms == EFFORT_NO_LIMIT ? INT64_MAX : clock_now_ms() + asked->limit_ms;
    return (form){.least = asked->least, .most = asked->most, .deadline_ms = deadline_ms};
}

long form_next(form *f, long at_most)
{
    long until = clock_now_ms() < f->deadline_ms ? f->most : f->least;
    long left = f->done < until ? until - f->done : 0;
    long next = left < at_most ? left : at_most;
    f->done += next;
    return next;
}

static long share_of(long trials, int threads)
{
    return (trials + threads - 1) / threads;
}

effort effort_share(const effort *asked, int threads)
{
    return (effort){share_of(asked->least, threads), share_of(asked->most, threads), asked->limit_ms};
}
