/* SPDX-License-Identifier: MIT */
#include "schedule_file.h"
#include "../../die.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { FORMAT = 1 };

void schedule_file_write(const char *path, const schedule_file *written)
{
    json_t *choices = json_array();
    for (size_t i = 0; i < written->schedule.count; i++)
        (void)json_array_append_new(
            choices, json_pack("[i, i]", written->schedule.choices[i].count, written->schedule.choices[i].taken));
    json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:I, s:o}", "gcstress", FORMAT, "scenario", written->scenario,
                             "approach", written->approach, "violation", written->violation, "seed",
                             (json_int_t)written->seed, "choices", choices);
    if (root == NULL)
        die("no memory");
    if (json_dump_file(root, path, JSON_INDENT(0) | JSON_COMPACT) != 0)
        die("%s cannot be written", path);
    json_decref(root);
}

static void copy_name(char *to, size_t size_bytes, const char *from, const char *path)
{
    if (snprintf(to, size_bytes, "%s", from) >= (int)size_bytes)
        die("%s: a name in it is too long", path);
}

static void read_choices(const json_t *choices, const char *path, schedule *into)
{
    into->count = json_array_size(choices);
    if (into->count > SCHEDULE_CHOICES)
        die("%s: it has %zu choices, and %d are the most", path, into->count, SCHEDULE_CHOICES);
    for (size_t i = 0; i < into->count; i++) {
        json_int_t count = json_integer_value(json_array_get(json_array_get(choices, i), 0));
        json_int_t taken = json_integer_value(json_array_get(json_array_get(choices, i), 1));
        if (count < 2 || count > BATON_STRANDS || taken < 0 || taken >= count)
            die("%s: choice %zu is none: it has to be [alternatives, the one that is taken]", path, i);
        into->choices[i] = (schedule_choice){.count = (uint8_t)count, .taken = (uint8_t)taken};
    }
}

void schedule_file_read(const char *path, schedule_file *out_read)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    if (root == NULL)
        die("%s: %s", path, error.text);
    int format;
    const char *scenario, *approach, *violation;
    json_int_t seed = 0; /* what was written before there was one is read all the same */
    const json_t *choices;
    if (json_unpack_ex(root, &error, 0, "{s:i, s:s, s:s, s:s, s?I, s:o}", "gcstress", &format, "scenario", &scenario,
                       "approach", &approach, "violation", &violation, "seed", &seed, "choices", &choices) != 0 ||
        format != FORMAT)
        die("%s: this is no schedule of gcstress: %s", path, error.text);
    if (seed < 0)
        die("%s: a seed is not below 0", path);
    memset(out_read, 0, sizeof *out_read);
    copy_name(out_read->scenario, sizeof out_read->scenario, scenario, path);
    copy_name(out_read->approach, sizeof out_read->approach, approach, path);
    copy_name(out_read->violation, sizeof out_read->violation, violation, path);
    out_read->seed = (uint64_t)seed;
    read_choices(choices, path, &out_read->schedule);
    json_decref(root);
}
