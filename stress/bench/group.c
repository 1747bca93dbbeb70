/* SPDX-License-Identifier: MIT */
#include "group.h"
#include "../die.h"
#include <fcntl.h>

void group_start_library(void)
{
    sh_status status = sh_init(NULL);
    if (status != SH_OK)
        die("sh_init: %s", sh_status_message(status));
}

sh_handle *group_open(const char *path)
{
    sh_handle *h;
    sh_status status = sh_open_file(path, O_RDONLY, 0, NULL, &h);
    if (status != SH_OK)
        die("%s: %s", path, sh_status_message(status));
    return h;
}
