/* SPDX-License-Identifier: MIT */
/* gcstress: the built-in scenarios. */
#include "scenarios/scenarios.h"

int main(int argc, char **argv)
{
    static const sh_stress_scenario *const all[] = {&scenario_finalizer_race,
                                                    &scenario_recycling,
                                                    &scenario_double_close,
                                                    &scenario_close_and_collect,
                                                    &scenario_crowd,
                                                    &scenario_counted_users,
                                                    &scenario_lease_again,
                                                    &scenario_detached_lease,
                                                    &scenario_unload_while_calling,
                                                    &scenario_close_and_wait,
                                                    &scenario_close_inside_release,
                                                    NULL};
    return sh_stress_main(argc, argv, all);
}
