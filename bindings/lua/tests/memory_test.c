/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out at every allocation of Lua's in turn: a script gets an error, and no descriptor is lost. Lua tries an
 * allocation that failed a second time, after a collection: so two fail in a row, or all from the first on.
 */
#include "tap.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ALLOCATIONS_AT_MOST = 5000 };

/* Invariant: counts while counting is set; those from first to last fail. */
static struct {
    bool counting;
    long count;
    long first;
    long last;
} memory;

static void *allocate(void *unused, void *old, size_t old_size_bytes, size_t size_bytes)
{
    (void)unused;
    if (size_bytes == 0) {
        free(old);
        return NULL;
    }
    bool grows = old == NULL || size_bytes > old_size_bytes; /* Lua relies on it that what shrinks does not fail */
    if (memory.counting && grows && ++memory.count >= memory.first && memory.count <= memory.last)
        return NULL;
    return realloc(old, size_bytes);
}

/* A release that needs no memory. */
static int close_number(lua_State *L)
{
    if (close((int)luaL_checkinteger(L, 1)) == 0)
        return 0;
    lua_pushnil(L);
    lua_pushliteral(L, "close");
    lua_pushinteger(L, errno);
    return 3;
}

static const char *const preparation =
    "kind = sh.kind {name = 'number', base = 'fd', release = close_number}"
    "open = sh.declare 'file open(string path, int flags, u32 mode) errno'"
    "dup = sh.declare 'number dup(fd in) errno'"
    "read = sh.declare 'isize read(fd in, bytes out[n, return], usize n) fails negative blocking errno'"
    "refuse = sh.declare 'int listen(fd consume, int count) fails negative errno'";

static const char *const scripts[] = {
    "sh.open('/etc/passwd'):read('l', 'L', 10, 'a')",
    "local r, w = sh.pipe(); w:write('some', 7, 'line\\n'); w:close(); for line in r:lines() do end",
    "sh.socket(sh.AF_UNIX, sh.SOCK_STREAM):duplicate():close(); sh.event(1):close(1)",
    ("local h = open('/dev/null', 0, 0); local n = dup(h); read(h, 10); local copy = n:duplicate(); n:close(); "
     "dup(copy)"),
    "local h = sh.open '/dev/zero'; refuse(h, 1); h:read(1); h:lease(function(fd) return h:lease(), fd end)",
    "coroutine.wrap(function() sh.open('/dev/zero'):lease(coroutine.yield) end)()",
    "local h <close> = sh.open '/dev/zero'; h:lease(function() h:close() error 'out' end)",
    "local h = sh.open '/dev/null'; sh.adopt(h:share()); h:share(); sh.adopt(h:share()):close()",
    "sh.declare 'isize read(fd in, bytes out[n, return], usize n) fails negative errno'(sh.open '/dev/zero', 5)",
    "sh.kind {name = 'new', base = 'fd', release = close_number, duplicate = function(raw) return raw end}",
};

/* One state; whether the script had all the memory that it asked for. */
static bool run_once(const char *script, long first, long last)
{
    lua_State *L = lua_newstate(allocate, NULL);
    fill_state(L);
    lua_register(L, "close_number", close_number);
    run_script(L, preparation);
    CHECK(luaL_loadstring(L, script) == LUA_OK);
    memory.count = 0;
    memory.first = first;
    memory.last = last;
    memory.counting = true;
    (void)lua_pcall(L, 0, 0, 0);
    memory.counting = false;
    bool had_all = memory.count < first;
    lua_close(L);
    return had_all;
}

static void run_all(bool fails_once)
{
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        int before = count_descriptors();
        long n = 1;
        while (n < ALLOCATIONS_AT_MOST && !run_once(scripts[i], n, fails_once ? n + 1 : ALLOCATIONS_AT_MOST * 2))
            n++;
        CHECK(n > 1 && n < ALLOCATIONS_AT_MOST);
        int after = count_descriptors();
        if (after != before)
            (void)printf("# %d descriptors more after: %s\n", after - before, scripts[i]);
        CHECK(after == before);
    }
}

static void one_allocation_fails(void)
{
    run_all(true);
}

static void all_allocations_fail_from_one_on(void)
{
    run_all(false);
}

static int open_module(lua_State *L)
{
    luaL_requiref(L, "safehandle", luaopen_safehandle, 1);
    return 0;
}

static void the_module_cannot_be_loaded(void)
{
    int before = count_descriptors();
    long n = 1;
    for (bool loaded = false; !loaded && n < ALLOCATIONS_AT_MOST; n++) {
        lua_State *L = lua_newstate(allocate, NULL);
        memory.count = 0;
        memory.first = n;
        memory.last = ALLOCATIONS_AT_MOST * 2;
        memory.counting = true;
        lua_pushcfunction(L, open_module);
        loaded = lua_pcall(L, 0, 0, 0) == LUA_OK;
        memory.counting = false;
        lua_close(L);
    }
    CHECK(n > 2 && n < ALLOCATIONS_AT_MOST);
    CHECK(count_descriptors() == before);
}

int main(void)
{
    (void)run_once("", 1, 0); /* the library opens a descriptor of its own, once */
    TAP_RUN(one_allocation_fails);
    TAP_RUN(all_allocations_fail_from_one_on);
    TAP_RUN(the_module_cannot_be_loaded);
    return tap_end();
}
