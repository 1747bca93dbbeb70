/* SPDX-License-Identifier: MIT */
/* A program of yours under gcstress. Its bug: it uses a handle without a reference, beside somebody who closes it. */
#include <safehandle.h>
#include <safehandle/stress.h>
#include <stdatomic.h>

static atomic_bool is_open;
static sh_handle *h;

static int release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    is_open = false;
    sh_stress_tell("the door is closed");
    return 0;
}

static const sh_kind door = {.name = "door", .is_invalid = sh_invalid_zero, .release = release};

static void *begin(const char *approach)
{
    (void)approach;
    is_open = true;
    return sh_wrap(&door, 7, NULL, &h) == SH_OK ? h : NULL;
}

static void use_or_close(void *world, size_t index)
{
    if (index == 0) {
        (void)sh_close(world);
        return;
    }
    if (sh_is_closed(world))
        return;
    SH_STRESS_CROSSING("my.call");
    if (!is_open)
        sh_stress_violation("door %d is closed under its user", (int)sh_dangerous_get_handle(world));
}

static void end(void *world)
{
    (void)sh_close(world);
    if (sh_stress_collector() == SH_COLLECTOR_MANUAL && sh_host_drop(world) != SH_OK)
        sh_stress_violation("the handle does not die");
}

int main(int argc, char **argv)
{
    static const sh_stress_scenario mine = {
        .size_bytes = sizeof mine,
        .name = "closed-under-its-user",
        .violation = "a door is used that another thread has closed",
        .thread_count = 2,
        .begin = begin,
        .thread = use_or_close,
        .end = end,
    };
    static const sh_stress_scenario *const all[] = {&mine, NULL};
    return sh_stress_main(argc, argv, all);
}
