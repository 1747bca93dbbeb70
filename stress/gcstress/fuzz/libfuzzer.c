/* SPDX-License-Identifier: MIT */
/* The same inputs, invented by libFuzzer, which sees the branches that they take in the library. Built with clang:
 *
 *   ninja -C BUILD stress/gcstress/fuzz/gcstress-libfuzzer
 *   gcstress-libfuzzer NEW_INPUTS stress/gcstress/fuzz/corpus
 */
#include "../baton/baton.h"
#include "../program/output.h"
#include "trial.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tale told;

/* libFuzzer then writes the input. */
_Noreturn static void give_up(void)
{
    output_tale(&told);
    (void)fflush(NULL);
    abort();
}

static void give_up_stuck(void)
{
    (void)fprintf(stderr, "no thread can ever go on\n");
    give_up();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    baton_when_stuck(give_up_stuck);
    trial_start();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static input given;
    given.size = size < sizeof given.bytes ? size : sizeof given.bytes;
    if (given.size > 0)
        memcpy(given.bytes, data, given.size);
    (void)trial_run(&given, &told);
    if (told.violation[0] != '\0')
        give_up();
    return 0;
}
