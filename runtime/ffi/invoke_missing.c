/* SPDX-License-Identifier: MIT */
/* Where there is no libffi: descriptors are prepared all the same, for hosts that make the call themselves. */
#include "ffi/descriptor.h"

sh_status invoke_prepare(sh_call_descriptor *descriptor)
{
    descriptor->invocation = NULL;
    return SH_OK;
}

void invoke_free(sh_call_descriptor *descriptor)
{
    (void)descriptor;
}

bool invoke_is_possible(void)
{
    return false;
}

void invoke(sh_call *call, void (*function)(void), sh_value *out_returned, int *out_os_error)
{
    (void)call;
    (void)function;
    *out_returned = (sh_value){.u = 0};
    *out_os_error = 0;
}
