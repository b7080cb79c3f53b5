/* The examples of the Ethereum wiki's RLP page and rlptest.json. */
#include "eth_support.h"

#include "eth/rlp.h"

static void check_bytes(const void *data, size_t len, const char *want)
{
    struct buf out = { 0 };
    rlp_put_bytes(&out, data, len);
    assert_hex(out.data, out.len, want);
    buf_free(&out);
}

static void strings(void **state)
{
    (void)state;
    check_bytes("", 0, "80");
    check_bytes(NULL, 0, "80");
    check_bytes("\0", 1, "00");
    check_bytes("\x01", 1, "01");
    check_bytes("\x7f", 1, "7f");
    check_bytes("\x80", 1, "8180");
    check_bytes("dog", 3, "83646f67");
    check_bytes("\x04\x00", 2, "820400");
    check_bytes(
        "Lorem ipsum dolor sit amet, consectetur adipisicing eli", 55,
        "b74c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963696e6720"
        "656c69");
    check_bytes(
        "Lorem ipsum dolor sit amet, consectetur adipisicing elit", 56,
        "b8384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963696e67"
        "20656c6974");
}

static void long_headers(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *header;
    } cases[] = { { 255, "b8ff" }, { 256, "b90100" }, { 65535, "b9ffff" }, { 65536, "ba010000" } };
    uint8_t *data = xcalloc(1, 65536);
    for (size_t i = 0; i < 4; i++) {
        struct buf out = { 0 };
        size_t header_len = strlen(cases[i].header) / 2;
        rlp_put_bytes(&out, data, cases[i].len);
        assert_int_equal(out.len, header_len + cases[i].len);
        assert_hex(out.data, header_len, cases[i].header);
        assert_memory_equal(out.data + header_len, data, cases[i].len);
        buf_free(&out);
    }
    free(data);
}

static void integers(void **state)
{
    (void)state;
    struct buf out = { 0 };
    static const uint64_t values[] = { 0, 1, 16, 79, 127, 128, 1000, 100000, UINT64_MAX };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        rlp_put_u64(&out, values[i]);
    assert_hex(out.data, out.len, "8001104f7f81808203e8830186a088ffffffffffffffff");
    buf_reset(&out);
    rlp_put_u256(&out, num("83729609699884896815286331701780722"));
    assert_hex(out.data, out.len, "8f102030405060708090a0b0c0d0e0f2");
    buf_reset(&out);
    rlp_put_u256(&out, num("0x100020003000400050006000700080009000a000b000c000d000e01"));
    assert_hex(out.data, out.len, "9c0100020003000400050006000700080009000a000b000c000d000e01");
    buf_reset(&out);
    rlp_put_u256(&out, num("0"));
    assert_hex(out.data, out.len, "80");
    buf_free(&out);
}

/* [ [], [[]], [ [], [[]] ] ], the set-theoretical three; and lists around 55 bytes. */
static void lists(void **state)
{
    (void)state;
    static const uint8_t three[] = { 0xc0, 0xc1, 0xc0, 0xc3, 0xc0, 0xc1, 0xc0 };
    struct buf out = { 0 };
    rlp_put_list(&out, NULL, 0);
    assert_hex(out.data, out.len, "c0");
    buf_reset(&out);
    rlp_put_list(&out, three, sizeof three);
    assert_hex(out.data, out.len, "c7c0c1c0c3c0c1c0");
    buf_reset(&out);
    rlp_put_list(&out,
                 "\x83"
                 "cat\x83"
                 "dog",
                 8);
    assert_hex(out.data, out.len, "c88363617483646f67");
    uint8_t payload[56] = { 0 };
    buf_reset(&out);
    rlp_put_list(&out, payload, 55);
    assert_hex(out.data, 2, "f700");
    buf_reset(&out);
    rlp_put_list(&out, payload, 56);
    assert_hex(out.data, 3, "f83800");
    assert_int_equal(out.len, 58);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),
        cmocka_unit_test(long_headers),
        cmocka_unit_test(integers),
        cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
