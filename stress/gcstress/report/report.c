/* SPDX-License-Identifier: MIT */
#include "report.h"
#include "../../die.h"
#include "../../spawned.h"
#include <signal.h>
#include <unistd.h>

static spawned start(const char *option, const char *value)
{
    const char *const arguments[] = {"python3", spawned_place("GCSTRESS_REPORT", GCSTRESS_REPORT_PY), option, value,
                                     NULL};
    die_doing("--report, which a Python program draws");
    spawned started = spawned_start(arguments, STDIN_FILENO);
    die_doing(NULL);
    return started;
}

void report_require(void)
{
    if (!spawned_wait(start("--check", NULL)))
        die("--report cannot be drawn, for the reason above: install python3 (3.9 or newer), or name its program "
            "report.py in GCSTRESS_REPORT");
}

bool report_draw(const json_t *document, const char *path)
{
    (void)signal(SIGPIPE, SIG_IGN);
    spawned drawing = start("--html", path);
    bool sent = json_dumpf(document, drawing.pipe, 0) == 0;
    return spawned_wait(drawing) && sent;
}
