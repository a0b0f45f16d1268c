#include "CChecksums.h"
#include "Folding.h"

#include <pthread.h>
#include <string.h>

/* The polynomial with the bits mirrored, as the checksum is computed: the highest bit is the power 0. */
#define POLYNOMIAL 0x9A6C9329AC4BC9B5u

/* table[n][b]: the checksum of the byte b with n zero bytes behind it, so that eight bytes go in one step. */
static uint64_t table[8][256];
static struct folding folding;
static enum cs_way best;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

/* The product of two polynomials modulo the CRC's. */
static uint64_t multiply(uint64_t left, uint64_t right)
{
    uint64_t product = 0;
    for (uint64_t bit = 1ull << 63; bit != 0; bit >>= 1) {
        if (left & bit)
            product ^= right;
        right = right >> 1 ^ (right & 1 ? POLYNOMIAL : 0);
    }
    return product;
}

/* x^(count) modulo the CRC's polynomial, by squaring `power`, which is x. */
static uint64_t raised(uint64_t power, uint64_t count)
{
    uint64_t result = 1ull << 63;
    for (; count != 0; count >>= 1) {
        if (count & 1)
            result = multiply(result, power);
        power = multiply(power, power);
    }
    return result;
}

/* What moves a block of 16 bytes on by `bits`.  The product of two mirrored numbers lies one bit lower than the
   register that it is read from, hence the exponents' -1. */
static struct distance distance(uint64_t bits)
{
    return (struct distance){.early = raised(1ull << 62, bits + 63), .late = raised(1ull << 62, bits - 1)};
}

static void prepare(void)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        table[0][byte] = crc;
    }
    for (int n = 1; n < 8; n++) {
        for (unsigned byte = 0; byte < 256; byte++)
            table[n][byte] = table[n - 1][byte] >> 8 ^ table[0][table[n - 1][byte] & 0xFF];
    }
    folding.by_16_bytes = distance(8 * 16);
    folding.by_128_bytes = distance(8 * 128);
    folding.by_256_bytes = distance(8 * 256);
    best = fp_can_fold_256() ? CS_FOLD_256 : fp_can_fold_128() ? CS_FOLD_128 : CS_TABLES;
}

static uint64_t by_table(uint64_t crc, const unsigned char *bytes, size_t count)
{
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        word ^= crc;
        crc = table[7][word & 0xFF] ^ table[6][word >> 8 & 0xFF] ^ table[5][word >> 16 & 0xFF] ^
              table[4][word >> 24 & 0xFF] ^ table[3][word >> 32 & 0xFF] ^ table[2][word >> 40 & 0xFF] ^
              table[1][word >> 48 & 0xFF] ^ table[0][word >> 56];
    }
    for (; count > 0; bytes++, count--)
        crc = crc >> 8 ^ table[0][(crc ^ *bytes) & 0xFF];
    return crc;
}

enum cs_way cs_crc64nvme_best(void)
{
    pthread_once(&prepared, prepare);
    return best;
}

uint64_t cs_crc64nvme_by(enum cs_way way, uint64_t crc, const void *memory, size_t count)
{
    const unsigned char *bytes = memory;
    crc = ~crc;
    if (way > cs_crc64nvme_best())
        way = best;
    unsigned char remainder[16];
    size_t done = 0;
    if (way == CS_FOLD_256 && count >= 512)
        done = fp_fold_256(&folding, crc, bytes, count, remainder);
    else if (way != CS_TABLES && count >= 128)
        done = fp_fold_128(&folding, crc, bytes, count, remainder);
    if (done > 0)
        /* The bytes that were folded are congruent to these sixteen. */
        crc = by_table(0, remainder, sizeof remainder);
    return ~by_table(crc, bytes + done, count - done);
}

uint64_t cs_crc64nvme(uint64_t crc, const void *memory, size_t count)
{
    return cs_crc64nvme_by(CS_FOLD_256, crc, memory, count);
}

uint64_t cs_crc64nvme_join(uint64_t first, uint64_t second, uint64_t count)
{
    /* Appending `count` bytes multiplies the first piece's CRC by x^(8 * count). */
    return multiply(first, raised(1ull << 55, count)) ^ second;
}
