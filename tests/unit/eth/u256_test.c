#include "eth_support.h"

#include <errno.h>

#define MAX_DEC "115792089237316195423570985008687907853269984665640564039457584007913129639935"
#define MAX_HEX "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static void assert_u256(struct u256 found, const char *want)
{
    char text[U256_HEX_MAX], want_text[U256_HEX_MAX];
    assert_string_equal(u256_to_hex(text, found), u256_to_hex(want_text, num(want)));
}

static void text_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *dec;
        const char *hex;
    } cases[] = {
        { "0", "0x0" },
        { "9", "0x9" },
        { "10", "0xa" },
        { "256", "0x100" },
        { "18446744073709551615", "0xffffffffffffffff" },
        { "18446744073709551616", "0x10000000000000000" },
        { "1000000000000000000", "0xde0b6b3a7640000" },
        { "340282366920938463463374607431768211456", "0x100000000000000000000000000000000" },
        { MAX_DEC, MAX_HEX },
    };
    char dec[U256_DEC_MAX], hex[U256_HEX_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(u256_to_dec(dec, num(cases[i].hex)), cases[i].dec);
        assert_string_equal(u256_to_hex(hex, num(cases[i].dec)), cases[i].hex);
    }
    assert_u256(num("000000000000000000000000000000000000000000000000000000000000000000000000000000000000000007"), "7");
    assert_u256(num("0x00000000000000000000000000000000000000000000000000000000000000000000000000000000000000Aa"),
                "170");
}

static void parse_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *msg;
    } cases[] = {
        { "", -EINVAL, "not a number: no digits" },
        { "0x", -EINVAL, "not a number: no digits" },
        { "-1", -EINVAL, "not a number: no digit of base 10 at position 0" },
        { "12 ", -EINVAL, "not a number: no digit of base 10 at position 2" },
        { "1a", -EINVAL, "not a number: no digit of base 10 at position 1" },
        { "0xg", -EINVAL, "not a number: no digit of base 16 at position 2" },
        { "0X1", -EINVAL, "not a number: no digit of base 10 at position 1" },
        { "115792089237316195423570985008687907853269984665640564039457584007913129639936", -ERANGE,
          "number over 2^256-1" },
        { "0x10000000000000000000000000000000000000000000000000000000000000000", -ERANGE, "number over 2^256-1" },
        { MAX_DEC "0x", -EINVAL, "not a number: no digit of base 10 at position 79" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct u256 v = { { 1, 2, 3, 4 } }, before = v;
        struct err e = { 0 };
        assert_int_equal(u256_parse(&v, cases[i].text, strlen(cases[i].text), &e), cases[i].code);
        assert_string_equal(e.msg, cases[i].msg);
        assert_int_equal(u256_cmp(v, before), 0);
    }
}

static void bytes_both_ways(void **state)
{
    (void)state;
    uint8_t be[32], back[32];
    for (uint8_t i = 0; i < 32; i++)
        be[i] = (uint8_t)(i + 1);
    struct u256 v = u256_from_be(be);
    assert_int_equal(v.limb[3], 0x0102030405060708);
    assert_int_equal(v.limb[0], 0x191a1b1c1d1e1f20);
    u256_to_be(back, v);
    assert_memory_equal(be, back, 32);
}

static void to_u64_saturates(void **state)
{
    (void)state;
    uint64_t v = 0;
    assert_true(u256_to_u64(&v, num("0xffffffffffffffff")));
    assert_int_equal(v, UINT64_MAX);
    assert_true(u256_to_u64(&v, u256_from_u64(5)));
    assert_int_equal(v, 5);
    for (int limb = 1; limb < 4; limb++) {
        struct u256 big = { 0 };
        big.limb[limb] = 1;
        v = 0;
        assert_false(u256_to_u64(&v, big));
        assert_int_equal(v, UINT64_MAX);
    }
}

static void ordering(void **state)
{
    (void)state;
    static const char *const ascending[] = {
        "0",    "1", "0xffffffffffffffff", "0x10000000000000000", "0x1000000000000000000000000000000000000000000000000",
        MAX_HEX
    };
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++)
            assert_int_equal(u256_cmp(num(ascending[i]), num(ascending[j])), i < j ? -1 : i > j);
    assert_true(u256_is_zero(num("0")));
    for (int i = 1; i < 6; i++)
        assert_false(u256_is_zero(num(ascending[i])));
}

static void arithmetic_reports_overflow(void **state)
{
    (void)state;
    struct u256 r;
    assert_true(u256_add(&r, num("0xffffffffffffffffffffffffffffffff"), num("1")));
    assert_u256(r, "0x100000000000000000000000000000000");
    assert_false(u256_add(&r, num(MAX_HEX), num("2")));
    assert_u256(r, "1");
    assert_true(u256_sub(&r, num("0x100000000000000000000000000000000"), num("1")));
    assert_u256(r, "0xffffffffffffffffffffffffffffffff");
    assert_false(u256_sub(&r, num("1"), num("3")));
    assert_u256(r, "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe");
    assert_true(u256_mul_u64(&r, num("0xffffffffffffffffffffffffffffffff"), UINT64_MAX));
    assert_u256(r, "0xfffffffffffffffeffffffffffffffff0000000000000001");
    assert_false(u256_mul_u64(&r, num(MAX_HEX), 3));
    assert_u256(r, "0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd");
}

/* Outputs may be inputs. */
static void in_place(void **state)
{
    (void)state;
    struct u256 v = num("7");
    assert_true(u256_mul_u64(&v, v, 6));
    assert_true(u256_add(&v, v, v));
    assert_true(u256_sub(&v, v, u256_from_u64(4)));
    assert_u256(v, "80");
    assert_true(u256_sub(&v, v, v));
    assert_u256(v, "0");
}

static void division(void **state)
{
    (void)state;
    uint64_t rem = 0;
    assert_u256(u256_div_u64(num(MAX_HEX), UINT64_MAX, &rem), "0x1000000000000000100000000000000010000000000000001");
    assert_int_equal(rem, 0);
    assert_u256(u256_div_u64(num("1000000007"), 1000, &rem), "1000000");
    assert_int_equal(rem, 7);
    assert_u256(u256_div_u64(num("3"), 4, NULL), "0");
}

static void to_double(void **state)
{
    (void)state;
    assert_true(u256_to_f64(num("0")) == 0);
    assert_true(u256_to_f64(num("1000000000000000000")) == 1e18);
    assert_true(u256_to_f64(num("0x100000000000000000000000000000000")) == 0x1p128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_both_ways),  cmocka_unit_test(parse_refuses),
        cmocka_unit_test(bytes_both_ways), cmocka_unit_test(to_u64_saturates),
        cmocka_unit_test(ordering),        cmocka_unit_test(arithmetic_reports_overflow),
        cmocka_unit_test(in_place),        cmocka_unit_test(division),
        cmocka_unit_test(to_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
