/* 256-bit unsigned integers: job ids, amounts in wei, ABI words. Pure; arithmetic reports overflow. */
#ifndef OYSTER_ETH_U256_H
#define OYSTER_ETH_U256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define U256_DEC_MAX 79 /* 78 decimal digits and a NUL */
#define U256_HEX_MAX 67 /* "0x", 64 digits, NUL */

/* limb[0] is the least significant. */
struct u256 {
    uint64_t limb[4];
};

/* From/to 32 big-endian bytes. */
struct u256 u256_from_be(const uint8_t be[32]);
void u256_to_be(uint8_t be[32], struct u256 v);

/* From/to 64 bits. u256_to_u64 returns false where v does not fit; *out is then UINT64_MAX (saturated). */
struct u256 u256_from_u64(uint64_t v);
bool u256_to_u64(uint64_t *out, struct u256 v);

/* -1, 0, 1 as a is less than, equal to, greater than b. */
int u256_cmp(struct u256 a, struct u256 b);
bool u256_is_zero(struct u256 v);

/* Return false on overflow or underflow; *out is then the value modulo 2^256. */
bool u256_add(struct u256 *out, struct u256 a, struct u256 b);
bool u256_sub(struct u256 *out, struct u256 a, struct u256 b);
bool u256_mul_u64(struct u256 *out, struct u256 a, uint64_t b);

/* Quotient; remainder to *rem (NULL allowed). b is not 0. */
struct u256 u256_div_u64(struct u256 a, uint64_t b, uint64_t *rem);

/* The nearest double. */
double u256_to_f64(struct u256 v);

/* Decimal / "0x" minimal hex text with NUL into out. Return out. */
char *u256_to_dec(char out[U256_DEC_MAX], struct u256 v);
char *u256_to_hex(char out[U256_HEX_MAX], struct u256 v);

/* Reads decimal digits, or "0x" and hex digits. Returns 0, -EINVAL (not a number), -ERANGE (over 2^256-1). */
int u256_parse(struct u256 *out, const char *text, size_t len, struct err *e);

#endif
