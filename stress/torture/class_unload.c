/* SPDX-License-Identifier: MIT */
/*
 * unload: a plug-in that uses the library is opened and closed again and again, while handles that it made are alive.
 *
 * Each try opens the plug-in and, of its own accord, the library; has a handle made that stays, one that is dropped,
 * and one whose lease is held by a thread that ends when the plug-in is gone; and closes both. Then nothing of the
 * plug-in is mapped any more, but the library still is: its threads, fork handlers and thread-end handlers cannot be
 * taken back. Every handle must still be open, and close; the lease must have been given back; and in the end no
 * descriptor is left.
 *
 * Here the library is the shared one, as programs link it. Seen to fail: linked without -z nodelete, the library is
 * unmapped in the first cycle, and the class crashes.
 */
#include "../die.h"
#include "plugin.h"
#include "torture.h"
#include <dlfcn.h>
#include <gc.h>
#include <pthread.h>
#include <stdlib.h>

enum { QUICK_CYCLES = 1000, USUAL_CYCLES = 20000, KEPT = 8, COLLECT_EVERY = 16, PATIENCE_MS = 30000 };
static const char LIBRARY_FILE[] = "libsafehandle.so.0";

/* The library's functions, found in the copy that the plug-in links: this program has another one in it. */
typedef struct library {
    sh_status (*close)(sh_handle *h);
    bool (*is_closed)(const sh_handle *h);
    bool (*is_released)(const sh_handle *h);
    void (*collect)(void);
    sh_status (*wait)(int64_t timeout_ms);
    sh_status (*shutdown)(int64_t timeout_ms);
} library;

/* The collector's header has dlopen mean its own, which is called from its library and so does not look where this
 * program's libraries are. try_once holds collections back instead. */
#undef dlopen

static void *open_file(const char *file)
{
    void *opened = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (opened == NULL)
        die("%s", dlerror());
    return opened;
}

static void *symbol(void *opened, const char *name)
{
    void *found = dlsym(opened, name);
    if (found == NULL)
        die("%s", dlerror());
    return found;
}

static bool is_mapped(const char *file)
{
    void *opened = dlopen(file, RTLD_NOW | RTLD_NOLOAD);
    if (opened != NULL)
        (void)dlclose(opened);
    return opened != NULL;
}

static library find_library(void *opened)
{
    library found;
    *(void **)&found.close = symbol(opened, "sh_close");
    *(void **)&found.is_closed = symbol(opened, "sh_is_closed");
    *(void **)&found.is_released = symbol(opened, "sh_is_released");
    *(void **)&found.collect = symbol(opened, "sh_collect");
    *(void **)&found.wait = symbol(opened, "sh_wait_for_pending_finalizers");
    *(void **)&found.shutdown = symbol(opened, "sh_shutdown");
    return found;
}

/* ---- a thread that outlives the plug-in -------------------------------------------------------------------------- */

/* Invariant: the thread has its lease between the two barriers, and is over when it is joined. */
typedef struct holder {
    const plugin_functions *plugin;
    sh_handle *handle;
    sh_lease lease;
    sh_status status;
    pthread_barrier_t leased;
    pthread_barrier_t unloaded;
    pthread_t thread;
} holder;

static void *hold(void *argument)
{
    holder *mine = argument;
    mine->status = mine->plugin->lease(&mine->lease, mine->handle);
    (void)pthread_barrier_wait(&mine->leased);
    (void)pthread_barrier_wait(&mine->unloaded);
    return NULL;
}

static void start_holder(holder *started)
{
    (void)pthread_barrier_init(&started->leased, NULL, 2);
    (void)pthread_barrier_init(&started->unloaded, NULL, 2);
    if (pthread_create(&started->thread, NULL, hold, started) != 0)
        die("no thread could be had");
    (void)pthread_barrier_wait(&started->leased);
    torture_must(started->status, "sh_lease_begin");
}

static void end_holder(holder *ended)
{
    (void)pthread_barrier_wait(&ended->unloaded);
    (void)pthread_join(ended->thread, NULL);
    (void)pthread_barrier_destroy(&ended->leased);
    (void)pthread_barrier_destroy(&ended->unloaded);
}

/* ---- a try ------------------------------------------------------------------------------------------------------- */

typedef struct scene {
    library sh;
    holder holder;
} scene;

/* Static, where the collector looks. The oldest makes room for the newest. */
static sh_handle *kept[KEPT];

/* The plug-in's part. Nothing of it is mapped when this returns. */
static void use_plugin(scene *s, sh_handle **place)
{
    void *library_too = open_file(LIBRARY_FILE);
    void *opened = open_file(PLUGIN_FILE);
    s->holder.plugin = symbol(opened, PLUGIN_SYMBOL);
    sh_handle *dropped;
    torture_must(s->holder.plugin->begin(), "sh_init");
    s->sh = find_library(library_too);
    torture_must(s->holder.plugin->make(place), "sh_open_event");
    torture_must(s->holder.plugin->make(&dropped), "sh_open_event");
    torture_must(s->holder.plugin->make(&s->holder.handle), "sh_open_event");
    start_holder(&s->holder);
    (void)dlclose(opened);
    (void)dlclose(library_too);
}

/* NULL: all is well. */
static const char *judge(scene *s)
{
    if (is_mapped(PLUGIN_FILE))
        return "the plug-in stayed: nothing was tried";
    if (!is_mapped(LIBRARY_FILE))
        return "the library was unmapped under its threads";
    if (s->sh.close(s->holder.handle) != SH_PENDING)
        return "a leased handle was not pending after its close";
    end_holder(&s->holder);
    if (!s->sh.is_released(s->holder.handle))
        return "a thread's end did not give its lease back";
    for (int i = 0; i < KEPT; i++)
        if (kept[i] != NULL && s->sh.is_closed(kept[i]))
            return "a handle that somebody keeps was closed";
    return NULL;
}

static void try_once(scene *s, int cycle, torture_tally *tally)
{
    torture_try(tally);
    GC_disable(); /* a world that is stopped inside dlopen or dlclose never goes on: the collector asks for their lock
                   */
    sh_handle **place = &kept[cycle % KEPT];
    sh_status closed = *place == NULL ? SH_OK : s->sh.close(*place);
    use_plugin(s, place);
    const char *wrong = closed == SH_OK ? judge(s) : "a handle of an unmapped plug-in could not be closed";
    if (wrong != NULL)
        torture_fail(tally, "cycle %d: %s", cycle, wrong);
    GC_enable();
    if (cycle % COLLECT_EVERY == 0)
        s->sh.collect();
}

static void run(const torture_plan *plan, torture_tally *tally)
{
    int before = torture_open_descriptors();
    scene s;
    for (int cycle = 0; cycle < (plan->quick ? QUICK_CYCLES : USUAL_CYCLES); cycle++)
        try_once(&s, cycle, tally);
    s.sh.collect();
    torture_must(s.sh.wait(PATIENCE_MS), "sh_wait_for_pending_finalizers");
    torture_try(tally);
    sh_status status = s.sh.shutdown(PATIENCE_MS);
    int after = torture_open_descriptors();
    if (status != SH_OK || after != before)
        torture_fail(tally, "in the end sh_shutdown answered %s, and of %d descriptors there were %d",
                     sh_status_name(status), before, after);
}

const torture_class torture_unload = {"unload", "a plug-in is unmapped, over and over, while its handles are alive",
                                      run};
