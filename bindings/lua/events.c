/* SPDX-License-Identifier: MIT */
/*
 * Events, as warnings. They come on a thread of the library's, where no Lua state can be used; so their text is written
 * down, and told by the next call into the module, whichever state makes it.
 */
#include "module.h"
#include <stdio.h>
#include <string.h>

enum { TEXTS = 64, TEXT_SIZE_BYTES = 640 };

/* Invariant: the mutex covers all but waiting; texts[first] and the count - 1 after it, round the end, are not told
 * yet; waiting is count, for a look without the lock. */
static struct {
    pthread_mutex_t mutex;
    char texts[TEXTS][TEXT_SIZE_BYTES];
    size_t first;
    size_t count;
    size_t dropped;
    atomic_size_t waiting;
} heard = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void hear(const sh_event *event, void *data)
{
    (void)data;
    (void)pthread_mutex_lock(&heard.mutex);
    if (heard.count == TEXTS) {
        heard.dropped++;
    } else {
        char *text = heard.texts[(heard.first + heard.count) % TEXTS];
        (void)snprintf(text, TEXT_SIZE_BYTES, "safehandle: %s: %s", sh_event_type_name(event->type), event->message);
        heard.count++;
    }
    /* Relaxed: only a hint; the lock orders what it stands for. */
    atomic_store_explicit(&heard.waiting, heard.count, memory_order_relaxed);
    (void)pthread_mutex_unlock(&heard.mutex);
}

static void listen_once(void)
{
    sh_set_event_sink(hear, NULL);
}

void events_listen(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, listen_once);
}

/* False: there is none left. */
static bool take_text(char *out_text)
{
    (void)pthread_mutex_lock(&heard.mutex);
    bool found = heard.count > 0;
    if (found) {
        (void)memcpy(out_text, heard.texts[heard.first], TEXT_SIZE_BYTES);
        heard.first = (heard.first + 1) % TEXTS;
        heard.count--;
    } else if (heard.dropped > 0) {
        (void)snprintf(out_text, TEXT_SIZE_BYTES,
                       "safehandle: %zu more events were not kept, since nobody asked for long", heard.dropped);
        heard.dropped = 0;
        found = true;
    }
    /* Relaxed: as above. */
    atomic_store_explicit(&heard.waiting, heard.count + heard.dropped, memory_order_relaxed);
    (void)pthread_mutex_unlock(&heard.mutex);
    return found;
}

void events_tell(lua_State *L)
{
    /* Relaxed: as above. */
    if (atomic_load_explicit(&heard.waiting, memory_order_relaxed) == 0)
        return;
    char text[TEXT_SIZE_BYTES];
    while (take_text(text))
        lua_warning(L, text, 0);
}
