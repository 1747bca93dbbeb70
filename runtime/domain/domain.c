/* SPDX-License-Identifier: MIT */
#include "domain/domain.h"
#include "base/assert.h"
#include "base/checkpoint.h"
#include "gc/gc_host.h"
#include "platform/platform.h"
#include "thread/lifecycle.h"
#include "thread/thread.h"

typedef enum domain_state {
    DOMAIN_FREE, /* the place is no domain's */
    DOMAIN_LOADED,
    DOMAIN_UNLOADED /* takes nothing new */
} domain_state;

/* Invariant: threads_inside is 0, and next_free may be set, while state is DOMAIN_FREE. */
struct sh_domain {
    atomic_word state;
    const char *name;
    uint32_t threads_inside; /* how often threads have entered and not left */
    uint32_t next_free;      /* the number of another free place; 0: none */
};

/* Invariant: mutex covers every field and every change of a state; places[0] is the root; places [1 .. used) were
 * domains once, and those that are free are linked from first_free. */
static struct {
    platform_mutex mutex;
    sh_domain *places;
    uint32_t used;
    uint32_t first_free;
} domains = {.mutex = PLATFORM_MUTEX_INIT, .used = 1};

bool domain_start(void)
{
    if (domains.places == NULL)
        domains.places = platform_pages_map((size_t)GC_GROUPS * sizeof *domains.places);
    if (domains.places == NULL)
        return false;
    atomic_word_store(&domains.places[DOMAIN_ROOT].state, DOMAIN_LOADED);
    return true;
}

/* Acquire: who sees a domain loaded sees its groups opened. */
static domain_state state_of(const sh_domain *domain)
{
    return (domain_state)atomic_word_load_acquire(&domain->state);
}

static uint32_t number_of(const sh_domain *domain)
{
    return (uint32_t)(domain - domains.places);
}

/* The root is none that a program can name. */
static bool is_domain(const sh_domain *domain)
{
    uintptr_t offset = (uintptr_t)domain - (uintptr_t)domains.places;
    return domains.places != NULL && domain > domains.places && offset < GC_GROUPS * sizeof *domain &&
           offset % sizeof *domain == 0 && state_of(domain) != DOMAIN_FREE;
}

/* ---- admission --------------------------------------------------------------------------------------------------- */

bool domain_admits_now(uint32_t number)
{
    return state_of(&domains.places[number]) == DOMAIN_LOADED;
}

/* A destroy that comes to nothing refuses nobody: its short refusal is never seen with the mutex held. */
bool domain_admits_made(uint32_t number)
{
    if (domain_admits_now(number))
        return true;
    platform_mutex_lock(&domains.mutex);
    bool admitted = domain_admits_now(number);
    platform_mutex_unlock(&domains.mutex);
    return admitted;
}

static uint32_t number_here(void)
{
    const thread_record *record = thread_here();
    return record == NULL ? DOMAIN_ROOT : domain_here(record);
}

sh_status domain_admit(const sh_domain *domain_or_null, uint32_t *out_number)
{
    if (domain_or_null != NULL && !is_domain(domain_or_null))
        return SH_E_ARGUMENT;
    uint32_t number = domain_or_null == NULL ? number_here() : number_of(domain_or_null);
    if (!domain_admits(number))
        return SH_E_CLOSED;
    *out_number = number;
    return SH_OK;
}

/* ---- making and ending ------------------------------------------------------------------------------------------- */

/* With the mutex held. 0: there is none. */
static uint32_t take_place(void)
{
    uint32_t number = domains.first_free;
    if (number != 0) {
        domains.first_free = domains.places[number].next_free;
        return number;
    }
    if (domains.used == GC_GROUPS || FAILS_HERE("domain.group") || !gc->group_open(domains.used))
        return 0;
    return domains.used++;
}

sh_status sh_domain_create(const char *name, sh_domain **out_domain)
{
    if (out_domain == NULL)
        return SH_E_ARGUMENT;
    sh_status status = lifecycle_admit();
    if (status != SH_OK)
        return status;
    platform_mutex_lock(&domains.mutex);
    uint32_t number = take_place();
    sh_domain *made = &domains.places[number];
    if (number != 0) {
        made->name = name;
        made->next_free = 0;
        ASSERT(made->threads_inside == 0);
        /* Release: the group is open. */
        atomic_word_store_release(&made->state, DOMAIN_LOADED);
    }
    platform_mutex_unlock(&domains.mutex);
    if (number == 0)
        return SH_E_NOMEM;
    *out_domain = made;
    return SH_OK;
}

const char *sh_domain_name(const sh_domain *domain)
{
    return is_domain(domain) ? domain->name : NULL;
}

sh_status domain_begin_unload(sh_domain *domain, uint32_t *out_number)
{
    platform_mutex_lock(&domains.mutex);
    bool known = is_domain(domain);
    if (known) {
        /* Whoever makes a handle brings it to life and then looks here again, and the unload walks the handles after
         * this: the fence is the makers', too. A handle that is missed all the same, since the barrier has failed just
         * now, is condemned with the others, and seen when the worker comes to it. */
        atomic_word_store_release(&domain->state, DOMAIN_UNLOADED);
        platform_fence_heavy();
        *out_number = number_of(domain);
    }
    platform_mutex_unlock(&domains.mutex);
    return known ? SH_OK : SH_E_ARGUMENT;
}

void domain_begin_unload_all(void)
{
    platform_mutex_lock(&domains.mutex);
    for (uint32_t number = 1; number < domains.used; number++)
        if (state_of(&domains.places[number]) == DOMAIN_LOADED)
            atomic_word_store_release(&domains.places[number].state, DOMAIN_UNLOADED);
    platform_fence_heavy(); /* as above; also for the root, whose state is the runtime's */
    platform_mutex_unlock(&domains.mutex);
}

sh_status domain_end(sh_domain *domain, bool (*may_go)(uint32_t number))
{
    platform_mutex_lock(&domains.mutex);
    sh_status status = !is_domain(domain) ? SH_E_ARGUMENT : domain->threads_inside > 0 ? SH_PENDING : SH_OK;
    if (status == SH_OK) {
        word_t before = atomic_word_load(&domain->state);
        /* First, so that nothing is made in it after the look. */
        atomic_word_store_release(&domain->state, DOMAIN_UNLOADED);
        platform_fence_heavy(); /* as above */
        CHECKPOINT("domain.end");
        if (!may_go(number_of(domain))) {
            atomic_word_store_release(&domain->state, before);
            status = SH_PENDING;
        } else {
            atomic_word_store_release(&domain->state, DOMAIN_FREE);
            domain->next_free = domains.first_free;
            domains.first_free = number_of(domain);
        }
    }
    platform_mutex_unlock(&domains.mutex);
    return status;
}

/* ---- entering ---------------------------------------------------------------------------------------------------- */

/* With the mutex held. */
static sh_status enter(thread_record *record, sh_domain *domain)
{
    if (!is_domain(domain))
        return SH_E_ARGUMENT;
    if (state_of(domain) != DOMAIN_LOADED)
        return SH_E_CLOSED;
    if (record->domain_count == THREAD_DOMAINS)
        return SH_E_OVERFLOW;
    domain->threads_inside++;
    record->domains[record->domain_count++] = number_of(domain);
    return SH_OK;
}

sh_status sh_domain_enter(sh_domain *domain)
{
    sh_status status = lifecycle_admit();
    thread_record *record;
    if (status == SH_OK)
        status = thread_attach(false, &record);
    if (status != SH_OK)
        return status;
    platform_mutex_lock(&domains.mutex);
    status = enter(record, domain);
    platform_mutex_unlock(&domains.mutex);
    return status;
}

void domain_left(uint32_t number)
{
    platform_mutex_lock(&domains.mutex);
    ASSERT(domains.places[number].threads_inside > 0);
    domains.places[number].threads_inside--;
    platform_mutex_unlock(&domains.mutex);
}

sh_status sh_domain_leave(sh_domain *domain)
{
    thread_record *record = thread_here();
    if (record == NULL || record->domain_count == 0 ||
        &domains.places[record->domains[record->domain_count - 1]] != domain)
        return SH_E_ARGUMENT;
    record->domain_count--;
    domain_left(number_of(domain));
    return SH_OK;
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

void domain_fork_before(void)
{
    platform_mutex_lock(&domains.mutex);
}

void domain_fork_after(void)
{
    platform_mutex_unlock(&domains.mutex);
}
