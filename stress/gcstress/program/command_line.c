/* SPDX-License-Identifier: MIT */
#include "command_line.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%+,-./:=@_";

static void append(command_line *to, const char *text)
{
    for (; *text != '\0' && to->length + 1 < sizeof to->text; text++)
        to->text[to->length++] = *text;
    to->text[to->length] = '\0';
}

void command_line_add(command_line *to, const char *word)
{
    append(to, to->length == 0 ? "" : " ");
    if (word[0] != '\0' && word[strspn(word, harmless)] == '\0') {
        append(to, word);
        return;
    }
    append(to, "'");
    for (; *word != '\0'; word++)
        append(to, *word == '\'' ? "'\\''" : (char[]){*word, '\0'});
    append(to, "'");
}

void command_line_begin(command_line *of, const char *command)
{
    of->length = 0;
    command_line_add(of, program_invocation_short_name);
    command_line_add(of, command);
}

const char *command_line_replay(const char *command, const char *file)
{
    static command_line line;
    bool is_input = strcmp(command, "fuzz") == 0;
    command_line_begin(&line, is_input ? command : "replay");
    if (is_input)
        command_line_add(&line, "--input");
    command_line_add(&line, file);
    return line.text;
}
