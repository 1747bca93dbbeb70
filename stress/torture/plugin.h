/* SPDX-License-Identifier: MIT */
/*
 * A plug-in that links the shared library and is unmapped while handles that it made are alive.
 *
 * It obeys the one rule for those that are unmapped: what the library keeps a pointer to must outlive the process. So
 * it uses the library's kinds, makes its handles by the plain functions, which remember no line of it, and registers no
 * finalizer of its own. A plug-in that wants these is linked with -z nodelete.
 */
#ifndef TORTURE_PLUGIN_H
#define TORTURE_PLUGIN_H

#include <safehandle.h>

#define PLUGIN_FILE "libsafehandle-torture-plugin.so"

/* What it offers, by dlsym. Each is one function, so that it works through its own link to the library. */
typedef struct plugin_functions {
    sh_status (*begin)(void);
    sh_status (*make)(sh_handle **out_handle);
    /* A lease that its thread does not end: the thread's end does, when the plug-in is gone. */
    sh_status (*lease)(sh_lease *lease, sh_handle *h);
} plugin_functions;

extern const plugin_functions plugin_offers;
#define PLUGIN_SYMBOL "plugin_offers"

#endif
