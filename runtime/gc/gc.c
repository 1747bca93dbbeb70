/* SPDX-License-Identifier: MIT */
#include "gc/gc.h"

const gc_host *gc;
