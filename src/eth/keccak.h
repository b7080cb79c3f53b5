/* Keccak-256 as Ethereum uses it (original padding, not SHA3-256). The only user of libtomcrypt. */
#ifndef OYSTER_ETH_KECCAK_H
#define OYSTER_ETH_KECCAK_H

#include <stddef.h>
#include <stdint.h>

/* Hashes len bytes. */
void keccak256(uint8_t out[32], const void *data, size_t len);

/* One piece of a message. */
struct keccak_part {
    const void *data;
    size_t len;
};

/* Hashes the concatenation of n parts. */
void keccak256_parts(uint8_t out[32], const struct keccak_part *parts, size_t n);

#endif
