/* SPDX-License-Identifier: MIT */
/*
 * A stranger's program: built outside the tree, against the installed copy, as C99, C11 and C++. It exits with 0 when
 * one byte has gone through a pipe whose ends the library owns, and a closed handle refuses.
 */
#include <safehandle.h>
#include <stdio.h>
#include <unistd.h>

static int fail(const char *what, sh_status status)
{
    (void)fprintf(stderr, "%s: %s: %s\n", what, sh_status_name(status), sh_status_message(status));
    return 1;
}

static int send_byte(sh_handle *write_end)
{
    sh_lease lease;
    sh_raw raw;
    sh_status status = sh_lease_begin(&lease, write_end, &raw);
    if (status != SH_OK)
        return fail("sh_lease_begin", status);
    ssize_t written = write((int)raw, "x", 1);
    sh_lease_end(&lease);
    return written == 1 ? 0 : fail("write", SH_E_SYSTEM);
}

static int receive_byte(sh_handle *read_end)
{
    sh_status status = SH_OK;
    char byte = 0;
    SH_WITH_HANDLE (read_end, raw, status) {
        if (read((int)raw, &byte, 1) != 1)
            return fail("read", SH_E_SYSTEM);
    }
    return status == SH_OK && byte == 'x' ? 0 : fail("SH_WITH_HANDLE", status);
}

static int is_refused(sh_handle *closed)
{
    sh_lease lease;
    sh_raw raw;
    sh_status status = sh_lease_begin(&lease, closed, &raw);
    return status == SH_E_CLOSED ? 0 : fail("a closed handle", status);
}

static int use_pipe(void)
{
    sh_handle *read_end = NULL;
    sh_handle *write_end = NULL;
    sh_status status = sh_open_pipe(0, NULL, &read_end, &write_end);
    if (status != SH_OK)
        return fail("sh_open_pipe", status);
    if (send_byte(write_end) != 0 || receive_byte(read_end) != 0)
        return 1;
    status = sh_close(write_end);
    if (status != SH_OK)
        return fail("sh_close", status);
    return is_refused(write_end);
}

int main(void)
{
    sh_status status = sh_init(NULL);
    if (status != SH_OK)
        return fail("sh_init", status);
    int failed = use_pipe();
    status = sh_shutdown(10000);
    if (status != SH_OK)
        return fail("sh_shutdown", status);
    return failed;
}
