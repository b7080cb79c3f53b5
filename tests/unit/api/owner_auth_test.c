/* Whose word for a gas key counts, and when. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "api/owner_auth.h"
#include "eth/eip712.h"

static struct owner_auth signed_by(struct seckey *key, uint8_t byte)
{
    struct owner_auth a = { .sign_timestamp_s = 1000000, .now_s = 1000000 };
    uint8_t secret[32] = { byte }, digest[32];
    assert_int_equal(seckey_init(key, secret, NULL), 0);
    a.owner = key->address;
    a.enclave.b[0] = 7;
    a.gas_address.b[0] = 8;
    eip712_configure_gas_key(digest, &a.enclave, &a.gas_address, a.sign_timestamp_s);
    seckey_sign(&a.signature, key, digest);
    return a;
}

static void the_owner_is_heard(void **state)
{
    (void)state;
    struct seckey key;
    struct err e = { 0 };
    struct owner_auth a = signed_by(&key, 1);
    assert_int_equal(owner_auth_check(&a, &e), 0);
    a.last_s = 999999;
    assert_int_equal(owner_auth_check(&a, &e), 0);
    a.now_s = 1000000 + OWNER_AUTH_MAX_AGE_S;
    assert_int_equal(owner_auth_check(&a, &e), 0);
    a.now_s = 1000000 - OWNER_AUTH_MAX_AHEAD_S;
    assert_int_equal(owner_auth_check(&a, &e), 0);
    assert_int_equal(e.code, 0);
}

static void others_are_not(void **state)
{
    (void)state;
    struct seckey key;
    struct owner_auth a = signed_by(&key, 1), b;
    b = a;
    b.owner = (struct address){ { 9 } };
    assert_int_equal(owner_auth_check(&b, NULL), -EACCES);
    b = a;
    b.gas_address.b[19] ^= 1;
    assert_int_equal(owner_auth_check(&b, NULL), -EACCES);
    b = a;
    b.enclave.b[19] ^= 1;
    assert_int_equal(owner_auth_check(&b, NULL), -EACCES);
    b = a;
    b.sign_timestamp_s++;
    assert_int_equal(owner_auth_check(&b, NULL), -EACCES);
    b = a;
    b.signature.b[64] = 99;
    assert_int_equal(owner_auth_check(&b, NULL), -EACCES);
}

static void only_now_and_only_once(void **state)
{
    (void)state;
    struct seckey key;
    struct err e = { 0 };
    struct owner_auth a = signed_by(&key, 1), b;
    b = a;
    b.last_s = 1000000;
    assert_int_equal(owner_auth_check(&b, &e), -ESTALE);
    assert_string_equal(e.msg, "sign_timestamp 1000000 is not after the last accepted one, which is 1000000");
    b = a;
    b.now_s = 1000001 + OWNER_AUTH_MAX_AGE_S;
    assert_int_equal(owner_auth_check(&b, NULL), -ESTALE);
    b = a;
    b.now_s = 999999 - OWNER_AUTH_MAX_AHEAD_S;
    assert_int_equal(owner_auth_check(&b, NULL), -ESTALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_owner_is_heard),
        cmocka_unit_test(others_are_not),
        cmocka_unit_test(only_now_and_only_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
