/* SPDX-License-Identifier: MIT */
#include "cancel_acts.h"
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

enum { OBJECT_SIZE_BYTES = 64, WAIT_MS = 10000, SHORT_MS = 2, NESTED = 40, UNLIKELY_ERRNO = EXDEV };

static torture_tally *results;
static _Thread_local const char *acting;

void cancel_acts_start(torture_tally *tally)
{
    results = tally;
}

void cancel_act_run(const cancel_act *act, const form *of)
{
    acting = act->name;
    errno = UNLIKELY_ERRNO;
    act->run(of);
}

static void expect_either(sh_status got, sh_status one, sh_status other, const char *call)
{
    if (got != one && got != other)
        torture_fail(results, "%s: %s answered %s", acting, call, sh_status_name(got));
    else if (errno != UNLIKELY_ERRNO)
        torture_fail(results, "%s: %s changed errno to %d", acting, call, errno);
    errno = UNLIKELY_ERRNO;
}

#define EXPECT(status, call) expect_either((call), (status), (status), #call)

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

static sh_handle *wrap_number(void)
{
    sh_handle *h = NULL;
    EXPECT(SH_OK, sh_wrap(&ledger_kind, ledger_number(), NULL, &h));
    return h;
}

static void end(const form *of, sh_handle *h)
{
    EXPECT(SH_OK, sh_close(h));
    garbage_drop_handle(of->collector, h);
}

static void create_and_set(const form *of)
{
    sh_handle *h = NULL;
    EXPECT(SH_OK, sh_create(&ledger_kind, NULL, &h));
    EXPECT(SH_OK, sh_set_handle(h, ledger_number()));
    end(of, h);
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
    end(of, first);
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
    end(of, next);
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
        end(of, opened[i]);
}

static void open_when_none_are_left(const form *of)
{
    sh_handle *h = NULL;
    int tried = 0;
    EXPECT(SH_OK, sh_open_with(&sh_kind_event, open_event_at_second_try, &tried, NULL, &h));
    end(of, h);
}

static void duplicate(const form *of)
{
    sh_handle *original = wrap_number(), *copy = NULL;
    EXPECT(SH_OK, sh_duplicate(original, &copy));
    end(of, copy);
    end(of, original);
}

/* ---- using ------------------------------------------------------------------------------------------------------- */

static void reference(const form *of)
{
    sh_handle *h = wrap_number();
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
    sh_handle *h = wrap_number();
    sh_lease outer, inner;
    sh_raw raw;
    EXPECT(SH_OK, sh_lease_begin(&outer, h, &raw));
    EXPECT(SH_OK, sh_lease_begin(&inner, h, &raw));
    EXPECT(SH_PENDING, sh_close_wait(h, WAIT_MS));
    sh_lease_end(&outer);
    EXPECT(SH_OK, sh_lease_detach(&inner));
    EXPECT(SH_OK, sh_dangerous_release(h));
    garbage_drop_handle(of->collector, h);
}

/* More than fit into a thread's record. */
static void lease_often(const form *of)
{
    sh_handle *h = wrap_number();
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
    sh_handle *h = wrap_number();
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
    sh_handle *h = wrap_number();
    size_t leases, counted;
    EXPECT(SH_OK, sh_holders(h, NULL, 0, &leases, &counted));
    sh_set_handle_as_invalid(h);
    ledger_take_back(sh_dangerous_get_handle(h));
    EXPECT(SH_OK, sh_close_wait(h, 0));
    garbage_drop_handle(of->collector, h);
}

/* In use by a counted reference of an act; NULL when there is none. */
static sh_handle *in_use;

void cancel_act_give_back(const form *of)
{
    sh_options options = form_options(of);
    if (in_use != NULL)
        (void)sh_dangerous_release(in_use);
    in_use = NULL;
    torture_must(sh_init(&options), "sh_init");
}

/* The user is this thread, by a counted reference that nobody knows the holder of. */
static void wait_for_a_user(const form *of)
{
    sh_handle *h = wrap_number();
    sh_lease user;
    sh_raw raw;
    EXPECT(SH_OK, sh_lease_begin(&user, h, &raw));
    EXPECT(SH_OK, sh_lease_detach(&user));
    in_use = h;
    EXPECT(SH_E_TIMEOUT, sh_close_wait(h, SHORT_MS));
    in_use = NULL;
    EXPECT(SH_OK, sh_dangerous_release(h));
    EXPECT(SH_OK, sh_close_wait(h, SHORT_MS));
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
    garbage_drop_handle(of->collector, wrap_number());
}

static void collect_and_wait(const form *of)
{
    register_finalizers(of);
    sh_collect();
    EXPECT(SH_OK, sh_wait_for_pending_finalizers(WAIT_MS));
}

static void attach_and_detach(const form *of)
{
    sh_options options = form_options(of);
    EXPECT(SH_OK, sh_init(&options));
    EXPECT(SH_OK, sh_thread_attach());
    EXPECT(SH_OK, sh_thread_detach());
}

static void report_deaths(const form *of)
{
    sh_status expected = of->collector == SH_COLLECTOR_MANUAL ? SH_OK : SH_E_UNSUPPORTED;
    EXPECT(expected, sh_host_collection_begin());
    garbage_drop_handle(of->collector, wrap_number());
    EXPECT(expected, sh_host_collection_end());
}

static void restart(const form *of)
{
    sh_options options = form_options(of);
    (void)wrap_number();
    EXPECT(SH_OK, sh_shutdown(WAIT_MS));
    EXPECT(SH_OK, sh_init(&options));
}

const cancel_act cancel_acts[] = {
    {"sh_set_handle", create_and_set},
    {"sh_set_handle, too late", set_too_late},
    {"sh_wrap, twice", wrap_twice},
    {"a stale owner", find_an_owner_stale},
    {"the open helpers", open_each},
    {"an open that collects", open_when_none_are_left},
    {"sh_duplicate", duplicate},
    {"counted references", reference},
    {"leases", lease},
    {"many leases", lease_often},
    {"SH_WITH_HANDLE", close_inside_a_scope},
    {"looking", look},
    {"sh_close_wait", wait_for_a_user},
    {"finalizers", register_finalizers},
    {"collecting", collect_and_wait},
    {"attaching", attach_and_detach},
    {"reporting deaths", report_deaths},
    {"sh_shutdown", restart},
    {0},
};
