#ifndef CFPSTORAGE_H
#define CFPSTORAGE_H

#include <stddef.h>
#include <stdint.h>

#include "CFPCalls.h"

/* The few system calls of Linux that Swift's Glibc module does not show. */

/* A non-blocking event descriptor that is closed on exec, or -1. */
int fps_event_descriptor(void);

/* Names the calling thread, for ps and debuggers; the system keeps the first 15 bytes. */
void fps_name_thread(const char *name);

/* The size in bytes of a block from malloc, which may be more than was asked for. */
size_t fps_block_size(void *block);

/* Parks one thread: it sleeps until another leaves a wake-up in `word`. A wake-up that comes first is kept; several
 * count as one. `word` begins as 0, and only these two functions may touch it.
 * fps_park returns 1 when woken, 0 when `deadline_ns` (CLOCK_MONOTONIC) has passed. Before it sleeps it looks for a
 * wake-up `spins` times, which saves both sides a system call when one is about to come. */
int fps_park(uint32_t *word, int64_t deadline_ns, uint32_t spins);
void fps_unpark(uint32_t *word);

#endif
