/* SPDX-License-Identifier: MIT */
/* Dropping things, with a collector and without. */
#ifndef TORTURE_GARBAGE_H
#define TORTURE_GARBAGE_H

#include <safehandle.h>
#include <stddef.h>

/* An object that may have finalizers; NULL when there is no memory. */
void *garbage_object(sh_collector collector, size_t size_bytes);

/* The last reference to it goes now: with the manual host it is told so. */
void garbage_drop_object(sh_collector collector, void *object);
void garbage_drop_handle(sh_collector collector, sh_handle *h);

#endif
