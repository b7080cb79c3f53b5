/* The vectors of the Web3 Secret Storage definition (that of scrypt as first published and as geth tests it), what is
 * refused and how the message puts it, and a round trip. */
#include "eth_support.h"

#include <errno.h>
#include <stdio.h>

#include "eth/keystore.h"
#include "util/cleanup.h"

#define SECRET "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
#define PBKDF2_KDF                                                                                                     \
    "\"kdf\":\"pbkdf2\",\"kdfparams\":{\"c\":262144,\"dklen\":32,\"prf\":\"hmac-sha256\","                             \
    "\"salt\":\"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd\"}"
#define PBKDF2_REST                                                                                                    \
    "\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":\"6087dab2f9fdbbfaddc31a909735c1e6\"},"                       \
    "\"ciphertext\":\"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46\","                             \
    "\"mac\":\"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2\""
#define PBKDF2_VECTOR "{\"crypto\":{" PBKDF2_REST "," PBKDF2_KDF "},\"version\":3}"
#define SCRYPT_VECTOR                                                                                                  \
    "{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":\"83dbcc02d8ccb40e466191a123791e0e\"},"          \
    "\"ciphertext\":\"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c\",\"kdf\":\"scrypt\","          \
    "\"kdfparams\":{\"dklen\":32,\"n\":262144,\"p\":8,\"r\":1,"                                                        \
    "\"salt\":\"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19\"},"                                  \
    "\"mac\":\"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097\"},"                                   \
    "\"id\":\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}"

static int open_text(struct seckey *key, const char *json, const char *password, struct err *e)
{
    return keystore_open(key, json, strlen(json), password, strlen(password), e);
}

static void published_vectors(void **state)
{
    (void)state;
    static const char *const vectors[] = { PBKDF2_VECTOR, SCRYPT_VECTOR };
    for (size_t i = 0; i < 2; i++) {
        struct seckey key;
        assert_int_equal(open_text(&key, vectors[i], "testpassword", NULL), 0);
        assert_hex(key.secret, 32, SECRET);
        assert_hex(key.address.b, 20, "008aeeda4d805471df9b2a5b0f38a0c3bcba786b");
    }
}

static void wrong_password(void **state)
{
    (void)state;
    struct seckey key;
    static const struct seckey none;
    struct err e = { 0 };
    memset(&key, 1, sizeof key);
    assert_int_equal(open_text(&key, PBKDF2_VECTOR, "testpassworD", &e), -EACCES);
    assert_string_equal(e.msg, "the password is wrong (or the file is damaged: its mac does not match)");
    assert_memory_equal(&key, &none, sizeof key);
}

static void address_must_be_the_keys(void **state)
{
    (void)state;
    struct seckey key;
    struct err e = { 0 };
    CLEANUP(buf_free) struct buf json = { 0 };
    buf_printf(&json, "{\"address\":\"%s\",%s", "008aeeda4d805471df9b2a5b0f38a0c3bcba786b", &PBKDF2_VECTOR[1]);
    assert_int_equal(open_text(&key, buf_cstr(&json), "testpassword", NULL), 0);
    json.data[13] = '1';
    assert_int_equal(open_text(&key, buf_cstr(&json), "testpassword", &e), -EBADMSG);
    assert_string_equal(e.msg, "address: the file says 0x018AEeda4D805471dF9b2A5b0f38a0C3BCBa786B and holds the key of "
                               "0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b");
}

static const struct {
    const char *json;
    int code;
    const char *msg;
} refused[] = {
    { "", -EINVAL, NULL },
    { "[]", -EINVAL, "not a web3 secret storage file: it has no object \"crypto\"" },
    { "{\"crypto\":7,\"version\":3}", -EINVAL, "not a web3 secret storage file: it has no object \"crypto\"" },
    { "{\"crypto\":{},\"version\":1}", -EINVAL, "version: only version 3 of web3 secret storage is read" },
    { "{\"crypto\":{},\"version\":\"3\"}", -EINVAL, "version: only version 3 of web3 secret storage is read" },
    { "{\"crypto\":{},\"version\":3}", -EINVAL, "crypto: cipher: expected \"aes-128-ctr\"" },
    { "{\"crypto\":{\"cipher\":\"aes-128-ctr\"},\"version\":3}", -EINVAL,
      "crypto: cipherparams: iv: missing, expected hex text" },
    { "{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":3}},\"version\":3}", -EINVAL,
      "crypto: cipherparams: iv: expected hex text, found integer" },
};

static void refuses_what_is_no_keystore(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct keystore k;
        struct err e = { 0 };
        assert_int_equal(keystore_parse(&k, refused[i].json, strlen(refused[i].json), &e), refused[i].code);
        if (refused[i].msg)
            assert_string_equal(e.msg, refused[i].msg);
    }
}

#define SALT "\"dklen\":32,\"salt\":\"00\""
static const struct {
    const char *kdf;
    int code;
    const char *msg;
} kdfs[] = {
    { "\"kdf\":\"scrypt\",\"kdfparams\":{" SALT ",\"n\":4194304,\"r\":1,\"p\":1}", 0, "" },
    { "\"kdf\":\"scrypt\",\"kdfparams\":{" SALT ",\"n\":8388608,\"r\":1,\"p\":1}", -E2BIG,
      "crypto: kdfparams: n 8388608, r 1, p 1: scrypt would take over 512 MiB of memory" },
    { "\"kdf\":\"scrypt\",\"kdfparams\":{" SALT ",\"n\":2,\"r\":4294967295,\"p\":1}", -E2BIG,
      "crypto: kdfparams: n 2, r 4294967295, p 1: scrypt would take over 512 MiB of memory" },
    { "\"kdf\":\"scrypt\",\"kdfparams\":{" SALT ",\"n\":2,\"r\":1,\"p\":4294967295}", -E2BIG,
      "crypto: kdfparams: n 2, r 1, p 4294967295: scrypt would take over 512 MiB of memory" },
    { "\"kdf\":\"scrypt\",\"kdfparams\":{" SALT ",\"n\":262144,\"r\":8,\"p\":32}", 0, "" },
    { "\"kdf\":\"scrypt\",\"kdfparams\":{" SALT ",\"n\":262144,\"r\":8,\"p\":33}", -E2BIG,
      "crypto: kdfparams: n 262144, r 8, p 33: scrypt would take minutes, n * r * p may be 67108864 at most" },
    { "\"kdf\":\"scrypt\",\"kdfparams\":{" SALT ",\"n\":3,\"r\":8,\"p\":1}", -EINVAL,
      "crypto: kdfparams: n: expected a power of two above 1, found 3" },
    { "\"kdf\":\"scrypt\",\"kdfparams\":{" SALT ",\"n\":1,\"r\":8,\"p\":1}", -EINVAL,
      "crypto: kdfparams: n: expected a power of two above 1, found 1" },
    { "\"kdf\":\"scrypt\",\"kdfparams\":{" SALT ",\"n\":2,\"r\":0,\"p\":1}", -EINVAL,
      "crypto: kdfparams: r: 0 is out of range" },
    { "\"kdf\":\"scrypt\",\"kdfparams\":{" SALT ",\"n\":2,\"r\":1}", -EINVAL,
      "crypto: kdfparams: p: missing, expected a whole number" },
    { "\"kdf\":\"scrypt\",\"kdfparams\":{\"dklen\":64,\"salt\":\"00\"}", -EINVAL,
      "crypto: kdfparams: dklen: expected 32, found 64" },
    { "\"kdf\":\"pbkdf2\",\"kdfparams\":{" SALT ",\"c\":10000000,\"prf\":\"hmac-sha256\"}", 0, "" },
    { "\"kdf\":\"pbkdf2\",\"kdfparams\":{" SALT ",\"c\":10000001,\"prf\":\"hmac-sha256\"}", -E2BIG,
      "crypto: kdfparams: c: 10000001 rounds, at most 10000000 are done" },
    { "\"kdf\":\"pbkdf2\",\"kdfparams\":{" SALT ",\"c\":1,\"prf\":\"hmac-sha512\"}", -EINVAL,
      "crypto: kdfparams: prf: expected \"hmac-sha256\"" },
    { "\"kdf\":\"argon2id\",\"kdfparams\":{" SALT "}", -EINVAL, "crypto: kdf: expected \"scrypt\" or \"pbkdf2\"" },
    { "\"kdf\":\"scrypt\"", -EINVAL, "crypto: kdfparams: missing, expected an object" },
};

static void costs_are_bounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kdfs / sizeof *kdfs; i++) {
        struct keystore k;
        struct err e = { 0 };
        CLEANUP(buf_free) struct buf json = { 0 };
        buf_printf(&json, "{\"crypto\":{%s,%s},\"version\":3}", PBKDF2_REST, kdfs[i].kdf);
        assert_int_equal(keystore_parse(&k, buf_cstr(&json), json.len, &e), kdfs[i].code);
        assert_string_equal(e.msg, kdfs[i].msg);
    }
}

static void file_and_salt_are_bounded(void **state)
{
    (void)state;
    struct keystore k;
    CLEANUP(buf_free) struct buf json = { 0 };
    buf_puts(&json, PBKDF2_VECTOR);
    memset(buf_extend(&json, KEYSTORE_FILE_MAX - json.len), ' ', KEYSTORE_FILE_MAX - strlen(PBKDF2_VECTOR));
    assert_int_equal(keystore_parse(&k, (const char *)json.data, json.len, NULL), 0);
    buf_push(&json, ' ');
    assert_int_equal(keystore_parse(&k, (const char *)json.data, json.len, NULL), -E2BIG);
    for (int over = 0; over < 2; over++) {
        char salt[2 * (KEYSTORE_SALT_MAX + 1) + 1];
        memset(salt, '0', sizeof salt);
        salt[2 * (KEYSTORE_SALT_MAX + over)] = 0;
        buf_reset(&json);
        buf_printf(&json, "{\"crypto\":{%s,\"kdf\":\"pbkdf2\",\"kdfparams\":{\"dklen\":32,\"c\":1,", PBKDF2_REST);
        buf_printf(&json, "\"prf\":\"hmac-sha256\",\"salt\":\"%s\"}},\"version\":3}", salt);
        assert_int_equal(keystore_parse(&k, buf_cstr(&json), json.len, NULL), over ? -E2BIG : 0);
    }
}

static void round_trip(void **state)
{
    (void)state;
    struct seckey key, found;
    uint8_t secret[32];
    fill_hex(secret, 32, SECRET);
    assert_int_equal(seckey_init(&key, secret, NULL), 0);
    for (int kdf = KEYSTORE_SCRYPT; kdf <= KEYSTORE_PBKDF2; kdf++) {
        CLEANUP(buf_free) struct buf json = { 0 };
        assert_int_equal(keystore_seal(&json, &key, "p\0ss", 4, (enum keystore_kdf)kdf, NULL), 0);
        assert_null(memmem(json.data, json.len, SECRET, 64));
        assert_int_equal(keystore_open(&found, (const char *)json.data, json.len, "p\0ss", 4, NULL), 0);
        assert_memory_equal(found.secret, secret, 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(wrong_password),
        cmocka_unit_test(address_must_be_the_keys),
        cmocka_unit_test(refuses_what_is_no_keystore),
        cmocka_unit_test(costs_are_bounded),
        cmocka_unit_test(file_and_salt_are_bounded),
        cmocka_unit_test(round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
