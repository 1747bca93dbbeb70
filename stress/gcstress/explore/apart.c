/* SPDX-License-Identifier: MIT */
#include "apart.h"
#include "../../die.h"
#include "../baton/baton.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STUCK_STATUS = 3, LOOK_MS = 200 };

double apart_now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void *apart_allocate(size_t size_bytes)
{
    void *shared = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    return shared;
}

void apart_free(void *shared, size_t size_bytes)
{
    if (shared != NULL)
        (void)munmap(shared, size_bytes);
}

static void end_stuck(void)
{
    _exit(STUCK_STATUS);
}

/* A thread that loops and comes to no checkpoint ends with the alarm. */
void apart_begin_run(void)
{
    (void)alarm(APART_HANG_SECONDS);
}

static const char *judge(int status)
{
    static char sentence[128];
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return NULL;
    if (WIFEXITED(status) && WEXITSTATUS(status) == STUCK_STATUS)
        return "no thread can ever go on";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return "a thread loops without end";
    if (!WIFSIGNALED(status))
        die("the exploring process ended with status %d", WEXITSTATUS(status));
    (void)snprintf(sentence, sizeof sentence, "the program crashed: %s", strsignal(WTERMSIG(status)));
    return sentence;
}

/* Nothing comes through the pipe; its other end is closed when the process ends, however it does. */
static void look_until_end(int end, void (*look)(void *data), void *data)
{
    struct pollfd until = {.fd = end, .events = POLLIN};
    while (poll(&until, 1, LOOK_MS) == 0)
        look(data);
}

static int wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid: %s", strerror(errno));
    return status;
}

const char *apart_run(void (*work)(void *data), void (*look_or_null)(void *data), void *data)
{
    int ends[2];
    if (pipe(ends) != 0)
        die("pipe: %s", strerror(errno));
    (void)fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        die("fork: %s", strerror(errno));
    if (child == 0) {
        (void)close(ends[0]);
        baton_when_stuck(end_stuck);
        work(data);
        _exit(0);
    }
    (void)close(ends[1]);
    if (look_or_null != NULL)
        look_until_end(ends[0], look_or_null, data);
    (void)close(ends[0]);
    return judge(wait_for(child));
}
