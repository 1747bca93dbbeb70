/* SPDX-License-Identifier: MIT */
/* The built-in scenarios. Each file says what it retells. */
#ifndef GCSTRESS_SCENARIOS_H
#define GCSTRESS_SCENARIOS_H

#include <safehandle/stress.h>

extern const sh_stress_scenario scenario_finalizer_race, scenario_recycling, scenario_double_close,
    scenario_close_and_collect;

#endif
