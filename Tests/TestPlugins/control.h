/* How a test talks to a plugin in its own process: an array of 64-bit words, whose address the option `control` gives.
 * Word [op * PER_OP + field]. Tests/Support/PluginControl.swift has the same numbers. */
#ifndef FP_TEST_CONTROL_H
#define FP_TEST_CONTROL_H

#include <stdint.h>

enum {
    OP_CREATE, OP_DESTROY, OP_HEALTH, OP_STAT, OP_READ_OPEN, OP_READ, OP_READ_CLOSE, OP_WRITE_BEGIN, OP_WRITE_RESUME,
    OP_WRITE, OP_WRITE_SYNC, OP_WRITE_COMMIT, OP_WRITE_ABORT, OP_WRITE_CLOSE, OP_WRITE_DISCARD, OP_REMOVE, OP_COPY,
    OP_LIST, OP_LIST_PENDING, OP_PRESIGN, OP_TRANSFER, OP_READ_FD, OP_ALL, OP_COUNT
};

enum {
    CALLS,       /* out: how often it was called                                      */
    IN_FLIGHT,   /* out: now                                                          */
    PEAK,        /* out: most at once                                                 */
    FAULT,       /* in: status to return                                              */
    FAULTS_LEFT, /* in: how often, -1 = always                                        */
    SLEEP_MS,    /* in: sleep first, as the contract wants: until cancel or deadline  */
    GATE,        /* in: 1 = hang, deaf to everything, until it is 0                   */
    LIE,         /* in: which promise to break, see the op                            */
    RETRY_AFTER, /* in: goes into the error with FAULT                                */
    ERROR_FLAGS, /* in: goes into the error with FAULT                                */
    AFTER,       /* in: 1 = do the work, then return FAULT all the same               */
    OS_ERRNO,    /* in: goes into the error with FAULT; 0 = EIO                       */
    LIMITS,      /* in: of health: what it says that it cannot do                     */
    REFUSAL,     /* in: status for keys that begin with "refused", 0 = take them      */
    TRACE,       /* out: fingerprint of the last call's trace id, 0 for none          */
    FREE,        /* in: of health: the bytes that it has free, 0 = 400, -1 = unknown  */
    POWER,       /* out: how often it was to survive a loss of power                  */
    SPARED,      /* in: how many calls go well before FAULT                          */
    PER_OP = 18
};

static inline int64_t control_get(int64_t *words, int op, int field)
{
    return words ? __atomic_load_n(&words[op * PER_OP + field], __ATOMIC_SEQ_CST) : 0;
}

static inline void control_set(int64_t *words, int op, int field, int64_t value)
{
    if (words) __atomic_store_n(&words[op * PER_OP + field], value, __ATOMIC_SEQ_CST);
}

static inline int64_t control_add(int64_t *words, int op, int field, int64_t by)
{
    return words ? __atomic_add_fetch(&words[op * PER_OP + field], by, __ATOMIC_SEQ_CST) : 0;
}

static inline void control_peak(int64_t *words, int op, int64_t value)
{
    if (!words) return;
    int64_t *peak = &words[op * PER_OP + PEAK];
    int64_t old = __atomic_load_n(peak, __ATOMIC_SEQ_CST);
    while (old < value && !__atomic_compare_exchange_n(peak, &old, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) { }
}

#endif
