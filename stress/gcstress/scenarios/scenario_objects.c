/* SPDX-License-Identifier: MIT */
/* Objects that die together, and what their finalizers do to each other's numbers. */
#include "../../die.h"
#include "../world/approach.h"
#include "held.h"
#include "scenarios.h"
#include <errno.h>
#include <safehandle/region.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PARTS = 3, HUNDRED = 100 };

/* An object with an owner, and a finalizer that uses one: its own, as a stream does, or that of the next. */
typedef struct part {
    world_object object;
    struct scene *scene;
    const approach *how;
    world_object *owner; /* of its own */
    world_object *used;  /* by its finalizer; or NULL */
    world_file used_file;
} part;

typedef struct scene {
    world *world;
    const approach *how;
    part *parts[PARTS];
    world_file files[PARTS];
    held parent, child;
    int64_t thread_id; /* 0: there is nobody to abort */
    bool found;        /* a resurrected object waits for its user */
    bool taken_back;
    bool collected;
    int runs;
    int released;
    bool user_waits;
    sh_handle *many[HUNDRED];
    char objects[HUNDRED];
} scene;

static scene *make_scene(const char *name)
{
    scene *made = die_or_allocate(1, sizeof *made);
    made->how = approach_find(name);
    made->world = world_make();
    return made;
}

static void end_scene(void *data)
{
    scene *s = data;
    held_end(&s->child);
    held_end(&s->parent);
    world_end(s->world);
    free(s);
}

static bool is_safehandle(const scene *s)
{
    return strcmp(s->how->name, "safehandle") == 0;
}

static void drop_part(const scene *s, int i)
{
    world_unroot(s->parts[i]->owner);
    world_unroot(&s->parts[i]->object);
}

/* Owners first: each is made before what uses it. */
static void make_parts(scene *s, int count, sh_finalizer *finalizer)
{
    for (int i = 0; i < count; i++) {
        int number = world_open(s->world, &s->files[i]);
        world_object *owner = s->how->make(s->world, number, s->files[i]);
        s->parts[i] = world_allocate(s->world, sizeof **s->parts);
        *s->parts[i] = (part){.object = s->parts[i]->object, .scene = s, .how = s->how, .owner = owner};
        world_finalize_with(&s->parts[i]->object, finalizer);
    }
}

/* The object and all that it reaches are intact: that is what document 002 promises a finalizer. */
static void use_in_finalizer(void *object, void *unused)
{
    (void)unused;
    const part *self = object;
    if (self->used == NULL)
        return;
    approach_use mine;
    world_root(self->used);
    if (!self->how->begin(self->used, &mine)) {
        sh_stress_violation("a finalizer found the number closed that it was to write to: its bytes are lost");
        return;
    }
    world_use(self->object.world, mine.number, self->used_file);
    self->how->end(&mine);
}

/* The world's end takes roots away, also those that a finalizer has just put there. */
static void wait_for_finalizers(void)
{
    if (sh_wait_for_pending_finalizers(-1) != SH_OK)
        sh_stress_violation("the finalizers did not come to their end");
}

static void drop_and_collect(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        for (int i = 0; i < PARTS && s->parts[i] != NULL; i++)
            drop_part(s, i);
    world_collect(s->world);
    wait_for_finalizers();
}

static void reach(scene *s, int from, int to)
{
    s->parts[from]->used = s->parts[to]->owner;
    s->parts[from]->used_file = s->files[to];
}

/* ---- a lost flush ------------------------------------------------------------------------------------------------ */
static void *begin_stream(const char *name)
{
    scene *made = make_scene(name);
    make_parts(made, 1, use_in_finalizer);
    reach(made, 0, 0);
    return made;
}

const sh_stress_scenario scenario_lost_flush = {
    .size_bytes = sizeof scenario_lost_flush,
    .name = "lost-flush",
    .retells = "document 002: a FileStream that was dropped without Close still writes its buffer",
    .violation = "the stream's finalizer finds its number closed, since the handle was finalized first",
    .approaches = approach_names,
    .thread_count = 2,
    .begin = begin_stream,
    .thread = drop_and_collect,
    .end = end_scene,
    .serial = true,
};

/* ---- a chain and a cycle ----------------------------------------------------------------------------------------- */
static void *begin_chain(const char *name)
{
    scene *made = make_scene(name);
    make_parts(made, PARTS, use_in_finalizer);
    for (int i = 1; i < PARTS; i++)
        reach(made, i, i - 1);
    return made;
}

const sh_stress_scenario scenario_chain_of_owners = {
    .size_bytes = sizeof scenario_chain_of_owners,
    .name = "chain-of-owners",
    .retells = "document 002's weak ordering: one object's finalizer uses the handle of the next",
    .violation = "a finalizer finds the next one's number closed",
    .approaches = approach_names,
    .thread_count = 2,
    .begin = begin_chain,
    .thread = drop_and_collect,
    .end = end_scene,
    .serial = true,
};

static void *begin_cycle(const char *name)
{
    scene *made = make_scene(name);
    make_parts(made, PARTS, use_in_finalizer);
    for (int i = 0; i < PARTS; i++)
        reach(made, i, (i + 1) % PARTS);
    return made;
}

const sh_stress_scenario scenario_cycle_of_owners = {
    .size_bytes = sizeof scenario_cycle_of_owners,
    .name = "cycle-of-owners",
    .retells = "document 002: A might contain B, and B point back to A",
    .violation = "a finalizer finds the next one's number closed, or is never run",
    .approaches = approach_names,
    .thread_count = 2,
    .begin = begin_cycle,
    .thread = drop_and_collect,
    .end = end_scene,
    .serial = true,
};

/* ---- a finalizer that closes its neighbour ----------------------------------------------------------------------- */
static void close_neighbour(void *object, void *unused)
{
    (void)unused;
    const part *self = object;
    if (self->used != NULL)
        self->how->close(self->used);
}

static void *begin_neighbours(const char *name)
{
    scene *made = make_scene(name);
    make_parts(made, 2, close_neighbour);
    reach(made, 0, 1);
    return made;
}

/* The neighbour is closed by its own user, too. */
static void close_beside_finalizer(void *data, size_t index)
{
    scene *s = data;
    if (index == 1) {
        s->how->close(s->parts[1]->owner);
    } else {
        drop_part(s, 0);
        world_collect(s->world);
    }
}

const sh_stress_scenario scenario_closing_neighbour = {
    .size_bytes = sizeof scenario_closing_neighbour,
    .name = "closing-neighbour",
    .retells = "document 002: a finalizer that calls Close on something else",
    .violation = "the neighbour's number is closed twice",
    .approaches = approach_names,
    .thread_count = 2,
    .begin = begin_neighbours,
    .thread = close_beside_finalizer,
    .end = end_scene,
    .serial = true,
};

/* ---- resurrection ------------------------------------------------------------------------------------------------ */
/* Reachable again, with its number in use: by a reference that the finalizer takes while the handle is still open. */
static void resurrect(void *object, void *unused)
{
    (void)unused;
    part *self = object;
    scene *s = self->scene;
    bool success = false;
    if (is_safehandle(s) && sh_dangerous_add_ref(self->owner->handle, &success) != SH_OK)
        sh_stress_violation("a finalizer was refused by the handle of its own object");
    s->found = true;
}

static void *begin_mortal(const char *name)
{
    scene *made = make_scene(name);
    part *self = world_allocate(made->world, sizeof *self);
    int number = world_open(made->world, &made->files[0]);
    *self = (part){.object = self->object, .scene = made, .how = made->how};
    self->owner = made->how->make(made->world, number, made->files[0]);
    world_finalize_with(&self->object, resurrect);
    made->parts[0] = self;
    return made;
}

static void use_resurrected(scene *s)
{
    if (!s->found)
        return;
    s->found = false;
    part *self = s->parts[0];
    approach_use mine;
    if (is_safehandle(s)) {
        wait_for_finalizers(); /* as a call that takes its time */
        world_use(s->world, (int)sh_dangerous_get_handle(self->owner->handle), s->files[0]);
        (void)sh_dangerous_release(self->owner->handle); /* its status is the release's, if that falls to it */
        return;
    }
    world_root(self->owner);
    if (!s->how->begin(self->owner, &mine))
        return;
    wait_for_finalizers();
    world_use(s->world, mine.number, s->files[0]);
    s->how->end(&mine);
}

static void die_and_be_used(void *data, size_t index)
{
    scene *s = data;
    if (index == 0) {
        drop_part(s, 0);
        world_collect(s->world);
        wait_for_finalizers();
    }
    use_resurrected(s);
}

const sh_stress_scenario scenario_resurrection = {
    .size_bytes = sizeof scenario_resurrection,
    .name = "resurrection",
    .retells = "a finalizer stores its object where it is reachable again, and its handle is used",
    .violation = "the number is closed under the user of the object that came back, or never",
    .approaches = approach_names,
    .thread_count = 2,
    .begin = begin_mortal,
    .thread = die_and_be_used,
    .end = end_scene,
    .serial = true,
};

/* ---- a child and its parent -------------------------------------------------------------------------------------- */
static int release_parent_of(sh_raw raw, void *context)
{
    scene *s = context;
    world_close(s->world, (int)raw, s->child.file);
    (void)sh_dangerous_release(s->parent.h); /* its status is the release's, if that falls to it */
    return 0;
}

static const sh_kind child_kind = {.name = "number that lives in another",
                                   .invalid_value = -1,
                                   .is_invalid = sh_invalid_minus_one,
                                   .release = release_parent_of};

static void make_child(scene *s)
{
    held_make(&s->parent, s->world, &held_number, NULL);
    s->files[0] = s->parent.file;
    s->child = (held){.world = s->world};
    s->child.number = world_open(s->world, &s->child.file);
    s->files[1] = s->child.file;
    bool success = false;
    sh_handle *child = NULL;
    sh_create_options options = {.context = s};
    if (sh_dangerous_add_ref(s->parent.h, &success) != SH_OK ||
        sh_wrap(&child_kind, s->child.number, &options, &child) != SH_OK)
        die("a child could not be made");
    world_hold(s->world, child);
    s->child.h = child;
}

static void ignore(void *object, void *unused)
{
    (void)object;
    (void)unused;
}

static void *begin_family(const char *name)
{
    scene *made = make_scene(name);
    if (is_safehandle(made))
        make_child(made);
    else
        make_parts(made, 2, ignore);
    return made;
}

/* Every use of the child is one of its parent's number, too. */
static void use_child(const scene *s)
{
    approach_use mine = {.number = -1};
    sh_lease lease;
    sh_raw raw;
    if (is_safehandle(s)) {
        if (sh_lease_begin(&lease, s->child.h, &raw) != SH_OK)
            return;
        world_use(s->world, s->parent.number, s->files[0]);
        sh_lease_end(&lease);
        return;
    }
    world_root(s->parts[1]->owner);
    if (!s->how->begin(s->parts[1]->owner, &mine))
        return;
    world_use(s->world, WORLD_FIRST_NUMBER, s->files[0]);
    s->how->end(&mine);
}

static void close_family(void *data, size_t index)
{
    scene *s = data;
    if (index == 2)
        use_child(s);
    else if (is_safehandle(s))
        (void)sh_close(index == 0 ? s->parent.h : s->child.h); /* pending while the child or its user is there */
    else
        s->how->close(s->parts[index]->owner);
}

const sh_stress_scenario scenario_child_and_parent = {
    .size_bytes = sizeof scenario_child_and_parent,
    .name = "child-and-parent",
    .retells = "a child handle whose parent is closed first",
    .violation = "the parent's number is closed while the child still works with it",
    .approaches = approach_names,
    .thread_count = 3,
    .begin = begin_family,
    .thread = close_family,
    .end = end_scene,
    .serial = true,
};

/* ---- a finalizer that waits for its user: runtime#40301 ---------------------------------------------------------- */
static const char *const ways_to_wait[] = {"waits-for-users", "safehandle", NULL};

static void close_and_wait(void *object, void *unused)
{
    (void)unused;
    scene *s = ((part *)object)->scene;
    sh_status status = sh_close_wait(s->parent.h, -1);
    if (status != SH_PENDING && status != SH_OK)
        sh_stress_violation("a finalizer's close that waits came to neither of its two ends");
}

/* What was done: the finalizer looks at the count until it is zero. */
static void wait_for_count(void *object, void *unused)
{
    (void)unused;
    const scene *s = ((part *)object)->scene;
    if (s->user_waits)
        sh_stress_violation("a finalizer waits for its user, who waits for the finalizers: neither ever ends");
}

static void *begin_waiting(const char *name)
{
    bool by_handle = strcmp(name, "safehandle") == 0;
    scene *made = make_scene("safehandle");
    held_make(&made->parent, made->world, &held_number, NULL);
    make_parts(made, 1, by_handle ? close_and_wait : wait_for_count);
    return made;
}

static void wait_for_each_other(void *data, size_t index)
{
    scene *s = data;
    if (index == 1) {
        drop_part(s, 0);
        world_collect(s->world);
        wait_for_finalizers();
        return;
    }
    sh_lease lease;
    sh_raw raw;
    if (sh_lease_begin(&lease, s->parent.h, &raw) != SH_OK)
        return;
    s->user_waits = true;
    wait_for_finalizers();
    s->user_waits = false;
    world_use(s->world, (int)raw, s->parent.file);
    sh_lease_end(&lease);
}

const sh_stress_scenario scenario_finalizer_waits = {
    .size_bytes = sizeof scenario_finalizer_waits,
    .name = "finalizer-waits",
    .retells = "dotnet/runtime#40301: a finalizer that waited for a count hung all finalization",
    .violation = "a finalizer waits for a user, who waits for finalizers",
    .approaches = ways_to_wait,
    .thread_count = 2,
    .begin = begin_waiting,
    .thread = wait_for_each_other,
    .end = end_scene,
    .serial = true,
};

/* ---- an abort between open and store ----------------------------------------------------------------------------- */
static void *begin_nothing(const char *name)
{
    return make_scene(name);
}

/* Where a runtime may tear the thread away: anywhere but in a constrained region. */
static bool is_torn_away(void)
{
    return sh_safepoint() == SH_E_ABORTED;
}

static void open_unprotected(scene *s)
{
    int number = world_open(s->world, &s->files[0]);
    sh_stress_checkpoint("scenario.opened");
    if (is_torn_away())
        return;
    world_unroot(s->how->make(s->world, number, s->files[0]));
}

static int open_number(void *data, sh_raw *out_raw)
{
    scene *s = data;
    *out_raw = s->parent.number = world_open(s->world, &s->parent.file);
    sh_stress_checkpoint("scenario.opened");
    return is_torn_away() ? EINTR : 0;
}

static void open_protected(scene *s)
{
    s->parent = (held){.world = s->world};
    sh_create_options options = {.context = &s->parent};
    sh_status status = SH_OK;
    SH_CONSTRAINED (status) {
        if (sh_open_with(&held_number, open_number, s, &options, &s->parent.h) != SH_OK)
            sh_stress_violation("a thread was torn away from its open inside of a constrained region");
    }
}

static void open_and_abort(void *data, size_t index)
{
    scene *s = data;
    if (index == 1) {
        if (s->thread_id != 0 && sh_thread_abort(s->thread_id) != SH_OK)
            die("a thread could not be aborted");
        return;
    }
    held_attach();
    s->thread_id = syscall(SYS_gettid);
    if (is_safehandle(s))
        open_protected(s);
    else
        open_unprotected(s);
    s->thread_id = 0;
    (void)is_torn_away(); /* what comes too late must not hit the next run */
}

const sh_stress_scenario scenario_leak_on_abort = {
    .size_bytes = sizeof scenario_leak_on_abort,
    .name = "leak-on-abort",
    .retells = "document 003: a thread is aborted between CreateFile and the store",
    .violation = "the number is open, and nobody has it",
    .approaches = approach_names,
    .thread_count = 2,
    .begin = begin_nothing,
    .thread = open_and_abort,
    .end = end_scene,
    .serial = true,
};

/* ---- the lanes --------------------------------------------------------------------------------------------------- */
static void count_run(void *object, void *data)
{
    (void)object;
    scene *s = data;
    s->runs++;
    if (s->released > 0 && !s->collected)
        sh_stress_violation("a handle was released before a normal finalizer of the same collection had run");
}

static int count_release(sh_raw raw, void *context)
{
    (void)raw;
    ((scene *)context)->released++;
    return 0;
}

static const sh_kind counted_kind = {
    .name = "one of a hundred", .invalid_value = -1, .is_invalid = sh_invalid_minus_one, .release = count_release};

/* The manual host is told of these deaths directly: under another collector nothing is made, and nothing found. */
static void *begin_hundreds(const char *name)
{
    scene *made = make_scene(name);
    sh_create_options options = {.context = made};
    for (int i = 0; i < HUNDRED && sh_stress_collector() == SH_COLLECTOR_MANUAL; i++)
        if (sh_wrap(&counted_kind, i, &options, &made->many[i]) != SH_OK ||
            sh_finalizer_register(&made->objects[i], count_run, made) != SH_OK)
            die("a hundred handles and finalizers could not be made");
    return made;
}

static void drop_hundreds(void *data, size_t index)
{
    scene *s = data;
    if (s->many[0] == NULL)
        return;
    if (index == 1) {
        wait_for_finalizers();
        return;
    }
    if (sh_host_collection_begin() != SH_OK)
        die("no memory");
    for (int i = 0; i < HUNDRED; i++)
        if (sh_host_drop(s->many[i]) != SH_OK || sh_host_drop_object(&s->objects[i]) != SH_OK)
            die("a death could not be reported");
    if (sh_host_collection_end() != SH_OK)
        die("a collection could not be ended");
    if (sh_wait_for_pending_finalizers(-1) != SH_OK || s->runs != HUNDRED || s->released != HUNDRED)
        sh_stress_violation("of 100 finalizers %d ran, and of 100 handles %d were released", s->runs, s->released);
}

const sh_stress_scenario scenario_hundreds = {
    .size_bytes = sizeof scenario_hundreds,
    .name = "hundreds",
    .retells = "document 002: all normal finalizers of a collection run before its first critical one",
    .violation = "one of 100 + 100 runs twice, never, or a handle's before a normal one",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_hundreds,
    .thread = drop_hundreds,
    .end = end_scene,
    .serial = true,
};

/* ---- a finalizer that is taken back ------------------------------------------------------------------------------ */
static void *begin_counted(const char *name)
{
    scene *made = make_scene(name);
    sh_create_options options = {.context = made};
    if (sh_stress_collector() == SH_COLLECTOR_MANUAL &&
        (sh_wrap(&counted_kind, 1, &options, &made->many[0]) != SH_OK ||
         sh_finalizer_register(&made->objects[0], count_run, made) != SH_OK))
        die("a handle and a finalizer could not be made");
    return made;
}

static void report_dead(scene *s)
{
    if (sh_host_collection_begin() != SH_OK)
        die("no memory");
    if (sh_host_drop_object(&s->objects[0]) != SH_OK)
        sh_stress_tell("the object has no finalizer any more");
    if (sh_host_drop(s->many[0]) != SH_OK)
        die("a death could not be reported");
    sh_stress_checkpoint("scenario.collecting");
    bool was_taken_back = s->taken_back;
    if (sh_host_collection_end() != SH_OK)
        die("a collection could not be ended");
    s->collected = true;
    if (sh_wait_for_pending_finalizers(-1) != SH_OK || s->released != 1)
        sh_stress_violation("a wait for finalizers came back before the release that was due");
    if (s->runs > !was_taken_back)
        sh_stress_violation("a finalizer ran %d times, after it was taken back", s->runs);
}

static void take_back(void *data, size_t index)
{
    scene *s = data;
    if (s->many[0] == NULL)
        return;
    if (index == 0) {
        report_dead(s);
    } else {
        sh_finalizer_suppress(&s->objects[0]);
        s->taken_back = true;
    }
}

const sh_stress_scenario scenario_suppress_beside_run = {
    .size_bytes = sizeof scenario_suppress_beside_run,
    .name = "suppress-beside-run",
    .retells = "document 002, GC.SuppressFinalize beside the collection that finds the object",
    .violation = "a finalizer runs that was taken back, or twice; or the wait misses a release",
    .approaches = approach_safehandle_only,
    .thread_count = 2,
    .begin = begin_counted,
    .thread = take_back,
    .end = end_scene,
    .serial = true,
};

static void wait_beside(void *data, size_t index)
{
    scene *s = data;
    if (s->many[0] == NULL)
        return;
    if (index == 0) {
        report_dead(s);
        return;
    }
    bool due = s->collected;
    if (sh_wait_for_pending_finalizers(-1) != SH_OK || (due && (s->runs != 1 || s->released != 1)))
        sh_stress_violation("a wait came back before what was due when it began");
}

static void end_waited(void *data)
{
    const scene *s = data;
    if (s->many[0] != NULL && (s->runs != 1 || s->released != 1))
        sh_stress_violation("a finalizer ran %d times, and a handle was released %d times", s->runs, s->released);
    end_scene(data);
}

const sh_stress_scenario scenario_wait_beside_collection = {
    .size_bytes = sizeof scenario_wait_beside_collection,
    .name = "wait-beside-collection",
    .retells = "document 002, GC.WaitForPendingFinalizers while something is being finalized",
    .violation = "a wait comes back before what was due has run, or never",
    .approaches = approach_safehandle_only,
    .thread_count = 3,
    .begin = begin_counted,
    .thread = wait_beside,
    .end = end_waited,
    .serial = true,
};
