/* SPDX-License-Identifier: MIT */
/* Handles that several states on several threads have. */
#include "tap.h"
#include <pthread.h>
#include <unistd.h>

enum { RACES = 20, STATES = 3 };

/* What one thread does: a state of its own, with the token as a global. */
typedef struct part {
    pthread_t thread;
    lua_Integer token;
    const char *script;
    atomic_bool *begun; /* set by the script's begin() */
} part;

static int tell_begun(lua_State *L)
{
    atomic_store((atomic_bool *)lua_touserdata(L, lua_upvalueindex(1)), true);
    return 0;
}

static void *run_part(void *data)
{
    part *of = data;
    lua_State *L = luaL_newstate();
    fill_state(L);
    lua_pushinteger(L, of->token);
    lua_setglobal(L, "token");
    lua_pushlightuserdata(L, of->begun);
    lua_pushcclosure(L, tell_begun, 1);
    lua_setglobal(L, "begin");
    run_script(L, of->script);
    lua_close(L);
    return NULL;
}

static lua_State *make_state(void)
{
    lua_State *L = luaL_newstate();
    fill_state(L);
    return L;
}

/* What the script's last expression gives. */
static lua_Integer number_of(lua_State *L, const char *script)
{
    run_script(L, script);
    lua_Integer number = lua_tointeger(L, -1);
    lua_settop(L, 0);
    return number;
}

static void start(part *of)
{
    CHECK(pthread_create(&of->thread, NULL, run_part, of) == 0);
}

static void another_state_uses_the_same_handle(void)
{
    int before = count_descriptors();
    lua_State *L = make_state();
    atomic_bool begun = false;
    part other = {.begun = &begun,
                  .token = number_of(L, "r, w = sh.pipe(); return r:share()"),
                  .script = "local r = sh.adopt(token)"
                            "assert(r:read(5) == 'hello')"
                            "assert(not pcall(sh.adopt, token))"};
    start(&other);
    run_script(L, "w:write 'hello'");
    (void)pthread_join(other.thread, NULL);
    run_script(L, "w:write 'again'; assert(r:read(5) == 'again')");
    lua_close(L);
    CHECK(count_descriptors() == before);
}

static void a_close_wakes_a_reader_in_another_state(void)
{
    int before = count_descriptors();
    lua_State *L = make_state();
    atomic_bool begun = false;
    part other = {.begun = &begun,
                  .token = number_of(L, "r, w = sh.pipe(); return r:share()"),
                  .script = "local r = sh.adopt(token)"
                            "begin()"
                            "local ok, refused = pcall(r.read, r, 1)"
                            "assert(not ok and refused.status == 'SH_E_CLOSED', tostring(refused))"};
    start(&other);
    while (!atomic_load(&begun))
        (void)usleep(1000);
    (void)usleep(20000); /* so that it is most likely blocked; it may be told in any case */
    run_script(L, "assert(r:close(30000) == true)");
    (void)pthread_join(other.thread, NULL);
    lua_close(L);
    CHECK(count_descriptors() == before);
}

static void a_handle_outlives_the_state_that_made_it(void)
{
    int before = count_descriptors();
    lua_State *maker = make_state();
    lua_State *user = make_state();
    lua_pushinteger(user, number_of(maker, "r, w = sh.pipe(); w:write 'left behind'; w:close(); return r:share()"));
    lua_setglobal(user, "token");
    run_script(user, "r = sh.adopt(token)");
    lua_close(maker);
    run_script(user, "assert(r:read 'a' == 'left behind')");
    lua_close(user);
    CHECK(count_descriptors() == before);
}

static void an_unused_token_is_released_with_its_state(void)
{
    int before = count_descriptors();
    lua_State *maker = make_state();
    lua_State *user = make_state();
    lua_pushinteger(user, number_of(maker, "return sh.open('/dev/null'):share()"));
    lua_setglobal(user, "token");
    (void)number_of(maker, "collectgarbage()");
    CHECK(count_descriptors() == before + 1);
    lua_close(maker);
    CHECK(count_descriptors() == before);
    run_script(user,
               "local ok, refused = pcall(sh.adopt, token); assert(not ok and refused.status == 'SH_E_ARGUMENT')");
    lua_close(user);
}

/* Whoever comes late is told that it is closed, or that the token is gone with its state, and nothing else happens. */
static void states_use_and_close_at_the_same_time(void)
{
    static const char *const script = "local adopted, r = pcall(sh.adopt, token)"
                                      "begin()"
                                      "if not adopted then return end "
                                      "local function try(...)"
                                      "  local ok, refused = pcall(...)"
                                      "  assert(ok or refused.status == 'SH_E_CLOSED', tostring(refused))"
                                      "  return ok and refused "
                                      "end "
                                      "for i = 1, 20 do"
                                      "  try(r.read, r, 1)"
                                      "  try(r.lease, r, function() end)"
                                      "  local copy = try(r.duplicate, r)"
                                      "  if copy then copy:read(1) copy:close() end "
                                      "end "
                                      "r:close() assert(r:is_closed())";
    int before = count_descriptors();
    for (int i = 0; i < RACES; i++) {
        lua_State *L = make_state();
        atomic_bool begun = false;
        part parts[STATES];
        run_script(L, "h = sh.open '/dev/zero'");
        for (int j = 0; j < STATES; j++)
            parts[j] = (part){.begun = &begun, .token = number_of(L, "return h:share()"), .script = script};
        for (int j = 0; j < STATES; j++)
            start(&parts[j]);
        while (i % 2 == 0 && !atomic_load(&begun))
            (void)usleep(100);
        lua_close(L);
        for (int j = 0; j < STATES; j++)
            (void)pthread_join(parts[j].thread, NULL);
    }
    CHECK(count_descriptors() == before);
}

int main(void)
{
    lua_close(make_state()); /* the library opens a descriptor of its own, once */
    TAP_RUN(another_state_uses_the_same_handle);
    TAP_RUN(a_close_wakes_a_reader_in_another_state);
    TAP_RUN(a_handle_outlives_the_state_that_made_it);
    TAP_RUN(an_unused_token_is_released_with_its_state);
    TAP_RUN(states_use_and_close_at_the_same_time);
    return tap_end();
}
