/* SPDX-License-Identifier: MIT */
#include "output_request.h"
#include "../../die.h"
#include "output.h"
#include <safehandle.h>

enum { OPTION_JSON = 'j' };

static const struct argp_option options[] = {
    {"json", OPTION_JSON, NULL, 0, "Print a JSON object instead of the table", 0},
    {0},
};

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    (void)argument;
    output_request *request = state->input;
    if (key != OPTION_JSON)
        return ARGP_ERR_UNKNOWN;
    request->json = true;
    return 0;
}

const struct argp output_parser = {.options = options, .parser = take_option};

bool output_is_text(const output_request *request)
{
    return !request->json && !request->tap;
}

void output_write(const output_request *request, const char *command, json_t *results)
{
    json_t *document = json_pack("{s:s, s:s, s:s, s:o}", "program", "gcstress", "version", sh_version(), "command",
                                 command, "results", results);
    if (document == NULL)
        die("no memory");
    if (request->json)
        output_json(document);
    else
        json_decref(document);
}
