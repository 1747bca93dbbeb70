/* SPDX-License-Identifier: MIT */
#include "trial.h"
#include "../../die.h"
#include "../explore/episode.h"
#include "scene.h"
#include "tally.h"
#include <string.h>

_Static_assert(MODEL_HANDLES >= INPUT_THREADS * INPUT_OPERATIONS, "every operation may make a handle");

enum { WARM_UP_RUNS = 2, WARM_UP_HANDLES = 128 };

static scene the_scene;
static input_program program;
static strategy choices;

/* ---- the scenario ------------------------------------------------------------------------------------------------ */

static int compare_places(const sh_domain *a, const sh_domain *b)
{
    return (uintptr_t)a < (uintptr_t)b ? -1 : (uintptr_t)a > (uintptr_t)b;
}

/* Which place a new domain gets depends on the order in which earlier runs ended theirs: the lower one comes first
 * here, whatever that was. */
static void make_domains(scene *in)
{
    sh_domain *made[MODEL_DOMAINS];
    for (size_t i = 0; i < MODEL_DOMAINS; i++)
        if (sh_domain_create("input", &made[i]) != SH_OK)
            die("a domain could not be made");
    bool in_order = compare_places(made[0], made[1]) < 0;
    in->model.domains[0].d = made[in_order ? 0 : 1];
    in->model.domains[1].d = made[in_order ? 1 : 0];
}

static void *begin(const char *unused)
{
    (void)unused;
    memset(&the_scene, 0, sizeof the_scene);
    make_domains(&the_scene);
    scene_tell_callbacks(&the_scene);
    return &the_scene;
}

static void run_thread(void *data, size_t index)
{
    scene *in = data;
    scene_thread_here = index;
    scene_enter(in);
    for (size_t i = 0; i < program.operation_counts[index]; i++)
        scene_act(in, index, program.operations[index][i].what, program.operations[index][i].argument);
    scene_leave(in, index);
}

static void end(void *data)
{
    scene *in = data;
    if (!in->model.broken)
        scene_rest(in);
}

const sh_stress_scenario trial_scenario = {
    .size_bytes = sizeof trial_scenario,
    .name = "fuzz",
    .violation = "a call answers, or a release happens, as the reference model says it cannot",
    .thread_count = INPUT_THREADS,
    .begin = begin,
    .thread = run_thread,
    .end = end,
};

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static size_t choose(const baton_choice *choice, void *unused)
{
    (void)unused;
    tally_note(&the_scene, choice->where, choice->running);
    return input_choose(&program, choice);
}

size_t trial_run(const input *from, tale *out_tale)
{
    input_decode(from, &program);
    episode_run(&trial_scenario, NULL, &choices, out_tale);
    return the_scene.operations;
}

/* Each class of handles that an input may make, and more handles at once than one does. */
static void make_every_class(void)
{
    static char context;
    static sh_handle *made[WARM_UP_HANDLES];
    for (size_t i = 0; i < WARM_UP_HANDLES; i++) {
        size_t domain = i / 4 % (MODEL_DOMAINS + 1);
        const sh_kind *kind = i % 2 == 0 ? &scene_kind : &scene_interruptible_kind;
        sh_create_options options = {.not_owned = i / 2 % 2 == 1,
                                     .context = &context,
                                     .domain = domain == MODEL_ROOT ? NULL : the_scene.model.domains[domain].d};
        if (sh_create_at(kind, &options, sizeof options, &scene_site, &made[i]) != SH_OK)
            die("a handle could not be made");
    }
    for (size_t i = 0; i < WARM_UP_HANDLES; i++) {
        (void)sh_close(made[i]); /* what it should answer is judged by the runs */
        if (sh_host_drop(made[i]) != SH_OK)
            die("a handle could not be dropped");
    }
}

void trial_start(void)
{
    static const input both_at_once = {.size = 4, .bytes = {0x80, 0, 0x80, 0}}; /* two switches, and nothing else */
    static tale unread;
    strategy_init(&choices, STRATEGY_ASKED, 0, 0);
    choices.ask = choose;
    episode_start();
    (void)begin(NULL);
    scene_tell_callbacks(NULL);
    make_every_class();
    end(&the_scene);
    for (int i = 0; i < WARM_UP_RUNS; i++)
        (void)trial_run(&both_at_once, &unread);
}
