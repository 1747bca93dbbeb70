#include "explore.h"
#include "scenarios.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    const sh_stress_scenario *all[] = {&scenario_finalizer_race,&scenario_recycling,&scenario_double_close,&scenario_close_and_collect};
    size_t bound = argc > 1 ? (size_t)atoi(argv[1]) : 2;
    const char *only = argc > 2 ? argv[2] : NULL;
    for (size_t i = 0; i < 4; i++)
        for (const char *const *a = all[i]->approaches; *a; a++) {
            if (only && strcmp(only, *a)) continue;
            explore_plan p = {.scenario = all[i], .approach = *a, .sort = STRATEGY_COMPLETE, .bound = bound};
            explore_result *r = explore_run(&p);
            printf("%s %s: runs %zu states %zu longest %zu div %d complete %d found %d %.2fs (%.0f/min) %s\n", all[i]->name, *a, r->runs, r->states, r->longest, r->diverged, r->complete, r->found, r->seconds, (double)r->runs/r->seconds*60, r->told.violation);
            if (r->found && only) for (size_t k=0;k<r->told.count;k++) printf("   %d %s %s\n", r->told.lines[k].strand, r->told.lines[k].told?"*":" ", r->told.lines[k].text);
            fflush(stdout);
            explore_free(r);
        }
}
