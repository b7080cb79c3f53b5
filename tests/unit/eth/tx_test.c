/* The worked example of EIP-155, and transactions that ethers made. */
#include "eth_support.h"

#include "eth/keccak.h"
#include "eth/tx.h"

static void check(const struct tx *t, const char *secret, const char *want_raw)
{
    struct seckey key = key_of(secret);
    struct buf raw = { 0 };
    uint8_t hash[32], want_hash[32];
    buf_puts(&raw, "kept");
    tx_sign(&raw, hash, t, &key);
    assert_memory_equal(raw.data, "kept", 4);
    assert_hex(raw.data + 4, raw.len - 4, want_raw);
    keccak256(want_hash, raw.data + 4, raw.len - 4);
    assert_memory_equal(hash, want_hash, 32);
    buf_free(&raw);
}

static void eip155_example(void **state)
{
    (void)state;
    struct tx t = {
        .chain_id = 1,
        .nonce = 9,
        .max_fee_wei = num("20000000000"),
        .gas_limit = 21000,
        .to = addr("0x3535353535353535353535353535353535353535"),
        .value_wei = num("1000000000000000000"),
        .legacy = true,
    };
    check(
        &t, "4646464646464646464646464646464646464646464646464646464646464646",
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195"
        "fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d8"
        "3");
}

#define SECRET "4646464646464646464646464646464646464646464646464646464646464646"

static void eip1559_call(void **state)
{
    (void)state;
    struct buf data = from_hex("95e11ef7000000000000000000000000000000000000000000000000000000000000002a");
    struct tx t = {
        .chain_id = 421614,
        .nonce = 7,
        .max_priority_fee_wei = num("1000000000"),
        .max_fee_wei = num("30000000000"),
        .gas_limit = 500000,
        .to = addr("0x3535353535353535353535353535353535353535"),
        .data = data.data,
        .data_len = data.len,
    };
    check(
        &t, SECRET,
        "02f89383066eee07843b9aca008506fc23ac008307a12094353535353535353535353535353535353535353580a495e11ef70000000000"
        "00000000000000000000000000000000000000000000000000002ac080a05aae81787b2e89e7bc3a2c8e3a1a6109d1d132035b1b392977"
        "cde7b2310503b5a01f1f49a0d2a77dc8f362a64f6567a2576d5a15732ca07d38cfe512a6b1172d2e");
    buf_free(&data);
}

/* Zeros are empty strings, the zero address is not, and 2^256-1 is 32 bytes. */
static void eip1559_extremes(void **state)
{
    (void)state;
    struct tx t = {
        .chain_id = 1,
        .value_wei = num("0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    };
    check(
        &t, SECRET,
        "02f8800180808080940000000000000000000000000000000000000000a0ffffffffffffffffffffffffffffffffffffffffffffffffff"
        "ffffffffffffff80c001a0ee95a54f9dcb2d9fbab58393b5e3cebc3ac608dd2333274aca26168226f222e8a01c222f9d726323b8c04868"
        "a372ac573fd863a6ea256bee86e63bb352bd5acf03");
}

static void legacy_large_chain_id(void **state)
{
    (void)state;
    struct tx t = {
        .chain_id = (1ULL << 53) - 1,
        .max_fee_wei = num("1"),
        .gas_limit = 21000,
        .to = addr("0x3535353535353535353535353535353535353535"),
        .data = (const uint8_t *)"",
        .data_len = 1,
        .legacy = true,
    };
    check(
        &t, SECRET,
        "f866800182520894353535353535353535353535353535353535353580008740000000000022a02f7f13452226b6fe05d0717030b93797"
        "9c28c2d74966aa30c5e2501eb2d842c9a040abf75f915f346647ba530f8f67c27c5d225e181152b0f889f4176d89f5d3b8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eip155_example),
        cmocka_unit_test(eip1559_call),
        cmocka_unit_test(eip1559_extremes),
        cmocka_unit_test(legacy_large_chain_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
