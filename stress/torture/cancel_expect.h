/* SPDX-License-Identifier: MIT */
/*
 * What the acts of class_cancel.c have in common: each says what every call answers, and has at most one of what has to
 * be given back when it is cut off.
 *
 *   every function   the thread of the act that is under way; the give_backs, when it has ended
 */
#ifndef TORTURE_CANCEL_EXPECT_H
#define TORTURE_CANCEL_EXPECT_H

#include "form.h"
#include <pthread.h>

/* SHORT: to the end of a wait that is in vain. */
enum { CANCEL_WAIT_MS = 10000, CANCEL_SHORT_MS = 2 };

#define EXPECT(status, call) cancel_expect((call), (status), #call)

void cancel_expect(sh_status got, sh_status expected, const char *call);
/* On any thread. */
void cancel_fail(const char *what);

sh_handle *cancel_wrap_number(void);
/* Closes and drops it. */
void cancel_end(const form *of, sh_handle *h);

/* A counted reference, until the end. */
void cancel_use(sh_handle *h);
void cancel_use_end(void);

/* Waits for a helper to end: no cancellation point. */
void cancel_join(pthread_t helper);

/* cancel_domains.c: a domain, until it is unloaded and destroyed. */
sh_domain *cancel_domain_begin(void);
void cancel_domain_end(void);
void cancel_domain_give_back(void);

#endif
