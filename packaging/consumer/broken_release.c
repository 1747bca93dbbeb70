/* SPDX-License-Identifier: MIT */
/* A release that does not keep its contract: `./dev lint` would refuse it, and a stress build tells of it. */
#include <safehandle.h>
#include <stdio.h>
#include <string.h>

static char *last_released;

static void remember(const char *name)
{
    last_released = strdup(name);
}

SH_RELIABILITY(will_not_corrupt_state, success)
static int thing_release(sh_raw raw, void *context)
{
    (void)raw;
    remember(context);
    return 0;
}

static const sh_kind thing = {.name = "thing", .is_invalid = sh_invalid_zero, .release = thing_release};

static void tell(const sh_event *event, void *unused)
{
    (void)unused;
    (void)puts(event->message);
}

int main(void)
{
    sh_create_options options = {.context = "the seventh"};
    sh_handle *h;
    if (sh_init(NULL) != SH_OK || sh_wrap(&thing, 7, &options, &h) != SH_OK)
        return 1;
    sh_set_event_sink(tell, NULL);
    (void)sh_close(h);
    return sh_shutdown(1000) == SH_OK ? 0 : 1;
}
