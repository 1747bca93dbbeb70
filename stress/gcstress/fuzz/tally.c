/* SPDX-License-Identifier: MIT */
#include "tally.h"
#include <stdint.h>

enum { STATES = 1 << 20 };

/* One bit for each hash: a few states that share one cost nothing. */
static uint8_t seen[STATES / 8];
static size_t count;

static uint32_t mix(uint32_t hash, uint32_t value)
{
    hash = (hash ^ value) * 0x9e3779b1u;
    return hash ^ hash >> 15;
}

/* Facts only: how many there are of anything would make each run new. */
static uint32_t describe(const model_handle *handle)
{
    if (handle == NULL)
        return 0;
    bool facts[] = {
        handle->owned,         handle->refusing.maybe, handle->refusing.sure,
        handle->closed.sure,   handle->stored.maybe,   handle->invalidated.maybe,
        handle->leases[0] > 0, handle->leases[1] > 0,  handle->references > 0,
        handle->dropped,       handle->calls > 0,      handle->value != NULL && handle->value->releases > 0};
    uint32_t bits = 1;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        bits = bits << 1 | facts[i];
    return bits;
}

void tally_note(const scene *in, const char *where, size_t running)
{
    uint32_t hash = (uint32_t)running + 1;
    for (; *where != '\0'; where++)
        hash = mix(hash, (uint32_t)*where);
    for (size_t i = 0; i < MODEL_THREADS; i++)
        hash = mix(hash, in->threads[i].doing);
    bool meet = in->threads[0].on == in->threads[1].on;
    hash = mix(hash, describe(meet ? in->threads[0].on : NULL));
    uint8_t bit = (uint8_t)(1u << (hash % 8));
    uint8_t *byte = &seen[hash / 8 % sizeof seen];
    count += (*byte & bit) == 0;
    *byte |= bit;
}

size_t tally_states(void)
{
    return count;
}
