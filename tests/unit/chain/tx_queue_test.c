/* The sending queue against a real EVM. */
#include "chain/tx_world.h"

static void world_free_checked(struct world *w, int intents)
{
    tx_queue_free(w->q);
    w->q = NULL;
    assert_int_equal(w->done, intents);
    for (int i = 0; i < intents; i++) {
        assert_int_equal(w->intents[i].done, 1);
        assert_int_equal(w->intents[i].result.outcome, TX_CANCELLED);
    }
    world_free(w);
}

static void burst_goes_out_in_nonce_order(void **state)
{
    (void)state;
    const char *args[] = { "--block-time", "1", NULL };
    struct world *w = ready_world(args, NULL);
    uint64_t first = account_nonce(w, "latest");
    for (int i = 0; i < 40; i++)
        (void)push(w, TX_SUBMIT_OUTPUT, 0);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    for (size_t i = 0; i < w->n; i++) {
        assert_confirmed(&w->intents[i]);
        assert_int_equal(tx_quantity(w, w->intents[i].result.hash, "nonce"), first + i);
    }
    assert_int_equal(w->most_in_flight, 16);
    assert_int_equal(stats_of(w).sent, 40);
    assert_int_equal(stats_of(w).confirmed, 40);
    assert_int_equal(stats_of(w).nonce_resyncs, 0);
    world_free(w);
}

/* From push to the bytes: one request, and that one carries them. */
static void first_send_asks_nothing(void **state)
{
    (void)state;
    struct world *w = ready_world(NULL, NULL);
    struct rpc_endpoint_status before, after;
    rpc_endpoint_status(w->rpc, 0, &before);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    rpc_endpoint_status(w->rpc, 0, &after); /* the loop has not turned */
    assert_int_equal(i->sent, 1);
    assert_int_equal(after.requests - before.requests, 1);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_confirmed(i);
    assert_memory_equal(i->sent_hash, i->result.hash, 32);
    world_free(w);
}

static const char *const no_mining[] = { "--no-mining", NULL };

/* The endpoint is ahead of the heads that we know: the same nonce goes out again at once. */
static void base_fee_jump_is_signed_anew(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    w->deaf = true;
    anvil_do(w->anvil, "anvil_setNextBlockBaseFeePerGas", "[\"0x%llx\"]", 300 * GWEI);
    anvil_mine(w->anvil, 1);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    world_run_for(w, 700);
    w->deaf = false;
    mine_until_done(w);
    assert_confirmed(i);
    assert_int_equal(tx_quantity(w, i->result.hash, "nonce"), 0);
    assert_memory_not_equal(i->sent_hash, i->result.hash, 32);
    assert_int_equal(stats_of(w).sent, 2);
    assert_int_equal(stats_of(w).replaced, 0);
    world_free(w);
}

/* The base fee rises above what was offered: no block can take it, and waiting does not help. */
static void outpriced_is_replaced(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    struct intent *k = push(w, TX_SLASH, 0);
    wait_for_pool(w);
    anvil_do(w->anvil, "anvil_setNextBlockBaseFeePerGas", "[\"0x%llx\"]", 50 * GWEI);
    mine_until_done(w);
    assert_confirmed(i);
    assert_confirmed(k);
    assert_int_equal(stats_of(w).replaced, 2);
    assert_memory_not_equal(i->sent_hash, i->result.hash, 32);
    assert_int_equal(tx_quantity(w, i->result.hash, "nonce"), 0);
    assert_int_equal(tx_quantity(w, k->result.hash, "nonce"), 1);
    world_free(w);
}

/* Blocks go by without it, at a good price: a dearer one takes its place. */
static void stuck_is_replaced(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    struct intent *i = push(w, TX_SLASH, 0);
    wait_for_pool(w);
    anvil_do(w->anvil, "evm_setBlockGasLimit", "[\"0x%x\"]", 1500000); /* less than it may use */
    uint64_t first_fee = tx_quantity(w, i->sent_hash, "maxFeePerGas");
    mine_until_done(w);
    assert_confirmed(i);
    assert_true(stats_of(w).replaced > 0);
    assert_true(tx_quantity(w, i->result.hash, "maxFeePerGas") >= first_fee + first_fee / 10);
    assert_true(tx_quantity(w, i->result.hash, "gas") <= 1500000);
    world_free(w);
}

static void dropped_is_sent_again(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    char hash[65];
    wait_for_pool(w);
    anvil_do(w->anvil, "anvil_dropTransaction", "[\"0x%s\"]", hex_encode(hash, i->sent_hash, 32));
    assert_int_equal(account_nonce(w, "pending"), 0);
    for (int n = 0; n < 100 && account_nonce(w, "pending") == 0; n++)
        world_run_for(w, 50);
    mine_until_done(w);
    assert_confirmed(i);
    assert_memory_equal(i->sent_hash, i->result.hash, 32);
    world_free(w);
}

/* The account's count included somebody's transaction that never comes. */
static void dead_nonce_is_filled(void **state)
{
    (void)state;
    struct world *w = world_new(no_mining, NULL, false);
    anvil_mine(w->anvil, 1);
    world_run_for(w, 200);
    tx_queue_set_key(w->q, &w->key, 2);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    mine_until_done(w);
    assert_confirmed(i);
    assert_int_equal(tx_quantity(w, i->result.hash, "nonce"), 2);
    assert_int_equal(account_nonce(w, "latest"), 3);
    assert_int_equal(stats_of(w).sent, 3);
    assert_true(stats_of(w).nonce_resyncs > 0);
    world_free(w);
}

/* Somebody else sends with our key. */
static void send_as_stranger(struct world *w, uint64_t nonce)
{
    anvil_do(w->anvil, "eth_sendTransaction",
             "[{\"from\":\"" ANVIL_ADDRESS_0 "\",\"to\":\"" ANVIL_ADDRESS_0
             "\",\"value\":\"0x1\",\"gas\":\"0x5208\",\"nonce\":\"0x%llx\",\"maxFeePerGas\":\"0x%llx\","
             "\"maxPriorityFeePerGas\":\"0x%llx\"}]",
             (unsigned long long)nonce, 90 * GWEI, 80 * GWEI);
}

static void nonces_used_by_a_stranger_are_skipped(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    w->deaf = true;
    for (uint64_t n = 0; n < 3; n++)
        send_as_stranger(w, n);
    anvil_mine(w->anvil, 1);
    for (int i = 0; i < 5; i++)
        (void)push(w, TX_SUBMIT_OUTPUT, 0);
    world_run_for(w, 500);
    w->deaf = false;
    mine_until_done(w);
    uint64_t nonces = 0;
    for (int i = 0; i < 5; i++) {
        assert_confirmed(&w->intents[i]);
        nonces |= 1ull << tx_quantity(w, w->intents[i].result.hash, "nonce");
    }
    assert_int_equal(nonces, 0xf8); /* 3 to 7, each once */
    assert_true(stats_of(w).nonce_resyncs > 0);
    world_free(w);
}

/* One that the pool had taken loses its nonce to a stranger's. */
static void nonce_lost_in_flight_is_sent_with_another(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    wait_for_pool(w);
    send_as_stranger(w, 0); /* replaces ours in the pool */
    mine_until_done(w);
    assert_confirmed(i);
    assert_int_equal(tx_quantity(w, i->result.hash, "nonce"), 1);
    world_free(w);
}

/* A stranger's transaction waits in the pool on our next nonce. */
static void occupied_nonce_is_left_to_the_stranger(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    send_as_stranger(w, 0);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    world_run_for(w, 300);
    assert_int_equal(account_nonce(w, "pending"), 2);
    mine_until_done(w);
    assert_confirmed(i);
    assert_int_equal(tx_quantity(w, i->result.hash, "nonce"), 1);
    world_free(w);
}

static void key_replaced_in_mid_flight(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    for (int i = 0; i < 20; i++)
        (void)push(w, TX_SUBMIT_OUTPUT, 0);
    wait_for_pool(w);
    assert_int_equal(stats_of(w).in_flight, 16);
    struct seckey next = key_of("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
    tx_queue_set_key(w->q, &next, 0);
    world_run_for(w, 300);
    assert_int_equal(stats_of(w).in_flight, 20);
    mine_until_done(w);
    int by_old = 0;
    for (int i = 0; i < 20; i++) {
        assert_confirmed(&w->intents[i]);
        by_old += w->intents[i].result.block_number > 0 && i < 16;
    }
    assert_int_equal(by_old, 16);
    assert_int_equal(account_nonce(w, "latest"), 16);
    w->key = next;
    assert_int_equal(account_nonce(w, "latest"), 4);
    assert_int_equal(stats_of(w).nonce_local, 4);
    world_free(w);
}

static void no_money_then_money(void **state)
{
    (void)state;
    struct world *w = world_new(NULL, NULL, false);
    char address[ADDRESS_TEXT_MAX];
    assert_int_equal(seckey_generate(&w->key, NULL), 0);
    tx_queue_set_key(w->q, &w->key, 0);
    anvil_mine(w->anvil, 1);
    struct intent *a = push(w, TX_SUBMIT_OUTPUT, 0), *b = push(w, TX_SLASH, 0);
    world_run_for(w, 2500);
    assert_int_equal(w->done, 0);
    assert_int_equal(stats_of(w).pending, 2);
    assert_int_equal(stats_of(w).in_flight, 0);
    anvil_do(w->anvil, "anvil_setBalance", "[\"%s\",\"0x%llx\"]", address_lower(address, &w->key.address),
             1000000000ull * GWEI);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_confirmed(a);
    assert_confirmed(b);
    assert_int_equal(account_nonce(w, "latest"), 2);
    world_free(w);
}

static void revert_is_reported_with_its_reason(void **state)
{
    (void)state;
    struct world *w = ready_world(NULL, NULL);
    struct intent *bad = push(w, TX_SUBMIT_OUTPUT, 1), *good = push(w, TX_SUBMIT_OUTPUT, 0);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_int_equal(bad->result.outcome, TX_REVERTED);
    assert_string_equal(bad->reason, "nope");
    assert_true(bad->result.block_number > 0);
    assert_confirmed(good);
    assert_int_equal(stats_of(w).reverted, 1);
    world_free(w);
}

/* 1.3 M gas where the first guess is about 1.1 M: not a revert, but a second try. */
static void short_gas_is_tried_with_more(void **state)
{
    (void)state;
    struct world *w = ready_world(NULL, NULL);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 2);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_confirmed(i);
    assert_true(i->result.gas_used > 1300000);
    assert_int_equal(stats_of(w).sent, 2);
    assert_int_equal(tx_quantity(w, i->result.hash, "nonce"), 1);
    struct intent *again = push(w, TX_SUBMIT_OUTPUT, 2); /* and it has been learned */
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_confirmed(again);
    assert_int_equal(stats_of(w).sent, 3);
    world_free(w);
}

/* The endpoint is there and says nothing; then it wakes up. */
static void silent_endpoint_is_outlived(void **state)
{
    (void)state;
    struct world *w = ready_world(NULL, NULL);
    anvil_pause(w->anvil);
    struct intent *a = push(w, TX_SUBMIT_OUTPUT, 0), *b = push(w, TX_SUBMIT_OUTPUT, 0);
    world_run_for(w, 5000);
    assert_int_equal(w->done, 0);
    anvil_resume(w->anvil);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_confirmed(a);
    assert_confirmed(b);
    assert_int_equal(account_nonce(w, "latest"), 2);
    world_free(w);
}

/* A block that held one of ours disappears: it is sent again, and nobody is told twice. */
static void reorganised_is_sent_again(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    struct json *snapshot = anvil_rpc(w->anvil, "evm_snapshot", "[]");
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    wait_for_pool(w);
    mine_until_done(w);
    assert_confirmed(i);
    assert_int_equal(account_nonce(w, "latest"), 1);
    anvil_do(w->anvil, "evm_revert", "[\"%s\"]", json_str(snapshot, NULL));
    json_free(snapshot);
    assert_int_equal(account_nonce(w, "latest"), 0);
    for (int n = 0; n < 20 && account_nonce(w, "latest") == 0; n++) {
        anvil_mine(w->anvil, 1);
        world_run_for(w, 300);
    }
    assert_int_equal(account_nonce(w, "latest"), 1);
    assert_true(tx_quantity(w, i->result.hash, "blockNumber") > 0);
    assert_int_equal(i->done, 1);
    world_free(w);
}

/* Until the chain does not know the transaction any more. */
static void wait_for_loss(struct world *w, const uint8_t tx[32])
{
    char hash[65];
    bool known = true;
    (void)hex_encode(hash, tx, 32);
    for (int n = 0; n < 250 && known; n++) {
        world_run_for(w, 20);
        struct json *found = anvil_rpc(w->anvil, "eth_getTransactionByHash", "[\"0x%s\"]", hash);
        known = json_kind(found) != JSON_KIND_NULL;
        json_free(found);
    }
    assert_false(known);
}

/* Its time passes while it is in flight: told, and its nonce goes to something cheaper. */
static void expired_in_flight_makes_room(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    struct intent *late = push_until(w, TX_SUBMIT_OUTPUT, 0, clock_mono_ms() + 600);
    struct intent *next = push(w, TX_SUBMIT_OUTPUT, 0);
    for (int n = 0; n < 100 && !late->done; n++)
        world_run_for(w, 50);
    assert_int_equal(late->result.outcome, TX_EXPIRED);
    wait_for_loss(w, late->sent_hash); /* what takes its nonce is in the pool before a block comes */
    mine_until_done(w);
    assert_confirmed(next);
    char hash[65];
    struct json *receipt =
        anvil_rpc(w->anvil, "eth_getTransactionReceipt", "[\"0x%s\"]", hex_encode(hash, late->sent_hash, 32));
    assert_int_equal(json_kind(receipt), JSON_KIND_NULL);
    json_free(receipt);
    assert_int_equal(tx_quantity(w, next->result.hash, "nonce"), 1);
    assert_int_equal(stats_of(w).expired, 1);
    assert_int_equal(late->done, 1);
    world_free(w);
}

static void unsent_ones_are_cancelled_and_expire(void **state)
{
    (void)state;
    struct world *w = world_new(NULL, NULL, false); /* no key */
    struct intent *a = push(w, TX_SUBMIT_OUTPUT, 0), *b = push_until(w, TX_SLASH, 0, clock_mono_ms() + 300);
    struct intent *c = push(w, TX_SUBMIT_OUTPUT, 0);
    tx_queue_cancel(w->q, a->handle);
    assert_int_equal(a->done, 0);
    for (int n = 0; n < 100 && w->done < 2; n++)
        world_run_for(w, 50);
    assert_int_equal(a->result.outcome, TX_CANCELLED);
    assert_int_equal(b->result.outcome, TX_EXPIRED);
    assert_int_equal(a->sent + b->sent + c->sent, 0);
    tx_queue_cancel(w->q, a->handle); /* gone already */
    tx_queue_free(w->q);
    assert_int_equal(c->done, 1);
    assert_int_equal(c->result.outcome, TX_CANCELLED);
    w->q = NULL;
    world_free(w);
}

static void freed_in_flight_tells_everybody(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    for (int i = 0; i < 20; i++)
        (void)push(w, TX_SLASH, 0);
    wait_for_pool(w);
    world_free_checked(w, 20);
}

/* Slashes leave room, and submits overtake those that wait. */
static void submits_go_first(void **state)
{
    (void)state;
    struct world *w = ready_world(no_mining, NULL);
    for (int i = 0; i < 20; i++)
        (void)push(w, TX_SLASH, 0);
    assert_int_equal(stats_of(w).in_flight, 12);
    struct intent *submit = push(w, TX_SUBMIT_OUTPUT, 0);
    assert_int_equal(submit->sent, 1);
    wait_for_pool(w);
    mine_until_done(w);
    assert_int_equal(tx_quantity(w, submit->result.hash, "nonce"), 12);
    world_free(w);
}

static void legacy_chain(void **state)
{
    (void)state;
    const char *args[] = { "--hardfork", "berlin", NULL };
    struct world *w = ready_world(args, NULL);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_confirmed(i);
    assert_int_equal(tx_quantity(w, i->result.hash, "type"), 0);
    world_free(w);
}

/* Above the cap nothing goes out; below it again, everything. */
static void fee_cap_is_kept(void **state)
{
    (void)state;
    struct tx_queue_config config = world_defaults;
    config.max_fee_cap_wei = u256_from_u64(5 * GWEI);
    struct world *w = ready_world(no_mining, &config);
    anvil_do(w->anvil, "anvil_setNextBlockBaseFeePerGas", "[\"0x%llx\"]", 6 * GWEI);
    anvil_mine(w->anvil, 1);
    world_run_for(w, 300);
    struct intent *i = push(w, TX_SUBMIT_OUTPUT, 0);
    world_run_for(w, 300);
    assert_int_equal(i->sent, 0);
    anvil_do(w->anvil, "anvil_setNextBlockBaseFeePerGas", "[\"0x%llx\"]", 3 * GWEI);
    mine_until_done(w);
    assert_confirmed(i);
    assert_int_equal(tx_quantity(w, i->result.hash, "maxFeePerGas"), 5 * GWEI);
    world_free(w);
}

static struct world *push_from_done_world;

static void push_in_sent(void *arg, const uint8_t hash[32])
{
    on_sent(arg, hash);
    (void)push(push_from_done_world, TX_SUBMIT_OUTPUT, 0);
}

/* Callbacks may push. */
static void pushed_from_a_callback(void **state)
{
    (void)state;
    struct world *w = ready_world(NULL, NULL);
    struct intent *i = &w->intents[w->n++];
    uint8_t data[4] = { 0 };
    i->w = push_from_done_world = w;
    struct tx_intent intent = { TX_SUBMIT_OUTPUT, w->target, data, sizeof data, UINT64_MAX };
    i->handle = tx_queue_push(w->q, &intent, push_in_sent, on_done, i);
    assert_int_equal(w->n, 2);
    assert_int_equal(w->intents[1].sent, 1);
    assert_true(world_run_until(w, all_done, WAIT_MS));
    assert_confirmed(i);
    assert_confirmed(&w->intents[1]);
    world_free(w);
}

int main(void)
{
    log_init(LOG_FORMAT_LOGFMT, getenv("TXQ_LOG") ? LOG_DEBUG : LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_goes_out_in_nonce_order),
        cmocka_unit_test(first_send_asks_nothing),
        cmocka_unit_test(base_fee_jump_is_signed_anew),
        cmocka_unit_test(outpriced_is_replaced),
        cmocka_unit_test(stuck_is_replaced),
        cmocka_unit_test(dropped_is_sent_again),
        cmocka_unit_test(dead_nonce_is_filled),
        cmocka_unit_test(nonces_used_by_a_stranger_are_skipped),
        cmocka_unit_test(nonce_lost_in_flight_is_sent_with_another),
        cmocka_unit_test(occupied_nonce_is_left_to_the_stranger),
        cmocka_unit_test(key_replaced_in_mid_flight),
        cmocka_unit_test(no_money_then_money),
        cmocka_unit_test(revert_is_reported_with_its_reason),
        cmocka_unit_test(short_gas_is_tried_with_more),
        cmocka_unit_test(silent_endpoint_is_outlived),
        cmocka_unit_test(reorganised_is_sent_again),
        cmocka_unit_test(expired_in_flight_makes_room),
        cmocka_unit_test(unsent_ones_are_cancelled_and_expire),
        cmocka_unit_test(freed_in_flight_tells_everybody),
        cmocka_unit_test(submits_go_first),
        cmocka_unit_test(legacy_chain),
        cmocka_unit_test(fee_cap_is_kept),
        cmocka_unit_test(pushed_from_a_callback),
    };
    if (getenv("TXQ_TEST"))
        cmocka_set_test_filter(getenv("TXQ_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
