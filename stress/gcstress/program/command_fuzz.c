/* SPDX-License-Identifier: MIT */
#include "../../argument.h"
#include "../../die.h"
#include "../fuzz/hunt.h"
#include "command.h"
#include "output.h"
#include "output_request.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_SECONDS = 1000000, MOST_RUNS = 1000000000, MOST_SEED = 1000000000, USUAL_SECONDS = 10, MOST_PATH = 1024 };
enum {
    OPTION_SECONDS = 't',
    OPTION_RUNS = 'n',
    OPTION_SEED = 's',
    OPTION_INPUT = 'i',
    OPTION_SAVE = 'o',
    OPTION_SHRINK = 'r'
};

typedef struct request {
    output_request output;
    long seconds, runs, seed; /* 0: not asked for */
    const char *input;
    const char *save;
    bool shrinks;
} request;

static const struct argp_option options[] = {
    {"seconds", OPTION_SECONDS, "S", 0, "For so long (default: 10)", 0},
    {"runs", OPTION_RUNS, "N", 0, "So many inputs, however long it takes", 0},
    {"seed", OPTION_SEED, "X", 0, "Where the dice begin (default: 1)", 0},
    {"input", OPTION_INPUT, "FILE", 0, "Only this input, or each in a directory of that name", 0},
    {"save", OPTION_SAVE, "DIRECTORY", 0, "Where the input of a failure goes (default: here)", 0},
    {"shrink", OPTION_SHRINK, NULL, 0, "Leave out bytes that the failure does not need; with --input, write it back",
     0},
    {0},
};

static const char description[] =
    "Run sequences of calls on 4 handles and 2 threads, and hold each answer and each release against a reference "
    "model. An input is a string of bytes, which says what the threads do and where they are switched."
    "\v"
    "Examples:\n"
    "  gcstress fuzz                                  ten seconds\n"
    "  gcstress fuzz --seconds=3600 --seed=7          and write the input that fails\n"
    "  gcstress fuzz --input fuzz-1a2b3c4d.input      the same failure again, and who did what\n"
    "  gcstress fuzz --input fuzz-1a2b3c4d.input --shrink\n"
    "\n"
    "Exit status: 0 when nothing was found; 1 when a violation was; 2 when it could not be run.";

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    request *asked = state->input;
    switch (key) {
    case OPTION_SECONDS:
        asked->seconds = argument_number(argument, "number of seconds", MOST_SECONDS, state);
        return 0;
    case OPTION_RUNS:
        asked->runs = argument_number(argument, "number of runs", MOST_RUNS, state);
        return 0;
    case OPTION_SEED:
        asked->seed = argument_number(argument, "seed", MOST_SEED, state);
        return 0;
    case OPTION_INPUT:
        asked->input = argument;
        return 0;
    case OPTION_SAVE:
        asked->save = argument;
        return 0;
    case OPTION_SHRINK:
        asked->shrinks = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s' is no option: an input is named by --input=FILE", argument);
        return EINVAL;
    case ARGP_KEY_END:
        if (asked->input != NULL && (asked->seconds != 0 || asked->runs != 0 || asked->seed != 0))
            argp_error(state, "--input runs what is there, once: leave out --seconds, --runs and --seed");
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &asked->output;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&output_parser, 0, NULL, 0}, {0}};
static const struct argp parser = {.options = options, .parser = take_option, .doc = description, .children = children};

/* ---- telling ----------------------------------------------------------------------------------------------------- */

/* path_or_null: the input, on a file. */
static void tell(const request *asked, json_t *results, const hunt_result *result, const char *path_or_null)
{
    (void)json_array_append_new(results, output_hunt_json(result, path_or_null));
    if (!output_is_text(&asked->output))
        return;
    output_hunt(result, path_or_null);
    if (result->found)
        output_tale(&result->told);
}

/* ---- inputs on files --------------------------------------------------------------------------------------------- */

static bool replay(const request *asked, const char *path, json_t *results)
{
    input given;
    input_read(path, &given);
    hunt_result *result = asked->shrinks ? hunt_shrink(&given) : NULL;
    if (result != NULL)
        input_write(path, &result->input);
    else
        result = hunt_run(&(hunt_plan){.given = &given});
    bool found = result->found;
    if (asked->shrinks && found)
        (void)fprintf(stderr, "%zu bytes of %zu are left in %s\n", result->input.size, given.size, path);
    tell(asked, results, result, path);
    hunt_free(result);
    return found;
}

static int is_no_dot_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Each file, in the order of their names. */
static bool replay_directory(const request *asked, json_t *results)
{
    struct dirent **entries;
    int count = scandir(asked->input, &entries, is_no_dot_file, alphasort);
    bool found = false;
    if (count <= 0)
        die("%s: there is no input in it", asked->input);
    for (int i = 0; i < count; i++) {
        char path[MOST_PATH];
        if (snprintf(path, sizeof path, "%s/%s", asked->input, entries[i]->d_name) >= (int)sizeof path)
            die("%s: its name is too long", asked->input);
        found = replay(asked, path, results) || found;
        free(entries[i]);
    }
    free(entries);
    return found;
}

static bool replay_all(const request *asked, json_t *results)
{
    struct stat about;
    bool is_directory = stat(asked->input, &about) == 0 && S_ISDIR(about.st_mode);
    return is_directory ? replay_directory(asked, results) : replay(asked, asked->input, results);
}

/* ---- inputs of our own ------------------------------------------------------------------------------------------- */

/* The failure alone, in a fresh process: what is told is what a replay will tell. */
static void confirm(hunt_result *found, bool shrinks)
{
    hunt_result *again = shrinks ? hunt_shrink(&found->input) : hunt_run(&(hunt_plan){.given = &found->input});
    if (again != NULL && again->found) {
        found->input = again->input;
        found->told = again->told;
    } else {
        (void)fprintf(stderr, "the input alone has no violation: it needs the runs before it, too\n");
    }
    hunt_free(again);
}

/* "fuzz-1a2b3c4d.input" */
static const char *save(const request *asked, const input *failing)
{
    static char path[MOST_PATH];
    int length = snprintf(path, sizeof path, "%s/fuzz-%08x.input", asked->save, (unsigned)input_checksum(failing));
    if (length >= (int)sizeof path)
        die("the name of the directory is too long");
    input_write(path, failing);
    return path;
}

static bool hunt(const request *asked, json_t *results)
{
    long seconds = asked->seconds != 0 || asked->runs != 0 ? asked->seconds : USUAL_SECONDS;
    hunt_result *result = hunt_run(&(hunt_plan){.most_runs = (size_t)asked->runs,
                                                .seconds = (double)seconds,
                                                .seed = asked->seed == 0 ? 1 : (uint64_t)asked->seed});
    const char *path = NULL;
    if (result->found) {
        confirm(result, asked->shrinks);
        path = save(asked, &result->input);
    }
    bool found = result->found;
    tell(asked, results, result, path);
    hunt_free(result);
    return found;
}

int command_fuzz(int argc, char **argv, command_scenarios unused)
{
    (void)unused;
    request asked = {.save = "."};
    argument_parse(&parser, argc, argv, &asked);
    json_t *results = json_array();
    if (output_is_text(&asked.output))
        output_hunt_heading();
    bool found = asked.input != NULL ? replay_all(&asked, results) : hunt(&asked, results);
    output_write(&asked.output, "fuzz", results);
    return found ? COMMAND_FOUND : COMMAND_FOUND_NOTHING;
}
