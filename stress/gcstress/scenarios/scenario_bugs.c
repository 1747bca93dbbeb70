/* SPDX-License-Identifier: MIT */
/* Bugs that real programs had, and the listings of the documents, each with every approach that a program could take.
 */
#include "../../die.h"
#include "../world/approach.h"
#include "held.h"
#include "scenarios.h"
#include <stdlib.h>
#include <string.h>

typedef struct scene {
    world *world;
    const approach *how;
    world_object *owner;
    world_object *other; /* a second owner, or the object that has the first one */
    world_file file;
    int number;
    world_file others_file;
    held mine; /* of safehandle, where an owner has to know of others */
    held strangers_handle;
    bool blocked; /* in a call */
    bool stale;   /* the number is somebody else's, and the owner does not know */
} scene;

static bool is_safehandle(const scene *s)
{
    return strcmp(s->how->name, "safehandle") == 0;
}

static scene *make_scene(const char *name, int lowest_number)
{
    scene *made = die_or_allocate(1, sizeof *made);
    made->how = approach_find(name);
    made->world = world_make();
    made->world->lowest = lowest_number;
    return made;
}

static scene *make_with_owner(const char *name, int roots)
{
    scene *made = make_scene(name, WORLD_FIRST_NUMBER);
    made->number = world_open(made->world, &made->file);
    made->owner = made->how->make(made->world, made->number, made->file);
    for (int i = 1; i < roots; i++)
        world_root(made->owner);
    return made;
}

static void end_scene(void *data)
{
    scene *s = data;
    held_end(&s->mine);
    held_end(&s->strangers_handle);
    world_end(s->world);
    free(s);
}

static void use(scene *s, world_object *owner, world_file file)
{
    approach_use mine;
    if (!s->how->begin(owner, &mine))
        return;
    world_use_held(s->world, mine.number, file, "holds");
    s->how->end(&mine);
}

static void close_owner(scene *s, world_object *owner)
{
    s->how->close(owner);
    world_unroot(owner);
}

/* ---- Foo.Problem, as document 002 has it ------------------------------------------------------------------------- */
/* class Foo { Stream stream; void Finalize() { stream.Close(); } void Problem() { stream.MethodThatSpansGCs(); } } */
typedef struct foo {
    world_object object;
    const approach *how;
    world_object *stream;
} foo;

static void finalize_foo(void *object, void *unused)
{
    (void)unused;
    const foo *self = object;
    self->how->close(self->stream);
}

/* With a handle that looks after itself, Foo "no longer needs to provide a finalizer". */
static void *begin_foo(const char *name)
{
    scene *made = make_with_owner(name, 1);
    foo *self = world_allocate(made->world, sizeof *self);
    self->how = made->how;
    self->stream = made->owner;
    made->other = &self->object;
    if (!is_safehandle(made))
        world_finalize_with(&self->object, finalize_foo);
    return made;
}

/* GC.KeepAlive(this), or the HandleRef that has it. */
static bool keeps_this(const scene *s)
{
    return strcmp(s->how->name, "keepalive") == 0 || strcmp(s->how->name, "handleref") == 0;
}

/* The stream is loaded from the field, and "the this pointer is no longer used". */
static void problem(scene *s)
{
    if (!keeps_this(s))
        world_unroot(s->other);
    use(s, s->owner, s->file);
    if (keeps_this(s))
        world_unroot(s->other);
}

static void main_of_foo(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        problem(s);
    else if (index == 1)
        world_collect(s->world);
    else
        world_open_strange(s->world);
}

const sh_stress_scenario scenario_foo_problem = {
    .size_bytes = sizeof scenario_foo_problem,
    .name = "foo-problem",
    .retells = "document 002's listing: new Foo().Problem(), whose finalizer closes the stream under its own method",
    .violation = "the stream's call meets a number that Foo's finalizer has closed, or another file",
    .approaches = approach_names,
    .thread_count = 3,
    .begin = begin_foo,
    .thread = main_of_foo,
    .end = end_scene,
};

/* ---- CFred, as document 000 has it ------------------------------------------------------------------------------- */
static const char *const ways_to_share[] = {"as-printed", "as-corrected", "safehandle", NULL};

/* The article's function, its bug, and its fix: whose number does the new object get? */
static world_object *make_fred(scene *s, const char *name)
{
    int copy = world_duplicate(s->world, s->number, s->file);
    return s->how->make(s->world, strcmp(name, "as-printed") == 0 ? s->number : copy, s->file);
}

/* The library refuses a second owner of the number, and has what the author was looking for. */
static world_object *fred_by_handle(scene *s)
{
    sh_create_options options = {.context = &s->mine};
    sh_handle *second = NULL;
    if (sh_wrap(&held_descriptor, s->number, &options, &second) != SH_E_OWNED)
        sh_stress_violation("a second owner of the same number was not refused");
    if (held_duplicate(&s->mine, &second) != SH_OK)
        die("a handle could not be duplicated");
    s->strangers_handle = (held){.world = s->world, .h = second};
    return NULL;
}

static void *begin_freds(const char *name)
{
    bool by_handle = strcmp(name, "safehandle") == 0;
    scene *made = make_scene(by_handle ? name : "intptr", WORLD_FIRST_NUMBER);
    if (by_handle) {
        held_make(&made->mine, made->world, &held_descriptor, NULL);
        made->number = made->mine.number;
        made->owner = fred_by_handle(made);
        return made;
    }
    made->number = world_open(made->world, &made->file);
    made->owner = make_fred(made, name);
    made->other = make_fred(made, name);
    return made;
}

static void delete_freds(void *data, size_t index)
{
    scene *s = data;
    if (index == 2)
        world_open_strange(s->world);
    else if (is_safehandle(s))
        (void)sh_close(index == 0 ? s->mine.h : s->strangers_handle.h); /* nobody uses them */
    else
        close_owner(s, index == 0 ? s->owner : s->other);
}

/* The caller still has h, where the objects got duplicates. */
static void end_freds(void *data)
{
    scene *s = data;
    if (!is_safehandle(s) && s->world->files[s->number] == s->file)
        world_close(s->world, s->number, s->file);
    end_scene(s);
}

const sh_stress_scenario scenario_cfred = {
    .size_bytes = sizeof scenario_cfred,
    .name = "cfred",
    .retells = "document 000, MakeFred: two objects over one handle, and two duplicates that leak",
    .violation = "one object closes what the other has, or a stranger's; or a duplicate is never closed",
    .approaches = ways_to_share,
    .thread_count = 3,
    .begin = begin_freds,
    .thread = delete_freds,
    .end = end_freds,
    .serial = true,
};

/* ---- a call that is issued again: findings 1 --------------------------------------------------------------------- */
/* A stopped thread's system call is issued again when the world goes on, with the number that it was begun with. */
static void read_blocked(scene *s)
{
    approach_use mine;
    if (!s->how->begin(s->owner, &mine))
        return;
    s->blocked = true;
    int before = s->world->collections;
    sh_stress_tell_of(SH_STRESS_HOLDS, mine.number, s->file, "is blocked in a read of number %d", mine.number);
    sh_stress_checkpoint("scenario.blocked");
    if (s->world->collections != before)
        world_use(s->world, mine.number, s->file);
    s->blocked = false;
    s->how->end(&mine);
}

static void read_beside_collection(void *data, size_t index)
{
    scene *s = data;
    if (index == 0) {
        read_blocked(s);
    } else if (index == 1) {
        if (s->blocked)
            close_owner(s, s->owner);
        world_open_strange(s->world);
    } else {
        world_collect(s->world);
    }
}

static void *begin_with_two(const char *name)
{
    return make_with_owner(name, 2);
}

const sh_stress_scenario scenario_restart_after_collection = {
    .size_bytes = sizeof scenario_restart_after_collection,
    .name = "restart-after-collection",
    .retells = "the collector stops a thread in read(2), and the kernel issues the call again with the same number",
    .violation = "the read is issued again on a number that is closed, or another file's, by then",
    .approaches = approach_names,
    .thread_count = 3,
    .begin = begin_with_two,
    .thread = read_beside_collection,
    .end = end_scene,
    .serial = true,
};

/* ---- standard error: monero#6147 --------------------------------------------------------------------------------- */
enum { STANDARD_ERROR = 2 };

static void *begin_with_standard_error(const char *name)
{
    scene *made = make_scene(name, STANDARD_ERROR);
    made->number = world_open(made->world, &made->file);
    made->owner = made->how->make(made->world, made->number, made->file);
    world_root(made->owner);
    return made;
}

/* A daemon closes its standard streams, opens its database, and has something to complain about. */
static void complain(void *data, size_t index)
{
    scene *s = data;
    if (index == 0)
        use(s, s->owner, s->file);
    else if (index == 1)
        close_owner(s, s->owner);
    else
        world_open_strange(s->world);
}

const sh_stress_scenario scenario_database_on_stderr = {
    .size_bytes = sizeof scenario_database_on_stderr,
    .name = "database-on-stderr",
    .retells = "monero#6147: stdio was closed, the database got number 2, and an error message was written into it",
    .violation = "what is meant for standard error goes into the database",
    .approaches = approach_names,
    .thread_count = 3,
    .begin = begin_with_standard_error,
    .thread = complain,
    .end = end_scene,
};

/* ---- number 0 ---------------------------------------------------------------------------------------------------- */
static const char *const ways_to_say_none[] = {"zero-is-none", "safehandle", NULL};

static void *begin_with_zero(const char *name)
{
    bool by_handle = strcmp(name, "safehandle") == 0;
    scene *made = make_scene(by_handle ? name : "intptr", 0);
    if (!by_handle) {
        made->number = world_open(made->world, &made->file);
        return made;
    }
    held_prepare(&made->mine, made->world, &held_descriptor);
    if (sh_set_handle(made->mine.h, made->mine.number) != SH_OK)
        sh_stress_violation("0 is a valid number, and the library did not take it");
    return made;
}

/* if (number) close(number) */
static void close_unless_zero(scene *s)
{
    if (s->number != 0)
        world_close(s->world, s->number, s->file);
}

static void end_zero(void *data, size_t index)
{
    scene *s = data;
    if (index == 1)
        world_open_strange(s->world);
    else if (!is_safehandle(s))
        close_unless_zero(s);
    else if (!held_lease(&s->mine))
        sh_stress_violation("0 is a valid number, and the library refused it");
    else
        held_close(&s->mine);
}

const sh_stress_scenario scenario_number_zero = {
    .size_bytes = sizeof scenario_number_zero,
    .name = "number-zero",
    .retells = "api: 0 is a valid descriptor, which a program gets that has closed its standard input",
    .violation = "the number 0 is taken for none, and never closed",
    .approaches = ways_to_say_none,
    .thread_count = 2,
    .begin = begin_with_zero,
    .thread = end_zero,
    .end = end_scene,
    .serial = true,
};

/* ---- an eventfd closed twice: curl#15725 ------------------------------------------------------------------------- */
/* Both ends of the pair are the same descriptor, and each is closed. The library refuses the second owner. */
static void *begin_pair(const char *name)
{
    scene *made = make_scene(name, WORLD_FIRST_NUMBER);
    if (is_safehandle(made)) {
        held_make(&made->mine, made->world, &held_descriptor, NULL);
        sh_create_options options = {.context = &made->mine};
        if (sh_wrap(&held_descriptor, made->mine.number, &options, &made->strangers_handle.h) != SH_E_OWNED)
            sh_stress_violation("a second owner of the same number was not refused");
        return made;
    }
    made->number = world_open(made->world, &made->file);
    made->owner = made->how->make(made->world, made->number, made->file);
    made->other = made->how->make(made->world, made->number, made->file);
    return made;
}

static void close_end(scene *s, world_object *end)
{
    if (is_safehandle(s))
        held_close(&s->mine);
    else
        close_owner(s, end);
}

static void close_pair(void *data, size_t index)
{
    scene *s = data;
    if (index == 1) {
        world_open_strange(s->world);
        return;
    }
    close_end(s, s->owner);
    close_end(s, s->other);
}

const sh_stress_scenario scenario_eventfd_twice = {
    .size_bytes = sizeof scenario_eventfd_twice,
    .name = "eventfd-twice",
    .retells = "curl#15725: the eventfd stands for both ends of a pair, and both are closed",
    .violation = "the second close hits a number that is free, or a stranger's by now",
    .approaches = approach_names,
    .thread_count = 2,
    .begin = begin_pair,
    .thread = close_pair,
    .end = end_scene,
    .serial = true,
};

/* ---- a close behind the owner's back: bun#43733 ------------------------------------------------------------------ */
static void *begin_owned(const char *name)
{
    scene *made = make_scene(name, WORLD_FIRST_NUMBER);
    held_prepare(&made->strangers_handle, made->world, &held_descriptor);
    world_close(made->world, made->strangers_handle.number, made->strangers_handle.file);
    if (is_safehandle(made)) {
        held_make(&made->mine, made->world, &held_descriptor, NULL);
        made->number = made->mine.number;
        made->file = made->mine.file;
    } else {
        made->number = world_open(made->world, &made->file);
        made->owner = made->how->make(made->world, made->number, made->file);
    }
    return made;
}

/* The kernel gives the number out at once; whoever gets it says so, where there is somebody to tell. */
static void close_behind_its_back(scene *s)
{
    world_close(s->world, s->number, s->file);
    held *theirs = &s->strangers_handle;
    theirs->number = world_open(s->world, &theirs->file);
    if (sh_set_handle(theirs->h, theirs->number) != SH_OK)
        sh_stress_violation("a number fresh from the kernel was refused");
    if (is_safehandle(s) && !sh_is_closed(s->mine.h))
        sh_stress_violation("an owner of a number that is somebody else's by now was not told");
    s->stale = true;
}

static void end_stale(scene *s)
{
    if (!s->stale)
        return;
    s->stale = false;
    if (is_safehandle(s))
        held_close(&s->mine);
    else
        world_unroot(s->owner);
    world_collect(s->world);
}

static void lose_number(void *data, size_t index)
{
    held_attach();
    if (index == 0)
        close_behind_its_back(data);
    else
        end_stale(data);
}

static void end_lost(void *data)
{
    end_stale(data);
    end_scene(data);
}

const sh_stress_scenario scenario_behind_its_back = {
    .size_bytes = sizeof scenario_behind_its_back,
    .name = "behind-its-back",
    .retells = "bun#43733: a raw close behind the wrapper's back, then a collection",
    .violation = "the stale owner's finalizer closes the number under the stranger that has it now",
    .approaches = approach_names,
    .thread_count = 3,
    .begin = begin_owned,
    .thread = lose_number,
    .end = end_lost,
    .serial = true,
};
