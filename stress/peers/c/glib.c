/* SPDX-License-Identifier: MIT */
#include "peer.h"
#include <glib-object.h>

static GObject *object;

static void make(void)
{
    object = g_object_new(G_TYPE_OBJECT, NULL);
}

static void pairs(long count)
{
    for (long i = 0; i < count; i++) {
        (void)g_object_ref(object);
        g_object_unref(object);
    }
}

const peer measured = {.make = make, .pairs = pairs};
