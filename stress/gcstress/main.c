/* SPDX-License-Identifier: MIT */
/* gcstress: the built-in scenarios. */
#include "scenarios/scenarios.h"

int main(int argc, char **argv)
{
    return sh_stress_main(argc, argv, scenarios_all);
}
