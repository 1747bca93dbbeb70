/* SPDX-License-Identifier: MIT */
/*
 * Document 002's FileStream: a buffered writer that somebody drops without closing it. Its normal finalizer flushes
 * through its still open handle; the handle itself is released afterwards, by its critical finalizer.
 */
#include <fcntl.h>
#include <gc/gc.h>
#include <pthread.h>
#include <safehandle.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* An object of the collector. Invariant: buffer[0 .. used) was written by the user and not yet to the file. */
typedef struct stream {
    sh_handle *file;
    size_t used;
    char buffer[4096];
} stream;

static void stream_flush(stream *s)
{
    sh_status status;
    SH_WITH_HANDLE (s->file, fd, status) {
        for (size_t done = 0; done < s->used;) {
            ssize_t written = write((int)fd, s->buffer + done, s->used - done);
            if (written < 0)
                break;
            done += (size_t)written;
        }
        s->used = 0;
    }
}

static void stream_finalize(void *object, void *data)
{
    (void)data;
    stream_flush(object);
}

static stream *stream_open(const char *path)
{
    stream *s = GC_MALLOC(sizeof *s);
    if (s == NULL || sh_open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, NULL, &s->file) != SH_OK)
        return NULL;
    /* The stream itself needs no finalizer to give the descriptor back: only the flush does. */
    return sh_finalizer_register(s, stream_finalize, NULL) == SH_OK ? s : NULL;
}

static void stream_print(stream *s, const char *text)
{
    for (; *text != '\0'; text++) {
        if (s->used == sizeof s->buffer)
            stream_flush(s);
        s->buffer[s->used++] = *text;
    }
}

/* On a thread of its own, whose stack is gone when it ends: a conservative collector sees pointers on stacks. */
static void *write_and_forget(void *path)
{
    if (sh_thread_attach() != SH_OK) /* the collector has to know the thread before it allocates */
        return NULL;
    stream *s = stream_open(path);
    if (s != NULL)
        stream_print(s, "written by somebody who forgot to close\n");
    return NULL;
}

int main(void)
{
    char path[] = "/tmp/safehandle-stream-XXXXXX";
    if (sh_init(NULL) != SH_OK || close(mkstemp(path)) != 0)
        return 1;
    pthread_t thread;
    if (pthread_create(&thread, NULL, write_and_forget, path) != 0 || pthread_join(thread, NULL) != 0)
        return 1;
    sh_collect();
    if (sh_wait_for_pending_finalizers(5000) != SH_OK)
        return 1;

    char text[64] = "";
    FILE *file = fopen(path, "r");
    bool found = file != NULL && fgets(text, sizeof text, file) != NULL;
    (void)printf("%s", found ? text : "lost\n");
    if (file != NULL)
        (void)fclose(file);
    (void)unlink(path);
    return found && sh_shutdown(1000) == SH_OK ? 0 : 1;
}
