/* SPDX-License-Identifier: MIT */
/* The calls that class_faults.c makes fail: one for each public function that does anything but look. */
#ifndef TORTURE_FAULT_CASE_H
#define TORTURE_FAULT_CASE_H

#include <safehandle.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAULT_OUTPUTS = 2, FAULT_SUBJECTS = 2, FAULT_LEASES = 40 };

/* What a call works on. Invariant: outputs hold FAULT_UNTOUCHED until a call writes one. */
typedef struct fault_scene {
    sh_collector collector;
    sh_handle *subjects[FAULT_SUBJECTS]; /* NULL where there is none */
    sh_raw raw;                          /* an open descriptor that nobody owns; -1: none */
    void *object;                        /* of the collector's heap, or what the manual host takes for one */
    sh_domain *domain;
    sh_unload_report report;
    sh_region region;
    sh_lease leases[FAULT_LEASES];
    uintptr_t outputs[FAULT_OUTPUTS]; /* a handle, or a number */
    bool fault_lasts;                 /* the call fails on and on: it is no use to wait long */
    bool no_barrier; /* that call is the barrier: what other threads lease then stays open for ever (docs/leases.md) */
    bool broken;     /* by a case, which saw a promise broken */
} fault_scene;

#define FAULT_UNTOUCHED ((uintptr_t)0x5AFE5AFE5AFE5AFE)

/* What the call may do beside answering. */
enum {
    FAULT_ENDS = 1,        /* it ends the subject, also when it answers an error */
    FAULT_SAME_THREAD = 2, /* what is prepared belongs to the calling thread */
    FAULT_STARTS = 4,      /* the runtime is not running before the call */
    FAULT_STOPS = 8,       /* nor after it */
    FAULT_NUMBER = 16,     /* its output is a number, not a handle */
    FAULT_DEFERS = 32,     /* what a failure discards is freed by a later collection */
    FAULT_BURIES = 64      /* it asks whether a descriptor is the tombstone, as FAULT_STOPS does */
};

typedef struct fault_case {
    const char *symbol;              /* as safehandle.map has it */
    const char *in_which;            /* where one function has several cases: "with 32 leases"; else "" or NULL */
    void (*prepare)(fault_scene *s); /* NULL: nothing */
    sh_status (*call)(fault_scene *s);
    unsigned statuses;                    /* a bit for each that its page documents for such faults, SH_OK among them */
    unsigned flags;                       /* FAULT_… */
    sh_status usual;                      /* what it answers without a fault; what it does then is not undone */
    bool (*is_unchanged)(fault_scene *s); /* after a failure, beside the handle and the outputs; NULL: nothing to ask */
    void (*finish)(fault_scene *s);       /* on the same thread, when all was judged; NULL: nothing */
} fault_case;

/* Each ends with a symbol NULL. */
extern const fault_case fault_base_cases[];
extern const fault_case fault_call_cases[];
extern const fault_case fault_domain_cases[];
extern const fault_case fault_region_cases[];
extern const fault_case fault_waking_cases[];

/* Exported functions that call nothing that can fail: they look, or set one word. */
extern const char *const fault_free_symbols[];
extern const size_t fault_free_symbol_count;

/* What safehandle.map exports; ends with NULL. Written by exported_symbols.py. */
extern const char *const fault_exported_symbols[];

#endif
