/* SPDX-License-Identifier: MIT */
#include "platform/platform.h"
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/* Asking the loader binds it: another object's place for the lazy binding of a call cannot be filled for it. */
platform_function *platform_function_find(const char *name)
{
    int saved = errno;
    /* ISO C knows no cast from the one pointer to the other; POSIX says they are of one size. */
    void *address = dlsym(RTLD_DEFAULT, name);
    platform_function *found;
    memcpy(&found, &address, sizeof found);
    if (found == NULL)
        (void)dlerror(); /* or a later question of the program's would be told of ours */
    errno = saved;
    return found;
}
