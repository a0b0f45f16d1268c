#ifndef CFPCALLS_H
#define CFPCALLS_H

#include <stddef.h>
#include <stdint.h>

/* A journal of the calls of plugins that are under way, in memory or in a mapped file. If a plugin ends the process,
 * the signal handler says which one, and so can the next process, which reads the file. */

enum {
    FPS_CALL_STORES = 256,     /* stores that can be told apart                           */
    FPS_CALL_TEXT = 512,       /* bytes for "store\0path of the plugin\0"                 */
    FPS_CALL_OPERATIONS = 64,  /* calls of the contract                                   */
    FPS_CALL_NAME = 24,        /* bytes for the name of one                               */
    FPS_CALL_SLOTS = 4096      /* threads that are in a plugin at once; more are not seen */
};

/* In the place of a signal's number: a plugin called exit(). */
#define FPS_CALL_EXITED 1000u

/* The journal. It has a slot for each thread: 0 outside of calls, or (1 + store) << 32 | operation. */
typedef struct fps_calls fps_calls;

/* The journal of this process: in memory, or in a file after fps_calls_map. */
fps_calls *fps_calls_now(void);

/* In bytes. */
size_t fps_calls_size(void);
/* Whether `size` bytes are a journal of this format and size. */
int fps_calls_is_one(const fps_calls *calls, size_t size);
/* What ended the process: the number of a signal, FPS_CALL_EXITED, or 0 if nothing was recorded. */
uint32_t fps_calls_ended_by(const fps_calls *calls);
/* The slot of the thread that ended the process, as it was. */
uint64_t fps_calls_ended_in(const fps_calls *calls);
/* How many seconds the process ran until then. */
int64_t fps_calls_age(const fps_calls *calls);
uint64_t fps_calls_slot(const fps_calls *calls, uint32_t index);
/* Where "store\0path of the plugin\0" is, in FPS_CALL_TEXT bytes, and the name of a call, in FPS_CALL_NAME bytes. */
char *fps_calls_store(fps_calls *calls, uint32_t index);
char *fps_calls_operation(fps_calls *calls, uint32_t index);

/* Moves the journal into a file, whose content is lost. Returns 0, or an errno; then the journal stays where it was. */
int fps_calls_map(int descriptor);
/* Moves the journal back to memory. */
void fps_calls_unmap(void);

/* Where to write the journal to if the process ends before it is mapped; NULL for nowhere. Copied. */
void fps_calls_path(const char *path);

/* Around each call of a plugin; each is a single write to memory. `word` is that of a slot. Calls of one thread do not
 * nest. */
void fps_call_begins(uint64_t word);
void fps_call_ends(void);

/* At the begin and the end of a thread on which calls are made. It gets an alternate signal stack, without which a
 * stack overflow could not be reported; at the end its slot is free again. */
void fps_calls_thread_begins(void);
void fps_calls_thread_ends(void);

/* From here on crashes are recorded in the journal and on standard error, before the earlier signal handlers run.
 * `flush` is called from the signal handler; NULL for none. */
void fps_calls_watch(void (*flush)(void));

#endif
