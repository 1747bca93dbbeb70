/* SPDX-License-Identifier: MIT */
/* Reading and writing: outside of the interpreter's lock, under one lease from the first try to the last. */
#include "binding.h"
#include <errno.h>
#include <unistd.h>

/* One call of read(2) or write(2), and what became of it. */
typedef struct transfer {
    const char *doing;
    void *bytes;
    size_t count;
    bool is_write;
    ssize_t done;
    int error;
} transfer;

static void transfer_once(transfer *one, int fd)
{
    one->done = one->is_write ? write(fd, one->bytes, one->count) : read(fd, one->bytes, one->count);
    one->error = one->done < 0 ? errno : 0;
}

/* PEP 475: what a signal interrupts is tried again, unless its handler raised an exception, or closed the handle. The
 * lease ends before the lock is asked for, so that who waits for it to end needs no patience with other threads. */
static int transfer_leased(transfer *one, sh_handle *h, sh_lease *lease, int fd)
{
    for (;;) {
        gil_leave();
        transfer_once(one, fd);
        bool is_over = one->error != EINTR;
        if (is_over)
            sh_lease_end(lease);
        gil_enter();
        if (is_over)
            return 0;
        bool is_raised = PyErr_CheckSignals() != 0;
        if (!is_raised && !sh_is_closed(h))
            continue;
        gil_leave();
        sh_lease_end(lease);
        gil_enter();
        return is_raised ? -1 : 0;
    }
}

/* 0, or -1 with an exception. */
static int transfer_run(PyObject *self, transfer *one)
{
    module_state *state = state_of(self);
    const core *owned = ((handle_object *)self)->owned;
    if (!sh_is_kind(owned->handle, &sh_kind_fd)) {
        PyErr_Format(state->errors[ERROR_KIND], "%s: only descriptors can be read and written; this handle is a %U",
                     one->doing, owned->kind->name);
        return -1;
    }
    lease_end_stranded();
    sh_lease lease;
    sh_raw raw;
    sh_status status = sh_lease_begin_at(&lease, owned->handle, site_here(), &raw);
    if (status != SH_OK) {
        error_raise(state, status, one->doing);
        return -1;
    }
    sh_handle *h = owned->handle;
    if (transfer_leased(one, h, &lease, (int)raw) != 0)
        return -1;
    if (one->done >= 0)
        return 0;
    /* A waiting close lets calls fail with EBADF to wake them. */
    errno = one->error;
    bool is_woken = (one->error == EBADF || one->error == EINTR) && sh_is_closed(h);
    error_raise(state, is_woken ? SH_E_CLOSED : SH_E_SYSTEM, one->doing);
    return -1;
}

PyObject *handle_read(PyObject *self, PyObject *count)
{
    Py_ssize_t size = PyNumber_AsSsize_t(count, PyExc_OverflowError);
    if (size == -1 && PyErr_Occurred())
        return NULL;
    if (size < 0)
        return PyErr_Format(PyExc_ValueError, "read: the size is a number from 0 on, not %zd", size);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, size);
    if (bytes == NULL)
        return NULL;
    transfer one = {.doing = "read", .bytes = PyBytes_AsString(bytes), .count = (size_t)size};
    PyObject *answer = NULL;
    if (transfer_run(self, &one) == 0)
        answer = one.done == size ? Py_NewRef(bytes) : PyBytes_FromStringAndSize(one.bytes, one.done);
    Py_DECREF(bytes);
    return answer;
}

PyObject *handle_read_into(PyObject *self, PyObject *buffer)
{
    Py_buffer view;
    if (PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS) != 0)
        return NULL;
    transfer one = {.doing = "readinto", .bytes = view.buf, .count = (size_t)view.len};
    int failed = transfer_run(self, &one);
    PyBuffer_Release(&view);
    return failed != 0 ? NULL : PyLong_FromSsize_t(one.done);
}

PyObject *handle_write(PyObject *self, PyObject *buffer)
{
    Py_buffer view;
    if (PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE) != 0)
        return NULL;
    transfer one = {.doing = "write", .bytes = view.buf, .count = (size_t)view.len, .is_write = true};
    int failed = transfer_run(self, &one);
    PyBuffer_Release(&view);
    return failed != 0 ? NULL : PyLong_FromSsize_t(one.done);
}
