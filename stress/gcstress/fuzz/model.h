/* SPDX-License-Identifier: MIT */
/*
 * The reference model: what is known of each handle from the calls that were made, and what each call may answer.
 *
 * Only one thread runs at a time, so nothing here is atomic. But calls overlap: between the begin and the end of one,
 * the other thread may begin and end many. So a fact has two moments: from the begin of the call that makes it true it
 * may be so, and from its end it is so. A call is judged by what was sure when it began and by what may be when it
 * ends:
 *
 *   a user may be admitted     unless the refusal was sure when it asked
 *   a user may be refused      once a refusal may have begun
 *   the release may run        once an end may have begun, when no user is sure to be inside, once
 *
 * and where no other call touched the handle meanwhile there is but one answer. The functions that begin with
 * model_answers say which statuses a call may give, as a set.
 */
#ifndef GCSTRESS_FUZZ_MODEL_H
#define GCSTRESS_FUZZ_MODEL_H

/* The calls of the library, with its checkpoints, and not what it compiles into its callers. */
#define SH_NO_INLINE
#include <safehandle.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    MODEL_THREADS = 2,
    MODEL_HANDLES = 64,
    MODEL_VALUES = MODEL_HANDLES, /* no operation makes more than one of each */
    MODEL_DOMAINS = 2,
    MODEL_ROOT = MODEL_DOMAINS, /* the domain of what is in none of them */
    MODEL_NOBODY = MODEL_THREADS,
    MODEL_INVALID_RAW = -1
};

typedef struct model_fact {
    bool maybe; /* the call that makes it true has begun */
    bool sure;  /* and has ended */
} model_fact;

/* A raw value: the simulated system's number for something that is open. Each is given out once. */
typedef struct model_value {
    struct model_handle *handle; /* whose it is, or is to be */
    bool given;                  /* the library has said that it takes care of it */
    bool refused;                /* it has said that it does not */
    bool fails;                  /* the system refuses its release, and to duplicate it */
    bool running;                /* its release has begun, and has not returned */
    int releases;
} model_value;

/* Invariant: h is NULL before its birth; leases and references count users that are sure to be inside: their begin has
 * returned, and their end has not begun. */
typedef struct model_handle {
    sh_handle *h;
    size_t number;
    bool owned;
    bool interruptible;
    size_t domain;
    const char *context;
    model_value *value;                 /* NULL: unset */
    const struct model_handle *copy_of; /* a duplicate; else NULL */
    model_fact refusing, closed, stored, invalidated;
    bool ended_otherwise; /* something besides set_handle_as_invalid may have closed it */
    bool dropped;         /* the collector has found it dead */
    int collection;       /* in which it was */
    bool over_releasing;
    int leases[MODEL_THREADS];
    int references;
    int waiters; /* sh_close_wait with time to wait, under way */
    int setters; /* sh_set_handle under way */
    int calls;   /* under way on it */
    int unloads; /* of its domain, under way */
    size_t calls_begun;
} model_handle;

/* Invariant: d is NULL while there is none in this place. */
typedef struct model_domain {
    sh_domain *d;
    model_fact unloaded;
    bool destroying;
    int refused; /* who was refused while it was being destroyed, and for no other reason */
    int calls;   /* that name it, under way */
    int inside[MODEL_THREADS];
} model_domain;

typedef struct model {
    model_handle handles[MODEL_HANDLES];
    size_t handle_count;
    model_value values[MODEL_VALUES];
    size_t value_count;
    model_domain domains[MODEL_DOMAINS];
    bool hurried; /* an unload with a time limit has begun: late finalizers do not hold up releases */
    bool broken;  /* there was a violation: nothing is known any more */
    bool failed_here[MODEL_THREADS + 1]; /* a release that the system refused has run inside the thread's call */
} model;

__attribute__((format(printf, 2, 3))) void model_violation(model *of, const char *format, ...);

/* ---- calls on a handle ------------------------------------------------------------------------------------------- */

/* One call, from its begin to its end. */
typedef struct model_call {
    model *of;
    size_t thread;
    model_handle *on;
    bool was_refusing, was_closed, was_stored;
    bool was_alone;
    int setters_before;
    size_t calls_begun;
} model_call;

model_call model_begin(model *of, size_t thread, model_handle *on);
/* The call has returned, and its answers were judged. */
void model_end(const model_call *call);
/* No other call touched the handle since this one began, nor will a thread of the library by itself. */
bool model_was_alone(const model_call *call);

/* ---- what calls may answer --------------------------------------------------------------------------------------- */

typedef unsigned model_answers;
#define MODEL_ANSWER(status) (1u << (status))

/* A violation, unless the status is one of the set. */
void model_judge(model *of, const char *what, const model_handle *on_or_null, sh_status status, model_answers allowed);

/* A lease (it needs a value) or a reference. */
model_answers model_answers_of_entry(const model_call *call, bool needs_value);
/* sh_close, and sh_close_wait where it waits. */
model_answers model_answers_of_close(const model_call *call, bool waits);
model_answers model_answers_of_set(const model_call *call, sh_raw raw);
model_answers model_answers_of_release(const model_call *call);
/* Of making something in a domain, or entering it. was_unloaded: before the call. */
model_answers model_answers_of_making(const model *of, size_t domain, bool was_unloaded);
void model_judge_making(model *of, const char *what, size_t domain, bool was_unloaded, sh_status status);

/* ---- facts ------------------------------------------------------------------------------------------------------- */

model_handle *model_new_handle(model *of);
model_value *model_new_value(model *of, model_handle *handle, bool fails, sh_raw *out_raw);
model_value *model_find_value(model *of, sh_raw raw);

/* A close, a drop or an unload has begun. */
void model_may_end(model_handle *handle);
/* Its domain may be unloaded. */
bool model_is_unloading(const model *of, const model_handle *handle);
/* Whoever is sure to be inside. */
int model_users(const model_handle *handle);
/* There is nothing left to release. */
bool model_is_over(const model_handle *handle);

/* The library releases a value, on a thread of the program's or on one of its own (MODEL_NOBODY). */
void model_release_begins(model *of, model_value *value, size_t thread);
void model_release_ends(model_value *value);

#endif
