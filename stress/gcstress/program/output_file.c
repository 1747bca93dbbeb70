/* SPDX-License-Identifier: MIT */
#include "output_file.h"
#include "../../die.h"
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file behind links: renaming would put another in the place of the link, or of a device. */
static void resolve(output_file *of, const char *path)
{
    struct stat found;
    char resolved[PATH_MAX];
    bool is_there = stat(path, &found) == 0 && realpath(path, resolved) != NULL;
    if (is_there && !S_ISREG(found.st_mode))
        die("%s is no ordinary file: name one that can be written anew", path);
    if (snprintf(of->path, sizeof of->path, "%s", is_there ? resolved : path) >= (int)sizeof of->path)
        die("%s: the name is too long", path);
}

/* What mkstemp makes is for nobody else, and others' programs read this one. */
static void allow_as_usual(int file)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    (void)fchmod(file, 0666 & ~mask);
}

void output_file_begin(output_file *of, const char *path)
{
    resolve(of, path);
    (void)snprintf(of->temporary, sizeof of->temporary, "%s.XXXXXX", of->path);
    int file = mkstemp(of->temporary);
    if (file < 0)
        die("%s cannot be written: %s", path, strerror(errno));
    allow_as_usual(file);
    (void)close(file);
}

void output_file_drop(const output_file *of)
{
    (void)unlink(of->temporary);
}

void output_file_end(output_file *of)
{
    if (rename(of->temporary, of->path) == 0)
        return;
    int error = errno;
    output_file_drop(of);
    die("%s cannot be written: %s", of->path, strerror(error));
}

void output_file_try(const char *path)
{
    static output_file tried;
    output_file_begin(&tried, path);
    output_file_drop(&tried);
}
