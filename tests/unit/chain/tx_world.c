#include "chain/tx_world.h"

/* Answers by the first byte of the calldata: 1 reverts with Error("nope"), 2 burns 1.3 M gas, anything else is fine. */
static const char runtime[] = "60003560f81c"                  /* first byte */
                              "806001146015578060021460 6d57" /* 1 -> revert, 2 -> burn */
                              "00"                            /* stop */
                              "5b7f08c379a000000000000000000000000000000000000000000000000000000000600052"
                              "6020600452"
                              "6004602452"
                              "7f6e6f706500000000000000000000000000000000000000000000000000000000604452"
                              "60646000fd"
                              "5b6200c350"
                              "5b6001900380607257"
                              "00";

/* ---- the loop ---- */

static void on_timeout(uv_timer_t *t)
{
    ((struct world *)t->data)->timed_out = true;
}

bool world_run_until(struct world *w, bool (*reached)(struct world *w), uint64_t ms)
{
    w->timed_out = false;
    (void)uv_timer_start(&w->timer, on_timeout, ms, 0);
    while (!reached(w) && !w->timed_out) {
        (void)uv_run(&w->loop, UV_RUN_ONCE);
        struct tx_queue_stats stats;
        tx_queue_stats(w->q, &stats);
        if (stats.in_flight > w->most_in_flight)
            w->most_in_flight = stats.in_flight;
    }
    (void)uv_timer_stop(&w->timer);
    return reached(w);
}

static bool never(struct world *w)
{
    (void)w;
    return false;
}

void world_run_for(struct world *w, uint64_t ms)
{
    (void)world_run_until(w, never, ms);
}

bool all_done(struct world *w)
{
    return w->done == (int)w->n;
}

struct tx_queue_stats stats_of(struct world *w)
{
    struct tx_queue_stats stats;
    tx_queue_stats(w->q, &stats);
    return stats;
}

/* ---- heads ---- */

static void on_head(void *arg, const struct json *json)
{
    struct world *w = arg;
    struct chain_head head;
    assert_int_equal(chain_head_parse(&head, json, NULL), 0);
    if (!w->deaf)
        tx_queue_on_head(w->q, &head);
}

static void ignore(void *arg)
{
    (void)arg;
}

static void ignore_reason(void *arg, const char *reason)
{
    (void)arg;
    (void)reason;
}

static void ignore_log(void *arg, const struct json *log, bool leading)
{
    (void)arg;
    (void)log;
    (void)leading;
}

/* ---- the world ---- */

static struct address address_of(const char *text)
{
    struct address a;
    assert_int_equal(address_parse(&a, text, strlen(text), NULL), 0);
    return a;
}

struct seckey key_of(const char *hex)
{
    uint8_t secret[32];
    struct seckey key;
    assert_int_equal(hex_decode_exact(secret, 32, hex, strlen(hex), NULL), 0);
    assert_int_equal(seckey_init(&key, secret, NULL), 0);
    return key;
}

/* Puts the runtime code where a test calls it. */
static void install_contract(struct world *w)
{
    char code[512], *out = code;
    for (const char *p = runtime; *p; p++)
        if (*p != ' ')
            *out++ = *p;
    *out = 0;
    w->target = address_of("0x00000000000000000000000000000000000c0de0");
    anvil_do(w->anvil, "anvil_setCode", "[\"0x00000000000000000000000000000000000c0de0\",\"0x%s\"]", code);
}

uint64_t account_nonce(struct world *w, const char *tag)
{
    char address[ADDRESS_TEXT_MAX];
    return anvil_quantity(w->anvil, "eth_getTransactionCount", "[\"%s\",\"%s\"]",
                          address_lower(address, &w->key.address), tag);
}

static bool has_head(struct world *w)
{
    struct rpc_endpoint_status status;
    rpc_endpoint_status(w->rpc, 1, &status);
    return status.up;
}

const struct tx_queue_config world_defaults = {
    .chain_id = ANVIL_CHAIN_ID, .max_in_flight = 16, .stuck_after_ms = 1500, .submit_callback_gas = 100000
};

struct world *world_new(const char *const *args, const struct tx_queue_config *config, bool refusing)
{
    static const struct rpc_stream_events events = { ignore, ignore_reason, ignore_reason, on_head, ignore_log };
    struct world *w = xcalloc(1, sizeof *w);
    struct err e = { 0 };
    w->anvil = anvil_start(args);
    install_contract(w);
    w->key = key_of(ANVIL_KEY_0);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    (void)uv_timer_init(&w->loop, &w->timer);
    w->timer.data = w;
    if (refusing)
        w->refuser = refuser_start(anvil_port(w->anvil));
    const char *http[] = { refusing ? refuser_url(w->refuser) : anvil_http_url(w->anvil) },
               *ws[] = { anvil_ws_url(w->anvil) };
    struct rpc_config rpc = { .http_urls = http, .n_http = 1, .ws_urls = ws, .n_ws = 1, .chain_id = ANVIL_CHAIN_ID };
    w->rpc = rpc_new(&w->loop, &rpc, &e);
    assert_non_null(w->rpc);
    w->q = tx_queue_new(&w->loop, w->rpc, config ? config : &world_defaults);
    rpc_stream_start(w->rpc, "{\"address\":[\"0x0000000000000000000000000000000000000001\"]}", &events, w);
    assert_true(world_run_until(w, has_head, WAIT_MS));
    return w;
}

/* As a node that has been running for a while. */
static struct world *make_ready(struct world *w)
{
    tx_queue_set_key(w->q, &w->key, account_nonce(w, "pending"));
    anvil_mine(w->anvil, 1);
    world_run_for(w, 300);
    assert_true(stats_of(w).balance_known);
    return w;
}

struct world *ready_world(const char *const *args, const struct tx_queue_config *config)
{
    return make_ready(world_new(args, config, false));
}

struct world *refusing_world(const char *const *args)
{
    return make_ready(world_new(args, NULL, true));
}

void world_free(struct world *w)
{
    tx_queue_free(w->q);
    rpc_free(w->rpc);
    uv_close((uv_handle_t *)&w->timer, NULL);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    refuser_stop(w->refuser);
    anvil_stop(w->anvil);
    free(w);
}

/* ---- intents ---- */

void on_sent(void *arg, const uint8_t hash[32])
{
    struct intent *i = arg;
    i->sent++;
    memcpy(i->sent_hash, hash, 32);
}

void on_done(void *arg, const struct tx_result *result)
{
    struct intent *i = arg;
    i->done++;
    i->result = *result;
    i->order = i->w->done++;
    (void)snprintf(i->reason, sizeof i->reason, "%s", result->reason);
    i->result.reason = i->reason;
}

struct intent *push_until(struct world *w, enum tx_kind kind, uint8_t first, uint64_t useless_after_ms)
{
    struct intent *i = &w->intents[w->n];
    uint8_t data[40] = { first, (uint8_t)w->n, 7 };
    assert_true(w->n < INTENTS_MAX);
    w->n++;
    i->w = w;
    struct tx_intent intent = { kind, w->target, data, sizeof data, useless_after_ms };
    i->handle = tx_queue_push(w->q, &intent, on_sent, on_done, i);
    assert_int_equal(i->done, 0);
    return i;
}

struct intent *push(struct world *w, enum tx_kind kind, uint8_t first)
{
    return push_until(w, kind, first, UINT64_MAX);
}

uint64_t tx_quantity(struct world *w, const uint8_t hash[32], const char *key)
{
    char hex[65];
    struct json *tx = anvil_rpc(w->anvil, "eth_getTransactionByHash", "[\"0x%s\"]", hex_encode(hex, hash, 32));
    uint64_t v = UINT64_MAX;
    (void)json_req_quantity(&v, tx, key, NULL);
    json_free(tx);
    return v;
}

void assert_confirmed(const struct intent *i)
{
    if (i->done != 1 || i->result.outcome != TX_CONFIRMED)
        fail_msg("done %d, outcome %d: %s", i->done, i->result.outcome, i->reason);
    assert_int_equal(i->sent, 1);
    assert_true(i->result.sent_us > 0);
}

static bool nothing_unanswered(struct world *w)
{
    char address[ADDRESS_TEXT_MAX];
    uint64_t pending = anvil_quantity(w->anvil, "eth_getTransactionCount", "[\"%s\",\"pending\"]",
                                      address_lower(address, &w->key.address));
    return pending == stats_of(w).nonce_local;
}

void wait_for_pool(struct world *w)
{
    for (int i = 0; i < 100 && !nothing_unanswered(w); i++)
        world_run_for(w, 20);
    assert_true(nothing_unanswered(w));
    world_run_for(w, 100);
}

void mine_until_done(struct world *w)
{
    for (int i = 0; i < 60 && !all_done(w); i++) {
        anvil_mine(w->anvil, 1);
        (void)world_run_until(w, all_done, 400);
    }
    assert_true(all_done(w));
}
