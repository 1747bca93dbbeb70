/* SPDX-License-Identifier: MIT */
/* One domain for each interpreter. It is unloaded when the names of sys are cleared: after every other module and its
 * objects, so that finalizers that flush at exit find their handles open, and before the built-in functions, which
 * release functions that are written in Python may need. */
#include "binding.h"
#include <stdlib.h>

enum { UNLOAD_MS = 1000 };

static const char HOME_NAME[] = "_safehandle_home"; /* in sys; such names are cleared first */

/* ---- values whose release waits for the lock --------------------------------------------------------------------- */

static int release_waiting_of(void *here)
{
    home_release_waiting(here);
    return 0;
}

void home_push(home *here, user_value *value)
{
    /* Relaxed, then release: who takes the list must see all of the value. */
    user_value *first = __atomic_load_n(&here->waiting, __ATOMIC_RELAXED);
    do {
        value->next = first;
    } while (!__atomic_compare_exchange_n(&here->waiting, &first, value, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    /* When its table is full, the next call into the binding does it. */
    if (here->is_main && !here->ended)
        (void)Py_AddPendingCall(release_waiting_of, here);
}

void home_release_waiting(home *here)
{
    if (__atomic_load_n(&here->waiting, __ATOMIC_RELAXED) == NULL)
        return;
    /* Acquire: what was pushed is seen whole. */
    user_value *value = __atomic_exchange_n(&here->waiting, NULL, __ATOMIC_ACQUIRE);
    while (value != NULL) {
        user_value *next = value->next;
        (void)user_value_release(value);
        value = next;
    }
}

/* ---- its beginning and its end ----------------------------------------------------------------------------------- */

/* The home itself stays: a finalizer that comes even later may still ask it. */
static void home_end(PyObject *capsule)
{
    home *here = PyCapsule_GetPointer(capsule, HOME_NAME);
    gil_leave();
    sh_status status = sh_domain_unload(here->domain, UNLOAD_MS, NULL);
    gil_enter();
    home_release_waiting(here);
    here->ended = true;
    events_end();
    if (status == SH_OK && sh_domain_destroy(here->domain) == SH_OK)
        here->domain = NULL;
}

/* A capsule; NULL with an exception. */
static PyObject *home_begin(void)
{
    home *here = calloc(1, sizeof *here);
    if (here == NULL)
        return PyErr_NoMemory();
    here->is_main = PyInterpreterState_GetID(PyInterpreterState_Get()) == 0;
    if (sh_domain_create("python", &here->domain) != SH_OK) {
        free(here);
        return PyErr_NoMemory();
    }
    PyObject *capsule = PyCapsule_New(here, HOME_NAME, home_end);
    if (capsule != NULL) {
        events_begin();
        return capsule;
    }
    if (sh_domain_destroy(here->domain) == SH_OK)
        free(here);
    return NULL;
}

home *home_find(void)
{
    PyObject *capsule = PySys_GetObject(HOME_NAME);
    if (capsule != NULL)
        return PyCapsule_GetPointer(capsule, HOME_NAME);
    capsule = home_begin();
    if (capsule == NULL)
        return NULL;
    home *here = PySys_SetObject(HOME_NAME, capsule) == 0 ? PyCapsule_GetPointer(capsule, HOME_NAME) : NULL;
    Py_DECREF(capsule);
    return here;
}
