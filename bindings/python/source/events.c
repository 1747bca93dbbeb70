/* SPDX-License-Identifier: MIT */
/* The library's events as warnings. They come in on a thread of the library's, are kept without the interpreter's lock,
 * and are told by the main thread between two of its steps. */
#include "binding.h"
#include <stdlib.h>
#include <string.h>

/* What is kept of an event. */
typedef struct kept_event {
    struct kept_event *next;
    sh_event_type type;
    sh_site birth;
    uint64_t count;
    char message[];
} kept_event;

static kept_event *kept; /* pushed to without the lock, taken with it */
static size_t homes;     /* interpreters that want them told */

/* ---- coming in --------------------------------------------------------------------------------------------------- */

static int tell_pending(void *unused)
{
    (void)unused;
    events_tell();
    return 0;
}

static void keep(const sh_event *event, void *unused)
{
    (void)unused;
    size_t length = strlen(event->message) + 1;
    kept_event *one = malloc(sizeof *one + length);
    if (one == NULL)
        return;
    one->type = event->type;
    one->birth = event->birth;
    one->count = event->count;
    memcpy(one->message, event->message, length);
    kept_event *first = __atomic_load_n(&kept, __ATOMIC_RELAXED);
    do {
        one->next = first;
        /* Release: who takes the list must see all of it. */
    } while (!__atomic_compare_exchange_n(&kept, &first, one, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    (void)Py_AddPendingCall(tell_pending, NULL);
}

void events_begin(void)
{
    if (homes++ == 0)
        sh_set_event_sink(keep, NULL);
}

void events_end(void)
{
    if (--homes == 0)
        sh_set_event_sink(NULL, NULL);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static void tell(const kept_event *event)
{
    bool is_leak = event->type == SH_EVENT_LEAKED_TO_FINALIZER || event->type == SH_EVENT_LEAKED_REFERENCE;
    PyObject *category = is_leak ? PyExc_ResourceWarning : PyExc_RuntimeWarning;
    int failed = event->birth.file != NULL
                     ? PyErr_WarnExplicit(category, event->message, event->birth.file, event->birth.line, NULL, NULL)
                     : PyErr_WarnExplicit(category, event->message, "safehandle", 0, "safehandle", NULL);
    if (failed != 0)
        PyErr_WriteUnraisable(NULL);
}

void events_tell(void)
{
    /* Acquire: what was kept is seen whole. */
    kept_event *newest = __atomic_exchange_n(&kept, NULL, __ATOMIC_ACQUIRE);
    kept_event *oldest = NULL;
    while (newest != NULL) {
        kept_event *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    while (oldest != NULL) {
        kept_event *next = oldest->next;
        tell(oldest);
        free(oldest);
        oldest = next;
    }
    PyErr_Restore(type, value, traceback);
}

PyObject *events_wait(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    (void)module;
    PyObject *seconds = Py_None;
    int64_t timeout_ms;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|O:wait_for_events", NAMES("timeout"), &seconds) ||
        timeout_read(seconds, &timeout_ms) != 0)
        return NULL;
    gil_leave();
    sh_status status = sh_wait_for_pending_finalizers(timeout_ms);
    gil_enter();
    events_tell();
    return PyBool_FromLong(status == SH_OK);
}
