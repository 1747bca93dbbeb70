/* SPDX-License-Identifier: MIT */
/*
 * exec: a program that is started at any moment finds no descriptor of ours.
 *
 * Two threads make descriptors by every open helper and by sh_duplicate, without end; meanwhile other programs are
 * started, which list /proc/self/fd. They must see what a program saw before the library began, and nothing more: so no
 * descriptor is without CLOEXEC even for the moment between its birth and the next system call.
 *
 * Seen to fail: without O_CLOEXEC in platform_descriptor_open in 231 of 300 tries, and with an eventfd that becomes
 * CLOEXEC by the next call, in 29.
 */
#include "../die.h"
#include "torture.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAKERS = 2, QUICK_PROGRAMS = 300, USUAL_PROGRAMS = 5000, LIST_SIZE_BYTES = 4096 };

extern char **environ;

/* ---- who makes them ---------------------------------------------------------------------------------------------- */

static atomic_bool over;

static void close_all(sh_handle **handles, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)sh_close(handles[i]);
}

static void make_all(void)
{
    sh_handle *made[6];
    torture_must(sh_open_file("/dev/null", O_RDWR, 0, NULL, &made[0]), "sh_open_file");
    torture_must(sh_open_socket(AF_UNIX, SOCK_STREAM, 0, NULL, &made[1]), "sh_open_socket");
    torture_must(sh_open_event(0, 0, NULL, &made[2]), "sh_open_event");
    torture_must(sh_open_pipe(0, NULL, &made[3], &made[4]), "sh_open_pipe");
    torture_must(sh_duplicate(made[0], &made[5]), "sh_duplicate");
    close_all(made, sizeof made / sizeof *made);
}

static void *make_for_ever(void *unused)
{
    while (!over)
        make_all();
    return unused;
}

/* ---- who looks --------------------------------------------------------------------------------------------------- */

/* What the program prints, as much as fits; a string. */
static void read_all(int from, char *text, size_t size_bytes)
{
    size_t length = 0;
    ssize_t got;
    while (length + 1 < size_bytes && (got = read(from, text + length, size_bytes - length - 1)) != 0)
        if (got > 0)
            length += (size_t)got;
        else if (errno != EINTR)
            die("read: %s", strerror(errno));
    text[length] = '\0';
}

/* Which descriptors a program finds that is started now: their numbers, one a line. */
static void list_in_program(char *list, size_t size_bytes)
{
    static char name[] = "ls", directory[] = "/proc/self/fd";
    char *const arguments[] = {name, directory, NULL};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t program;
    int error = posix_spawnp(&program, name, &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        die("ls: %s", strerror(error));
    (void)close(ends[1]);
    read_all(ends[0], list, size_bytes);
    (void)close(ends[0]);
    while (waitpid(program, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static void try_once(const char *before, torture_tally *tally)
{
    char found[LIST_SIZE_BYTES];
    torture_try(tally);
    list_in_program(found, sizeof found);
    if (strcmp(found, before) == 0)
        return;
    for (char *c = found; *c != '\0'; c++)
        if (*c == '\n')
            *c = ' ';
    torture_fail(tally, "a program that was started then found the descriptors %s", found);
}

static void run(const torture_plan *plan, torture_tally *tally)
{
    char before[LIST_SIZE_BYTES];
    list_in_program(before, sizeof before);
    torture_must(sh_init(NULL), "sh_init");
    pthread_t makers[MAKERS];
    for (int i = 0; i < MAKERS; i++)
        if (pthread_create(&makers[i], NULL, make_for_ever, NULL) != 0)
            die("no thread could be had");
    for (int i = 0; i < (plan->quick ? QUICK_PROGRAMS : USUAL_PROGRAMS); i++)
        try_once(before, tally);
    over = true;
    for (int i = 0; i < MAKERS; i++)
        (void)pthread_join(makers[i], NULL);
}

const torture_class torture_exec = {"exec", "programs are started while descriptors are made: they find none", run};
