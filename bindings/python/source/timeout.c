/* SPDX-License-Identifier: MIT */
/* Times: Python's are seconds, the library's milliseconds. */
#include "binding.h"

int timeout_read(PyObject *seconds, int64_t *out_ms)
{
    if (seconds == NULL || seconds == Py_None) {
        *out_ms = -1;
        return 0;
    }
    double value = PyFloat_AsDouble(seconds);
    if (value == -1.0 && PyErr_Occurred())
        return -1;
    /* Written so that not-a-number is refused, too. */
    if (!(value >= 0.0)) {
        PyErr_SetString(PyExc_ValueError, "a timeout is a number of seconds from 0 on; None waits without a limit");
        return -1;
    }
    /* A little more rather than less; and what is longer than a century has no limit. */
    *out_ms = value > 3e9 ? -1 : (int64_t)(value * 1000.0 + 0.999);
    return 0;
}
