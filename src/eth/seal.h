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

/* A piece of what a key is derived from. */
struct seal_part {
    const void *data;
    size_t len;
};

/* Appends the sealed form of len bytes to out. purpose separates uses: what was sealed for one cannot be opened for
 * another; it is not secret. */
void seal(struct buf *out, const struct seckey *enclave, const char *purpose, const void *data, size_t len);

/* The same under a key that the caller has derived: seal_derive hashes parts (n of them) under a secret to a key of its
 * own. Wipe it. */
void seal_derive(uint8_t key[32], const uint8_t secret[32], const struct seal_part *parts, size_t n);
void seal_with(struct buf *out, const uint8_t key[32], const void *data, size_t len);
int unseal_with(uint8_t *data, const uint8_t key[32], const uint8_t *sealed, size_t sealed_len, struct err *e);

/* Opens what seal made: data has room for sealed_len - SEAL_OVERHEAD_BYTES. Returns 0, or -EBADMSG where the bytes are
 * damaged, of another enclave key or of another purpose. */
int unseal(uint8_t *data, const struct seckey *enclave, const char *purpose, const uint8_t *sealed, size_t sealed_len,
           struct err *e);

#endif
