/* SPDX-License-Identifier: MIT */
/* What an event says to a person: what happened, to which handle, and what to do about it. */
#include "event/event.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PLACE_SIZE_BYTES = 160, SUBJECT_SIZE_BYTES = 320, TIMES_SIZE_BYTES = 32 };

static void describe_place(sh_site site, char *out_text)
{
    if (site.file == NULL)
        (void)snprintf(out_text, PLACE_SIZE_BYTES, "a place that was not recorded");
    else
        (void)snprintf(out_text, PLACE_SIZE_BYTES, "%.120s:%d", site.file, site.line);
}

/* "The file 7, made at main.c:12," and for leaks, which happen once to a handle, "The file 7, made at main.c:12, was"
 * or "3 handles of kind file, made at main.c:12, were". */
static void describe_subject(const event_record *record, char *out_text)
{
    char place[PLACE_SIZE_BYTES];
    describe_place(record->birth, place);
    const char *kind = record->kind == NULL ? "handle" : record->kind->name;
    bool leak = event_is_leak(record->type);
    if (leak && record->count > 1)
        (void)snprintf(out_text, SUBJECT_SIZE_BYTES, "%" PRIu64 " handles of kind %.40s, made at %s, were",
                       record->count, kind, place);
    else
        (void)snprintf(out_text, SUBJECT_SIZE_BYTES, "The %.40s %" PRIdPTR ", made at %s,%s", kind, record->raw, place,
                       leak ? " was" : "");
}

/* What one handle or finalizer may do again and again: " (3 times)". */
static void describe_times(const event_record *record, char *out_text)
{
    out_text[0] = '\0';
    if (record->count > 1)
        (void)snprintf(out_text, TIMES_SIZE_BYTES, " (%" PRIu64 " times)", record->count);
}

/* strerror_r in the GNU form may return its own text; neither form allocates. */
static const char *error_text(int os_error, char *buffer, size_t capacity_bytes)
{
    return strerror_r(os_error, buffer, capacity_bytes);
}

static void describe_failed_release(const event_record *record, const char *subject, const char *times, char *out_text,
                                    size_t capacity_bytes)
{
    char buffer[80];
    (void)snprintf(out_text, capacity_bytes, "%s could not be released: %s (errno %d)%s. %s", subject,
                   error_text(record->os_error, buffer, sizeof buffer), record->os_error, times,
                   record->os_error == EBADF
                       ? "Its number was not open: it was bad when it was wrapped, or somebody closed it behind the "
                         "handle's back."
                       : "It is not tried again; data that the OS still held for it may be lost.");
}

static void describe_double_wrap(const event_record *record, const char *subject, const char *times, char *out_text,
                                 size_t capacity_bytes)
{
    char other[PLACE_SIZE_BYTES];
    describe_place(record->other, other);
    if (record->detail == EVENT_WRAP_REFUSED)
        (void)snprintf(out_text, capacity_bytes,
                       "%s already owns the descriptor that %s wants to wrap: the second handle was refused%s. Use "
                       "sh_duplicate for a second owner, or not_owned for a wrapper that only looks; or somebody "
                       "closed it behind the handle's back.",
                       subject, other, times);
    else
        (void)snprintf(out_text, capacity_bytes,
                       "%s was closed behind its handle's back, since the kernel gave the number out again at %s: the "
                       "old handle was %s%s. Find the close(2) that did not go through sh_close.",
                       subject, other, record->detail == EVENT_OWNER_STALE ? "set as invalid" : "not closed again",
                       times);
}

static void describe_overdue(const event_record *record, const char *subject, const char *times, char *out_text,
                             size_t capacity_bytes)
{
    char place[PLACE_SIZE_BYTES];
    describe_place(record->birth, place);
    switch (record->detail) {
    case EVENT_NORMAL_ENDED_THREAD:
        (void)snprintf(out_text, capacity_bytes,
                       "The finalizer registered at %s ended its thread instead of returning%s: it counts as done, "
                       "and another thread goes on with the rest.",
                       place, times);
        break;
    case EVENT_HOST_OVERDUE:
        (void)snprintf(out_text, capacity_bytes,
                       "The finalizers of %" PRIu64
                       " dead objects have not run by the deadline, since the host has not handed them over or others "
                       "hang before them: the handles of their collection are released without waiting longer.",
                       record->count);
        break;
    case EVENT_RELEASE_OVERDUE:
        (void)snprintf(out_text, capacity_bytes,
                       "%s is being released, and the kind's release has not returned by the deadline%s: another "
                       "thread goes on with the others.",
                       subject, times);
        break;
    default:
        (void)snprintf(out_text, capacity_bytes,
                       "The finalizer registered at %s has not returned by the deadline%s: the handles of its "
                       "collection no longer wait for it, and another thread goes on with the rest.",
                       place, times);
        break;
    }
}

static void describe_broken_contract(const event_record *record, const char *subject, const char *times, char *out_text,
                                     size_t capacity_bytes)
{
    if (event_describe_breach(record, subject, times, out_text, capacity_bytes))
        return;
    if (record->detail == EVENT_CALLBACK_REPLACED)
        (void)snprintf(out_text, capacity_bytes,
                       "Somebody called GC_set_on_collection_event without calling the function that was there before: "
                       "dead handles went unnoticed until now%s. Ours is in place again and calls theirs.",
                       times);
    else
        (void)snprintf(out_text, capacity_bytes,
                       "%s was being released when the kind's release ended its thread: it counts as failed%s. A "
                       "release must return.",
                       subject, times);
}

static void describe_leaked_reference(const event_record *record, const char *subject, char *out_text,
                                      size_t capacity_bytes)
{
    const char *said = "dropped with references on it, and stays open until they are given back. Find the "
                       "sh_dangerous_add_ref or sh_lease_detach without a sh_dangerous_release.";
    if (record->detail == EVENT_LEFT_AT_SHUTDOWN)
        said = "still in use when the runtime stopped: the last user releases it.";
    else if (record->detail == EVENT_NO_BARRIER)
        said =
            "closed, and stays open: the system has forbidden membarrier(2) meanwhile, so that nobody can know whether "
            "it is still in use. Forbid it before sh_init, or set sh_options.no_membarrier.";
    (void)snprintf(out_text, capacity_bytes, "%s %s", subject, said);
}

void event_describe(const event_record *record, char *out_text, size_t capacity_bytes)
{
    char subject[SUBJECT_SIZE_BYTES], times[TIMES_SIZE_BYTES];
    describe_subject(record, subject);
    describe_times(record, times);
    switch (record->type) {
    case SH_EVENT_RELEASE_FAILED:
        describe_failed_release(record, subject, times, out_text, capacity_bytes);
        break;
    case SH_EVENT_LEAKED_TO_FINALIZER:
        (void)snprintf(out_text, capacity_bytes,
                       "%s dropped open and had to be released by the finalizer. Close %s when you are done.", subject,
                       record->count == 1 ? "it" : "them");
        break;
    case SH_EVENT_LEAKED_REFERENCE:
        describe_leaked_reference(record, subject, out_text, capacity_bytes);
        break;
    case SH_EVENT_UNBALANCED_RELEASE:
        (void)snprintf(out_text, capacity_bytes,
                       "%s got back a reference that nobody had%s. Find the sh_dangerous_release without a "
                       "sh_dangerous_add_ref that succeeded; nothing was released.",
                       subject, times);
        break;
    case SH_EVENT_SATURATED:
        (void)snprintf(out_text, capacity_bytes,
                       "%s has as many references as can be counted: it will never be released%s. Find the "
                       "sh_dangerous_add_ref without a sh_dangerous_release.",
                       subject, times);
        break;
    case SH_EVENT_DOUBLE_WRAP:
        describe_double_wrap(record, subject, times, out_text, capacity_bytes);
        break;
    case SH_EVENT_FINALIZER_OVERDUE:
        describe_overdue(record, subject, times, out_text, capacity_bytes);
        break;
    case SH_EVENT_CONTRACT_BROKEN:
        describe_broken_contract(record, subject, times, out_text, capacity_bytes);
        break;
    case SH_EVENT_DROPPED:
        (void)snprintf(out_text, capacity_bytes,
                       "%" PRIu64 " events could not be told one by one: the table was full. The sink is too slow, or "
                       "there is none.",
                       record->count);
        break;
    }
}

const char *sh_event_type_name(sh_event_type type)
{
    static const char *const names[] = {
        [SH_EVENT_RELEASE_FAILED] = "SH_EVENT_RELEASE_FAILED",
        [SH_EVENT_LEAKED_TO_FINALIZER] = "SH_EVENT_LEAKED_TO_FINALIZER",
        [SH_EVENT_LEAKED_REFERENCE] = "SH_EVENT_LEAKED_REFERENCE",
        [SH_EVENT_UNBALANCED_RELEASE] = "SH_EVENT_UNBALANCED_RELEASE",
        [SH_EVENT_SATURATED] = "SH_EVENT_SATURATED",
        [SH_EVENT_DOUBLE_WRAP] = "SH_EVENT_DOUBLE_WRAP",
        [SH_EVENT_FINALIZER_OVERDUE] = "SH_EVENT_FINALIZER_OVERDUE",
        [SH_EVENT_CONTRACT_BROKEN] = "SH_EVENT_CONTRACT_BROKEN",
        [SH_EVENT_DROPPED] = "SH_EVENT_DROPPED",
    };
    return (size_t)type < sizeof names / sizeof *names ? names[type] : "SH_EVENT_?";
}
