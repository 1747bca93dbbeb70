/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints: named places where a test may step in. They are nothing at all in a release build.
 *
 *   CHECKPOINT("core.claim")        a test may run other code here: another thread's step, at exactly this moment
 *   FAILS_HERE("platform.pages")    a test may make what follows fail, as the system would
 *
 * The name is "room.what". One hook serves both; it is installed before other threads start.
 *
 *   STORED(word, before)   a plain store to *word, which held before: other processors may not see it yet
 *   FENCED()               what this thread has stored, everybody sees
 *   WORLD_STOPPED()        what any thread has stored, everybody sees
 *
 * So whoever runs one thread at a time can show the others what a store buffer would, and a missing barrier is noticed.
 */
#ifndef BASE_CHECKPOINT_H
#define BASE_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef SH_CHECKPOINTS

/* Returns true to make a FAILS_HERE fail. The answer to a CHECKPOINT is ignored. */
typedef bool checkpoint_hook(const char *name);

void checkpoint_set_hook(checkpoint_hook *hook_or_null);
bool checkpoint_reach(const char *name);

typedef struct checkpoint_stores {
    void (*stored)(uintptr_t *word, uintptr_t before);
    void (*fenced)(void);
    void (*world_stopped)(void);
} checkpoint_stores;

void checkpoint_set_store_hooks(const checkpoint_stores *hooks_or_null);
void checkpoint_stored(uintptr_t *word, uintptr_t before);
void checkpoint_fenced(void);
void checkpoint_world_stopped(void);

#define CHECKPOINT(name) ((void)checkpoint_reach(name))
#define FAILS_HERE(name) checkpoint_reach(name)
#define STORED(word, before) checkpoint_stored((word), (before))
#define FENCED() checkpoint_fenced()
#define WORLD_STOPPED() checkpoint_world_stopped()

#else

#define CHECKPOINT(name) ((void)0)
#define FAILS_HERE(name) false
#define STORED(word, before) ((void)0)
#define FENCED() ((void)0)
#define WORLD_STOPPED() ((void)0)

#endif

#endif
