#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/cleanup.h"
#include "util/hex.h"

static void every_byte_both_ways(void **state)
{
    (void)state;
    uint8_t all[256], back[256];
    char text[513];
    for (size_t i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    assert_ptr_equal(hex_encode(text, all, 256), text);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text + 2 * 0xab, "ab", 2);
    assert_int_equal(strcspn(text, "ABCDEF"), 512);
    assert_int_equal(hex_decode(back, text, 512, NULL), HEX_OK);
    assert_memory_equal(all, back, 256);
    for (size_t i = 0; i < 512; i++)
        if (text[i] >= 'a')
            text[i] = (char)(text[i] - 'a' + 'A');
    memset(back, 0, sizeof back);
    assert_int_equal(hex_decode(back, text, 512, NULL), HEX_OK);
    assert_memory_equal(all, back, 256);
    assert_string_equal(hex_encode(text, NULL, 0), "");
}

/* Every character that is no digit is found, in either half of a byte. */
static void bad_characters(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[] = "00112233";
        uint8_t out[4];
        size_t bad = 99;
        bool digit = c && strchr("0123456789abcdefABCDEF", c) != NULL;
        for (size_t at = 0; at < 8; at++) {
            memcpy(text, "00112233", 8);
            text[at] = (char)c;
            assert_int_equal(hex_decode(out, text, 8, &bad), digit ? HEX_OK : HEX_BAD_CHARACTER);
            if (!digit)
                assert_int_equal(bad, at);
        }
    }
}

static void odd_length_comes_first(void **state)
{
    (void)state;
    uint8_t out[4];
    size_t bad = 99;
    assert_int_equal(hex_decode(out, "zzz", 3, &bad), HEX_ODD_LENGTH);
    assert_int_equal(bad, 99);
    assert_int_equal(hex_decode(out, "zz", 2, NULL), HEX_BAD_CHARACTER);
    assert_int_equal(hex_decode(out, "", 0, NULL), HEX_OK);
}

static void prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t left;
    } cases[] = { { "0x12", 2 }, { "0X12", 2 }, { "12", 2 }, { "0x", 0 }, { "0", 1 }, { "", 0 }, { "x0", 2 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = strlen(cases[i].text);
        const char *rest = hex_strip0x(cases[i].text, &len);
        assert_int_equal(len, cases[i].left);
        assert_string_equal(rest, cases[i].text + strlen(cases[i].text) - cases[i].left);
    }
}

static void exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *msg; /* NULL: right */
    } cases[] = {
        { "0xaabb", NULL },
        { "AAbb", NULL },
        { "0xaab", "expected 4 hex digits, found 3" },
        { "0xaabbcc", "expected 4 hex digits, found 6" },
        { "", "expected 4 hex digits, found 0" },
        { "0xaxbb", "not a hex digit at position 1" },
        { "0x0xaa", "not a hex digit at position 1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[2];
        struct err e = { 0 };
        int rc = hex_decode_exact(out, 2, cases[i].text, strlen(cases[i].text), &e);
        assert_int_equal(rc, cases[i].msg ? -EINVAL : 0);
        assert_string_equal(e.msg, cases[i].msg ? cases[i].msg : "");
        if (!cases[i].msg)
            assert_memory_equal(out, "\xaa\xbb", 2);
    }
}

static void rpc_data(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = { 0 };
    assert_int_equal(hex_decode_data(&b, "0x0102", 6, NULL), 0);
    assert_int_equal(hex_decode_data(&b, "0x", 2, NULL), 0);
    assert_int_equal(hex_decode_data(&b, "0xFf", 4, NULL), 0);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "\x01\x02\xff", 3);
    static const char *const bad[] = { "", "0", "01", "0X01", "0x0", "0x0g", "0x 1", "x01" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = { 0 };
        assert_int_equal(hex_decode_data(&b, bad[i], strlen(bad[i]), &e), -EINVAL);
        assert_true(e.msg[0] != 0);
        assert_int_equal(b.len, 3);
    }
    hex_append0x(&b, b.data, 0);
    buf_reset(&b);
    hex_append0x(&b, (const uint8_t *)"\x0f\xf0", 2);
    assert_string_equal(buf_cstr(&b), "0x0ff0");
}

static void quantities(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        uint64_t value;
    } cases[] = {
        { "0x0", 0, 0 },
        { "0x1", 0, 1 },
        { "0xfF", 0, 255 },
        { "0xffffffffffffffff", 0, UINT64_MAX },
        { "0x0000000000000000000000000001", 0, 1 },
        { "0x10000000000000000", -ERANGE, 0 },
        { "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", -ERANGE, 0 },
        { "0x", -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { "1", -EINVAL, 0 },
        { "12345", -EINVAL, 0 },
        { "0X1", -EINVAL, 0 },
        { "0x1g", -EINVAL, 0 },
        { "0x-1", -EINVAL, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t v = 77;
        struct err e = { 0 };
        assert_int_equal(hex_decode_u64(&v, cases[i].text, strlen(cases[i].text), &e), cases[i].rc);
        assert_int_equal(v, cases[i].rc ? 77 : cases[i].value);
        assert_int_equal(e.code, cases[i].rc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_both_ways),
        cmocka_unit_test(bad_characters),
        cmocka_unit_test(odd_length_comes_first),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(exact),
        cmocka_unit_test(rpc_data),
        cmocka_unit_test(quantities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
