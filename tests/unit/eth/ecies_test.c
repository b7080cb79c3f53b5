/* Encryption to a public key: a message that another implementation has made (tests/support/ecies.mjs, with ephemeral
 * secret 0x2222… and nonce 0x3333…; docs/api.md shows it) is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "eth/ecies.h"
#include "util/cleanup.h"
#include "util/hex.h"

#define SEALED                                                                                                         \
    "466d7fcae563e5cb09a0d1870bb580344804617879a14949cf22285f1bae3f276728176c3c6431f8eeda4538dc37c865e2784f3a9e77d044" \
    "f33e407797e1278a3333333333333333333333333333333333333333333333338acec15d4b58ed8b9c22ab7746d418568f5a71a9e338bbe8" \
    "72cc5b36189e35f37cbaffc55fb76b9db1edc86e5c288185"
#define GAS_KEY "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"

static void make_key(struct seckey *k, uint8_t byte)
{
    uint8_t secret[32];
    memset(secret, byte, sizeof secret);
    assert_int_equal(seckey_init(k, secret, NULL), 0);
}

static void reads_a_known_message(void **state)
{
    (void)state;
    struct seckey enclave, other;
    uint8_t sealed[136], got[32], expected[32];
    make_key(&enclave, 0x11);
    make_key(&other, 0x12);
    assert_int_equal(hex_decode_exact(sealed, sizeof sealed, SEALED, strlen(SEALED), NULL), 0);
    assert_int_equal(hex_decode_exact(expected, sizeof expected, GAS_KEY, 64, NULL), 0);
    assert_int_equal(ecies_open(got, &enclave, ECIES_GAS_KEY, sealed, sizeof sealed, NULL), 0);
    assert_memory_equal(got, expected, 32);
    assert_true(ecies_open(got, &other, ECIES_GAS_KEY, sealed, sizeof sealed, NULL) < 0);
    assert_true(ecies_open(got, &enclave, "another purpose", sealed, sizeof sealed, NULL) < 0);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 1;
        assert_true(ecies_open(got, &enclave, ECIES_GAS_KEY, sealed, sizeof sealed, NULL) < 0);
        sealed[i] ^= 1;
        assert_true(ecies_open(got, &enclave, ECIES_GAS_KEY, sealed, i, NULL) < 0);
    }
}

static void reads_what_it_made(void **state)
{
    (void)state;
    struct seckey enclave;
    struct err e = { 0 };
    CLEANUP(buf_free) struct buf a = { 0 };
    CLEANUP(buf_free) struct buf b = { 0 };
    uint8_t got[6];
    make_key(&enclave, 0x11);
    assert_int_equal(ecies_seal(&a, enclave.pubkey, "p", "secret", 6, &e), 0);
    assert_int_equal(ecies_seal(&b, enclave.pubkey, "p", "secret", 6, &e), 0);
    assert_int_equal(a.len, 6 + ECIES_OVERHEAD_BYTES);
    assert_memory_not_equal(a.data, b.data, 64); /* another ephemeral key */
    assert_null(memmem(a.data, a.len, "secret", 6));
    assert_int_equal(ecies_open(got, &enclave, "p", a.data, a.len, &e), 0);
    assert_memory_equal(got, "secret", 6);
}

static void keys_that_are_none(void **state)
{
    (void)state;
    struct seckey enclave;
    struct err e = { 0 };
    struct buf out = { 0 };
    uint8_t sealed[200] = { 1 }, got[96];
    make_key(&enclave, 0x11);
    assert_int_equal(ecies_seal(&out, sealed, "p", "x", 1, &e), -22);
    assert_string_equal(e.msg, "not a public key: no point of secp256k1");
    assert_null(out.data);
    assert_int_equal(ecies_open(got, &enclave, "p", sealed, sizeof sealed, NULL), -22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_known_message),
        cmocka_unit_test(reads_what_it_made),
        cmocka_unit_test(keys_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
