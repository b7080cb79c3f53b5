/* The test cases of EIP-55. */
#include "eth_support.h"

#include <errno.h>

static const char *const eip55[] = {
    "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
};

static int parse(struct address *out, const char *text, struct err *e)
{
    return address_parse(out, text, strlen(text), e);
}

static void checksums(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof eip55 / sizeof *eip55; i++) {
        struct address a;
        char text[ADDRESS_TEXT_MAX], lower[ADDRESS_TEXT_MAX];
        assert_int_equal(parse(&a, eip55[i], NULL), 0);
        assert_string_equal(address_checksum(text, &a), eip55[i]);
        (void)address_lower(lower, &a);
        assert_int_equal(strcasecmp(lower, eip55[i]), 0);
        assert_null(strpbrk(lower, "ABCDEF"));
    }
}

static void forms_that_are_read(void **state)
{
    (void)state;
    static const char *const same[] = {
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED", "5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
    };
    struct address first = addr(same[2]);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct address a;
        assert_int_equal(parse(&a, same[i], NULL), 0);
        assert_true(address_eq(&a, &first));
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *msg;
    } cases[] = {
        { "", "expected 40 hex digits, found 0" },
        { "0x", "expected 40 hex digits, found 0" },
        { "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae", "expected 40 hex digits, found 39" },
        { "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed0", "expected 40 hex digits, found 41" },
        { "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg", "not a hex digit at position 39" },
        { "0x0x5aaeb6053f3e94c9b9a09f33669435e7ef1bea", "not a hex digit at position 1" },
        { "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
          "the letters' cases are not the address's EIP-55 checksum, which would be "
          "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address a = addr("0x00000000000000000000000000000000000000ff"), before = a;
        struct err e = { 0 };
        assert_int_equal(parse(&a, cases[i].text, &e), -EINVAL);
        assert_string_equal(e.msg, cases[i].msg);
        assert_true(address_eq(&a, &before));
    }
}

static void comparisons(void **state)
{
    (void)state;
    struct address zero = { 0 }, last = { 0 };
    last.b[19] = 1;
    assert_true(address_is_zero(&zero));
    assert_false(address_is_zero(&last));
    assert_false(address_eq(&zero, &last));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums),
        cmocka_unit_test(forms_that_are_read),
        cmocka_unit_test(refused),
        cmocka_unit_test(comparisons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
