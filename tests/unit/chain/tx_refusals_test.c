/* What the queue does about each refusal, in the words of the clients that refuse so: a proxy answers in their place,
 * behind it is a real EVM. */
#include "chain/tx_world.h"

static bool same_bytes(struct world *w, size_t a, size_t b)
{
    char *first = xstrdup(refuser_send(w->refuser, a));
    bool same = strcmp(first, refuser_send(w->refuser, b)) == 0 && first[0];
    free(first);
    return same;
}

/* No verdict: the same bytes again until there is one. */
static void no_verdict_is_sent_again(void **state)
{
    (void)state;
    static const char *const messages[] = { "queue full", "sequencer temporarily not available", "something new",
                                            "nonce too high: address 0xAb, tx: 9 state: 7", NULL };
    struct world *w = refusing_world(NULL);
    for (size_t m = 0; m < sizeof messages / sizeof *messages; m++) {
        size_t from = refuser_sends(w->refuser);
        refuser_refuse(w->refuser, 2, messages[m]);
        struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
        assert_true(world_run_until(w, all_done, WAIT_MS));
        assert_confirmed(i);
        assert_memory_equal(i->sent_hash, i->result.hash, 32);
        assert_true(refuser_sends(w->refuser) >= from + 2); /* without an answer the first one may have been enough */
        for (size_t k = from + 1; k < refuser_sends(w->refuser); k++)
            assert_true(same_bytes(w, from, k));
        refuser_refuse(w->refuser, 0, NULL);
    }
    assert_int_equal(stats_of(w).sent, sizeof messages / sizeof *messages);
    assert_int_equal(account_nonce(w, "latest"), sizeof messages / sizeof *messages);
    world_free(w);
}

/* A verdict about price or gas: the same nonce with other numbers, at once. Which numbers, member says. */
static void price_and_gas_are_mended(void **state)
{
    (void)state;
    static const struct {
        const char *message, *member;
        uint64_t least, most;
    } cases[] = {
        { "transaction gas price below minimum: gas tip cap 1, minimum needed 3000000000", "maxPriorityFeePerGas",
          3 * GWEI, 4 * GWEI },
        { "intrinsic gas too low", "gas", 1200000, 3000000 },
        { "transaction gas limit too high (cap: 400000, tx: 1123320)", "gas", 400000, 400000 },
        { "max priority fee per gas higher than max fee per gas", "maxFeePerGas", 1, UINT64_MAX },
        { "tx fee (1.20 ether) exceeds the configured cap (1.00 ether)", "maxFeePerGas", 1, 5 * GWEI },
        { "max fee per gas less than block base fee: address 0xAb, maxFeePerGas: 1 baseFee: 2", "maxFeePerGas", 1,
          UINT64_MAX },
        { "FEE_TOO_LOW: fee too low", "maxPriorityFeePerGas", 1, UINT64_MAX },
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct world *w = refusing_world(NULL);
        refuser_refuse(w->refuser, 1, cases[c].message);
        struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
        assert_true(world_run_until(w, all_done, WAIT_MS));
        assert_confirmed(i);
        assert_int_equal(stats_of(w).sent, 2);
        assert_int_equal(tx_quantity(w, i->result.hash, "nonce"), 0);
        uint64_t v = tx_quantity(w, i->result.hash, cases[c].member);
        if (v < cases[c].least || v > cases[c].most)
            fail_msg("%s: %s is %llu", cases[c].message, cases[c].member, (unsigned long long)v);
        world_free(w);
    }
}

/* Refused for good: told, and its nonce goes to the next one. */
static void refused_for_good(void **state)
{
    (void)state;
    static const char *const messages[] = { "oversized data: transaction size 200000, limit 131072",
                                            "execution reverted: Jobs:submitOutput-Execution Time is over" };
    struct world *w = refusing_world(NULL);
    for (uint64_t m = 0; m < 2; m++) {
        refuser_refuse(w->refuser, 1, messages[m]);
        struct intent *bad = push(w, TX_SUBMIT_OUTPUT, 0);
        assert_true(world_run_until(w, all_done, WAIT_MS));
        assert_int_equal(bad->result.outcome, TX_REVERTED);
        assert_string_equal(bad->reason, messages[m]);
        assert_int_equal(bad->result.block_number, 0);
        struct intent *good = push(w, TX_SUBMIT_OUTPUT, 0);
        assert_true(world_run_until(w, all_done, WAIT_MS));
        assert_confirmed(good);
        assert_int_equal(tx_quantity(w, good->result.hash, "nonce"), m);
    }
    world_free(w);
}

/* The one below others is refused: its nonce is filled so that they can go. */
static void refused_below_others(void **state)
{
    (void)state;
    struct world *w = refusing_world(NULL);
    refuser_refuse(w->refuser, 1, "execution reverted: no");
    struct intent *bad = push(w, TX_SUBMIT_OUTPUT, 0), *next[3];
    for (int i = 0; i < 3; i++)
        next[i] = push(w, TX_SUBMIT_OUTPUT, 0);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    int reverted = bad->result.outcome == TX_REVERTED;
    for (int i = 0; i < 3; i++)
        reverted += next[i]->result.outcome == TX_REVERTED; /* they go out side by side: any may meet the refusal */
    assert_int_equal(reverted, 1);
    assert_int_equal(stats_of(w).confirmed, 3);
    assert_in_range(account_nonce(w, "latest"), 3, 4);
    world_free(w);
}

/* "nonce too low" from an endpoint that is wrong: no receipt, and the chain does not count it, so it goes out again. */
static void nonce_low_that_is_not_true(void **state)
{
    (void)state;
    struct world *w = refusing_world(NULL);
    refuser_refuse(w->refuser, 1, "nonce too low: next nonce 1, tx nonce 0");
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_confirmed(i);
    assert_memory_equal(i->sent_hash, i->result.hash, 32);
    assert_int_equal(stats_of(w).sent, 1);
    assert_int_equal(stats_of(w).nonce_resyncs, 0);
    world_free(w);
}

/* Taken and included while its answer was lost; the second send says "nonce too low": ours, not lost. */
static void included_behind_our_back(void **state)
{
    (void)state;
    struct world *w = refusing_world(NULL);
    refuser_refuse(w->refuser, 1, NULL);
    w->deaf = true;
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_confirmed(i);
    assert_int_equal(stats_of(w).sent, 1);
    assert_int_equal(account_nonce(w, "latest"), 1);
    world_free(w);
}

/* "already known" although nobody has it: accepted, found missing, sent again. */
static void known_but_not_there(void **state)
{
    (void)state;
    struct world *w = refusing_world(NULL);
    refuser_refuse(w->refuser, 1, "already known");
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_confirmed(i);
    assert_memory_equal(i->sent_hash, i->result.hash, 32);
    assert_true(same_bytes(w, 0, 1));
    world_free(w);
}

/* A refusal that never ends: the intent's own time ends it, and nothing of it stays behind. */
static void refused_to_the_end_of_its_time(void **state)
{
    (void)state;
    struct world *w = refusing_world(NULL);
    refuser_refuse(w->refuser, 1000, "queue full");
    struct intent *i = push_until(w, TX_SUBMIT_OUTPUT, 0, clock_mono_ms() + 1500);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_int_equal(i->result.outcome, TX_EXPIRED);
    assert_string_equal(i->reason, "queue full");
    assert_in_range(refuser_sends(w->refuser), 2, 30);
    refuser_refuse(w->refuser, 0, NULL);
    struct intent *next = push(w, TX_SUBMIT_OUTPUT, 0);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_confirmed(next);
    world_free(w);
}

int main(void)
{
    log_init(LOG_FORMAT_LOGFMT, getenv("TXQ_LOG") ? LOG_DEBUG : LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_verdict_is_sent_again),   cmocka_unit_test(price_and_gas_are_mended),
        cmocka_unit_test(refused_for_good),           cmocka_unit_test(refused_below_others),
        cmocka_unit_test(nonce_low_that_is_not_true), cmocka_unit_test(included_behind_our_back),
        cmocka_unit_test(known_but_not_there),        cmocka_unit_test(refused_to_the_end_of_its_time),
    };
    if (getenv("TXQ_TEST"))
        cmocka_set_test_filter(getenv("TXQ_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
