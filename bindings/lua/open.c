/* SPDX-License-Identifier: MIT */
/* What makes handles: sh.open, sh.wrap, sh.pipe, sh.socket, sh.event. */
#include "module.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { DEFAULT_PERMISSIONS = 0666 };

static int finish(lua_State *L, sh_status status, int results, const char *subject_or_null)
{
    int os_error = errno;
    if (status == SH_E_CLOSED)
        return error_raise(L, status, "the library was shut down, or this Lua state is ending: nothing can be made");
    return status == SH_OK ? results : error_answer(L, status, os_error, subject_or_null);
}

/* The integer at index, which a C type holds whole; fallback where there is none. */
static lua_Integer check_range(lua_State *L, int index, lua_Integer fallback, lua_Integer lowest, lua_Integer highest)
{
    lua_Integer number = luaL_optinteger(L, index, fallback);
    luaL_argcheck(L, number >= lowest && number <= highest, index, "the number is out of range");
    return number;
}

static int check_int(lua_State *L, int index, int fallback)
{
    return (int)check_range(L, index, fallback, INT_MIN, INT_MAX);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* What io.open would use: "r", "w", "a", with "+", with a "b" that means nothing. -1: it is none. */
static int flags_of_mode(const char *mode)
{
    static const struct {
        char letter;
        int alone;
        int plus;
    } modes[] = {{'r', O_RDONLY, O_RDWR},
                 {'w', O_WRONLY | O_CREAT | O_TRUNC, O_RDWR | O_CREAT | O_TRUNC},
                 {'a', O_WRONLY | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_APPEND}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (mode[0] != modes[i].letter)
            continue;
        bool plus = mode[1] == '+';
        const char *rest = mode + 1 + plus;
        if (strcmp(rest, "") == 0 || strcmp(rest, "b") == 0)
            return plus ? modes[i].plus : modes[i].alone;
    }
    return -1;
}

/* sh.open(path [, flags [, permissions]]) */
static int open_file(lua_State *L)
{
    interpreter *here = interpreter_enter(L);
    const char *path = luaL_checkstring(L, 1);
    int flags = O_RDONLY;
    if (lua_type(L, 2) == LUA_TNUMBER)
        flags = check_int(L, 2, O_RDONLY);
    else
        flags = flags_of_mode(luaL_optstring(L, 2, "r"));
    luaL_argcheck(L, flags >= 0, 2, "flags are a mode as of io.open, or the sum of sh.O_… numbers");
    unsigned permissions = (unsigned)check_range(L, 3, DEFAULT_PERMISSIONS, 0, UINT_MAX);
    handle_object *made = handle_push_new(L);
    sh_create_options options = handle_options(here, &sh_kind_file);
    bool tried = false;
    sh_status status;
    do {
        status = sh_open_file_at(path, flags, permissions, &options, sizeof options, made->birth, &made->handle);
    } while (handle_make_room(L, status, &tried));
    return finish(L, status, 1, path);
}

/* ---- other descriptors ------------------------------------------------------------------------------------------- */

/* sh.pipe([flags]): the end to read from, and the end to write to. */
static int open_pipe(lua_State *L)
{
    interpreter *here = interpreter_enter(L);
    int flags = check_int(L, 1, 0);
    handle_object *read_end = handle_push_new(L);
    handle_object *write_end = handle_push_new(L);
    sh_create_options options = handle_options(here, &sh_kind_pipe);
    bool tried = false;
    sh_status status;
    do {
        status =
            sh_open_pipe_at(flags, &options, sizeof options, read_end->birth, &read_end->handle, &write_end->handle);
    } while (handle_make_room(L, status, &tried));
    return finish(L, status, 2, NULL);
}

/* sh.socket(family, type [, protocol]) */
static int open_socket(lua_State *L)
{
    interpreter *here = interpreter_enter(L);
    luaL_checkany(L, 2);
    int family = (int)check_range(L, 1, -1, 0, INT_MAX), type = (int)check_range(L, 2, -1, 0, INT_MAX);
    int protocol = check_int(L, 3, 0);
    handle_object *made = handle_push_new(L);
    sh_create_options options = handle_options(here, &sh_kind_socket);
    bool tried = false;
    sh_status status;
    do {
        status = sh_open_socket_at(family, type, protocol, &options, sizeof options, made->birth, &made->handle);
    } while (handle_make_room(L, status, &tried));
    return finish(L, status, 1, NULL);
}

/* sh.event([count [, flags]]): an eventfd. */
static int open_event(lua_State *L)
{
    interpreter *here = interpreter_enter(L);
    unsigned count = (unsigned)check_range(L, 1, 0, 0, UINT_MAX);
    int flags = check_int(L, 2, 0);
    handle_object *made = handle_push_new(L);
    sh_create_options options = handle_options(here, &sh_kind_event);
    bool tried = false;
    sh_status status;
    do {
        status = sh_open_event_at(count, flags, &options, sizeof options, made->birth, &made->handle);
    } while (handle_make_room(L, status, &tried));
    return finish(L, status, 1, NULL);
}

/* ---- what is open already ---------------------------------------------------------------------------------------- */

/* The field owned of the table at index; true where it says nothing. */
static bool is_owned(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return true;
    luaL_checktype(L, index, LUA_TTABLE);
    bool owned = lua_getfield(L, index, "owned") == LUA_TNIL || lua_toboolean(L, -1);
    lua_pop(L, 1);
    return owned;
}

/* A number that is none, or leads nowhere, would be somebody else's by the time it is closed. EBADF, or 0. */
static int find_descriptor(lua_State *L, int index, const sh_kind *kind, sh_raw raw)
{
    if ((kind->flags & SH_KIND_FD) == 0)
        return 0;
    luaL_argcheck(L, raw >= INT_MIN && raw <= INT_MAX, index, "the number is out of the range of descriptors");
    bool is_invalid = kind->is_invalid != NULL ? kind->is_invalid(raw) : raw == kind->invalid_value;
    return is_invalid || fcntl((int)raw, F_GETFD) >= 0 ? 0 : EBADF;
}

/* sh.wrap(raw [, kind [, {owned = false}]]) */
static int wrap(lua_State *L)
{
    interpreter *here = interpreter_enter(L);
    sh_raw raw = (sh_raw)luaL_checkinteger(L, 1);
    const sh_kind *kind = kind_check(L, 2, &sh_kind_fd);
    bool owned = is_owned(L, 3);
    if (find_descriptor(L, 1, kind, raw) != 0)
        return error_answer(L, SH_E_SYSTEM, EBADF, NULL);
    handle_object *made = handle_push_new(L);
    sh_create_options options = handle_options(here, kind);
    options.not_owned = !owned;
    if (owned && !release_add_room(kind))
        return error_raise(L, SH_E_NOMEM, NULL);
    sh_status status = sh_wrap_at(kind, raw, &options, sizeof options, made->birth, &made->handle);
    if (owned && status != SH_OK)
        release_drop_room(kind);
    return finish(L, status, 1, NULL);
}

const luaL_Reg open_functions[] = {{"open", open_file},     {"wrap", wrap},        {"pipe", open_pipe},
                                   {"socket", open_socket}, {"event", open_event}, {NULL, NULL}};

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

#define NUMBER(name)                                                                                                   \
    {                                                                                                                  \
#name, name                                                                                                    \
    }

void open_set_constants(lua_State *L)
{
    static const struct {
        const char *name;
        int value;
    } numbers[] = {NUMBER(O_RDONLY),       NUMBER(O_WRONLY),      NUMBER(O_RDWR),        NUMBER(O_APPEND),
                   NUMBER(O_CREAT),        NUMBER(O_EXCL),        NUMBER(O_TRUNC),       NUMBER(O_NONBLOCK),
                   NUMBER(O_DIRECTORY),    NUMBER(O_NOFOLLOW),    NUMBER(O_SYNC),        NUMBER(AF_UNIX),
                   NUMBER(AF_INET),        NUMBER(AF_INET6),      NUMBER(SOCK_STREAM),   NUMBER(SOCK_DGRAM),
                   NUMBER(SOCK_SEQPACKET), NUMBER(SOCK_NONBLOCK), NUMBER(EFD_SEMAPHORE), NUMBER(EFD_NONBLOCK)};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        lua_pushinteger(L, numbers[i].value);
        lua_setfield(L, -2, numbers[i].name);
    }
}
