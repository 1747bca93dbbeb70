/* SPDX-License-Identifier: MIT */
/*
 * Unloading: ends the handles and the normal finalizers of one group, or of all, in the order that safehandle/domain.h
 * promises.
 *
 * unload.c     the steps
 * left_over.c  what is not released, and the report about it
 * public.c     safehandle/domain.h's side
 *
 *   every function   any thread but ours; several at the same time, also of one group
 */
#ifndef UNLOAD_UNLOAD_H
#define UNLOAD_UNLOAD_H

#include <safehandle/domain.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The group must admit nothing new any more. SH_OK, SH_PENDING, SH_E_TIMEOUT or SH_E_CLOSED, as sh_domain_unload;
 * out_report_or_null is written in each case. */
sh_status unload_run(uint32_t group, int64_t deadline, sh_unload_report *out_report_or_null);

/* ---- left_over.c ------------------------------------------------------------------------------------------------- */

/* Handles that are not released. Pinned, and named in memory that the collector scans.
 * Invariant: count <= capacity, count <= total. */
typedef struct left_over_list {
    sh_handle **handles; /* NULL: there was no memory, and capacity is 0 */
    size_t capacity;
    size_t count;
    size_t total;   /* those that had no place in handles included */
    size_t running; /* and these, which workers are releasing */
} left_over_list;

/* Every take is followed by a drop, which leaves total and running; a second one does nothing. */
left_over_list left_over_take(uint32_t group);
void left_over_drop(left_over_list *list);

/* Those that workers are releasing included. */
size_t left_over_count(uint32_t group);

/* Writes all of the report but released. */
void left_over_report(uint32_t group, sh_unload_report *report);

#endif
