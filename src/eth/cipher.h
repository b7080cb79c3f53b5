/* What web3 secret storage needs of a cipher library: AES-128 in counter mode, PBKDF2 and a comparison in constant
 * time (libtomcrypt). */
#ifndef OYSTER_ETH_CIPHER_H
#define OYSTER_ETH_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Encrypts or decrypts len bytes; iv is the first counter block, counted up as one big-endian number. in and out may be
 * the same. */
void cipher_aes128_ctr(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[16], const uint8_t iv[16]);

/* PBKDF2 with HMAC-SHA-256 (RFC 8018): out_len bytes from a password after that many rounds (at least one). */
void cipher_pbkdf2_sha256(uint8_t *out, size_t out_len, const void *password, size_t password_len, const uint8_t *salt,
                          size_t salt_len, uint32_t rounds);

/* True where all bytes are the same, in a time that does not depend on where they differ. */
bool cipher_equal(const void *a, const void *b, size_t len);

#endif
