/* SPDX-License-Identifier: MIT */
/* Acts of class_cancel.c: handles, leases, finalizers, and the runtime. */
#define SH_NO_INLINE /* the library's own functions have the checkpoints */
#include "cancel_acts.h"
#include "../die.h"
#include "cancel_expect.h"
#include "garbage.h"
#include "ledger.h"
#include "tearing.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    OBJECT_SIZE_BYTES = 64,
    NESTED = 40,
    MOST_SITES = 1100 /* more than the library keeps in one piece of memory */
};

/* ---- callbacks --------------------------------------------------------------------------------------------------- */

static int open_event(void *unused, sh_raw *out_raw)
{
    (void)unused;
    tearing_callback(TEAR_IN_OPENING); /* pthread_exit here has opened nothing */
    *out_raw = eventfd(0, EFD_CLOEXEC);
    if (*out_raw < 0)
        return errno;
    return 0;
}

/* The first time there are none left. */
static int open_event_at_second_try(void *tried, sh_raw *out_raw)
{
    if (*(int *)tried == 0) {
        *(int *)tried = 1;
        tearing_callback(TEAR_IN_OPENING);
        return EMFILE;
    }
    return open_event(NULL, out_raw);
}

static void finalize(void *object, void *data)
{
    (void)data;
    if (data != NULL)
        free(object);
    tearing_callback(TEAR_IN_OTHER);
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static void create_and_set(const form *of)
{
    sh_handle *h = NULL;
    EXPECT(SH_OK, sh_create(&ledger_kind, NULL, &h));
    EXPECT(SH_OK, sh_set_handle(h, ledger_number()));
    cancel_end(of, h);
}

static void set_too_late(const form *of)
{
    sh_handle *h = NULL;
    EXPECT(SH_OK, sh_create(&ledger_kind, NULL, &h));
    EXPECT(SH_OK, sh_close(h));
    EXPECT(SH_E_CLOSED, sh_set_handle(h, ledger_number()));
    garbage_drop_handle(of->collector, h);
}

static void wrap_twice(const form *of)
{
    sh_handle *first = NULL, *second = NULL;
    EXPECT(SH_OK, sh_open_event(0, 0, NULL, &first));
    EXPECT(SH_E_OWNED, sh_wrap(&sh_kind_event, sh_dangerous_get_handle(first), NULL, &second));
    cancel_end(of, first);
}

/* Somebody closes a number behind its owner's back, and the next handle gets it. */
static void find_an_owner_stale(const form *of)
{
    sh_handle *stale = NULL, *next = NULL;
    EXPECT(SH_OK, sh_open_event(0, 0, NULL, &stale));
    sh_raw raw = sh_dangerous_get_handle(stale);
    EXPECT(SH_OK, sh_create(&sh_kind_event, NULL, &next));
    EXPECT(SH_OK, sh_set_handle(next, raw));
    garbage_drop_handle(of->collector, stale);
    cancel_end(of, next);
}

static void open_each(const form *of)
{
    sh_handle *opened[6] = {NULL};
    EXPECT(SH_OK, sh_open_file("/dev/null", O_RDONLY, 0, NULL, &opened[0]));
    EXPECT(SH_OK, sh_open_socket(AF_UNIX, SOCK_STREAM, 0, NULL, &opened[1]));
    EXPECT(SH_OK, sh_open_pipe(0, NULL, &opened[2], &opened[3]));
    EXPECT(SH_OK, sh_open_event(0, 0, NULL, &opened[4]));
    EXPECT(SH_OK, sh_open_with(&sh_kind_event, open_event, NULL, NULL, &opened[5]));
    for (size_t i = 0; i < sizeof opened / sizeof *opened; i++)
        cancel_end(of, opened[i]);
}

static void open_when_none_are_left(const form *of)
{
    sh_handle *h = NULL;
    int tried = 0;
    EXPECT(SH_OK, sh_open_with(&sh_kind_event, open_event_at_second_try, &tried, NULL, &h));
    cancel_end(of, h);
}

static void duplicate(const form *of)
{
    sh_handle *original = cancel_wrap_number(), *copy = NULL;
    EXPECT(SH_OK, sh_duplicate(original, &copy));
    cancel_end(of, copy);
    cancel_end(of, original);
}

/* Of real descriptors. */
static void duplicate_ends(const form *of)
{
    sh_handle *ends[2] = {NULL, NULL}, *copy = NULL;
    EXPECT(SH_OK, sh_open_pipe(0, NULL, &ends[0], &ends[1]));
    EXPECT(SH_OK, sh_duplicate(ends[0], &copy));
    cancel_end(of, copy);
    cancel_end(of, ends[0]);
    cancel_end(of, ends[1]);
}

/* On a line that has never made a handle. Sites live as long as the process. */
static void wrap_on_new_line(const form *of)
{
    sh_site *site = malloc(sizeof *site);
    sh_handle *h = NULL;
    if (site == NULL)
        die("there is no memory for a site");
    *site = (sh_site){__FILE__, __LINE__};
    EXPECT(SH_OK, sh_wrap_at(&ledger_kind, ledger_number(), NULL, sizeof(sh_create_options), site, &h));
    cancel_end(of, h);
}

static void wrap_on_many_new_lines(const form *of)
{
    for (int i = 0; i < MOST_SITES && !tearing_has_come(); i++)
        wrap_on_new_line(of);
}

/* ---- using ------------------------------------------------------------------------------------------------------- */

static void reference(const form *of)
{
    sh_handle *h = cancel_wrap_number();
    bool taken = false;
    EXPECT(SH_OK, sh_dangerous_add_ref(h, &taken));
    EXPECT(SH_PENDING, sh_close(h));
    EXPECT(SH_E_CLOSED, sh_dangerous_add_ref(h, &taken));
    EXPECT(SH_OK, sh_dangerous_release(h));
    EXPECT(SH_E_UNBALANCED, sh_dangerous_release(h));
    garbage_drop_handle(of->collector, h);
}

static void lease(const form *of)
{
    sh_handle *h = cancel_wrap_number();
    sh_lease outer, inner;
    sh_raw raw;
    EXPECT(SH_OK, sh_lease_begin(&outer, h, &raw));
    EXPECT(SH_OK, sh_lease_begin(&inner, h, &raw));
    EXPECT(SH_PENDING, sh_close_wait(h, CANCEL_WAIT_MS));
    sh_lease_end(&outer);
    EXPECT(SH_OK, sh_lease_detach(&inner));
    EXPECT(SH_OK, sh_dangerous_release(h));
    garbage_drop_handle(of->collector, h);
}

/* More than fit into a thread's record. */
static void lease_often(const form *of)
{
    sh_handle *h = cancel_wrap_number();
    sh_lease leases[NESTED];
    sh_raw raw;
    for (int i = 0; i < NESTED; i++)
        EXPECT(SH_OK, sh_lease_begin(&leases[i], h, &raw));
    EXPECT(SH_PENDING, sh_close(h));
    for (int i = 0; i < NESTED; i++)
        sh_lease_end(&leases[i]);
    EXPECT(SH_OK, sh_close(h));
    garbage_drop_handle(of->collector, h);
}

static void close_inside_a_scope(const form *of)
{
    sh_handle *h = cancel_wrap_number();
    sh_status status;
    SH_WITH_HANDLE (h, raw, status) {
        (void)raw;
        EXPECT(SH_PENDING, sh_close(h));
    }
    EXPECT(SH_OK, sh_close(h));
    garbage_drop_handle(of->collector, h);
}

static void look(const form *of)
{
    sh_handle *h = cancel_wrap_number();
    size_t leases, counted;
    EXPECT(SH_OK, sh_holders(h, NULL, 0, &leases, &counted));
    sh_set_handle_as_invalid(h);
    ledger_take_back(sh_dangerous_get_handle(h));
    EXPECT(SH_OK, sh_close_wait(h, 0));
    garbage_drop_handle(of->collector, h);
}

/* The user is this thread, by a counted reference that nobody knows the holder of. */
static void wait_for_a_user(const form *of)
{
    sh_handle *h = cancel_wrap_number();
    cancel_use(h);
    EXPECT(SH_E_TIMEOUT, sh_close_wait(h, CANCEL_SHORT_MS));
    cancel_use_end();
    EXPECT(SH_OK, sh_close_wait(h, CANCEL_SHORT_MS));
    garbage_drop_handle(of->collector, h);
}

/* ---- dying and the runtime --------------------------------------------------------------------------------------- */

static void register_finalizers(const form *of)
{
    bool manual = of->collector == SH_COLLECTOR_MANUAL;
    void *object = garbage_object(of->collector, OBJECT_SIZE_BYTES);
    EXPECT(SH_OK, sh_finalizer_register(object, finalize, NULL));
    sh_finalizer_suppress(object);
    EXPECT(SH_OK, sh_finalizer_register(object, finalize, manual ? object : NULL));
    garbage_drop_object(of->collector, object);
    garbage_drop_handle(of->collector, cancel_wrap_number());
}

static void collect_and_wait(const form *of)
{
    register_finalizers(of);
    sh_collect();
    EXPECT(SH_OK, sh_wait_for_pending_finalizers(CANCEL_WAIT_MS));
}

static void detach_and_attach(const form *of)
{
    sh_options options = form_options(of);
    EXPECT(SH_OK, sh_init(&options));
    EXPECT(SH_OK, sh_thread_attach());
    EXPECT(SH_OK, sh_thread_detach());
    EXPECT(SH_OK, sh_thread_attach()); /* anew: the collector had forgotten it */
}

static void report_deaths(const form *of)
{
    sh_status expected = of->collector == SH_COLLECTOR_MANUAL ? SH_OK : SH_E_UNSUPPORTED;
    EXPECT(expected, sh_host_collection_begin());
    garbage_drop_handle(of->collector, cancel_wrap_number());
    EXPECT(expected, sh_host_collection_end());
}

static void restart(const form *of)
{
    sh_options options = form_options(of);
    (void)cancel_wrap_number();
    EXPECT(SH_OK, sh_shutdown(CANCEL_WAIT_MS));
    EXPECT(SH_OK, sh_init(&options));
}

const cancel_act cancel_acts[] = {
    {.name = "sh_set_handle", .run = create_and_set},
    {.name = "sh_set_handle, too late", .run = set_too_late},
    {.name = "sh_wrap, twice", .run = wrap_twice},
    {.name = "a stale owner", .run = find_an_owner_stale},
    {.name = "the open helpers", .run = open_each},
    {.name = "an open that collects", .run = open_when_none_are_left},
    {.name = "sh_duplicate", .run = duplicate},
    {.name = "sh_duplicate, a descriptor", .run = duplicate_ends},
    {.name = "a new line", .run = wrap_on_new_line},
    {.name = "many new lines", .run = wrap_on_many_new_lines, .only_at = "platform.pages"},
    {.name = "counted references", .run = reference},
    {.name = "leases", .run = lease},
    {.name = "many leases", .run = lease_often},
    {.name = "SH_WITH_HANDLE", .run = close_inside_a_scope},
    {.name = "looking", .run = look},
    {.name = "sh_close_wait", .run = wait_for_a_user},
    {.name = "finalizers", .run = register_finalizers},
    {.name = "collecting", .run = collect_and_wait},
    {.name = "attaching", .run = detach_and_attach},
    {.name = "reporting deaths", .run = report_deaths},
    {.name = "sh_shutdown", .run = restart},
    {0},
};
