/* SPDX-License-Identifier: MIT */
/* One part of a process, named by PART: mixed.c links several, made by other compilers, with and without the inlined
 * functions, and loads one. */
#include <safehandle.h>

#ifdef __cplusplus
extern "C"
#endif
    SH_API int
    PART(sh_handle *h, int (*inside)(sh_handle *h));

/* 0 when the value is the one wanted under a lease, under a reference, and in a scope, and inside(h) is 0 there. */
int PART(sh_handle *h, int (*inside)(sh_handle *h))
{
    sh_status status = SH_OK;
    int failed = 1;
    SH_WITH_HANDLE (h, raw, status) {
        sh_lease lease;
        sh_raw again = -1;
        bool taken = false;
        if (sh_lease_begin(&lease, h, &again) != SH_OK || again != raw)
            return 1;
        if (sh_dangerous_add_ref(h, &taken) != SH_OK || !taken)
            return 1;
        failed = inside(h);
        sh_lease_end(&lease);
        if (sh_dangerous_release(h) != SH_OK)
            return 1;
    }
    return status == SH_OK ? failed : 1;
}
