/* SPDX-License-Identifier: MIT */
#include "platform/call_stack.h"
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FRAMES = 64 };

/* The last but one of the real-time signals: programs count them from the other end. */
static int ask_signal(void)
{
    return SIGRTMAX - 1;
}

/* From first on, or from the one behind it. */
static size_t capture(const void *first, size_t behind, void **out_frames, size_t capacity)
{
    void *frames[MOST_FRAMES];
    int answered = backtrace(frames, MOST_FRAMES);
    size_t found = answered > 0 ? (size_t)answered : 0, begin = 0;
    while (begin < found && frames[begin] != first)
        begin++;
    begin = begin + behind < found ? begin + behind : 0;
    size_t depth = found - begin < capacity ? found - begin : capacity;
    memcpy(out_frames, frames + begin, depth * sizeof *frames);
    return depth;
}

size_t platform_stack_capture(const void *first, void **out_frames, size_t capacity)
{
    return capture(first, 0, out_frames, capacity);
}

/* The kernel returns from a handler through a piece of code that is a frame of its own. */
size_t platform_stack_capture_interrupted(const void *handler, void **out_frames, size_t capacity)
{
    return capture(handler, 1, out_frames, capacity);
}

static void (*answer_asked)(const void *handler);

static void handle_ask(int unused)
{
    (void)unused;
    int saved = errno;
    answer_asked(__builtin_return_address(0));
    errno = saved;
}

bool platform_stack_start(void (*answer)(const void *handler))
{
    void *unused[1];
    (void)platform_stack_capture(NULL, unused, 1); /* the first one loads the unwinder, which allocates */
    answer_asked = answer;
    struct sigaction before, ours = {.sa_handler = handle_ask, .sa_flags = SA_RESTART | SA_ONSTACK};
    (void)sigfillset(&ours.sa_mask);
    if (sigaction(ask_signal(), NULL, &before) != 0 || (before.sa_flags & SA_SIGINFO) != 0 ||
        before.sa_handler != SIG_DFL)
        return false;
    return sigaction(ask_signal(), &ours, NULL) == 0;
}

platform_thread platform_thread_self(void)
{
    return pthread_self();
}

void platform_stack_ask(platform_thread thread)
{
    (void)pthread_kill(thread, ask_signal());
}

bool platform_stack_open(void)
{
    sigset_t only, before;
    (void)sigemptyset(&only);
    (void)sigaddset(&only, ask_signal());
    (void)pthread_sigmask(SIG_UNBLOCK, &only, &before);
    return sigismember(&before, ask_signal()) == 1;
}

void platform_stack_close(bool was_blocked)
{
    sigset_t only;
    (void)sigemptyset(&only);
    (void)sigaddset(&only, ask_signal());
    if (was_blocked)
        (void)pthread_sigmask(SIG_BLOCK, &only, NULL);
}

uintptr_t platform_symbol_behind(const char *name)
{
    return (uintptr_t)dlsym(RTLD_NEXT, name);
}

int64_t platform_environment(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    int64_t number = text == NULL ? 0 : strtoll(text, NULL, 10);
    return number > 0 ? number : otherwise;
}
