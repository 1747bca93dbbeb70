/* SPDX-License-Identifier: MIT */
#include "../../die.h"
#include "world.h"
#include <safehandle/stress.h>

static int first_free(const world *in)
{
    int number = in->lowest;
    while (number < WORLD_NUMBERS && in->files[number] != WORLD_NOTHING)
        number++;
    if (number == WORLD_NUMBERS)
        die("more than %d files are open", WORLD_NUMBERS - in->lowest);
    return number;
}

int world_open(world *in, world_file *out_file)
{
    sh_stress_checkpoint("world.open");
    world_lock(in);
    int number = first_free(in);
    in->files[number] = *out_file = ++in->opened;
    sh_stress_tell_of(SH_STRESS_OPENS, number, *out_file, "opens file %ld, and gets number %d", *out_file, number);
    world_unlock(in);
    return number;
}

void world_open_strange(world *in)
{
    in->strangers_number = world_open(in, &in->strangers_file);
}

int world_duplicate(world *in, int number, world_file file)
{
    world_use(in, number, file);
    world_lock(in);
    int copy = first_free(in);
    in->files[copy] = in->files[number];
    sh_stress_tell_of(SH_STRESS_OPENS, copy, file, "duplicates number %d, and gets number %d", number, copy);
    world_unlock(in);
    return copy;
}

void world_close(world *in, int number, world_file file)
{
    sh_stress_checkpoint("world.close");
    world_lock(in);
    if (in->files[number] == WORLD_NOTHING)
        sh_stress_violation("number %d was closed twice", number);
    else if (in->files[number] != file)
        sh_stress_violation("the owner of file %ld closed number %d, which is file %ld's by now", file, number,
                            in->files[number]);
    in->files[number] = WORLD_NOTHING;
    sh_stress_tell_of(SH_STRESS_CLOSES, number, file, "closes number %d, for the owner of file %ld", number, file);
    world_unlock(in);
}

void world_use(world *in, int number, world_file file)
{
    sh_stress_crossing("world.call");
    world_lock(in);
    if (in->files[number] == WORLD_NOTHING)
        sh_stress_violation("a call for file %ld found number %d closed under it", file, number);
    else if (in->files[number] != file)
        sh_stress_violation("a call for file %ld reached file %ld, which has number %d now", file, in->files[number],
                            number);
    sh_stress_tell_of(SH_STRESS_CALLS, number, file, "calls the system with number %d, meaning file %ld", number, file);
    world_unlock(in);
    sh_stress_crossing("world.return");
}

void world_use_held(world *in, int number, world_file file, const char *how)
{
    sh_stress_tell_of(SH_STRESS_HOLDS, number, file, "%s number %d", how, number);
    world_use(in, number, file);
    sh_stress_tell_of(SH_STRESS_LEAVES, number, file, "is done with number %d", number);
}
