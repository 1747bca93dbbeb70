/* SPDX-License-Identifier: MIT */
#include "recycle_space.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static _Atomic uint64_t wrong_releases;

static void expect_tag(recycle_tag tag, const void *expected)
{
    if (tag != (recycle_tag)expected)
        (void)atomic_fetch_add(&wrong_releases, 1);
}

uint64_t recycle_wrong_releases(void)
{
    return atomic_load(&wrong_releases);
}

/* ---- numbers of our own: the one that came free last is taken first ---------------------------------------------- */

enum { NUMBERS = 1024 };

/* Invariant: mutex covers free and its count. tags[n] is 0 exactly while n + 1 is free. */
static struct {
    pthread_mutex_t mutex;
    int free[NUMBERS];
    int free_count;
    int used; /* numbers that were ever in use */
    _Atomic recycle_tag tags[NUMBERS];
    _Atomic recycle_tag last_tag;
} table = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static _Atomic recycle_tag *place_of(sh_raw number)
{
    return &table.tags[number - 1];
}

static bool take_free(sh_raw *out_number)
{
    (void)pthread_mutex_lock(&table.mutex);
    int taken = table.free_count > 0 ? table.free[--table.free_count] : table.used < NUMBERS ? table.used++ : -1;
    (void)pthread_mutex_unlock(&table.mutex);
    *out_number = taken + 1;
    return taken >= 0;
}

static void table_close(sh_raw number)
{
    atomic_store(place_of(number), 0);
    (void)pthread_mutex_lock(&table.mutex);
    table.free[table.free_count++] = (int)number - 1;
    (void)pthread_mutex_unlock(&table.mutex);
}

static bool table_open(sh_raw *out_number, recycle_tag *out_tag)
{
    if (!take_free(out_number))
        return false;
    *out_tag = atomic_fetch_add(&table.last_tag, 1) + 1;
    atomic_store(place_of(*out_number), *out_tag);
    return true;
}

static recycle_tag table_tag_of(sh_raw number)
{
    return atomic_load(place_of(number));
}

static int table_release(sh_raw number, void *tag)
{
    expect_tag(table_tag_of(number), tag);
    table_close(number);
    return 0;
}

static int table_duplicate(sh_raw number, sh_raw *out_copy)
{
    if (!take_free(out_copy))
        return EMFILE;
    atomic_store(place_of(*out_copy), table_tag_of(number));
    return 0;
}

int recycle_numbers_in_use(void)
{
    (void)pthread_mutex_lock(&table.mutex);
    int in_use = table.used - table.free_count;
    (void)pthread_mutex_unlock(&table.mutex);
    return in_use;
}

static const sh_kind table_kind = {.name = "number",
                                   .invalid_value = 0,
                                   .is_invalid = sh_invalid_zero_or_minus_one,
                                   .release = table_release,
                                   .duplicate = table_duplicate};

const recycle_space recycle_numbers = {&table_kind, table_open, table_close, table_tag_of};

/* ---- descriptors: the kernel hands out the lowest that is free --------------------------------------------------- */

static recycle_tag inode_of(sh_raw number)
{
    struct stat found;
    return fstat((int)number, &found) == 0 ? (recycle_tag)found.st_ino : 0;
}

static bool open_file(sh_raw *out_number, recycle_tag *out_tag)
{
    *out_number = memfd_create("recycled", MFD_CLOEXEC);
    *out_tag = *out_number < 0 ? 0 : inode_of(*out_number);
    return *out_number >= 0;
}

static void close_file(sh_raw number)
{
    (void)close((int)number);
}

static int release_file(sh_raw number, void *tag)
{
    expect_tag(inode_of(number), tag);
    return close((int)number) == 0 || errno == EINTR ? 0 : errno;
}

static int duplicate_file(sh_raw number, sh_raw *out_copy)
{
    *out_copy = fcntl((int)number, F_DUPFD_CLOEXEC, 0);
    return *out_copy >= 0 ? 0 : errno;
}

static const sh_kind file_kind = {.name = "recycled file",
                                  .base = &sh_kind_fd,
                                  .invalid_value = -1,
                                  .is_invalid = sh_invalid_minus_one,
                                  .release = release_file,
                                  .duplicate = duplicate_file,
                                  .flags = SH_KIND_FD};

const recycle_space recycle_descriptors = {&file_kind, open_file, close_file, inode_of};
