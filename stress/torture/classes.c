/* SPDX-License-Identifier: MIT */
#include "classes.h"
#include <stddef.h>

#define TORTURE_CLASSES(CLASS) CLASS(limits)

#define DECLARE(name) extern const torture_class torture_##name;
TORTURE_CLASSES(DECLARE)

#define ADDRESS(name) &torture_##name,
const torture_class *const torture_classes[] = {TORTURE_CLASSES(ADDRESS) NULL};
