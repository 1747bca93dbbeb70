/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_CLASS_REGION_H
#define TORTURE_CLASS_REGION_H

#include "torture.h"

extern const torture_class torture_region_abort;
extern const torture_class torture_region_cancel;
extern const torture_class torture_region_memory;

/* For a program whose library was built with checkpoints (runtime/base/checkpoint.h): installed as their hook, it makes
 * each one that a try comes through a step of the try, too. Answers whether memory has run out there. */
bool torture_region_checkpoint(const char *name);

#endif
