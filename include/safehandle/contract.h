/* SPDX-License-Identifier: MIT */
/*
 * Reliability contracts: what a function promises for the moment in which something fails around it.
 *
 *     SH_RELIABILITY(will_not_corrupt_state, success) static int thing_release(sh_raw raw, void *context);
 *
 * The first word says what a failure may leave damaged, from the worst to the best:
 *
 *   may_corrupt_process        memory or state that the whole process shares
 *   may_corrupt_domain         state that one domain's handles share
 *   may_corrupt_instance       the object that was worked on, and no other
 *   will_not_corrupt_state     nothing: either the work is done, or all is as before
 *
 * The second says whether it may fail at all:
 *
 *   may_fail                   it may, and tells its caller
 *   success                    it does what it is for, whatever runs out or ends around it: it needs no memory, no
 *                              descriptor, no thread, and waits for nobody without a limit. What the OS then answers is
 *                              not its failure: after a close(2) that says EIO the descriptor is closed.
 *
 * A function without a contract promises nothing: may_corrupt_process, may_fail. It can be written before a declaration
 * or a definition of a function (also a static one), before a sh_kind, whose callbacks must all keep it, and behind the
 * declarator of a function pointer, which then holds only functions that keep it. A word that is not in the list is an
 * error with every compiler.
 *
 *   may run at the same time   there is nothing to run: it leaves no trace in an object file
 *
 * tools/check_contracts.py reads it: with clang and SH_READ_CONTRACTS defined it is an annotation. Only then, since an
 * annotation is not free: clang keeps an annotated static function that it would otherwise drop. docs/contracts.md says
 * how to have a kind of one's own checked, and how a stress build checks contracts while a program runs.
 *
 * Source: document 003's ReliabilityContract: Consistency.WillNotCorruptState, Cer.Success of ReleaseHandle and
 * DangerousRelease, Cer.MayFail of DangerousAddRef.
 */
#ifndef SAFEHANDLE_CONTRACT_H
#define SAFEHANDLE_CONTRACT_H

#define SH_RELIABILITY(consistency, outcome)                                                                           \
    SH_CONSISTENCY_##consistency SH_OUTCOME_##outcome SH_CONTRACT_NOTE_(#consistency "," #outcome)

/* The words. Each stands for nothing; a misspelt one stays, and is no C. */
#define SH_CONSISTENCY_may_corrupt_process
#define SH_CONSISTENCY_may_corrupt_domain
#define SH_CONSISTENCY_may_corrupt_instance
#define SH_CONSISTENCY_will_not_corrupt_state
#define SH_OUTCOME_may_fail
#define SH_OUTCOME_success

#if defined(__clang__) && defined(SH_READ_CONTRACTS)
#define SH_CONTRACT_NOTE_(words) __attribute__((annotate("sh_reliability:" words)))
#else
#define SH_CONTRACT_NOTE_(words)
#endif

#endif
