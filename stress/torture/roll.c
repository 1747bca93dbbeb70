/* SPDX-License-Identifier: MIT */
#include "roll.h"
#include "../die.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* In memory that forked processes share. marks[i] belongs to roll_names[i]. */
static atomic_bool *marks;

static size_t count_names(void)
{
    size_t count = 0;
    while (roll_names[count] != NULL)
        count++;
    return count;
}

void roll_open(void)
{
    void *shared = mmap(NULL, count_names() * sizeof *marks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("memory for the roll: %s", strerror(errno));
    marks = shared;
}

/* The number of names: there is none such. */
static size_t find_name(const char *name)
{
    size_t i = 0;
    while (roll_names[i] != NULL && strcmp(roll_names[i], name) != 0)
        i++;
    return i;
}

void roll_mark(const char *name)
{
    size_t found = find_name(name);
    if (roll_names[found] != NULL)
        atomic_store(&marks[found], true);
}

static bool is_excused(const roll_excuse *excuses, const char *name)
{
    while (excuses->name != NULL && strcmp(excuses->name, name) != 0)
        excuses++;
    return excuses->name != NULL;
}

void roll_judge(const roll_excuse *excuses, torture_tally *tally)
{
    char missed[TORTURE_SENTENCE_SIZE_BYTES] = "";
    size_t length = 0;
    for (const roll_excuse *each = excuses; each->name != NULL; each++)
        if (roll_names[find_name(each->name)] == NULL)
            torture_fail(tally, "%s is excused, and is no checkpoint of the library", each->name);
    for (size_t i = 0; roll_names[i] != NULL; i++)
        if (!atomic_load(&marks[i]) && !is_excused(excuses, roll_names[i]) && length < sizeof missed)
            length += (size_t)snprintf(missed + length, sizeof missed - length, " %s", roll_names[i]);
    if (length > 0)
        torture_fail(tally, "checkpoints that were never come to:%s", missed);
}
