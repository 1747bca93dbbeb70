/* SPDX-License-Identifier: MIT */
/*
 * Events as warnings. They are told on a thread of the library's, which is no thread of Guile's and stays none: a
 * second thread known to Guile would make it warn of every primitive-fork. So their words are copied, and written to
 * (current-warning-port) at the next safe point.
 */
#include "binding.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than these wait for nobody: a program that never comes to a safe point must not grow. */
enum { EVENTS_WAITING = 1000 };

typedef struct noted_event {
    struct noted_event *next;
    sh_event_type type;
    char message[];
} noted_event;

/* Invariant, under lock: last is where the next one is linked; waiting counts what is linked; untold what was not. */
static struct {
    pthread_mutex_t lock;
    noted_event *first;
    noted_event **last;
    size_t waiting;
    size_t untold;
} events = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &events.first};

/* The sink: on the library's thread, where malloc is allowed and Guile is not. */
static void event_note(const sh_event *event, void *unused)
{
    (void)unused;
    size_t size_bytes = strlen(event->message) + 1;
    noted_event *noted = malloc(sizeof *noted + size_bytes);
    if (noted != NULL) {
        *noted = (noted_event){.type = event->type};
        memcpy(noted->message, event->message, size_bytes);
    }
    (void)pthread_mutex_lock(&events.lock);
    if (noted == NULL || events.waiting == EVENTS_WAITING) {
        events.untold++;
        free(noted);
    } else {
        *events.last = noted;
        events.last = &noted->next;
        events.waiting++;
    }
    (void)pthread_mutex_unlock(&events.lock);
    deferred_announce();
}

static SCM event_text(noted_event *noted)
{
    SCM text = scm_cons(scm_from_utf8_symbol(sh_event_type_name(noted->type)), error_text(noted->message));
    free(noted);
    return text;
}

/* (type . message) of the oldest one, the number of those that found no room, or #f: there is none. */
static SCM event_take(void)
{
    (void)pthread_mutex_lock(&events.lock);
    noted_event *oldest = events.first;
    size_t untold = 0;
    if (oldest != NULL) {
        events.first = oldest->next;
        if (events.first == NULL)
            events.last = &events.first;
        events.waiting--;
    } else {
        untold = events.untold;
        events.untold = 0;
    }
    (void)pthread_mutex_unlock(&events.lock);
    if (oldest != NULL)
        return event_text(oldest);
    return untold == 0 ? SCM_BOOL_F : scm_from_size_t(untold);
}

static void event_print(const sh_event *event, void *unused)
{
    (void)unused;
    (void)fprintf(stderr, ";;; warning: %s (%s)\n", event->message, sh_event_type_name(event->type));
}

void event_to_stderr(void)
{
    sh_set_event_sink(event_print, NULL);
}

static void before_fork(void)
{
    (void)pthread_mutex_lock(&events.lock);
}

static void after_fork(void)
{
    (void)pthread_mutex_unlock(&events.lock);
}

/* What waits is the parent's to tell. */
static void after_fork_in_child(void)
{
    while (events.first != NULL) {
        noted_event *told = events.first;
        events.first = told->next;
        free(told);
    }
    events.last = &events.first;
    events.waiting = events.untold = 0;
    after_fork();
}

void event_init(void)
{
    (void)pthread_atfork(before_fork, after_fork, after_fork_in_child);
    sh_set_event_sink(event_note, NULL);
    DEFINE("%take-event", 0, 0, event_take);
}
