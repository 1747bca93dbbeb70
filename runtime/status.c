/* SPDX-License-Identifier: MIT */
#include <safehandle/status.h>
#include <stddef.h>

typedef struct status_words {
    const char *name;
    const char *message;
} status_words;

static const status_words words[] = {
    [SH_OK] = {"SH_OK", "It is done."},
    [SH_PENDING] = {"SH_PENDING", "The handle is closed to new users, and the last of those that still use it releases "
                                  "it; sh_holders says who they are."},
    [SH_E_ARGUMENT] = {"SH_E_ARGUMENT", "An argument is null or out of range, or the call does not fit here: compare "
                                        "the call with the function's page in the header."},
    [SH_E_CLOSED] = {"SH_E_CLOSED", "The handle is closed, or the runtime is not running: open a new handle, or call "
                                    "sh_init first."},
    [SH_E_INVALID] = {"SH_E_INVALID", "The value is one that its kind calls invalid, or none was set: look at errno of "
                                      "the call that should have opened it."},
    [SH_E_KIND] = {"SH_E_KIND", "The handle is of another kind than the one asked for: sh_kind_of says which."},
    [SH_E_OWNED] = {"SH_E_OWNED", "Another open handle owns this descriptor: use sh_duplicate for a second owner, or "
                                  "not_owned for a wrapper that only looks."},
    [SH_E_UNBALANCED] = {"SH_E_UNBALANCED", "A reference was given back that nobody had: find the sh_dangerous_release "
                                            "without an sh_dangerous_add_ref that succeeded."},
    [SH_E_OVERFLOW] = {"SH_E_OVERFLOW", "The handle has as many references as can be counted: find the "
                                        "sh_dangerous_add_ref without an sh_dangerous_release."},
    [SH_E_NOMEM] = {"SH_E_NOMEM", "Memory ran out; nothing was changed."},
    [SH_E_TIMEOUT] = {"SH_E_TIMEOUT", "The time given was not enough; what was begun goes on."},
    [SH_E_ABORTED] = {"SH_E_ABORTED", "The thread was asked to abort: undo what you began, and return."},
    [SH_E_RELEASE] = {"SH_E_RELEASE",
                      "The system refused to release the handle, which is not tried again: data that it "
                      "still held may be lost. The event has the errno value."},
    [SH_E_SYSTEM] = {"SH_E_SYSTEM", "A system call failed: errno says why."},
    [SH_E_UNSUPPORTED] = {"SH_E_UNSUPPORTED", "This system, this build or this thread cannot do that: the function's "
                                              "page in the header says where it can be done."},
};

static const status_words *words_for(sh_status status)
{
    static const status_words unknown = {"SH_E_?", "This number is no status of this version of the library."};
    return (size_t)status < sizeof words / sizeof *words ? &words[status] : &unknown;
}

const char *sh_status_name(sh_status status)
{
    return words_for(status)->name;
}

const char *sh_status_message(sh_status status)
{
    return words_for(status)->message;
}
