/* SPDX-License-Identifier: MIT */
/* What the tests of domains and of their unloads share. Included by one test program each. */
#ifndef DOMAIN_IN_DOMAIN_H
#define DOMAIN_IN_DOMAIN_H

#include "testing/testing.h"
#include <criterion/criterion.h>

static sh_domain *domain;

static inline void start_in_domain(void)
{
    testing_start_manual();
    cr_assert_eq(sh_domain_create("test", &domain), SH_OK);
}

static inline sh_handle *make_in(sh_domain *in, sh_raw raw)
{
    sh_create_options options = {.domain = in};
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, raw, &options, &h), SH_OK);
    return h;
}

static inline void register_in_domain(void *object, sh_finalizer *run, void *data)
{
    cr_assert_eq(sh_domain_enter(domain), SH_OK);
    cr_assert_eq(sh_finalizer_register(object, run, data), SH_OK);
    cr_assert_eq(sh_domain_leave(domain), SH_OK);
}

static inline void ignore(void *object, void *data)
{
    (void)object;
    (void)data;
}

#endif
