/* SPDX-License-Identifier: MIT */
#include "gc/gc_host.h"

const gc_host *gc;
