/* secp256k1 keys and recoverable signatures: the one home of secret key bytes and the only user of libsecp256k1. */
#ifndef OYSTER_ETH_KEY_H
#define OYSTER_ETH_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "util/err.h"

/* A valid secret key with what derives from it. Wipe with seckey_wipe on every exit (CLEANUP(seckey_wipe)). */
struct seckey {
    uint8_t secret[32];
    uint8_t pubkey[64]; /* x ‖ y, no 0x04 prefix */
    struct address address;
};

/* r ‖ s ‖ v with low s (EIP-2) and v = 27 or 28. */
struct signature {
    uint8_t b[65];
};

/* Fills key from 32 secret bytes. Returns 0, -EINVAL for 0 or a value of the curve order or above. */
int seckey_init(struct seckey *key, const uint8_t secret[32], struct err *e);

/* A new key from the kernel's random source. Returns 0 or the error of getrandom. */
int seckey_generate(struct seckey *key, struct err *e);

/* Reads a file of exactly 32 raw bytes. Errors name the path, what was found and what was expected. */
int seckey_load(struct seckey *key, const char *path, struct err *e);

/* Overwrites the key. */
void seckey_wipe(struct seckey *key);

/* Signs a 32-byte digest (RFC 6979 nonce). */
void seckey_sign(struct signature *out, const struct seckey *key, const uint8_t digest[32]);

/* What two keys have in common (ECDH): the x coordinate of secret · pubkey, 32 bytes. A secret: wipe it. Returns 0, or
 * -EINVAL where pubkey (x ‖ y) is no point of the curve. */
int seckey_ecdh(uint8_t shared[32], const struct seckey *key, const uint8_t pubkey[64], struct err *e);

/* The public key / address that made sig over digest. v may be 0, 1, 27 or 28. Returns 0 or -EINVAL. */
int signature_recover(uint8_t pubkey[64], const struct signature *sig, const uint8_t digest[32], struct err *e);
int signature_recover_address(struct address *out, const struct signature *sig, const uint8_t digest[32],
                              struct err *e);

#endif
