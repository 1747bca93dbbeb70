/* SPDX-License-Identifier: MIT */
/* What a peer written in C or C++ gives to measure.c: each is a program of its own, of these two files. */
#ifndef PEERS_PEER_H
#define PEERS_PEER_H

#ifdef __cplusplus
extern "C" {
#endif

/* Invariant: pairs takes a reference and gives it back, count times, on the one handle that all threads share. */
typedef struct peer {
    void (*make)(void);         /* the handle; NULL where nothing is to be made */
    void (*enter_thread)(void); /* what each thread has to do first, and last; NULL where it is nothing */
    void (*leave_thread)(void);
    void (*pairs)(long count);
} peer;

extern const peer measured;

#ifdef __cplusplus
}
#endif

#endif
