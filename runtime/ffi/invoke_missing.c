/* SPDX-License-Identifier: MIT */
/* Where there is no libffi: descriptors are prepared all the same, for hosts that make the call themselves. */
#include "ffi/descriptor.h"
#include "ffi/explain.h"

#undef sh_call_make

sh_status invoke_prepare(sh_call_descriptor *descriptor)
{
    descriptor->invocation = NULL;
    return SH_OK;
}

void invoke_free(sh_call_descriptor *descriptor)
{
    (void)descriptor;
}

sh_status sh_call_make_at(const sh_call_descriptor *descriptor, void (*function)(void), sh_value *values,
                          const sh_create_options *options_or_null, size_t options_size_bytes,
                          const sh_site *site_or_null, sh_value *out_returned, sh_call_error *out_error_or_null)
{
    (void)descriptor;
    (void)function;
    (void)values;
    (void)options_or_null;
    (void)options_size_bytes;
    (void)site_or_null;
    (void)out_returned;
    explain(out_error_or_null, 0,
            "The library was built without libffi. Build it with -Dffi=enabled, or make the call yourself between "
            "sh_call_enter and sh_call_leave.");
    return SH_E_UNSUPPORTED;
}
