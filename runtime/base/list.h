/* SPDX-License-Identifier: MIT */
/*
 * A doubly linked ring of nodes that live inside their owners. Not synchronised: the owner's lock covers it.
 *
 * Invariant: for every node n of a ring, n->next->previous == n and n->previous->next == n. An empty ring, and a node
 * that is on none, points to itself.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/assert.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct list_node {
    struct list_node *next;
    struct list_node *previous;
} list_node;

/* The owner of a node, from the node's place in it. */
#define LIST_OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(list_node *node)
{
    node->next = node;
    node->previous = node;
}

static inline bool list_is_empty(const list_node *ring)
{
    ASSERT(ring->next->previous == ring && ring->previous->next == ring);
    return ring->next == ring;
}

static inline void list_append(list_node *ring, list_node *node)
{
    ASSERT(list_is_empty(node));
    node->previous = ring->previous;
    node->next = ring;
    ring->previous->next = node;
    ring->previous = node;
}

static inline void list_remove(list_node *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    list_init(node);
}

/* The first node, taken off; NULL when there is none. */
static inline list_node *list_take_first(list_node *ring)
{
    if (list_is_empty(ring))
        return NULL;
    list_node *first = ring->next;
    list_remove(first);
    return first;
}

/* Moves all of source behind the last of target. */
static inline void list_splice(list_node *target, list_node *source)
{
    if (list_is_empty(source))
        return;
    source->next->previous = target->previous;
    source->previous->next = target;
    target->previous->next = source->next;
    target->previous = source->previous;
    list_init(source);
}

#endif
