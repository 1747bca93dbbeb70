/* SPDX-License-Identifier: MIT */
#include "spread.h"
#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const double *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static size_t drop_missing(double *numbers, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(numbers[i]))
            numbers[kept++] = numbers[i];
    return kept;
}

spread spread_of(double *numbers, size_t count)
{
    count = drop_missing(numbers, count);
    if (count == 0)
        return (spread){NAN, NAN, NAN};
    qsort(numbers, count, sizeof *numbers, compare);
    double median = (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
    return (spread){.median = median, .low = numbers[0], .high = numbers[count - 1]};
}

double median_of(double *numbers, size_t count)
{
    return spread_of(numbers, count).median;
}
