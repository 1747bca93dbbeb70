/* SPDX-License-Identifier: MIT */
/*
 * Events: what went wrong where nobody could be told by a return value.
 *
 * Raising an event allocates nothing and never waits for the sink: it is written down in a table of fixed size, events
 * alike (same type, kind and birth site) in one row with a count. Leaks are gathered until their line has been quiet
 * for a second, or the first of them is 30 s old, or somebody waits for them (sh_wait_for_pending_finalizers), so that
 * a million leaks from one line are told once. What does not fit in the table is counted by an SH_EVENT_DROPPED.
 *
 *   the sink               runs on a thread of ours that runs no finalizer, one event at a time, no lock held; it may
 *                          call everything but sh_wait_for_pending_finalizers and sh_shutdown
 *   sh_set_event_sink      any thread, at any time, also before sh_init; without a sink, events wait in the table
 *
 * Ownership: the sink's data stays the caller's, and the collector does not see it. It must live until a call that sets
 * another sink has returned (made from inside the sink: until that has); sh_shutdown does not end its life, since a
 * sink stays for the next start.
 *
 * Source: ours. Document 003 has a release that is "always guaranteed to succeed"; where one does not, and where a
 * handle was leaked, a program can be told by nothing else.
 */
#ifndef SAFEHANDLE_EVENT_H
#define SAFEHANDLE_EVENT_H

#include <safehandle/export.h>
#include <safehandle/kind.h>
#include <safehandle/site.h>
#include <stdint.h>

SH_BEGIN_DECLARATIONS

typedef enum sh_event_type {
    SH_EVENT_RELEASE_FAILED,      /* the kind's release returned an error: os_error */
    SH_EVENT_LEAKED_TO_FINALIZER, /* a handle was dropped open; its critical finalizer released it */
    SH_EVENT_LEAKED_REFERENCE,   /* a handle was dropped with references on it; it stays open until they are returned */
    SH_EVENT_UNBALANCED_RELEASE, /* a reference was given back that nobody had */
    SH_EVENT_SATURATED,          /* the reference count reached its limit; the handle is never released */
    SH_EVENT_DOUBLE_WRAP,        /* two handles claim one descriptor */
    SH_EVENT_FINALIZER_OVERDUE,  /* a finalizer or a release is not coming back, or ended its thread */
    SH_EVENT_CONTRACT_BROKEN,    /* a callback did what its contract forbids (contract.h) */
    SH_EVENT_DROPPED             /* events that the table had no room for */
} sh_event_type;

/* Valid during the call only. Grows at the end. */
typedef struct sh_event {
    sh_event_type type;
    const sh_kind *kind; /* NULL when no handle is concerned */
    sh_raw raw;          /* of the newest one, when several are told together */
    int os_error;        /* an errno value, or 0 */
    sh_site birth;       /* where the handle was made, or the finalizer registered; file NULL when not recorded */
    uint64_t count;      /* how many alike this one stands for: at least 1 */
    const char *message; /* a sentence for a person; after it, where contracts are checked, a line for each frame */
} sh_event;

typedef void sh_event_sink(const sh_event *event, void *data);

/* "SH_EVENT_DOUBLE_WRAP"; "SH_EVENT_?" for a number that is none. Static, never NULL. */
SH_API const char *sh_event_type_name(sh_event_type type);

/* Replaces the sink; NULL for none. Returns when the old one is not running, unless called from inside it. */
SH_API void sh_set_event_sink(sh_event_sink *sink, void *data);

SH_END_DECLARATIONS

#endif
