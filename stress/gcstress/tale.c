/* SPDX-License-Identifier: MIT */
#include "tale.h"
#include <stdio.h>
#include <string.h>

void tale_clear(tale *of)
{
    of->count = 0;
    of->left_out = 0;
    of->violation_line = 0;
    of->violation[0] = '\0';
}

static tale_line *add_line(tale *of, size_t strand, bool told)
{
    if (of->count == TALE_LINES) {
        of->left_out++;
        return NULL;
    }
    tale_line *added = &of->lines[of->count++];
    added->strand = (unsigned char)strand;
    added->told = told;
    return added;
}

void tale_reach(tale *of, size_t strand, const char *checkpoint)
{
    tale_line *added = add_line(of, strand, false);
    if (added == NULL)
        return;
    size_t length = strlen(checkpoint);
    if (length >= sizeof added->text)
        length = sizeof added->text - 1;
    memcpy(added->text, checkpoint, length);
    added->text[length] = '\0';
}

void tale_tell(tale *of, size_t strand, const char *format, va_list arguments)
{
    tale_line *added = add_line(of, strand, true);
    if (added != NULL)
        (void)vsnprintf(added->text, sizeof added->text, format, arguments);
}

void tale_violate(tale *of, const char *format, va_list arguments)
{
    if (of->violation[0] != '\0')
        return;
    of->violation_line = of->count;
    (void)vsnprintf(of->violation, sizeof of->violation, format, arguments);
}
