/* SPDX-License-Identifier: MIT */
/* Scenarios of an embedder whose names and lines are the worst that the forms of the output can be given. */
#include <safehandle/stress.h>

static void *begin(const char *approach)
{
    static char world;
    (void)approach;
    return &world;
}

static void end(void *world)
{
    (void)world;
}

static void complain(void *world, size_t index)
{
    (void)world;
    sh_stress_tell("thread %zu tells <freely> & of \"things\", ]]> and umlauts: ä", index);
    SH_STRESS_CHECKPOINT("check.here");
    sh_stress_tell("an end that is cut in the middle of a character: %sä",
                   "äääääääääääääääääääääääääääääääääääääääääääääää");
    if (index == 1)
        sh_stress_violation("it's <bad> & \"quoted\" ]]> \xff\xfe \x01 # ä");
}

static void agree(void *world, size_t index)
{
    (void)world;
    (void)index;
    SH_STRESS_CHECKPOINT("check.here");
}

/* The sooner thread 1 comes, the sooner it holds what is not its own any more. */
static void recycle(void *world, size_t index)
{
    (void)world;
    if (index == 0)
        sh_stress_tell_of(SH_STRESS_OPENS, 7, 70, "makes texture 70, in slot 7");
    SH_STRESS_CHECKPOINT("check.made");
    if (index == 0) {
        sh_stress_tell_of(SH_STRESS_CLOSES, 7, 70, "frees slot 7");
        sh_stress_tell_of(SH_STRESS_OPENS, 7, 71, "makes texture 71, in slot 7");
    } else {
        sh_stress_tell_of(SH_STRESS_HOLDS, 7, 70, "binds slot 7");
        sh_stress_violation("texture 71 was drawn for texture 70");
        sh_stress_tell_of(SH_STRESS_CALLS, 7, 70, "draws slot 7");
    }
}

static const char *const odd_names[] = {"it's # 1 & <odd>", "plain", NULL};

static const sh_stress_scenario complaining = {
    .size_bytes = sizeof complaining,
    .name = "a-scenario-of-an-embedder-whose-name-is-longer-than-all-that-we-have",
    .violation = "a <word> & \"another\"",
    .approaches = odd_names,
    .thread_count = 2,
    .begin = begin,
    .thread = complain,
    .end = end,
};

static const sh_stress_scenario agreeing = {
    .size_bytes = sizeof agreeing,
    .name = "sound",
    .retells = "nothing & nobody",
    .violation = "anything",
    .thread_count = 2,
    .begin = begin,
    .thread = agree,
    .end = end,
};

static const sh_stress_scenario recycling = {
    .size_bytes = sizeof recycling,
    .name = "slots",
    .violation = "a slot is drawn that has another texture by now",
    .thread_count = 2,
    .begin = begin,
    .thread = recycle,
    .end = end,
};

int main(int argc, char **argv)
{
    static const sh_stress_scenario *const all[] = {&complaining, &agreeing, &recycling, NULL};
    return sh_stress_main(argc, argv, all);
}
