/* Words of the command line: amounts, times, addresses; what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "value.h"

static void amounts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wei;
    } good[] = {
        { "0", "0" },
        { "1", "1000000000000000000" },
        { "0.5", "500000000000000000" },
        { "100.000000000000000001", "100000000000000000001" },
        { "1.123456789012345678", "1123456789012345678" },
        { "1000wei", "1000" },
        { "0wei", "0" },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct u256 v;
        char dec[U256_DEC_MAX];
        assert_int_equal(value_amount(&v, "AMOUNT", good[i].text, NULL), 0);
        assert_string_equal(u256_to_dec(dec, v), good[i].wei);
    }
    static const char *const bad[] = {
        "", ".5", "5.", "1.1234567890123456789", "-1", "1e3", "wei", "0x10", "1 ", "1.5wei", "1,5", "1.x", "1wei2"
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct u256 v;
        struct err e = { 0 };
        assert_int_equal(value_amount(&v, "AMOUNT", bad[i], &e), -22);
        assert_non_null(strstr(e.msg, "AMOUNT: found \""));
    }
    char huge[100];
    memset(huge, '9', sizeof huge);
    huge[sizeof huge - 1] = 0;
    struct u256 v;
    assert_int_equal(value_amount(&v, "AMOUNT", huge, NULL), -22);
    huge[70] = 0;
    assert_int_equal(value_amount(&v, "AMOUNT", huge, NULL), -22);
}

static void amount_texts(void **state)
{
    (void)state;
    static const char *const texts[] = { "0", "1", "0.5", "100.000000000000000001", "0.000000000000000001", "1200.25" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct u256 v;
        char text[AMOUNT_TEXT_MAX];
        assert_int_equal(value_amount(&v, "AMOUNT", texts[i], NULL), 0);
        assert_string_equal(amount_text(text, v, 18), texts[i]);
    }
    char text[AMOUNT_TEXT_MAX];
    struct u256 most = { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
    assert_string_equal(amount_text(text, most, 18),
                        "115792089237316195423570985008687907853269984665640564039457.584007913129639935");
}

static void times(void **state)
{
    (void)state;
    uint64_t ms = 0;
    assert_int_equal(value_ms(&ms, "--timeout", "90", NULL), 0);
    assert_int_equal(ms, 90000);
    assert_int_equal(value_ms(&ms, "--timeout", "15m", NULL), 0);
    assert_int_equal(ms, 900000);
    assert_int_equal(value_ms(&ms, "--timeout", "2h", NULL), 0);
    assert_int_equal(ms, 7200000);
    assert_int_equal(value_ms(&ms, "--timeout", "250ms", NULL), 0);
    assert_int_equal(ms, 250);
    static const char *const bad[] = {
        "", "s", "1d", "-1", "1.5s", "1s ", "99999999999999999999", "18446744073709551615h"
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(value_ms(&ms, "--timeout", bad[i], NULL), -22);
}

static void numbers_and_addresses(void **state)
{
    (void)state;
    uint64_t n;
    uint8_t hash[32];
    struct u256 wide;
    struct address a;
    struct err e = { 0 };
    assert_int_equal(value_u64(&n, "N", "18446744073709551615", NULL), 0);
    assert_true(n == UINT64_MAX);
    assert_int_equal(value_u64(&n, "N", "18446744073709551616", NULL), -22);
    assert_int_equal(value_u64(&n, "N", "0x1", NULL), -22);
    assert_int_equal(value_u256(&wide, "JOB-ID", "0xff", NULL), 0);
    assert_int_equal(value_u256(&wide, "JOB-ID", "job", NULL), -22);
    assert_int_equal(value_address(&a, "ENCLAVE", "0x2e5e17c117efeb0727765988b230c4d95f8e8c9c", NULL), 0);
    assert_int_equal(value_address(&a, "ENCLAVE", "0x2e5e", &e), -22);
    assert_non_null(strstr(e.msg, "ENCLAVE: found \"0x2e5e\", expected an address"));
    assert_int_equal(
        value_bytes32(hash, "CODE", "0x1111111111111111111111111111111111111111111111111111111111111111", NULL), 0);
    assert_int_equal(hash[31], 0x11);
    assert_int_equal(
        value_bytes32(hash, "CODE", "1111111111111111111111111111111111111111111111111111111111111111", NULL), -22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts),
        cmocka_unit_test(amount_texts),
        cmocka_unit_test(times),
        cmocka_unit_test(numbers_and_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
