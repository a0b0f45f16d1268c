#ifndef FPHOST_COPENSSL_SHIM_H
#define FPHOST_COPENSSL_SHIM_H

// libcrypto's digests and HMAC: the library that libcurl brings along anyway.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#endif
