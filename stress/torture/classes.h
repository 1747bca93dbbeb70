/* SPDX-License-Identifier: MIT */
/* All classes, in the order in which they run. A class is a file class_NAME.c that defines torture_NAME. */
#ifndef TORTURE_CLASSES_H
#define TORTURE_CLASSES_H

#include "torture.h"

/* Ends with NULL. */
extern const torture_class *const torture_classes[];

#endif
