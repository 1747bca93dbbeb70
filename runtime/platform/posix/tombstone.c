/* SPDX-License-Identifier: MIT */
#include "base/checkpoint.h"
#include "platform/platform.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Beyond it the kernel would have to make the process's table of descriptors larger. */
enum { HIGHEST_NUMBER = 1024 };

/* A tombstone is an O_PATH descriptor: it names a file without having it open, so every call that would use it fails
 * with EBADF, and poll answers POLLNVAL. What it names does not matter, and "/" is always there. */
static int open_path(void)
{
    return FAILS_HERE("platform.tombstone") ? -1 : open("/", O_PATH | O_CLOEXEC);
}

/* Up and out of the way: programs may count on getting low numbers in turn. Where that fails, it stays where it is. */
static int move_up(int number)
{
    struct rlimit limit = {.rlim_cur = 0};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    int lowest = (limit.rlim_cur < HIGHEST_NUMBER ? (int)limit.rlim_cur : HIGHEST_NUMBER) / 16 * 15;
    int moved = number < 0 ? -1 : fcntl(number, F_DUPFD_CLOEXEC, lowest);
    if (moved < 0)
        return number;
    (void)close(number);
    return moved;
}

/* Whether number is the tombstone, or a copy of it. A program that closes all its descriptors closes this one as well,
 * and the number may be anybody's by now. */
static bool is_tombstone(const platform_tombstone *tombstone, int number)
{
    struct stat found;
    int flags = fcntl(number, F_GETFL); /* may fail here: what is not open is no tombstone */
    /* may fail here: nor is what cannot be looked at */
    return flags >= 0 && (flags & O_PATH) != 0 && fstat(number, &found) == 0 && found.st_dev == tombstone->device &&
           found.st_ino == tombstone->inode;
}

/* Opens it where it is lost. False: descriptors ran out. */
static bool have_tombstone(platform_tombstone *tombstone)
{
    if (is_tombstone(tombstone, tombstone->number))
        return true;
    struct stat opened;
    int number = move_up(open_path());
    if (number < 0)
        return false;
    if (fstat(number, &opened) != 0) { /* it would not be known again */
        (void)close(number);
        return false;
    }
    *tombstone = (platform_tombstone){.number = number, .device = opened.st_dev, .inode = opened.st_ino};
    return true;
}

/* Pipes and FIFOs, sockets, terminals and other character devices, and what has no type at all: events, timers, epoll.
 * Calls on files, directories and block devices end by themselves, and what their close reports must not be lost. */
static bool can_block(int number)
{
    struct stat found;
    if (fstat(number, &found) != 0)
        return false;
    mode_t type = found.st_mode & S_IFMT;
    return type == S_IFIFO || type == S_IFSOCK || type == S_IFCHR || type == 0;
}

void platform_tombstone_open(platform_tombstone *tombstone)
{
    int saved = errno;
    (void)have_tombstone(tombstone);
    errno = saved;
}

void platform_tombstone_close(platform_tombstone *tombstone)
{
    int saved = errno;
    if (is_tombstone(tombstone, tombstone->number))
        (void)close(tombstone->number);
    tombstone->number = -1; /* its copies are known by the rest */
    errno = saved;
}

/* The last close of a socket may be told to wait until the other side has taken everything: for seconds, in which the
 * caller's lock would be held. The kernel sends it all the same; nobody waits for that. */
static void forget_lingering(int number)
{
    struct linger linger = {.l_onoff = 0};
    socklen_t size_bytes = sizeof linger;
    bool lingers = getsockopt(number, SOL_SOCKET, SO_LINGER, &linger, &size_bytes) == 0 && linger.l_onoff != 0 &&
                   linger.l_linger > 0; /* 0 ends the connection at once */
    const struct linger off = {.l_onoff = 0};
    if (lingers)
        (void)setsockopt(number, SOL_SOCKET, SO_LINGER, &off, sizeof off);
}

bool platform_descriptor_is_buried(sh_raw raw, const platform_tombstone *tombstone)
{
    int saved = errno;
    bool buried = platform_is_descriptor(raw) && is_tombstone(tombstone, (int)raw);
    errno = saved;
    return buried;
}

bool platform_descriptor_bury(sh_raw raw, platform_tombstone *tombstone)
{
    if (!platform_is_descriptor(raw))
        return false;
    int saved = errno;
    int number = (int)raw;
    bool buried = is_tombstone(tombstone, number);
    if (!buried && can_block(number) && have_tombstone(tombstone)) {
        forget_lingering(number);
        buried = dup3(tombstone->number, number, O_CLOEXEC) == number;
    }
    errno = saved;
    return buried;
}
