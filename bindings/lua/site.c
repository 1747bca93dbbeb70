/* SPDX-License-Identifier: MIT */
/*
 * Lines of scripts, as places where handles were made. The library keeps pointers to them beyond the end of their
 * handle and of their state (events), so they live as long as the process. There are as many as lines that make
 * handles; a program that makes up ever new chunks fills the table, and from then on no new line is recorded.
 */
#include "module.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 256, SITES_AT_MOST = 4096, FILE_SIZE_BYTES = 256 };

/* Invariant: site.file points to file, which ends with NUL. */
typedef struct kept_site {
    struct kept_site *next;
    sh_site site;
    char file[FILE_SIZE_BYTES];
} kept_site;

/* Invariant: the mutex covers all; count is the number of sites in all buckets. */
static struct {
    pthread_mutex_t mutex;
    kept_site *buckets[BUCKETS];
    size_t count;
} kept = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static size_t bucket_of(const char *file, int line)
{
    uint32_t hash = (uint32_t)line;
    for (const char *at = file; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * UINT32_C(16777619);
    return hash % BUCKETS;
}

static kept_site *keep(const char *file, int line, kept_site **bucket)
{
    kept_site *made = kept.count < SITES_AT_MOST ? malloc(sizeof *made) : NULL;
    if (made == NULL)
        return NULL;
    made->site = (sh_site){.file = made->file, .line = line};
    (void)strncpy(made->file, file, sizeof made->file - 1);
    made->file[sizeof made->file - 1] = '\0';
    made->next = *bucket;
    *bucket = made;
    kept.count++;
    return made;
}

static const sh_site *find_or_keep(const char *file, int line)
{
    (void)pthread_mutex_lock(&kept.mutex);
    kept_site **bucket = &kept.buckets[bucket_of(file, line)];
    kept_site *found = *bucket;
    while (found != NULL && (found->site.line != line || strncmp(found->file, file, sizeof found->file - 1) != 0))
        found = found->next;
    if (found == NULL)
        found = keep(file, line, bucket);
    (void)pthread_mutex_unlock(&kept.mutex);
    return found == NULL ? NULL : &found->site;
}

const sh_site *site_of_script(lua_State *L)
{
    lua_Debug caller;
    if (lua_getstack(L, 1, &caller) == 0 || lua_getinfo(L, "Sl", &caller) == 0 || caller.currentline <= 0)
        return NULL;
    /* Of a file its whole name; of other chunks, whose name may be their text, its short form. */
    return find_or_keep(caller.source[0] == '@' ? caller.source + 1 : caller.short_src, caller.currentline);
}
