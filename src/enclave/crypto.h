/* Hashes and P-384 keys of the Nitro world (OpenSSL's libcrypto is included here and in cert.c alone). No network, no
 * system store, no configuration file of the machine. */
#ifndef OYSTER_ENCLAVE_CRYPTO_H
#define OYSTER_ENCLAVE_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

#define SHA256_BYTES 32
#define SHA384_BYTES 48
#define P384_PUBLIC_BYTES 96    /* x ‖ y, no 0x04 prefix */
#define P384_SIGNATURE_BYTES 96 /* r ‖ s, big-endian, as COSE has them (RFC 9053, 2.1) */

/* One piece of a message; len 0 allowed. */
struct hash_part {
    const void *data;
    size_t len;
};

/* Hash len bytes / the concatenation of n pieces. */
void sha256(uint8_t out[SHA256_BYTES], const void *data, size_t len);
void sha384(uint8_t out[SHA384_BYTES], const void *data, size_t len);
void sha384_parts(uint8_t out[SHA384_BYTES], const struct hash_part *parts, size_t n);

/* An ECDSA key pair on P-384. */
struct p384_key;

/* A new key from the library's random source, or NULL with e set. Free with p384_key_free. */
struct p384_key *p384_key_generate(struct err *e);

/* A private key from a PEM text ("EC PRIVATE KEY" or "PRIVATE KEY", not encrypted), or NULL with e set (-EINVAL). */
struct p384_key *p384_key_from_pem(const void *text, size_t len, struct err *e);

/* NULL allowed. The library overwrites the secret. */
void p384_key_free(struct p384_key *key);

/* Its public half. */
void p384_key_public(uint8_t out[P384_PUBLIC_BYTES], const struct p384_key *key);

/* The private key as PEM text ("PRIVATE KEY"), appended to out. */
int p384_key_to_pem(struct buf *out, const struct p384_key *key, struct err *e);

/* Signs SHA-384 of the message (ES384). Returns 0, or -EIO where the library fails. */
int p384_sign(uint8_t out[P384_SIGNATURE_BYTES], const struct p384_key *key, const void *msg, size_t len,
              struct err *e);

/* Checks an ES384 signature. Returns 0; -EINVAL where the public key is no point of the curve; -EBADMSG where the
 * signature is not that key's over this message. */
int p384_verify(const uint8_t public_key[P384_PUBLIC_BYTES], const uint8_t signature[P384_SIGNATURE_BYTES],
                const void *msg, size_t len, struct err *e);

#endif
