/* SPDX-License-Identifier: MIT */
#include "blocked_read.h"
#include "../deep.h"
#include "../die.h"
#include "file.h"
#include "session.h"
#include "thread.h"
#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

enum { FROM_SOURCE = 's', FROM_STRANGER = '!' };

/*
 * The trial as both threads see it. It lies on a stack that the collector scans.
 * Invariant: owner is NULL when the owner is to be dropped; the fields down to kept do not change after about_to_read.
 */
typedef struct trial {
    const approach *approach;
    owner_end end;
    void *owner;
    int number;
    int write_end;
    file_id source;
    bool kept;
    pid_t reader_id;
    sem_t about_to_read;
    ssize_t got;
    char byte;
} trial;

/* ---- the thread that reads --------------------------------------------------------------------------------------- */

static int open_source(void *data)
{
    trial *self = data;
    int read_end;
    file_open_pipe(&read_end, &self->write_end, &self->source);
    return read_end;
}

typedef struct beginning {
    trial *trial;
    use *use;
} beginning;

static void open_and_begin(void *data)
{
    const beginning *asked = data;
    trial *self = asked->trial;
    void *owner = self->approach->open(open_source, self);
    if (owner == NULL || !self->approach->use_begin(owner, asked->use))
        die("nothing could be opened");
    if (self->end == OWNER_CLOSED)
        self->owner = owner;
}

static void *read_blocked(void *data)
{
    trial *self = data;
    use u;
    beginning asked = {self, &u};
    deep_run(open_and_begin, &asked);
    self->number = u.number;
    self->kept = u.kept != NULL;
    self->reader_id = gettid();
    (void)sem_post(&self->about_to_read);
    self->got = read(u.number, &self->byte, 1);
    self->approach->use_end(&u);
    return NULL;
}

/* ---- the thread that brings the accident about ------------------------------------------------------------------- */

static void end_owner(trial *self, tally *t)
{
    if (self->end == OWNER_CLOSED) {
        self->approach->close(self->owner);
        return;
    }
    collect_and_drain();
    if (!self->kept)
        tally_drop(t, !file_is(self->number, &self->source));
}

static void put(int write_end, char byte)
{
    if (write(write_end, &byte, 1) != 1 && errno != EPIPE)
        die("write: %s", strerror(errno));
}

typedef struct stranger {
    int read_end;
    int write_end;
} stranger;

/* The next to open something: it gets the number that the owner had, where that is free. */
static stranger open_stranger(void)
{
    stranger opened;
    file_id unused;
    file_open_pipe(&opened.read_end, &opened.write_end, &unused);
    put(opened.write_end, FROM_STRANGER);
    return opened;
}

static void try_once(const approach *a, owner_end end, tally *t)
{
    trial self = {.approach = a, .end = end};
    (void)sem_init(&self.about_to_read, 0, 0);
    pthread_t reader = thread_start(read_blocked, &self);
    (void)sem_wait(&self.about_to_read);
    thread_wait_asleep(self.reader_id);
    end_owner(&self, t);
    stranger other = open_stranger();
    collect_and_drain(); /* the read is interrupted, and issued again */
    put(self.write_end, FROM_SOURCE);
    (void)thread_join(reader);
    (void)close(other.read_end);
    (void)close(other.write_end);
    (void)close(self.write_end);
    (void)sem_destroy(&self.about_to_read);
    tally_trial(t, self.got != 1 || self.byte != FROM_SOURCE);
}

void blocked_read_try_all(const approach *a, owner_end end, const effort *asked, tally *t)
{
    form f = form_begin(asked);
    while (form_next(&f, 1) > 0)
        try_once(a, end, t);
}
