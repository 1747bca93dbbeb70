/* SPDX-License-Identifier: MIT */
/*
 * A process of many parts: with the inlined functions and without, in C and C++, linked and loaded. Each leases one
 * handle inside the one before; the innermost closes it, and the outermost releases it. It exits with 0 when all of
 * that is so, and a program with another layout is refused.
 */
#include <dlfcn.h>
#include <safehandle.h>
#include <stdio.h>

typedef int part(sh_handle *h, int (*inside)(sh_handle *h));

part c_inlined, c_called, cxx_inlined, cxx_called;

static part *const linked[] = {c_inlined, c_called, cxx_inlined, cxx_called};
enum { LINKED = sizeof linked / sizeof *linked };

static part *loaded;
static int depth;

static int go_deeper(sh_handle *h)
{
    if (depth < LINKED)
        return linked[depth++](h, go_deeper);
    if (depth++ == LINKED)
        return loaded(h, go_deeper);
    return sh_close(h) == SH_PENDING && !sh_is_released(h) ? 0 : 1;
}

static int fail(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    return 1;
}

int main(int count, char **arguments)
{
    sh_handle *h = NULL;
    if (sh_init_at(NULL, sizeof(sh_options), SH_INLINE_LAYOUT + 1) != SH_E_UNSUPPORTED)
        return fail("another layout was not refused");
    if (sh_init(NULL) != SH_OK || (sh_init)(NULL) != SH_OK)
        return fail("sh_init");
    void *plugin = count > 1 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (plugin == NULL)
        return fail(dlerror());
    *(void **)&loaded = dlsym(plugin, "loaded");
    if (sh_open_event(0, 0, NULL, &h) != SH_OK)
        return fail("sh_open_event");
    if (go_deeper(h) != 0)
        return fail("a lease inside the others");
    if (!sh_is_released(h))
        return fail("the last user did not release it");
    return sh_shutdown(10000) == SH_OK ? 0 : fail("sh_shutdown");
}
