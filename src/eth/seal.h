/* Secrets at rest: authenticated encryption under a key that only this enclave can derive (XChaCha20-Poly1305 and
 * BLAKE2b of libsodium, of which this is the only user). */
#ifndef OYSTER_ETH_SEAL_H
#define OYSTER_ETH_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "eth/key.h"
#include "util/buf.h"
#include "util/err.h"

#define SEAL_OVERHEAD_BYTES 40 /* nonce and tag */

/* Appends the sealed form of len bytes to out. purpose separates uses: what was sealed for one cannot be opened for
 * another; it is not secret. */
void seal(struct buf *out, const struct seckey *enclave, const char *purpose, const void *data, size_t len);

/* Opens what seal made: data has room for sealed_len - SEAL_OVERHEAD_BYTES. Returns 0, or -EBADMSG where the bytes are
 * damaged, of another enclave key or of another purpose. */
int unseal(uint8_t *data, const struct seckey *enclave, const char *purpose, const uint8_t *sealed, size_t sealed_len,
           struct err *e);

#endif
