/* SPDX-License-Identifier: MIT */
#include "base/checkpoint.h"
#include "platform/platform.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Turns a call's result into 0 or an errno value, and stores the new descriptor. errno stays as it was. */
static int take(int descriptor, int saved_errno, sh_raw *out_raw)
{
    int error = descriptor < 0 ? errno : 0;
    errno = saved_errno;
    if (error == 0)
        *out_raw = descriptor;
    return error;
}

/* Not by close(), which is a cancellation point; but ThreadSanitizer keeps account of numbers, and knows of no other.
 */
static long close_number(int number)
{
#if defined(__SANITIZE_THREAD__)
    platform_cancel_token token = platform_cancel_hold();
    int result = close(number);
    platform_cancel_restore(token);
    return result;
#else
    return syscall(SYS_close, number);
#endif
}

int platform_descriptor_close(sh_raw raw)
{
    if (!platform_is_descriptor(raw))
        return EBADF;
    int saved = errno;
    /* Once: after EINTR, Linux has given the number back already, and closing again could close a stranger's. */
    int error = close_number((int)raw) == 0 || errno == EINTR ? 0 : errno;
    errno = saved;
    return error;
}

int platform_descriptor_duplicate(sh_raw raw, sh_raw *out_copy)
{
    if (FAILS_HERE("platform.descriptors"))
        return EMFILE;
    int saved = errno;
    return platform_is_descriptor(raw) ? take(fcntl((int)raw, F_DUPFD_CLOEXEC, 0), saved, out_copy) : EBADF;
}

int platform_descriptor_open(const char *path, int flags, unsigned mode, sh_raw *out_raw)
{
    int saved = errno;
    return take(open(path, flags | O_CLOEXEC, (mode_t)mode), saved, out_raw);
}

int platform_descriptor_socket(int family, int type, int protocol, sh_raw *out_raw)
{
    int saved = errno;
    return take(socket(family, type | SOCK_CLOEXEC, protocol), saved, out_raw);
}

int platform_descriptor_pipe(int flags, sh_raw *out_read_end, sh_raw *out_write_end)
{
    int saved = errno;
    int ends[2];
    int error = pipe2(ends, flags | O_CLOEXEC) == 0 ? 0 : errno;
    errno = saved;
    if (error == 0) {
        *out_read_end = ends[0];
        *out_write_end = ends[1];
    }
    return error;
}

int platform_descriptor_event(unsigned initial_count, int flags, sh_raw *out_raw)
{
    int saved = errno;
    return take(eventfd(initial_count, flags | EFD_CLOEXEC), saved, out_raw);
}

bool platform_descriptors_ran_out(int os_error)
{
    return os_error == EMFILE || os_error == ENFILE;
}
