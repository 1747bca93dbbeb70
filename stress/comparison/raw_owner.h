/* SPDX-License-Identifier: MIT */
/* The object of document 002's version 1: it holds the number itself, and an ordinary finalizer closes it. */
#ifndef COMPARISON_RAW_OWNER_H
#define COMPARISON_RAW_OWNER_H

#include "approach.h"

void *raw_owner_open(open_call *call, void *data);
void *raw_owner_wrap(int number);
void *raw_owner_wrap_again(void *first, int number);
/* -1 once it is closed. */
int raw_owner_number(void *owner);
void raw_owner_close(void *owner);

#define RAW_OWNER_NO_STREAM                                                                                            \
    "the stream holds the number itself and there is no handle object that could be closed first"

#endif
