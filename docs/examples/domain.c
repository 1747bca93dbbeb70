/* SPDX-License-Identifier: MIT */
/* A host that keeps a domain for each isolate, and ends one whose code forgot a handle and still uses another. */
#include <fcntl.h>
#include <safehandle.h>
#include <stdio.h>

static sh_handle *used, *forgotten;

/* The isolate's own code. Nothing of it is closed. */
static sh_status run_isolate(void)
{
    bool success = false;
    sh_status status = sh_open_event(0, 0, NULL, &used);
    if (status == SH_OK)
        status = sh_open_file("/dev/null", O_RDONLY, 0, NULL, &forgotten);
    if (status == SH_OK)
        status = sh_dangerous_add_ref(used, &success); /* say, for a callback that is still to come */
    return status;
}

static void print_report(const sh_unload_report *report)
{
    printf("released %zu, left over %zu\n", report->released, report->left_over);
    for (size_t i = 0; i < report->left_over_count; i++)
        printf("  a handle of kind %s, made at line %d: %zu leases, %zu counted references\n",
               report->left_overs[i].kind->name, report->left_overs[i].birth.line, report->left_overs[i].lease_count,
               report->left_overs[i].counted_references);
}

int main(void)
{
    sh_domain *isolate;
    if (sh_init(NULL) != SH_OK || sh_domain_create("isolate 7", &isolate) != SH_OK)
        return 1;
    sh_status status = sh_domain_enter(isolate); /* what this thread makes from here on belongs to it */
    if (status == SH_OK)
        status = run_isolate();
    (void)sh_domain_leave(isolate);
    if (status != SH_OK)
        return puts(sh_status_message(status)), 1;

    sh_unload_report report;
    printf("unload: %s, ", sh_status_name(sh_domain_unload(isolate, 100, &report)));
    print_report(&report);
    sh_unload_report_clear(&report);

    printf("destroy: %s\n", sh_status_name(sh_domain_destroy(isolate)));
    (void)sh_dangerous_release(used); /* the last user releases it */
    status = sh_domain_destroy(isolate);
    printf("destroy: %s, released: %d\n", sh_status_name(status), sh_is_released(used) && sh_is_released(forgotten));
    return status == SH_OK && sh_shutdown(1000) == SH_OK ? 0 : 1;
}
