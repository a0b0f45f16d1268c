/* SHA-256's compression function, over any number of blocks of 64 bytes. */
#ifndef FPHOST_BLOCKS_H
#define FPHOST_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

/* FIPS 180-4, section 4.2.2. */
extern const uint32_t cd_constants[64];

void cd_blocks_portably(uint32_t words[8], const uint8_t *blocks, size_t count);

/* Only where the processor has the instructions. */
void cd_blocks_by_instructions(uint32_t words[8], const uint8_t *blocks, size_t count);
int cd_has_instructions(void);

#endif
