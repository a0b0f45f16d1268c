#define _GNU_SOURCE
#include "CFPStorage.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { EMPTY = 0, WOKEN = 1, ASLEEP = 2 };

int fps_event_descriptor(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void fps_name_thread(const char *name)
{
    char shortened[16];
    strncpy(shortened, name, sizeof shortened - 1);
    shortened[sizeof shortened - 1] = '\0';
    pthread_setname_np(pthread_self(), shortened);
}

size_t fps_block_size(void *block)
{
    return malloc_usable_size(block);
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

static int take(uint32_t *word)
{
    uint32_t woken = WOKEN;
    return __atomic_compare_exchange_n(word, &woken, EMPTY, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

int fps_park(uint32_t *word, int64_t deadline_ns, uint32_t spins)
{
    for (uint32_t i = 0; i < spins; i++) {
        if (__atomic_load_n(word, __ATOMIC_RELAXED) == WOKEN) break;
        relax();
    }
    if (take(word)) return 1;
    uint32_t empty = EMPTY;
    if (!__atomic_compare_exchange_n(word, &empty, ASLEEP, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return take(word);
    struct timespec deadline = {.tv_sec = deadline_ns / 1000000000, .tv_nsec = deadline_ns % 1000000000};
    for (;;) {
        /* The bitset form takes an absolute time on CLOCK_MONOTONIC, so that early returns do not stretch it. */
        long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, ASLEEP, &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
        if (take(word)) return 1;
        if (result == -1 && errno == ETIMEDOUT) {
            uint32_t asleep = ASLEEP;
            if (__atomic_compare_exchange_n(word, &asleep, EMPTY, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return 0;
            return take(word);
        }
    }
}

void fps_unpark(uint32_t *word)
{
    if (__atomic_exchange_n(word, WOKEN, __ATOMIC_RELEASE) == ASLEEP)
        syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
