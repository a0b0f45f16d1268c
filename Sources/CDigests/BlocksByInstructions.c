#include "Blocks.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

int cd_has_instructions(void)
{
    static int known; /* 0: not looked yet, 1: no, 2: yes */
    int has = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (has == 0) {
        unsigned a, b = 0, c, d;
        /* Leaf 7, EBX bit 29 is SHA (Intel SDM, CPUID). */
        int sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
        has = sha && __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1") ? 2 : 1;
        __atomic_store_n(&known, has, __ATOMIC_RELAXED);
    }
    return has == 2;
}

/* The instructions want the state as the words A B E F and C D G H, highest first, and do two rounds each. */
__attribute__((target("sha,ssse3,sse4.1"))) void cd_blocks_by_instructions(
    uint32_t words[8], const uint8_t *blocks, size_t count)
{
    const __m128i big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)words), 0xB1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(words + 4)), 0x1B);
    __m128i abef = _mm_alignr_epi8(badc, efgh, 8);
    __m128i cdgh = _mm_blend_epi16(efgh, badc, 0xF0);

    for (; count > 0; blocks += 64, count--) {
        const __m128i abef_before = abef;
        const __m128i cdgh_before = cdgh;
        __m128i w[4];
        for (int n = 0; n < 4; n++)
            w[n] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(blocks + 16 * n)), big_endian);
#pragma clang loop unroll(full)
        for (int four = 0; four < 16; four++) {
            __m128i sum = _mm_add_epi32(w[four % 4], _mm_loadu_si128((const __m128i *)(cd_constants + 4 * four)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
            if (four < 12) {
                /* The four words that are wanted sixteen rounds later. */
                __m128i latest = w[(four + 3) % 4];
                __m128i seventh = _mm_alignr_epi8(latest, w[(four + 2) % 4], 4);
                __m128i partly = _mm_add_epi32(_mm_sha256msg1_epu32(w[four % 4], w[(four + 1) % 4]), seventh);
                w[four % 4] = _mm_sha256msg2_epu32(partly, latest);
            }
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }

    __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)words, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#include <sys/auxv.h>

int cd_has_instructions(void)
{
    return (getauxval(AT_HWCAP) & 1 << 6 /* HWCAP_SHA2 */) != 0;
}

__attribute__((target("sha2"))) void cd_blocks_by_instructions(
    uint32_t words[8], const uint8_t *blocks, size_t count)
{
    uint32x4_t abcd = vld1q_u32(words);
    uint32x4_t efgh = vld1q_u32(words + 4);
    for (; count > 0; blocks += 64, count--) {
        const uint32x4_t abcd_before = abcd;
        const uint32x4_t efgh_before = efgh;
        uint32x4_t w[4];
        for (int n = 0; n < 4; n++)
            w[n] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(blocks + 16 * n)));
#pragma clang loop unroll(full)
        for (int four = 0; four < 16; four++) {
            uint32x4_t sum = vaddq_u32(w[four % 4], vld1q_u32(cd_constants + 4 * four));
            uint32x4_t abcd_here = abcd;
            abcd = vsha256hq_u32(abcd, efgh, sum);
            efgh = vsha256h2q_u32(efgh, abcd_here, sum);
            if (four < 12) {
                /* The four words that are wanted sixteen rounds later. */
                uint32x4_t partly = vsha256su0q_u32(w[four % 4], w[(four + 1) % 4]);
                w[four % 4] = vsha256su1q_u32(partly, w[(four + 2) % 4], w[(four + 3) % 4]);
            }
        }
        abcd = vaddq_u32(abcd, abcd_before);
        efgh = vaddq_u32(efgh, efgh_before);
    }
    vst1q_u32(words, abcd);
    vst1q_u32(words + 4, efgh);
}

#else

int cd_has_instructions(void)
{
    return 0;
}

void cd_blocks_by_instructions(uint32_t words[8], const uint8_t *blocks, size_t count)
{
    cd_blocks_portably(words, blocks, count);
}

#endif
