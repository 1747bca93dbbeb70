/* SPDX-License-Identifier: MIT */
/* One domain for each interpreter. It is unloaded when the interpreter's own dictionary is cleared, after every module
 * and its objects, so that finalizers that flush at exit find their handles open. */
#include "binding.h"
#include <stdlib.h>

enum { UNLOAD_MS = 1000 };

static const char HOME_KEY[] = "safehandle.home";

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

/* Runs where Python functions cannot be called any more, so that values of user kinds that are left now stay open. */
static void home_end(PyObject *capsule)
{
    home *here = PyCapsule_GetPointer(capsule, HOME_KEY);
    here->ended = true;
    events_end();
    gil_leave();
    sh_status status = sh_domain_unload(here->domain, UNLOAD_MS, NULL);
    gil_enter();
    /* What is left over may still be released by its last user, who looks here. */
    if (status == SH_OK && sh_domain_destroy(here->domain) == SH_OK)
        free(here);
}

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
    PyObject *capsule = PyCapsule_New(here, HOME_KEY, home_end);
    if (capsule == NULL) {
        if (sh_domain_destroy(here->domain) == SH_OK)
            free(here);
        return NULL;
    }
    events_begin();
    return capsule;
}

home *home_find(void)
{
    PyObject *dict = PyInterpreterState_GetDict(PyInterpreterState_Get());
    if (dict == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this interpreter has no dictionary for what its modules share");
        return NULL;
    }
    PyObject *capsule = PyDict_GetItemString(dict, HOME_KEY);
    if (capsule != NULL)
        return PyCapsule_GetPointer(capsule, HOME_KEY);
    capsule = home_begin();
    if (capsule == NULL)
        return NULL;
    int stored = PyDict_SetItemString(dict, HOME_KEY, capsule);
    home *here = stored == 0 ? PyCapsule_GetPointer(capsule, HOME_KEY) : NULL;
    Py_DECREF(capsule);
    return here;
}
