/* SPDX-License-Identifier: MIT */
/* gcstress: the built-in scenarios. */
#include "scenarios.h"

int main(int argc, char **argv)
{
    static const sh_stress_scenario *const all[] = {&scenario_finalizer_race, &scenario_recycling,
                                                    &scenario_double_close, &scenario_close_and_collect, NULL};
    return sh_stress_main(argc, argv, all);
}
