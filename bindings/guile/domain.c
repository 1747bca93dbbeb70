/* SPDX-License-Identifier: MIT */
/*
 * Domains: one for the process, which ends with it, and one for each with-handle-domain. A domain's memory may be used
 * again once it is destroyed, and a thread that was begun inside of a with-handle-domain inherits it and may outlive
 * it: so an unloaded domain is destroyed when nothing of Guile's names it any more.
 */
#include "binding.h"

static sh_domain *of_process;
static SCM domain_type;
static SCM current; /* a fluid: the domain object of the innermost with-handle-domain, or #f */

static sh_domain *domain_of(const char *who, SCM object)
{
    if (!is_of_type(object, domain_type))
        scm_wrong_type_arg_msg(who, 1, object, "handle domain");
    return scm_foreign_object_ref(object, 0);
}

sh_domain *domain_current(void)
{
    SCM innermost = scm_fluid_ref(current);
    return scm_is_false(innermost) ? of_process : domain_of("domain_current", innermost);
}

/* Runs on Guile's finalizer thread. One with handles that are still in use stays as it is until the process ends. */
static void domain_finalize(SCM object)
{
    if (sh_domain_destroy(scm_foreign_object_ref(object, 0)) != SH_OK)
        return;
    scm_foreign_object_set_x(object, 0, NULL);
}

static SCM domain_make(void)
{
    sh_domain *made = NULL;
    error_check("with-handle-domain", sh_domain_create("with-handle-domain", &made), SCM_UNDEFINED);
    return scm_make_foreign_object_1(domain_type, made);
}

/* Unloads a domain, or for #f that of the process. How many handles could not be released in time: their last users
 * will. */
static SCM domain_unload(SCM object, SCM timeout_ms)
{
    const char *who = "with-handle-domain";
    sh_domain *domain = scm_is_false(object) ? of_process : domain_of(who, object);
    sh_unload_report report = {0};
    sh_status status = sh_domain_unload(domain, scm_to_int64(timeout_ms), &report);
    size_t left_over = report.left_over;
    sh_unload_report_clear(&report);
    if (status != SH_PENDING && status != SH_E_TIMEOUT)
        error_check(who, status, SCM_UNDEFINED);
    deferred_run();
    return scm_from_size_t(left_over);
}

void domain_init(void)
{
    error_check("(safehandle)", sh_domain_create("guile", &of_process), SCM_UNDEFINED);
    domain_type = scm_permanent_object(scm_make_foreign_object_type(
        scm_from_utf8_symbol("<handle-domain>"), scm_list_1(scm_from_utf8_symbol("domain")), domain_finalize));
    current = scm_permanent_object(scm_make_fluid_with_default(SCM_BOOL_F));
    scm_c_define("%current-domain", current);
    DEFINE("%make-domain", 0, 0, domain_make);
    DEFINE("%unload-domain", 2, 0, domain_unload);
}
