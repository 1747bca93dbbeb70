/* SPDX-License-Identifier: MIT */
#include "../../die.h"
#include "peer.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int descriptor;

static void make(void)
{
    descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        die("open: %s", strerror(errno));
}

static void pairs(long count)
{
    for (long i = 0; i < count; i++) {
        int mine = dup(descriptor);
        if (mine < 0)
            die("dup: %s", strerror(errno));
        (void)close(mine);
    }
}

const peer measured = {.make = make, .pairs = pairs};
