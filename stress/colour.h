/* SPDX-License-Identifier: MIT */
/* Colours of the tables: none when stdout is not a terminal, or is a dumb one, or NO_COLOR is set. */
#ifndef STRESS_COLOUR_H
#define STRESS_COLOUR_H

typedef enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_RED, COLOUR_GREEN, COLOUR_DIM } colour;

/* To stdout, padded to the width as printf's %*s does it: the escapes do not count. */
void colour_print_padded(colour chosen, int width, const char *text);

#endif
