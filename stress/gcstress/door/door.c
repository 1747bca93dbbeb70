/* SPDX-License-Identifier: MIT */
#include "door.h"
#include <stddef.h>

static const door_keeper *keeper; /* NULL: nobody */
static sh_collector collector;

static bool reach_own(const char *name)
{
    if (keeper != NULL)
        keeper->reach(DOOR_CHECKPOINT, name);
    return false; /* what can fail does not */
}

void door_keep(const door_keeper *next)
{
    keeper = next;
    collector = next->collector;
    checkpoint_set_hook(reach_own);
    checkpoint_set_store_hooks(next->stores);
}

void sh_stress_checkpoint(const char *where)
{
    if (keeper != NULL)
        keeper->reach(DOOR_CHECKPOINT, where);
}

void sh_stress_allocation(const char *where)
{
    if (keeper != NULL)
        keeper->reach(DOOR_ALLOCATION, where);
}

void sh_stress_crossing(const char *where)
{
    if (keeper != NULL)
        keeper->reach(DOOR_CROSSING, where);
}

void sh_stress_violation(const char *format, ...)
{
    if (keeper == NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    keeper->violate(format, arguments);
    va_end(arguments);
}

void sh_stress_tell(const char *format, ...)
{
    if (keeper == NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    keeper->tell(format, arguments);
    va_end(arguments);
}

void sh_stress_tell_of(sh_stress_deed deed, int64_t number, int64_t thing, const char *format, ...)
{
    if (keeper == NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    if (keeper->tell_of != NULL)
        keeper->tell_of(&(door_deed){deed, number, thing}, format, arguments);
    else
        keeper->tell(format, arguments);
    va_end(arguments);
}

void sh_stress_dropped(void)
{
    if (keeper != NULL && keeper->dropped != NULL)
        keeper->dropped();
}

void sh_stress_finalized(void)
{
    if (keeper != NULL && keeper->finalized != NULL)
        keeper->finalized();
}

sh_collector sh_stress_collector(void)
{
    return collector;
}
