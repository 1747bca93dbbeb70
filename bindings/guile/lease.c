/* SPDX-License-Identifier: MIT */
/*
 * Leases that Scheme code holds. No frame of C stands between them and Scheme, so that what is inside of one can be
 * captured by a continuation and go on later: the lease is an object, and Scheme begins and ends it.
 *
 *   a scoped lease    is a lease of the thread's; dynamic-wind ends it on the way out and begins it anew on the way in
 *   a lasting lease   is a counted reference, which a coroutine keeps while it is suspended; the collector gives it
 * back when the coroutine is dropped
 */
#include "binding.h"
#include <stdatomic.h>

/* Invariant: held is true while the lease, or the reference, is held; who turned it true, or false, has the right to
 * begin, or end, it. In the collector's heap, so that handle is seen. */
typedef struct script_lease {
    sh_handle *handle;
    sh_lease lease;
    atomic_bool held;
} script_lease;

static SCM scoped_type, lasting_type;

static script_lease *lease_of(const char *who, SCM type, SCM object)
{
    if (!is_of_type(object, type))
        scm_wrong_type_arg_msg(who, 1, object, "lease");
    return scm_foreign_object_ref(object, 0);
}

static SCM lease_object(SCM type, sh_handle *h)
{
    script_lease *made = scm_gc_malloc(sizeof *made, "lease");
    *made = (script_lease){.handle = h};
    return scm_make_foreign_object_1(type, made);
}

/* ---- scoped ------------------------------------------------------------------------------------------------------ */

static SCM scoped_make(SCM handle)
{
    return lease_object(scoped_type, handle_of("call-with-lease", handle, 1));
}

/* The raw value. Refused while the lease is held: a continuation was entered on two threads at the same time. */
static SCM scoped_begin(SCM object, SCM where, SCM handle)
{
    const char *who = "call-with-lease";
    script_lease *mine = lease_of(who, scoped_type, object);
    if (atomic_exchange(&mine->held, true))
        error_raise(who, SH_E_ARGUMENT, handle,
                    "The scope of this lease is being run already: a continuation inside of it was entered a second "
                    "time. Capture it outside of call-with-lease.");
    sh_raw raw = -1;
    sh_status status = sh_lease_begin_at(&mine->lease, mine->handle, site_of(where), &raw);
    if (status != SH_OK)
        atomic_store(&mine->held, false);
    error_check(who, status, handle);
    return scm_from_intptr_t(raw);
}

static SCM scoped_end(SCM object)
{
    script_lease *mine = lease_of("call-with-lease", scoped_type, object);
    if (atomic_load(&mine->held)) {
        sh_lease_end(&mine->lease);
        atomic_store(&mine->held, false);
    }
    deferred_run();
    return SCM_UNSPECIFIED;
}

/* ---- lasting ----------------------------------------------------------------------------------------------------- */

static SCM lasting_begin(SCM handle)
{
    const char *who = "call-with-lasting-lease";
    sh_handle *h = handle_of(who, handle, 1);
    SCM object = lease_object(lasting_type, h);
    script_lease *mine = scm_foreign_object_ref(object, 0);
    bool held = false;
    error_check(who, sh_dangerous_add_ref(h, &held), handle);
    atomic_store(&mine->held, held);
    return object;
}

static SCM lasting_raw(SCM object)
{
    script_lease *mine = lease_of("call-with-lasting-lease", lasting_type, object);
    return scm_from_intptr_t(sh_dangerous_get_handle(mine->handle));
}

static SCM lasting_held_p(SCM object)
{
    script_lease *mine = lease_of("call-with-lasting-lease", lasting_type, object);
    return scm_from_bool(atomic_load(&mine->held));
}

/* Also on Guile's finalizer thread, for a coroutine that was dropped: it tells nobody, an event does. */
static void lasting_give_back(SCM object)
{
    script_lease *mine = scm_foreign_object_ref(object, 0);
    if (atomic_exchange(&mine->held, false))
        (void)sh_dangerous_release(mine->handle);
}

static SCM lasting_end(SCM object)
{
    (void)lease_of("call-with-lasting-lease", lasting_type, object);
    lasting_give_back(object);
    deferred_run();
    return SCM_UNSPECIFIED;
}

static SCM make_type(const char *name, scm_t_struct_finalize finalize)
{
    return scm_permanent_object(
        scm_make_foreign_object_type(scm_from_utf8_symbol(name), scm_list_1(scm_from_utf8_symbol("lease")), finalize));
}

void lease_init(void)
{
    scoped_type = make_type("<lease>", NULL);
    lasting_type = make_type("<lasting-lease>", lasting_give_back);
    DEFINE("%make-lease", 1, 0, scoped_make);
    DEFINE("%begin-lease", 3, 0, scoped_begin);
    DEFINE("%end-lease", 1, 0, scoped_end);
    DEFINE("%begin-lasting-lease", 1, 0, lasting_begin);
    DEFINE("%lasting-lease-raw", 1, 0, lasting_raw);
    DEFINE("%lasting-lease-held?", 1, 0, lasting_held_p);
    DEFINE("%end-lasting-lease", 1, 0, lasting_end);
}
