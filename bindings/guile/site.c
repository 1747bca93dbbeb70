/* SPDX-License-Identifier: MIT */
/* Lines of scripts as sites, which live as long as the process: each is kept once, and never freed. */
#include "binding.h"
#include <pthread.h>
#include <stdlib.h>

/* Invariant: file is the string that site.file was copied from, protected from the collector. */
typedef struct known_site {
    struct known_site *next;
    SCM file;
    sh_site site;
} known_site;

enum { BUCKET_COUNT = 256 };

static known_site *buckets[BUCKET_COUNT]; /* by the line */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Compiled code has one string for each file: it is nearly always the very same one. */
static bool same_file(SCM a, SCM b)
{
    return scm_is_eq(a, b) || scm_is_true(scm_string_equal_p(a, b));
}

static known_site *site_find(known_site *from, SCM file, int line)
{
    for (; from != NULL; from = from->next) {
        if (from->site.line == line && same_file(from->file, file))
            return from;
    }
    return NULL;
}

/* Two threads that meet a line for the first time may make two sites of it: that harms nothing. */
static known_site *site_make(SCM file, int line)
{
    known_site *made = scm_malloc(sizeof *made);
    *made = (known_site){.file = scm_gc_protect_object(file), .site = {scm_to_utf8_string(file), line}};
    known_site **bucket = &buckets[(unsigned)line % BUCKET_COUNT];
    (void)pthread_mutex_lock(&lock);
    made->next = *bucket;
    *bucket = made;
    (void)pthread_mutex_unlock(&lock);
    return made;
}

const sh_site *site_of(SCM where)
{
    if (!scm_is_pair(where) || !scm_is_string(SCM_CAR(where)))
        return NULL;
    int line = scm_to_int(SCM_CDR(where));
    (void)pthread_mutex_lock(&lock);
    known_site *first = buckets[(unsigned)line % BUCKET_COUNT];
    (void)pthread_mutex_unlock(&lock);
    known_site *known = site_find(first, SCM_CAR(where), line);
    return known != NULL ? &known->site : &site_make(SCM_CAR(where), line)->site;
}
