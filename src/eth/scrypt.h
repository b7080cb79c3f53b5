/* scrypt (RFC 7914) of libsodium: a key from a password, at a price in memory and time. */
#ifndef OYSTER_ETH_SCRYPT_H
#define OYSTER_ETH_SCRYPT_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/* What it costs: 128 * n * r bytes of memory; n * r * p block operations. n is a power of two above 1. */
struct scrypt_cost {
    uint64_t n;
    uint32_t r, p;
};

/* Fills out with out_len bytes. Returns 0, -ENOMEM, or -EINVAL for a cost that the algorithm does not have. */
int scrypt_derive(uint8_t *out, size_t out_len, const void *password, size_t password_len, const uint8_t *salt,
                  size_t salt_len, const struct scrypt_cost *cost, struct err *e);

#endif
