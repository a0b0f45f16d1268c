#include "CChecksums.h"

#include <pthread.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

/* Both polynomials with the bits mirrored, as the checksums are computed. */
#define CRC32C_POLYNOMIAL 0x82F63B78u
#define CRC64NVME_POLYNOMIAL 0x9A6C9329AC4BC9B5u

/* table[n][b]: the checksum of the byte b with n zero bytes behind it, so that eight bytes go in one step. */
static uint32_t table32[8][256];
static uint64_t table64[8][256];
static pthread_once_t tables = PTHREAD_ONCE_INIT;

static void fill_tables(void)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint32_t small = byte;
        uint64_t large = byte;
        for (int bit = 0; bit < 8; bit++) {
            small = small >> 1 ^ (small & 1 ? CRC32C_POLYNOMIAL : 0);
            large = large >> 1 ^ (large & 1 ? CRC64NVME_POLYNOMIAL : 0);
        }
        table32[0][byte] = small;
        table64[0][byte] = large;
    }
    for (int n = 1; n < 8; n++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            table32[n][byte] = table32[n - 1][byte] >> 8 ^ table32[0][table32[n - 1][byte] & 0xFF];
            table64[n][byte] = table64[n - 1][byte] >> 8 ^ table64[0][table64[n - 1][byte] & 0xFF];
        }
    }
}

static uint32_t crc32c_by_table(uint32_t crc, const unsigned char *bytes, size_t count)
{
    pthread_once(&tables, fill_tables);
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        word ^= crc;
        crc = table32[7][word & 0xFF] ^ table32[6][word >> 8 & 0xFF] ^ table32[5][word >> 16 & 0xFF] ^
              table32[4][word >> 24 & 0xFF] ^ table32[3][word >> 32 & 0xFF] ^ table32[2][word >> 40 & 0xFF] ^
              table32[1][word >> 48 & 0xFF] ^ table32[0][word >> 56];
    }
    for (; count > 0; bytes++, count--)
        crc = crc >> 8 ^ table32[0][(crc ^ *bytes) & 0xFF];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_by_instruction(
    uint32_t crc, const unsigned char *bytes, size_t count)
{
    uint64_t wide = crc;
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; count > 0; bytes++, count--)
        crc = _mm_crc32_u8(crc, *bytes);
    return crc;
}
#endif

uint32_t cs_crc32c(uint32_t crc, const void *bytes, size_t count)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_by_instruction(~crc, bytes, count);
#endif
    return ~crc32c_by_table(~crc, bytes, count);
}

uint64_t cs_crc64nvme(uint64_t crc, const void *memory, size_t count)
{
    const unsigned char *bytes = memory;
    pthread_once(&tables, fill_tables);
    crc = ~crc;
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        word ^= crc;
        crc = table64[7][word & 0xFF] ^ table64[6][word >> 8 & 0xFF] ^ table64[5][word >> 16 & 0xFF] ^
              table64[4][word >> 24 & 0xFF] ^ table64[3][word >> 32 & 0xFF] ^ table64[2][word >> 40 & 0xFF] ^
              table64[1][word >> 48 & 0xFF] ^ table64[0][word >> 56];
    }
    for (; count > 0; bytes++, count--)
        crc = crc >> 8 ^ table64[0][(crc ^ *bytes) & 0xFF];
    return ~crc;
}

/* The product of two polynomials modulo the CRC's, bits mirrored: the highest bit is the power 0. */
static uint64_t multiply(uint64_t left, uint64_t right)
{
    uint64_t product = 0;
    for (uint64_t bit = 1ull << 63; bit != 0; bit >>= 1) {
        if (left & bit)
            product ^= right;
        right = right >> 1 ^ (right & 1 ? CRC64NVME_POLYNOMIAL : 0);
    }
    return product;
}

uint64_t cs_crc64nvme_join(uint64_t first, uint64_t second, uint64_t count)
{
    /* Appending `count` bytes multiplies the first piece's CRC by x^(8 * count), computed by squaring. */
    uint64_t shift = 1ull << 63;
    uint64_t power = 1ull << 55;
    for (; count != 0; count >>= 1) {
        if (count & 1)
            shift = multiply(shift, power);
        power = multiply(power, power);
    }
    return multiply(first, shift) ^ second;
}
