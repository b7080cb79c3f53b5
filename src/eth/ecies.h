/* Encryption to a public key: only the holder of its secret key reads it (docs/api.md "Encrypted gas key").
 *
 *   ephemeral public key (64 bytes, x ‖ y) ‖ nonce (24) ‖ XChaCha20-Poly1305 ciphertext and tag (length + 16)
 *
 * under the key BLAKE2b-256(key = ECDH x coordinate, data = purpose ‖ ephemeral public key ‖ receiver's public key), no
 * associated data. The ephemeral key is new each time. */
#ifndef OYSTER_ETH_ECIES_H
#define OYSTER_ETH_ECIES_H

#include <stddef.h>
#include <stdint.h>

#include "eth/key.h"
#include "eth/seal.h"
#include "util/buf.h"
#include "util/err.h"

#define ECIES_OVERHEAD_BYTES (64 + SEAL_OVERHEAD_BYTES)

/* The purpose of a gas key on its way to a node. */
#define ECIES_GAS_KEY "oyster-serverless-executor gas key ecies v1"

/* Appends the encrypted form of len bytes to out. purpose separates uses; it is not secret. Returns 0, -EINVAL where
 * pubkey (x ‖ y) is no public key, or the error of the random source. */
int ecies_seal(struct buf *out, const uint8_t pubkey[64], const char *purpose, const void *data, size_t len,
               struct err *e);

/* Opens what ecies_seal made: data has room for sealed_len - ECIES_OVERHEAD_BYTES. Returns 0, -EINVAL where it does not
 * begin with a public key, or -EBADMSG where it is too short, damaged, for another key or of another purpose. */
int ecies_open(uint8_t *data, const struct seckey *key, const char *purpose, const uint8_t *sealed, size_t sealed_len,
               struct err *e);

#endif
