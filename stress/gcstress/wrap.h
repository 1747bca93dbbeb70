/* SPDX-License-Identifier: MIT */
/* What the linker puts in front of a function by --wrap=NAME: WRAP(type, NAME, (parameters)) { … }, in which
 * __real_NAME is the function itself. */
#ifndef GCSTRESS_WRAP_H
#define GCSTRESS_WRAP_H

#define WRAP(type, name, parameters)                                                                                   \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters

#endif
