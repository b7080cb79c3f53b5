/* Published vectors: NIST SP 800-38A F.5.1 for counter mode, RFC 7914 section 11 for PBKDF2 and section 12 for scrypt.
 */
#include "eth_support.h"

#include "eth/cipher.h"
#include "eth/scrypt.h"

#include <errno.h>

static void counter_mode(void **state)
{
    (void)state;
    uint8_t key[16], iv[16], data[64];
    fill_hex(key, sizeof key, "2b7e151628aed2a6abf7158809cf4f3c");
    fill_hex(iv, sizeof iv, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    fill_hex(data, sizeof data,
             "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
             "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
    cipher_aes128_ctr(data, data, sizeof data, key, iv);
    assert_hex(data, sizeof data,
               "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
               "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee");
}

static void pbkdf2(void **state)
{
    (void)state;
    uint8_t out[64];
    cipher_pbkdf2_sha256(out, sizeof out, "passwd", 6, (const uint8_t *)"salt", 4, 1);
    assert_hex(out, sizeof out,
               "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
               "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
    cipher_pbkdf2_sha256(out, 32, NULL, 0, (const uint8_t *)"salt", 4, 2); /* this and the next: Python's hashlib */
    assert_hex(out, 32, "62384466264daadc4144018c6bd864648272b34da8980d31521ffcce92ae003b");
    cipher_pbkdf2_sha256(out, 32, "p", 1, NULL, 0, 2);
    assert_hex(out, 32, "91a71c43336ffa33d4054271d791b8ccd0660fd163526737ba2ad26c958ae2d7");
}

static void scrypt(void **state)
{
    (void)state;
    uint8_t out[64];
    const struct scrypt_cost cost = { .n = 1024, .r = 8, .p = 16 };
    assert_int_equal(scrypt_derive(out, 64, "password", 8, (const uint8_t *)"NaCl", 4, &cost, NULL), 0);
    assert_hex(out, sizeof out,
               "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
               "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
}

static void scrypt_refuses(void **state)
{
    (void)state;
    uint8_t out[32];
    struct err e = { 0 };
    const struct scrypt_cost odd = { .n = 1000, .r = 8, .p = 1 };
    assert_int_equal(scrypt_derive(out, 32, "", 0, (const uint8_t *)"", 0, &odd, &e), -EINVAL);
    assert_string_equal(e.msg, "scrypt has no cost n 1000, r 8, p 1");
}

static void compares(void **state)
{
    (void)state;
    assert_true(cipher_equal("abcd", "abcd", 4));
    assert_false(cipher_equal("abcd", "abce", 4));
    assert_false(cipher_equal("abcd", "bbcd", 4));
    assert_true(cipher_equal("abcd", "abce", 3));
    assert_true(cipher_equal("a", "b", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counter_mode),   cmocka_unit_test(pbkdf2),   cmocka_unit_test(scrypt),
        cmocka_unit_test(scrypt_refuses), cmocka_unit_test(compares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
