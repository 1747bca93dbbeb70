/* SPDX-License-Identifier: MIT */
#include "plugin.h"

static sh_status begin(void)
{
    return sh_init(NULL);
}

/* In parentheses: the functions, not the macros that remember this line. */
static sh_status make(sh_handle **out_handle)
{
    return (sh_open_event)(0, 0, NULL, out_handle);
}

static sh_status lease(sh_lease *lease, sh_handle *h)
{
    sh_raw raw;
    return (sh_lease_begin)(lease, h, &raw);
}

SH_API const plugin_functions plugin_offers = {begin, make, lease};
