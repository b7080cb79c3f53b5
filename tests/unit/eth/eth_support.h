/* Short-hands of the eth tests: values written as hex. */
#ifndef OYSTER_TESTS_ETH_SUPPORT_H
#define OYSTER_TESTS_ETH_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eth/address.h"
#include "eth/key.h"
#include "eth/u256.h"
#include "util/buf.h"
#include "util/hex.h"

/* The bytes of hex, with or without 0x. The caller frees them with buf_free. */
static inline struct buf from_hex(const char *hex)
{
    struct buf b = { 0 };
    size_t len = strlen(hex);
    hex = hex_strip0x(hex, &len);
    buf_reserve(&b, len / 2 + 1);
    assert_int_equal(hex_decode(b.data, hex, len, NULL), HEX_OK);
    b.len = len / 2;
    return b;
}

/* Fills out with exactly n bytes of hex. */
static inline void fill_hex(uint8_t *out, size_t n, const char *hex)
{
    assert_int_equal(hex_decode_exact(out, n, hex, strlen(hex), NULL), 0);
}

/* Fails unless data is what hex says. */
static inline void assert_hex(const void *data, size_t len, const char *hex)
{
    struct buf want = from_hex(hex);
    char *found = xcalloc(1, 2 * len + 1);
    (void)hex_encode(found, data, len);
    size_t n = strlen(hex);
    assert_string_equal(found, hex_strip0x(hex, &n));
    assert_int_equal(len, want.len);
    free(found);
    buf_free(&want);
}

static inline struct address addr(const char *hex)
{
    struct address a;
    fill_hex(a.b, sizeof a.b, hex);
    return a;
}

static inline struct u256 num(const char *text)
{
    struct u256 v;
    assert_int_equal(u256_parse(&v, text, strlen(text), NULL), 0);
    return v;
}

static inline struct seckey key_of(const char *hex)
{
    struct seckey key;
    uint8_t secret[32];
    fill_hex(secret, sizeof secret, hex);
    assert_int_equal(seckey_init(&key, secret, NULL), 0);
    return key;
}

#endif
