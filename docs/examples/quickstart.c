/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <safehandle.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    sh_handle *file;
    sh_status status = sh_init(NULL);
    if (status == SH_OK)
        status = sh_open_file("/etc/hostname", O_RDONLY, 0, NULL, &file);
    if (status != SH_OK)
        return puts(sh_status_message(status)), 1;

    char text[256];
    /* Nobody can close or recycle fd in here. The last user releases it. */
    SH_WITH_HANDLE (file, fd, status) {
        ssize_t size = read((int)fd, text, sizeof text);
        printf("closing inside its own lease: %s\n", sh_status_name(sh_close(file)));
        fwrite(text, 1, size > 0 ? (size_t)size : 0, stdout);
    }
    SH_WITH_HANDLE (file, fd, status)
        printf("never reached, %d\n", (int)fd);
    printf("a user who comes too late: %s\n", sh_status_name(status));
    return sh_shutdown(1000) == SH_OK ? 0 : 1;
}
