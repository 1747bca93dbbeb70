/* SPDX-License-Identifier: MIT */
#include "handle/class.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/checkpoint.h"
#include "handle/kind.h"
#include "platform/platform.h"

enum { FIRST_INDEX_SLOTS = 1024 /* a power of two */ };

/* Slots hold a class number plus one, or 0. Invariant: at most half of them are taken; slot_count is a power of two. */
typedef struct class_index {
    size_t slot_count;
    atomic_word slots[];
} class_index;

/*
 * Readers take no lock: they follow the index as it was when they loaded it. What it names stays, since classes and
 * outgrown indexes are never freed; together the latter are as large as the last.
 * Invariant: mutex covers every write; count classes are initialised; there is room for as many more as are reserved
 * and were not made yet. Those that were made stay in the sum until they are given back, which only makes it grow
 * earlier.
 */
static struct {
    platform_mutex mutex;
    size_t count;
    size_t reserved;
    atomic_word index; /* class_index * */
} classes = {.mutex = PLATFORM_MUTEX_INIT};

atomic_word class_blocks[CLASS_BLOCKS];

static bool matches(const handle_class *of, const handle_class *wanted)
{
    return of->kind == wanted->kind && of->site == wanted->site && of->owned == wanted->owned &&
           of->group == wanted->group;
}

static size_t hash(const handle_class *of)
{
    word_t mixed = ((word_t)of->kind >> 4) * 31 + ((word_t)of->site >> 2) + ((word_t)of->group << 20);
    mixed ^= mixed >> 15;
    mixed *= (word_t)0x9E3779B1u;
    return mixed ^ (mixed >> 13);
}

/* The slot that names wanted, or the empty one where it belongs. */
static atomic_word *find_slot(class_index *index, const handle_class *wanted)
{
    for (size_t i = hash(wanted);; i++) {
        atomic_word *slot = &index->slots[i & (index->slot_count - 1)];
        /* Acquire: the class behind a number is complete. */
        word_t number_plus_one = atomic_word_load_acquire(slot);
        if (number_plus_one == 0 || matches(class_of((uint32_t)(number_plus_one - 1)), wanted))
            return slot;
    }
}

static bool find(const handle_class *wanted, uint32_t *out_number)
{
    class_index *index = (class_index *)atomic_word_load_acquire(&classes.index);
    word_t number_plus_one = index == NULL ? 0 : atomic_word_load_acquire(find_slot(index, wanted));
    if (number_plus_one == 0)
        return false;
    *out_number = (uint32_t)(number_plus_one - 1);
    return true;
}

/* ---- growing, with the mutex held -------------------------------------------------------------------------------- */

static bool have_block(atomic_word *block)
{
    if (atomic_word_load(block) == 0)
        atomic_word_store_release(block, (word_t)platform_pages_map(CLASS_BLOCK_CLASSES * sizeof(handle_class)));
    return atomic_word_load(block) != 0;
}

/* For so many in all. */
static bool have_blocks(size_t count)
{
    if (count > (size_t)CLASS_BLOCKS * CLASS_BLOCK_CLASSES)
        return false;
    for (size_t i = classes.count / CLASS_BLOCK_CLASSES; i * CLASS_BLOCK_CLASSES < count; i++)
        if (!have_block(&class_blocks[i]))
            return false;
    return true;
}

static bool have_slots(size_t count)
{
    class_index *index = (class_index *)atomic_word_load(&classes.index);
    if (index != NULL && 2 * count <= index->slot_count)
        return true;
    size_t slot_count = index == NULL ? FIRST_INDEX_SLOTS : index->slot_count;
    while (slot_count < 2 * count)
        slot_count *= 2;
    class_index *grown = platform_pages_map(sizeof *grown + slot_count * sizeof *grown->slots);
    if (grown == NULL)
        return false;
    grown->slot_count = slot_count;
    for (size_t number = 0; number < classes.count; number++)
        atomic_word_store(find_slot(grown, class_of((uint32_t)number)), number + 1);
    /* Release: its slots are filled. */
    atomic_word_store_release(&classes.index, (word_t)grown);
    return true;
}

/* For so many more than there are. */
static bool have_room(size_t more)
{
    return have_blocks(classes.count + more) && have_slots(classes.count + more);
}

static sh_status add(const handle_class *wanted, bool reserved, uint32_t *out_number)
{
    if (!have_room(reserved ? 1 : classes.reserved + 1))
        return SH_E_NOMEM;
    uint32_t number = (uint32_t)classes.count++;
    *(handle_class *)(uintptr_t)class_of(number) = *wanted;
    class_index *index = (class_index *)atomic_word_load(&classes.index);
    /* Release: the class is complete. */
    atomic_word_store_release(find_slot(index, wanted), (word_t)number + 1);
    *out_number = number;
    return SH_OK;
}

static sh_status intern(const handle_class *wanted, bool reserved, uint32_t *out_number)
{
    if (find(wanted, out_number))
        return SH_OK;
    if (!kind_is_valid(wanted->kind) || (wanted->kind->flags & SH_KIND_ABSTRACT) != 0)
        return SH_E_ARGUMENT;
    CHECKPOINT("handle.intern");
    platform_mutex_lock(&classes.mutex);
    sh_status status = find(wanted, out_number) ? SH_OK : add(wanted, reserved, out_number);
    platform_mutex_unlock(&classes.mutex);
    return status;
}

sh_status class_intern(const handle_class *wanted, uint32_t *out_number)
{
    return intern(wanted, false, out_number);
}

sh_status class_intern_reserved(const handle_class *wanted, uint32_t *out_number)
{
    return intern(wanted, true, out_number);
}

bool class_reserve(size_t count)
{
    platform_mutex_lock(&classes.mutex);
    bool reserved = count <= (size_t)CLASS_BLOCKS * CLASS_BLOCK_CLASSES && have_room(classes.reserved + count);
    if (reserved)
        classes.reserved += count;
    platform_mutex_unlock(&classes.mutex);
    return reserved;
}

void class_unreserve(size_t count)
{
    platform_mutex_lock(&classes.mutex);
    ASSERT(classes.reserved >= count);
    classes.reserved -= count;
    platform_mutex_unlock(&classes.mutex);
}

void class_fork_before(void)
{
    platform_mutex_lock(&classes.mutex);
}

void class_fork_after(void)
{
    platform_mutex_unlock(&classes.mutex);
}
