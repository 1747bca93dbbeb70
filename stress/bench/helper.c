/* SPDX-License-Identifier: MIT */
#include "helper.h"
#include "../die.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the build found or will install them; the environment names another place. */
static const char *place(const char *variable, const char *installed)
{
    const char *named = getenv(variable);
    return named != NULL && named[0] != '\0' ? named : installed;
}

/* ---- running one ------------------------------------------------------------------------------------------------- */

/* A program whose one end of the pipe is its stdin or stdout; ours is the other. */
typedef struct running {
    pid_t process;
    FILE *pipe;
} running;

static running start(const char *const *arguments, int its_stream)
{
    int ends[2];
    if (pipe(ends) != 0)
        die("pipe: %s", strerror(errno));
    int its = its_stream == STDIN_FILENO ? 0 : 1;
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[its], its_stream);
    (void)posix_spawn_file_actions_addclose(&actions, ends[0]);
    (void)posix_spawn_file_actions_addclose(&actions, ends[1]);
    running r = {.pipe = fdopen(ends[1 - its], its == 0 ? "w" : "r")};
    int error = posix_spawnp(&r.process, arguments[0], &actions, NULL, (char **)arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[its]);
    if (error != 0 || r.pipe == NULL)
        die("%s: %s", arguments[0], strerror(error != 0 ? error : errno));
    return r;
}

static bool wait_for(running r)
{
    (void)fclose(r.pipe);
    int status = 0;
    while (waitpid(r.process, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- what is run ------------------------------------------------------------------------------------------------- */

json_t *helper_no_peers(void)
{
    return json_pack("{s:[], s:[]}", "peers", "missing");
}

json_t *helper_measure_peers(bool quick)
{
    const char *program = place("SAFEHANDLE_PEERS", BENCH_PEERS);
    if (access(program, R_OK) != 0) {
        (void)fprintf(stderr, "%s: no peers: %s: %s\n", program_invocation_short_name, program, strerror(errno));
        return helper_no_peers();
    }
    const char *const arguments[] = {"python3", program, "--json", quick ? "--quick" : NULL, NULL};
    running r = start(arguments, STDOUT_FILENO);
    json_t *printed = json_loadf(r.pipe, 0, NULL);
    (void)wait_for(r); /* some of them may have failed, and the others are told all the same */
    json_t *missing = json_object_get(printed, "missing");
    if (json_is_array(json_object_get(printed, "peers")) && (missing == NULL || json_is_array(missing)))
        return printed;
    json_decref(printed);
    (void)fprintf(stderr, "%s: no peers: %s told nothing of them\n", program_invocation_short_name, program);
    return helper_no_peers();
}

void helper_draw(const json_t *measured, const char *html_file, const char *svg_directory)
{
    if (html_file == NULL && svg_directory == NULL)
        return;
    const char *arguments[8] = {"python3", place("SAFEHANDLE_DRAW", BENCH_DRAW)};
    size_t count = 2;
    if (html_file != NULL) {
        arguments[count++] = "--html";
        arguments[count++] = html_file;
    }
    if (svg_directory != NULL) {
        arguments[count++] = "--svg";
        arguments[count++] = svg_directory;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    running r = start(arguments, STDIN_FILENO);
    bool sent = json_dumpf(measured, r.pipe, 0) == 0;
    if (!wait_for(r) || !sent)
        die("nothing was drawn, for the reason above");
}
