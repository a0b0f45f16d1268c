#define _GNU_SOURCE
#include "CFPCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct fps_calls {
    char magic[16];
    uint32_t struct_size;
    uint32_t ended_by;
    uint64_t ended_in;
    int64_t began_s; /* CLOCK_REALTIME */
    int64_t ended_s;
    char operations[FPS_CALL_OPERATIONS][FPS_CALL_NAME];
    char stores[FPS_CALL_STORES][FPS_CALL_TEXT];
    uint64_t slots[FPS_CALL_SLOTS];
};

static const char magic[16] = "fphost calls 1\n";
static const size_t alternate_size = 64 * 1024;

static fps_calls memory;
static fps_calls *now = &memory;
static char path[PATH_MAX];
static unsigned char taken[FPS_CALL_SLOTS];
static void (*flush)(void);
static int is_watching;
static int has_ended;
static struct sigaction before[65];

/* The calling thread's slot: a number that is FPS_CALL_SLOTS where all are taken. */
static __thread int slot = -1;
static __thread uint64_t unseen;
static __thread void *alternate;

/* The signals that a thread gets for a fault of its own, from the processor or from abort(). */
static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE};
static const size_t signal_count = sizeof signals / sizeof *signals;

static int64_t seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec;
}

static void head(fps_calls *calls)
{
    memcpy(calls->magic, magic, sizeof magic);
    calls->struct_size = sizeof *calls;
    if (calls->began_s == 0) calls->began_s = seconds();
}

fps_calls *fps_calls_now(void)
{
    return __atomic_load_n(&now, __ATOMIC_ACQUIRE);
}

size_t fps_calls_size(void)
{
    return sizeof(fps_calls);
}

int fps_calls_is_one(const fps_calls *calls, size_t size)
{
    return size == sizeof *calls && calls->struct_size == size && memcmp(calls->magic, magic, sizeof magic) == 0;
}

uint32_t fps_calls_ended_by(const fps_calls *calls)
{
    return calls->ended_by;
}

uint64_t fps_calls_ended_in(const fps_calls *calls)
{
    return calls->ended_in;
}

int64_t fps_calls_age(const fps_calls *calls)
{
    return calls->ended_s > calls->began_s ? calls->ended_s - calls->began_s : 0;
}

uint64_t fps_calls_slot(const fps_calls *calls, uint32_t index)
{
    return index < FPS_CALL_SLOTS ? calls->slots[index] : 0;
}

char *fps_calls_store(fps_calls *calls, uint32_t index)
{
    return calls->stores[index % FPS_CALL_STORES];
}

char *fps_calls_operation(fps_calls *calls, uint32_t index)
{
    return calls->operations[index % FPS_CALL_OPERATIONS];
}

int fps_calls_map(int descriptor)
{
    if (ftruncate(descriptor, 0) != 0 || ftruncate(descriptor, sizeof memory) != 0) return errno;
    /* Allocates the blocks, so that a full disk is an error here and not SIGBUS later. */
    int failure = posix_fallocate(descriptor, 0, sizeof memory);
    if (failure != 0) return failure;
    void *mapped = mmap(NULL, sizeof memory, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) return errno;
    head(&memory);
    memcpy(mapped, &memory, sizeof memory);
    __atomic_store_n(&now, (fps_calls *)mapped, __ATOMIC_RELEASE);
    return 0;
}

void fps_calls_unmap(void)
{
    /* The mapping itself stays: a thread may be about to write into it. */
    fps_calls *mapped = fps_calls_now();
    if (mapped == &memory) return;
    memcpy(&memory, mapped, sizeof memory);
    __atomic_store_n(&now, &memory, __ATOMIC_RELEASE);
}

void fps_calls_path(const char *given)
{
    path[0] = '\0';
    if (given != NULL && strlen(given) < sizeof path) strcpy(path, given);
}

static uint64_t *own(void)
{
    if (slot == -1) {
        int found = 0;
        while (found < FPS_CALL_SLOTS && __atomic_exchange_n(&taken[found], 1, __ATOMIC_ACQUIRE)) found++;
        slot = found;
    }
    return slot < FPS_CALL_SLOTS ? &fps_calls_now()->slots[slot] : &unseen;
}

void fps_call_begins(uint64_t word)
{
    __atomic_store_n(own(), word, __ATOMIC_RELAXED);
}

void fps_call_ends(void)
{
    __atomic_store_n(own(), 0, __ATOMIC_RELAXED);
}

void fps_calls_thread_begins(void)
{
    stack_t stack = {.ss_size = alternate_size};
    alternate = malloc(alternate_size);
    stack.ss_sp = alternate;
    if (alternate != NULL) sigaltstack(&stack, NULL);
    /* A blocked signal would end the process without its handler. */
    sigset_t crashes;
    sigemptyset(&crashes);
    for (size_t i = 0; i < signal_count; i++) sigaddset(&crashes, signals[i]);
    pthread_sigmask(SIG_UNBLOCK, &crashes, NULL);
}

void fps_calls_thread_ends(void)
{
    if (slot >= 0 && slot < FPS_CALL_SLOTS) {
        fps_call_ends();
        __atomic_store_n(&taken[slot], 0, __ATOMIC_RELEASE);
    }
    slot = -1;
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    free(alternate);
    alternate = NULL;
}

/* Everything below runs in a signal handler: it calls nothing that might wait for a lock, nor for a reader. */

struct line {
    char text[1024];
    size_t length;
};

static void append(struct line *line, const char *text)
{
    while (*text != '\0' && line->length < sizeof line->text - 1) line->text[line->length++] = *text++;
}

static void append_number(struct line *line, unsigned number)
{
    char digits[12];
    char *first = digits + sizeof digits - 1;
    *first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    append(line, first);
}

static void tell(const fps_calls *calls, unsigned ended_by, uint64_t word)
{
    uint64_t store = (word >> 32) - 1;
    uint64_t operation = word & 0xffffffffu;
    if (word == 0 || store >= FPS_CALL_STORES || operation >= FPS_CALL_OPERATIONS) return;
    struct line line = {.length = 0};
    const char *name = calls->stores[store];
    append(&line, "fphost: the plugin ");
    append(&line, name + strnlen(name, FPS_CALL_TEXT - 1) + 1);
    if (ended_by == FPS_CALL_EXITED) {
        append(&line, " ends the process");
    } else {
        append(&line, " crashes with signal ");
        append_number(&line, ended_by);
    }
    append(&line, " in its call `");
    append(&line, calls->operations[operation]);
    append(&line, "` for the store \"");
    append(&line, name);
    append(&line, "\"\n");
    struct pollfd writable = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT) != 0) {
        if (write(STDERR_FILENO, line.text, line.length) < 0) return;
    }
}

static void note(unsigned ended_by, uint64_t word)
{
    fps_calls *calls = fps_calls_now();
    head(calls);
    calls->ended_in = word;
    calls->ended_s = seconds();
    __atomic_store_n(&calls->ended_by, ended_by, __ATOMIC_RELEASE);
    if (calls != &memory || path[0] == '\0') return;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return;
    const char *next = (const char *)calls;
    size_t left = sizeof *calls;
    while (left > 0) {
        ssize_t count = write(file, next, left);
        if (count <= 0) break;
        next += count;
        left -= (size_t)count;
    }
    close(file);
}

static uint64_t own_word(void)
{
    return slot >= 0 && slot < FPS_CALL_SLOTS ? fps_calls_now()->slots[slot] : unseen;
}

static void crashed(int number, siginfo_t *info, void *context)
{
    (void)context;
    int error = errno;
    if (!__atomic_exchange_n(&has_ended, 1, __ATOMIC_ACQ_REL)) {
        /* First, since the rest may crash in its turn. */
        note((unsigned)number, own_word());
        if (flush != NULL) flush();
        tell(fps_calls_now(), (unsigned)number, own_word());
    }
    sigaction(number, &before[number], NULL);
    errno = error;
    /* On return the processor repeats the faulting instruction, now under the earlier handler. A signal that was sent,
     * as by abort(), has to be sent again. */
    if (info->si_code <= 0) raise(number);
}

static void exited(void)
{
    if (own_word() == 0 || __atomic_exchange_n(&has_ended, 1, __ATOMIC_ACQ_REL)) return;
    note(FPS_CALL_EXITED, own_word());
    tell(fps_calls_now(), FPS_CALL_EXITED, own_word());
}

void fps_calls_watch(void (*given)(void))
{
    flush = given;
    if (__atomic_exchange_n(&is_watching, 1, __ATOMIC_ACQ_REL)) return;
    for (size_t i = 0; i < signal_count; i++) {
        struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
        action.sa_sigaction = crashed;
        sigemptyset(&action.sa_mask);
        sigaction(signals[i], &action, &before[signals[i]]);
    }
    atexit(exited);
}
