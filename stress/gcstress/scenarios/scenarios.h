/* SPDX-License-Identifier: MIT */
/* The built-in scenarios. Each file says what it retells. */
#ifndef GCSTRESS_SCENARIOS_H
#define GCSTRESS_SCENARIOS_H

#include <safehandle/stress.h>

/* scenario_uses.c */
extern const sh_stress_scenario scenario_finalizer_race, scenario_recycling, scenario_double_close,
    scenario_close_and_collect, scenario_crowd;

/* scenario_handles.c: what only a handle can do */
extern const sh_stress_scenario scenario_counted_users, scenario_lease_again, scenario_detached_lease,
    scenario_unload_while_calling, scenario_close_and_wait, scenario_close_inside_release;

#endif
