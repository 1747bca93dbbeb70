/* SPDX-License-Identifier: MIT */
#include "colour.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const escapes[] = {
    [COLOUR_NONE] = "",          [COLOUR_BOLD] = "\033[1m", [COLOUR_RED] = "\033[31m",
    [COLOUR_GREEN] = "\033[32m", [COLOUR_DIM] = "\033[2m",
};

static bool is_coloured(void)
{
    const char *terminal = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    bool dumb = terminal == NULL || strcmp(terminal, "dumb") == 0;
    bool refused = no_color != NULL && no_color[0] != '\0';
    return isatty(STDOUT_FILENO) == 1 && !refused && !dumb;
}

/* Padded first, so that the escapes do not count as width. */
void colour_print_padded(colour chosen, int width, const char *text)
{
    bool plain = chosen == COLOUR_NONE || !is_coloured();
    (void)printf("%s%*s%s", plain ? "" : escapes[chosen], width, text, plain ? "" : "\033[0m");
}
