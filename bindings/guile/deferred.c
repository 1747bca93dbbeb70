/* SPDX-License-Identifier: MIT */
/*
 * Safe points of Guile's. A worker of the library is no thread of Guile's, and a release is no place for an exception:
 * so what is Scheme's to do is noted, and done where Scheme code may run: where a primitive is about to return, and
 * after a collection, where Guile runs after-gc-hook. The doing is Scheme's: safehandle/deferred.scm.
 */
#include "binding.h"
#include <stdatomic.h>

static atomic_bool something_is_noted;
/* Scheme's procedures; undefined until their module is loaded. */
static SCM run, end;

void deferred_announce(void)
{
    atomic_store(&something_is_noted, true);
}

void deferred_run(void)
{
    if (atomic_load_explicit(&something_is_noted, memory_order_relaxed) && !SCM_UNBNDP(run))
        scm_call_0(run);
}

void deferred_end(int64_t timeout_ms)
{
    if (!SCM_UNBNDP(end))
        scm_call_1(end, scm_from_int64(timeout_ms));
}

/* Whether something was noted since the last answer. What is noted later announces itself again. */
static SCM deferred_begin(void)
{
    return scm_from_bool(atomic_exchange(&something_is_noted, false));
}

/* What was noted is not done yet. */
static SCM deferred_again(void)
{
    deferred_announce();
    return SCM_UNSPECIFIED;
}

static SCM deferred_set(SCM run_procedure, SCM end_procedure)
{
    end = scm_permanent_object(end_procedure);
    run = scm_permanent_object(run_procedure);
    return SCM_UNSPECIFIED;
}

void deferred_init(void)
{
    run = end = SCM_UNDEFINED;
    DEFINE("%set-deferred!", 2, 0, deferred_set);
    DEFINE("%begin-deferred", 0, 0, deferred_begin);
    DEFINE("%announce-deferred", 0, 0, deferred_again);
}
