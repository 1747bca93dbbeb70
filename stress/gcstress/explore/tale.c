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

/* How many bytes the character has; 0: it is cut, or no UTF-8, or no sign that can be printed. */
static size_t character_bytes(const unsigned char *at)
{
    if (at[0] < 0x80)
        return at[0] >= ' ' && at[0] != 0x7f;
    size_t bytes = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    uint32_t value = at[0] & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (at[i] & 0x3f);
    }
    static const uint32_t least[] = {[2] = 0xa0, [3] = 0x800, [4] = 0x10000};
    bool unfit =
        value < least[bytes] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000) || value >> 1 == 0x7fff;
    return at[0] < 0xc2 || at[0] > 0xf4 || unfit ? 0 : bytes;
}

/* An embedder's text, or the end that was cut off, could be what neither JSON nor XML may hold. */
static void make_readable(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != 0;) {
        size_t bytes = character_bytes(at);
        if (bytes == 0)
            *at = '?';
        at += bytes == 0 ? 1 : bytes;
    }
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
    added->deed = (door_deed){.number = 0};
    return added;
}

void tale_reach(tale *of, const char *who, const char *checkpoint)
{
    tale_line *added = add_line(of, who, false);
    if (added != NULL)
        copy(added->text, sizeof added->text, checkpoint);
}

__attribute__((format(printf, 3, 0))) static void print(char *to, size_t size_bytes, const char *format,
                                                        va_list arguments)
{
    (void)vsnprintf(to, size_bytes, format, arguments);
    make_readable(to);
}

void tale_tell_of(tale *of, const char *who, const door_deed *deed, const char *format, va_list arguments)
{
    tale_line *added = add_line(of, who, true);
    if (added == NULL)
        return;
    added->deed = *deed;
    print(added->text, sizeof added->text, format, arguments);
}

void tale_tell(tale *of, const char *who, const char *format, va_list arguments)
{
    tale_tell_of(of, who, &(door_deed){.number = 0}, format, arguments);
}

/* The first only. */
void tale_violate(tale *of, const char *who, const char *format, va_list arguments)
{
    if (of->violation[0] != '\0')
        return;
    of->violation_line = of->count;
    copy(of->violator, sizeof of->violator, who);
    print(of->violation, sizeof of->violation, format, arguments);
}
