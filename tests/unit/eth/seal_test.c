/* What is sealed can be opened by the same key for the same purpose, and by nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "eth/seal.h"
#include "util/cleanup.h"

static void make_key(struct seckey *k, uint8_t byte)
{
    uint8_t secret[32] = { byte, 1 };
    assert_int_equal(seckey_init(k, secret, NULL), 0);
}

static void opens_only_what_it_sealed(void **state)
{
    (void)state;
    struct seckey mine, other;
    CLEANUP(buf_free) struct buf sealed = { 0 };
    uint8_t got[32];
    make_key(&mine, 1);
    make_key(&other, 2);
    seal(&sealed, &mine, "gas key", "0123456789abcdef0123456789abcdef", 32);
    assert_int_equal(sealed.len, 32 + SEAL_OVERHEAD_BYTES);
    assert_int_equal(unseal(got, &mine, "gas key", sealed.data, sealed.len, NULL), 0);
    assert_memory_equal(got, "0123456789abcdef0123456789abcdef", 32);
    assert_true(unseal(got, &other, "gas key", sealed.data, sealed.len, NULL) < 0);
    assert_true(unseal(got, &mine, "other use", sealed.data, sealed.len, NULL) < 0);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_true(unseal(got, &mine, "gas key", sealed.data, sealed.len, NULL) < 0);
        sealed.data[i] ^= 1;
        assert_true(unseal(got, &mine, "gas key", sealed.data, i, NULL) < 0);
    }
}

static void no_two_are_alike(void **state)
{
    (void)state;
    struct seckey k;
    CLEANUP(buf_free) struct buf a = { 0 };
    CLEANUP(buf_free) struct buf b = { 0 };
    make_key(&k, 1);
    seal(&a, &k, "p", "secret", 6);
    seal(&b, &k, "p", "secret", 6);
    assert_memory_not_equal(a.data, b.data, a.len);
    assert_null(memmem(a.data, a.len, "secret", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_only_what_it_sealed),
        cmocka_unit_test(no_two_are_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
