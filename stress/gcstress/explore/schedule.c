/* SPDX-License-Identifier: MIT */
#include "schedule.h"

size_t schedule_alternative(const baton_choice *choice, size_t alternative)
{
    size_t usual = choice->running != BATON_NOBODY ? choice->running : choice->ready[0];
    if (alternative == 0)
        return usual;
    size_t passed = 0;
    for (size_t i = 0; i < choice->count; i++)
        if (choice->ready[i] != usual && ++passed == alternative)
            return choice->ready[i];
    return usual;
}

size_t schedule_switches(const schedule *of)
{
    size_t switches = 0;
    for (size_t i = 0; i < of->count; i++)
        switches += of->choices[i].taken != 0;
    return switches;
}
