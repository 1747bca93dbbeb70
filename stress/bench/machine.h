/* SPDX-License-Identifier: MIT */
/* What a figure was measured on, and with. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <jansson.h>

json_t *machine_describe(void);
json_t *machine_describe_versions(void);

/* What every handle pays for in these measurements, since it is on by default. */
json_t *machine_describe_defaults(void);

#endif
