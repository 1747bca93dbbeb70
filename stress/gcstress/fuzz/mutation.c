/* SPDX-License-Identifier: MIT */
#include "mutation.h"
#include "../../dice.h"
#include <string.h>

enum { RECORD_BYTES = 2, INVENTED_RECORDS = 48, CHANGES = 4 };

size_t mutation_draw(uint64_t *dice, size_t most)
{
    return (size_t)((dice_shift(dice) >> 32) % most);
}

static uint8_t throw_byte(uint64_t *dice)
{
    return (uint8_t)mutation_draw(dice, 256);
}

void mutation_invent(uint64_t *dice, input *out_input)
{
    out_input->size = RECORD_BYTES * (1 + mutation_draw(dice, INVENTED_RECORDS));
    for (size_t i = 0; i < out_input->size; i++)
        out_input->bytes[i] = throw_byte(dice);
}

/* ---- changes ----------------------------------------------------------------------------------------------------- */

/* A piece of `from` comes in before a record; what does not fit falls off at the end. */
static void insert(input *into, size_t record, const uint8_t *from, size_t size)
{
    uint8_t kept[INPUT_BYTES];
    size_t at = record * RECORD_BYTES;
    size_t room = INPUT_BYTES - at;
    size_t taken = size < room ? size : room;
    size_t tail = into->size - at;
    memcpy(kept, into->bytes + at, tail);
    memcpy(into->bytes + at, from, taken);
    if (tail > room - taken)
        tail = room - taken;
    memcpy(into->bytes + at + taken, kept, tail);
    into->size = at + taken + tail;
}

static void remove_records(input *from, size_t record, size_t count)
{
    size_t at = record * RECORD_BYTES, size = count * RECORD_BYTES;
    if (at + size > from->size)
        size = from->size - at;
    memmove(from->bytes + at, from->bytes + at + size, from->size - at - size);
    from->size -= size;
}

static void take_piece(uint64_t *dice, input *into, size_t record, const input *of)
{
    uint8_t piece[INPUT_BYTES];
    size_t begin = mutation_draw(dice, of->size / RECORD_BYTES) * RECORD_BYTES;
    size_t size = RECORD_BYTES * (1 + mutation_draw(dice, 8));
    if (begin + size > of->size)
        size = of->size - begin;
    memcpy(piece, of->bytes + begin, size);
    insert(into, record, piece, size);
}

static void change_once(uint64_t *dice, input *in_out, const input *other)
{
    size_t record = mutation_draw(dice, in_out->size / RECORD_BYTES + 1);
    uint8_t fresh[RECORD_BYTES] = {throw_byte(dice), throw_byte(dice)};
    switch (mutation_draw(dice, 7)) {
    case 0:
    case 1:
        in_out->bytes[mutation_draw(dice, in_out->size)] = fresh[0];
        break;
    case 2:
        remove_records(in_out, record, 1 + mutation_draw(dice, 3));
        break;
    case 3:
        take_piece(dice, in_out, record, in_out);
        break;
    case 4:
        if (other->size >= RECORD_BYTES)
            take_piece(dice, in_out, record, other);
        break;
    case 5:
        in_out->bytes[mutation_draw(dice, in_out->size)] ^= (uint8_t)(1u << mutation_draw(dice, 8));
        break;
    default:
        insert(in_out, record, fresh, sizeof fresh);
        break;
    }
}

void mutation_change(uint64_t *dice, input *in_out, const input *other)
{
    for (size_t left = 1 + mutation_draw(dice, CHANGES); left > 0; left--) {
        if (in_out->size < RECORD_BYTES)
            mutation_invent(dice, in_out);
        change_once(dice, in_out, other);
    }
}
