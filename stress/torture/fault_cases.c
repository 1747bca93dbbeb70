/* SPDX-License-Identifier: MIT */
/* Cases of class_faults.c: all but domains, regions and the waking of users. */
#include "fault_case.h"
#include "torture.h"
#include <errno.h>
#include <fcntl.h>
#include <gc.h>
#include <sys/socket.h>
#include <unistd.h>

static char context; /* handed to every handle, so that keeping it can fail */
static const sh_create_options with_context = {.context = &context};

static sh_handle **output(fault_scene *s, int i)
{
    return (sh_handle **)(void *)&s->outputs[i];
}

static int open_null(void *data, sh_raw *out_raw)
{
    (void)data;
    int made = open("/dev/null", O_RDWR | O_CLOEXEC);
    int error = made < 0 ? errno : 0;
    if (made >= 0)
        *out_raw = made;
    return error;
}

static void run_nothing(void *object, void *data)
{
    (void)object;
    (void)data;
}

static void GC_CALLBACK run_foreign(void *object, void *data)
{
    (void)object;
    (void)data;
}

/* ---- preparing --------------------------------------------------------------------------------------------------- */

static void prepare_raw(fault_scene *s)
{
    s->raw = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void prepare_unset(fault_scene *s)
{
    prepare_raw(s);
    torture_must(sh_create(&sh_kind_file, &with_context, &s->subjects[0]), "sh_create");
}

static void prepare_open(fault_scene *s)
{
    torture_must(sh_open_file("/dev/null", O_RDWR, 0, &with_context, &s->subjects[0]), "sh_open_file");
}

static void prepare_referenced(fault_scene *s)
{
    bool taken = false;
    prepare_open(s);
    torture_must(sh_dangerous_add_ref(s->subjects[0], &taken), "sh_dangerous_add_ref");
}

static void prepare_last_reference(fault_scene *s)
{
    prepare_referenced(s);
    (void)sh_close(s->subjects[0]);
}

static void lease_one(fault_scene *s, int i)
{
    sh_raw raw;
    torture_must(sh_lease_begin(&s->leases[i], s->subjects[0], &raw), "sh_lease_begin");
}

static void prepare_leased(fault_scene *s)
{
    prepare_open(s);
    lease_one(s, 0);
}

static void prepare_last_lease(fault_scene *s)
{
    prepare_leased(s);
    (void)sh_close(s->subjects[0]);
}

/* As many as a thread's record has room for: the next one asks for more. */
static void prepare_full_record(fault_scene *s)
{
    prepare_open(s);
    for (int i = 1; i <= 32; i++)
        lease_one(s, i);
}

static void prepare_object(fault_scene *s)
{
    static char manual_object;
    s->object = s->collector == SH_COLLECTOR_MANUAL ? &manual_object : GC_MALLOC(32);
}

static void prepare_foreign_object(fault_scene *s)
{
    prepare_object(s);
    if (s->collector == SH_COLLECTOR_BOEHM)
        GC_register_finalizer_no_order(s->object, run_foreign, NULL, NULL, NULL);
}

static void prepare_finalizer(fault_scene *s)
{
    prepare_foreign_object(s);
    torture_must(sh_finalizer_register(s->object, run_nothing, NULL), "sh_finalizer_register");
}

static void prepare_collection(fault_scene *s)
{
    if (s->collector == SH_COLLECTOR_MANUAL)
        torture_must(sh_host_collection_begin(), "sh_host_collection_begin");
}

static void prepare_attached(fault_scene *s)
{
    (void)s;
    torture_must(sh_thread_attach(), "sh_thread_attach");
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

static sh_options options_of(const fault_scene *s)
{
    return (sh_options){.collector = s->collector};
}

static sh_status call_init(fault_scene *s)
{
    sh_options options = options_of(s);
    return (sh_init)(&options);
}

static sh_status call_init_at(fault_scene *s)
{
    sh_options options = options_of(s);
    return sh_init(&options);
}

static sh_status call_shutdown(fault_scene *s)
{
    (void)s;
    return sh_shutdown(10000);
}

static sh_status call_attach(fault_scene *s)
{
    (void)s;
    return sh_thread_attach();
}

static sh_status call_detach(fault_scene *s)
{
    (void)s;
    return sh_thread_detach();
}

static sh_status call_create(fault_scene *s)
{
    return (sh_create)(&sh_kind_file, &with_context, output(s, 0));
}

static sh_status call_create_at(fault_scene *s)
{
    return sh_create(&sh_kind_file, &with_context, output(s, 0));
}

static sh_status call_wrap(fault_scene *s)
{
    return (sh_wrap)(&sh_kind_file, s->raw, &with_context, output(s, 0));
}

static sh_status call_wrap_at(fault_scene *s)
{
    return sh_wrap(&sh_kind_file, s->raw, &with_context, output(s, 0));
}

static sh_status call_set_handle(fault_scene *s)
{
    return sh_set_handle(s->subjects[0], s->raw);
}

static sh_status call_duplicate(fault_scene *s)
{
    return (sh_duplicate)(s->subjects[0], output(s, 0));
}

static sh_status call_duplicate_at(fault_scene *s)
{
    return sh_duplicate(s->subjects[0], output(s, 0));
}

static sh_status call_add_ref(fault_scene *s)
{
    bool taken = false;
    sh_status status = sh_dangerous_add_ref(s->subjects[0], &taken);
    return taken ? sh_dangerous_release(s->subjects[0]) : status;
}

/* What the inlined parts leave to the library. */
static sh_status call_add_ref_refused(fault_scene *s)
{
    sh_handle *h = s->subjects[0];
    uint64_t seen = __atomic_fetch_add(&((struct sh_handle_head *)(void *)h)->state, SH_STATE_ONE, __ATOMIC_ACQUIRE);
    return sh_dangerous_add_ref_refused(h, seen);
}

static sh_status call_release_last(fault_scene *s)
{
    sh_handle *h = s->subjects[0];
    return sh_dangerous_release_last(
        h, __atomic_fetch_sub(&((struct sh_handle_head *)(void *)h)->state, SH_STATE_ONE, __ATOMIC_RELEASE));
}

static sh_status call_release(fault_scene *s)
{
    return sh_dangerous_release(s->subjects[0]);
}

static sh_status call_close(fault_scene *s)
{
    return sh_close(s->subjects[0]);
}

static sh_status call_close_wait(fault_scene *s)
{
    return sh_close_wait(s->subjects[0], 1000);
}

static sh_status call_set_as_invalid(fault_scene *s)
{
    s->raw = sh_dangerous_get_handle(s->subjects[0]);
    sh_set_handle_as_invalid(s->subjects[0]);
    return SH_OK;
}

static sh_status call_holders(fault_scene *s)
{
    sh_holder holder;
    size_t leases, references;
    return sh_holders(s->subjects[0], &holder, 1, &leases, &references);
}

/* Ends what it began, so that the subject is as it was. */
static sh_status end_lease(fault_scene *s, sh_status status)
{
    sh_lease_end(&s->leases[0]);
    return status;
}

static sh_status call_lease_begin(fault_scene *s)
{
    return end_lease(s, (sh_lease_begin)(&s->leases[0], s->subjects[0], (sh_raw *)&s->outputs[0]));
}

static sh_status call_lease_begin_at(fault_scene *s)
{
    return end_lease(s, sh_lease_begin(&s->leases[0], s->subjects[0], (sh_raw *)&s->outputs[0]));
}

static sh_status call_lease_begin_kind(fault_scene *s)
{
    return end_lease(s, (sh_lease_begin_kind)(&s->leases[0], s->subjects[0], &sh_kind_fd, (sh_raw *)&s->outputs[0]));
}

static sh_status call_lease_begin_kind_at(fault_scene *s)
{
    return end_lease(s, sh_lease_begin_kind(&s->leases[0], s->subjects[0], &sh_kind_fd, (sh_raw *)&s->outputs[0]));
}

static sh_status call_lease_enter(fault_scene *s)
{
    struct sh_lease_entry entry = sh_lease_enter(s->subjects[0], NULL);
    if (entry.slot != NULL)
        s->leases[0] = (sh_lease){.handle = s->subjects[0], .slot = entry.slot};
    return end_lease(s, entry.status);
}

static sh_status call_lease_leave(fault_scene *s)
{
    struct sh_lease_slot *slot = s->leases[0].slot;
    s->leases[0] = (sh_lease){.handle = NULL};
    __atomic_store_n(&slot->handle, (uintptr_t)0, __ATOMIC_RELEASE);
    sh_lease_leave(s->subjects[0]);
    return SH_OK;
}

static sh_status call_lease_end(fault_scene *s)
{
    sh_lease_end(&s->leases[0]);
    return SH_OK;
}

static sh_status call_lease_detach(fault_scene *s)
{
    sh_status status = sh_lease_detach(&s->leases[0]);
    return status == SH_OK ? sh_dangerous_release(s->subjects[0]) : status;
}

static sh_status call_open_with(fault_scene *s)
{
    return (sh_open_with)(&sh_kind_file, open_null, NULL, &with_context, output(s, 0));
}

static sh_status call_open_with_at(fault_scene *s)
{
    return sh_open_with(&sh_kind_file, open_null, NULL, &with_context, output(s, 0));
}

static sh_status call_open_file(fault_scene *s)
{
    return (sh_open_file)("/dev/null", O_RDWR, 0, &with_context, output(s, 0));
}

static sh_status call_open_file_at(fault_scene *s)
{
    return sh_open_file("/dev/null", O_RDWR, 0, &with_context, output(s, 0));
}

static sh_status call_open_socket(fault_scene *s)
{
    return (sh_open_socket)(AF_UNIX, SOCK_STREAM, 0, &with_context, output(s, 0));
}

static sh_status call_open_socket_at(fault_scene *s)
{
    return sh_open_socket(AF_UNIX, SOCK_STREAM, 0, &with_context, output(s, 0));
}

static sh_status call_open_pipe(fault_scene *s)
{
    return (sh_open_pipe)(0, &with_context, output(s, 0), output(s, 1));
}

static sh_status call_open_pipe_at(fault_scene *s)
{
    return sh_open_pipe(0, &with_context, output(s, 0), output(s, 1));
}

static sh_status call_open_event(fault_scene *s)
{
    return (sh_open_event)(0, 0, &with_context, output(s, 0));
}

static sh_status call_open_event_at(fault_scene *s)
{
    return sh_open_event(0, 0, &with_context, output(s, 0));
}

static sh_status call_finalizer_register(fault_scene *s)
{
    return (sh_finalizer_register)(s->object, run_nothing, NULL);
}

static sh_status call_finalizer_register_at(fault_scene *s)
{
    return sh_finalizer_register(s->object, run_nothing, NULL);
}

static sh_status call_finalizer_suppress(fault_scene *s)
{
    sh_finalizer_suppress(s->object);
    return SH_OK;
}

static sh_status call_collect(fault_scene *s)
{
    (void)s;
    sh_collect();
    return SH_OK;
}

static sh_status call_wait(fault_scene *s)
{
    (void)s;
    return sh_wait_for_pending_finalizers(10000);
}

static sh_status call_host_drop(fault_scene *s)
{
    return sh_host_drop(s->subjects[0]);
}

static sh_status call_host_drop_object(fault_scene *s)
{
    return sh_host_drop_object(s->object);
}

/* A collection is the thread's own: what was begun is ended here, too. */
static sh_status call_collection_begin(fault_scene *s)
{
    (void)s;
    sh_status status = sh_host_collection_begin();
    return status == SH_OK ? sh_host_collection_end() : status;
}

static sh_status call_collection_end(fault_scene *s)
{
    (void)s;
    return sh_host_collection_end();
}

static sh_status call_set_event_sink(fault_scene *s)
{
    (void)s;
    sh_set_event_sink(NULL, NULL);
    return SH_OK;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

enum {
    ONLY_OK = 1u << SH_OK,
    MEMORY = ONLY_OK | 1u << SH_E_NOMEM,
    STARTING = MEMORY | 1u << SH_E_ARGUMENT,
    OPENING = MEMORY | 1u << SH_E_SYSTEM,
    RELEASING = ONLY_OK | 1u << SH_E_RELEASE,
    MANUAL = MEMORY | 1u << SH_E_UNSUPPORTED
};

#define CASE(symbol_, in_which_, prepare_, call_, statuses_, flags_)                                                   \
    {                                                                                                                  \
        .symbol = (symbol_), .in_which = (in_which_), .prepare = (prepare_), .call = (call_), .statuses = (statuses_), \
        .flags = (flags_)                                                                                              \
    }

const fault_case fault_base_cases[] = {
    CASE("sh_init", "", NULL, call_init, STARTING, FAULT_STARTS),
    CASE("sh_init_at", "", NULL, call_init_at, STARTING, FAULT_STARTS),
    CASE("sh_shutdown", "", NULL, call_shutdown, MEMORY, FAULT_STOPS),
    CASE("sh_shutdown", "with open handles", prepare_open, call_shutdown, MEMORY, FAULT_STOPS | FAULT_ENDS),
    CASE("sh_thread_attach", "", NULL, call_attach, MEMORY, 0),
    CASE("sh_thread_detach", "", prepare_attached, call_detach, MEMORY, FAULT_SAME_THREAD),
    CASE("sh_create", "", NULL, call_create, MEMORY, 0),
    CASE("sh_create_at", "", NULL, call_create_at, MEMORY, 0),
    CASE("sh_wrap", "", prepare_raw, call_wrap, MEMORY, 0),
    CASE("sh_wrap_at", "", prepare_raw, call_wrap_at, MEMORY, 0),
    CASE("sh_set_handle", "", prepare_unset, call_set_handle, ONLY_OK, 0),
    CASE("sh_duplicate", "", prepare_open, call_duplicate, OPENING, 0),
    CASE("sh_duplicate_at", "", prepare_open, call_duplicate_at, OPENING, 0),
    CASE("sh_dangerous_add_ref", "", prepare_open, call_add_ref, ONLY_OK, 0),
    {.symbol = "sh_dangerous_add_ref_refused",
     .in_which = "of the last entrant",
     .prepare = prepare_last_lease,
     .call = call_add_ref_refused,
     .statuses = 1u << SH_E_CLOSED,
     .usual = SH_E_CLOSED,
     .flags = FAULT_SAME_THREAD | FAULT_ENDS},
    CASE("sh_dangerous_release_last", "", prepare_last_reference, call_release_last, RELEASING, FAULT_ENDS),
    CASE("sh_dangerous_release", "", prepare_referenced, call_release, ONLY_OK, FAULT_ENDS),
    CASE("sh_dangerous_release", "of the last reference", prepare_last_reference, call_release, RELEASING, FAULT_ENDS),
    CASE("sh_close", "", prepare_open, call_close, RELEASING, FAULT_ENDS),
    CASE("sh_close_wait", "", prepare_open, call_close_wait, RELEASING, FAULT_ENDS),
    CASE("sh_set_handle_as_invalid", "", prepare_open, call_set_as_invalid, ONLY_OK, FAULT_ENDS),
    CASE("sh_holders", "", prepare_leased, call_holders, ONLY_OK, FAULT_SAME_THREAD),
    CASE("sh_lease_begin", "", prepare_open, call_lease_begin, MEMORY, FAULT_NUMBER),
    CASE("sh_lease_begin_at", "", prepare_open, call_lease_begin_at, MEMORY, FAULT_NUMBER),
    CASE("sh_lease_begin_at", "beside 32 leases", prepare_full_record, call_lease_begin_at, MEMORY,
         FAULT_SAME_THREAD | FAULT_NUMBER),
    CASE("sh_lease_begin_kind", "", prepare_open, call_lease_begin_kind, MEMORY, FAULT_NUMBER),
    CASE("sh_lease_begin_kind_at", "", prepare_open, call_lease_begin_kind_at, MEMORY, FAULT_NUMBER),
    CASE("sh_lease_enter", "", prepare_open, call_lease_enter, MEMORY, 0),
    CASE("sh_lease_leave", "of the last lease", prepare_last_lease, call_lease_leave, ONLY_OK,
         FAULT_SAME_THREAD | FAULT_ENDS),
    CASE("sh_lease_end", "of the last lease", prepare_last_lease, call_lease_end, ONLY_OK,
         FAULT_SAME_THREAD | FAULT_ENDS),
    CASE("sh_lease_detach", "", prepare_leased, call_lease_detach, ONLY_OK, FAULT_SAME_THREAD | FAULT_ENDS),
    CASE("sh_open_with", "", NULL, call_open_with, OPENING, 0),
    CASE("sh_open_with_at", "", NULL, call_open_with_at, OPENING, 0),
    CASE("sh_open_file", "", NULL, call_open_file, OPENING, 0),
    CASE("sh_open_file_at", "", NULL, call_open_file_at, OPENING, 0),
    CASE("sh_open_socket", "", NULL, call_open_socket, OPENING, 0),
    CASE("sh_open_socket_at", "", NULL, call_open_socket_at, OPENING, 0),
    CASE("sh_open_pipe", "", NULL, call_open_pipe, OPENING, 0),
    CASE("sh_open_pipe_at", "", NULL, call_open_pipe_at, OPENING, 0),
    CASE("sh_open_event", "", NULL, call_open_event, OPENING, 0),
    CASE("sh_open_event_at", "", NULL, call_open_event_at, OPENING, 0),
    CASE("sh_finalizer_register", "", prepare_object, call_finalizer_register, MEMORY, FAULT_DEFERS),
    CASE("sh_finalizer_register_at", "", prepare_object, call_finalizer_register_at, MEMORY, FAULT_DEFERS),
    CASE("sh_finalizer_register_at", "beside somebody else's", prepare_foreign_object, call_finalizer_register_at,
         MEMORY, FAULT_DEFERS),
    CASE("sh_finalizer_suppress", "", prepare_finalizer, call_finalizer_suppress, ONLY_OK, 0),
    CASE("sh_collect", "", prepare_open, call_collect, ONLY_OK, 0),
    CASE("sh_wait_for_pending_finalizers", "", prepare_open, call_wait, ONLY_OK, 0),
    CASE("sh_host_drop", "", prepare_open, call_host_drop, MANUAL, FAULT_ENDS),
    CASE("sh_host_drop_object", "", prepare_finalizer, call_host_drop_object, MANUAL, 0),
    CASE("sh_host_collection_begin", "", NULL, call_collection_begin, MANUAL, 0),
    CASE("sh_host_collection_end", "", prepare_collection, call_collection_end, MANUAL, FAULT_SAME_THREAD),
    CASE("sh_set_event_sink", "", NULL, call_set_event_sink, ONLY_OK, 0),
    {.symbol = NULL},
};

const char *const fault_free_symbols[] = {
    "sh_call_argument",
    "sh_call_descriptor_free",
    "sh_call_is_implied",
    "sh_call_signature",
    "sh_call_size_bytes",
    "sh_dangerous_get_handle",
    "sh_domain_name",
    "sh_event_type_name",
    "sh_invalid_minus_one",
    "sh_invalid_zero",
    "sh_invalid_zero_or_minus_one",
    "sh_is_closed",
    "sh_is_invalid",
    "sh_is_kind",
    "sh_is_released",
    "sh_keep_alive",
    "sh_kind_event",
    "sh_kind_fd",
    "sh_kind_file",
    "sh_kind_of",
    "sh_kind_pipe",
    "sh_kind_socket",
    "sh_lease_slots_1",
    "sh_owns_handle",
    "sh_status_message",
    "sh_status_name",
    "sh_version",
};
const size_t fault_free_symbol_count = sizeof fault_free_symbols / sizeof *fault_free_symbols;
