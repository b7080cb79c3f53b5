#include "net/rpc_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/rpc_message.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

#define PING_MS 10000u
#define BACKOFF_FIRST_MS 250u
#define BACKOFF_MOST_MS 30000u
#define FIRST_RETRY_MS 100u
#define STEADY_MS 10000u /* a connection that was up for so long was none that failed */
#define WRONG_CHAIN_ASIDE_MS 60000u
#define HELD_MAX 10000u
#define SUBSCRIPTION_ID_MAX 128

enum feed_state {
    FEED_WAITING,     /* for the moment to connect */
    FEED_CONNECTING,  /* WebSocket handshake */
    FEED_CHECKING,    /* eth_chainId asked */
    FEED_SUBSCRIBING, /* eth_subscribe asked */
    FEED_UP,
    FEED_STOPPED,
};

/* Our request ids on a connection. */
enum { ID_CHAIN = 1, ID_LOGS = 2, ID_HEADS = 3, ID_NO_HEADS = 4 };

enum heads { HEADS_OFF, HEADS_ASKED, HEADS_ON };

/* A notification that came before the subscriptions were confirmed. */
struct held {
    struct rpc_message message;
    struct held *prev, *next;
};

struct rpc_feed {
    struct rpc_feed_config config;
    struct rpc_feed_events events;
    void *arg;
    char *log_filter;
    enum feed_state state;
    enum heads heads;
    struct ws_client *ws; /* NULL while waiting */
    unsigned failures;    /* connections lost since one was of use */
    uv_timer_t timer;     /* waiting: connect; where an answer or a head is due: it did not come */
    uint64_t asked_us, up_ms;
    char logs_id[SUBSCRIPTION_ID_MAX], heads_id[SUBSCRIPTION_ID_MAX]; /* "" until confirmed */
    struct held *held;
    size_t n_held;
};

static struct rpc_endpoint *endpoint(struct rpc_feed *f)
{
    return f->config.endpoint;
}

static void drop_held(struct rpc_feed *f)
{
    struct held *h, *tmp;
    DL_FOREACH_SAFE(f->held, h, tmp) {
        rpc_message_free(&h->message);
        free(h);
    }
    f->held = NULL;
    f->n_held = 0;
}

/* ---- losing the connection, and the wait for the next ---- */

static uint64_t random_below(uint64_t bound)
{
    uint64_t r = 0;
    (void)uv_random(NULL, NULL, &r, sizeof r, 0, NULL);
    return bound ? r % bound : 0;
}

/* At first without much ado, then ever more slowly. Jitter always, so that the nodes of a provider that comes back do
 * not come all at once. An endpoint of another chain has its time aside. */
static uint64_t backoff_ms(const struct rpc_feed *f)
{
    if (f->config.endpoint->chain == RPC_CHAIN_WRONG)
        return WRONG_CHAIN_ASIDE_MS / 2 + random_below(WRONG_CHAIN_ASIDE_MS / 2);
    if (f->failures <= 1)
        return random_below(FIRST_RETRY_MS);
    uint64_t ms = f->failures > 8 ? BACKOFF_MOST_MS : (uint64_t)BACKOFF_FIRST_MS << (f->failures - 2);
    if (ms > BACKOFF_MOST_MS)
        ms = BACKOFF_MOST_MS;
    return ms / 2 + random_below(ms / 2);
}

static void on_timer(uv_timer_t *t);

static void schedule(struct rpc_feed *f, uint64_t ms)
{
    (void)uv_timer_start(&f->timer, on_timer, ms, 0);
}

/* The connection is gone or of no use. on_down is the last thing that happens here: it may free the feed. */
static void feed_lost(struct rpc_feed *f, const char *reason)
{
    bool was_up = f->state == FEED_UP;
    ws_client_close(f->ws);
    f->ws = NULL;
    f->state = FEED_WAITING;
    if (was_up && clock_mono_ms() - f->up_ms >= STEADY_MS)
        f->failures = 0;
    f->failures++;
    drop_held(f);
    rpc_endpoint_failed(endpoint(f), 0, clock_mono_ms());
    uint64_t retry_ms = backoff_ms(f);
    if (was_up || log_is_worth(f->failures)) /* one that stays dead does not fill the log */
        log_warn("rpc_stream_lost", F_STR("endpoint", endpoint(f)->origin), F_STR("reason", reason),
                 F_BOOL("was_up", was_up), F_U64("failures", f->failures), F_U64("retry_ms", retry_ms));
    schedule(f, retry_ms);
    if (was_up)
        f->events.on_down(f->arg, f, reason);
}

static void on_ws_close(void *arg, const char *reason)
{
    struct rpc_feed *f = arg;
    f->ws = NULL;
    feed_lost(f, reason);
}

/* ---- asking ---- */

static void ask(struct rpc_feed *f, uint64_t id, const char *method, const char *params)
{
    struct buf b = { 0 };
    rpc_message_request(&b, id, method, params);
    ws_client_send(f->ws, (const char *)b.data, b.len);
    buf_free(&b);
    endpoint(f)->requests++;
    f->asked_us = clock_mono_us();
}

/* What became of a request of ours, for metrics. */
static void tally(struct rpc_feed *f, bool chain_asked, enum rpc_error_kind kind)
{
    size_t method = rpc_tally_method(chain_asked ? "eth_chainId" : "eth_subscribe");
    rpc_tally_add(&endpoint(f)->tally, method, kind, clock_mono_us() - f->asked_us);
}

static void on_ws_open(void *arg)
{
    struct rpc_feed *f = arg;
    f->state = FEED_CHECKING;
    ask(f, ID_CHAIN, "eth_chainId", "[]");
    schedule(f, f->config.timeout_ms);
}

static void ask_heads(struct rpc_feed *f)
{
    f->heads = HEADS_ASKED;
    ask(f, ID_HEADS, "eth_subscribe", "[\"newHeads\"]");
    schedule(f, f->config.timeout_ms);
}

static void subscribe(struct rpc_feed *f)
{
    struct buf params = { 0 };
    buf_printf(&params, "[\"logs\",%s]", f->log_filter);
    f->state = FEED_SUBSCRIBING;
    ask(f, ID_LOGS, "eth_subscribe", buf_cstr(&params));
    schedule(f, f->config.timeout_ms);
    if (f->events.wants_heads(f->arg))
        ask_heads(f);
    buf_free(&params);
}

/* No head is due any more, and the last one is soon old. */
static void without_heads(struct rpc_feed *f)
{
    (void)uv_timer_stop(&f->timer);
    endpoint(f)->head = 0;
}

static void drop_heads(struct rpc_feed *f)
{
    struct buf params = { 0 };
    buf_puts(&params, "[");
    json_put_str(&params, f->heads_id, strlen(f->heads_id));
    buf_puts(&params, "]");
    f->heads = HEADS_OFF;
    f->heads_id[0] = '\0';
    without_heads(f);
    ask(f, ID_NO_HEADS, "eth_unsubscribe", buf_cstr(&params));
    buf_free(&params);
}

void rpc_feed_want_heads(struct rpc_feed *f, bool wanted)
{
    if (f->state != FEED_UP)
        return;
    if (wanted && f->heads == HEADS_OFF)
        ask_heads(f);
    else if (!wanted && f->heads == HEADS_ON)
        drop_heads(f);
}

/* ---- hearing ---- */

static void on_head(struct rpc_feed *f, const struct json *head)
{
    f->failures = 0;
    (void)json_req_quantity(&endpoint(f)->head, head, "number", NULL);
    schedule(f, f->config.silence_ms);
    f->events.on_head(f->arg, f, head);
}

static void deliver(struct rpc_feed *f, const struct rpc_message *m)
{
    if (strcmp(m->subscription, f->logs_id) == 0)
        f->events.on_log(f->arg, f, m->result);
    else if (f->heads == HEADS_ON && strcmp(m->subscription, f->heads_id) == 0)
        on_head(f, m->result);
}

/* What was asked for stands. What came meanwhile is handed on behind on_up. */
static void feed_up(struct rpc_feed *f)
{
    struct held *h;
    f->state = FEED_UP;
    f->up_ms = clock_mono_ms();
    rpc_endpoint_succeeded(endpoint(f));
    log_info("rpc_stream_up", F_STR("endpoint", endpoint(f)->origin), F_BOOL("heads", f->heads == HEADS_ON));
    if (f->heads == HEADS_ON)
        schedule(f, f->config.silence_ms);
    else
        without_heads(f);
    f->events.on_up(f->arg, f);
    while (f->state == FEED_UP && (h = f->held)) {
        DL_DELETE(f->held, h);
        deliver(f, &h->message);
        rpc_message_free(&h->message);
        free(h);
    }
}

static void on_notification(struct rpc_feed *f, struct rpc_message *m)
{
    if (f->state == FEED_UP) {
        deliver(f, m);
    } else if (f->state == FEED_SUBSCRIBING && f->n_held++ < HELD_MAX) {
        struct held *h = xcalloc(1, sizeof *h);
        h->message = *m;
        m->root = NULL;
        DL_APPEND(f->held, h);
    } else {
        feed_lost(f, "notifications before the subscriptions");
    }
}

static void on_chain_id(struct rpc_feed *f, const struct rpc_message *m)
{
    struct rpc_endpoint *ep = endpoint(f);
    uint64_t chain_id;
    size_t len;
    const char *text = json_str(m->result, &len);
    if (!text || hex_decode_u64(&chain_id, text, len, NULL) < 0) {
        feed_lost(f, "eth_chainId: the result is no quantity");
    } else if (chain_id != f->config.chain_id) {
        ep->chain = RPC_CHAIN_WRONG;
        ep->wrong_chain_id = chain_id;
        log_error("rpc_wrong_chain", F_STR("endpoint", ep->origin), F_U64("chain_id", chain_id),
                  F_U64("expected", f->config.chain_id));
        feed_lost(f, "endpoint of another chain");
    } else {
        ep->chain = RPC_CHAIN_RIGHT;
        rpc_endpoint_measured(ep, clock_mono_us() - f->asked_us);
        subscribe(f);
    }
}

/* An id of a subscription goes to its place. False: the feed is lost. */
static bool take_id(struct rpc_feed *f, char id[SUBSCRIPTION_ID_MAX], const struct rpc_message *m)
{
    size_t len;
    const char *text = json_str(m->result, &len);
    if (!text || len == 0 || len >= SUBSCRIPTION_ID_MAX || strlen(text) != len) {
        feed_lost(f, "eth_subscribe: the result is no subscription id");
        return false;
    }
    memcpy(id, text, len + 1);
    return true;
}

static void on_subscribed(struct rpc_feed *f, const struct rpc_message *m)
{
    bool heads = m->id == ID_HEADS;
    if (!take_id(f, heads ? f->heads_id : f->logs_id, m))
        return;
    if (heads)
        f->heads = HEADS_ON;
    if (f->state == FEED_UP) {
        schedule(f, f->config.silence_ms);
        f->events.on_heads(f->arg, f);
    } else if (f->logs_id[0] && f->heads != HEADS_ASKED) {
        feed_up(f);
    }
}

/* Is this the answer to a subscription that was asked for and not granted yet? */
static bool is_awaited(const struct rpc_feed *f, const struct rpc_message *m)
{
    if (f->state != FEED_SUBSCRIBING && f->state != FEED_UP)
        return false;
    return (m->id == ID_LOGS && !f->logs_id[0]) || (m->id == ID_HEADS && f->heads == HEADS_ASKED);
}

static void on_response(struct rpc_feed *f, const struct rpc_message *m)
{
    char reason[RPC_ERROR_TEXT_BYTES + 32];
    if (f->state == FEED_UP && m->has_id && m->id == ID_NO_HEADS)
        return; /* granted or not: heads that still come are passed over */
    tally(f, f->state == FEED_CHECKING, m->kind == RPC_MESSAGE_ERROR ? RPC_ERR_SERVER : RPC_ERR_NONE);
    if (m->kind == RPC_MESSAGE_ERROR) {
        (void)snprintf(reason, sizeof reason, "refused: %s", m->text);
        feed_lost(f, reason);
    } else if (f->state == FEED_CHECKING && m->has_id && m->id == ID_CHAIN) {
        on_chain_id(f, m);
    } else if (m->has_id && is_awaited(f, m)) {
        on_subscribed(f, m);
    } else {
        feed_lost(f, "response with a wrong id");
    }
}

static void on_ws_message(void *arg, const char *text, size_t len)
{
    struct rpc_feed *f = arg;
    struct rpc_message m;
    struct err e = { 0 };
    if (rpc_message_parse(&m, text, len, &e) < 0) {
        feed_lost(f, e.msg);
        return;
    }
    if (m.kind == RPC_MESSAGE_NOTIFICATION)
        on_notification(f, &m);
    else
        on_response(f, &m);
    rpc_message_free(&m);
}

static void feed_connect(struct rpc_feed *f)
{
    static const struct ws_events events = { on_ws_open, on_ws_message, on_ws_close };
    struct ws_options opt = {
        .url = endpoint(f)->url,
        .connect_timeout_ms = f->config.timeout_ms,
        .ping_interval_ms = PING_MS,
        .max_message_bytes = RPC_MESSAGE_MAX,
    };
    struct err e = { 0 };
    f->state = FEED_CONNECTING;
    f->heads = HEADS_OFF;
    f->logs_id[0] = f->heads_id[0] = '\0';
    f->ws = ws_client_connect(f->config.ws, &opt, &events, f, &e);
    if (!f->ws)
        feed_lost(f, e.msg);
}

static void on_timer(uv_timer_t *t)
{
    struct rpc_feed *f = t->data;
    char reason[64];
    if (f->state == FEED_WAITING) {
        feed_connect(f);
    } else if (f->state == FEED_UP && f->heads == HEADS_ON) {
        (void)snprintf(reason, sizeof reason, "no new head for %llu ms", (unsigned long long)f->config.silence_ms);
        feed_lost(f, reason);
    } else {
        if (f->state != FEED_CONNECTING)
            tally(f, f->state == FEED_CHECKING, RPC_ERR_TIMEOUT);
        feed_lost(f, "no answer while subscribing");
    }
}

struct rpc_feed *rpc_feed_new(const struct rpc_feed_config *config, const struct rpc_feed_events *events, void *arg)
{
    struct rpc_feed *f = xcalloc(1, sizeof *f);
    f->config = *config;
    f->events = *events;
    f->arg = arg;
    f->config.log_filter = f->log_filter = xstrdup(config->log_filter);
    (void)uv_timer_init(config->loop, &f->timer);
    f->timer.data = f;
    schedule(f, 0);
    return f;
}

bool rpc_feed_is_up(const struct rpc_feed *f)
{
    return f->state == FEED_UP;
}

bool rpc_feed_has_heads(const struct rpc_feed *f)
{
    return f->heads == HEADS_ON;
}

void rpc_feed_renew(struct rpc_feed *f, const char *reason)
{
    if (f->state == FEED_UP)
        feed_lost(f, reason);
}

void rpc_feed_set_silence(struct rpc_feed *f, uint64_t silence_ms)
{
    f->config.silence_ms = silence_ms;
}

static void on_feed_closed(uv_handle_t *h)
{
    struct rpc_feed *f = h->data;
    free(f->log_filter);
    free(f);
}

void rpc_feed_free(struct rpc_feed *f)
{
    if (!f)
        return;
    f->state = FEED_STOPPED;
    ws_client_close(f->ws);
    f->ws = NULL;
    drop_held(f);
    uv_close((uv_handle_t *)&f->timer, on_feed_closed);
}
