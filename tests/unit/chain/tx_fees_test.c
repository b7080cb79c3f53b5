/* Fees and gas limits, as numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "chain/tx_fees.h"

static struct u256 n(uint64_t v)
{
    return u256_from_u64(v);
}

static uint64_t low(struct u256 v)
{
    uint64_t out;
    assert_true(u256_to_u64(&out, v));
    return out;
}

static void first_offer(void **state)
{
    (void)state;
    struct fee_offer o;
    struct fee_market m = { .known = true, .base_fee = n(100), .tip_known = true, .tip = n(3) };
    assert_int_equal(fee_first(&o, &m), FEE_OK);
    assert_int_equal(low(o.max_fee), 203);
    assert_int_equal(low(o.tip), 3);

    m.tip_known = false; /* the guess: not above the base fee, not above 1 gwei, not nothing */
    assert_int_equal(fee_first(&o, &m), FEE_OK);
    assert_int_equal(low(o.tip), 100);
    m.base_fee = n(50000000000);
    assert_int_equal(fee_first(&o, &m), FEE_OK);
    assert_int_equal(low(o.tip), 1000000000);
    m.base_fee = n(0);
    assert_int_equal(fee_first(&o, &m), FEE_OK);
    assert_int_equal(low(o.tip), 1);

    m.known = false;
    assert_int_equal(fee_first(&o, &m), FEE_UNKNOWN);
}

static void cap_is_never_passed(void **state)
{
    (void)state;
    struct fee_offer o;
    struct fee_market m = { .known = true, .base_fee = n(100), .tip_known = true, .tip = n(7), .cap = n(150) };
    assert_int_equal(fee_first(&o, &m), FEE_OK);
    assert_int_equal(low(o.max_fee), 150);
    m.cap = n(100);
    assert_int_equal(fee_first(&o, &m), FEE_OK);
    assert_int_equal(low(o.max_fee), 100);
    m.cap = n(99);
    assert_int_equal(fee_first(&o, &m), FEE_OVER_CAP);
    m.cap = n(5);
    m.base_fee = n(2);
    assert_int_equal(fee_first(&o, &m), FEE_OK);
    assert_int_equal(low(o.tip), 5); /* a tip above the max fee is refused by every client */
}

static void legacy_offer(void **state)
{
    (void)state;
    struct fee_offer o, next;
    struct fee_market m = { .known = true, .legacy = true, .base_fee = n(800), .tip_known = true, .tip = n(5) };
    assert_int_equal(fee_first(&o, &m), FEE_OK);
    assert_int_equal(low(o.max_fee), 900);
    assert_int_equal(low(o.tip), 0);
    assert_int_equal(fee_replacement(&next, &o, &m), FEE_OK);
    assert_int_equal(low(next.max_fee), 1013);
    assert_int_equal(low(next.tip), 0);
}

/* geth's rule: both strictly greater and each at least old * 110 / 100. */
static bool geth_replaces(struct fee_offer old, struct fee_offer next)
{
    struct u256 fee, tip, times;
    (void)u256_mul_u64(&times, old.max_fee, 110);
    fee = u256_div_u64(times, 100, NULL);
    (void)u256_mul_u64(&times, old.tip, 110);
    tip = u256_div_u64(times, 100, NULL);
    return u256_cmp(next.max_fee, old.max_fee) > 0 && u256_cmp(next.tip, old.tip) > 0 &&
           u256_cmp(next.max_fee, fee) >= 0 && u256_cmp(next.tip, tip) >= 0 && u256_cmp(next.tip, next.max_fee) <= 0;
}

static void replacements_satisfy_geth(void **state)
{
    (void)state;
    srand(1);
    int over = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t scale = 1ull << (rand() % 40);
        struct fee_market m = { .known = true, .tip_known = true };
        m.base_fee = n((uint64_t)rand() % scale);
        m.tip = n((uint64_t)rand() % scale);
        if (i % 3 == 0)
            m.cap = n((uint64_t)rand() % (4 * scale) + 1);
        struct fee_offer old = { n((uint64_t)rand() % scale), n(0) };
        old.tip = n((uint64_t)rand() % (low(old.max_fee) + 1));
        struct fee_offer next;
        enum fee_verdict verdict = fee_replacement(&next, &old, &m);
        if (verdict == FEE_OVER_CAP) {
            over++;
            continue;
        }
        assert_int_equal(verdict, FEE_OK);
        assert_true(geth_replaces(old, next));
        assert_true(u256_is_zero(m.cap) || u256_cmp(next.max_fee, m.cap) <= 0);
        assert_true(fee_includable(&next, &m));
    }
    assert_in_range(over, 100, 33000);
}

static void replacement_at_the_cap(void **state)
{
    (void)state;
    struct fee_offer next, old = { n(100), n(10) };
    struct fee_market m = { .known = true, .base_fee = n(20), .tip_known = true, .tip = n(1), .cap = n(111) };
    assert_int_equal(fee_replacement(&next, &old, &m), FEE_OK);
    assert_int_equal(low(next.max_fee), 111); /* 112.5 % is out of reach, 110 % is not */
    m.cap = n(109);
    assert_int_equal(fee_replacement(&next, &old, &m), FEE_OVER_CAP);
}

static void huge_numbers_saturate(void **state)
{
    (void)state;
    struct u256 top = { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
    struct fee_offer o;
    struct fee_market m = { .known = true, .base_fee = top, .tip_known = true, .tip = top };
    assert_int_equal(fee_first(&o, &m), FEE_OK);
    assert_int_equal(u256_cmp(o.max_fee, top), 0);
}

static void frugal_and_includable(void **state)
{
    (void)state;
    struct fee_offer o;
    struct fee_market m = { .known = true, .base_fee = n(80), .tip_known = true, .tip = n(2) };
    assert_int_equal(fee_frugal(&o, &m), FEE_OK);
    assert_int_equal(low(o.max_fee), 92);
    assert_true(fee_includable(&o, &m));
    m.base_fee = n(93);
    assert_false(fee_includable(&o, &m));
    m.legacy = true;
    assert_true(fee_includable(&o, &m));
}

static void what_a_balance_pays_for(void **state)
{
    (void)state;
    struct fee_market m = { .known = true, .base_fee = n(90), .tip_known = true, .tip = n(10) };
    assert_int_equal(fee_affords(&m, 1000, n(4999999), 51), 49);
    assert_int_equal(fee_affords(&m, 1000, n(5000000), 51), 50);
    assert_int_equal(fee_affords(&m, 1000, n(5100000), 51), 51);
    assert_int_equal(fee_affords(&m, 1000, n(UINT64_MAX), 51), 51);
    assert_int_equal(fee_affords(&m, 1000, n(99999), 51), 0);
    m.legacy = true; /* one price, no tip */
    assert_int_equal(fee_affords(&m, 1000, n(4999999), 100), 55);
    m.known = false;
    assert_int_equal(fee_affords(&m, 1000, n(0), 51), 51);
}

static void calldata_prices(void **state)
{
    (void)state;
    static const uint8_t data[6] = { 0, 1, 0, 2, 3, 0 };
    assert_int_equal(gas_intrinsic(data, 6), 21000 + 3 * 4 + 3 * 16);
    assert_int_equal(gas_floor(data, 6), 21000 + 3 * 10 + 3 * 40);
    assert_int_equal(gas_intrinsic(NULL, 0), 21000);
}

static void a_fill_needs_no_more_than_it_must(void **state)
{
    (void)state;
    struct gas_model m;
    gas_model_init(&m, 1000000);
    assert_int_equal(gas_limit(&m, TX_FILL, NULL, 0, 0), 21000);
    m.base_extra = 40000; /* an L2 */
    assert_in_range(gas_limit(&m, TX_FILL, NULL, 0, 0), 61000 + 20000, 90000);
}

/* The callee must get its room although it only ever sees 63/64 of what is left. */
static void callback_has_room(void **state)
{
    (void)state;
    struct gas_model m;
    gas_model_init(&m, 1000000);
    uint8_t data[300];
    memset(data, 7, sizeof data);
    for (int i = 0; i < 600; i++) /* a contract that needs 250,000 without any callback */
        gas_learn(&m, TX_SUBMIT_OUTPUT, data, sizeof data, gas_intrinsic(data, sizeof data) + 250000);
    uint64_t limit = gas_limit(&m, TX_SUBMIT_OUTPUT, data, sizeof data, 0);
    uint64_t left = limit - gas_intrinsic(data, sizeof data) - 250000;
    assert_true(left - left / 64 >= 1000000);
    assert_true(limit < 1600000);
}

static void learning_goes_up_at_once_and_down_slowly(void **state)
{
    (void)state;
    struct gas_model m;
    gas_model_init(&m, 0);
    uint64_t first = gas_limit(&m, TX_SLASH, NULL, 0, 0);
    gas_learn(&m, TX_SLASH, NULL, 0, 21000 + 100000);
    uint64_t once = gas_limit(&m, TX_SLASH, NULL, 0, 0);
    assert_true(once < first && once > first * 9 / 10);
    gas_learn(&m, TX_SLASH, NULL, 0, 21000 + 5000000);
    assert_true(gas_limit(&m, TX_SLASH, NULL, 0, 0) >= 21000 + 5000000 * 5 / 4);
    gas_learn(&m, TX_SUBMIT_OUTPUT, NULL, 0, 0); /* less than a transaction can use: no wrap */
    assert_true(m.overhead[TX_SUBMIT_OUTPUT] <= 800000);
}

static void large_outputs_pay_for_their_bytes(void **state)
{
    (void)state;
    struct gas_model m;
    gas_model_init(&m, 1000000);
    static uint8_t data[90000];
    memset(data, 0xff, sizeof data);
    uint64_t limit = gas_limit(&m, TX_SUBMIT_OUTPUT, data, sizeof data, 0);
    assert_true(limit >= gas_floor(data, sizeof data));
    assert_true(limit < 16777216);
}

/* Arbitrum: the L1 share is in gas units and grows with the bytes. */
static void probe_finds_the_l1_share(void **state)
{
    (void)state;
    struct gas_model m;
    gas_model_init(&m, 0);
    uint8_t data[1000];
    memset(data, 0xa5, sizeof data);
    gas_learn_probe(&m, 21000, 21000 + 16000, data, sizeof data); /* EIP-2028 */
    assert_int_equal(m.data_extra_milli, 0);
    gas_learn_probe(&m, 21000, 21000 + 40000, data, sizeof data); /* EIP-7623 */
    assert_int_equal(m.data_extra_milli, 0);
    gas_learn_probe(&m, 21300, 21300 + 40600, data, sizeof data); /* the same with an estimator's slack */
    assert_int_equal(m.data_extra_milli, 0);
    gas_learn_probe(&m, 50000, 50000 + 16000 + 120000, data, sizeof data);
    assert_int_equal(m.base_extra, 29000);
    assert_int_equal(m.data_extra_milli, 120000);
    uint64_t limit = gas_limit(&m, TX_SLASH, data, sizeof data, 0);
    assert_true(limit >= gas_intrinsic(data, sizeof data) + 149000 * 3 / 2);
    gas_learn_probe(&m, 0, 0, data, sizeof data); /* nonsense does no harm */
    assert_int_equal(m.base_extra, 0);
}

static void caps(void **state)
{
    (void)state;
    struct gas_model m;
    gas_model_init(&m, 1000000);
    m.cap = 1500000;
    assert_int_equal(gas_limit(&m, TX_SLASH, NULL, 0, 0), 1500000);
    assert_int_equal(gas_limit_from_estimate(&m, TX_SLASH, 10000000), 1500000);
    m.cap = 0;
    assert_int_equal(gas_limit(&m, TX_SLASH, NULL, 0, 9000000), 9000000);
    assert_int_equal(gas_limit_from_estimate(&m, TX_FILL, UINT64_MAX), UINT64_MAX);

    gas_learn_refusal(&m, "transaction gas limit too high (cap: 16777216, tx: 30000000)", 30000000);
    assert_int_equal(m.refused_cap, 16777216);
    gas_learn_refusal(
        &m, "Transaction gas limit is greater than the block gas limit, gas_limit: 40000000, cap: 30000000", 40000000);
    assert_int_equal(m.refused_cap, 30000000);
    gas_learn_refusal(&m, "GasLimitExceeded, Gas limit: 8000000, gas limit of rejected tx: 9000000", 9000000);
    assert_int_equal(m.refused_cap, 8000000);
    gas_learn_refusal(&m, "exceeds block gas limit", 30000000);
    assert_int_equal(m.refused_cap, 16777216);
    gas_learn_refusal(&m, "exceeds block gas limit", 1000000);
    assert_int_equal(m.refused_cap, 900000);
    assert_int_equal(gas_limit(&m, TX_SLASH, NULL, 0, 5000000), 900000);
}

static void short_gas(void **state)
{
    (void)state;
    assert_true(gas_was_short(1000000, 1000000));
    assert_true(gas_was_short(984400, 1000000)); /* 1/64 left by an inner call */
    assert_false(gas_was_short(900000, 1000000));
    assert_false(gas_was_short(30000, 1000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_offer),
        cmocka_unit_test(cap_is_never_passed),
        cmocka_unit_test(legacy_offer),
        cmocka_unit_test(replacements_satisfy_geth),
        cmocka_unit_test(replacement_at_the_cap),
        cmocka_unit_test(huge_numbers_saturate),
        cmocka_unit_test(frugal_and_includable),
        cmocka_unit_test(what_a_balance_pays_for),
        cmocka_unit_test(calldata_prices),
        cmocka_unit_test(a_fill_needs_no_more_than_it_must),
        cmocka_unit_test(callback_has_room),
        cmocka_unit_test(learning_goes_up_at_once_and_down_slowly),
        cmocka_unit_test(large_outputs_pay_for_their_bytes),
        cmocka_unit_test(probe_finds_the_l1_share),
        cmocka_unit_test(caps),
        cmocka_unit_test(short_gas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
