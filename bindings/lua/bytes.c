/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing, as io has it, on handles of descriptors.
 *
 * Each system call is made under a lease, with no call of Lua's in between. Whoever is blocked in it while another
 * thread closes the handle with a time to wait comes back, and is told that the handle is closed.
 *
 * A count is one read(2): what there is, up to so many bytes. Lines and "a" read ahead, into memory of ours, as io
 * does; what was read ahead is this object's, and comes first in the next read. Bytes stay there when a read fails in
 * the middle of a line, so that it can be tried again.
 */
#include "module.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { READ_AHEAD_BYTES = 4096 };

/* Invariant: begin <= end <= capacity; bytes from begin to end were read and not asked for yet. */
typedef struct read_ahead {
    size_t begin;
    size_t end;
    size_t capacity;
    char *bytes;
} read_ahead;

void bytes_forget(handle_object *object)
{
    if (object->ahead != NULL)
        free(object->ahead->bytes);
    free(object->ahead);
    object->ahead = NULL;
}

/* ---- system calls ------------------------------------------------------------------------------------------------ */

/* What happened in a call on a descriptor. Invariant: os_error counts only with SH_E_SYSTEM. */
typedef struct outcome {
    sh_status status;
    int os_error;
    size_t bytes;
} outcome;

/* Who was woken because the handle was closed sees a number that leads nowhere. */
static outcome outcome_of_error(const sh_handle *h, int os_error, size_t bytes)
{
    bool was_closed = (os_error == EBADF || os_error == EINTR) && sh_is_closed(h);
    return (outcome){.status = was_closed ? SH_E_CLOSED : SH_E_SYSTEM, .os_error = os_error, .bytes = bytes};
}

static outcome read_once(sh_handle *h, void *buffer, size_t size_bytes)
{
    sh_lease lease;
    sh_raw raw;
    sh_status status = sh_lease_begin_kind(&lease, h, &sh_kind_fd, &raw);
    if (status != SH_OK)
        return (outcome){.status = status};
    ssize_t count;
    do {
        count = read((int)raw, buffer, size_bytes);
    } while (count < 0 && errno == EINTR && !sh_is_closed(h));
    int os_error = errno;
    sh_lease_end(&lease);
    return count < 0 ? outcome_of_error(h, os_error, 0) : (outcome){.status = SH_OK, .bytes = (size_t)count};
}

static outcome write_all(sh_handle *h, const char *bytes, size_t size_bytes)
{
    sh_lease lease;
    sh_raw raw;
    sh_status status = sh_lease_begin_kind(&lease, h, &sh_kind_fd, &raw);
    if (status != SH_OK)
        return (outcome){.status = status};
    size_t written = 0;
    int os_error = 0;
    while (os_error == 0 && written < size_bytes) {
        ssize_t count = write((int)raw, bytes + written, size_bytes - written);
        if (count >= 0)
            written += (size_t)count;
        else if (errno != EINTR || sh_is_closed(h))
            os_error = errno;
    }
    sh_lease_end(&lease);
    return os_error != 0 ? outcome_of_error(h, os_error, written) : (outcome){.status = SH_OK, .bytes = written};
}

/* A script cannot ignore SIGPIPE, which would end the process: it is held back, and taken away where it came from us.
 */
static outcome write_without_signal(sh_handle *h, const char *bytes, size_t size_bytes)
{
    sigset_t pipe_only, before, pending;
    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    if (pthread_sigmask(SIG_BLOCK, &pipe_only, &before) != 0)
        return write_all(h, bytes, size_bytes);
    bool was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
    outcome written = write_all(h, bytes, size_bytes);
    if (written.status == SH_E_SYSTEM && written.os_error == EPIPE && !was_pending)
        (void)sigtimedwait(&pipe_only, NULL, &(const struct timespec){0});
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return written;
}

/* ---- reading ahead ----------------------------------------------------------------------------------------------- */

static size_t count_ahead(const handle_object *object)
{
    return object->ahead == NULL ? 0 : object->ahead->end - object->ahead->begin;
}

/* Room for more at the end; false when memory runs out, and then nothing is lost. */
static bool make_room(handle_object *object)
{
    if (object->ahead == NULL)
        object->ahead = calloc(1, sizeof *object->ahead);
    read_ahead *ahead = object->ahead;
    if (ahead == NULL)
        return false;
    if (ahead->begin > 0 && ahead->end > ahead->begin)
        (void)memmove(ahead->bytes, ahead->bytes + ahead->begin, ahead->end - ahead->begin);
    ahead->end -= ahead->begin;
    ahead->begin = 0;
    if (ahead->end < ahead->capacity)
        return true;
    size_t capacity = ahead->capacity == 0 ? READ_AHEAD_BYTES : ahead->capacity * 2;
    char *bytes = capacity > ahead->capacity ? realloc(ahead->bytes, capacity) : NULL;
    if (bytes == NULL)
        return false;
    ahead->bytes = bytes;
    ahead->capacity = capacity;
    return true;
}

/* Reads once more. SH_OK with 0 bytes is the end of the file. */
static outcome read_more(handle_object *object)
{
    if (!make_room(object))
        return (outcome){.status = SH_E_NOMEM};
    read_ahead *ahead = object->ahead;
    outcome more = read_once(object->handle, ahead->bytes + ahead->end, ahead->capacity - ahead->end);
    if (more.status == SH_OK)
        ahead->end += more.bytes;
    return more;
}

/* Pushes the first bytes of what was read ahead, less what is not wanted at their end. They are taken first: the push
 * copies them, and then may collect, and what a finalizer does with this handle may free what was read ahead. */
static void push_ahead(lua_State *L, handle_object *object, size_t count, size_t unwanted)
{
    if (count == 0) {
        lua_pushliteral(L, "");
        return;
    }
    const char *first = object->ahead->bytes + object->ahead->begin;
    object->ahead->begin += count;
    (void)lua_pushlstring(L, first, count - unwanted); /* collects only after it has copied; object may be changed */
}

/* ---- formats ----------------------------------------------------------------------------------------------------- */

/* Each pushes one value where it answers SH_OK; nil at the end of the file. */
static outcome push_count(lua_State *L, handle_object *object, size_t wanted)
{
    size_t there = count_ahead(object);
    if (there == 0 && wanted == 0) { /* "" while there is more */
        outcome more = read_more(object);
        if (more.status != SH_OK)
            return more;
        there = count_ahead(object);
    }
    if (there > 0) {
        push_ahead(L, object, there < wanted ? there : wanted, 0);
        return (outcome){.status = SH_OK};
    }
    if (wanted == 0) {
        luaL_pushfail(L);
        return (outcome){.status = SH_OK};
    }
    luaL_Buffer buffer;
    char *place = luaL_buffinitsize(L, &buffer, wanted);
    outcome done = read_once(object->handle, place, wanted);
    luaL_pushresultsize(&buffer, done.bytes);
    if (done.status == SH_OK && done.bytes == 0) {
        lua_pop(L, 1);
        luaL_pushfail(L);
    }
    return done;
}

static outcome push_line(lua_State *L, handle_object *object, bool keeps_end)
{
    size_t searched = 0;
    for (;;) {
        size_t there = count_ahead(object);
        const char *begin = there == 0 ? NULL : object->ahead->bytes + object->ahead->begin;
        const char *end = begin == NULL || searched == there ? NULL : memchr(begin + searched, '\n', there - searched);
        if (end != NULL) {
            push_ahead(L, object, (size_t)(end - begin) + 1, keeps_end ? 0 : 1);
            return (outcome){.status = SH_OK};
        }
        searched = there;
        outcome more = read_more(object);
        if (more.status != SH_OK)
            return more;
        if (more.bytes > 0)
            continue;
        if (there == 0)
            luaL_pushfail(L);
        else
            push_ahead(L, object, there, 0);
        return more;
    }
}

static outcome push_all(lua_State *L, handle_object *object)
{
    for (;;) {
        outcome more = read_more(object);
        if (more.status != SH_OK)
            return more;
        if (more.bytes == 0) {
            push_ahead(L, object, count_ahead(object), 0);
            return more;
        }
    }
}

static outcome push_format(lua_State *L, handle_object *object, int index)
{
    if (lua_type(L, index) == LUA_TNUMBER) {
        lua_Integer wanted = luaL_checkinteger(L, index);
        luaL_argcheck(L, wanted >= 0, index, "a count is not negative");
        return push_count(L, object, (size_t)wanted);
    }
    const char *format = luaL_checkstring(L, index);
    format += format[0] == '*'; /* as io still allows it */
    switch (format[0]) {
    case 'l':
        return push_line(L, object, false);
    case 'L':
        return push_line(L, object, true);
    case 'a':
        return push_all(L, object);
    default:
        (void)luaL_argerror(L, index, "the format is none of \"l\", \"L\", \"a\" and a count");
        return (outcome){.status = SH_E_ARGUMENT};
    }
}

/* Reads by the formats from first to last; the number of values, or nil, message, errno. */
static int read_formats(lua_State *L, handle_object *object, int first, int last)
{
    if (last < first) {
        lua_settop(L, first - 1);
        lua_pushliteral(L, "l");
        last = first;
    }
    luaL_checkstack(L, last - first + 1 + LUA_MINSTACK, "too many formats");
    for (int index = first; index <= last; index++) {
        outcome done = push_format(L, object, index);
        if (done.status != SH_OK)
            return error_answer(L, done.status, done.os_error, NULL);
        if (lua_isnil(L, -1))
            return index - first + 1;
    }
    return last - first + 1;
}

/* ---- methods ----------------------------------------------------------------------------------------------------- */

int bytes_read(lua_State *L)
{
    (void)interpreter_enter(L);
    return read_formats(L, handle_check_open(L, 1), 2, lua_gettop(L));
}

/* Puts the place of the file where the reader stands. What cannot be sought, or does not really move (an eventfd),
 * keeps what was read ahead. */
static void step_back(handle_object *object)
{
    off_t ahead = (off_t)count_ahead(object);
    sh_lease lease;
    sh_raw raw;
    if (ahead == 0 || sh_lease_begin_kind(&lease, object->handle, &sh_kind_fd, &raw) != SH_OK)
        return;
    off_t before = lseek((int)raw, 0, SEEK_CUR);
    bool moved = before >= ahead && lseek((int)raw, -ahead, SEEK_CUR) == before - ahead;
    sh_lease_end(&lease);
    if (moved)
        bytes_forget(object);
}

/* h:write(…), from where the reader stands, as io has it: the handle, and how many bytes; or nil, message, errno, and
 * how many before. */
int bytes_write(lua_State *L)
{
    (void)interpreter_enter(L);
    handle_object *object = handle_check_open(L, 1);
    int last = lua_gettop(L);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    bool signals = !sh_is_kind(object->handle, &sh_kind_file);
    size_t total = 0;
    for (int index = 2; index <= last; index++) {
        size_t size_bytes;
        const char *bytes = luaL_checklstring(L, index, &size_bytes);
        step_back(object);
        outcome done = signals ? write_without_signal(object->handle, bytes, size_bytes)
                               : write_all(object->handle, bytes, size_bytes);
        total += done.bytes;
        if (done.status != SH_OK) {
            int results = error_answer(L, done.status, done.os_error, NULL);
            lua_pushinteger(L, (lua_Integer)total);
            return results + 1;
        }
    }
    lua_pushvalue(L, 1);
    lua_pushinteger(L, (lua_Integer)total);
    return 2;
}

/* Upvalues: the anchor, the handle's object, the format. */
static int next_line(lua_State *L)
{
    (void)interpreter_enter(L);
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushvalue(L, lua_upvalueindex(3));
    int results = read_formats(L, handle_check_open(L, 1), 2, 2);
    if (results > 1)
        return luaL_error(L, "%s", lua_tostring(L, -2)); /* as io.lines */
    return 1;
}

int bytes_lines(lua_State *L)
{
    (void)interpreter_enter(L);
    (void)handle_check_open(L, 1);
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(ANCHOR_UPVALUE));
    lua_pushvalue(L, 1);
    if (lua_isnil(L, 2))
        lua_pushliteral(L, "l");
    else
        lua_pushvalue(L, 2);
    lua_pushcclosure(L, next_line, 3);
    return 1;
}

/* h:seek([whence [, offset]]): what was read ahead is forgotten. */
int bytes_seek(lua_State *L)
{
    static const char *const names[] = {"set", "cur", "end", NULL};
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    (void)interpreter_enter(L);
    handle_object *object = handle_check_open(L, 1);
    int whence = whences[luaL_checkoption(L, 2, "cur", names)];
    lua_Integer offset = luaL_optinteger(L, 3, 0);
    if (whence == SEEK_CUR)
        offset -= (lua_Integer)count_ahead(object);
    sh_lease lease;
    sh_raw raw;
    sh_status status = sh_lease_begin_kind(&lease, object->handle, &sh_kind_fd, &raw);
    if (status != SH_OK)
        return error_answer(L, status, 0, NULL);
    off_t place = lseek((int)raw, (off_t)offset, whence);
    int os_error = errno;
    sh_lease_end(&lease);
    if (place < 0)
        return error_answer(L, SH_E_SYSTEM, os_error, NULL);
    bytes_forget(object);
    lua_pushinteger(L, (lua_Integer)place);
    return 1;
}
