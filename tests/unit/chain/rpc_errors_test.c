/* Every string of the clients that are known to be met, as they write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "chain/rpc_errors.h"

struct sample {
    enum tx_error want;
    const char *message;
};

static const struct sample samples[] = {
    /* geth, reth */
    { TX_ERR_NONCE_LOW, "nonce too low: next nonce 12, tx nonce 11" },
    { TX_ERR_NONCE_HIGH, "nonce too high" },
    { TX_ERR_ALREADY_KNOWN, "already known" },
    { TX_ERR_REPLACE_UNDERPRICED, "replacement transaction underpriced" },
    { TX_ERR_REPLACE_UNDERPRICED,
      "replacement transaction underpriced: new tx gas fee cap 10 <= 9 queued + 10% replacement penalty" },
    { TX_ERR_UNDERPRICED, "transaction underpriced" },
    { TX_ERR_UNDERPRICED, "transaction underpriced: gas tip cap 0, minimum needed 1" },
    { TX_ERR_UNDERPRICED, "transaction gas price below minimum: gas tip cap 1, minimum needed 1000000" },
    { TX_ERR_FUNDS, "insufficient funds for gas * price + value: balance 1, tx cost 2, overshot 1" },
    { TX_ERR_FUNDS, "insufficient funds for gas * price + value: have 1 want 2" },
    { TX_ERR_FUNDS, "insufficient funds for transfer" },
    { TX_ERR_FUNDS, "transaction would cause overdraft" },
    { TX_ERR_INTRINSIC_GAS, "intrinsic gas too low: gas 20000, minimum needed 21000" },
    { TX_ERR_INTRINSIC_GAS, "insufficient gas for floor data gas cost: gas 21000, minimum needed 22000" },
    { TX_ERR_BASE_FEE, "max fee per gas less than block base fee: address 0x00, maxFeePerGas: 1, baseFee: 2" },
    { TX_ERR_GAS_LIMIT, "exceeds block gas limit" },
    { TX_ERR_GAS_LIMIT, "transaction gas limit too high (cap: 16777216, tx: 30000000)" },
    { TX_ERR_GAS_LIMIT, "intrinsic gas too high" },
    { TX_ERR_TIP_ABOVE_FEE, "max priority fee per gas higher than max fee per gas" },
    { TX_ERR_TIP_ABOVE_FEE,
      "max priority fee per gas higher than max fee per gas: address 0x00, maxPriorityFeePerGas: 2, maxFeePerGas: 1" },
    { TX_ERR_TOO_BIG, "oversized data" },
    { TX_ERR_TOO_BIG, "oversized data: transaction size 140000, limit 131072" },
    { TX_ERR_BUSY, "account limit exceeded" },
    { TX_ERR_BUSY, "txpool is full" },
    { TX_ERR_FEE_CAP, "tx fee (1.20 ether) exceeds the configured cap (1.00 ether)" },
    { TX_ERR_REVERTED, "execution reverted: Jobs:submitOutput-Execution Time is over" },
    /* Arbitrum nitro */
    { TX_ERR_NONCE_LOW, "nonce too low: address 0xAb, tx: 4 state: 7" },
    { TX_ERR_NONCE_HIGH, "nonce too high: address 0xAb, tx: 9 state: 7" },
    { TX_ERR_NONCE_HIGH, "invalid transaction nonce" },
    { TX_ERR_UNDERPRICED, "gas price too low" },
    { TX_ERR_FUNDS, "insufficient funds for gas * price + value: address 0xAb have 1 want 2" },
    { TX_ERR_FUNDS, "not enough funds for gas" },
    { TX_ERR_INTRINSIC_GAS, "intrinsic gas too low" },
    { TX_ERR_BASE_FEE, "max fee per gas less than block base fee: address 0xAb, maxFeePerGas: 100 baseFee: 200" },
    { TX_ERR_BUSY, "sequencer temporarily not available" },
    { TX_ERR_BUSY, "queue full" },
    { TX_ERR_BUSY, "sequencer pending tx pool full, please try again" },
    { TX_ERR_BUSY, "Too Many Requests" },
    /* anvil */
    { TX_ERR_NONCE_LOW, "nonce too low" },
    { TX_ERR_NONCE_LOW, "nonce 4 too low, expected 5" },
    { TX_ERR_NONCE_HIGH, "Nonce too high" },
    { TX_ERR_NONCE_HIGH, "nonce 9 too high, expected 5" },
    { TX_ERR_ALREADY_KNOWN, "[0x1234] already Imported" },
    { TX_ERR_ALREADY_KNOWN, "transaction already imported" },
    { TX_ERR_REPLACE_UNDERPRICED, "insufficient gas price to replace existing transaction" },
    { TX_ERR_FUNDS, "Insufficient funds for gas * price + value" },
    { TX_ERR_FUNDS, "lack of funds (1) for max fee (2)" },
    { TX_ERR_BASE_FEE, "max fee per gas less than block base fee" },
    { TX_ERR_BASE_FEE, "gas price is less than basefee" },
    { TX_ERR_GAS_LIMIT, "Transaction gas limit is greater than the block gas limit, gas_limit: 40, cap: 30" },
    { TX_ERR_GAS_LIMIT, "intrinsic gas too high -- tx.gas_limit > env.block.gas_limit" },
    { TX_ERR_GAS_LIMIT, "transaction gas limit (30000000) is greater than the cap (16777216)" },
    { TX_ERR_INTRINSIC_GAS, "gas floor (30000) exceeds the gas limit (21000)" },
    { TX_ERR_INTRINSIC_GAS, "call gas cost (30000) exceeds the gas limit (21000)" },
    { TX_ERR_TIP_ABOVE_FEE, "priority fee is greater than max fee" },
    /* erigon */
    { TX_ERR_NONCE_LOW, "INVALID: nonce too low" },
    { TX_ERR_ALREADY_KNOWN, "ALREADY_EXISTS: already known" },
    { TX_ERR_ALREADY_KNOWN, "existing txn with same hash" },
    { TX_ERR_ALREADY_KNOWN, "INTERNAL_ERROR: existing tx with same hash" },
    { TX_ERR_REPLACE_UNDERPRICED, "could not replace existing tx" },
    { TX_ERR_UNDERPRICED, "FEE_TOO_LOW: fee too low" },
    { TX_ERR_FUNDS, "insufficient funds" },
    { TX_ERR_INTRINSIC_GAS, "IntrinsicGas" },
    { TX_ERR_GAS_LIMIT, "gas limit is too high" },
    /* besu */
    { TX_ERR_NONCE_LOW, "Nonce too low" },
    { TX_ERR_ALREADY_KNOWN, "Known transaction" },
    { TX_ERR_REPLACE_UNDERPRICED, "Replacement transaction underpriced" },
    { TX_ERR_UNDERPRICED, "Gas price below configured minimum gas price" },
    { TX_ERR_FUNDS, "Upfront cost exceeds account balance" },
    { TX_ERR_INTRINSIC_GAS, "Intrinsic gas exceeds gas limit" },
    { TX_ERR_GAS_LIMIT, "Transaction gas limit exceeds block gas limit" },
    { TX_ERR_FEE_CAP, "Transaction fee cap exceeded" },
    /* nethermind */
    { TX_ERR_NONCE_LOW, "OldNonce, Current nonce: 5, nonce of rejected tx: 4" },
    { TX_ERR_NONCE_HIGH, "NonceGap, Future nonce. Expected nonce: 5" },
    { TX_ERR_ALREADY_KNOWN, "AlreadyKnown" },
    { TX_ERR_ALREADY_KNOWN, "OwnNonceAlreadyUsed" },
    { TX_ERR_REPLACE_UNDERPRICED, "ReplacementNotAllowed" },
    { TX_ERR_UNDERPRICED, "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 2" },
    { TX_ERR_UNDERPRICED, "FeeTooLowToCompete" },
    { TX_ERR_FUNDS, "InsufficientFunds, Account balance: 1, cumulative cost: 2" },
    { TX_ERR_GAS_LIMIT, "GasLimitExceeded, Gas limit: 30, gas limit of rejected tx: 40" },
    { TX_ERR_GAS_LIMIT, "gas limit reached" },
    { TX_ERR_TOO_BIG, "RLPTooLong" },
    /* nobody's */
    { TX_ERR_UNKNOWN, "internal error" },
    { TX_ERR_UNKNOWN, "Int256Overflow" },
    { TX_ERR_UNKNOWN, "SenderIsContract" },
    { TX_ERR_UNKNOWN, "" },
};

#define N_SAMPLES (sizeof samples / sizeof *samples)

static void known_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        enum tx_error got = tx_error_classify(samples[i].message);
        if (got != samples[i].want)
            fail_msg("\"%s\": %s, expected %s", samples[i].message, tx_error_name(got), tx_error_name(samples[i].want));
    }
    assert_int_equal(tx_error_classify(NULL), TX_ERR_UNKNOWN);
}

/* Clients, proxies and SDKs write the same words in another case and wrap them. */
static void case_and_wrapping(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        char text[512];
        int n = snprintf(text, sizeof text, "RPC error -32000: %s (request 17)", samples[i].message);
        assert_in_range(n, 1, sizeof text - 1);
        for (char *p = text; *p; p++)
            *p = (char)(i % 2 ? toupper((unsigned char)*p) : tolower((unsigned char)*p));
        assert_int_equal(tx_error_classify(text), samples[i].want);
    }
}

static void names_are_distinct(void **state)
{
    (void)state;
    for (int a = TX_ERR_UNKNOWN; a <= TX_ERR_REVERTED; a++)
        for (int b = a + 1; b <= TX_ERR_REVERTED; b++)
            assert_string_not_equal(tx_error_name((enum tx_error)a), tx_error_name((enum tx_error)b));
    assert_string_equal(tx_error_name(TX_ERR_REVERTED), "reverted");
    assert_string_equal(tx_error_name(TX_ERR_NONCE_LOW), "nonce_low");
    assert_string_equal(tx_error_name((enum tx_error)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_strings),
        cmocka_unit_test(case_and_wrapping),
        cmocka_unit_test(names_are_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
