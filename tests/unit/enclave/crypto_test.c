/* Hashes and P-384: published vectors (FIPS 180, RFC 6979 A.2.6), keys of our own, what must be refused. */
#include "enclave/crypto.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/hex.h"

static void from_hex(uint8_t *out, size_t len, const char *hex)
{
    assert_int_equal(hex_decode_exact(out, len, hex, strlen(hex), NULL), 0);
}

static void test_hashes(void **state)
{
    uint8_t want[48], got[48];
    (void)state;
    from_hex(want, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256(got, "abc", 3);
    assert_memory_equal(got, want, 32);
    from_hex(want, 48,
             "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
    sha384(got, "abc", 3);
    assert_memory_equal(got, want, 48);
    sha384_parts(got, (const struct hash_part[]){ { "a", 1 }, { NULL, 0 }, { "bc", 2 } }, 3);
    assert_memory_equal(got, want, 48);
    from_hex(want, 48,
             "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b");
    sha384_parts(got, NULL, 0);
    assert_memory_equal(got, want, 48);
}

/* RFC 6979, A.2.6: curve P-384, SHA-384, message "sample". */
#define RFC_PUBLIC                                                                                                     \
    "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"                 \
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720"
#define RFC_SIGNATURE                                                                                                  \
    "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"                 \
    "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"

static void test_published_signature(void **state)
{
    uint8_t public_key[P384_PUBLIC_BYTES], signature[P384_SIGNATURE_BYTES];
    (void)state;
    from_hex(public_key, sizeof public_key, RFC_PUBLIC);
    from_hex(signature, sizeof signature, RFC_SIGNATURE);
    assert_int_equal(p384_verify(public_key, signature, "sample", 6, NULL), 0);
    struct err e = { 0 };
    assert_int_equal(p384_verify(public_key, signature, "samplf", 6, &e), -EBADMSG);
    assert_string_equal(e.msg, "the signature does not fit the public key and the message");
    for (size_t i = 0; i < sizeof signature; i += 5) {
        signature[i] ^= 1;
        assert_int_equal(p384_verify(public_key, signature, "sample", 6, NULL), -EBADMSG);
        signature[i] ^= 1;
    }
    memset(signature, 0, sizeof signature);
    assert_int_equal(p384_verify(public_key, signature, "sample", 6, NULL), -EBADMSG);
    public_key[95] ^= 1;
    memset(&e, 0, sizeof e);
    assert_int_equal(p384_verify(public_key, signature, "sample", 6, &e), -EINVAL);
    assert_string_equal(e.msg, "the public key is not a point of the curve P-384");
    memset(public_key, 0, sizeof public_key);
    assert_int_equal(p384_verify(public_key, signature, "sample", 6, NULL), -EINVAL);
}

static void test_own_keys(void **state)
{
    (void)state;
    struct err e = { 0 };
    for (int i = 0; i < 20; i++) { /* short r and s are padded */
        struct p384_key *key = p384_key_generate(&e);
        uint8_t public_key[P384_PUBLIC_BYTES], again[P384_PUBLIC_BYTES], signature[P384_SIGNATURE_BYTES];
        struct buf pem = { 0 };
        assert_non_null(key);
        p384_key_public(public_key, key);
        assert_int_equal(p384_key_to_pem(&pem, key, &e), 0);
        struct p384_key *copy = p384_key_from_pem(pem.data, pem.len, &e);
        assert_non_null(copy);
        p384_key_public(again, copy);
        assert_memory_equal(public_key, again, sizeof again);
        assert_int_equal(p384_sign(signature, copy, "message", 7, &e), 0);
        assert_int_equal(p384_verify(public_key, signature, "message", 7, &e), 0);
        p384_key_free(key);
        p384_key_free(copy);
        buf_wipe(&pem);
    }
    p384_key_free(NULL);
}

static void test_pem_refused(void **state)
{
    static const char p256[] = "-----BEGIN EC PRIVATE KEY-----\n"
                               "MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqGSM49\n"
                               "AwEHoUQDQgAEPR3tU2Fta9ktY+6P9G0cWO+0kETA6SFs38GecTyudlHz6xvCdz8q\n"
                               "EKTcWGekdmdDPsHloRNtsiCa697B2O9IFA==\n"
                               "-----END EC PRIVATE KEY-----\n";
    struct err e = { 0 };
    (void)state;
    assert_null(p384_key_from_pem(p256, strlen(p256), &e));
    assert_string_equal(e.msg, "expected a key on the curve P-384");
    memset(&e, 0, sizeof e);
    assert_null(p384_key_from_pem("hello", 5, &e));
    assert_string_equal(e.msg, "expected a private key in PEM, without a password");
    assert_null(p384_key_from_pem("", 0, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_published_signature),
        cmocka_unit_test(test_own_keys),
        cmocka_unit_test(test_pem_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
