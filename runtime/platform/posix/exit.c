/* SPDX-License-Identifier: MIT */
#include "base/checkpoint.h"
#include "base/keep_errno.h"
#include "platform/platform.h"
#include <errno.h>
#include <stdlib.h>

int platform_exit_register(void (*at_exit)(void))
{
    KEEP_ERRNO;
    return FAILS_HERE("platform.exit") || atexit(at_exit) != 0 ? ENOMEM : 0;
}
