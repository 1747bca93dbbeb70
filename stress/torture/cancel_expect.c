/* SPDX-License-Identifier: MIT */
#include "cancel_expect.h"
#include "cancel_acts.h"
#include "garbage.h"
#include "ledger.h"
#include <errno.h>
#include <stddef.h>

enum { UNLIKELY_ERRNO = EXDEV };

static torture_tally *results;
static const char *acting;

/* In use by a counted reference of an act; NULL when there is none. */
static sh_handle *in_use;

void cancel_acts_start(torture_tally *tally)
{
    results = tally;
}

void cancel_act_run(const cancel_act *act, const form *of)
{
    acting = act->name;
    errno = UNLIKELY_ERRNO;
    act->run(of);
}

void cancel_act_give_back(const cancel_act *act, const form *of)
{
    sh_options options = form_options(of);
    acting = act->name;
    if (in_use != NULL)
        (void)sh_dangerous_release(in_use);
    in_use = NULL;
    torture_must(sh_init(&options), "sh_init");
    cancel_domain_give_back();
}

void cancel_fail(const char *what)
{
    torture_fail(results, "%s: %s", acting, what);
}

void cancel_expect(sh_status got, sh_status expected, const char *call)
{
    if (got != expected)
        torture_fail(results, "%s: %s answered %s", acting, call, sh_status_name(got));
    else if (errno != UNLIKELY_ERRNO)
        torture_fail(results, "%s: %s changed errno to %d", acting, call, errno);
    errno = UNLIKELY_ERRNO;
}

sh_handle *cancel_wrap_number(void)
{
    sh_handle *h = NULL;
    EXPECT(SH_OK, sh_wrap(&ledger_kind, ledger_number(), NULL, &h));
    return h;
}

void cancel_end(const form *of, sh_handle *h)
{
    EXPECT(SH_OK, sh_close(h));
    garbage_drop_handle(of->collector, h);
}

void cancel_use(sh_handle *h)
{
    sh_lease user;
    sh_raw raw;
    EXPECT(SH_OK, sh_lease_begin(&user, h, &raw));
    EXPECT(SH_OK, sh_lease_detach(&user));
    in_use = h;
}

void cancel_use_end(void)
{
    sh_handle *used = in_use;
    in_use = NULL; /* before the release, which may end the thread */
    EXPECT(SH_OK, sh_dangerous_release(used));
}

void cancel_join(pthread_t helper)
{
    int before, unused;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    (void)pthread_join(helper, NULL);
    (void)pthread_setcancelstate(before, &unused);
}
