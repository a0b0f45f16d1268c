/* SHA-256 (FIPS 180-4) whose state can be kept and gone on with, which no library of the project's lets one do. */
#ifndef FPHOST_DIGESTS_H
#define FPHOST_DIGESTS_H

#include <stddef.h>
#include <stdint.h>

#define CD_SHA256_SIZE 32

/* The most bytes of a kept state. */
#define CD_SHA256_STATE_MOST 104

struct cd_sha256 {
    uint32_t words[8];
    uint64_t length;
    /* The length % 64 bytes behind the last whole block. */
    uint8_t tail[64];
};

void cd_sha256_begin(struct cd_sha256 *state);

void cd_sha256_update(struct cd_sha256 *state, const void *bytes, size_t count);

/* The digest of what there was so far.  The state stays as it is, and may be gone on with. */
void cd_sha256_digest(const struct cd_sha256 *state, uint8_t digest[CD_SHA256_SIZE]);

/* Writes the state: the version 1 in one byte, the length in eight, the eight words, and the tail, numbers with their
   highest byte first.  Returns how many bytes that are, 41 ... CD_SHA256_STATE_MOST. */
size_t cd_sha256_save(const struct cd_sha256 *state, uint8_t saved[CD_SHA256_STATE_MOST]);

/* Reads a state that was written.  Returns 0, or -1 for bytes that are none. */
int cd_sha256_load(struct cd_sha256 *state, const uint8_t *saved, size_t count);

/* Whether this processor's own instructions for SHA-256 are used. */
int cd_sha256_has_instructions(void);

/* cd_sha256_update without such instructions, for tests. */
void cd_sha256_update_portably(struct cd_sha256 *state, const void *bytes, size_t count);

#endif
