/* SPDX-License-Identifier: MIT */
#include "base/checkpoint.h"
#include "platform/platform.h"
#include <errno.h>
#include <unistd.h>

enum {
    PAGE_SIZE_BYTES = 4096,       /* the smallest there is: touching one twice does no harm */
    FRAMES_SIZE_BYTES = 32 * 1024 /* what is left below: our own frames, and one signal's */
};

/* Invariant: lowest <= highest; both 0 until they were asked for. The guard is not part of it. */
typedef struct stack_bounds {
    uintptr_t lowest;
    uintptr_t highest;
} stack_bounds;

/* Initial-exec: see thread/thread.c. */
static _Thread_local __attribute__((tls_model("initial-exec"))) stack_bounds known;

static int ask_bounds(stack_bounds *out_bounds)
{
    pthread_attr_t attributes;
    int saved = errno;
    int error = FAILS_HERE("platform.stack") ? EIO : pthread_getattr_np(pthread_self(), &attributes);
    errno = saved;
    if (error != 0)
        return error;
    void *lowest;
    size_t size_bytes, guard_size_bytes;
    (void)pthread_attr_getstack(&attributes, &lowest, &size_bytes);
    (void)pthread_attr_getguardsize(&attributes, &guard_size_bytes);
    (void)pthread_attr_destroy(&attributes);
    *out_bounds = (stack_bounds){(uintptr_t)lowest + guard_size_bytes, (uintptr_t)lowest + size_bytes};
    return 0;
}

/* The main thread's limit and its neighbours may change, so it is asked each time. */
static int find_bounds(stack_bounds *out_bounds)
{
    bool is_main = getpid() == gettid();
    if (!is_main && known.highest != 0) {
        *out_bounds = known;
        return 0;
    }
    int error = ask_bounds(out_bounds);
    if (error == 0 && !is_main)
        known = *out_bounds;
    return error;
}

/* From the top downwards, as the kernel wants it of a stack that grows. */
static __attribute__((noinline)) void touch(size_t size_bytes)
{
    volatile char *bottom = __builtin_alloca(size_bytes);
    for (size_t above = size_bytes; above > PAGE_SIZE_BYTES; above -= PAGE_SIZE_BYTES)
        bottom[above - 1] = 0;
    bottom[0] = 0;
}

int platform_stack_touch(size_t size_bytes)
{
    stack_bounds bounds;
    int error = find_bounds(&bounds);
    if (error != 0)
        return error;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (here < bounds.lowest || here >= bounds.highest)
        return ENOTSUP;
    size_t room_bytes = here - bounds.lowest;
    if (room_bytes < FRAMES_SIZE_BYTES || room_bytes - FRAMES_SIZE_BYTES < size_bytes)
        return ENOMEM;
    if (size_bytes > 0)
        touch(size_bytes);
    return 0;
}
