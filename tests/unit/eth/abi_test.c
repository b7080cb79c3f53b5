/* The examples of the Solidity ABI specification, and decoders against hostile words. Views are exact heap blocks, so
 * that the address sanitizer sees a read of one byte too many. */
#include "eth_support.h"

#include <errno.h>

#include "eth/abi.h"

#define WORD_MAX "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define W(x) "00000000000000000000000000000000000000000000000000000000000000" x

/* ---- encoding ---- */

/* baz(uint32,bool) with 69, true. */
static void spec_static_arguments(void **state)
{
    (void)state;
    static const uint8_t selector[4] = { 0xcd, 0xcd, 0x77, 0xc0 };
    struct buf out = { 0 };
    struct abi_encoder enc;
    abi_begin(&enc, &out, selector, 2);
    abi_put_u64(&enc, 69);
    abi_put_u64(&enc, 1);
    abi_end(&enc);
    assert_hex(out.data, out.len, "cdcd77c0" W("45") W("01"));
    buf_free(&out);
}

/* The mix of the specification, f(uint256,uint32[],bytes10,bytes), with bytes in place of the array. */
static void dynamic_arguments(void **state)
{
    (void)state;
    uint8_t bytes10[32] = "1234567890";
    struct buf out = { 0 };
    struct abi_encoder enc;
    abi_begin(&enc, &out, NULL, 4);
    abi_put_u256(&enc, num("0x123"));
    abi_put_bytes(&enc, "", 0);
    abi_put_word(&enc, bytes10);
    abi_put_bytes(&enc, "Hello, world!", 13);
    abi_end(&enc);
    assert_hex(out.data, out.len,
               "0000000000000000000000000000000000000000000000000000000000000123" W(
                   "80") "3132333435363738393000000000000000000000000000000000000000000000" W("a0") W("00")
                   W("0d") "48656c6c6f2c20776f726c642100000000000000000000000000000000000000");
    buf_free(&out);
}

static void padding_of_bytes(void **state)
{
    (void)state;
    uint8_t data[65];
    memset(data, 0xee, sizeof data);
    for (size_t len = 0; len <= sizeof data; len++) {
        struct buf out = { 0 };
        struct abi_encoder enc;
        const uint8_t *back;
        size_t back_len;
        abi_begin(&enc, &out, NULL, 1);
        abi_put_bytes(&enc, data, len);
        abi_end(&enc);
        assert_int_equal(out.len, 64 + (len + 31) / 32 * 32);
        for (size_t i = 64 + len; i < out.len; i++)
            assert_int_equal(out.data[i], 0);
        assert_int_equal(abi_get_bytes(&back, &back_len, (struct abi_view){ out.data, out.len }, 0, NULL), 0);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, data, len);
        buf_free(&out);
    }
}

/* f(bytes, (bytes, uint256), address): offsets of the tuple count from the tuple. Checked against ethers' encoder. */
static void nested_tuple(void **state)
{
    (void)state;
    struct address a = addr("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed");
    struct buf out = { 0 };
    struct abi_encoder outer, inner;
    buf_puts(&out, "xyz"); /* what lies in front does not count */
    abi_begin(&outer, &out, NULL, 3);
    abi_put_bytes(&outer, "\xaa", 1);
    abi_begin_tuple(&outer, &inner, 2);
    abi_put_bytes(&inner, "\xbb\xbb", 2);
    abi_put_u64(&inner, 7);
    abi_end(&inner);
    abi_put_address(&outer, &a);
    abi_end(&outer);
    assert_hex(out.data + 3, out.len - 3,
               W("60") W("a0") "0000000000000000000000005aaeb6053f3e94c9b9a09f33669435e7ef1beaed" W(
                   "01") "aa00000000000000000000000000000000000000000000000000000000000000" W("40") W("07")
                   W("02") "bbbb000000000000000000000000000000000000000000000000000000000000");
    buf_free(&out);
}

/* ---- decoding ---- */

struct hostile {
    const char *hex;
    const char *msg;
};

/* The view of hex in a block of just its size (malloc'd: free it). */
static struct abi_view exact_view(const char *hex, uint8_t **block)
{
    struct buf b = from_hex(hex);
    *block = malloc(b.len ? b.len : 1);
    assert_non_null(*block);
    if (b.len)
        memcpy(*block, b.data, b.len);
    struct abi_view v = { *block, b.len };
    buf_free(&b);
    return v;
}

static void scalars(void **state)
{
    (void)state;
    uint8_t *block;
    struct abi_view v =
        exact_view("000000000000000000000000000000000000000000000000ffffffffffffffff" W("ff")
                       W("01") "0000000000000000000000005aaeb6053f3e94c9b9a09f33669435e7ef1beaed" WORD_MAX,
                   &block);
    uint64_t u64;
    uint8_t u8;
    bool flag;
    struct address a, want = addr("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed");
    struct u256 u;
    assert_int_equal(abi_get_u64(&u64, v, 0, NULL), 0);
    assert_int_equal(u64, UINT64_MAX);
    assert_int_equal(abi_get_u8(&u8, v, 1, NULL), 0);
    assert_int_equal(u8, 255);
    assert_int_equal(abi_get_bool(&flag, v, 2, NULL), 0);
    assert_true(flag);
    assert_int_equal(abi_get_address(&a, v, 3, NULL), 0);
    assert_true(address_eq(&a, &want));
    assert_int_equal(abi_get_u256(&u, v, 4, NULL), 0);
    assert_int_equal(u256_cmp(u, num("0x" WORD_MAX)), 0);
    free(block);
}

static void assert_refused(int rc, const struct err *e, const char *msg)
{
    assert_int_equal(rc, -EBADMSG);
    assert_int_equal(e->code, -EBADMSG);
    assert_string_equal(e->msg, msg);
}

static void scalars_too_large(void **state)
{
    (void)state;
    uint8_t *block;
    struct abi_view v = exact_view("0000000000000000000000000000000000000000000000010000000000000000"
                                   "0000000000000000000000000000000000000000000000000000000000000100"
                                   "0000000000000000000000015aaeb6053f3e94c9b9a09f33669435e7ef1beaed" W("02") WORD_MAX,
                                   &block);
    uint64_t u64 = 5;
    uint8_t u8 = 5;
    bool flag = false;
    struct address a;
    struct err e[7] = { 0 };
    assert_refused(abi_get_u64(&u64, v, 0, &e[0]), &e[0], "argument 0: does not fit in 64 bits");
    assert_refused(abi_get_u8(&u8, v, 1, &e[1]), &e[1], "argument 1: does not fit in 8 bits");
    assert_refused(abi_get_address(&a, v, 2, &e[2]), &e[2], "argument 2: does not fit in an address");
    assert_refused(abi_get_bool(&flag, v, 3, &e[3]), &e[3], "argument 3: does not fit in a boolean");
    assert_refused(abi_get_u8(&u8, v, 4, &e[4]), &e[4], "argument 4: does not fit in 8 bits");
    assert_refused(abi_get_u8(&u8, v, 5, &e[5]), &e[5], "argument 5: 160 bytes end before it");
    assert_refused(abi_get_u8(&u8, v, SIZE_MAX, &e[6]), &e[6],
                   "argument 18446744073709551615: 160 bytes end before it");
    assert_int_equal(u64, 5);
    assert_int_equal(u8, 5);
    free(block);
}

static void words_at_the_end(void **state)
{
    (void)state;
    uint8_t *block;
    const uint8_t *word;
    struct abi_view v = exact_view(W("01") W("02"), &block);
    for (v.len = 0; v.len <= 64; v.len++) {
        assert_int_equal(abi_get_word(&word, v, 0, NULL), v.len >= 32 ? 0 : -EBADMSG);
        assert_int_equal(abi_get_word(&word, v, 1, NULL), v.len >= 64 ? 0 : -EBADMSG);
        assert_int_equal(abi_get_word(&word, v, 2, NULL), -EBADMSG);
    }
    free(block);
}

static void hostile_bytes(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        { "", "argument 0: 0 bytes end before it" },
        { "00", "argument 0: 1 bytes end before it" },
        { WORD_MAX W("00"), "argument 0: does not fit in 64 bits" },
        { "000000000000000000000000000000000000000000000000ffffffffffffffff" W("00"),
          "argument 0: offset 18446744073709551615 does not point into the 64 bytes" },
        { "000000000000000000000000000000000000000000000000ffffffffffffffe0" W("00"),
          "argument 0: offset 18446744073709551584 does not point into the 64 bytes" },
        { W("00") W("00"), "argument 0: offset 0 does not point into the 64 bytes" },
        { W("1f") W("00"), "argument 0: offset 31 does not point into the 64 bytes" },
        { W("21") W("00"), "argument 0: offset 33 does not point into the 64 bytes" },
        { W("40") W("00"), "argument 0: offset 64 does not point into the 64 bytes" },
        { W("41") W("00"), "argument 0: offset 65 does not point into the 64 bytes" },
        { W("20"), "argument 0: offset 32 does not point into the 32 bytes" },
        { W("20") W("01"), "argument 0: length 1, 0 bytes are left" },
        { W("20") W("03") "aabb", "argument 0: length 3, 2 bytes are left" },
        { W("20") WORD_MAX "aabb", "argument 0: length does not fit in 66 bytes" },
        { W("20") "000000000000000000000000000000000000000000000000ffffffffffffffff"
                  "aabb",
          "argument 0: length 18446744073709551615, 2 bytes are left" },
        { W("20") "0000000000000000000000000000000000000000000000010000000000000002"
                  "aabb",
          "argument 0: length does not fit in 66 bytes" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *block;
        const uint8_t *data = NULL;
        size_t len = 7;
        struct err e = { 0 };
        struct abi_view v = exact_view(cases[i].hex, &block);
        assert_refused(abi_get_bytes(&data, &len, v, 0, &e), &e, cases[i].msg);
        assert_null(data);
        assert_int_equal(len, 7);
        free(block);
    }
}

/* An argument's offset may not lead back into the head before its end, as seen from that argument. */
static void offsets_into_the_head(void **state)
{
    (void)state;
    uint8_t *block;
    const uint8_t *data;
    size_t len;
    struct abi_view v = exact_view(W("20") W("20") W("00"), &block);
    struct err e = { 0 };
    assert_int_equal(abi_get_bytes(&data, &len, v, 0, NULL), 0);
    assert_refused(abi_get_bytes(&data, &len, v, 1, &e), &e, "argument 1: offset 32 does not point into the 96 bytes");
    free(block);
}

static void bytes_without_padding(void **state)
{
    (void)state;
    uint8_t *block;
    const uint8_t *data;
    size_t len;
    struct abi_view v = exact_view(W("20") W("03") "aabbcc", &block);
    assert_int_equal(abi_get_bytes(&data, &len, v, 0, NULL), 0);
    assert_hex(data, len, "aabbcc");
    free(block);
}

static void address_arrays(void **state)
{
    (void)state;
    uint8_t *block;
    struct address *all = NULL;
    size_t n = 9;
    struct abi_view v = exact_view(W("20") W("02") "0000000000000000000000005aaeb6053f3e94c9b9a09f33669435e7ef1beaed"
                                                   "000000000000000000000000ffffffffffffffffffffffffffffffffffffffff",
                                   &block);
    assert_int_equal(abi_get_address_array(&all, &n, 2, v, 0, NULL), 0);
    assert_int_equal(n, 2);
    assert_hex(all[0].b, 20, "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed");
    assert_hex(all[1].b, 20, "ffffffffffffffffffffffffffffffffffffffff");
    free(all);
    free(block);
    v = exact_view(W("20") W("00"), &block);
    assert_int_equal(abi_get_address_array(&all, &n, 0, v, 0, NULL), 0);
    assert_int_equal(n, 0);
    assert_null(all);
    free(block);
}

static void hostile_arrays(void **state)
{
    (void)state;
    static const struct hostile cases[] = {
        { W("20") W("04") W("01") W("01") W("01") W("01"), "argument 0: 4 elements, at most 3 allowed" },
        { W("20") WORD_MAX, "argument 0: length does not fit in 64 bytes" },
        { W("20") "0000000000000000000000000000000000000000000000000800000000000000",
          "argument 0: 576460752303423488 elements, at most 3 allowed" },
        { W("20") W("02") W("01"), "argument 0: 2 elements do not fit in 32 bytes" },
        { W("20") W("01") "00", "argument 0: 1 elements do not fit in 1 bytes" },
        { W("20") W("02") W("01") "0000000000000000000000010000000000000000000000000000000000000000",
          "argument 0: element 1 is not an address" },
        { W("60") W("00"), "argument 0: offset 96 does not point into the 64 bytes" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *block;
        struct address *all = NULL;
        size_t n = 7;
        struct err e = { 0 };
        struct abi_view v = exact_view(cases[i].hex, &block);
        assert_refused(abi_get_address_array(&all, &n, 3, v, 0, &e), &e, cases[i].msg);
        assert_null(all);
        assert_int_equal(n, 7);
        free(block);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spec_static_arguments),
        cmocka_unit_test(dynamic_arguments),
        cmocka_unit_test(padding_of_bytes),
        cmocka_unit_test(nested_tuple),
        cmocka_unit_test(scalars),
        cmocka_unit_test(scalars_too_large),
        cmocka_unit_test(words_at_the_end),
        cmocka_unit_test(hostile_bytes),
        cmocka_unit_test(offsets_into_the_head),
        cmocka_unit_test(bytes_without_padding),
        cmocka_unit_test(address_arrays),
        cmocka_unit_test(hostile_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
