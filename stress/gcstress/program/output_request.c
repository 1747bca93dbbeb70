/* SPDX-License-Identifier: MIT */
#include "output_request.h"
#include "../../die.h"
#include "../report/report.h"
#include "command_line.h"
#include "output.h"
#include "output_file.h"
#include "output_result.h"
#include <safehandle.h>

enum {
    OPTION_JSON = 'j',
    OPTION_TAP = 256,
    OPTION_JUNIT,
    OPTION_REPORT
}; /* no short forms: the commands have their own */

static const struct argp_option options[] = {
    {"json", OPTION_JSON, NULL, 0, "Print a JSON object instead of the table", 1},
    {"tap", OPTION_TAP, NULL, 0, "Print tests in the TAP format instead of the table", 1},
    {"junit", OPTION_JUNIT, "FILE", 0, "Write the results as JUnit's XML, too", 1},
    {"report", OPTION_REPORT, "FILE", 0, "Draw the results as one HTML page, too (needs python3)", 1},
    {0},
};

/* ---- what was asked for ------------------------------------------------------------------------------------------ */

static void try_files(const output_request *request)
{
    if (request->junit != NULL)
        output_file_try(request->junit);
    if (request->report == NULL)
        return;
    output_file_try(request->report);
    report_require();
}

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    output_request *request = state->input;
    switch (key) {
    case OPTION_JSON:
        request->json = true;
        return 0;
    case OPTION_TAP:
        request->tap = true;
        return 0;
    case OPTION_JUNIT:
        request->junit = argument;
        return 0;
    case OPTION_REPORT:
        request->report = argument;
        return 0;
    case ARGP_KEY_INIT:
        request->argument_count = state->argc;
        request->arguments = state->argv;
        return 0;
    case ARGP_KEY_END:
        if (request->json && request->tap)
            argp_error(state, "--json and --tap both go to stdout: choose one");
        return 0;
    case ARGP_KEY_SUCCESS:
        try_files(request);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp output_parser = {.options = options, .parser = take_option};

bool output_is_text(const output_request *request)
{
    return !request->json && !request->tap;
}

/* ---- command lines ----------------------------------------------------------------------------------------------- */

/* null where a name in it is no UTF-8. */
static json_t *to_json(const char *line)
{
    json_t *string = json_string(line);
    return string == NULL ? json_null() : string;
}

static json_t *arguments_json(const output_request *request, const char *command)
{
    static command_line line;
    command_line_begin(&line, command);
    for (int i = 1; i < request->argument_count; i++)
        command_line_add(&line, request->arguments[i]);
    return to_json(line.text);
}

static void add_replay(json_t *result, const char *command)
{
    const char *file = json_string_value(json_object_get(result, "file"));
    if (file != NULL)
        (void)json_object_set_new(result, "replay", to_json(command_line_replay(command, file)));
}

/* ---- the document ------------------------------------------------------------------------------------------------ */

static json_t *make_document(const output_request *request, const char *command, json_t *results)
{
    for (size_t i = 0; i < json_array_size(results); i++)
        add_replay(json_array_get(results, i), command);
    json_t *document = json_pack("{s:s, s:s, s:s, s:o, s:o}", "program", "gcstress", "version", sh_version(), "command",
                                 command, "arguments", arguments_json(request, command), "results", results);
    if (document == NULL)
        die("no memory");
    return document;
}

static void write_junit(const json_t *document, const char *path)
{
    static output_file file;
    output_file_begin(&file, path);
    FILE *to = fopen(file.temporary, "w");
    if (to != NULL)
        output_junit(document, to);
    bool is_whole = to != NULL && ferror(to) == 0;
    is_whole = to != NULL && fclose(to) == 0 && is_whole;
    if (is_whole) {
        output_file_end(&file);
        return;
    }
    output_file_drop(&file);
    die("%s could not be written to its end", path);
}

static void write_report(const json_t *document, const char *path)
{
    static output_file file;
    output_file_begin(&file, path);
    if (report_draw(document, file.temporary)) {
        output_file_end(&file);
        return;
    }
    output_file_drop(&file);
    die("%s was not drawn, for the reason above", path);
}

void output_write(const output_request *request, const char *command, json_t *results)
{
    json_t *document = make_document(request, command, results);
    if (request->junit != NULL)
        write_junit(document, request->junit);
    if (request->report != NULL)
        write_report(document, request->report);
    if (request->tap)
        output_tap(document);
    if (request->json)
        output_json(document);
    else
        json_decref(document);
}
