/* The two CRCs that S3 knows and libcrypto does not.  Both take the checksum so far, 0 to begin with. */
#ifndef FPHOST_CHECKSUMS_H
#define FPHOST_CHECKSUMS_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (RFC 3720, appendix B.4). */
uint32_t cs_crc32c(uint32_t crc, const void *bytes, size_t count);

/* CRC-64/NVME (NVM Express command set specification, section 5.2.1.3.4). */
uint64_t cs_crc64nvme(uint64_t crc, const void *bytes, size_t count);

/* The CRC-64/NVME of a concatenation, from those of its two pieces; the second piece has `count` bytes. */
uint64_t cs_crc64nvme_join(uint64_t first, uint64_t second, uint64_t count);

/* The ways to compute a CRC-64/NVME, slowest first: tables; carry-less multiplication of 16 bytes at a time, and of 32. */
enum cs_way { CS_TABLES, CS_FOLD_128, CS_FOLD_256 };

/* The fastest way that this processor knows, by which cs_crc64nvme goes. */
enum cs_way cs_crc64nvme_best(void);

/* cs_crc64nvme by a way that is no faster than `way`, for tests of the slower ones. */
uint64_t cs_crc64nvme_by(enum cs_way way, uint64_t crc, const void *bytes, size_t count);

#endif
