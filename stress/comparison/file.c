/* SPDX-License-Identifier: MIT */
#include "file.h"
#include "../die.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static file_id identify(int number)
{
    struct stat status;
    if (fstat(number, &status) != 0)
        die("fstat: %s", strerror(errno));
    return (file_id){status.st_dev, status.st_ino};
}

int file_open(file_id *out_id)
{
    int number = memfd_create("trial", MFD_CLOEXEC);
    if (number < 0)
        die("memfd_create: %s", strerror(errno));
    *out_id = identify(number);
    return number;
}

int file_open_call(void *data)
{
    return file_open(data);
}

void file_open_pipe(int *out_read_end, int *out_write_end, file_id *out_id)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe2: %s", strerror(errno));
    *out_read_end = ends[0];
    *out_write_end = ends[1];
    *out_id = identify(ends[0]);
}

bool file_is(int number, const file_id *id)
{
    struct stat status;
    return fstat(number, &status) == 0 && status.st_dev == id->device && status.st_ino == id->inode;
}

bool file_is_written(int number)
{
    struct stat status;
    return fstat(number, &status) == 0 && status.st_size > 0;
}
