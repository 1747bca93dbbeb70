/* SPDX-License-Identifier: MIT */
/*
 * A bytecode interpreter under gcstress: how a runtime with a collector of its own is put under every interleaving. It
 * knows nothing of this library but the two headers that every program gets.
 */
#include "interpreter.h"
#include <safehandle/stress.h>

static void run_machine(void *world, size_t index)
{
    machine_run(&((interpreter *)world)->machines[index]);
}

static void end(void *world)
{
    interpreter_end(world);
}

static bool collect(void *world)
{
    return interpreter_collect_here(world);
}

static const statement read_file[] = {{STATEMENT_READ, 0}, {STATEMENT_STOP, 0}};
static const statement close_file[] = {{STATEMENT_CLOSE, 0}, {STATEMENT_STOP, 0}};
static const statement collect_all[] = {{STATEMENT_COLLECT, 0}, {STATEMENT_STOP, 0}};
static const statement open_another[] = {{STATEMENT_OPEN, 1}, {STATEMENT_STOP, 0}};

/* ---- document 002's Foo.Problem: the owner's last use is the call ------------------------------------------------ */

static void *begin_race(const char *approach_name)
{
    return interpreter_make(approach_name, (const statement *const[]){read_file, collect_all, open_another});
}

static const sh_stress_scenario finalizer_race = {
    .size_bytes = sizeof finalizer_race,
    .name = "bytecode-race",
    .retells = "document 002, Foo.Problem, as bytecode: the register with the owner is not read after the call",
    .violation = "a call meets a number that the finalizer closed under it, or another file that has it now",
    .approaches = approach_names,
    .thread_count = INTERPRETER_MACHINES,
    .begin = begin_race,
    .thread = run_machine,
    .end = end,
    .collect = collect,
};

/* ---- document 002's recycling attack: a close while the call is on its way --------------------------------------- */

static void *begin_recycling(const char *approach_name)
{
    return interpreter_make(approach_name, (const statement *const[]){read_file, close_file, open_another});
}

static const sh_stress_scenario recycling = {
    .size_bytes = sizeof recycling,
    .name = "bytecode-recycling",
    .retells = "document 002, the recycling attack, as bytecode: one machine closes what another reads",
    .violation = "a call meets a number that was closed under it, or another file that has it now",
    .approaches = approach_names,
    .thread_count = INTERPRETER_MACHINES,
    .begin = begin_recycling,
    .thread = run_machine,
    .end = end,
    .collect = collect,
};

int main(int argc, char **argv)
{
    static const sh_stress_scenario *const all[] = {&finalizer_race, &recycling, NULL};
    return sh_stress_main(argc, argv, all);
}
