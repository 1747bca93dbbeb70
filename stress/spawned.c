/* SPDX-License-Identifier: MIT */
#include "spawned.h"
#include "die.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *spawned_place(const char *variable, const char *installed)
{
    const char *named = getenv(variable);
    return named != NULL && named[0] != '\0' ? named : installed;
}

spawned spawned_start(const char *const *arguments, int its_stream)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe: %s", strerror(errno));
    int its = its_stream == STDIN_FILENO ? 0 : 1;
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[its], its_stream);
    spawned started = {.pipe = fdopen(ends[1 - its], its == 0 ? "w" : "r")};
    int error = posix_spawnp(&started.process, arguments[0], &actions, NULL, (char **)arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[its]);
    if (error != 0 || started.pipe == NULL)
        die("%s: %s", arguments[0], strerror(error != 0 ? error : errno));
    return started;
}

bool spawned_wait(spawned running)
{
    (void)fclose(running.pipe);
    int status = 0;
    while (waitpid(running.process, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
