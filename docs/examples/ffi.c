/* SPDX-License-Identifier: MIT */
/* What an interpreter does with a line of a script: a C function that it knows by name only, called with a handle. */
#include <fcntl.h>
#include <safehandle.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    sh_call_error error;
    sh_call_descriptor *reading;
    const char *text = "isize read(file in, bytes out[n, return], usize n) fails negative blocking errno";
    if (sh_init(NULL) != SH_OK || sh_call_parse(text, NULL, 0, NULL, &reading, &error) != SH_OK)
        return 1;

    sh_handle *zeroes;
    char bytes[8];
    if (sh_open_file("/dev/zero", O_RDONLY, 0, NULL, &zeroes) != SH_OK)
        return 1;
    sh_value values[] = {{.handle = zeroes}, {.pointer = bytes}, {.u = sizeof bytes}};
    sh_value returned;
    sh_status status = sh_call_make(reading, (void (*)(void))read, values, NULL, &returned, &error);
    printf("%s: %d bytes\n", sh_status_name(status), (int)returned.i);

    (void)sh_close(zeroes);
    if (sh_call_make(reading, (void (*)(void))read, values, NULL, &returned, &error) == SH_E_CLOSED)
        puts(error.message);
    sh_call_descriptor_free(reading);
    return sh_shutdown(1000) == SH_OK ? 0 : 1;
}
