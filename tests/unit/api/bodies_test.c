/* Request bodies → values or the exact 400 texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "api/bodies.h"

#define OWNER "owner_address_hex"

/* body → the answer's text, or "ok". */
static const char *owner(const char *body, size_t len)
{
    static char answer[512];
    struct buf text = { 0 }, out = { 0 };
    struct address a;
    if (body_string(&text, OWNER, (const uint8_t *)body, len, &out) == 0 && body_owner(&a, &text, &out) == 0)
        buf_puts(&out, "ok");
    (void)strncpy(answer, buf_cstr(&out), sizeof answer - 1);
    buf_wipe(&text);
    buf_free(&out);
    return answer;
}

static void json_errors(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "", "Invalid JSON body: unreadable at line 1 column 0, expected {\"owner_address_hex\": \"0x...\"}\n" },
        { "{\"owner_address_hex\"",
          "Invalid JSON body: unreadable at line 1 column 20, expected {\"owner_address_hex\": \"0x...\"}\n" },
        { "[]", "Invalid JSON body: found array, expected an object {\"owner_address_hex\": \"0x...\"}\n" },
        { "\"x\"", "Invalid JSON body: found string, expected an object {\"owner_address_hex\": \"0x...\"}\n" },
        { "{}", "Missing key owner_address_hex: expected {\"owner_address_hex\": \"0x...\"}\n" },
        { "{\"owner_address_hex\":5}",
          "Invalid type of key owner_address_hex: found integer, expected a hex string\n" },
        { "{\"owner_address_hex\":null}",
          "Invalid type of key owner_address_hex: found null, expected a hex string\n" },
        { "{\"other\":1,\"owner_address_hex\":\"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266\"}", "ok" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(owner(cases[i][0], strlen(cases[i][0])), cases[i][1]);
}

/* Texts of Rust's hex and char {:?}: oddness before characters, the index behind 0x, Latin-1 bytes as characters. */
static void hex_errors(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "0x123", "Invalid owner address hex string: OddLength\n" },
        { "zzz", "Invalid owner address hex string: OddLength\n" },
        { "0x32255G", "Invalid owner address hex string: InvalidHexCharacter { c: 'G', index: 5 }\n" },
        { "32255G", "Invalid owner address hex string: InvalidHexCharacter { c: 'G', index: 5 }\n" },
        { "0X12", "Invalid owner address hex string: InvalidHexCharacter { c: 'X', index: 1 }\n" },
        { "0x0x", "Invalid owner address hex string: InvalidHexCharacter { c: 'x', index: 1 }\n" },
        { "1'", "Invalid owner address hex string: InvalidHexCharacter { c: '\\'', index: 1 }\n" },
        { "1\\\"", "Invalid owner address hex string: InvalidHexCharacter { c: '\"', index: 1 }\n" },
        { "1\\\\", "Invalid owner address hex string: InvalidHexCharacter { c: '\\\\', index: 1 }\n" },
        { "1\\n", "Invalid owner address hex string: InvalidHexCharacter { c: '\\n', index: 1 }\n" },
        { "1\\t", "Invalid owner address hex string: InvalidHexCharacter { c: '\\t', index: 1 }\n" },
        { "1\\r", "Invalid owner address hex string: InvalidHexCharacter { c: '\\r', index: 1 }\n" },
        { "1\\u0000", "Invalid owner address hex string: InvalidHexCharacter { c: '\\0', index: 1 }\n" },
        { "1\\u001b", "Invalid owner address hex string: InvalidHexCharacter { c: '\\u{1b}', index: 1 }\n" },
        { "1\\u007f", "Invalid owner address hex string: InvalidHexCharacter { c: '\\u{7f}', index: 1 }\n" },
        { "\\u00e9", "Invalid owner address hex string: InvalidHexCharacter { c: '\xc3\x83', index: 0 }\n" },
        { "\\u4e0a", "Invalid owner address hex string: OddLength\n" },
        { "a\\u4e0a", "Invalid owner address hex string: InvalidHexCharacter { c: '\xc3\xa4', index: 1 }\n" },
        { "", "Owner address must be 20 bytes long!\n" },
        { "0x", "Owner address must be 20 bytes long!\n" },
        { "0x322557", "Owner address must be 20 bytes long!\n" },
        { "0xf39fd6e51aad88f6f4ce6ab8827279cfffb9226600", "Owner address must be 20 bytes long!\n" },
        { "0x0000000000000000000000000000000000000000", "Owner address must not be the zero address!\n" },
        { "f39fd6e51aad88f6f4ce6ab8827279cfffb92266", "ok" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = { 0 };
        buf_printf(&b, "{\"owner_address_hex\":\"%s\"}", cases[i][0]);
        assert_string_equal(owner(buf_cstr(&b), b.len), cases[i][1]);
        buf_free(&b);
    }
}

static void gas_keys(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "322557", "Gas private key must be 32 bytes long!\n" },
        { "fffffffffffffffffzffffffffffffffffffffffffffffgfffffffffffffffff",
          "Invalid gas private key hex string: InvalidHexCharacter { c: 'z', index: 17 }\n" },
        { "fff", "Invalid gas private key hex string: OddLength\n" },
        { "0x0000000000000000000000000000000000000000000000000000000000000000",
          "Invalid gas private key provided: not a secp256k1 secret key: zero, or not below the curve order\n" },
        { "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
          "Invalid gas private key provided: not a secp256k1 secret key: zero, or not below the curve order\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seckey key;
        struct buf text = { 0 }, out = { 0 };
        buf_puts(&text, cases[i][0]);
        assert_true(body_gas_key(&key, &text, &out) < 0);
        assert_string_equal(buf_cstr(&out), cases[i][1]);
        buf_wipe(&text);
        buf_free(&out);
    }
    struct seckey key;
    struct buf text = { 0 }, out = { 0 };
    char address[ADDRESS_TEXT_MAX];
    buf_puts(&text, "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6");
    assert_int_equal(body_gas_key(&key, &text, &out), 0);
    assert_string_equal(address_lower(address, &key.address), "0x90f79bf6eb2c4f870365e785982e1f101e93b906");
    assert_int_equal(out.len, 0);
    seckey_wipe(&key);
    buf_wipe(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_errors),
        cmocka_unit_test(hex_errors),
        cmocka_unit_test(gas_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
