/* SPDX-License-Identifier: MIT */
/* The library's answers as exceptions. Their types are Scheme's: safehandle/errors.scm. */
#include "binding.h"
#include <errno.h>
#include <string.h>

/* What a script does about it; NULL: what the library says fits here, too. */
static const char *message_for_scripts(sh_status status)
{
    switch (status) {
    case SH_E_CLOSED:
        return "The handle, or the domain it would be made in, is closed: open a new one.";
    case SH_E_OWNED:
        return "Another open handle owns this descriptor: use duplicate-handle for a second owner.";
    case SH_E_INVALID:
        return "The value is one that its kind calls invalid: what should have made it has failed.";
    default:
        return NULL;
    }
}

static const char *message_of(sh_status status, const char *message_or_null)
{
    const char *message = message_or_null != NULL ? message_or_null : message_for_scripts(status);
    return message != NULL ? message : sh_status_message(status);
}

SCM error_text(const char *message)
{
    return scm_from_stringn(message, strlen(message), "UTF-8", SCM_FAILED_CONVERSION_QUESTION_MARK);
}

_Noreturn void error_raise(const char *who, sh_status status, SCM subject, const char *message_or_null)
{
    if (status == SH_E_SYSTEM && message_or_null == NULL)
        scm_syserror(who);
    if (status == SH_E_NOMEM)
        scm_report_out_of_memory();
    SCM subjects = SCM_UNBNDP(subject) ? SCM_EOL : scm_list_1(subject);
    scm_call_4(scm_c_public_ref("safehandle errors", "raise-handle-error"), scm_from_utf8_symbol(who),
               scm_from_utf8_symbol(sh_status_name(status)), error_text(message_of(status, message_or_null)), subjects);
    abort(); /* it does not return: gcc cannot know */
}

void error_check(const char *who, sh_status status, SCM subject)
{
    if (status != SH_OK)
        error_raise(who, status, subject, NULL);
}
