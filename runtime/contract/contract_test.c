/* SPDX-License-Identifier: MIT */
/*
 * A release that breaks its contract is told with its stack; one that keeps it is not. Linked to the library that
 * checks contracts. Argument: boehm or manual.
 */
#include "contract/contract.h"
#include "platform/platform.h"
#include "testing/tap.h"
#include <errno.h>
#include <pthread.h>
#include <safehandle.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef SH_HAVE_BOEHM
#include <gc/gc.h>
#include <gc/gc_inline.h>
#endif

enum { NEVER_MS = 60000, SOON_MS = 50, HANG_MS = 20000 };

static sh_options options = {.collector = SH_COLLECTOR_MANUAL};

/* ---- what was told ----------------------------------------------------------------------------------------------- */

/* Invariant: mutex covers every field. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t came;
    int count;
    int os_error;
    char message[8192];
} told = {.mutex = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};

static void keep(const sh_event *event, void *unused)
{
    (void)unused;
    if (event->type != SH_EVENT_CONTRACT_BROKEN)
        return;
    (void)pthread_mutex_lock(&told.mutex);
    told.count++;
    told.os_error = event->os_error;
    (void)snprintf(told.message, sizeof told.message, "%s", event->message);
    (void)pthread_cond_broadcast(&told.came);
    (void)pthread_mutex_unlock(&told.mutex);
}

static void forget(void)
{
    (void)sh_wait_for_pending_finalizers(NEVER_MS);
    told.count = 0;
    told.message[0] = '\0';
}

/* How many came, all being told. */
static int count_told(void)
{
    CHECK(sh_wait_for_pending_finalizers(NEVER_MS) == SH_OK);
    (void)pthread_mutex_lock(&told.mutex);
    int count = told.count;
    (void)pthread_mutex_unlock(&told.mutex);
    return count;
}

static void expect_told(const char *what, const char *innermost)
{
    CHECK(count_told() == 1);
    CHECK(strstr(told.message, what) != NULL);
    const char *line = strstr(told.message, "\n    ");
    const char *found = strstr(told.message, innermost);
    CHECK(line != NULL && found != NULL && found > line);
    if (line == NULL || found == NULL)
        (void)printf("# told: %s\n", told.message);
}

/* ---- releases ---------------------------------------------------------------------------------------------------- */

typedef int action(void);
static action *volatile release_does;
static atomic_word released;

static int thing_release(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    int error = release_does();
    (void)atomic_word_add(&released, 1); /* keeps this function on the stack: the call is not its last step */
    return error;
}

static const sh_kind thing = {.name = "thing", .is_invalid = sh_invalid_zero, .release = thing_release};

static sh_handle *make(void)
{
    sh_handle *h = NULL;
    CHECK(sh_wrap(&thing, 7, NULL, &h) == SH_OK);
    return h;
}

static void release_once(action *does)
{
    release_does = does;
    (void)sh_close(make());
}

/* ---- cases ------------------------------------------------------------------------------------------------------- */

static int behave(void)
{
    int ends[2];
    return pipe(ends) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0 ? 0 : errno;
}

static void a_release_that_keeps_its_contract_is_silent(void)
{
    forget();
    free(malloc(100)); /* outside of it, everybody may */
    release_once(behave);
    CHECK(count_told() == 0);
}

static void *volatile memory; /* so that no compiler leaves an allocation out */

static int use_malloc(void)
{
    memory = malloc(10);
    free(memory);
    memory = malloc(10);
    free(memory);
    return 0;
}

static int use_calloc(void)
{
    memory = calloc(2, 10);
    free(memory);
    return 0;
}

static int use_realloc(void)
{
    memory = realloc(NULL, 10);
    free(memory);
    return 0;
}

static int use_aligned_alloc(void)
{
    memory = aligned_alloc(64, 64);
    CHECK((uintptr_t)memory % 64 == 0);
    free(memory);
    return 0;
}

static int use_posix_memalign(void)
{
    void *aligned = NULL;
    CHECK(posix_memalign(&aligned, 64, 10) == 0 && (uintptr_t)aligned % 64 == 0);
    free(aligned);
    CHECK(posix_memalign(&aligned, 3, 10) == EINVAL);
    return 0;
}

static int use_strdup(void)
{
    memory = strdup("inside the C library");
    free(memory);
    return 0;
}

static int make_another(void)
{
    release_does = behave;
    (void)sh_close(make());
    return 0;
}

static void every_allocation_is_told(void)
{
    static const struct {
        action *does;
        const char *innermost;
    } all[] = {
        {use_malloc, "use_malloc+"},
        {use_calloc, "use_calloc+"},
        {use_realloc, "use_realloc+"},
        {use_aligned_alloc, "use_aligned_alloc+"},
        {use_posix_memalign, "use_posix_memalign+"},
        {use_strdup, "use_strdup+"},
        {make_another, "make_another+"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        forget();
        release_once(all[i].does);
        expect_told("allocated memory", all[i].innermost);
    }
}

static void the_stack_names_static_functions_and_files(void)
{
    forget();
    release_once(use_malloc);
    expect_told("The thing 7, made at ", "use_malloc+0x");
    const char *malloc_line = strstr(told.message, "malloc+0x"),
               *release_line = strstr(told.message, "thing_release+0x");
    CHECK(malloc_line != NULL && release_line != NULL && malloc_line < release_line);
    CHECK(strstr(told.message, "contract_contract_test)") != NULL);
}

static int fail(void)
{
    return EIO;
}

static void a_release_that_fails_is_told(void)
{
    forget();
    release_once(fail);
    expect_told("answered errno 5", "release_claimed+");
    CHECK(told.os_error == EIO);
}

/* Until somebody has told of it, or it is clear that nobody will. */
static int block(void)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HANG_MS / 1000;
    (void)pthread_mutex_lock(&told.mutex);
    while (told.count == 0 && pthread_cond_timedwait(&told.came, &told.mutex, &end) == 0)
        continue;
    (void)pthread_mutex_unlock(&told.mutex);
    return 0;
}

static void a_release_that_blocks_is_told_while_it_does(void)
{
    forget();
    contract_set_budget_ms(SOON_MS);
    release_once(block);
    contract_set_budget_ms(NEVER_MS);
    expect_told("has not returned after", "block+");
}

/* On the worker, which lets no other signal through. */
static void so_is_one_on_a_thread_of_ours(void)
{
    forget();
    contract_set_budget_ms(SOON_MS);
    release_does = block;
    CHECK(sh_host_drop(make()) == SH_OK);
    expect_told("has not returned after", "block+");
    contract_set_budget_ms(NEVER_MS);
}

static int block_signals(void)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    (void)block();
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return 0;
}

static void one_that_answers_no_signal_is_told_without_a_stack(void)
{
    forget();
    contract_set_budget_ms(SOON_MS);
    release_once(block_signals);
    contract_set_budget_ms(NEVER_MS);
    CHECK(count_told() == 1);
    CHECK(strstr(told.message, "answers no signal") != NULL);
}

/* The budget is over before anybody can look. */
static int hurry(void)
{
    contract_set_budget_ms(0);
    return 0;
}

static void one_that_was_late_is_told(void)
{
    forget();
    release_once(hurry);
    contract_set_budget_ms(NEVER_MS);
    CHECK(count_told() == 1);
    CHECK(strstr(told.message, "where its budget is 0 ms") != NULL);
}

static void allocate_at_the_end(void *unused)
{
    (void)unused;
    (void)use_malloc();
}

/* Far from the end of the stack: what the thread does on its way out writes over nothing that the release left there.
 */
static void *end_in_release(void *key)
{
    volatile char far_down[32 * 1024];
    far_down[0] = 0;
    (void)far_down;
    (void)pthread_setspecific(*(pthread_key_t *)key, key);
    (void)sh_close(make());
    return NULL;
}

static int end_thread(void)
{
    pthread_exit(NULL);
}

/* What the thread does on its way out is not the release's any more. */
static void a_release_that_ends_its_thread_is_forgotten(void)
{
    forget();
    release_does = end_thread;
    pthread_key_t key;
    pthread_t thread;
    CHECK(pthread_key_create(&key, allocate_at_the_end) == 0);
    static _Alignas(16) char stack[256 * 1024]; /* which nobody gives back to the system */
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, stack, sizeof stack) == 0);
    CHECK(pthread_create(&thread, &attributes, end_in_release, &key) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(pthread_attr_destroy(&attributes) == 0);
    CHECK(pthread_key_delete(key) == 0);
    contract_set_budget_ms(SOON_MS);
    (void)usleep((CONTRACT_ANSWER_MS + 5 * SOON_MS) * 1000);
    contract_set_budget_ms(NEVER_MS);
    CHECK(count_told() == 1); /* that it ended its thread: no allocation, and nobody finds it late */
}

static void a_forked_child_is_watched_too(void)
{
    forget();
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(2 * HANG_MS / 1000);
        contract_set_budget_ms(SOON_MS);
        release_once(block);
        contract_set_budget_ms(NEVER_MS);
        expect_told("has not returned after", "block+");
        _exit(atomic_word_load(&tap.failures) == 0 ? 0 : 1);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#ifdef SH_HAVE_BOEHM

enum { SIZE_BYTES = 10, LEAF = 0 }; /* the kind of objects without pointers */

#define USE(name, ...)                                                                                                 \
    static int use_##name(void)                                                                                        \
    {                                                                                                                  \
        memory = name(__VA_ARGS__);                                                                                    \
        memory = NULL;                                                                                                 \
        return 0;                                                                                                      \
    }

USE(GC_malloc, SIZE_BYTES)
USE(GC_malloc_atomic, SIZE_BYTES)
USE(GC_malloc_uncollectable, SIZE_BYTES)
USE(GC_malloc_atomic_uncollectable, SIZE_BYTES)
USE(GC_malloc_kind, SIZE_BYTES, LEAF)
USE(GC_malloc_ignore_off_page, SIZE_BYTES)
USE(GC_realloc, NULL, SIZE_BYTES)
USE(GC_strdup, "text")

static int use_GC_generic_malloc_many(void)
{
    void *list;
    GC_generic_malloc_many(SIZE_BYTES, LEAF, &list);
    return 0;
}

static void expect_counted(action *use, const char *name)
{
    forget();
    release_once(use);
    expect_told("allocated memory", name);
}

#define EXPECT_COUNTED(name) expect_counted(use_##name, #name "+")

static void the_collectors_memory_counts(void)
{
    EXPECT_COUNTED(GC_malloc);
    EXPECT_COUNTED(GC_malloc_atomic);
    EXPECT_COUNTED(GC_malloc_uncollectable);
    EXPECT_COUNTED(GC_malloc_atomic_uncollectable);
    EXPECT_COUNTED(GC_malloc_kind);
    EXPECT_COUNTED(GC_malloc_ignore_off_page);
    EXPECT_COUNTED(GC_realloc);
    EXPECT_COUNTED(GC_strdup);
    EXPECT_COUNTED(GC_generic_malloc_many);
}

#endif

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "boehm") == 0)
        options.collector = SH_COLLECTOR_BOEHM;
    (void)setenv("SH_RELEASE_BUDGET_MS", "60000", 1);
    if (sh_init(&options) != SH_OK)
        return 1;
    sh_set_event_sink(keep, NULL);
    TAP_RUN(a_release_that_keeps_its_contract_is_silent);
    TAP_RUN(every_allocation_is_told);
    TAP_RUN(the_stack_names_static_functions_and_files);
    TAP_RUN(a_release_that_fails_is_told);
    TAP_RUN(a_release_that_blocks_is_told_while_it_does);
    if (options.collector == SH_COLLECTOR_MANUAL)
        TAP_RUN(so_is_one_on_a_thread_of_ours);
    TAP_RUN(one_that_answers_no_signal_is_told_without_a_stack);
    TAP_RUN(one_that_was_late_is_told);
    TAP_RUN(a_release_that_ends_its_thread_is_forgotten);
    TAP_RUN(a_forked_child_is_watched_too);
#ifdef SH_HAVE_BOEHM
    if (options.collector == SH_COLLECTOR_BOEHM)
        TAP_RUN(the_collectors_memory_counts);
#endif
    return tap_end();
}
