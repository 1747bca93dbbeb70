/* SPDX-License-Identifier: MIT */
/* Birth sites: the script's file and line, each kept once and for ever, as sh_site asks. */
#include "binding.h"
#include <stdlib.h>
#include <string.h>

typedef struct known_site {
    struct known_site *next;
    sh_site site;
    char file[];
} known_site;

enum { BUCKETS = 1024 };

/* The lock of the interpreters, which they share, guards both. */
static known_site *buckets[BUCKETS];
static bool tracing;

static const sh_site *site_known(const char *file, int line)
{
    size_t hash = (size_t)line;
    for (const char *at = file; *at != '\0'; at++)
        hash = hash * 31 + (unsigned char)*at;
    known_site **bucket = &buckets[hash % BUCKETS];
    for (known_site *one = *bucket; one != NULL; one = one->next) {
        if (one->site.line == line && strcmp(one->file, file) == 0)
            return &one->site;
    }
    size_t length = strlen(file) + 1;
    known_site *one = malloc(sizeof *one + length);
    if (one == NULL)
        return NULL;
    memcpy(one->file, file, length);
    one->site = (sh_site){one->file, line};
    one->next = *bucket;
    *bucket = one;
    return &one->site;
}

static const sh_site *site_of(PyFrameObject *frame)
{
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyObject *name = PyObject_GetAttrString((PyObject *)code, "co_filename");
    Py_DECREF(code);
    const char *file = name == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, NULL);
    const sh_site *site = file == NULL ? NULL : site_known(file, PyFrame_GetLineNumber(frame));
    Py_XDECREF(name);
    if (PyErr_Occurred())
        PyErr_Clear();
    return site;
}

const sh_site *site_here(void)
{
    PyFrameObject *frame = tracing ? PyEval_GetFrame() : NULL;
    return frame == NULL ? NULL : site_of(frame);
}

PyObject *site_trace(PyObject *module, PyObject *on)
{
    (void)module;
    int is_on = PyObject_IsTrue(on);
    if (is_on < 0)
        return NULL;
    tracing = is_on != 0;
    Py_RETURN_NONE;
}

/* True, false, or -1 with an exception. */
static int tracemalloc_is_on(void)
{
    PyObject *module = PyImport_ImportModule("_tracemalloc");
    PyObject *answer = module == NULL ? NULL : PyObject_CallMethod(module, "is_tracing", NULL);
    int is_on = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    Py_XDECREF(module);
    return is_on;
}

int site_begin(void)
{
    int is_on = tracemalloc_is_on();
    if (is_on > 0)
        tracing = true;
    return is_on < 0 ? -1 : 0;
}
