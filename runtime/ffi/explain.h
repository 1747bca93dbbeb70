/* SPDX-License-Identifier: MIT */
/* What was refused and why, in a sentence or two. errors may be NULL everywhere: then nothing is written. */
#ifndef FFI_EXPLAIN_H
#define FFI_EXPLAIN_H

#include <safehandle/ffi.h>

/* The parameter is a number from 1; 0: none, or the result. */
__attribute__((format(printf, 3, 4))) void explain(sh_call_error *error, size_t parameter, const char *format, ...);

/* Puts the line of the text that the character at offset is in below the message, and a caret below it. */
void explain_place(sh_call_error *error, const char *text, size_t offset);

/* Of these names the one that somebody may have meant who wrote length bytes at word; NULL: none is near. */
const char *explain_nearest(const char *word, size_t length, const char *const *names, size_t count);

/* Why a call was refused with this status: because of the handle h that was given for the parameter, from 0. */
void explain_refusal(sh_call_error *error, const sh_signature *signature, size_t parameter, const sh_handle *h,
                     sh_status status);

/* Because no wrapper could be made for the parameter, or for the result (CALL_RESULT). */
void explain_unmade(sh_call_error *error, const sh_signature *signature, size_t parameter, sh_status status);

#endif
