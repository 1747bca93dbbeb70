/* SPDX-License-Identifier: MIT */
/* Test Anything Protocol, version 14: a test for each scenario and approach, and a YAML block for each that failed. */
#include "../../die.h"
#include "output_result.h"
#include <stdio.h>
#include <stdlib.h>

/* A JSON string is a YAML scalar, too. */
static void print_scalar(const char *before, const char *text)
{
    json_t *string = json_string(text);
    char *quoted = json_dumps(string, JSON_ENCODE_ANY);
    if (quoted == NULL)
        die("no memory");
    (void)printf("%s%s\n", before, quoted);
    free(quoted);
    json_decref(string);
}

static void print_line(const char *line, void *unused)
{
    (void)unused;
    print_scalar("    - ", line);
}

static void print_failure(const json_t *result)
{
    (void)puts("  ---");
    print_scalar("  message: ", result_text(result, "violation"));
    (void)puts("  severity: fail");
    print_scalar("  never: ", result_text(result, "never"));
    if (result_text(result, "replay")[0] != '\0')
        print_scalar("  replay: ", result_text(result, "replay"));
    (void)printf("  duration_ms: %.3f\n", result_seconds(result) * 1000);
    (void)puts("  tale:");
    result_each_line(result, print_line, NULL);
    (void)puts("  ...");
}

/* In a description, a # would begin a directive. */
static void print_description(const char *name)
{
    for (; *name != '\0'; name++)
        (void)printf("%s%c", *name == '#' || *name == '\\' ? "\\" : "", *name);
    (void)putchar('\n');
}

void output_tap(const json_t *document)
{
    const json_t *results = json_object_get(document, "results");
    (void)printf("TAP version 14\n1..%zu\n", json_array_size(results));
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *result = json_array_get(results, i);
        (void)printf("%s %zu - ", result_is_found(result) ? "not ok" : "ok", i + 1);
        print_description(result_name(result));
        if (result_is_found(result))
            print_failure(result);
    }
    if (fflush(stdout) != 0)
        die("stdout cannot be written");
}
