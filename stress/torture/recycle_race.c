/* SPDX-License-Identifier: MIT */
#include "recycle_race.h"
#include "../dice.h"
#include "../die.h"
#include "garbage.h"
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SLOTS = 64,
    STRANGERS = 8,        /* numbers that the recycler holds */
    ROUND = 5000,         /* operations between two meetings of all threads */
    LOOKS = 3,            /* at the tag, during one use */
    YIELDS = 64,          /* one use in so many lets others run meanwhile */
    COLLECTIONS = 100000, /* one operation in so many collects */
    LONGEST_CLOSE_MS = 3,
    RECLAIM_MS = 10000
};

/* Who owns a number, and what the number meant when it was made. Never changes once it is shared. */
typedef struct owner {
    sh_handle *h; /* NULL in a raw race */
    sh_raw number;
    recycle_tag tag;
    struct owner *next_retired;
} owner;

static _Atomic(owner *) slots[SLOTS]; /* scanned by the collector; never NULL during the race */

/* Without a collector, what was taken out of a slot is dropped when all threads have met: nobody looks at it then. */
typedef struct racer {
    recycle_race *race;
    uint64_t seed;
    owner *retired;
    uint64_t uses;
} racer;

static pthread_barrier_t meeting;

static bool has_collector(const recycle_race *race)
{
    return race->of->collector == SH_COLLECTOR_BOEHM && !race->raw;
}

static uint64_t choose(racer *self, uint64_t below)
{
    return dice_split(&self->seed) % below;
}

static bool one_in(racer *self, uint64_t many)
{
    return choose(self, many) == 0;
}

static void refuse(racer *self)
{
    (void)atomic_fetch_add(&self->race->refusals, 1);
}

static void expect(racer *self, sh_status got, sh_status or_else)
{
    if (got != SH_OK && got != or_else)
        refuse(self);
}

/* ---- making and ending ------------------------------------------------------------------------------------------- */

/* Numbers ran out: dead handles have some. */
static void reclaim(racer *self)
{
    if (self->race->raw) {
        (void)sched_yield();
        return;
    }
    sh_collect();
    expect(self, sh_wait_for_pending_finalizers(RECLAIM_MS), SH_E_TIMEOUT);
}

static sh_status make_handle(racer *self, owner *made)
{
    sh_create_options options = {.context = (void *)made->tag};
    if (one_in(self, 2))
        return sh_wrap(self->race->space->kind, made->number, &options, &made->h);
    sh_status status = sh_create(self->race->space->kind, &options, &made->h);
    return status == SH_OK ? sh_set_handle(made->h, made->number) : status;
}

static owner *new_owner(racer *self)
{
    owner *made = garbage_object(has_collector(self->race) ? SH_COLLECTOR_BOEHM : SH_COLLECTOR_MANUAL, sizeof *made);
    if (made == NULL)
        die("there is no memory");
    return made;
}

static owner *make(racer *self)
{
    owner *made = new_owner(self);
    while (!self->race->space->open(&made->number, &made->tag))
        reclaim(self);
    if (!self->race->raw)
        expect(self, make_handle(self, made), SH_OK);
    return made;
}

static void retire(racer *self, owner *old)
{
    if (has_collector(self->race))
        return;
    old->next_retired = self->retired;
    self->retired = old;
}

static void drop_retired(racer *self)
{
    for (owner *old; (old = self->retired) != NULL; free(old)) {
        self->retired = old->next_retired;
        if (!self->race->raw)
            garbage_drop_handle(SH_COLLECTOR_MANUAL, old->h);
    }
}

/* ---- using ------------------------------------------------------------------------------------------------------- */

static void look(racer *self, const owner *used, sh_raw number)
{
    bool yields = one_in(self, YIELDS);
    for (int i = 0; i < LOOKS; i++) {
        if (self->race->space->tag_of(number) != used->tag)
            (void)atomic_fetch_add(&self->race->mismatches, 1);
        if (yields)
            (void)sched_yield();
    }
    self->uses++;
}

static void use_by_lease(racer *self, const owner *used)
{
    sh_lease lease;
    sh_raw number;
    sh_status status = sh_lease_begin(&lease, used->h, &number);
    expect(self, status, SH_E_CLOSED);
    if (status != SH_OK)
        return;
    look(self, used, number);
    if (!one_in(self, 8)) {
        sh_lease_end(&lease);
        return;
    }
    expect(self, sh_lease_detach(&lease), SH_OK);
    look(self, used, number);
    expect(self, sh_dangerous_release(used->h), SH_OK);
}

static void use_by_reference(racer *self, const owner *used)
{
    bool taken = false;
    expect(self, sh_dangerous_add_ref(used->h, &taken), SH_E_CLOSED);
    if (!taken)
        return;
    look(self, used, sh_dangerous_get_handle(used->h));
    expect(self, sh_dangerous_release(used->h), SH_OK);
}

static void use(racer *self, const owner *used)
{
    if (self->race->raw)
        look(self, used, used->number);
    else if (one_in(self, 4))
        use_by_reference(self, used);
    else
        use_by_lease(self, used);
}

/* ---- the other operations ---------------------------------------------------------------------------------------- */

static void close_owner(racer *self, owner *old)
{
    if (self->race->raw)
        self->race->space->close(old->number);
    else if (one_in(self, 4))
        expect(self, sh_close_wait(old->h, (int64_t)choose(self, LONGEST_CLOSE_MS)), SH_E_TIMEOUT);
    else
        expect(self, sh_close(old->h), SH_PENDING);
}

/* Puts it into the slot, and ends what was there; one in four is only dropped, and found by the collector. */
static void replace(racer *self, _Atomic(owner *) *slot, owner *by)
{
    owner *old = atomic_exchange(slot, by);
    if (self->race->raw || !one_in(self, 4))
        close_owner(self, old);
    retire(self, old);
}

static void duplicate(racer *self, _Atomic(owner *) *slot)
{
    const owner *original = atomic_load(slot);
    owner *copy = new_owner(self);
    copy->tag = original->tag;
    sh_status status = sh_duplicate(original->h, &copy->h);
    if (status == SH_OK)
        replace(self, slot, copy);
    else if (!has_collector(self->race))
        free(copy);
    expect(self, status, status == SH_E_SYSTEM ? SH_E_SYSTEM : SH_E_CLOSED);
}

static void operate(racer *self)
{
    _Atomic(owner *) *slot = &slots[choose(self, SLOTS)];
    uint64_t chance = choose(self, 128);
    if (chance < 3)
        replace(self, slot, make(self));
    else if (chance == 3 && !self->race->raw)
        duplicate(self, slot);
    else if (chance == 4 && !self->race->raw)
        close_owner(self, atomic_load(slot)); /* and leave it for others to be refused */
    else
        use(self, atomic_load(slot));
    if (!self->race->raw && one_in(self, COLLECTIONS))
        reclaim(self);
}

/* ---- the threads ------------------------------------------------------------------------------------------------- */

static void *run_racer(void *data)
{
    racer *self = data;
    if (!self->race->raw)
        torture_must(sh_thread_attach(), "sh_thread_attach");
    for (uint64_t i = 1; i <= self->race->operations; i++) {
        operate(self);
        if (i % ROUND != 0 || has_collector(self->race))
            continue;
        (void)pthread_barrier_wait(&meeting);
        drop_retired(self);
    }
    (void)pthread_barrier_wait(&meeting);
    drop_retired(self);
    (void)atomic_fetch_add(&self->race->uses, self->uses);
    return NULL;
}

typedef struct recycler {
    const recycle_space *space;
    atomic_bool over;
} recycler;

/* Opens what came free last, for something else, and gives it back a little later. */
static void *recycle(void *data)
{
    recycler *self = data;
    sh_raw strangers[STRANGERS];
    bool held[STRANGERS] = {false};
    recycle_tag unused;
    for (int i = 0; !atomic_load(&self->over); i = (i + 1) % STRANGERS) {
        if (held[i])
            self->space->close(strangers[i]);
        held[i] = self->space->open(&strangers[i], &unused);
        (void)sched_yield();
    }
    for (int i = 0; i < STRANGERS; i++)
        if (held[i])
            self->space->close(strangers[i]);
    return NULL;
}

static void start(pthread_t *thread, void *(*run)(void *data), void *data)
{
    if (pthread_create(thread, NULL, run, data) != 0)
        die("a thread cannot be started");
}

/* Before the threads, and after them: every slot has an owner, then none has. */
static void fill_slots(racer *self)
{
    for (int i = 0; i < SLOTS; i++)
        atomic_store(&slots[i], make(self));
}

static void empty_slots(racer *self)
{
    for (int i = 0; i < SLOTS; i++) {
        owner *last = atomic_exchange(&slots[i], NULL);
        close_owner(self, last);
        retire(self, last);
    }
    drop_retired(self);
}

void recycle_race_run(recycle_race *race, torture_tally *tally)
{
    racer racers[RECYCLE_THREADS], outside = {.race = race, .seed = race->seed};
    pthread_t threads[RECYCLE_THREADS], recycling;
    recycler beside = {.space = race->space};
    (void)pthread_barrier_init(&meeting, NULL, RECYCLE_THREADS);
    fill_slots(&outside);
    start(&recycling, recycle, &beside);
    for (unsigned i = 0; i < RECYCLE_THREADS; i++) {
        racers[i] = (racer){.race = race, .seed = race->seed + i + 1};
        start(&threads[i], run_racer, &racers[i]);
    }
    for (int i = 0; i < RECYCLE_THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    atomic_store(&beside.over, true);
    (void)pthread_join(recycling, NULL);
    empty_slots(&outside);
    (void)atomic_fetch_add(&tally->tries, race->operations * RECYCLE_THREADS);
}

void recycle_race_judge(recycle_race *race, torture_tally *tally)
{
    unsigned long long mismatches = race->mismatches, refusals = race->refusals, wrong = recycle_wrong_releases();
    const char *name = race->of->name;
    if (mismatches > 0)
        torture_fail(tally, "%s: a number meant something else while it was used, %llu times", name, mismatches);
    if (wrong > 0)
        torture_fail(tally, "%s: a number meant something else when it was released, %llu times", name, wrong);
    if (refusals > 0)
        torture_fail(tally, "%s: %llu answers that no caller should get", name, refusals);
    if (race->uses < race->operations)
        torture_fail(tally, "%s: hardly a use was admitted, so nothing was seen", name);
    if (recycle_numbers_in_use() != 0)
        torture_fail(tally, "%s: %d numbers were never released", name, recycle_numbers_in_use());
}
