/* SPDX-License-Identifier: MIT */
#include "handle/kind.h"
#include "testing/testing.h"
#include <criterion/criterion.h>

static int release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    return 0;
}

static sh_kind good(void)
{
    return (sh_kind){.name = "good", .invalid_value = -1, .is_invalid = sh_invalid_minus_one, .release = release};
}

Test(kind, the_built_in_ones_are_valid_and_based_on_fd)
{
    static const sh_kind *const derived[] = {&sh_kind_file, &sh_kind_socket, &sh_kind_pipe, &sh_kind_event};
    cr_expect(kind_is_valid(&sh_kind_fd));
    for (size_t i = 0; i < 4; i++) {
        cr_expect(kind_is_valid(derived[i]), "%s", derived[i]->name);
        cr_expect(kind_is_a(derived[i], &sh_kind_fd));
        cr_expect_not(kind_is_a(&sh_kind_fd, derived[i]));
        cr_expect_eq(derived[i]->flags, SH_KIND_FD);
    }
    cr_expect_not(kind_is_a(&sh_kind_file, &sh_kind_pipe));
}

Test(kind, zero_is_a_valid_descriptor)
{
    cr_expect_not(kind_refuses(&sh_kind_fd, 0));
    cr_expect(kind_refuses(&sh_kind_fd, -1));
}

Test(kind, ready_made_answers)
{
    cr_expect(sh_invalid_minus_one(-1) && !sh_invalid_minus_one(0) && !sh_invalid_minus_one(1));
    cr_expect(sh_invalid_zero(0) && !sh_invalid_zero(-1) && !sh_invalid_zero(1));
    cr_expect(sh_invalid_zero_or_minus_one(0) && sh_invalid_zero_or_minus_one(-1) && !sh_invalid_zero_or_minus_one(1));
}

Test(kind, without_is_invalid_the_invalid_value_alone_is)
{
    sh_kind kind = good();
    kind.is_invalid = NULL;
    kind.invalid_value = 77;
    cr_expect(kind_is_valid(&kind));
    cr_expect(kind_refuses(&kind, 77));
    cr_expect_not(kind_refuses(&kind, -1));
}

Test(kind, each_broken_invariant_is_refused)
{
    sh_kind kind = good();
    cr_expect(kind_is_valid(&kind));
    kind = good(), kind.name = NULL;
    cr_expect_not(kind_is_valid(&kind), "no name");
    kind = good(), kind.release = NULL;
    cr_expect_not(kind_is_valid(&kind), "no release");
    kind = good(), kind.invalid_value = 5;
    cr_expect_not(kind_is_valid(&kind), "an unset handle would look set");
    kind = good(), kind.flags = 1u << 31;
    cr_expect_not(kind_is_valid(&kind), "unknown flag");
    kind = good(), kind.reserved[3] = &kind;
    cr_expect_not(kind_is_valid(&kind), "reserved");
    kind = good(), kind.base = &kind;
    cr_expect_not(kind_is_valid(&kind), "bases in a ring");
}
