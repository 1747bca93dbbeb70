/* SPDX-License-Identifier: MIT */
/* What a broken contract says to a person, with its stack. Runs on the teller's thread, which may take its time. */
#include "event/event.h"
#include "platform/call_stack.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void describe_blocked(const event_record *record, const char *subject, const char *times, char *out_text,
                             size_t capacity_bytes)
{
    const event_breach *breach = &record->breach;
    const char *whose = breach->over         ? " It was over when this was noticed: the stack is its caller's."
                        : breach->depth == 0 ? " Its thread answers no signal, so that its stack is not known."
                                             : "";
    (void)snprintf(out_text, capacity_bytes,
                   "%s is being released, and the kind's release %s %" PRId64 " ms, where its budget is %" PRId64
                   " ms%s. A release waits for nobody.%s",
                   subject, breach->over ? "took" : "has not returned after", breach->elapsed_ms, breach->budget_ms,
                   times, whose);
}

static void append_stack(const event_breach *breach, char *text, size_t capacity_bytes)
{
    for (size_t i = 0; i < breach->depth; i++) {
        char line[EVENT_LINE_SIZE_BYTES];
        platform_symbol_describe(breach->frames[i], line, sizeof line);
        size_t used = strlen(text);
        (void)snprintf(text + used, capacity_bytes - used, "\n    %s", line);
    }
}

bool event_describe_breach(const event_record *record, const char *subject, const char *times, char *out_text,
                           size_t capacity_bytes)
{
    switch (record->detail) {
    case EVENT_RELEASE_ALLOCATED:
        (void)snprintf(out_text, capacity_bytes,
                       "%s was being released, and the kind's release allocated memory%s. It must succeed where there "
                       "is none: get what it needs when the handle is made.",
                       subject, times);
        break;
    case EVENT_RELEASE_BLOCKED:
        describe_blocked(record, subject, times, out_text, capacity_bytes);
        break;
    case EVENT_RELEASE_ANSWERED:
        (void)snprintf(out_text, capacity_bytes,
                       "%s was being released, and the kind's release answered errno %d%s: it promises to succeed. "
                       "The stack is its caller's.",
                       subject, record->os_error, times);
        break;
    default:
        return false;
    }
    append_stack(&record->breach, out_text, capacity_bytes);
    return true;
}
