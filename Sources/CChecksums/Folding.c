#include "Folding.h"

#include <string.h>

/* A register of 16 bytes, and how it is loaded, kept and moved on: next ^ block * distance. */
#if defined(__x86_64__)
#include <immintrin.h>

#define FOLDS __attribute__((target("pclmul,sse4.1")))
#define FOLDS_WIDE __attribute__((target("pclmul,vpclmulqdq,avx2")))

typedef __m128i block;

FOLDS static inline block load(const void *bytes)
{
    return _mm_loadu_si128(bytes);
}

FOLDS static inline void store(unsigned char *bytes, block value)
{
    _mm_storeu_si128((block *)bytes, value);
}

FOLDS static inline block begin(block first, uint64_t crc)
{
    return _mm_xor_si128(first, _mm_cvtsi64_si128((long long)crc));
}

FOLDS static inline block fold(block value, block by, block next)
{
    block early = _mm_clmulepi64_si128(value, by, 0x00);
    block late = _mm_clmulepi64_si128(value, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(early, late), next);
}

int fp_can_fold_128(void)
{
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

int fp_can_fold_256(void)
{
    return fp_can_fold_128() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("vpclmulqdq");
}

#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#include <sys/auxv.h>

#define FOLDS __attribute__((target("aes")))

typedef uint64x2_t block;

FOLDS static inline block load(const void *bytes)
{
    return vreinterpretq_u64_u8(vld1q_u8(bytes));
}

FOLDS static inline void store(unsigned char *bytes, block value)
{
    vst1q_u8(bytes, vreinterpretq_u8_u64(value));
}

FOLDS static inline block begin(block first, uint64_t crc)
{
    return veorq_u64(first, vcombine_u64(vcreate_u64(crc), vcreate_u64(0)));
}

FOLDS static inline block fold(block value, block by, block next)
{
    poly128_t early = vmull_p64((poly64_t)vgetq_lane_u64(value, 0), (poly64_t)vgetq_lane_u64(by, 0));
    poly128_t late = vmull_high_p64(vreinterpretq_p64_u64(value), vreinterpretq_p64_u64(by));
    return veorq_u64(veorq_u64(vreinterpretq_u64_p128(early), vreinterpretq_u64_p128(late)), next);
}

int fp_can_fold_128(void)
{
    return (getauxval(AT_HWCAP) & 1 << 4 /* HWCAP_PMULL */) != 0;
}

int fp_can_fold_256(void)
{
    return 0;
}

#else

int fp_can_fold_128(void)
{
    return 0;
}

int fp_can_fold_256(void)
{
    return 0;
}

#endif

#if defined(FOLDS)

FOLDS size_t fp_fold_128(
    const struct folding *folding, uint64_t crc, const unsigned char *bytes, size_t count, unsigned char remainder[16])
{
    const unsigned char *start = bytes;
    block by = load(&folding->by_128_bytes);
    block values[8];
    for (int n = 0; n < 8; n++)
        values[n] = load(bytes + 16 * n);
    values[0] = begin(values[0], crc);
    for (bytes += 128, count -= 128; count >= 128; bytes += 128, count -= 128) {
        /* Eight that wait for nothing of each other, because a multiplication takes several cycles. */
        for (int n = 0; n < 8; n++)
            values[n] = fold(values[n], by, load(bytes + 16 * n));
    }
    by = load(&folding->by_16_bytes);
    for (int n = 1; n < 8; n++)
        values[n] = fold(values[n - 1], by, values[n]);
    for (; count >= 16; bytes += 16, count -= 16)
        values[7] = fold(values[7], by, load(bytes));
    store(remainder, values[7]);
    return (size_t)(bytes - start);
}

#else

size_t fp_fold_128(
    const struct folding *folding, uint64_t crc, const unsigned char *bytes, size_t count, unsigned char remainder[16])
{
    return 0;
}

#endif

#if defined(FOLDS_WIDE)

FOLDS_WIDE static inline __m256i load_wide(const void *bytes)
{
    return _mm256_loadu_si256(bytes);
}

FOLDS_WIDE static inline __m256i fold_wide(__m256i value, __m256i by, __m256i next)
{
    __m256i early = _mm256_clmulepi64_epi128(value, by, 0x00);
    __m256i late = _mm256_clmulepi64_epi128(value, by, 0x11);
    return _mm256_xor_si256(_mm256_xor_si256(early, late), next);
}

FOLDS_WIDE size_t fp_fold_256(
    const struct folding *folding, uint64_t crc, const unsigned char *bytes, size_t count, unsigned char remainder[16])
{
    const unsigned char *start = bytes;
    __m256i by = _mm256_broadcastsi128_si256(load(&folding->by_256_bytes));
    __m256i values[8];
    for (int n = 0; n < 8; n++)
        values[n] = load_wide(bytes + 32 * n);
    values[0] = _mm256_xor_si256(values[0], _mm256_set_epi64x(0, 0, 0, (long long)crc));
    for (bytes += 256, count -= 256; count >= 256; bytes += 256, count -= 256) {
        for (int n = 0; n < 8; n++)
            values[n] = fold_wide(values[n], by, load_wide(bytes + 32 * n));
    }
    block narrow = load(&folding->by_16_bytes);
    block value = _mm256_castsi256_si128(values[0]);
    for (int n = 0; n < 8; n++) {
        if (n > 0)
            value = fold(value, narrow, _mm256_castsi256_si128(values[n]));
        value = fold(value, narrow, _mm256_extracti128_si256(values[n], 1));
    }
    for (; count >= 16; bytes += 16, count -= 16)
        value = fold(value, narrow, load(bytes));
    store(remainder, value);
    return (size_t)(bytes - start);
}

#else

size_t fp_fold_256(
    const struct folding *folding, uint64_t crc, const unsigned char *bytes, size_t count, unsigned char remainder[16])
{
    return 0;
}

#endif
