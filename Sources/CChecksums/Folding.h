/* Folding with carry-less multiplication: a message's beginning is replaced by 16 bytes that leave the same remainder.
   After V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009), for a
   CRC of 64 mirrored bits. */
#ifndef FPHOST_FOLDING_H
#define FPHOST_FOLDING_H

#include <stddef.h>
#include <stdint.h>

/* What the two halves of a block are multiplied by to be moved on by some bytes. */
struct distance {
    uint64_t early;
    uint64_t late;
};

struct folding {
    struct distance by_16_bytes;
    struct distance by_128_bytes;
    struct distance by_256_bytes;
};

/* Whether this processor has the instructions of the two functions below. */
int fp_can_fold_128(void);
int fp_can_fold_256(void);

/* Both return how many bytes of `count` they folded into `remainder`: the most that are whole blocks of 16.  `crc` is the
   register's content before them.  The first takes 128 bytes or more, the second 512 or more. */
size_t fp_fold_128(
    const struct folding *folding, uint64_t crc, const unsigned char *bytes, size_t count, unsigned char remainder[16]);
size_t fp_fold_256(
    const struct folding *folding, uint64_t crc, const unsigned char *bytes, size_t count, unsigned char remainder[16]);

#endif
