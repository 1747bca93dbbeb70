/* SPDX-License-Identifier: MIT */
#include "run.h"
#include "../child.h"
#include "../die.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the class's process and ours have in common. */
typedef struct shared_page {
    torture_tally tally;
    _Atomic pid_t process_group; /* of the class; 0 until it has begun */
} shared_page;

typedef struct turn {
    const torture_class *of;
    const torture_plan *plan;
    shared_page *page;
    const progress *shown;
} turn;

/* stdout is for the result: what a class prints must not mix with it. */
static void work(int report, void *data)
{
    (void)report;
    const turn *mine = data;
    (void)setpgid(0, 0);
    atomic_store(&mine->page->process_group, getpid());
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    mine->of->run(mine->plan, &mine->page->tally);
}

static void look(void *data)
{
    const turn *mine = data;
    progress_show(mine->shown, (long)atomic_load(&mine->page->tally.tries));
}

static shared_page *map_page(void)
{
    void *page = mmap(NULL, sizeof(shared_page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        die("memory for the counts: %s", strerror(errno));
    return page;
}

/* What a class that was cut off has forked is not its child's child for long: it is found by its group. */
static void end_group(pid_t group)
{
    if (group > 0)
        (void)kill(-group, SIGKILL);
}

static torture_outcome outcome_of(const torture_class *of, torture_tally *tally, int64_t duration_ms)
{
    torture_outcome outcome = {.of = of,
                               .tries = atomic_load(&tally->tries),
                               .failures = atomic_load(&tally->failures),
                               .duration_ms = duration_ms};
    if (outcome.tries < outcome.failures)
        outcome.tries = outcome.failures; /* it was cut off in a try */
    (void)snprintf(outcome.first_failure, sizeof outcome.first_failure, "%s", tally->first_failure);
    return outcome;
}

torture_outcome torture_run(const torture_class *of, const torture_plan *plan, int64_t limit_ms, const progress *shown)
{
    turn mine = {of, plan, map_page(), shown};
    char no_record;
    const child_plan how = {.work = work,
                            .look = look,
                            .data = &mine,
                            .record = &no_record,
                            .record_size_bytes = sizeof no_record,
                            .limit_ms = limit_ms};
    int64_t begun_ms = clock_now_ms();
    const char *cut_off = child_run(&how);
    end_group(atomic_load(&mine.page->process_group));
    if (cut_off != NULL)
        torture_fail(&mine.page->tally, "%s", cut_off);
    torture_outcome outcome = outcome_of(of, &mine.page->tally, clock_now_ms() - begun_ms);
    (void)munmap(mine.page, sizeof *mine.page);
    return outcome;
}
