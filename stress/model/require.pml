/* SPDX-License-Identifier: MIT */
/*
 * How a model says what must hold and what must be able to happen; tools/prove.py reads what these print.
 *
 * REQUIRE(property, condition): an assertion with a name. Use it inside d_step or atomic, so that it costs no state.
 * WITNESS(event): this place must be reached by some run. A model that cannot get here proves nothing about it.
 */
c_decl {
\#include <stdio.h>
\#include <string.h>
\
static void tell(const char *what, const char *name)
{
    static const char *told[256];
    static int count;
    for (int i = 0; i < count; i++)
        if (strcmp(told[i], name) == 0)
            return;
    told[count++] = name;
    printf("%s: %s\n", what, name);
}
}

#define REQUIRE(property, condition) \
    if \
    :: (condition) \
    :: else -> c_code { tell("violated", #property); }; assert(false) \
    fi

#define WITNESS(event) c_code { tell("witness", #event); }
