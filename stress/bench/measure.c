/* SPDX-License-Identifier: MIT */
#include "measure.h"
#include <ctype.h>
#include <math.h>
#include <stddef.h>

enum { NAME_SIZE_BYTES = 64 };

static const char *const names[MEASURE_COUNT] = {
#define MEASURE_NAME(name) [name] = #name,
    MEASURES(MEASURE_NAME)
#undef MEASURE_NAME
};

const char *measure_name(int measure)
{
    static char small[MEASURE_COUNT][NAME_SIZE_BYTES];
    char *name = small[measure];
    for (size_t i = 0; names[measure][i] != '\0' && i + 1 < NAME_SIZE_BYTES; i++)
        name[i] = (char)tolower((unsigned char)names[measure][i]);
    return name;
}

measurement measurement_empty(void)
{
    measurement m;
    for (int i = 0; i < MEASURE_COUNT; i++)
        m.values[i] = NAN;
    return m;
}

void measurement_merge(measurement *m, const measurement *other)
{
    for (int i = 0; i < MEASURE_COUNT; i++)
        if (!isnan(other->values[i]))
            m->values[i] = other->values[i];
}
