#ifndef CFPCALLS_H
#define CFPCALLS_H

#include <stddef.h>
#include <stdint.h>

/* What the threads of this process do in plugins, kept where a crash leaves it: a plugin that ends the process is named
 * by the process's last words, and by the next one. */

enum {
    FPS_CALL_STORES = 256,     /* stores that can be told apart                           */
    FPS_CALL_TEXT = 512,       /* bytes for "store\0path of the plugin\0"                 */
    FPS_CALL_OPERATIONS = 64,  /* calls of the contract                                   */
    FPS_CALL_NAME = 24,        /* bytes for the name of one                               */
    FPS_CALL_SLOTS = 4096      /* threads that are in a plugin at once; more are not seen */
};

/* The end of a process that is no signal: a plugin called exit(). */
#define FPS_CALL_EXITED 1000u

/* The journal, in memory or in a file. Its slots are 0, or 1 + store << 32 | operation. */
typedef struct fps_calls fps_calls;

/* The journal of this process. */
fps_calls *fps_calls_now(void);

size_t fps_calls_size(void);
/* Whether `size` bytes are a journal of this make. */
int fps_calls_is_one(const fps_calls *calls, size_t size);
/* A signal, FPS_CALL_EXITED, or 0. */
uint32_t fps_calls_ended_by(const fps_calls *calls);
/* The slot of the thread that ended the process, as it was. */
uint64_t fps_calls_ended_in(const fps_calls *calls);
/* How many seconds the process ran until then. */
int64_t fps_calls_age(const fps_calls *calls);
uint64_t fps_calls_slot(const fps_calls *calls, uint32_t index);
/* Room for "store\0path of the plugin\0", and for the name of a call. */
char *fps_calls_store(fps_calls *calls, uint32_t index);
char *fps_calls_operation(fps_calls *calls, uint32_t index);

/* Goes on with the journal in a file, which gets its size. Returns 0, or an errno. */
int fps_calls_map(int descriptor);
/* Goes back to memory. */
void fps_calls_unmap(void);

/* Where to write the journal to if the process ends before it is mapped; NULL for nowhere. Copied. */
void fps_calls_path(const char *path);

/* Around each call: costs a store each. Calls of one thread do not nest. */
void fps_call_begins(uint64_t word);
void fps_call_ends(void);

/* At the begin and the end of a thread on which calls are made: room to handle a stack that is used up, and the slot. */
void fps_calls_thread_begins(void);
void fps_calls_thread_ends(void);

/* From here on crashes are told in the journal and on standard error, and then go on to whoever handled them before.
 * `flush` is called from the signal handler; NULL for none. */
void fps_calls_watch(void (*flush)(void));

#endif
