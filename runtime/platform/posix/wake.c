/* SPDX-License-Identifier: MIT */
#include "platform/platform.h"
#include <errno.h>
#include <signal.h>
#include <unistd.h>

static void do_nothing(int signal)
{
    (void)signal;
}

/* They mean the thread that they come to. The system refuses the others that nobody can handle. */
static bool is_synchronous(int signal)
{
    switch (signal) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGSYS:
        return true;
    default:
        return false;
    }
}

static bool is_free(const struct sigaction *found)
{
    return (found->sa_flags & SA_SIGINFO) == 0 &&
           (found->sa_handler == SIG_DFL || found->sa_handler == SIG_IGN || found->sa_handler == do_nothing);
}

int platform_wake_install(int signal)
{
    if (is_synchronous(signal))
        return EINVAL;
    int saved = errno;
    /* SA_RESTART: a call on a number that was buried looks the number up again and fails; a call on any other goes on
     * as if nothing had happened. SA_ONSTACK: a runtime whose threads have small stacks (Go) must not overflow one. */
    struct sigaction found = {.sa_handler = SIG_DFL},
                     ours = {.sa_handler = do_nothing, .sa_flags = SA_RESTART | SA_ONSTACK};
    bool asked = sigaction(signal, NULL, &found) == 0, taken = asked && !is_free(&found);
    int error = asked && !taken && sigaction(signal, &ours, NULL) == 0 ? 0 : taken ? EBUSY : errno;
    errno = saved;
    return error;
}

void platform_wake_admit(int signal)
{
    sigset_t admitted;
    (void)sigemptyset(&admitted);
    (void)sigaddset(&admitted, signal);
    (void)pthread_sigmask(SIG_UNBLOCK, &admitted, NULL);
}

void platform_thread_wake(int64_t thread_id, int signal)
{
    int saved = errno;
    (void)tgkill(getpid(), (pid_t)thread_id, signal);
    errno = saved;
}
