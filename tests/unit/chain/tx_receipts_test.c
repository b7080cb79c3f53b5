/* Receipts and revert reasons, as endpoints write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "chain/tx_receipts.h"

#define HASH "0x1111111111111111111111111111111111111111111111111111111111111111"

static int parse(struct tx_receipt *out, const char *text, struct err *e)
{
    struct json *json = json_parse(text, strlen(text), NULL);
    assert_non_null(json);
    *e = (struct err){ 0 };
    int rc = tx_receipt_parse(out, json, e);
    json_free(json);
    return rc;
}

static void receipts(void **state)
{
    (void)state;
    struct tx_receipt r;
    struct err e;
    assert_int_equal(parse(&r,
                           "{\"status\":\"0x1\",\"blockNumber\":\"0x10\",\"blockHash\":\"" HASH
                           "\",\"gasUsed\":\"0x5208\",\"effectiveGasPrice\":\"0x3b9aca00\",\"logs\":[]}",
                           &e),
                     1);
    assert_true(r.ok);
    assert_int_equal(r.block_number, 16);
    assert_int_equal(r.block_hash[31], 0x11);
    assert_int_equal(r.gas_used, 21000);
    assert_int_equal(u256_cmp(r.effective_gas_price_wei, u256_from_u64(1000000000)), 0);
    assert_int_equal(
        parse(&r, "{\"status\":\"0x0\",\"blockNumber\":\"0x1\",\"blockHash\":\"" HASH "\",\"gasUsed\":\"0x1\"}", &e),
        1);
    assert_false(r.ok);
    assert_true(u256_is_zero(r.effective_gas_price_wei));
    assert_int_equal(parse(&r,
                           "{\"status\":\"0x1\",\"blockNumber\":\"0x1\",\"blockHash\":\"" HASH
                           "\",\"gasUsed\":\"0x1\",\"effectiveGasPrice\":\"cheap\"}",
                           &e),
                     1);
    assert_true(u256_is_zero(r.effective_gas_price_wei));
}

static void not_included(void **state)
{
    (void)state;
    struct tx_receipt r;
    struct err e;
    assert_int_equal(parse(&r, "null", &e), 0);
    assert_int_equal(parse(&r, "{\"status\":\"0x1\",\"blockNumber\":null,\"blockHash\":null}", &e), 0);
    assert_int_equal(parse(&r, "{}", &e), 0);
}

static void malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[]",
        "\"0x1\"",
        "{\"blockNumber\":\"0x1\",\"blockHash\":\"" HASH "\",\"gasUsed\":\"0x1\"}", /* no status */
        "{\"status\":\"0x1\",\"blockNumber\":16,\"blockHash\":\"" HASH "\",\"gasUsed\":\"0x1\"}",
        "{\"status\":\"0x1\",\"blockNumber\":\"0x1\",\"blockHash\":\"0x11\",\"gasUsed\":\"0x1\"}",
        "{\"status\":\"0x1\",\"blockNumber\":\"0x1\",\"blockHash\":\"" HASH "\",\"gasUsed\":\"0xfffffffffffffffff\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tx_receipt r;
        struct err e;
        assert_int_equal(parse(&r, texts[i], &e), -EPROTO);
        assert_int_equal(e.code, -EPROTO);
        assert_true(e.msg[0]);
    }
}

#define WORD(last) "00000000000000000000000000000000000000000000000000000000000000" last

static void reasons(void **state)
{
    (void)state;
    static const struct {
        const char *data, *want; /* data: JSON text */
    } cases[] = {
        { "\"0x08c379a0" WORD("20") WORD("04") "6e6f706500000000000000000000000000000000000000000000000000000000\"",
          "nope" },
        { "{\"data\":\"0x08c379a0" WORD("20") WORD("04") "6e6f70650000000000000000000000000000000000000000\"}",
          "nope" },
        { "\"0x08c379a0" WORD("20") WORD("04") "6e0a7f6500000000000000000000000000000000000000000000000000000000\"",
          "n  e" }, /* no control characters in a log line */
        { "\"0x4e487b71" WORD("11") "\"", "panic 0x11" },
        { "\"0xdeadbeef" WORD("01") "\"", "custom error 0xdeadbeef" },
        { "\"0x08c379a0" WORD("20") WORD("ff") "6e\"", "custom error 0x08c379a0" }, /* a length beyond the bytes */
        { "\"0x\"", "execution reverted" },
        { "\"0x0\"", "execution reverted" },
        { "\"garbage\"", "execution reverted" },
        { "7", "execution reverted" },
        { "null", "execution reverted" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[200];
        struct json *data = json_parse(cases[i].data, strlen(cases[i].data), NULL);
        assert_non_null(data);
        struct rpc_error error = { RPC_ERR_SERVER, 3, "execution reverted", data };
        assert_string_equal(revert_reason(out, sizeof out, &error), cases[i].want);
        json_free(data);
    }
}

static void reason_is_cut(void **state)
{
    (void)state;
    char out[8];
    struct rpc_error error = { RPC_ERR_SERVER, 3, "execution reverted", NULL };
    assert_string_equal(revert_reason(out, sizeof out, &error), "executi");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receipts), cmocka_unit_test(not_included),  cmocka_unit_test(malformed),
        cmocka_unit_test(reasons),  cmocka_unit_test(reason_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
