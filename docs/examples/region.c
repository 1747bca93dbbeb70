/* SPDX-License-Identifier: MIT */
/*
 * Document 003's acquire and store: the handle is made first, and between the call that opens and the store, nothing
 * fails and nobody tears the thread away.
 */
#include <fcntl.h>
#include <safehandle.h>
#include <stdio.h>
#include <unistd.h>

typedef int open_function(const char *path, int flags, ...);

/* The file in a handle; or a status, and nothing was opened. An abort that was asked for inside comes with the handle.
 */
static sh_status acquire(const char *path, sh_handle **out_file)
{
    sh_function functions[] = {{.name = "open"}}; /* bound beforehand, not by its first call */
    const sh_reserve reserve = {.handle_count = 1,
                                .stack_bytes = (size_t)64 * 1024,
                                .functions = functions,
                                .function_count = 1,
                                .block_signals = true}; /* also those whose handlers jump out */
    sh_status status;
    SH_CONSTRAINED_WITH (&reserve, status) {
        status = sh_create(&sh_kind_file, NULL, out_file);
        if (status != SH_OK)
            break;
        int number = ((open_function *)functions[0].address)(path, O_RDONLY | O_CLOEXEC);
        if (number >= 0)
            (void)sh_set_handle(*out_file, number);
        if (sh_thread_abort(gettid()) != SH_OK) /* as a host would, from another thread */
            break;
    }
    return status;
}

int main(void)
{
    if (sh_init(NULL) != SH_OK)
        return 1;
    sh_handle *file = NULL;
    sh_status status = acquire("/etc/hostname", &file);
    printf("the abort came when everything was in its place: %s, %s\n", sh_status_name(status),
           sh_is_invalid(file) ? "lost" : "stored");

    sh_status refused;
    const sh_reserve too_deep = {.stack_bytes = (size_t)1 << 40};
    SH_CONSTRAINED_WITH (&too_deep, refused)
        puts("never reached");
    printf("a stack that would overflow: %s\n", sh_status_name(refused));
    return sh_close(file) == SH_OK && sh_shutdown(1000) == SH_OK ? 0 : 1;
}
