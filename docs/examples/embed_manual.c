/* SPDX-License-Identifier: MIT */
/* A runtime with a collector of its own, here a mark and sweep, whose values own OS handles. */
#include <fcntl.h>
#include <safehandle.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A value of the runtime's language. Invariant: it is in the heap, and its handle was not reported dead. */
typedef struct value {
    struct value *next;
    bool marked;
    sh_handle *h;
} value;

static value *heap;
static value *root; /* what the interpreter's stack reaches */

/* Called by the runtime when it likes, and by us when descriptors have run out. */
static void collect(void *unused)
{
    (void)unused;
    root->marked = true;
    sh_status status = sh_host_collection_begin(); /* all deaths until its end are of one collection */
    for (value **place = &heap, *v; status == SH_OK && (v = *place) != NULL;) {
        if (v->marked) {
            v->marked = false;
            place = &v->next;
        } else {
            *place = v->next;
            status = sh_host_drop(v->h); /* a thread of ours releases it: the sweep waits for nobody */
            free(v);
        }
    }
    if (sh_host_collection_end() != SH_OK || status != SH_OK)
        abort();
}

static value *value_open(const char *path)
{
    value *v = calloc(1, sizeof *v);
    if (v == NULL || sh_open_file(path, O_RDONLY, 0, NULL, &v->h) != SH_OK)
        abort();
    v->next = heap;
    return heap = v;
}

int main(void)
{
    const sh_options options = {.collector = SH_COLLECTOR_MANUAL, .collect = collect};
    if (sh_init(&options) != SH_OK)
        return 1;
    root = value_open("/dev/zero");
    sh_raw forgotten = sh_dangerous_get_handle(value_open("/dev/null")->h);
    sh_collect();
    (void)sh_wait_for_pending_finalizers(5000);
    sh_status status;
    char byte = 1;
    SH_WITH_HANDLE (root->h, fd, status) /* what the language's read does */
        (void)!read((int)fd, &byte, 1);
    (void)printf("kept: read %d; forgotten: %s\n", byte, fcntl((int)forgotten, F_GETFD) < 0 ? "released" : "open");
    return status == SH_OK && sh_shutdown(1000) == SH_OK ? 0 : 1;
}
