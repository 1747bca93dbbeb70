/* SPDX-License-Identifier: MIT */
#include "contract/contract.h"
#include "base/atomic.h"
#include "base/list.h"
#include "event/event.h"
#include "platform/call_stack.h"
#include "platform/platform.h"
#include <string.h>

/* One release that is running, on the stack of the thread that runs it.
 * Invariant: on room.watches from enter to leave; number is different from all others'. */
typedef struct watch {
    list_node link;
    struct watch *outer; /* the release that this one runs inside of, on the same thread; or NULL */
    uint64_t number;
    platform_thread thread;
    int64_t started_ms;
    const sh_kind *kind;
    sh_raw raw;
    void *context;
    sh_site birth;
    int error;
    bool allocated; /* this and the next: touched by its thread alone */
    event_breach allocation;
    bool asked;   /* the thread was asked for its stack */
    bool overdue; /* told */
    bool was_blocked;
} watch;

/* Invariant: mutex covers every field, and the flags of a watch that the watcher reads. */
static struct {
    platform_mutex mutex;
    list_node watches; /* in the order in which they began */
    uint64_t numbers;
    bool begun;    /* handlers are set; once in a process */
    bool can_ask;  /* the signal is ours; does not change once begun */
    bool watching; /* the watcher's thread runs */
    platform_signal wake;
} room = {.mutex = PLATFORM_MUTEX_INIT, .watches = {&room.watches, &room.watches}};

/* A number by itself: no order is needed. */
static atomic_word budget = {CONTRACT_BUDGET_MS};

static int64_t budget_ms(void)
{
    return (int64_t)atomic_word_load(&budget);
}

/* Initial-exec: malloc reads it, and finding it must not allocate. */
static _Thread_local __attribute__((tls_model("initial-exec"))) watch *innermost;

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static event_breach breach_of(const watch *of)
{
    return (event_breach){.elapsed_ms = platform_now_ms() - of->started_ms, .budget_ms = budget_ms()};
}

/* No lock of ours is held: a fork takes the lock of the events before those of this room. */
static void tell(const watch *of, event_detail detail, int os_error, const event_breach *breach)
{
    event_record record = {.type = SH_EVENT_CONTRACT_BROKEN,
                           .detail = detail,
                           .kind = of->kind,
                           .raw = of->raw,
                           .os_error = os_error,
                           .birth = of->birth,
                           .count = 1,
                           .breach = *breach};
    event_raise(&record);
}

/* Of a release that is over, with the stack of the calling thread from the frame at first on. */
static void tell_over(const watch *of, event_detail detail, int os_error, const void *first)
{
    event_breach breach = breach_of(of);
    breach.over = true;
    breach.depth = platform_stack_capture(first, breach.frames, EVENT_FRAMES);
    tell(of, detail, os_error, &breach);
}

/* Told when the release is left: whoever allocates may hold any lock, that of the events among them. */
void contract_note_allocation(void)
{
    watch *of = innermost;
    if (of == NULL || of->allocated)
        return;
    of->allocated = true;
    of->allocation = breach_of(of);
    of->allocation.depth = platform_stack_capture(__builtin_return_address(0), of->allocation.frames, EVENT_FRAMES);
}

/* ---- asking a blocked thread ------------------------------------------------------------------------------------- */

typedef enum sample_state { SAMPLE_NONE, SAMPLE_WANTED, SAMPLE_TAKING } sample_state;

/* Invariant: written by the watcher while state is SAMPLE_NONE, and by the thread that made it SAMPLE_TAKING until it
 * posts taken. */
static struct {
    atomic_word state;
    uint64_t number; /* of the watch whose thread is asked */
    size_t depth;
    void *frames[EVENT_FRAMES];
    platform_signal taken;
} sample;

static bool runs_here(uint64_t number)
{
    const watch *of = innermost;
    while (of != NULL && of->number != number)
        of = of->outer;
    return of != NULL;
}

/* In a signal handler, on the thread that was asked. One that comes too late finds another state or number. */
static void answer(const void *handler)
{
    /* Acquire: the number is the one that is wanted. */
    if (atomic_word_load_acquire(&sample.state) != SAMPLE_WANTED || !runs_here(sample.number) ||
        !atomic_word_swap_if(&sample.state, SAMPLE_WANTED, SAMPLE_TAKING))
        return;
    sample.depth = platform_stack_capture_interrupted(handler, sample.frames, EVENT_FRAMES);
    platform_signal_post(&sample.taken);
}

/* With the mutex, so that the thread cannot leave its release, and then end, before it was asked. */
static void ask(const watch *of)
{
    sample.number = of->number;
    sample.depth = 0;
    /* Release: whoever sees WANTED sees the number. */
    atomic_word_store_release(&sample.state, SAMPLE_WANTED);
    platform_stack_ask(of->thread);
}

/* Without the mutex. False: the thread did not answer, since it has left the release or lets no signal through. */
static bool wait_for_answer(void)
{
    bool taken = platform_signal_wait(&sample.taken, platform_deadline(CONTRACT_ANSWER_MS));
    if (!taken && !atomic_word_swap_if(&sample.state, SAMPLE_WANTED, SAMPLE_NONE))
        taken = platform_signal_wait(&sample.taken, PLATFORM_FOREVER);
    atomic_word_store(&sample.state, SAMPLE_NONE);
    return taken;
}

/* ---- the watcher ------------------------------------------------------------------------------------------------- */

static watch *find_watch(uint64_t number)
{
    for (list_node *link = room.watches.next; link != &room.watches; link = link->next) {
        watch *of = LIST_OWNER(link, watch, link);
        if (of->number == number)
            return of;
    }
    return NULL;
}

/* The oldest release that nobody has asked about; NULL when there is none. */
static watch *find_unasked(void)
{
    for (list_node *link = room.watches.next; link != &room.watches; link = link->next) {
        watch *of = LIST_OWNER(link, watch, link);
        if (!of->asked)
            return of;
    }
    return NULL;
}

/* With the mutex, which is given back meanwhile. A release that leaves unnoticed tells it itself. */
static void look_at(watch *late)
{
    late->asked = true;
    watch seen = *late; /* the thread may leave meanwhile */
    event_breach breach = breach_of(late);
    if (room.can_ask)
        ask(late);
    platform_mutex_unlock(&room.mutex);
    if (room.can_ask && wait_for_answer()) {
        breach.depth = sample.depth;
        memcpy(breach.frames, sample.frames, sizeof sample.frames);
    }
    platform_mutex_lock(&room.mutex);
    late = find_watch(seen.number);
    bool left = late == NULL;
    if (!left)
        late->overdue = true;
    platform_mutex_unlock(&room.mutex);
    if (!left)
        tell(&seen, EVENT_RELEASE_BLOCKED, 0, &breach);
    platform_mutex_lock(&room.mutex);
}

/* With the mutex. Answers when to look again. */
static int64_t look_around(void)
{
    for (;;) {
        watch *oldest = find_unasked();
        if (oldest == NULL)
            return PLATFORM_FOREVER;
        if (platform_now_ms() - oldest->started_ms < budget_ms())
            return oldest->started_ms + budget_ms();
        look_at(oldest);
    }
}

static void watcher_run(void *unused)
{
    (void)unused;
    for (;;) {
        platform_mutex_lock(&room.mutex);
        int64_t next = look_around();
        platform_mutex_unlock(&room.mutex);
        (void)platform_signal_wait(&room.wake, next);
        platform_signal_drain(&room.wake);
    }
}

/* It never ends by itself: releases go on after a shutdown. */
static void watcher_ended(void *unused, bool returned)
{
    (void)unused;
    (void)returned;
}

static const platform_thread_plan watcher_plan = {"sh-contracts", watcher_run, watcher_ended};

/* ---- around a release -------------------------------------------------------------------------------------------- */

static void enter(watch *mine)
{
    list_init(&mine->link);
    mine->outer = innermost;
    mine->thread = platform_thread_self();
    mine->was_blocked = platform_stack_open();
    mine->started_ms = platform_now_ms();
    platform_mutex_lock(&room.mutex);
    mine->number = ++room.numbers;
    list_append(&room.watches, &mine->link);
    if (room.begun && !room.watching)
        room.watching = platform_thread_start(&watcher_plan, NULL) == 0;
    platform_mutex_unlock(&room.mutex);
    platform_signal_post(&room.wake);
    innermost = mine;
}

/* Also when the thread ends inside its release, which the lanes tell. */
static void leave(void *data)
{
    watch *mine = data;
    innermost = mine->outer;
    platform_stack_close(mine->was_blocked);
    platform_mutex_lock(&room.mutex);
    list_remove(&mine->link);
    platform_mutex_unlock(&room.mutex);
    if (mine->allocated)
        tell(mine, EVENT_RELEASE_ALLOCATED, 0, &mine->allocation);
}

static void call_release(void *data)
{
    watch *mine = data;
    mine->error = mine->kind->release(mine->raw, mine->context);
}

int contract_call_release(const sh_kind *kind, sh_raw raw, void *context, sh_site birth)
{
    const void *caller = __builtin_return_address(0);
    watch mine = {.kind = kind, .raw = raw, .context = context, .birth = birth};
    enter(&mine);
    platform_call_guarded(call_release, leave, &mine);
    bool late = platform_now_ms() - mine.started_ms >= budget_ms();
    leave(&mine);
    if (late && !mine.overdue)
        tell_over(&mine, EVENT_RELEASE_BLOCKED, 0, caller);
    if (mine.error != 0)
        tell_over(&mine, EVENT_RELEASE_ANSWERED, mine.error, caller);
    return mine.error;
}

/* ---- start, fork ------------------------------------------------------------------------------------------------- */

static void before_fork(void)
{
    platform_mutex_lock(&room.mutex);
}

static void after_fork_in_parent(void)
{
    platform_mutex_unlock(&room.mutex);
}

/* The watcher and the other threads are gone, with their releases. */
static void after_fork_in_child(void)
{
    list_init(&room.watches);
    for (watch *of = innermost; of != NULL; of = of->outer) {
        list_init(&of->link);
        list_append(&room.watches, &of->link);
    }
    room.watching = false;
    platform_signal_init(&room.wake);
    platform_signal_init(&sample.taken);
    atomic_word_store(&sample.state, SAMPLE_NONE);
    platform_mutex_unlock(&room.mutex);
}

void contract_set_budget_ms(int64_t limit_ms)
{
    atomic_word_store(&budget, (word_t)limit_ms);
    platform_signal_post(&room.wake);
}

void contract_start(void)
{
    platform_mutex_lock(&room.mutex);
    if (!room.begun) {
        platform_signal_init(&room.wake);
        platform_signal_init(&sample.taken);
        contract_set_budget_ms(platform_environment("SH_RELEASE_BUDGET_MS", CONTRACT_BUDGET_MS));
        room.can_ask = platform_stack_start(answer);
        room.begun = platform_fork_register(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
    }
    platform_mutex_unlock(&room.mutex);
}
