/* SPDX-License-Identifier: MIT */
#include "trial.h"
#include "../die.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static running_trial *place_of(trial_pool *pool, pid_t process)
{
    for (int i = 0; i < pool->at_once; i++)
        if (pool->running[i].process == process)
            return &pool->running[i];
    return NULL;
}

static void judge(const trial_pool *pool, const running_trial *over, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        torture_fail(pool->tally, "%s: it was not over after %u seconds", over->name, pool->limit_s);
    else if (WIFSIGNALED(status))
        torture_fail(pool->tally, "%s: its process was ended by signal %d (%s)", over->name, WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        torture_fail(pool->tally, "%s: its process could not go on", over->name);
}

/* Answers its place. */
static running_trial *wait_for_one(trial_pool *pool)
{
    int status;
    pid_t process;
    do {
        process = waitpid(-1, &status, 0);
    } while (process < 0 && errno == EINTR);
    running_trial *over = process < 0 ? NULL : place_of(pool, process);
    if (over == NULL)
        die("waitpid: %s", process < 0 ? strerror(errno) : "a process that is no trial");
    judge(pool, over, status);
    over->process = 0;
    return over;
}

void trial_start(trial_pool *pool, const char *name, void (*work)(torture_tally *tally, const void *data),
                 const void *data)
{
    running_trial *place = place_of(pool, 0);
    if (place == NULL)
        place = wait_for_one(pool);
    (void)snprintf(place->name, sizeof place->name, "%s", name);
    torture_try(pool->tally);
    place->process = fork();
    if (place->process < 0)
        die("fork: %s", strerror(errno));
    if (place->process > 0)
        return;
    (void)alarm(pool->limit_s);
    work(pool->tally, data);
    _exit(0);
}

static bool any_runs(const trial_pool *pool)
{
    for (int i = 0; i < pool->at_once; i++)
        if (pool->running[i].process != 0)
            return true;
    return false;
}

void trial_wait_all(trial_pool *pool)
{
    while (any_runs(pool))
        (void)wait_for_one(pool);
}

void trial_fail(torture_tally *tally, const char *format, ...)
{
    char sentence[TORTURE_SENTENCE_SIZE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    torture_fail(tally, "%s", sentence);
    _exit(0);
}
