/* SPDX-License-Identifier: MIT */
/* JUnit's XML, as build servers read it: a suite for each scenario, a case for each approach. */
#include "output_result.h"
#include <string.h>

typedef struct tally {
    size_t cases, failures;
    double seconds;
} tally;

/* What XML may not hold, not even in disguise, is left out. */
static void print_escaped(FILE *to, const char *text)
{
    for (; *text != '\0'; text++)
        switch (*text) {
        case '&':
            (void)fputs("&amp;", to);
            break;
        case '<':
            (void)fputs("&lt;", to);
            break;
        case '>':
            (void)fputs("&gt;", to);
            break;
        case '"':
            (void)fputs("&quot;", to);
            break;
        default:
            if ((unsigned char)*text >= ' ')
                (void)fputc(*text, to);
        }
}

static void print_attribute(FILE *to, const char *name, const char *value)
{
    (void)fprintf(to, " %s=\"", name);
    print_escaped(to, value);
    (void)fputc('"', to);
}

static void print_counts(FILE *to, tally counted)
{
    (void)fprintf(to, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"%.6f\"", counted.cases, counted.failures,
                  counted.seconds);
}

/* Of the results of one scenario; NULL: of all. */
static tally count(const json_t *results, const char *scenario_or_null)
{
    tally counted = {.cases = 0};
    size_t i;
    json_t *result;
    json_array_foreach(results, i, result)
    {
        if (scenario_or_null != NULL && strcmp(scenario_or_null, result_text(result, "scenario")) != 0)
            continue;
        counted.cases++;
        counted.failures += result_is_found(result);
        counted.seconds += result_seconds(result);
    }
    return counted;
}

/* ---- what was measured ------------------------------------------------------------------------------------------- */

static void print_property(FILE *to, const char *approach, const char *name, const char *value)
{
    (void)fputs("      <property", to);
    char whole[256];
    (void)snprintf(whole, sizeof whole, "%s%s%s", approach, approach[0] == '\0' ? "" : ".", name);
    print_attribute(to, "name", whole);
    print_attribute(to, "value", value);
    (void)fputs("/>\n", to);
}

/* Whatever the command measured and is a number: seed, schedules, states, … */
static void print_measures(FILE *to, json_t *result)
{
    const char *name;
    json_t *value;
    char text[64];
    json_object_foreach(result, name, value)
    {
        if (json_is_integer(value))
            (void)snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        else if (json_is_real(value))
            (void)snprintf(text, sizeof text, "%.6f", json_real_value(value));
        else if (json_is_boolean(value))
            (void)snprintf(text, sizeof text, "%s", json_is_true(value) ? "true" : "false");
        else
            continue;
        print_property(to, result_text(result, "approach"), name, text);
    }
}

/* ---- cases ------------------------------------------------------------------------------------------------------- */

static void print_line(const char *line, void *to)
{
    print_escaped(to, line);
    (void)fputc('\n', to);
}

static void print_case(FILE *to, const json_t *result)
{
    const char *approach = result_text(result, "approach");
    const char *scenario = result_text(result, "scenario");
    (void)fputs("    <testcase", to);
    print_attribute(to, "classname", scenario);
    print_attribute(to, "name", approach[0] == '\0' ? scenario : approach);
    (void)fprintf(to, " time=\"%.6f\"", result_seconds(result));
    if (!result_is_found(result)) {
        (void)fputs("/>\n", to);
        return;
    }
    (void)fputs(">\n      <failure type=\"violation\"", to);
    print_attribute(to, "message", result_text(result, "violation"));
    (void)fputs(">", to);
    result_each_line(result, print_line, to);
    print_line(result_text(result, "replay"), to);
    (void)fputs("</failure>\n    </testcase>\n", to);
}

static void print_suite(FILE *to, const json_t *document, const char *scenario)
{
    const json_t *results = json_object_get(document, "results");
    size_t i;
    json_t *result;
    (void)fputs("  <testsuite", to);
    print_attribute(to, "name", scenario);
    print_counts(to, count(results, scenario));
    (void)fputs(">\n    <properties>\n", to);
    print_property(to, "", "version", result_text(document, "version"));
    print_property(to, "", "arguments", result_text(document, "arguments"));
    json_array_foreach(results, i, result)
    {
        if (strcmp(scenario, result_text(result, "scenario")) == 0)
            print_measures(to, result);
    }
    (void)fputs("    </properties>\n", to);
    json_array_foreach(results, i, result)
    {
        if (strcmp(scenario, result_text(result, "scenario")) == 0)
            print_case(to, result);
    }
    (void)fputs("  </testsuite>\n", to);
}

static bool is_first_of_scenario(const json_t *results, size_t at)
{
    const char *scenario = result_text(json_array_get(results, at), "scenario");
    for (size_t i = 0; i < at; i++)
        if (strcmp(scenario, result_text(json_array_get(results, i), "scenario")) == 0)
            return false;
    return true;
}

void output_junit(const json_t *document, FILE *to)
{
    const json_t *results = json_object_get(document, "results");
    (void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", to);
    print_attribute(to, "name", result_text(document, "program"));
    print_counts(to, count(results, NULL));
    (void)fputs(">\n", to);
    for (size_t i = 0; i < json_array_size(results); i++)
        if (is_first_of_scenario(results, i))
            print_suite(to, document, result_text(json_array_get(results, i), "scenario"));
    (void)fputs("</testsuites>\n", to);
}
