/* SPDX-License-Identifier: MIT */
#include "fault_trial.h"
#include "trial.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ERRNO_BEFORE = EXDEV, PATIENCE_MS = 10000, VAIN_PATIENCE_MS = 500, BEGINNING_MS = 1000 };

/* What a failed call must leave as it was. */
typedef struct snapshot {
    bool closed, invalid, released;
    sh_raw raw;
    size_t leases, references;
} snapshot;

typedef struct attempt {
    const fault_trial *trial;
    torture_tally *tally;
    fault_plan plan; /* of this very call */
    fault_scene scene;
    sh_status status;
} attempt;

static atomic_int bad_events;
static atomic_int leaks; /* told of */

static bool has(const attempt *a, unsigned flag)
{
    return (a->trial->of->flags & flag) != 0;
}

static bool succeeded(const attempt *a)
{
    return a->status == a->trial->of->usual;
}

const char *fault_trial_name(const fault_trial *trial)
{
    static char name[TRIAL_NAME_SIZE_BYTES];
    const fault_plan *plan = &trial->plan;
    const char *in_which = trial->of->in_which == NULL ? "" : trial->of->in_which;
    (void)snprintf(name, sizeof name, "%s%s%s, %s host%s: %s fails with %s%s", trial->of->symbol,
                   in_which[0] == '\0' ? "" : " ", in_which,
                   trial->collector == SH_COLLECTOR_MANUAL ? "manual" : "Boehm",
                   trial->fresh_thread ? ", fresh thread" : "", plan->nth == 0 ? "nothing" : fault_name(plan->call),
                   plan->nth == 0 ? "nothing" : strerrorname_np(plan->error), plan->onwards ? " on and on" : "");
    return name;
}

/* ---- before ------------------------------------------------------------------------------------------------------ */

static void hear(const sh_event *event, void *data)
{
    (void)data;
    if (event->type == SH_EVENT_LEAKED_REFERENCE)
        (void)atomic_fetch_add(&leaks, 1);
    else if (event->type != SH_EVENT_RELEASE_FAILED && event->type != SH_EVENT_LEAKED_TO_FINALIZER)
        (void)atomic_fetch_add(&bad_events, 1);
}

static void start(const attempt *a)
{
    sh_options options = {.collector = a->trial->collector};
    torture_must(sh_init(&options), "sh_init");
    sh_set_event_sink(hear, NULL);
}

static snapshot look(const sh_handle *h)
{
    snapshot seen = {.closed = sh_is_closed(h),
                     .invalid = sh_is_invalid(h),
                     .released = sh_is_released(h),
                     .raw = sh_dangerous_get_handle(h)};
    if (h != NULL)
        torture_must(sh_holders(h, NULL, 0, &seen.leases, &seen.references), "sh_holders");
    return seen;
}

static bool is_same(const snapshot *one, const snapshot *other)
{
    return one->closed == other->closed && one->invalid == other->invalid && one->released == other->released &&
           one->raw == other->raw && one->leases == other->leases && one->references == other->references;
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static bool is_opening(fault_call call)
{
    return call == FAULT_open64 || call == FAULT_fcntl64 || call == FAULT_socket || call == FAULT_pipe2 ||
           call == FAULT_eventfd;
}

/* A handle that other threads lease cannot be released then. */
static bool may_leak(const attempt *a)
{
    return a->scene.no_barrier;
}

static bool may_answer(const attempt *a, sh_status status)
{
    if (may_leak(a) && has(a, FAULT_ENDS) && (status == SH_E_SYSTEM || status == SH_E_TIMEOUT))
        return true;
    return (a->trial->of->statuses & 1u << status) != 0;
}

/* What the answer must be, where only one is right: of a fault that does not pass, or whose call is made once. */
static bool is_right_answer(const attempt *a)
{
    const fault_plan *plan = &a->plan;
    /* A wait is given little time for a fault that does not pass, and a busy machine may not come to it. */
    if (fault_struck() == 0)
        return succeeded(a) || a->status == SH_E_UNSUPPORTED || (plan->onwards && a->status == SH_E_TIMEOUT);
    if (is_opening(plan->call) && plan->onwards && may_answer(a, SH_E_SYSTEM))
        return a->status == SH_E_SYSTEM;
    if (plan->call == FAULT_close && may_answer(a, SH_E_RELEASE))
        return a->status == (plan->error == EINTR ? SH_OK : SH_E_RELEASE);
    if (plan->call == FAULT_sigaction || plan->call == FAULT_dlsym)
        return a->status == SH_E_ARGUMENT;
    if (plan->call == FAULT_pthread_getattr_np)
        return a->status == (plan->error == ENOMEM ? SH_E_NOMEM : SH_E_SYSTEM);
    /* It passes, and there is time to try again. */
    if (a->status == SH_E_TIMEOUT)
        return plan->onwards || may_leak(a);
    return true;
}

static void judge_answer(const attempt *a, int error)
{
    if (!may_answer(a, a->status) || !is_right_answer(a))
        trial_fail(a->tally, "%s: it answered %s", fault_trial_name(a->trial), sh_status_name(a->status));
    int due = a->status == SH_E_SYSTEM ? a->trial->plan.error : ERRNO_BEFORE;
    if (error != due)
        trial_fail(a->tally, "%s: it answered %s, and errno was %s", fault_trial_name(a->trial),
                   sh_status_name(a->status), strerrorname_np(error));
}

static void judge_failure(attempt *a, const snapshot *before, int descriptors_before)
{
    fault_scene *s = &a->scene;
    for (int i = 0; i < FAULT_OUTPUTS; i++)
        if (s->outputs[i] != FAULT_UNTOUCHED)
            trial_fail(a->tally, "%s: it failed, and wrote an output", fault_trial_name(a->trial));
    if (s->raw >= 0 && fcntl((int)s->raw, F_GETFD) < 0)
        trial_fail(a->tally, "%s: it failed, and the value is not open", fault_trial_name(a->trial));
    snapshot after = look(s->subjects[0]);
    if (!is_same(before, &after))
        trial_fail(a->tally, "%s: it failed, and its handle is not as it was", fault_trial_name(a->trial));
    if (a->trial->of->is_unchanged != NULL && !a->trial->of->is_unchanged(s))
        trial_fail(a->tally, "%s: it failed, and something is not as it was", fault_trial_name(a->trial));
    int descriptors = torture_open_descriptors();
    if (descriptors != descriptors_before)
        trial_fail(a->tally, "%s: it failed, and there are %+d descriptors", fault_trial_name(a->trial),
                   descriptors - descriptors_before);
}

static void call_once(attempt *a)
{
    for (int i = 0; i < FAULT_OUTPUTS; i++)
        a->scene.outputs[i] = FAULT_UNTOUCHED;
    snapshot before = look(a->scene.subjects[0]);
    int descriptors_before = torture_open_descriptors();
    fault_arm(&a->plan);
    errno = ERRNO_BEFORE;
    a->status = a->trial->of->call(&a->scene);
    int error = errno;
    fault_disarm();
    judge_answer(a, error);
    if (a->scene.broken)
        trial_fail(a->tally, "%s: what cannot fail has failed", fault_trial_name(a->trial));
    if (!succeeded(a) && !has(a, FAULT_ENDS))
        judge_failure(a, &before, descriptors_before);
}

/* The first failure may have made what is kept for ever; of the next two, the second must leave no more behind. They
 * fail at once, or each would get as far as the one before, and make what is kept there. */
static void call_for_leaks(attempt *a)
{
    long balances[2];
    a->plan.nth = 1;
    for (int i = 0; i < 2; i++) {
        call_once(a);
        if (succeeded(a))
            return; /* what failed is behind us */
        torture_must(sh_wait_for_pending_finalizers(PATIENCE_MS), "sh_wait_for_pending_finalizers");
        balances[i] = fault_balance();
    }
    /* Threads that have just begun may still be freeing what they were started with. */
    for (int i = 0; i < BEGINNING_MS && fault_balance() > balances[0]; i++)
        (void)usleep(1000);
    if (fault_balance() > balances[0])
        trial_fail(a->tally, "%s: each failure leaves %+ld pieces of memory", fault_trial_name(a->trial),
                   balances[1] - balances[0]);
}

static void *make_attempt(void *argument)
{
    attempt *a = argument;
    if (has(a, FAULT_SAME_THREAD) && a->trial->of->prepare != NULL)
        a->trial->of->prepare(&a->scene);
    call_once(a);
    if (a->trial->out_reached != NULL)
        for (fault_call call = 0; call < FAULT_CALL_COUNT; call++)
            a->trial->out_reached[call] = fault_reached(call);
    if (a->trial->plan.onwards && !succeeded(a) && !has(a, FAULT_ENDS | FAULT_STARTS | FAULT_STOPS | FAULT_DEFERS))
        call_for_leaks(a);
    if (a->trial->of->finish != NULL)
        a->trial->of->finish(&a->scene);
    if (a->scene.broken)
        trial_fail(a->tally, "%s: what it was for is not done", fault_trial_name(a->trial));
    for (int i = 0; i < FAULT_LEASES; i++)
        sh_lease_end(&a->scene.leases[i]);
    return NULL;
}

static void make_attempt_on_thread(attempt *a)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, make_attempt, a) != 0 || pthread_join(thread, NULL) != 0)
        trial_fail(a->tally, "no thread could be had");
}

/* ---- after ------------------------------------------------------------------------------------------------------- */

/* A byte through a pipe whose ends are leased, and a duplicate of one. */
static sh_status use_handles(void)
{
    sh_handle *ends[2], *copy;
    sh_status status = sh_open_pipe(0, NULL, &ends[0], &ends[1]);
    if (status != SH_OK)
        return status;
    char byte = 'x';
    bool passed = false;
    SH_WITH_HANDLE (ends[1], into, status)
        passed = write((int)into, &byte, 1) == 1;
    SH_WITH_HANDLE (ends[0], from, status)
        passed = passed && read((int)from, &byte, 1) == 1;
    if (status == SH_OK)
        status = sh_duplicate(ends[0], &copy);
    if (status == SH_OK)
        status = sh_close(copy);
    (void)sh_close(ends[0]);
    (void)sh_close(ends[1]);
    return passed ? status : SH_E_SYSTEM;
}

/* A handle that a region announced and that a domain ends. */
static sh_status use_domain_and_region(void)
{
    const sh_reserve reserve = {.handle_count = 1, .lease_count = 1, .stack_bytes = 4096};
    sh_domain *domain;
    sh_handle *held;
    sh_status status = sh_domain_create("afterwards", &domain);
    if (status == SH_OK)
        status = sh_domain_enter(domain);
    if (status != SH_OK)
        return status;
    SH_CONSTRAINED_WITH (&reserve, status)
        status = sh_open_event(0, 0, NULL, &held);
    (void)sh_domain_leave(domain);
    if (status == SH_OK)
        status = sh_domain_unload(domain, PATIENCE_MS, NULL);
    return status != SH_OK ? status : sh_is_released(held) ? sh_domain_destroy(domain) : SH_PENDING;
}

static void clean_up(attempt *a)
{
    fault_scene *s = &a->scene;
    for (int i = 0; i < FAULT_OUTPUTS; i++)
        if (succeeded(a) && !has(a, FAULT_NUMBER) && s->outputs[i] != FAULT_UNTOUCHED)
            (void)sh_close((sh_handle *)s->outputs[i]);
    bool owned = a->status == SH_OK && s->raw >= 0 && fcntl((int)s->raw, F_GETFD) < 0;
    if (s->subjects[0] != NULL && !(has(a, FAULT_ENDS)))
        (void)sh_close(s->subjects[0]);
    if (s->raw >= 0 && !owned)
        (void)close((int)s->raw);
}

/* Where the system does not say whether a number is still the tombstone's, it stays open: it could be a stranger's. */
static int may_be_left(const attempt *a)
{
    fault_call call = a->plan.call;
    if (may_leak(a))
        return FAULT_SUBJECTS;
    return has(a, FAULT_STOPS | FAULT_BURIES) && (call == FAULT_fcntl64 || call == FAULT_fstat64) ? 1 : 0;
}

static void judge_aftermath(attempt *a, int descriptors_before)
{
    if (has(a, FAULT_STOPS) || (has(a, FAULT_STARTS) && a->status != SH_OK))
        start(a);
    sh_status status = use_handles();
    if (status == SH_OK)
        status = use_domain_and_region();
    if (status != SH_OK)
        trial_fail(a->tally, "%s: afterwards, others are told %s", fault_trial_name(a->trial), sh_status_name(status));
    clean_up(a);
    status = sh_shutdown(may_leak(a) ? VAIN_PATIENCE_MS : PATIENCE_MS);
    if (status != SH_OK && !(may_leak(a) && status == SH_E_TIMEOUT))
        trial_fail(a->tally, "%s: afterwards, sh_shutdown answers %s", fault_trial_name(a->trial),
                   sh_status_name(status));
    int descriptors = torture_open_descriptors();
    if (descriptors < descriptors_before || descriptors > descriptors_before + may_be_left(a))
        trial_fail(a->tally, "%s: in the end there are %+d descriptors", fault_trial_name(a->trial),
                   descriptors - descriptors_before);
    if (bad_events > 0 || (leaks > 0 && !may_leak(a)))
        trial_fail(a->tally, "%s: an event told of a promise that was broken", fault_trial_name(a->trial));
}

void fault_trial_run(torture_tally *tally, const void *data)
{
    const fault_trial *trial = data;
    attempt a = {.trial = trial,
                 .tally = tally,
                 .plan = trial->plan,
                 .scene = {.collector = trial->collector,
                           .raw = -1,
                           .fault_lasts = trial->plan.onwards,
                           .no_barrier = trial->plan.call == FAULT_syscall && trial->plan.nth > 0}};
    int descriptors_before = torture_open_descriptors();
    if (!has(&a, FAULT_STARTS))
        start(&a);
    if (!has(&a, FAULT_SAME_THREAD) && trial->of->prepare != NULL)
        trial->of->prepare(&a.scene);
    if (trial->fresh_thread)
        make_attempt_on_thread(&a);
    else
        (void)make_attempt(&a);
    judge_aftermath(&a, descriptors_before);
}
