/* SPDX-License-Identifier: MIT */
#include "output_result.h"

enum { LINE_BYTES = 512 };

bool result_is_found(const json_t *result)
{
    return json_is_true(json_object_get(result, "found"));
}

double result_seconds(const json_t *result)
{
    return json_number_value(json_object_get(result, "seconds"));
}

const char *result_text(const json_t *result, const char *member)
{
    const char *text = json_string_value(json_object_get(result, member));
    return text == NULL ? "" : text;
}

const char *result_name(const json_t *result)
{
    static char name[LINE_BYTES];
    const char *approach = result_text(result, "approach");
    (void)snprintf(name, sizeof name, "%s%s%s", result_text(result, "scenario"), approach[0] == '\0' ? "" : ", ",
                   approach);
    return name;
}

void result_each_line(const json_t *result, void (*take)(const char *line, void *data), void *data)
{
    char line[LINE_BYTES];
    const json_t *tale = json_object_get(result, "tale");
    const json_t *lines = json_object_get(tale, "lines");
    size_t violation_line = (size_t)json_integer_value(json_object_get(tale, "violation_line"));
    for (size_t i = 0; i <= json_array_size(lines); i++) {
        if (i == violation_line && result_is_found(result)) {
            (void)snprintf(line, sizeof line, "%s: VIOLATION: %s", result_text(tale, "violator"),
                           result_text(result, "violation"));
            take(line, data);
        }
        const json_t *told = json_array_get(lines, i);
        if (!json_is_true(json_object_get(told, "told")))
            continue;
        (void)snprintf(line, sizeof line, "%s: %s", result_text(told, "who"), result_text(told, "text"));
        take(line, data);
    }
}
