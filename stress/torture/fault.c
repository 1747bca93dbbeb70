/* SPDX-License-Identifier: MIT */
#include "fault.h"
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

enum { MOST_ERRORS = 32, SPOILT = EDOM };

typedef struct call_facts {
    const char *name;
    int errors[MOST_ERRORS];
} call_facts;

#define FACTS(symbol, ...) {#symbol, {__VA_ARGS__, 0}},
static const call_facts calls[FAULT_CALL_COUNT] = {FAULT_CALLS(FACTS)};

static _Thread_local struct {
    bool armed;
    fault_plan plan;
    int reached[FAULT_CALL_COUNT];
    int struck;
} here;

static _Atomic long balance;

const char *fault_name(fault_call call)
{
    return calls[call].name;
}

const int *fault_errors(fault_call call)
{
    return calls[call].errors;
}

void fault_arm(const fault_plan *plan)
{
    here.plan = *plan;
    memset(here.reached, 0, sizeof here.reached);
    here.struck = 0;
    here.armed = true;
}

void fault_disarm(void)
{
    here.armed = false;
}

int fault_reached(fault_call call)
{
    return here.reached[call];
}

int fault_struck(void)
{
    return here.struck;
}

long fault_balance(void)
{
    return balance;
}

bool fault_strikes(fault_call call)
{
    if (!here.armed)
        return false;
    int nth = ++here.reached[call];
    const fault_plan *plan = &here.plan;
    if (call != plan->call || plan->nth == 0 || nth < plan->nth || (nth > plan->nth && !plan->onwards))
        return false;
    here.struck++;
    errno = plan->error;
    return true;
}

void fault_spoil_errno(void)
{
    if (here.armed)
        errno = SPOILT;
}

void fault_count_memory(int change)
{
    balance += change;
}
