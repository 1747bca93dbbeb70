/* SPDX-License-Identifier: MIT */
/*
 * What every command that looks for violations can be asked to print, and the document that all of it is made of:
 *
 *   {"program": "gcstress", "version": …, "command": "explore", "arguments": …, "results": [RESULT…]}
 *
 * Each RESULT has "scenario", "approach" (or null), "retells", "never", "seconds", "found", and when found "violation",
 * "tale", "file" (the schedule, or null) and "replay" (the command that runs it, where there is a file); besides,
 * whatever the command measures.
 */
#ifndef GCSTRESS_OUTPUT_REQUEST_H
#define GCSTRESS_OUTPUT_REQUEST_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>

/* Invariant: at most one of json and tap. Paths are NULL where nothing was asked for. */
typedef struct output_request {
    bool json;
    bool tap;
    const char *junit;
    const char *report;
    int argument_count;
    char **arguments; /* the command line; its first word is the program and the command */
} output_request;

/* A child of the commands' parsers: its input is the output_request. Ends the program where a file that was asked for
 * could not be written, before anything is run. */
extern const struct argp output_parser;

/* Whether the command itself prints, for a person. */
bool output_is_text(const output_request *request);

/* Writes all that was asked for. Takes the array over. Ends the program where something cannot be written. */
void output_write(const output_request *request, const char *command, json_t *results);

#endif
