/* SPDX-License-Identifier: MIT */
/* Handles as objects of Guile's: made, duplicated, closed, looked at. */
#include "binding.h"
#include <errno.h>

static SCM handle_type;

/* ---- the object -------------------------------------------------------------------------------------------------- */

SCM handle_object(sh_handle *h)
{
    return scm_make_foreign_object_1(handle_type, h);
}

bool handle_is(SCM object)
{
    return is_of_type(object, handle_type);
}

sh_handle *handle_of(const char *who, SCM object, int position)
{
    if (!handle_is(object))
        scm_wrong_type_arg_msg(who, position, object, "handle");
    sh_handle *h = scm_foreign_object_ref(object, 0);
    if (h == NULL)
        scm_misc_error(who, "An object of the class of handles is none: open-handle and its like make handles.",
                       SCM_EOL);
    return h;
}

void handle_reseat(SCM object, sh_handle *h)
{
    scm_foreign_object_set_x(object, 0, h);
}

/* ---- making one -------------------------------------------------------------------------------------------------- */

/* Each takes where: the line of the script that makes it, (file . line) or #f. */
static SCM handle_open(SCM where, SCM path, SCM flags, SCM mode)
{
    const char *who = "open-handle";
    sh_create_options options = {.domain = domain_current()};
    const sh_site *site = site_of(where);
    int open_flags = scm_to_int(flags);
    unsigned open_mode = SCM_UNBNDP(mode) ? 0666 : scm_to_uint(mode);
    sh_handle *made = NULL;
    char *name = scm_to_locale_string(path);
    sh_status status = sh_open_file_at(name, open_flags, open_mode, &options, sizeof options, site, &made);
    int error = errno;
    free(name);
    errno = error;
    if (status == SH_E_SYSTEM)
        scm_syserror_msg(who, "~A: ~S", scm_list_2(scm_strerror(scm_from_int(error)), path), error);
    error_check(who, status, path);
    deferred_run();
    return handle_object(made);
}

static SCM handle_wrap(SCM where, SCM raw, SCM kind)
{
    const char *who = "wrap-handle";
    const kind_record *record = SCM_UNBNDP(kind) ? kind_find(&sh_kind_fd) : kind_of_object(who, kind, 2);
    sh_raw value = scm_to_intptr_t(raw);
    sh_create_options options = kind_options(record);
    sh_handle *made = NULL;
    sh_status status = sh_wrap_at(record->kind, value, &options, sizeof options, site_of(where), &made);
    if (status != SH_OK && options.context != NULL)
        release_forget(1);
    error_check(who, status, raw);
    deferred_run();
    return handle_object(made);
}

static SCM handle_pipe(SCM where, SCM flags)
{
    sh_create_options options = {.domain = domain_current()};
    sh_handle *ends[2] = {NULL, NULL};
    error_check("pipe-handles",
                sh_open_pipe_at(SCM_UNBNDP(flags) ? 0 : scm_to_int(flags), &options, sizeof options, site_of(where),
                                &ends[0], &ends[1]),
                SCM_UNDEFINED);
    deferred_run();
    return scm_values_2(handle_object(ends[0]), handle_object(ends[1]));
}

static SCM handle_socket(SCM where, SCM family, SCM type, SCM protocol)
{
    sh_create_options options = {.domain = domain_current()};
    sh_handle *made = NULL;
    error_check("socket-handle",
                sh_open_socket_at(scm_to_int(family), scm_to_int(type), SCM_UNBNDP(protocol) ? 0 : scm_to_int(protocol),
                                  &options, sizeof options, site_of(where), &made),
                SCM_UNDEFINED);
    deferred_run();
    return handle_object(made);
}

static SCM handle_event(SCM where, SCM initial_count, SCM flags)
{
    sh_create_options options = {.domain = domain_current()};
    sh_handle *made = NULL;
    error_check("event-handle",
                sh_open_event_at(SCM_UNBNDP(initial_count) ? 0 : scm_to_uint(initial_count),
                                 SCM_UNBNDP(flags) ? 0 : scm_to_int(flags), &options, sizeof options, site_of(where),
                                 &made),
                SCM_UNDEFINED);
    deferred_run();
    return handle_object(made);
}

static SCM handle_duplicate(SCM where, SCM object)
{
    const char *who = "duplicate-handle";
    sh_handle *h = handle_of(who, object, 1), *copy = NULL;
    const sh_kind *kind = sh_kind_of(h);
    if (kind->release == release_note)
        release_reserve(1);
    sh_status status = sh_duplicate_at(h, site_of(where), &copy);
    if (status != SH_OK && kind->release == release_note)
        release_forget(1);
    error_check(who, status, object);
    deferred_run();
    return handle_object(copy);
}

/* ---- ending one -------------------------------------------------------------------------------------------------- */

/* #t: it is released. #f: somebody is still using it, and the last user will release it. */
static SCM handle_close(SCM object, SCM timeout_ms)
{
    const char *who = "close-handle";
    sh_handle *h = handle_of(who, object, 1);
    bool waits = !SCM_UNBNDP(timeout_ms) && scm_is_true(timeout_ms);
    sh_status status = waits ? sh_close_wait(h, scm_to_int64(timeout_ms)) : sh_close(h);
    deferred_run();
    if (status == SH_PENDING || status == SH_E_TIMEOUT)
        return SCM_BOOL_F;
    error_check(who, status, object);
    return SCM_BOOL_T;
}

/* ---- looking at one ---------------------------------------------------------------------------------------------- */

static SCM handle_p(SCM object)
{
    return scm_from_bool(handle_is(object));
}

static SCM handle_closed_p(SCM object)
{
    return scm_from_bool(sh_is_closed(handle_of("handle-closed?", object, 1)));
}

static SCM handle_kind(SCM object)
{
    return kind_find(sh_kind_of(handle_of("handle-kind", object, 1)))->object;
}

static SCM handle_is_a_p(SCM object, SCM kind)
{
    const char *who = "handle-is-a?";
    return scm_from_bool(sh_is_kind(handle_of(who, object, 1), kind_of_object(who, kind, 2)->kind));
}

static SCM handle_raw(SCM object)
{
    return scm_from_intptr_t(sh_dangerous_get_handle(handle_of("%handle-raw", object, 1)));
}

void handle_init(void)
{
    handle_type = scm_permanent_object(scm_make_foreign_object_type(scm_from_utf8_symbol("<handle>"),
                                                                    scm_list_1(scm_from_utf8_symbol("handle")), NULL));
    scm_c_define("<handle>", handle_type);
    DEFINE("%open-handle", 3, 1, handle_open);
    DEFINE("%wrap-handle", 2, 1, handle_wrap);
    DEFINE("%pipe-handles", 1, 1, handle_pipe);
    DEFINE("%socket-handle", 3, 1, handle_socket);
    DEFINE("%event-handle", 1, 2, handle_event);
    DEFINE("%duplicate-handle", 2, 0, handle_duplicate);
    DEFINE("close-handle", 1, 1, handle_close);
    DEFINE("handle?", 1, 0, handle_p);
    DEFINE("handle-closed?", 1, 0, handle_closed_p);
    DEFINE("handle-kind", 1, 0, handle_kind);
    DEFINE("handle-is-a?", 2, 0, handle_is_a_p);
    DEFINE("%handle-raw", 1, 0, handle_raw);
}
