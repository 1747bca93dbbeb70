/* SPDX-License-Identifier: MIT */
/* Loading the binding into Guile, and leaving with Guile. */
#include "binding.h"
#include <stdlib.h>
#include <unistd.h>

/* As long as a program that has said nothing waits for the root domain at its end (sh_options.exit_deadline_ms). */
enum { EXIT_DEADLINE_MS = 1000 };

static pid_t loaded_in;

/* What was forgotten is released, and what Scheme has to do for that is done while there is a Guile. */
static void *end_inside(void *unused)
{
    deferred_end(EXIT_DEADLINE_MS);
    return unused;
}

/* The child of a fork leaves all to the kernel: its parent's handles are not its own to release. */
static void end_with_process(void)
{
    if (getpid() != loaded_in)
        return;
    (void)scm_with_guile(end_inside, NULL);
    event_to_stderr();
}

/* Joins Guile's own collector. Guardians bring dead objects back, so a death counts when it was confirmed. */
static void start_library(void)
{
    sh_options options = {.collector = SH_COLLECTOR_BOEHM, .confirm_death = true};
    sh_status status = sh_init(&options);
    if (status == SH_E_ARGUMENT)
        error_raise("(safehandle)", status, SCM_UNDEFINED,
                    "The program has started libsafehandle itself, without sh_options.confirm_death, or it handles "
                    "SIGURG, which libsafehandle needs: load (safehandle) before it does either.");
    error_check("(safehandle)", status, SCM_UNDEFINED);
    loaded_in = getpid();
    if (atexit(end_with_process) != 0)
        scm_report_out_of_memory();
}

/* Called by (safehandle primitives), once. */
void guile_safehandle_init(void);
__attribute__((visibility("default"))) void guile_safehandle_init(void)
{
    start_library();
    deferred_init();
    event_init();
    release_init();
    domain_init();
    kind_init();
    handle_init();
    lease_init();
    transfer_init();
    port_init();
    call_init();
}
