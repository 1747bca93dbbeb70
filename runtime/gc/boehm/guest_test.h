/* SPDX-License-Identifier: MIT */
/*
 * What the tests inside other runtimes (Guile, ECL) share: the library as a guest on a collector that is theirs.
 * Included by one test program each.
 */
#ifndef GC_BOEHM_GUEST_H
#define GC_BOEHM_GUEST_H

#include "base/atomic.h"
#include "testing/tap.h"
#include <gc/gc.h>
#include <safehandle.h>
#include <string.h>
#include <unistd.h>

enum { GUEST_COUNT = 500, GUEST_NEARLY_ALL = GUEST_COUNT - GUEST_COUNT / 10 };

static struct {
    atomic_word released;
    atomic_word finalized;
    atomic_word finalized_before_release;
} guest;

static int guest_release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    if (atomic_word_add(&guest.released, 1) == 0)
        atomic_word_store(&guest.finalized_before_release, atomic_word_load(&guest.finalized));
    return 0;
}

static const sh_kind guest_kind = {
    .name = "thing", .invalid_value = 0, .is_invalid = sh_invalid_zero, .release = guest_release};

static void guest_finalize(void *object, void *data)
{
    (void)data;
    sh_status status;
    SH_WITH_HANDLE (*(sh_handle **)object, raw, status) {
        (void)raw;
    }
    CHECK(status == SH_OK); /* intact, and open */
    (void)atomic_word_add(&guest.finalized, 1);
}

/* An object of the host's collector that owns a handle, as a binding would make it. */
__attribute__((noinline)) static void guest_make(bool with_finalizer)
{
    for (size_t i = 0; i < GUEST_COUNT; i++) {
        sh_handle **owner = GC_MALLOC(sizeof *owner);
        CHECK(sh_wrap(&guest_kind, (sh_raw)i + 1, NULL, owner) == SH_OK);
        if (with_finalizer)
            CHECK(sh_finalizer_register(owner, guest_finalize, NULL) == SH_OK);
    }
}

__attribute__((noinline)) static void guest_scrub(void)
{
    volatile char room[64 * 1024];
    memset((void *)(uintptr_t)room, 0, sizeof room);
}

/* The last of an earlier case may still be on their way. */
static void guest_drop(bool with_finalizer)
{
    CHECK(sh_wait_for_pending_finalizers(-1) == SH_OK);
    atomic_word_store(&guest.released, 0);
    atomic_word_store(&guest.finalized, 0);
    GC_disable();
    guest_make(with_finalizer);
    guest_scrub();
    GC_enable();
}

static bool guest_wait(const atomic_word *counter, size_t least)
{
    for (int i = 0; i < 10000 && atomic_word_load(counter) < least; i++)
        (void)usleep(1000);
    return atomic_word_load(counter) >= least;
}

/* The settings that a guest could be tempted to touch. */
typedef struct guest_settings {
    int all_interior_pointers;
    int finalize_on_demand;
    int java_finalization;
    int no_dls;
    int dont_expand;
    int full_freq;
    GC_finalizer_notifier_proc notifier;
    GC_oom_func oom;
    GC_warn_proc warn;
    GC_stop_func stop;
} guest_settings;

static guest_settings guest_read_settings(void)
{
    return (guest_settings){.all_interior_pointers = GC_get_all_interior_pointers(),
                            .finalize_on_demand = GC_get_finalize_on_demand(),
                            .java_finalization = GC_get_java_finalization(),
                            .no_dls = GC_get_no_dls(),
                            .dont_expand = GC_get_dont_expand(),
                            .full_freq = GC_get_full_freq(),
                            .notifier = GC_get_finalizer_notifier(),
                            .oom = GC_get_oom_fn(),
                            .warn = GC_get_warn_proc(),
                            .stop = GC_get_stop_func()};
}

static bool guest_same_settings(guest_settings a, guest_settings b)
{
    return a.all_interior_pointers == b.all_interior_pointers && a.finalize_on_demand == b.finalize_on_demand &&
           a.java_finalization == b.java_finalization && a.no_dls == b.no_dls && a.dont_expand == b.dont_expand &&
           a.full_freq == b.full_freq && a.notifier == b.notifier && a.oom == b.oom && a.warn == b.warn &&
           a.stop == b.stop;
}

#endif
