#include "CDigests.h"
#include "Blocks.h"

#include <string.h>

#define VERSION 1

static void put32(uint8_t *bytes, uint32_t value)
{
    for (int n = 3; n >= 0; n--, value >>= 8)
        bytes[n] = (uint8_t)value;
}

static void put64(uint8_t *bytes, uint64_t value)
{
    put32(bytes, (uint32_t)(value >> 32));
    put32(bytes + 4, (uint32_t)value);
}

static uint32_t get32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint64_t get64(const uint8_t *bytes)
{
    return (uint64_t)get32(bytes) << 32 | get32(bytes + 4);
}

void cd_sha256_begin(struct cd_sha256 *state)
{
    /* FIPS 180-4, section 5.3.3. */
    static const uint32_t first[8] = {
        0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
    };
    memset(state, 0, sizeof *state);
    memcpy(state->words, first, sizeof first);
}

typedef void take_blocks(uint32_t words[8], const uint8_t *blocks, size_t count);

static void update(struct cd_sha256 *state, const uint8_t *bytes, size_t count, take_blocks *take)
{
    size_t held = state->length % 64;
    state->length += count;
    if (held > 0) {
        size_t part = count < 64 - held ? count : 64 - held;
        memcpy(state->tail + held, bytes, part);
        bytes += part;
        count -= part;
        if (held + part < 64)
            return;
        take(state->words, state->tail, 1);
    }
    take(state->words, bytes, count / 64);
    if (count % 64 > 0)
        memcpy(state->tail, bytes + count / 64 * 64, count % 64);
}

void cd_sha256_update(struct cd_sha256 *state, const void *bytes, size_t count)
{
    update(state, bytes, count, cd_has_instructions() ? cd_blocks_by_instructions : cd_blocks_portably);
}

void cd_sha256_update_portably(struct cd_sha256 *state, const void *bytes, size_t count)
{
    update(state, bytes, count, cd_blocks_portably);
}

void cd_sha256_digest(const struct cd_sha256 *state, uint8_t digest[CD_SHA256_SIZE])
{
    /* Section 5.1.1: a bit 1, zeros, and the length in bits at the end of a block. */
    struct cd_sha256 last = *state;
    uint8_t padding[64 + 8] = {0x80};
    size_t zeros = (119 - state->length % 64) % 64;
    put64(padding + 1 + zeros, state->length * 8);
    cd_sha256_update(&last, padding, 1 + zeros + 8);
    for (int n = 0; n < 8; n++)
        put32(digest + 4 * n, last.words[n]);
}

int cd_sha256_has_instructions(void)
{
    return cd_has_instructions();
}

size_t cd_sha256_save(const struct cd_sha256 *state, uint8_t saved[CD_SHA256_STATE_MOST])
{
    saved[0] = VERSION;
    put64(saved + 1, state->length);
    for (int n = 0; n < 8; n++)
        put32(saved + 9 + 4 * n, state->words[n]);
    memcpy(saved + 41, state->tail, state->length % 64);
    return 41 + state->length % 64;
}

int cd_sha256_load(struct cd_sha256 *state, const uint8_t *saved, size_t count)
{
    if (count < 41 || saved[0] != VERSION || count != 41 + get64(saved + 1) % 64)
        return -1;
    memset(state, 0, sizeof *state);
    state->length = get64(saved + 1);
    for (int n = 0; n < 8; n++)
        state->words[n] = get32(saved + 9 + 4 * n);
    memcpy(state->tail, saved + 41, count - 41);
    return 0;
}
