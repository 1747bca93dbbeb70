/* SPDX-License-Identifier: MIT */
#include "helper.h"
#include "../die.h"
#include "../spawned.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

json_t *helper_no_peers(void)
{
    return json_pack("{s:[], s:[]}", "peers", "missing");
}

json_t *helper_measure_peers(bool quick)
{
    const char *program = spawned_place("SAFEHANDLE_PEERS", BENCH_PEERS);
    if (access(program, R_OK) != 0) {
        (void)fprintf(stderr, "%s: no peers: %s: %s\n", program_invocation_short_name, program, strerror(errno));
        return helper_no_peers();
    }
    const char *const arguments[] = {"python3", program, "--json", quick ? "--quick" : NULL, NULL};
    spawned r = spawned_start(arguments, STDOUT_FILENO);
    json_t *printed = json_loadf(r.pipe, 0, NULL);
    (void)spawned_wait(r); /* some of them may have failed, and the others are told all the same */
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
    const char *arguments[8] = {"python3", spawned_place("SAFEHANDLE_DRAW", BENCH_DRAW)};
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
    spawned r = spawned_start(arguments, STDIN_FILENO);
    bool sent = json_dumpf(measured, r.pipe, 0) == 0;
    if (!spawned_wait(r) || !sent)
        die("nothing was drawn, for the reason above");
}
