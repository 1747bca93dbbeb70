/* SPDX-License-Identifier: MIT */
/*
 * libsafehandle: OS handles that cannot be closed under their users and cannot be recycled into somebody else's.
 *
 * One noun, one page. Read them in this order; each page opens with a table of what may run at the same time as what.
 *
 *   status.h     what every function answers
 *   contract.h   what a function promises for the moment in which something fails around it
 *   kind.h       what a raw OS value means, and how it is released
 *   host.h       start, stop, threads, and living beside a collector
 *   handle.h     the handle: create, wrap, references, close
 *   lease.h      a reference for the length of one scope
 *   open.h       files, pipes, sockets and events that are born inside a handle
 *   domain.h     handles and finalizers that end together
 *   region.h     nothing of ours fails between opening and storing, and nobody tears the thread away
 *   finalizer.h  normal finalizers, which run before the handles of the same collection are released
 *   ffi.h        C functions that take, give back or swallow handles, called from a script
 *   event.h      what went wrong where no return value could tell
 */
#ifndef SAFEHANDLE_H
#define SAFEHANDLE_H

#include <safehandle/contract.h>
#include <safehandle/domain.h>
#include <safehandle/event.h>
#include <safehandle/ffi.h>
#include <safehandle/finalizer.h>
#include <safehandle/handle.h>
#include <safehandle/host.h>
#include <safehandle/kind.h>
#include <safehandle/lease.h>
#include <safehandle/open.h>
#include <safehandle/region.h>
#include <safehandle/status.h>

#endif
