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
    of->violator[0] = '\0';
}

static void copy(char *to, size_t size_bytes, const char *from)
{
    size_t length = strlen(from);
    if (length >= size_bytes)
        length = size_bytes - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

static tale_line *add_line(tale *of, const char *who, bool told)
{
    if (of->count == TALE_LINES) {
        of->left_out++;
        return NULL;
    }
    tale_line *added = &of->lines[of->count++];
    copy(added->who, sizeof added->who, who);
    added->told = told;
    return added;
}

void tale_reach(tale *of, const char *who, const char *checkpoint)
{
    tale_line *added = add_line(of, who, false);
    if (added != NULL)
        copy(added->text, sizeof added->text, checkpoint);
}

void tale_tell(tale *of, const char *who, const char *format, va_list arguments)
{
    tale_line *added = add_line(of, who, true);
    if (added != NULL)
        (void)vsnprintf(added->text, sizeof added->text, format, arguments);
}

/* The first only. */
void tale_violate(tale *of, const char *who, const char *format, va_list arguments)
{
    if (of->violation[0] != '\0')
        return;
    of->violation_line = of->count;
    copy(of->violator, sizeof of->violator, who);
    (void)vsnprintf(of->violation, sizeof of->violation, format, arguments);
}
