/* Calls and errors by name: what revert data and calldata say, and what hostile ones do not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "chain/owner_calls.h"
#include "signature.h"
#include "util/cleanup.h"
#include "util/hex.h"

static void unhex(struct buf *out, const char *hex)
{
    size_t len = strlen(hex);
    assert_int_equal(hex_decode(buf_extend(out, len / 2), hex, len, NULL), HEX_OK);
}

static void error_is(const char *hex, bool known, const char *says)
{
    CLEANUP(buf_free) struct buf data = { 0 };
    CLEANUP(buf_free) struct buf text = { 0 };
    unhex(&data, hex);
    assert_int_equal(signature_text_error(&text, data.data, data.len), known);
    assert_string_equal(buf_cstr(&text), says);
}

#define WORD(low) "00000000000000000000000000000000000000000000000000000000000000" low
#define ADDRESS_1 "0000000000000000000000001111111111111111111111111111111111111111"

/* Selectors and encodings as ethers writes them. */
static void errors_by_name(void **state)
{
    (void)state;
    error_is("aab4f974", true, "ExecutorsNotDraining(): drain the executor first (oysterctl drain)");
    error_is("e450d38c" ADDRESS_1 WORD("05") WORD("0a"), true,
             "ERC20InsufficientBalance(sender 0x1111111111111111111111111111111111111111, balance 5, needed 10): the "
             "sender holds too few tokens");
    error_is("08c379a0" WORD("20") WORD("06") "6e6f206f696c0000000000000000000000000000000000000000000000000000", true,
             "Error(reason \"no oil\")");
    error_is("4e487b71" WORD("11"), true, "Panic(code 17): arithmetic overflow or underflow");
    error_is("4e487b71" WORD("99"), true, "Panic(code 153): unknown code");
    error_is("", false, "no reason given");
    error_is("deadbeef", false, "unknown error 0xdeadbeef");
    error_is("de", false, "unknown error 0xde");
}

static void errors_that_are_cut_short(void **state)
{
    (void)state;
    error_is("4e487b71", true, "Panic(code (not as the signature says))");
    error_is("08c379a0" WORD("20"), true, "Error(reason (not as the signature says))");
    error_is("08c379a0" WORD("20") WORD("ff") "6e6f", true, "Error(reason (not as the signature says))");
    error_is("08c379a0" WORD("20") WORD("05") "1b5b324a0a000000000000000000000000000000000000000000000000000000", true,
             "Error(reason \"?[2J \")");
}

static void calls_by_name(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf data = { 0 };
    CLEANUP(buf_free) struct buf text = { 0 };
    const uint8_t pcr[48] = { 0xaa };
    struct attestation a = { .signature = pcr, .signature_len = 3, .timestamp_ms = 1234 };
    struct registration r = { .attestation = &a, .job_capacity = 20, .env = 1, .stake = u256_from_u64(77) };
    for (int i = 0; i < 3; i++) {
        a.pcr[i] = pcr;
        a.pcr_len[i] = (size_t)i;
    }
    call_register_executor(&data, &r);
    signature_text_call(&text, data.data, data.len);
    static const char *const parts[] = { "registerExecutor\n",
                                         "  attestationSignature: 0xaa0000\n",
                                         "  attestation.PCR0: 0x\n",
                                         "  attestation.PCR2: 0xaa00\n",
                                         "  attestation.timestampInMilliseconds: 1234\n",
                                         "  jobCapacity: 20\n",
                                         "  stakeAmount: 77\n",
                                         "  env: 1\n" };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(buf_cstr(&text), parts[i]))
            fail_msg("%s is not in:\n%s", parts[i], buf_cstr(&text));
    buf_reset(&text);
    signature_text_call(&text, (const uint8_t *)"\1\2\3\4", 4);
    assert_string_equal(buf_cstr(&text), "unknown\n");
}

/* Every byte of a call taken away, one by one from the end: no read outside (ASan), and always a text. */
static void calls_that_are_cut_short(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf data = { 0 };
    const uint8_t bytes[48] = { 0 };
    struct attestation a = { .signature = bytes, .signature_len = 48 };
    struct registration r = { .attestation = &a, .env = -1 };
    for (int i = 0; i < 3; i++) {
        a.pcr[i] = bytes;
        a.pcr_len[i] = sizeof bytes;
    }
    call_register_executor(&data, &r);
    while (data.len) {
        CLEANUP(buf_free) struct buf text = { 0 };
        uint8_t *exact = xmemdup(data.data, data.len);
        signature_text_call(&text, exact, data.len);
        assert_true(text.len > 0);
        free(exact);
        data.len--;
    }
}

static void tables(void **state)
{
    (void)state;
    assert_true(signature_tables_ok());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_by_name), cmocka_unit_test(errors_that_are_cut_short),
        cmocka_unit_test(calls_by_name),  cmocka_unit_test(calls_that_are_cut_short),
        cmocka_unit_test(tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
