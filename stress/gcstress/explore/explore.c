/* SPDX-License-Identifier: MIT */
#include "explore.h"
#include "../../die.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STUCK_STATUS = 3, HANG_SECONDS = 20, WARM_UP_RUNS = 2, LOOK_MS = 200 };

static double now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Large things are not static: the collector of `run` looks through all that is. */
static void *allocate(size_t size_bytes)
{
    void *made = malloc(size_bytes);
    if (made == NULL)
        die("no memory");
    return made;
}

/* ---- in the process of its own ----------------------------------------------------------------------------------- */

static void end_stuck(void)
{
    _exit(STUCK_STATUS);
}

/* The first runs of a process attach threads, and fill what is kept for the next: later ones do not. */
static void warm_up(const explore_plan *plan)
{
    strategy *usual = allocate(sizeof *usual);
    tale *unread = allocate(sizeof *unread);
    strategy_init(usual, STRATEGY_GIVEN, 0, 0);
    for (int i = 0; i < WARM_UP_RUNS; i++)
        episode_run(plan->scenario, plan->approach, usual, unread);
    free(usual);
    free(unread);
}

static void explore_here(const explore_plan *plan, explore_result *into)
{
    double begun = now_seconds();
    baton_when_stuck(end_stuck);
    episode_start();
    warm_up(plan);
    do {
        (void)alarm(HANG_SECONDS); /* a thread that loops and comes to no checkpoint */
        episode_run(plan->scenario, plan->approach, &into->choices, &into->told);
        into->runs++;
        into->cut += into->choices.run.cut;
        if (into->choices.run.count > into->longest)
            into->longest = into->choices.run.count;
        into->found = into->told.violation[0] != '\0';
        into->diverged = into->choices.diverged;
        if (into->found || into->diverged || into->runs == plan->most_runs)
            break;
        into->complete = !strategy_advance(&into->choices);
    } while (!into->complete);
    into->states = episode_states();
    into->seconds = now_seconds() - begun;
}

/* ---- outside ----------------------------------------------------------------------------------------------------- */

static void note_end(explore_result *of, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    of->found = true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == STUCK_STATUS)
        (void)snprintf(of->told.violation, sizeof of->told.violation, "no thread can ever go on");
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        (void)snprintf(of->told.violation, sizeof of->told.violation, "a thread loops without end");
    else if (WIFSIGNALED(status))
        (void)snprintf(of->told.violation, sizeof of->told.violation, "the program crashed: %s",
                       strsignal(WTERMSIG(status)));
    else
        die("the exploring process ended with status %d", WEXITSTATUS(status));
    of->told.violation_line = of->told.count;
    of->runs++;
}

static explore_result *share(void)
{
    void *shared = mmap(NULL, sizeof(explore_result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("mmap: %s", strerror(errno));
    return shared;
}

/* Nothing comes through the pipe; its other end is closed when the process ends, however it does. */
static void look_until_end(const explore_plan *plan, const explore_result *result, int end)
{
    struct pollfd until = {.fd = end, .events = POLLIN};
    while (plan->look != NULL && poll(&until, 1, LOOK_MS) == 0)
        plan->look(result, plan->look_data);
}

static int wait_for(const explore_plan *plan, const explore_result *result, pid_t child, int end)
{
    int status;
    look_until_end(plan, result, end);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid: %s", strerror(errno));
    (void)close(end);
    return status;
}

explore_result *explore_run(const explore_plan *plan)
{
    int ends[2];
    if (pipe(ends) != 0)
        die("pipe: %s", strerror(errno));
    explore_result *result = share();
    strategy_init(&result->choices, plan->sort, plan->bound, plan->seed);
    if (plan->given != NULL) {
        result->choices.run = *plan->given;
        result->choices.given = plan->given->count;
    }
    (void)fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        die("fork: %s", strerror(errno));
    if (child == 0) {
        (void)close(ends[0]);
        explore_here(plan, result);
        _exit(0);
    }
    (void)close(ends[1]);
    note_end(result, wait_for(plan, result, child, ends[0]));
    return result;
}

void explore_free(explore_result *result)
{
    if (result != NULL)
        (void)munmap(result, sizeof *result);
}

/* ---- shrinking --------------------------------------------------------------------------------------------------- */

/* The schedule with the default taken at one choice; what is behind it may mean other choices then. NULL: no violation.
 */
static explore_result *try_without(const explore_plan *plan, const schedule *from, size_t choice)
{
    schedule *tried = allocate(sizeof *tried);
    *tried = *from;
    tried->choices[choice].taken = 0;
    explore_plan again = *plan;
    again.given = tried;
    explore_result *result = explore_run(&again);
    free(tried);
    if (result->found && schedule_switches(&result->choices.run) < schedule_switches(from))
        return result;
    explore_free(result);
    return NULL;
}

explore_result *explore_shrink(const explore_plan *plan)
{
    explore_plan again = *plan;
    again.sort = STRATEGY_GIVEN;
    again.most_runs = 1;
    explore_result *best = explore_run(&again);
    if (!best->found) {
        explore_free(best);
        return NULL;
    }
    for (size_t i = 0; i < best->choices.run.count; i++) {
        explore_result *smaller =
            best->choices.run.choices[i].taken == 0 ? NULL : try_without(&again, &best->choices.run, i);
        if (smaller == NULL)
            continue;
        explore_free(best);
        best = smaller;
        i = (size_t)-1; /* from the front again */
    }
    return best;
}
