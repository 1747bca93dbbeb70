/* SPDX-License-Identifier: MIT */
#include "gc/boehm/watch.h"
#include "base/assert.h"
#include "platform/platform.h"

enum {
    CHUNK_SIZE_BYTES = 4096,
    CHUNK_HEADER_BYTES = 16,
    CHUNK_ENTRIES = (CHUNK_SIZE_BYTES - CHUNK_HEADER_BYTES) / (int)sizeof(word_t),
    SLAB_CHUNKS = 64,  /* mapped together */
    RESERVE_CHUNKS = 8 /* docs/ordering.md has the count */
};

/*
 * Invariant: taken <= used <= CHUNK_ENTRIES; entries[taken .. used) are hidden handles; taken is 0 but in the lane's
 * first chunk; within a list every chunk but the last is used to the end.
 */
typedef struct chunk {
    struct chunk *next;
    unsigned used;
    unsigned taken;
    word_t entries[CHUNK_ENTRIES];
} chunk;

_Static_assert(sizeof(chunk) <= CHUNK_SIZE_BYTES, "a chunk is a page");
_Static_assert((int)GC_TAKEN < (int)CHUNK_ENTRIES, "what is in hand takes a page more at most when it comes back");

/* Invariant: last is NULL exactly when first is. */
typedef struct chunk_list {
    chunk *first;
    chunk *last;
} chunk_list;

/* Invariant: tables has group_count places in use; group_count is at most GC_GROUPS. */
static struct {
    chunk_list *tables; /* of the groups, by number */
    uint32_t group_count;
    chunk_list lane;
    size_t lane_entries;
    size_t batch_entries; /* of those, how many the closed batch may take */
    chunk *free_chunks;   /* used before */
    char *unused;         /* mapped and never touched, so that it costs no memory yet */
    size_t unused_count;
    size_t free_count; /* of both */
} watch;

static bool table_is_valid(const chunk_list *table)
{
    for (const chunk *c = table->first; c != NULL; c = c->next)
        if (c->taken != 0 || (c->next == NULL) != (c == table->last) || (c->next != NULL && c->used < CHUNK_ENTRIES))
            return false;
    return true;
}

/* What the structs above promise, and that the counts are right. */
static bool watch_is_valid(void)
{
    size_t lane_entries = 0;
    for (const chunk *c = watch.lane.first; c != NULL; c = c->next) {
        if (c->taken >= c->used || (c->taken != 0 && c != watch.lane.first) ||
            (c->next == NULL) != (c == watch.lane.last) || (c->next != NULL && c->used < CHUNK_ENTRIES))
            return false;
        lane_entries += c->used - c->taken;
    }
    for (uint32_t group = 0; group < watch.group_count; group++)
        if (!table_is_valid(&watch.tables[group]))
            return false;
    return lane_entries == watch.lane_entries && watch.batch_entries <= lane_entries;
}

/* ---- entries: hidden pointers, whose low bits are set unless we clear them --------------------------------------- */

/* Handles are aligned to eight bytes or more, so these bits of a hidden one are set.
 * Clear: a scan found it dead, and the next one has to confirm that. Table only. */
static const word_t UNSUSPECTED = 1;
/* Clear: it is in the lane because its group is unloaded. */
static const word_t DEAD = 2;

static void *entry_handle(word_t entry)
{
    return gc_unhide(entry | UNSUSPECTED | DEAD);
}

static bool is_suspect(word_t entry)
{
    return (entry & UNSUSPECTED) == 0;
}

static gc_reason entry_reason(word_t entry)
{
    return (entry & DEAD) == 0 ? GC_UNLOAD : GC_DEATH;
}

/* ---- chunks ------------------------------------------------------------------------------------------------------ */

static void give_chunk(chunk *given)
{
    given->next = watch.free_chunks;
    watch.free_chunks = given;
    watch.free_count++;
}

static chunk *take_unused(void)
{
    chunk *taken = (chunk *)(void *)watch.unused;
    watch.unused += CHUNK_SIZE_BYTES;
    watch.unused_count--;
    watch.free_count--;
    return taken;
}

/* The reserve for so many groups and so many chunks more, mapping more where needed. */
static bool have_spare_chunks(uint32_t group_count, size_t count)
{
    if (watch.free_count >= RESERVE_CHUNKS + group_count + count)
        return true;
    char *slab = platform_pages_map((size_t)SLAB_CHUNKS * CHUNK_SIZE_BYTES);
    if (slab == NULL)
        return false;
    while (watch.unused_count > 0)
        give_chunk(take_unused());
    watch.unused = slab;
    watch.unused_count = SLAB_CHUNKS;
    watch.free_count += SLAB_CHUNKS;
    return true;
}

static chunk *take_chunk(void)
{
    if (watch.free_count == 0)
        return NULL;
    chunk *taken = watch.free_chunks;
    if (taken == NULL)
        return take_unused();
    watch.free_chunks = taken->next;
    watch.free_count--;
    taken->next = NULL;
    taken->used = 0;
    taken->taken = 0;
    return taken;
}

static void link_chunk(chunk_list *list, chunk *linked)
{
    if (list->last == NULL)
        list->first = linked;
    else
        list->last->next = linked;
    list->last = linked;
}

static chunk *unlink_first(chunk_list *list)
{
    chunk *first = list->first;
    list->first = first->next;
    if (list->first == NULL)
        list->last = NULL;
    return first;
}

static bool is_full(const chunk_list *list)
{
    return list->last == NULL || list->last->used == CHUNK_ENTRIES;
}

static void table_append(chunk_list *table, word_t entry)
{
    chunk *last = table->last;
    if (is_full(table)) {
        last = take_chunk();
        ASSERT(last != NULL);
        link_chunk(table, last);
    }
    last->entries[last->used++] = entry;
}

/* False: there is no free chunk for it. */
static bool lane_append(word_t entry)
{
    chunk *last = watch.lane.last;
    if (is_full(&watch.lane)) {
        last = take_chunk();
        if (last == NULL)
            return false;
        link_chunk(&watch.lane, last);
    }
    last->entries[last->used++] = entry;
    watch.lane_entries++;
    return true;
}

/* ---- the scan ---------------------------------------------------------------------------------------------------- */

/* Where the next live entry is packed to. Invariant: at or before the entry that is being read. */
typedef struct packer {
    chunk *to;
    unsigned used;
    const chunk *reading;
} packer;

static void pack(packer *into, word_t entry)
{
    if (into->used == CHUNK_ENTRIES) {
        into->to->used = CHUNK_ENTRIES;
        into->to = into->to->next;
        into->used = 0;
    }
    into->to->entries[into->used++] = entry;
}

/* Frees a chunk of the table that was read and not written to. False: there is none. */
static bool free_packed_over(packer *into)
{
    chunk *gap = into->to->next;
    if (into->to == into->reading || gap == into->reading)
        return false;
    into->to->next = gap->next;
    give_chunk(gap);
    return true;
}

/* How a scan is made. */
typedef struct scan {
    const gc_client *client;
    const watch_marks *marks;
    bool confirm;
} scan;

enum { JUDGED_TOGETHER = 64 }; /* a call through a pointer for each may cost as much as all the rest */

/* So many entries at most: who of them is dead, and what is to become of those. */
typedef struct judgement {
    bool dead[JUDGED_TOGETHER];
    void *handles[JUDGED_TOGETHER]; /* of the dead, in their order, while they are judged */
    gc_verdict verdicts[JUDGED_TOGETHER];
} judgement;

/* The collector finds what is left on a stack, also below its end, and a handle that stands there is taken for alive.
 */
static void wipe(judgement *of, size_t dead_count)
{
    void *volatile *handles = of->handles;
    for (size_t i = 0; i < dead_count; i++)
        handles[i] = NULL;
}

static void judge(judgement *of, const word_t *entries, unsigned count, const scan *how)
{
    size_t dead_count = 0;
    for (unsigned i = 0; i < count; i++) {
        void *handle = entry_handle(entries[i]);
        of->dead[i] = !how->marks->is_marked(handle);
        if (of->dead[i])
            of->handles[dead_count++] = handle;
    }
    if (dead_count == 0)
        return;
    how->client->judge_dead(of->handles, dead_count, of->verdicts);
    wipe(of, dead_count);
}

static void bury(packer *into, word_t entry, gc_verdict verdict, const scan *how)
{
    word_t unsuspected = entry | UNSUSPECTED;
    if (verdict == GC_FORGET)
        return;
    how->marks->set_mark(entry_handle(entry));
    if (verdict == GC_KEEP)
        pack(into, unsuspected);
    else if (how->confirm && !is_suspect(entry))
        pack(into, entry & ~UNSUSPECTED);
    else if (!lane_append(unsuspected) && !(free_packed_over(into) && lane_append(unsuspected)))
        pack(into, entry); /* the next collection finds it again */
}

/* Packs at or before the entry that is being read, so those behind it are still there. */
static void scan_entries(packer *into, const word_t *entries, unsigned count, const scan *how)
{
    judgement judged;
    judge(&judged, entries, count, how);
    size_t buried = 0;
    for (unsigned i = 0; i < count; i++)
        if (judged.dead[i])
            bury(into, entries[i], judged.verdicts[buried++], how);
        else
            pack(into, entries[i] | UNSUSPECTED);
}

/* Where nothing has left the table before the chunk that is being read, its live entries stay where they are, up to the
 * first that is not: neither they nor their page are written to. Answers how many those are. */
static unsigned skip_live(packer *into, chunk *reading, const watch_marks *marks)
{
    bool in_place = into->to == reading || (into->to->next == reading && into->used == CHUNK_ENTRIES);
    unsigned count = 0;
    while (in_place && count < reading->used && !is_suspect(reading->entries[count]) &&
           marks->is_marked(entry_handle(reading->entries[count])))
        count++;
    if (count > 0) {
        into->to = reading;
        into->used = count;
    }
    return count;
}

/* Everything behind the last packed entry is free. */
static void cut_table(chunk_list *table, const packer *into)
{
    chunk *last = into->to;
    last->used = into->used;
    while (last->next != NULL) {
        chunk *behind = last->next;
        last->next = behind->next;
        give_chunk(behind);
    }
    table->last = last;
    if (last == table->first && last->used == 0)
        give_chunk(unlink_first(table));
}

static void mark_lane(const watch_marks *marks)
{
    for (chunk *c = watch.lane.first; c != NULL; c = c->next)
        for (unsigned i = c->taken; i < c->used; i++)
            marks->set_mark(entry_handle(c->entries[i]));
}

static void scan_chunk(packer *into, const chunk *c, unsigned first, unsigned end, const scan *how)
{
    for (unsigned i = first, count; i < end; i += count) {
        count = end - i < JUDGED_TOGETHER ? end - i : JUDGED_TOGETHER;
        scan_entries(into, &c->entries[i], count, how);
    }
}

static void scan_table(chunk_list *table, const scan *how)
{
    if (table->first == NULL)
        return;
    packer packing = {.to = table->first};
    for (chunk *c = table->first; c != NULL;) {
        /* The chunk may be packed over, or taken for the lane, once it has been read. */
        chunk *next = c->next;
        unsigned used = c->used;
        packing.reading = c;
        scan_chunk(&packing, c, skip_live(&packing, c, how->marks), used, how);
        c = next;
    }
    cut_table(table, &packing);
}

void watch_scan(const gc_client *client, const watch_marks *marks, bool confirm)
{
    const scan how = {client, marks, confirm};
    mark_lane(marks);
    for (uint32_t group = 0; group < watch.group_count; group++)
        scan_table(&watch.tables[group], &how);
    ASSERT(watch_is_valid());
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

bool watch_start(void)
{
    if (watch.tables == NULL)
        watch.tables = platform_pages_map((size_t)GC_GROUPS * sizeof *watch.tables);
    return watch.tables != NULL && watch_group_open(0) && have_spare_chunks(watch.group_count, 1);
}

/* Groups are opened in the order of their numbers. */
bool watch_group_open(uint32_t group)
{
    ASSERT(group <= watch.group_count && group < GC_GROUPS);
    if (group < watch.group_count)
        return true;
    if (!have_spare_chunks(group + 1, 0))
        return false;
    watch.group_count = group + 1;
    return true;
}

/* As many as the last chunk of the table has room for, which is a new one when the last is full. */
static size_t add_to_chunk(chunk_list *table, void *const *handles, size_t count)
{
    if (!have_spare_chunks(watch.group_count, is_full(table) ? 1 : 0))
        return 0;
    table_append(table, gc_hide(handles[0]));
    chunk *last = table->last;
    size_t added = 1;
    while (added < count && last->used < CHUNK_ENTRIES)
        last->entries[last->used++] = gc_hide(handles[added++]);
    return added;
}

size_t watch_add(void *const *handles, size_t count, uint32_t group)
{
    size_t added = 0;
    size_t more = 1;
    for (; added < count && more > 0; added += more)
        more = add_to_chunk(&watch.tables[group], handles + added, count - added);
    return added;
}

static void condemn_table(chunk_list *table)
{
    while (table->first != NULL) {
        chunk *moved = unlink_first(table);
        for (unsigned i = 0; i < moved->used; i++) {
            bool appended = lane_append((moved->entries[i] | UNSUSPECTED) & ~DEAD);
            ASSERT(appended);
            (void)appended;
        }
        give_chunk(moved);
    }
}

/* The tables of the group: one, or all. */
static chunk_list *tables_of(uint32_t group, uint32_t *out_count)
{
    bool every = group == GC_EVERY_GROUP;
    *out_count = every ? watch.group_count : 1;
    return every ? watch.tables : &watch.tables[group];
}

void watch_condemn(uint32_t group)
{
    uint32_t count;
    chunk_list *tables = tables_of(group, &count);
    for (uint32_t i = 0; i < count; i++)
        condemn_table(&tables[i]);
}

void watch_close_batch(void)
{
    watch.batch_entries = watch.lane_entries;
    ASSERT(watch_is_valid());
}

static void drop_empty_lane_chunks(void)
{
    while (watch.lane.first != NULL && watch.lane.first->taken == watch.lane.first->used)
        give_chunk(unlink_first(&watch.lane));
}

/* From the first chunk alone: the next call goes on with the next one. */
size_t watch_take(void **out_handles, size_t most, gc_reason *out_reason)
{
    if (watch.batch_entries == 0 || watch.free_count == 0)
        return 0;
    chunk *first = watch.lane.first;
    ASSERT(first != NULL && first->taken < first->used && watch.lane_entries >= watch.batch_entries);
    *out_reason = entry_reason(first->entries[first->taken]);
    size_t limit = most < watch.batch_entries ? most : watch.batch_entries;
    size_t count = 0;
    while (count < limit && first->taken < first->used && entry_reason(first->entries[first->taken]) == *out_reason)
        out_handles[count++] = entry_handle(first->entries[first->taken++]);
    watch.lane_entries -= count;
    watch.batch_entries -= count;
    drop_empty_lane_chunks();
    return count;
}

/* A chunk before the lane's first, with all of its room before its end. */
static void extend_lane_front(void)
{
    chunk *front = take_chunk();
    ASSERT(front != NULL);
    front->used = CHUNK_ENTRIES;
    front->taken = CHUNK_ENTRIES;
    front->next = watch.lane.first;
    watch.lane.first = front;
    if (watch.lane.last == NULL)
        watch.lane.last = front;
}

/* To the front, so that they are in the batch and not behind it. */
void watch_return(void *const *handles, size_t count, gc_reason reason)
{
    for (size_t i = count; i > 0; i--) {
        if (watch.lane.first == NULL || watch.lane.first->taken == 0)
            extend_lane_front();
        chunk *first = watch.lane.first;
        word_t entry = gc_hide(handles[i - 1]);
        first->entries[--first->taken] = reason == GC_UNLOAD ? entry & ~DEAD : entry;
    }
    watch.lane_entries += count;
    watch.batch_entries += count;
    ASSERT(watch_is_valid());
}

bool watch_lane_is_empty(void)
{
    return watch.lane_entries == 0;
}

void watch_put_back(const void *handle, uint32_t group)
{
    table_append(&watch.tables[group], gc_hide(handle));
}

static void visit_table(const chunk_list *table, void (*visit)(void *handle, void *data), void *data)
{
    for (const chunk *c = table->first; c != NULL; c = c->next)
        for (unsigned i = 0; i < c->used; i++)
            visit(entry_handle(c->entries[i]), data);
}

static void visit_lane(uint32_t group, const gc_client *client, void (*visit)(void *handle, void *data), void *data)
{
    for (const chunk *c = watch.lane.first; c != NULL; c = c->next)
        for (unsigned i = c->taken; i < c->used; i++) {
            void *handle = entry_handle(c->entries[i]);
            if (gc_group_is(client->group_of(handle), group))
                visit(handle, data);
        }
}

void watch_visit(uint32_t group, const gc_client *client, void (*visit)(void *handle, void *data), void *data)
{
    uint32_t count;
    const chunk_list *tables = tables_of(group, &count);
    for (uint32_t i = 0; i < count; i++)
        visit_table(&tables[i], visit, data);
    visit_lane(group, client, visit, data);
}
