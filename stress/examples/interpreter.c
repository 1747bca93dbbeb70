/* SPDX-License-Identifier: MIT */
#include "interpreter.h"
#include <safehandle/stress.h>
#include <stdlib.h>

enum { FINALIZERS_LIMIT_MS = 10000 };

static _Thread_local bool may_collect_here;

void interpreter_leave(interpreter *of, leave_for what)
{
    (void)pthread_mutex_unlock(&of->lock);
    may_collect_here = what == LEAVE_FOR_SYSTEM;
}

void interpreter_return(interpreter *of)
{
    may_collect_here = false;
    (void)pthread_mutex_lock(&of->lock);
}

/* ---- collecting -------------------------------------------------------------------------------------------------- */

static object *find_dead(interpreter *of)
{
    (void)pthread_mutex_lock(&of->lock);
    for (size_t i = 0; i < INTERPRETER_MACHINES; i++)
        machine_mark(&of->machines[i]);
    object *dead = heap_sweep(&of->heap);
    (void)pthread_mutex_unlock(&of->lock);
    return dead;
}

void interpreter_collect(interpreter *of)
{
    object *dead = find_dead(of);
    heap_report(dead);
    (void)pthread_mutex_lock(&of->lock);
    heap_bury(&of->heap, dead);
    (void)pthread_mutex_unlock(&of->lock);
}

bool interpreter_collect_here(interpreter *of)
{
    if (!may_collect_here)
        return false;
    may_collect_here = false; /* the library's checkpoints on the way would collect again */
    interpreter_collect(of);
    bool finalized = sh_wait_for_pending_finalizers(FINALIZERS_LIMIT_MS) == SH_OK;
    may_collect_here = true;
    return finalized;
}

/* ---- the beginning and the end ----------------------------------------------------------------------------------- */

static const statement opening[] = {{STATEMENT_OPEN, 0}, {STATEMENT_STOP, 0}};

interpreter *interpreter_make(const char *approach_name, const statement *const programs[INTERPRETER_MACHINES])
{
    interpreter *made = calloc(1, sizeof *made);
    if (made == NULL)
        abort();
    (void)pthread_mutex_init(&made->lock, NULL);
    kernel_make(&made->kernel);
    made->how = approach_find(approach_name);
    machine_load(&made->machines[0], made, opening);
    machine_run(&made->machines[0]);
    object *owner = made->machines[0].registers[0].reference;
    for (size_t i = 0; i < INTERPRETER_MACHINES; i++) {
        machine_load(&made->machines[i], made, programs[i]);
        made->machines[i].registers[0].reference = owner;
    }
    return made;
}

/* Every machine has come to its end, so that nothing is a root. */
void interpreter_end(interpreter *of)
{
    interpreter_collect(of);
    if (sh_wait_for_pending_finalizers(FINALIZERS_LIMIT_MS) != SH_OK)
        sh_stress_violation("the finalizers did not come to their end");
    kernel_end(&of->kernel);
    heap_end(&of->heap);
    (void)pthread_mutex_destroy(&of->lock);
    free(of);
}
