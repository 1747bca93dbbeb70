/* SPDX-License-Identifier: MIT */
/*
 * What the files of the Guile binding share. Each is about one subject, named by the section it has here.
 *
 * Two rules hold everywhere. A pointer to a handle is kept in a slot of an object of Guile's, on a stack, or in memory
 * from scm_gc_malloc: there the collector, which is Guile's own, sees it. And Scheme code runs only where a primitive
 * is about to return, never inside of a call of the library's: an exception or a continuation may leave Scheme code by
 * a jump, and no function of the library may be jumped over.
 */
#ifndef GUILE_BINDING_H
#define GUILE_BINDING_H

#include <libguile.h>
#include <safehandle.h>
#include <stdbool.h>
#include <stddef.h>

/* Defines a primitive in the module that is being loaded. */
#define DEFINE(name, required, optional, function)                                                                     \
    scm_c_define_gsubr((name), (required), (optional), 0, (scm_t_subr)(uintptr_t)(function))

/* Whether it is one of our objects. Their types have no subclasses, and this is asked at every call. */
static inline bool is_of_type(SCM object, SCM type)
{
    return SCM_STRUCTP(object) && scm_is_eq(SCM_STRUCT_VTABLE(object), type);
}

/* ---- errors.c: the library's answers as exceptions --------------------------------------------------------------- */

/* A message of the library's. One that was cut off within a character has question marks in its place. */
SCM error_text(const char *message);

/* Raises what the status stands for: a system-error with errno for SH_E_SYSTEM, else the condition of its name.
 * subject: what it is about, a handle or SCM_UNDEFINED. message_or_null: NULL for the status's own sentence. */
_Noreturn void error_raise(const char *who, sh_status status, SCM subject, const char *message_or_null);

/* The same, when status is not SH_OK. */
void error_check(const char *who, sh_status status, SCM subject);

/* ---- site.c: lines of scripts ------------------------------------------------------------------------------------ */

/* The site for (file . line), the same one for the same line, for ever; NULL for #f. */
const sh_site *site_of(SCM where);

/* ---- domain.c: the domain that handles are made in --------------------------------------------------------------- */

/* That of the innermost with-handle-domain, else that of the process. */
sh_domain *domain_current(void);
void domain_init(void);

/* ---- release.c: releases that are written in Scheme
 * ------------------------------------------------------------------ */

/* Makes room for that many handles more whose release is Scheme's; raises when there is none. */
void release_reserve(size_t count);
/* That many handles will not be released after all. */
void release_forget(size_t count);
/* A sh_kind.release whose context is a kind_record: notes the value, for Scheme to release it. */
int release_note(sh_raw raw, void *context);
void release_init(void);

/* ---- event.c: events as warnings --------------------------------------------------------------------------------- */

void event_init(void);
/* From now on events are written to stderr: Guile is ending. */
void event_to_stderr(void);

/* ---- deferred.c: safe points of Guile's
 * ------------------------------------------------------------------------------ */

/* Something was noted for Scheme. Any thread, at any time. */
void deferred_announce(void);
/* Runs what was noted. Every primitive that may be the cause of a release ends with it. */
void deferred_run(void);
/* The process ends: releases what is left, as long as that time allows, and what is Scheme's to do for that. */
void deferred_end(int64_t timeout_ms);
void deferred_init(void);

/* ---- kind.c: kinds ----------------------------------------------------------------------------------------------- */

/* A kind that scripts know. Invariant: never freed; release is a procedure when kind.release is release_note, else #f;
 * own is the kind itself where it was made in Scheme, and kind points to it. */
typedef struct kind_record {
    struct kind_record *next;
    const sh_kind *kind;
    SCM object;
    SCM release;
    SCM duplicate; /* a procedure, or #f */
    sh_kind own;
} kind_record;

/* The record of a kind object or of the symbol that names a built-in kind; raises a wrong-type-arg. */
const kind_record *kind_of_object(const char *who, SCM object, int position);
/* The record of a kind of the library's or ours. */
const kind_record *kind_find(const sh_kind *kind);
/* How to make handles of it here and now. Reserves room for one, where Scheme releases it. */
sh_create_options kind_options(const kind_record *record);
void kind_init(void);

/* ---- handle.c: handles ------------------------------------------------------------------------------------------- */

SCM handle_object(sh_handle *h);
bool handle_is(SCM object);
/* Raises a wrong-type-arg for what is no handle. */
sh_handle *handle_of(const char *who, SCM object, int position);
/* The object stands for another handle from now on. */
void handle_reseat(SCM object, sh_handle *h);
void handle_init(void);

/* ---- lease.c: leases that Scheme code holds ---------------------------------------------------------------------- */

void lease_init(void);

/* ---- transfer.c: system calls outside of Guile ------------------------------------------------------------------- */

/* A system call on a descriptor. Runs outside of Guile: it touches nothing but bytes, which are a leaf object or none
 * of the collector's. Answers as the call does, errno in error. */
typedef struct transfer {
    ssize_t (*call)(int descriptor, struct transfer *work);
    void *bytes;
    size_t byte_count;
    scm_t_off offset;
    int whence;
    int error;
    bool waits;   /* where the descriptor does not block, wait for it */
    bool partial; /* something was done before: where it would block, answer -1 and raise nothing */
    int descriptor;
    ssize_t answer;
} transfer;

/* Leases the handle and makes the call, again after EINTR. A handle that is closed meanwhile, and any other error,
 * raises. */
ssize_t transfer_make(const char *who, SCM handle, transfer *work);
ssize_t transfer_read(int descriptor, transfer *work);
ssize_t transfer_write(int descriptor, transfer *work);
void transfer_init(void);

/* ---- port.c, call.c ---------------------------------------------------------------------------------------------- */

void port_init(void);
void call_init(void);

#endif
