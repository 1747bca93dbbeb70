/* SPDX-License-Identifier: MIT */
/*
 * gcstress with a library that is broken on purpose: each fault stands in front of one call, put there by the linker.
 *
 *   gcstress-planted FAULT COMMAND …
 */
#define SH_NO_INLINE
#include "../../die.h"
#include "../wrap.h"
#include <errno.h>
#include <safehandle.h>
#include <safehandle/stress.h>
#include <stdlib.h>
#include <string.h>

static const char *planted = "none";

static bool is_planted(const char *fault)
{
    return strcmp(planted, fault) == 0;
}

WRAP(sh_status, sh_close, (sh_handle * h))
{
    sh_status status = __real_sh_close(h);
    return is_planted("pending-is-success") && status == SH_PENDING ? SH_OK : status;
}

WRAP(sh_status, sh_dangerous_add_ref, (sh_handle * h, bool *success))
{
    sh_status status = __real_sh_dangerous_add_ref(h, success);
    if (is_planted("refused-is-success") && status == SH_E_CLOSED)
        *success = true;
    return status;
}

WRAP(sh_status, sh_dangerous_release, (sh_handle * h))
{
    if (is_planted("released-twice"))
        (void)__real_sh_dangerous_release(h);
    return __real_sh_dangerous_release(h);
}

WRAP(void, sh_lease_end, (sh_lease * lease))
{
    if (!is_planted("lease-stays"))
        __real_sh_lease_end(lease);
    if (is_planted("errno-is-lost"))
        errno = EPERM;
}

WRAP(void, sh_set_handle_as_invalid, (sh_handle * h))
{
    if (is_planted("invalid-is-closed"))
        (void)__real_sh_close(h);
    else
        __real_sh_set_handle_as_invalid(h);
}

WRAP(sh_status, sh_domain_destroy, (sh_domain * domain))
{
    if (is_planted("crash"))
        abort();
    return __real_sh_domain_destroy(domain);
}

int main(int argc, char **argv)
{
    static const sh_stress_scenario *const none[] = {NULL};
    if (argc < 2)
        die("usage: gcstress-planted FAULT COMMAND");
    planted = argv[1];
    return sh_stress_main(argc - 1, argv + 1, none);
}
