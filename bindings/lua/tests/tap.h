/* SPDX-License-Identifier: MIT */
/* For the C programs that test the Lua binding: cases in the TAP format, states with a script, descriptors counted. */
#ifndef SAFEHANDLE_LUA_TAP_H
#define SAFEHANDLE_LUA_TAP_H

#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int luaopen_safehandle(lua_State *L);

static struct {
    int cases;
    int failed;
    atomic_int failures; /* in the running case; any thread */
} tap;

/* Goes on, so that a case ends in order. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)printf("# %s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                                   \
            (void)atomic_fetch_add(&tap.failures, 1);                                                                  \
        }                                                                                                              \
    } while (0)

#define TAP_RUN(run) tap_run(#run, run)

static inline void tap_run(const char *name, void (*run)(void))
{
    atomic_store(&tap.failures, 0);
    run();
    tap.cases++;
    int failed = atomic_load(&tap.failures) > 0;
    tap.failed += failed;
    (void)printf("%sok %d - %s\n", failed ? "not " : "", tap.cases, name);
    (void)fflush(stdout);
}

static inline int tap_end(void)
{
    (void)printf("1..%d\n", tap.cases);
    return tap.failed == 0 ? 0 : 1;
}

static inline int count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return -1;
    int count = 0;
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count;
}

/* Nothing may be left for the unload of the state's domain: what it released is told as a warning. */
static inline void warn_in_test(void *unused, const char *message, int continues)
{
    (void)unused;
    (void)continues;
    CHECK(strstr(message, "forgotten") == NULL);
}

/* Adds the libraries, and the module as the global sh. */
static inline void fill_state(lua_State *L)
{
    lua_setwarnf(L, warn_in_test, NULL);
    luaL_openlibs(L);
    luaL_requiref(L, "safehandle", luaopen_safehandle, 0);
    lua_setglobal(L, "sh");
}

/* Runs a script that may not raise an error. */
static inline void run_script(lua_State *L, const char *text)
{
    int status = luaL_dostring(L, text);
    if (status != LUA_OK)
        (void)printf("# %s\n", luaL_tolstring(L, -1, NULL));
    CHECK(status == LUA_OK);
}

#endif
