/* SPDX-License-Identifier: MIT */
/* Calls: every direction and type, what goes back when something fails, what is said when it is refused. */
#include "ffi/descriptor.h"
#include "gc/gc_host.h"
#include "handle/handle.h"
#include "handle/owner_map.h"
#include "platform/platform.h"
#include "testing/testing.h"
#include "thread/thread.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

TestSuite(call, .init = testing_start_manual);
TestSuite(consume, .init = testing_start_manual);

#define FUNCTION(name) ((void (*)(void))(name))

static const sh_kind *const kinds[] = {&testing_kind, &testing_derived_kind};

static sh_call_descriptor *parse(const char *text)
{
    sh_call_error error;
    sh_call_descriptor *descriptor = NULL;
    sh_status status = sh_call_parse(text, kinds, 1, NULL, &descriptor, &error);
    cr_assert_eq(status, SH_OK, "%s", status == SH_OK ? "" : error.message);
    return descriptor;
}

static sh_handle *thing(sh_raw raw)
{
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, raw, NULL, &h), SH_OK);
    return h;
}

static void count_open(void *handle, void *data)
{
    const sh_handle *h = handle;
    bool blank = strcmp(handle_class_of(h)->kind->name, "announced") == 0;
    *(size_t *)data += !blank && !sh_is_closed(h);
}

/* Handles that nobody has closed: a wrapper that was forgotten is one. */
static size_t open_handles(void)
{
    size_t count = 0;
    gc->visit_watched(GC_EVERY_GROUP, count_open, &count);
    return count;
}

static size_t leases_of(const sh_handle *h)
{
    size_t leases, references;
    cr_assert_eq(sh_holders(h, NULL, 0, &leases, &references), SH_OK);
    return leases + references;
}

static bool cancellation_is_held(void)
{
    platform_cancel_token before = platform_cancel_hold();
    platform_cancel_restore(before);
    return before == PTHREAD_CANCEL_DISABLE;
}

/* What the callees below were given, and what they are to do. */
static struct {
    sh_raw given[8];
    sh_handle *leased; /* its leases are counted during the call */
    size_t leases;
    bool held;
    sh_raw store;
    int answer;
    int calls;
} callee;

static void note(void)
{
    callee.calls++;
    callee.held = cancellation_is_held();
    if (callee.leased != NULL)
        callee.leases = leases_of(callee.leased);
}

/* ---- plain values ------------------------------------------------------------------------------------------------ */

static struct all_types {
    bool b;
    int8_t i8;
    uint8_t u8;
    int16_t i16;
    uint16_t u16;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    long l;
    float f32;
    double f64;
    const char *string;
    void *pointer;
} seen;

static void take_all(bool b, int8_t i8, uint8_t u8, int16_t i16, uint16_t u16, int32_t i32, uint32_t u32, int64_t i64,
                     uint64_t u64, long l, float f32, double f64, const char *string, void *pointer)
{
    seen = (struct all_types){b, i8, u8, i16, u16, i32, u32, i64, u64, l, f32, f64, string, pointer};
}

Test(call, passes_every_type)
{
    sh_call_descriptor *d =
        parse("void f(bool, i8, u8, i16, u16, i32, u32, i64, u64, long, f32, f64, string, pointer)");
    sh_value v[] = {{.u = 1},      {.i = -8},         {.u = 200},       {.i = -300},       {.u = 60000},
                    {.i = -70000}, {.u = 4000000000}, {.i = INT64_MIN}, {.u = UINT64_MAX}, {.i = -5},
                    {.f32 = 1.5F}, {.f64 = -2.25},    {.string = "so"}, {.pointer = &seen}};
    sh_value returned = {.u = 99};
    cr_assert_eq(sh_call_make(d, FUNCTION(take_all), v, NULL, &returned, NULL), SH_OK);
    cr_expect(seen.b && seen.i8 == -8 && seen.u8 == 200 && seen.i16 == -300 && seen.u16 == 60000);
    cr_expect(seen.i32 == -70000 && seen.u32 == 4000000000 && seen.i64 == INT64_MIN && seen.u64 == UINT64_MAX);
    cr_expect(seen.l == -5 && seen.f32 == 1.5F && seen.f64 == -2.25 && seen.pointer == &seen);
    cr_expect_str_eq(seen.string, "so");
    cr_expect_eq(returned.u, 0, "void is nothing");
    sh_call_descriptor_free(d);
}

static struct all_types also_seen;

static float take_few(int8_t i8, float f32, bool b, double f64, int64_t thing, uint16_t u16, float second,
                      const char *string)
{
    also_seen =
        (struct all_types){.b = b, .i8 = i8, .u16 = u16, .i64 = thing, .f32 = f32, .f64 = f64, .string = string};
    return second * 2;
}

/* Where all of them lie in registers. */
Test(call, passes_floats_between_integers)
{
    for (int blocking = 0; blocking < 2; blocking++) {
        sh_call_descriptor *d = parse(blocking ? "f32 f(i8, f32, bool, f64, thing, u16, f32, string) blocking"
                                               : "f32 f(i8, f32, bool, f64, thing, u16, f32, string)");
        sh_value v[] = {{.i = -8},    {.f32 = 1.5F},  {.u = 1},        {.f64 = -2.25}, {.handle = thing(7)},
                        {.u = 60000}, {.f32 = 4.25F}, {.string = "so"}};
        sh_value returned;
        cr_assert_eq(sh_call_make(d, FUNCTION(take_few), v, NULL, &returned, NULL), SH_OK);
        cr_expect(also_seen.i8 == -8 && also_seen.f32 == 1.5F && also_seen.b && also_seen.f64 == -2.25);
        cr_expect(also_seen.i64 == 7 && also_seen.u16 == 60000);
        cr_expect_str_eq(also_seen.string, "so");
        cr_expect_eq(returned.f32, 8.5F);
        sh_call_descriptor_free(d);
    }
}

static int32_t give_i32(int32_t x)
{
    return x;
}

static uint32_t give_u32(uint32_t x)
{
    return x;
}

static int8_t give_i8(int32_t x)
{
    return (int8_t)x;
}

static uint8_t give_u8(int32_t x)
{
    return (uint8_t)x;
}

static bool give_bool(int32_t x)
{
    return x != 0;
}

static double give_f64(double x)
{
    return x / 2;
}

static float give_f32(float x)
{
    return x / 2;
}

static sh_value call_one(const char *text, void (*function)(void), sh_value value)
{
    sh_call_descriptor *d = parse(text);
    sh_value returned;
    cr_assert_eq(sh_call_make(d, function, &value, NULL, &returned, NULL), SH_OK, "%s", text);
    sh_call_descriptor_free(d);
    return returned;
}

/* Of a register only as much means something as the type of the result has. */
static int64_t give_noise(int64_t x)
{
    return x;
}

Test(call, widens_what_comes_back)
{
    cr_expect_eq(call_one("i32 f(i32)", FUNCTION(give_i32), (sh_value){.i = -7}).i, -7);
    cr_expect_eq(call_one("u32 f(u32)", FUNCTION(give_u32), (sh_value){.u = UINT32_MAX}).u, UINT32_MAX);
    cr_expect_eq(call_one("i8 f(i32)", FUNCTION(give_i8), (sh_value){.i = -7}).i, -7);
    cr_expect_eq(call_one("u8 f(i32)", FUNCTION(give_u8), (sh_value){.i = 255}).u, 255);
    cr_expect_eq(call_one("bool f(i32)", FUNCTION(give_bool), (sh_value){.i = 256}).u, 1);
    cr_expect_eq(call_one("f64 f(f64)", FUNCTION(give_f64), (sh_value){.f64 = 5}).f64, 2.5);
    cr_expect_eq(call_one("f32 f(f32)", FUNCTION(give_f32), (sh_value){.f32 = 5}).f32, 2.5F);
    const sh_value noise = {.i = INT64_C(0x1234567880000001)};
    cr_expect_eq(call_one("i32 f(i64)", FUNCTION(give_noise), noise).i, INT32_C(-0x7fffffff));
    cr_expect_eq(call_one("u32 f(i64)", FUNCTION(give_noise), noise).u, 0x80000001);
    cr_expect_eq(call_one("u8 f(i64)", FUNCTION(give_noise), noise).u, 1);
    cr_expect_eq(call_one("void f(i64)", FUNCTION(give_noise), noise).u, 0);
}

/* It reads floating-point numbers only where it is told that some were passed. */
Test(call, passes_a_float_to_a_function_that_takes_any)
{
    sh_call_descriptor *d = parse("int snprintf(bytes out text[size], usize size, string format, f64 number)");
    char text[16] = "";
    sh_value values[] = {{.pointer = text}, {.u = sizeof text}, {.string = "%.2f"}, {.f64 = 2.5}};
    sh_value returned;
    cr_assert_eq(sh_call_make(d, FUNCTION(snprintf), values, NULL, &returned, NULL), SH_OK);
    cr_expect_eq(returned.i, 4);
    cr_expect_str_eq(text, "2.50");
    sh_call_descriptor_free(d);
}

struct point {
    int16_t x;
    double y;
    char z;
};

static double sum_point(struct point p, int scale)
{
    return (p.x + p.y + p.z) * scale;
}

Test(call, passes_a_struct_by_value)
{
    sh_call_descriptor *d = parse("f64 sum({i16 x, f64 y, i8 z} p, int scale)");
    cr_expect_eq(sh_call_size_bytes(d, 1), sizeof(struct point));
    struct point p = {.x = 1, .y = 2.5, .z = 3};
    sh_value v[] = {{.pointer = &p}, {.i = 2}}, returned;
    cr_assert_eq(sh_call_make(d, FUNCTION(sum_point), v, NULL, &returned, NULL), SH_OK);
    cr_expect_eq(returned.f64, 13);
    sh_call_descriptor_free(d);
}

static int64_t sum_many(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f, int64_t g, int64_t h)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h;
}

Test(call, passes_more_than_the_registers_hold)
{
    sh_call_descriptor *d = parse("i64 sum(thing, i64, i64, i64, i64, i64, i64, thing)");
    sh_value v[] = {{.handle = thing(100)}, {.i = 2}, {.i = 3}, {.i = 4}, {.i = 5}, {.i = 6}, {.i = 7},
                    {.handle = thing(8)}};
    sh_value returned;
    cr_assert_eq(sh_call_make(d, FUNCTION(sum_many), v, NULL, &returned, NULL), SH_OK);
    cr_expect_eq(returned.i, 100 + 4 + 9 + 16 + 25 + 36 + 49 + 64);
    sh_call_descriptor_free(d);
}

static int step_all(int8_t *a, uint16_t *b, int *c, double *d, void **e, bool *f)
{
    *a = (int8_t)(*a - 1);
    *b = (uint16_t)(*b + 1);
    *c += 5;
    *d = 0.5;
    *e = &seen;
    *f = true;
    return 0;
}

Test(call, tells_plain_values_that_come_out)
{
    sh_call_descriptor *d = parse("int step(i8 inout, u16 inout, int out, f64 out, pointer out, bool out)");
    sh_value v[] = {{.i = -127}, {.u = 65534}, {.i = 77}, {.u = 77}, {.u = 77}, {.u = 77}};
    sh_value returned;
    cr_assert_eq(sh_call_make(d, FUNCTION(step_all), v, NULL, &returned, NULL), SH_OK);
    cr_expect(v[0].i == -128 && v[1].u == 65535 && v[2].i == 5 && v[3].f64 == 0.5 && v[4].pointer == &seen &&
              v[5].u == 1);
    sh_call_descriptor_free(d);
}

Test(call, fills_bytes)
{
    sh_call_descriptor *d = parse("isize read(fd in, bytes out[n, return], usize n) fails negative errno");
    sh_handle *input, *output;
    cr_assert_eq(sh_open_pipe(0, NULL, &input, &output), SH_OK);
    char bytes[8] = "";
    cr_assert_eq(write((int)sh_dangerous_get_handle(output), "hello", 5), 5);
    sh_value v[] = {{.handle = input}, {.pointer = bytes}, {.u = sizeof bytes}}, returned;
    cr_assert_eq(sh_call_make(d, FUNCTION(read), v, NULL, &returned, NULL), SH_OK);
    cr_expect_eq(returned.i, 5);
    cr_expect_str_eq(bytes, "hello");
    sh_call_descriptor_free(d);
}

/* ---- failure and errno ------------------------------------------------------------------------------------------- */

static int64_t give_and_fail(int64_t x)
{
    errno = ENOTTY;
    return x;
}

static sh_status status_of(const char *text, int64_t x)
{
    sh_call_descriptor *d = parse(text);
    sh_value value = {.i = x}, returned;
    errno = EXDEV;
    sh_status status = sh_call_make(d, FUNCTION(give_and_fail), &value, NULL, &returned, NULL);
    sh_call_descriptor_free(d);
    return status;
}

Test(call, knows_a_failure_by_what_comes_back)
{
    cr_expect_eq(status_of("i64 f(i64)", -1), SH_OK);
    cr_expect_eq(status_of("i64 f(i64) fails negative", 0), SH_OK);
    cr_expect_eq(status_of("i64 f(i64) fails negative", -2), SH_E_SYSTEM);
    cr_expect_eq(errno, 0, "nobody asked for it");
    cr_expect_eq(status_of("i64 f(i64) fails negative errno", -2), SH_E_SYSTEM);
    cr_expect_eq(errno, ENOTTY);
    cr_expect_eq(status_of("i64 f(i64) fails negative errno", 1), SH_OK);
    cr_expect_eq(errno, ENOTTY, "as it was right after the call");
    cr_expect_eq(status_of("i64 f(i64) fails zero", 1), SH_OK);
    cr_expect_eq(status_of("i64 f(i64) fails zero", 0), SH_E_SYSTEM);
    cr_expect_eq(status_of("pointer f(i64) fails zero", 0), SH_E_SYSTEM);
    cr_expect_eq(status_of("i64 f(i64) fails nonzero", 0), SH_OK);
    cr_expect_eq(status_of("i64 f(i64) fails nonzero", 5), SH_E_SYSTEM);
    cr_expect_eq(status_of("int f(i64) fails errno", EPIPE), SH_E_SYSTEM);
    cr_expect_eq(errno, EPIPE);
    cr_expect_eq(status_of("int f(i64) fails errno blocking errno", EPIPE), SH_E_SYSTEM);
    cr_expect_eq(errno, EPIPE);
    cr_expect_eq(status_of("i64 f(i64) fails negative blocking errno", -2), SH_E_SYSTEM);
    cr_expect_eq(errno, ENOTTY);
    cr_expect_eq(status_of("i64 f(i64) fails negative blocking", -2), SH_E_SYSTEM);
    cr_expect_eq(errno, 0);
}

/* ---- handles that go in ------------------------------------------------------------------------------------------ */

static int use_two(int64_t a, int64_t b)
{
    note();
    callee.given[0] = a;
    callee.given[1] = b;
    return callee.answer;
}

Test(call, leases_what_goes_in)
{
    sh_call_descriptor *d = parse("int use(thing a, thing b)");
    sh_value v[] = {{.handle = thing(7)}, {.handle = thing(8)}}, returned;
    callee.leased = v[1].handle;
    cr_assert_eq(sh_call_make(d, FUNCTION(use_two), v, NULL, &returned, NULL), SH_OK);
    cr_expect(callee.given[0] == 7 && callee.given[1] == 8);
    cr_expect_eq(callee.leases, 1);
    cr_expect_not(callee.held, "nothing comes out");
    cr_expect_eq(leases_of(v[0].handle) + leases_of(v[1].handle), 0);
    cr_expect_eq(sh_close(v[0].handle), SH_OK);
    cr_expect_eq(sh_close(v[1].handle), SH_OK);
    sh_call_descriptor_free(d);
}

Test(call, takes_one_handle_twice_and_eight_at_once)
{
    sh_call_descriptor *d = parse("int use(thing a, thing b)");
    sh_handle *h = thing(7);
    sh_value v[] = {{.handle = h}, {.handle = h}}, returned;
    callee.leased = h;
    cr_assert_eq(sh_call_make(d, FUNCTION(use_two), v, NULL, &returned, NULL), SH_OK);
    cr_expect_eq(callee.leases, 2);
    sh_call_descriptor_free(d);
    d = parse("i64 sum(thing, thing, thing, thing, thing, thing, thing, thing)");
    sh_value many[8];
    for (int i = 0; i < 8; i++)
        many[i].handle = thing(i + 1);
    cr_assert_eq(sh_call_make(d, FUNCTION(sum_many), many, NULL, &returned, NULL), SH_OK);
    cr_expect_eq(returned.i, 1 + 4 + 9 + 16 + 25 + 36 + 49 + 64);
    sh_call_descriptor_free(d);
}

/* Criterion runs each test in a process of its own, so this is compared as often as there are refusals. */
static void expect_refusal(const char *text, sh_value *values, sh_status wanted, size_t parameter, const char *message)
{
    sh_call_descriptor *d = parse(text);
    sh_call_error error;
    sh_value returned = {.u = 5}, before[4];
    size_t count = sh_call_signature(d)->parameter_count;
    (void)memcpy(before, values, count * sizeof *values);
    int calls = callee.calls;
    cr_expect_eq(sh_call_make(d, FUNCTION(use_two), values, NULL, &returned, &error), wanted, "%s", text);
    cr_expect_str_eq(error.message, message);
    cr_expect_eq(error.parameter, parameter);
    cr_expect_eq(callee.calls, calls, "it was not called");
    cr_expect_eq(returned.u, 5, "nothing was written");
    cr_expect_eq(memcmp(before, values, count * sizeof *values), 0, "values are as they were");
    cr_expect_eq(sh_call_make(d, FUNCTION(use_two), values, NULL, &returned, NULL), wanted, "nobody has to listen");
    sh_call_descriptor_free(d);
}

Test(call, says_why_it_is_refused)
{
    sh_handle *good = thing(7);
    sh_handle *closed = thing(8);
    sh_handle *unset, *other;
    (void)sh_close(closed);
    cr_assert_eq(sh_create(&testing_kind, NULL, &unset), SH_OK);
    cr_assert_eq(sh_open_event(0, 0, NULL, &other), SH_OK);
    sh_value v[] = {{.handle = good}, {.handle = NULL}};
    expect_refusal("int use(thing a, thing b)", v, SH_E_ARGUMENT, 2,
                   "use: parameter 2 (b) is null. Pass an open handle of kind thing.");
    v[1].handle = closed;
    expect_refusal("int use(thing a, thing b)", v, SH_E_CLOSED, 2,
                   "use: parameter 2 (b) is closed. Pass an open handle of kind thing.");
    v[1].handle = unset;
    expect_refusal("int use(thing, thing)", v, SH_E_INVALID, 2,
                   "use: parameter 2 is unset: no value was stored in it. Pass an open handle of kind thing.");
    v[1].handle = other;
    expect_refusal("int use(thing a, thing b)", v, SH_E_KIND, 2,
                   "use: parameter 2 (b) is of kind event, and kind thing is wanted.");
    v[1].handle = good;
    expect_refusal(
        "int use(thing a, thing consume b)", v, SH_E_TIMEOUT, 2,
        "use: parameter 2 (b) is in use, so it cannot be given away: the callee would take it from under its "
        "users. End their uses first; sh_holders says who they are.");
    cr_expect_eq(leases_of(good), 0, "what was leased before is given back");
    cr_expect_eq(sh_close(good), SH_OK);
}

Test(call, takes_a_derived_kind_where_its_base_is_wanted)
{
    sh_call_descriptor *d = parse("int use(thing, thing)");
    sh_handle *derived;
    cr_assert_eq(sh_wrap(&testing_derived_kind, 9, NULL, &derived), SH_OK);
    sh_value v[] = {{.handle = derived}, {.handle = derived}}, returned;
    cr_expect_eq(sh_call_make(d, FUNCTION(use_two), v, NULL, &returned, NULL), SH_OK);
    sh_call_descriptor_free(d);
}

Test(call, refuses_calls_that_lack_something)
{
    sh_call_descriptor *d = parse("int use(thing, thing)"), *empty = parse("int f()");
    sh_value v[2] = {{.u = 0}}, returned;
    sh_call_error error;
    sh_call call;
    cr_expect_eq(sh_call_make(NULL, FUNCTION(use_two), v, NULL, &returned, &error), SH_E_ARGUMENT);
    cr_expect_str_eq(error.message,
                     "There is no descriptor, no function, no values, or no place for what is given back.");
    cr_expect_eq(sh_call_make(d, NULL, v, NULL, &returned, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_call_make(d, FUNCTION(use_two), NULL, NULL, &returned, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_call_make(d, FUNCTION(use_two), v, NULL, NULL, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_call_make(empty, FUNCTION(getppid), NULL, NULL, &returned, NULL), SH_OK);
    cr_expect_eq(returned.i, getppid());
    cr_expect_eq(sh_call_enter(NULL, d, v, NULL, NULL, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_call_enter(&call, NULL, v, NULL, NULL, NULL), SH_E_ARGUMENT);
    cr_expect_eq(sh_call_enter(&call, d, v, NULL, NULL, NULL), SH_E_ARGUMENT, "null handles");
    cr_expect_eq(sh_call_leave(&call, returned, 0, NULL), SH_E_ARGUMENT, "not entered");
    cr_expect_eq(sh_call_leave(NULL, returned, 0, NULL), SH_E_ARGUMENT);
    sh_call_abandon(&call, NULL);
    sh_call_abandon(NULL, NULL);
    cr_expect_eq(sh_call_argument(&call, 1).u, 0);
    cr_expect_eq(sh_call_argument(NULL, 1).u, 0);
    sh_call_descriptor_free(d);
    sh_call_descriptor_free(empty);
    sh_call_descriptor_free(NULL);
    cr_expect_null(sh_call_signature(NULL));
}

/* ---- handles that come out --------------------------------------------------------------------------------------- */

static int make_pipe(int *out_first, int *out_second)
{
    note();
    int ends[2];
    if (callee.answer != 0 || pipe2(ends, O_CLOEXEC) != 0) {
        errno = EMFILE;
        return -1;
    }
    *out_first = ends[0];
    *out_second = ends[1];
    return 0;
}

Test(call, owns_what_comes_out)
{
    sh_call_descriptor *d = parse("int f(pipe out, pipe out) fails negative errno");
    size_t descriptors = testing_open_descriptors();
    size_t handles = open_handles();
    sh_value v[2], returned;
    cr_assert_eq(sh_call_make(d, FUNCTION(make_pipe), v, NULL, &returned, NULL), SH_OK);
    cr_expect(callee.held, "no cancellation between the call and the store");
    cr_expect_not(cancellation_is_held());
    cr_expect_eq(sh_kind_of(v[0].handle), &sh_kind_pipe);
    cr_expect_eq(write((int)sh_dangerous_get_handle(v[1].handle), "x", 1), 1);
    cr_expect_eq(testing_open_descriptors(), descriptors + 2);
    cr_expect_eq(open_handles(), handles + 2);
    cr_expect_eq(sh_close(v[0].handle), SH_OK);
    cr_expect_eq(sh_close(v[1].handle), SH_OK);
    cr_expect_eq(testing_open_descriptors(), descriptors);
    sh_call_descriptor_free(d);
}

Test(call, disposes_of_wrappers_that_nothing_came_out_for)
{
    sh_call_descriptor *d = parse("int f(pipe out, pipe out) fails negative errno");
    size_t handles = open_handles();
    callee.answer = -1;
    sh_value v[2], returned;
    cr_expect_eq(sh_call_make(d, FUNCTION(make_pipe), v, NULL, &returned, NULL), SH_E_SYSTEM);
    cr_expect_eq(errno, EMFILE);
    cr_expect_eq(returned.i, -1);
    cr_expect(v[0].handle == NULL && v[1].handle == NULL);
    cr_expect_eq(open_handles(), handles);
    sh_call_descriptor_free(d);
}

Test(call, owns_what_is_given_back)
{
    sh_call_descriptor *d = parse("file open(string path, int flags, u32 mode) errno");
    size_t handles = open_handles();
    sh_value v[] = {{.string = "/dev/null"}, {.i = O_RDONLY | O_CLOEXEC}, {.u = 0}}, returned;
    cr_assert_eq(sh_call_make(d, FUNCTION(open), v, NULL, &returned, NULL), SH_OK);
    cr_expect_eq(sh_kind_of(returned.handle), &sh_kind_file);
    cr_expect_eq(sh_close(returned.handle), SH_OK);
    v[0].string = "/nowhere/at/all";
    cr_expect_eq(sh_call_make(d, FUNCTION(open), v, NULL, &returned, NULL), SH_E_SYSTEM);
    cr_expect_eq(errno, ENOENT);
    cr_expect_null(returned.handle);
    cr_expect_eq(open_handles(), handles);
    sh_call_descriptor_free(d);
}

static int store_in(int64_t *in_out, int *out_plain)
{
    note();
    callee.given[0] = *in_out;
    *in_out = callee.store;
    *out_plain = 3;
    return callee.answer;
}

Test(call, gives_an_inout_handle_back_that_did_not_change)
{
    sh_call_descriptor *d = parse("int f(thing inout, int out) fails nonzero");
    sh_handle *h = thing(7);
    size_t handles = open_handles();
    callee.store = 7;
    sh_value v[] = {{.handle = h}, {.u = 0}}, returned;
    cr_expect_eq(sh_call_make(d, FUNCTION(store_in), v, NULL, &returned, NULL), SH_OK);
    cr_expect_eq(v[0].handle, h);
    cr_expect_eq(callee.given[0], 7);
    cr_expect_eq(v[1].i, 3);
    cr_expect_eq(open_handles(), handles);
    sh_call_descriptor_free(d);
}

Test(call, makes_a_new_handle_of_an_inout_one_that_changed)
{
    sh_call_descriptor *d = parse("int f(thing inout, int out) fails nonzero");
    sh_handle *h = thing(7);
    callee.store = 8;
    callee.answer = 1;
    sh_value v[] = {{.handle = h}, {.u = 0}}, returned;
    cr_expect_eq(sh_call_make(d, FUNCTION(store_in), v, NULL, &returned, NULL), SH_E_SYSTEM, "stored all the same");
    cr_expect_neq(v[0].handle, h);
    cr_expect_eq(sh_dangerous_get_handle(v[0].handle), 8);
    cr_expect_eq(sh_close(h), SH_OK);
    cr_expect_eq(testing_released().last_raw, 7, "it still owns its value");
    cr_expect_eq(sh_close(v[0].handle), SH_OK);
    cr_expect_eq(testing_released().last_raw, 8);
    sh_call_descriptor_free(d);
}

Test(call, has_no_handle_where_an_inout_one_became_invalid)
{
    sh_call_descriptor *d = parse("int f(thing inout, int out) fails nonzero");
    sh_handle *h = thing(7);
    size_t handles = open_handles();
    callee.store = 0;
    sh_value v[] = {{.handle = h}, {.u = 0}}, returned;
    cr_expect_eq(sh_call_make(d, FUNCTION(store_in), v, NULL, &returned, NULL), SH_OK);
    cr_expect_null(v[0].handle);
    cr_expect_eq(open_handles(), handles, "and h goes on");
    sh_call_descriptor_free(d);
}

Test(call, gives_wrappers_what_the_options_say)
{
    sh_call_descriptor *d = parse("thing f(i64) fails zero");
    int context = 0;
    const sh_create_options options = {.context = &context};
    sh_value value = {.i = 12}, returned;
    cr_assert_eq(sh_call_make(d, FUNCTION(give_noise), &value, &options, &returned, NULL), SH_OK);
    cr_expect_eq(sh_close(returned.handle), SH_OK);
    cr_expect_eq(testing_released().last_context, &context);
    sh_call_descriptor_free(d);
}

Test(call, is_refused_where_no_handle_can_be_made)
{
    sh_call_descriptor *d = parse("thing f(i64, thing out)");
    sh_value v[] = {{.i = 12}, {.u = 0}}, returned;
    sh_call_error error;
    cr_assert_eq(sh_shutdown(TESTING_DEADLINE_MS), SH_OK);
    cr_expect_eq(sh_call_make(d, FUNCTION(give_noise), v, NULL, &returned, &error), SH_E_CLOSED);
    cr_expect_str_eq(
        error.message,
        "f: parameter 2: no handle could be made for what comes out. The handle is closed, or the runtime is "
        "not running: open a new handle, or call sh_init first.");
    sh_call_descriptor_free(d);
}

/* ---- going back -------------------------------------------------------------------------------------------------- */

static int everything(int64_t in, int64_t *in_out, int64_t consumed, int64_t *out)
{
    (void)in;
    *in_out = 71;
    *out = 72;
    (void)consumed;
    note();
    return 73;
}

static size_t make_fail(const char *what, int nth, sh_value *v, sh_call_descriptor *d)
{
    sh_value returned;
    sh_call_error error;
    testing_at(what, nth, NULL, NULL);
    sh_status status = sh_call_make(d, FUNCTION(everything), v, NULL, &returned, &error);
    size_t reached = (size_t)testing_reached();
    testing_at_nothing();
    cr_expect_eq(status, reached < (size_t)nth ? SH_OK : SH_E_NOMEM, "%s", sh_status_name(status));
    return status == SH_OK ? 0 : reached;
}

Test(call, leaves_nothing_behind_wherever_memory_runs_out)
{
    sh_call_descriptor *d = parse("thing f(thing in, thing inout, thing consume, thing out)");
    int refusals = 0;
    for (int nth = 1;; nth++) {
        sh_handle *in = thing(1), *in_out = thing(2), *consumed = thing(3);
        size_t handles = open_handles();
        sh_value v[] = {{.handle = in}, {.handle = in_out}, {.handle = consumed}, {.u = 4}};
        if (make_fail("gc.handle", nth, v, d) == 0)
            break;
        refusals++;
        cr_expect_eq(open_handles(), handles);
        cr_expect(v[0].handle == in && v[1].handle == in_out && v[2].handle == consumed && v[3].u == 4);
        cr_expect_eq(leases_of(in) + leases_of(in_out) + leases_of(consumed), 0);
        cr_expect_not(sh_is_closed(consumed));
        cr_expect_not(cancellation_is_held());
        (void)sh_close(in);
        (void)sh_close(in_out);
        (void)sh_close(consumed);
    }
    cr_expect_geq(refusals, 4, "a wrapper for each that comes out: %d", refusals);
    sh_call_descriptor_free(d);
}

/* ---- consuming --------------------------------------------------------------------------------------------------- */

static int swallow(int64_t value)
{
    note();
    callee.given[0] = value;
    return callee.answer;
}

static sh_status consume(sh_handle **h, sh_call_error *out_error)
{
    sh_call_descriptor *d = parse("int swallow(thing consume h) fails nonzero");
    sh_value value = {.handle = *h}, returned;
    sh_status status = sh_call_make(d, FUNCTION(swallow), &value, NULL, &returned, out_error);
    *h = value.handle;
    sh_call_descriptor_free(d);
    return status;
}

Test(consume, gives_the_value_away)
{
    sh_handle *h = thing(7), *given = h;
    size_t handles = open_handles();
    cr_expect_eq(consume(&given, NULL), SH_OK);
    cr_expect_eq(callee.given[0], 7);
    cr_expect(callee.held);
    cr_expect_eq(given, h);
    cr_expect(sh_is_closed(h) && sh_is_released(h));
    cr_expect_eq(testing_released().count, 0, "it is the callee's");
    cr_expect_eq(open_handles(), handles - 1);
    sh_call_error error;
    cr_expect_eq(consume(&given, &error), SH_E_CLOSED, "once");
    cr_expect_str_eq(error.message, "swallow: parameter 1 (h) is closed. Pass an open handle of kind thing.");
}

Test(consume, takes_it_back_when_the_callee_fails)
{
    int context = 0;
    const sh_create_options options = {.context = &context};
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_derived_kind, 7, &options, &h), SH_OK);
    sh_handle *given = h;
    callee.answer = 1;
    cr_expect_eq(consume(&given, NULL), SH_E_SYSTEM);
    cr_expect_neq(given, h);
    cr_expect(sh_is_released(h));
    cr_expect_eq(sh_dangerous_get_handle(given), 7);
    cr_expect_eq(sh_kind_of(given), &testing_derived_kind, "its own kind, not the one that was asked for");
    cr_expect_eq(testing_released().count, 0);
    cr_expect_eq(sh_close(given), SH_OK);
    cr_expect_eq(testing_released().last_context, &context);
}

Test(consume, is_refused_while_somebody_uses_it)
{
    sh_handle *h = thing(7), *given = h;
    size_t handles = open_handles();
    bool referenced = false;
    cr_assert_eq(sh_dangerous_add_ref(h, &referenced), SH_OK);
    cr_expect_eq(consume(&given, NULL), SH_E_TIMEOUT);
    cr_expect_eq(sh_dangerous_release(h), SH_OK);
    sh_lease lease;
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    cr_expect_eq(consume(&given, NULL), SH_E_TIMEOUT);
    cr_expect_not(sh_is_closed(h));
    sh_lease_end(&lease);
    cr_expect_eq(open_handles(), handles);
    cr_expect_eq(callee.calls, 0);
    cr_expect_eq(consume(&given, NULL), SH_OK);
}

Test(consume, is_refused_for_what_is_not_owned)
{
    const sh_create_options options = {.not_owned = true};
    sh_handle *h;
    cr_assert_eq(sh_wrap(&testing_kind, 7, &options, &h), SH_OK);
    sh_call_error error;
    cr_expect_eq(consume(&h, &error), SH_E_ARGUMENT);
    cr_expect_str_eq(error.message, "swallow: parameter 1 (h) does not own its value, so it cannot give it away. Pass "
                                    "the handle that owns it.");
    cr_expect_not(sh_is_closed(h));
    sh_handle *unset;
    cr_assert_eq(sh_create(&testing_kind, NULL, &unset), SH_OK);
    cr_expect_eq(consume(&unset, NULL), SH_E_INVALID);
    sh_handle *nothing = NULL;
    cr_expect_eq(consume(&nothing, NULL), SH_E_ARGUMENT);
}

/* A number that the callee has closed may be anybody's by now. */
Test(consume, forgets_the_number_before_the_callee_has_it)
{
    sh_call_descriptor *d = parse("int close(fd consume)");
    sh_handle *h, *other;
    cr_assert_eq(sh_open_event(0, 0, NULL, &h), SH_OK);
    sh_raw number = sh_dangerous_get_handle(h);
    sh_value value = {.handle = h}, returned;
    cr_expect_eq(sh_call_make(d, FUNCTION(close), &value, NULL, &returned, NULL), SH_OK);
    cr_expect_eq(returned.i, 0);
    cr_assert_eq(eventfd(0, EFD_CLOEXEC), number);
    cr_assert_eq(sh_wrap(&sh_kind_event, number, NULL, &other), SH_OK);
    cr_expect_eq(testing_events(SH_EVENT_DOUBLE_WRAP, NULL), 0);
    cr_expect_eq(sh_close(other), SH_OK);
    sh_call_descriptor_free(d);
}

static void lease_now(void *data)
{
    static sh_lease lease;
    sh_raw raw;
    cr_expect_eq(sh_lease_begin(&lease, *(sh_handle **)data, &raw), SH_OK);
}

/* Seen by the look after the closing, and too late for the one before. */
Test(consume, leaves_it_to_a_user_who_comes_in_between)
{
    sh_handle *h = thing(7), *given = h;
    bool referenced = false;
    (void)referenced;
    testing_at("core.close", 1, lease_now, &h);
    sh_call_error error;
    cr_expect_eq(consume(&given, &error), SH_E_TIMEOUT);
    testing_at_nothing();
    cr_expect_eq(callee.calls, 0);
    cr_expect_eq(given, h);
    cr_expect(sh_is_closed(h));
    cr_expect_not(sh_is_released(h));
    cr_expect_eq(testing_released().count, 0, "the user is not done");
}

/* As another thread, which comes no further for now. */
static void invalidate(void *handle)
{
    sh_handle *h = handle;
    (void)state_word_invalidate(&h->state, thread_lessee());
}

Test(consume, gives_nothing_away_that_was_set_as_invalid_meanwhile)
{
    sh_handle *h = thing(7), *given = h;
    sh_lease lease; /* so that there is a step between the closing and the claim */
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    sh_lease_end(&lease);
    testing_at("handle.looked-once", 1, invalidate, h);
    cr_expect_eq(consume(&given, NULL), SH_E_CLOSED);
    testing_at_nothing();
    cr_expect_eq(callee.calls, 0);
    cr_expect_eq(testing_released().count, 0);
    cr_expect(sh_is_released(h));
}

static void close_too(void *h)
{
    (void)sh_close(h);
}

Test(consume, comes_too_late_after_a_close)
{
    sh_handle *h = thing(7), *given = h;
    testing_at("core.close", 1, close_too, h);
    cr_expect_eq(consume(&given, NULL), SH_E_CLOSED);
    testing_at_nothing();
    cr_expect_eq(callee.calls, 0);
    cr_expect_eq(testing_released().count, 1);
}

static void *lease_once(void *h)
{
    sh_lease lease;
    sh_raw raw;
    cr_assert_eq(sh_lease_begin(&lease, h, &raw), SH_OK);
    sh_lease_end(&lease);
    return h;
}

/* The calling thread is another. */
static void lease_elsewhere(sh_handle *h)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, lease_once, h), 0);
    (void)pthread_join(thread, NULL);
    (void)lease_once(h);
}

static int refuse(sh_raw raw, void *context)
{
    (void)raw;
    (void)context;
    cr_expect(false, "there was nothing to release");
    return 0;
}

static uint32_t give_none(void)
{
    return UINT32_MAX;
}

static void write_none(uint32_t *out)
{
    *out = UINT32_MAX;
}

Test(call, knows_a_kinds_none_in_a_narrow_type)
{
    static const sh_kind texture = {.name = "texture", .invalid_value = -1, .release = refuse};
    static const sh_kind *const textures[] = {&texture};
    sh_call_descriptor *giving, *writing;
    cr_assert_eq(sh_call_parse("texture:u32 give()", textures, 1, NULL, &giving, NULL), SH_OK);
    cr_assert_eq(sh_call_parse("void write(texture:u32 out)", textures, 1, NULL, &writing, NULL), SH_OK);
    sh_value value, returned = {.u = 1};
    cr_expect_eq(sh_call_make(giving, FUNCTION(give_none), NULL, NULL, &returned, NULL), SH_E_SYSTEM);
    cr_expect_null(returned.handle);
    cr_expect_eq(sh_call_make(writing, FUNCTION(write_none), &value, NULL, &returned, NULL), SH_OK);
    cr_expect_null(value.handle);
    sh_call_descriptor_free(giving);
    sh_call_descriptor_free(writing);
}

Test(consume, gives_away_what_other_threads_have_used)
{
    sh_handle *h = thing(7);
    lease_elsewhere(h);
    cr_expect_eq(consume(&h, NULL), SH_OK);
    cr_expect_eq(callee.given[0], 7);
}

Test(consume, says_when_there_is_no_barrier)
{
    sh_handle *h = thing(7);
    lease_elsewhere(h);
    testing_from("platform.barrier", 1, NULL, NULL);
    cr_expect_eq(consume(&h, NULL), SH_E_UNSUPPORTED);
    testing_at_nothing();
    cr_expect_eq(callee.calls, 0);
    cr_expect_eq(testing_events(SH_EVENT_LEAKED_REFERENCE, NULL), 1);
}

/* As a waiter does for a user who came and left meanwhile. */
Test(consume, gives_no_tombstone_away)
{
    sh_call_descriptor *d = parse("int close(fd consume)");
    sh_handle *h;
    cr_assert_eq(sh_open_event(0, 0, NULL, &h), SH_OK);
    lease_elsewhere(h);
    int tombstone = open("/", O_PATH | O_CLOEXEC);
    cr_assert_geq(dup3(tombstone, (int)sh_dangerous_get_handle(h), O_CLOEXEC), 0);
    sh_value value = {.handle = h}, returned = {.i = 5};
    cr_expect_eq(sh_call_make(d, FUNCTION(close), &value, NULL, &returned, NULL), SH_E_TIMEOUT);
    cr_expect_eq(returned.i, 5, "it was not called");
    cr_expect(sh_is_released(h));
    (void)close(tombstone);
    sh_call_descriptor_free(d);
}

static void lose_number(void *handle)
{
    sh_handle *h = handle;
    cr_assert(owner_map_disown(h, owner_map_place(handle_class_of(h), handle_raw(h))));
}

Test(consume, gives_no_number_away_that_somebody_else_has)
{
    sh_call_descriptor *d = parse("int close(fd consume)");
    sh_handle *h;
    cr_assert_eq(sh_open_event(0, 0, NULL, &h), SH_OK);
    lease_elsewhere(h);
    testing_at("handle.looked", 1, lose_number, h);
    sh_value value = {.handle = h}, returned = {.i = 5};
    cr_expect_eq(sh_call_make(d, FUNCTION(close), &value, NULL, &returned, NULL), SH_E_CLOSED);
    testing_at_nothing();
    cr_expect_eq(returned.i, 5, "it was not called");
    cr_expect_eq(testing_events(SH_EVENT_DOUBLE_WRAP, NULL), 1);
    sh_call_descriptor_free(d);
}

/* ---- the bracket ------------------------------------------------------------------------------------------------- */

Test(call, gives_a_bracket_what_it_passes)
{
    sh_call_descriptor *d =
        parse("thing f(thing in, thing inout, thing consume, thing out, i64 x, int out y, bytes out z)");
    sh_handle *in = thing(1), *in_out = thing(2), *consumed = thing(3), *returned = NULL;
    char buffer[4];
    sh_value v[] = {{.handle = in}, {.handle = in_out}, {.handle = consumed}, {.u = 0},
                    {.i = 5},       {.u = 9},           {.pointer = buffer}};
    sh_call call;
    cr_assert_eq(sh_call_enter(&call, d, v, NULL, &returned, NULL), SH_OK);
    cr_expect(cancellation_is_held());
    cr_expect_eq(sh_call_argument(&call, 1).i, 1);
    sh_raw *in_out_place = sh_call_argument(&call, 2).pointer;
    cr_expect_eq(*in_out_place, 2);
    cr_expect_eq(v[1].handle, in_out, "until leave");
    cr_expect_eq(sh_call_argument(&call, 3).i, 3);
    sh_raw *out_place = sh_call_argument(&call, 4).pointer;
    cr_expect_eq(*out_place, 0, "the invalid value");
    cr_expect(sh_kind_of(v[3].handle) == &testing_kind && sh_is_invalid(v[3].handle), "the host has it already");
    cr_expect(sh_kind_of(returned) == &testing_kind && sh_is_invalid(returned));
    cr_expect_eq(sh_call_argument(&call, 5).i, 5);
    int *plain = sh_call_argument(&call, 6).pointer;
    *plain = -4;
    cr_expect_eq(sh_call_argument(&call, 7).pointer, buffer);
    cr_expect_eq(sh_call_argument(&call, 8).u, 0);
    sh_handle *wrapper = v[3].handle;
    *out_place = 44;
    cr_expect_eq(sh_call_leave(&call, (sh_value){.i = 55}, 0, &returned), SH_OK);
    cr_expect_not(cancellation_is_held());
    cr_expect(v[3].handle == wrapper && sh_dangerous_get_handle(wrapper) == 44);
    cr_expect_eq(sh_dangerous_get_handle(returned), 55);
    cr_expect_eq(v[5].i, -4);
    cr_expect_eq(v[1].handle, in_out);
    cr_expect_eq(sh_call_leave(&call, (sh_value){.i = 55}, 0, &returned), SH_E_ARGUMENT, "once");
    sh_call_descriptor_free(d);
}

Test(call, can_be_abandoned)
{
    sh_call_descriptor *d = parse("thing f(thing in, thing inout, thing consume, thing out, i8 inout)");
    sh_handle *in = thing(1), *in_out = thing(2), *consumed = thing(3), *returned = NULL;
    size_t handles = open_handles();
    sh_value v[] = {{.handle = in}, {.handle = in_out}, {.handle = consumed}, {.u = 0}, {.i = -5}};
    sh_call call;
    cr_assert_eq(sh_call_enter(&call, d, v, NULL, &returned, NULL), SH_OK);
    sh_call_abandon(&call, &returned);
    cr_expect_not(cancellation_is_held());
    cr_expect(v[0].handle == in && v[1].handle == in_out && v[3].handle == NULL && returned == NULL);
    cr_expect_eq(v[4].i, -5);
    cr_expect_neq(v[2].handle, consumed);
    cr_expect_eq(sh_dangerous_get_handle(v[2].handle), 3);
    cr_expect_eq(open_handles(), handles);
    cr_expect_eq(leases_of(in) + leases_of(in_out), 0);
    sh_call_descriptor_free(d);
}

/* ---- what happens during a call ---------------------------------------------------------------------------------- */

static int close_it(int64_t value)
{
    (void)value;
    callee.answer = (int)sh_close(callee.leased);
    callee.calls = (int)testing_released().count;
    return 0;
}

Test(call, keeps_a_handle_open_that_is_closed_during_the_call)
{
    sh_call_descriptor *d = parse("int f(thing)");
    sh_value value = {.handle = thing(7)}, returned;
    callee.leased = value.handle;
    cr_expect_eq(sh_call_make(d, FUNCTION(close_it), &value, NULL, &returned, NULL), SH_OK);
    cr_expect_eq(callee.answer, SH_PENDING);
    cr_expect_eq(callee.calls, 0, "not under the callee");
    cr_expect_eq(testing_released().count, 1, "the call was the last user");
    sh_call_descriptor_free(d);
}

static sh_domain *domain;
static sh_value during[2];

static int64_t unload_it(int64_t value, int64_t *out)
{
    *out = value + 1;
    callee.answer = (int)sh_domain_unload(domain, 0, NULL);
    return value + 2;
}

Test(call, loses_nothing_to_an_unload_during_the_call)
{
    sh_call_descriptor *d = parse("thing f(i64, thing out)");
    cr_assert_eq(sh_domain_create("calls", &domain), SH_OK);
    const sh_create_options options = {.domain = domain};
    during[0].i = 7;
    sh_value returned;
    cr_expect_eq(sh_call_make(d, FUNCTION(unload_it), during, &options, &returned, NULL), SH_OK);
    testing_settle();
    cr_expect(sh_is_closed(during[1].handle) && sh_is_closed(returned.handle));
    cr_expect_eq(testing_released().count, 2, "by us: %zu", testing_released().count);
    sh_call_descriptor_free(d);
}

static int end_thread(int64_t value, int64_t *out)
{
    (void)value;
    *out = 5;
    pthread_exit(NULL);
}

static void *call_and_end(void *data)
{
    static sh_value v[2], returned; /* AddressSanitizer does not see how this stack is left */
    v[0].handle = data;
    sh_call_descriptor *d = parse("int f(thing, thing out)");
    (void)sh_call_make(d, FUNCTION(end_thread), v, NULL, &returned, NULL);
    return d;
}

Test(call, gives_back_what_it_had_when_the_callee_ends_its_thread)
{
    sh_handle *h = thing(7);
    size_t handles = open_handles();
    pthread_t thread;
    void *returned = h;
    cr_assert_eq(pthread_create(&thread, NULL, call_and_end, h), 0);
    cr_assert_eq(pthread_join(thread, &returned), 0);
    cr_expect_null(returned, "it did not come back");
    cr_expect_eq(leases_of(h), 0);
    cr_expect_eq(open_handles(), handles);
}

static atomic_word inside;

/* As accept4: blocks at a cancellation point, and makes a descriptor. */
static int make_slowly(int descriptor)
{
    char byte;
    atomic_word_store_release(&inside, 1);
    ssize_t got = read(descriptor, &byte, 1);
    return got == 1 ? dup(descriptor) : -1;
}

static void *call_until_cancelled(void *data)
{
    sh_call_descriptor *d = parse("fd make(pipe in) blocking errno");
    static sh_value value, returned; /* AddressSanitizer does not see how this stack is left */
    value.handle = data;
    during[0].i = (int64_t)sh_call_make(d, FUNCTION(make_slowly), &value, NULL, &returned, NULL);
    during[1].handle = returned.handle;
    pthread_testcancel();
    return d;
}

Test(call, loses_no_descriptor_to_a_cancellation)
{
    sh_handle *input, *output;
    cr_assert_eq(sh_open_pipe(0, NULL, &input, &output), SH_OK);
    size_t descriptors = testing_open_descriptors();
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, call_until_cancelled, input), 0);
    while (atomic_word_load_acquire(&inside) == 0)
        platform_sleep_ms(1);
    cr_assert_eq(pthread_cancel(thread), 0);
    cr_assert_eq(write((int)sh_dangerous_get_handle(output), "x", 1), 1);
    void *ended;
    cr_assert_eq(pthread_join(thread, &ended), 0);
    cr_expect_eq(ended, PTHREAD_CANCELED);
    cr_expect_eq(during[0].i, SH_OK);
    cr_expect_eq(testing_open_descriptors(), descriptors + 1);
    cr_expect_eq(sh_close(during[1].handle), SH_OK);
    cr_expect_eq(testing_open_descriptors(), descriptors);
}

/* ---- regions ----------------------------------------------------------------------------------------------------- */

Test(call, allocates_nothing_in_a_region_that_has_it_in_reserve)
{
    sh_call_descriptor *d = parse("thing f(thing in, thing inout, thing consume, thing out)");
    sh_handle *in = thing(1), *in_out = thing(2), *consumed = thing(3);
    sh_value v[] = {{.handle = in}, {.handle = in_out}, {.handle = consumed}, {.u = 0}}, returned;
    sh_region region;
    const sh_reserve reserve = {.handle_count = 4, .lease_count = 3};
    cr_assert_eq(sh_region_enter(&region, &reserve), SH_OK);
    static const char *const allocations[] = {"gc.handle", "gc.scanned", "platform.pages", "platform.memory"};
    size_t reached = 0;
    sh_call_error error;
    for (size_t i = 0; i < sizeof allocations / sizeof *allocations; i++) {
        if (i > 0)
            v[2].handle = NULL; /* refused as late as can be: everything before has happened */
        testing_from(allocations[i], 1, NULL, NULL);
        sh_status status = sh_call_make(d, FUNCTION(everything), v, NULL, &returned, &error);
        cr_expect_eq(status, i == 0 ? SH_OK : SH_E_ARGUMENT, "%s", error.message);
        v[1].handle = in_out;
        reached += (size_t)testing_reached();
        testing_at_nothing();
        if (i == 0) {
            cr_expect_eq(sh_region_leave(&region), SH_OK);
            cr_assert_eq(sh_region_enter(&region, &reserve), SH_OK);
        }
    }
    cr_expect_eq(reached, 0, "nobody asked for memory");
    sh_region_end(&region);
    sh_call_descriptor_free(d);
}

/* ---- blocking ---------------------------------------------------------------------------------------------------- */

static char steps[8];

static void leave_host(void *data)
{
    (void)strcat(data, "<");
}

static void enter_host(void *data)
{
    (void)strcat(data, ">");
    errno = ENOTDIR; /* as taking a lock may */
}

static int block(int64_t value)
{
    (void)value;
    (void)strcat(steps, "c");
    errno = EPROTO;
    return -1;
}

Test(call, leaves_the_hosts_lock_for_a_call_that_blocks)
{
    const sh_call_hooks hooks = {leave_host, enter_host, steps};
    sh_call_descriptor *d, *quick;
    cr_assert_eq(sh_call_parse("int f(thing) fails negative blocking errno", kinds, 1, &hooks, &d, NULL), SH_OK);
    cr_assert_eq(sh_call_parse("int f(thing) fails negative errno", kinds, 1, &hooks, &quick, NULL), SH_OK);
    sh_value value = {.handle = thing(7)}, returned;
    cr_expect_eq(sh_call_make(d, FUNCTION(block), &value, NULL, &returned, NULL), SH_E_SYSTEM);
    cr_expect_eq(errno, EPROTO);
    cr_expect_str_eq(steps, "<c>");
    cr_expect_eq(sh_call_make(quick, FUNCTION(block), &value, NULL, &returned, NULL), SH_E_SYSTEM);
    cr_expect_str_eq(steps, "<c>c");
    sh_call_descriptor_free(d);
    sh_call_descriptor_free(quick);
}

static void note_run(void *data)
{
    (void)strcat(data, "r");
    if (strlen(data) < 3)
        sh_run_blocking(note_run, data);
}

Test(call, runs_outside_of_the_collector_once)
{
    sh_run_blocking(note_run, steps);
    cr_expect_str_eq(steps, "rrr");
}

Test(run_blocking, needs_no_runtime)
{
    sh_run_blocking(note_run, steps);
    cr_expect_str_eq(steps, "rrr");
}
