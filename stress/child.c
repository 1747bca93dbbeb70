/* SPDX-License-Identifier: MIT */
#include "child.h"
#include "die.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t clock_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((format(printf, 1, 2))) static const char *sentence(const char *format, ...)
{
    static char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return text;
}

void child_report(int report, const void *record, size_t record_size_bytes)
{
    if (write(report, record, record_size_bytes) != (ssize_t)record_size_bytes)
        die("the parent does not listen: %s", strerror(errno));
}

/* Answers false at the end of the records. */
static bool take_record(const child_plan *plan, int report)
{
    struct pollfd look = {.fd = report, .events = POLLIN};
    if (poll(&look, 1, CHILD_LOOK_MS) <= 0)
        return true;
    return read(report, plan->record, plan->record_size_bytes) == (ssize_t)plan->record_size_bytes;
}

/* Answers false when the child took too long. */
static bool follow(const child_plan *plan, int report)
{
    int64_t deadline = clock_now_ms() + plan->limit_ms;
    while (take_record(plan, report)) {
        if (plan->look != NULL)
            plan->look(plan->data);
        if (clock_now_ms() >= deadline)
            return false;
    }
    return true;
}

_Noreturn static void be_child(const child_plan *plan, int report)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    plan->work(report, plan->data);
    _exit(0);
}

static const char *judge(bool in_time, int64_t limit_ms, int status)
{
    if (!in_time)
        return sentence("it was not over after %lld seconds", (long long)limit_ms / 1000);
    if (WIFSIGNALED(status))
        return sentence("its process was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return WEXITSTATUS(status) == 0 ? NULL : sentence("its process could not go on, for the reason above");
}

const char *child_run(const child_plan *plan)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return sentence("pipe: %s", strerror(errno));
    (void)fflush(NULL); /* or the child has the parent's output, too */
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        be_child(plan, ends[1]);
    }
    (void)close(ends[1]);
    if (child < 0) {
        (void)close(ends[0]);
        return sentence("fork: %s", strerror(errno));
    }
    bool in_time = follow(plan, ends[0]);
    (void)close(ends[0]);
    if (!in_time)
        (void)kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return judge(in_time, plan->limit_ms, status);
}
