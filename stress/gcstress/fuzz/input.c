/* SPDX-License-Identifier: MIT */
#include "input.h"
#include "../../die.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { RECORD_BYTES = 2, SORT_SHIFT = 6, REST_MASK = 63 };

void input_decode(const input *from, input_program *out_program)
{
    memset(out_program, 0, sizeof *out_program);
    for (size_t i = 0; i < from->size; i += RECORD_BYTES) {
        uint8_t sort = from->bytes[i] >> SORT_SHIFT;
        uint8_t rest = from->bytes[i] & REST_MASK;
        uint8_t second = i + 1 < from->size ? from->bytes[i + 1] : 0;
        if (sort >= INPUT_THREADS && out_program->switch_count < INPUT_SWITCHES)
            out_program->switches[out_program->switch_count++] = (input_switch){rest, second};
        else if (sort < INPUT_THREADS && out_program->operation_counts[sort] < INPUT_OPERATIONS)
            out_program->operations[sort][out_program->operation_counts[sort]++] = (input_operation){rest, second};
    }
}

size_t input_choose(input_program *program, const baton_choice *choice)
{
    if (program->switched == program->switch_count)
        return 0;
    const input_switch *next = &program->switches[program->switched];
    if (program->passed++ < next->after)
        return 0;
    program->switched++;
    program->passed = 0;
    return 1 + next->taken % (choice->count - 1);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

void input_read(const char *path, input *out_input)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        die("%s cannot be read: %s", path, strerror(errno));
    out_input->size = fread(out_input->bytes, 1, sizeof out_input->bytes, file);
    if (ferror(file) != 0)
        die("%s cannot be read: %s", path, strerror(errno));
    (void)fclose(file);
}

void input_write(const char *path, const input *written)
{
    FILE *file = fopen(path, "wb");
    bool done = file != NULL && fwrite(written->bytes, 1, written->size, file) == written->size;
    if (file != NULL)
        done = fclose(file) == 0 && done;
    if (!done)
        die("%s cannot be written: %s", path, strerror(errno));
}

uint32_t input_checksum(const input *of)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < of->size; i++)
        hash = (hash ^ of->bytes[i]) * 16777619u;
    return hash;
}
