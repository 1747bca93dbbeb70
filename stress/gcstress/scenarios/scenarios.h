/* SPDX-License-Identifier: MIT */
/* The built-in scenarios. Each file says what it retells. */
#ifndef GCSTRESS_SCENARIOS_H
#define GCSTRESS_SCENARIOS_H

#include <safehandle/stress.h>

/* How long an unload may take. Explored, no time passes while anybody can go on: so it is over only where an unload
 * without a limit would never end, and say nothing. */
enum { UNLOAD_MS = 60000 };

/* NULL-terminated. */
extern const sh_stress_scenario *const scenarios_all[];

/* scenario_uses.c: the accidents of one owner */
extern const sh_stress_scenario scenario_finalizer_race, scenario_recycling, scenario_double_close, scenario_crowd,
    scenario_close_and_collect;

/* scenario_bugs.c: what real programs and the listings of the documents did */
extern const sh_stress_scenario scenario_foo_problem, scenario_cfred, scenario_restart_after_collection,
    scenario_database_on_stderr, scenario_number_zero, scenario_eventfd_twice, scenario_behind_its_back;

/* scenario_objects.c: what dies together */
extern const sh_stress_scenario scenario_lost_flush, scenario_chain_of_owners, scenario_cycle_of_owners,
    scenario_closing_neighbour, scenario_resurrection, scenario_child_and_parent, scenario_finalizer_waits,
    scenario_leak_on_abort, scenario_hundreds, scenario_suppress_beside_run, scenario_wait_beside_collection;

/* scenario_handles.c: what only a handle can do */
extern const sh_stress_scenario scenario_counted_users, scenario_lease_again, scenario_detached_lease,
    scenario_unload_while_calling, scenario_close_and_wait, scenario_close_inside_release;

/* scenario_edges.c: counts, leases and closes at once */
extern const sh_stress_scenario scenario_over_release, scenario_over_release_and_close, scenario_refused_entrant,
    scenario_two_closers, scenario_two_waiters, scenario_failing_release, scenario_invalid_under_users,
    scenario_invalid_beside_close, scenario_publish_beside_close, scenario_two_values, scenario_nested_leases,
    scenario_call_finished_elsewhere, scenario_thread_leaves, scenario_duplicate_beside_close, scenario_not_owned;

/* scenario_domains.c: unloads */
extern const sh_stress_scenario scenario_unload_beside_close, scenario_unload_beside_birth, scenario_unload_of_one,
    scenario_unload_and_flush, scenario_destroy_beside_birth;

/* scenario_counts.c: counted references */
extern const sh_stress_scenario scenario_second_reference, scenario_dead_with_reference;

/* scenario_leases.c: leases that are hard to find */
extern const sh_stress_scenario scenario_third_lease, scenario_lease_behind_many, scenario_memory_again,
    scenario_unload_wakes;

/* scenario_births.c: what is made beside something that does not want it */
extern const sh_stress_scenario scenario_two_owners, scenario_late_finalizer;

#endif
