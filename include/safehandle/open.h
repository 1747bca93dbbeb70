/* SPDX-License-Identifier: MIT */
/*
 * OS objects that are born inside a handle.
 *
 * Each function makes the handle first, then opens, then stores, with the thread's cancellation held back from before
 * the open until after the store: there is no moment at which the value exists and no handle owns it (document 003's
 * constrained region, for the one call that needs it most). Descriptors are CLOEXEC from birth. When the OS has no
 * handles left (EMFILE, ENFILE), dead handles are collected and released, and the call is tried once more.
 *
 *   may run at the same time   anything, on any thread
 *   ownership                  the handle is the caller's; when nothing reaches it any more, it is released
 *
 * Answers, of all of them:
 *
 * SH_E_ARGUMENT, SH_E_CLOSED, SH_E_NOMEM, SH_E_UNSUPPORTED  as sh_create; nothing was opened
 * SH_E_SYSTEM  the OS refused: errno says why
 */
#ifndef SAFEHANDLE_OPEN_H
#define SAFEHANDLE_OPEN_H

#include <safehandle/export.h>
#include <safehandle/handle.h>

SH_BEGIN_DECLARATIONS

/* Opens whatever the kind stands for. Returns 0 and writes *out_raw, or returns an errno value and opens nothing.
 * Runs on the caller's thread with cancellation held back; may run a second time after EMFILE or ENFILE. */
typedef int sh_opener(void *data, sh_raw *out_raw);

/* For kinds of your own, and for calls that have no helper here. */
SH_MUST_CHECK SH_API sh_status sh_open_with_at(const sh_kind *kind, sh_opener *opener, void *data,
                                               const sh_create_options *options_or_null, size_t options_size_bytes,
                                               const sh_site *site_or_null, sh_handle **out_handle);

/* open(2): flags are O_…; mode is used only where the file is made. */
SH_MUST_CHECK SH_API sh_status sh_open_file_at(const char *path, int flags, unsigned mode,
                                               const sh_create_options *options_or_null, size_t options_size_bytes,
                                               const sh_site *site_or_null, sh_handle **out_file);

/* socket(2): family is AF_…, type is SOCK_… with its flags, protocol as there. */
SH_MUST_CHECK SH_API sh_status sh_open_socket_at(int family, int type, int protocol,
                                                 const sh_create_options *options_or_null, size_t options_size_bytes,
                                                 const sh_site *site_or_null, sh_handle **out_socket);

/* pipe2(2): both ends or none. flags are O_NONBLOCK, O_DIRECT or 0. */
SH_MUST_CHECK SH_API sh_status sh_open_pipe_at(int flags, const sh_create_options *options_or_null,
                                               size_t options_size_bytes, const sh_site *site_or_null,
                                               sh_handle **out_read_end, sh_handle **out_write_end);

/* eventfd(2): flags are EFD_NONBLOCK, EFD_SEMAPHORE or 0. */
SH_MUST_CHECK SH_API sh_status sh_open_event_at(unsigned initial_count, int flags,
                                                const sh_create_options *options_or_null, size_t options_size_bytes,
                                                const sh_site *site_or_null, sh_handle **out_event);

SH_MUST_CHECK SH_API sh_status sh_open_with(const sh_kind *kind, sh_opener *opener, void *data,
                                            const sh_create_options *options_or_null, sh_handle **out_handle);
SH_MUST_CHECK SH_API sh_status sh_open_file(const char *path, int flags, unsigned mode,
                                            const sh_create_options *options_or_null, sh_handle **out_file);
SH_MUST_CHECK SH_API sh_status sh_open_socket(int family, int type, int protocol,
                                              const sh_create_options *options_or_null, sh_handle **out_socket);
SH_MUST_CHECK SH_API sh_status sh_open_pipe(int flags, const sh_create_options *options_or_null,
                                            sh_handle **out_read_end, sh_handle **out_write_end);
SH_MUST_CHECK SH_API sh_status sh_open_event(unsigned initial_count, int flags,
                                             const sh_create_options *options_or_null, sh_handle **out_event);

#define sh_open_with(kind, opener, data, options_or_null, out_handle)                                                  \
    sh_open_with_at((kind), (opener), (data), (options_or_null), sizeof(sh_create_options), SH_SITE_HERE, (out_handle))
#define sh_open_file(path, flags, mode, options_or_null, out_file)                                                     \
    sh_open_file_at((path), (flags), (mode), (options_or_null), sizeof(sh_create_options), SH_SITE_HERE, (out_file))
#define sh_open_socket(family, type, protocol, options_or_null, out_socket)                                            \
    sh_open_socket_at((family), (type), (protocol), (options_or_null), sizeof(sh_create_options), SH_SITE_HERE,        \
                      (out_socket))
#define sh_open_pipe(flags, options_or_null, out_read_end, out_write_end)                                              \
    sh_open_pipe_at((flags), (options_or_null), sizeof(sh_create_options), SH_SITE_HERE, (out_read_end),               \
                    (out_write_end))
#define sh_open_event(initial_count, flags, options_or_null, out_event)                                                \
    sh_open_event_at((initial_count), (flags), (options_or_null), sizeof(sh_create_options), SH_SITE_HERE, (out_event))

SH_END_DECLARATIONS

#endif
