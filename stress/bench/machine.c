/* SPDX-License-Identifier: MIT */
#include "machine.h"
#include <gc/gc.h>
#include <gnu/libc-version.h>
#include <safehandle.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

enum { LINE_SIZE_BYTES = 256 };

/* What follows the key and the separators on its line, without quotes; "" when there is none. */
static void find_line(const char *path, const char *key, char *out)
{
    out[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    char line[LINE_SIZE_BYTES];
    while (out[0] == '\0' && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0) {
            const char *value = line + strlen(key);
            value += strspn(value, " \t:=\"");
            (void)snprintf(out, LINE_SIZE_BYTES, "%.*s", (int)strcspn(value, "\"\n"), value);
        }
    (void)fclose(file);
}

static int processors(void)
{
    cpu_set_t allowed;
    return sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
}

json_t *machine_describe(void)
{
    char processor[LINE_SIZE_BYTES], system[LINE_SIZE_BYTES], flags[LINE_SIZE_BYTES];
    find_line("/proc/cpuinfo", "model name", processor);
    find_line("/etc/os-release", "PRETTY_NAME", system);
    find_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", "", flags);
    struct utsname kernel;
    (void)uname(&kernel);
    return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s}", "processor", processor, "processors", processors(),
                     "architecture", kernel.machine, "system", system, "kernel", kernel.release, "clock", flags);
}

json_t *machine_describe_versions(void)
{
    unsigned version = GC_get_version();
    char collector[LINE_SIZE_BYTES];
    (void)snprintf(collector, sizeof collector, "%u.%u.%u", version >> 16, version >> 8 & 0xff, version & 0xff);
    char date[LINE_SIZE_BYTES];
    time_t now = time(NULL);
    struct tm today;
    (void)strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &today));
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "safehandle", sh_version(), "libgc", collector, "compiler",
                     __VERSION__, "libc", gnu_get_libc_version(), "date", date);
}

json_t *machine_describe_defaults(void)
{
    return json_pack("[s, s, s, s, s]", "birth site", "events", "owner map of descriptors", "root domain",
                     "membarrier where the kernel allows it");
}
